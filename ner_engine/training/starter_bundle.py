"""Makes the shipped starter: data, training, scores on sets never trained on, card."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ner_engine.bundle import digest, is_bundle, load_bundle, read_info, save_bundle
from ner_engine.data.jsonl import read_documents
from ner_engine.errors import TrainingError
from ner_engine.evaluation.report import build_report
from ner_engine.inference import Predictor
from ner_engine.labels import DEFAULT_LABELS
from ner_engine.models.calibration import Calibration, fit_on_documents
from ner_engine.models.encoder import EMBEDDED
from ner_engine.models.storage import round_weights
from ner_engine.models.tagger import MultiHeadTagger
from ner_engine.training.events import EvalDone, StepDone
from ner_engine.training.leakage import copied_ids
from ner_engine.training.loop import data_digest
from ner_engine.training.recipes import get_recipe
from ner_engine.training.run import TrainingPlan, train_bundle
from ner_engine.training.starter import (
    EvaluationSet,
    SourceRecord,
    build_training_set,
    evaluation_sets,
    format_sources,
    gold_dev_documents,
    thin_invented,
)
from ner_engine.types import Document

logger = logging.getLogger(__name__)

_DESCRIPTION = (
    "The model that ships with Glosa: it marks medications, doses, frequencies,"
    " durations and findings in Spanish, French and English clinical text, as a start"
    " that a project's own notes then adapt. Spanish DOSAGE, FREQUENCY and DURATION"
    " come from patterns and invented text, French MEDICATION and FINDING from"
    " translated Spanish gold and invented text: no permissively licensed gold exists."
    " Confidences are calibrated"
    " on human gold of three corpora in Spanish and English; on other annotation"
    " schemes they say too much (column ECE). MACCROBAT: Caufield et al. 2020,"
    " figshare, CC BY 4.0."
)
_SAID_STEPS = 25


def make_starter(corpora: Path, out: Path, *, seed: int) -> None:
    """Train the starter in two passes, score it and write its bundle to *out*.

    The second pass starts from the first one's weights and reads the real text again
    beside a third of the invented text; the starter is the mean of both, which keeps
    what the second pass forgets of corpora unlike its own (Wortsman et al. 2022, Model
    soups). Confidences are calibrated on human gold alone.

    The working files go to ``build/starter`` of the current folder; an interrupted run
    goes on from its last checkpoint there.
    """
    work = Path("build") / "starter"
    data = build_training_set(corpora, work / "data", seed)
    _say(format_sources(data.sources))
    train = list(read_documents(data.train_path))
    first = TrainingPlan(
        init=EMBEDDED,
        train=train,
        dev=list(read_documents(data.dev_path)),
        recipe=get_recipe("starter"),
        out=work / "first",
        labels=DEFAULT_LABELS,
        seed=seed,
        checkpoints=work / "first-checkpoints",
        resume=True,
        name="starter",
        description=_DESCRIPTION,
        sources=tuple(_source(record) for record in data.sources),
    )
    second = replace(
        first,
        init=str(first.out),
        train=thin_invented(train, keep_every=3),
        recipe=get_recipe("starter_second"),
        out=work / "second",
        # Another order of the windows than in the first pass.
        seed=seed + 1,
        checkpoints=work / "second-checkpoints",
    )
    for plan in (first, second):
        if is_made(plan):
            _say(f"{plan.out} is there already")
            continue
        for event in train_bundle(plan):
            if not isinstance(event, StepDone) or event.step % _SAID_STEPS == 0:
                _say(json.dumps(event.to_json(), default=str))
            if isinstance(event, EvalDone):
                _say(f"dev F1 {event.f1:.3f}")
    averaged = work / "averaged"
    _save_average(first.out, second.out, averaged, gold_dev_documents(corpora))
    # Scored is what is shipped, its weights rounded as they are stored.
    scores = score_sets(averaged, evaluation_sets(corpora), train, seed=seed)
    _save_with_scores(averaged, out, scores)


def is_made(plan: TrainingPlan) -> bool:
    """Tell whether the bundle is there, of the plan's data, recipe, seed and start."""
    if not is_bundle(plan.out):
        return False
    info = read_info(plan.out)[1]
    parent = digest(plan.init) if is_bundle(plan.init) else plan.init
    made = (info.recipe, info.seed, info.parent, info.data.get("train_digest"))
    return made == (
        plan.recipe.to_json(),
        plan.seed,
        parent,
        data_digest(plan.train),
    )


def average(first: MultiHeadTagger, second: MultiHeadTagger) -> MultiHeadTagger:
    """Return the second tagger with the mean of both weights."""
    weights = first.state_dict()
    mean = {
        name: (weights[name] + value) / 2 if value.is_floating_point() else value
        for name, value in second.state_dict().items()
    }
    second.load_state_dict(mean)
    return second


def _save_average(
    first: Path, second: Path, out: Path, gold: Sequence[Document]
) -> None:
    before, after = load_bundle(first), load_bundle(second)
    tagger = average(before.tagger, after.tagger)
    round_weights(tagger)
    uncalibrated = replace(after, tagger=tagger, calibration=Calibration())
    predictor = Predictor(uncalibrated, bfloat16=False)
    predicted = predictor.predict(replace(d, spans=None) for d in gold)
    calibration = fit_on_documents(gold, [d.spans or () for d in predicted])
    passes = f"seed {before.info.seed}, {before.info.data['n_train']} documents"
    save_bundle(
        out,
        tagger,
        after.tokenizer,
        calibration=calibration,
        # The card names what the first pass started from, not a folder of this run.
        info=replace(
            after.info,
            parent=before.info.parent,
            data={**after.info.data, "first_pass": passes},
        ),
        # The second pass's dev scores are not the mean's, and partly on labels by
        # patterns.
        metrics={"training": after.metrics["training"]},
    )


def score_sets(
    bundle: Path,
    sets: tuple[EvaluationSet, ...],
    train: Sequence[Document],
    *,
    seed: int,
) -> list[dict[str, Any]]:
    """Score a bundle on each evaluation set; return what the card states.

    A corpus of which other texts were trained on, under its own name or another
    corpus's, does not count as one that the bundle never saw.
    """
    # In full precision, so that the figures do not depend on the machine.
    predictor = Predictor.load(bundle, bfloat16=False)
    trained_on = {source["name"] for source in read_info(bundle)[1].sources}
    rows = []
    for evaluation_set in sets:
        documents = list(read_documents(evaluation_set.path))
        gold = [
            document
            for document in documents
            if evaluation_set.split in (None, document.split)
        ][: evaluation_set.n_documents]
        bare = (replace(document, spans=None) for document in gold)
        pairs = list(zip(gold, predictor.predict(bare), strict=True))
        report = build_report(pairs, seed=seed, labels=evaluation_set.labels).to_json()
        row = {
            "set": evaluation_set.name,
            "corpus_in_training": evaluation_set.path.stem in trained_on
            or bool(copied_ids(documents, train)),
            "n_documents": report["n_documents"],
            "n_gold": report["n_gold"],
            "micro": report["micro"],
            "labels": report["labels"],
            "ece": report["ece"],
        }
        _say(f"{row['set']}: F1 {row['micro']['f1']:.3f} {row['micro']['interval']}")
        rows.append(row)
    return rows


def _save_with_scores(made: Path, out: Path, scores: list[dict[str, Any]]) -> None:
    bundle = load_bundle(made)
    saved = save_bundle(
        out,
        bundle.tagger,
        bundle.tokenizer,
        calibration=bundle.calibration,
        info=bundle.info,
        metrics={**bundle.metrics, "evaluation": scores},
    )
    weights = "model.safetensors"
    if (made / weights).read_bytes() != (out / weights).read_bytes():
        raise TrainingError(f"{out}: the weights are not those that were scored")
    size = sum(file.stat().st_size for file in out.iterdir())
    _say(f"{out}: {size / 1e6:.1f} MB, digest {saved[:12]}")


def _source(record: SourceRecord) -> dict[str, Any]:
    values = asdict(record)
    return {
        "name": values["name"],
        "licence": values["licence"],
        "language": values["language"],
        "documents": values["n_train_documents"],
        "words": values["n_train_words"],
        "sha256": values["sha256"],
    }


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
