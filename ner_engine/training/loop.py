"""The training loop: yields events, keeps the best weights, resumes exactly.

The result depends on seed, data, recipe and start only: batches and dropout are drawn
from the seed and the step's number, never from the clock.
"""

from __future__ import annotations

import hashlib
import json
import math
import resource
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import torch
from torch import Tensor, nn

from ner_engine.errors import TrainingError
from ner_engine.evaluation.scorer import CorpusScore, Score, score_document
from ner_engine.models.calibration import Calibration
from ner_engine.models.emissions import decode_documents, emit
from ner_engine.models.encoder import position_limit
from ner_engine.models.pieces import (
    EncodedDocument,
    PieceEncoder,
    prediction_pieces,
)
from ner_engine.models.tagger import MultiHeadTagger
from ner_engine.training.averaging import WeightAverage
from ner_engine.training.checkpoints import (
    Checkpoint,
    flatten_optimiser,
    latest_checkpoint,
    load_checkpoint,
    restore_optimiser,
    save_checkpoint,
)
from ner_engine.training.events import (
    CheckpointSaved,
    EvalDone,
    Event,
    Finished,
    Started,
    StepDone,
)
from ner_engine.training.examples import (
    Example,
    ExampleMaker,
    collate_examples,
    count_entities,
    plan_batches,
    split_by_pieces,
)
from ner_engine.training.objective import batch_loss, check_objective
from ner_engine.training.optimiser import (
    choose_attention,
    freeze_layers,
    learning_rate_share,
    make_optimiser,
    set_encoder_dropout,
)
from ner_engine.training.recipes import Recipe
from ner_engine.training.workers import Workers
from ner_engine.types import Document, Span

# Padded pieces that one forward and backward pass holds in memory at once.
MICRO_PIECES = 2048


@dataclass
class Trainer:
    """A training run; `run` yields its events.

    Parameters
    ----------
    tagger : MultiHeadTagger
        Trained in place; after `Finished` it holds the weights to keep.
    encoder : PieceEncoder
        Of the tagger's tokenizer.
    train, dev : sequence of Document
        Documents with spans.
    checkpoints : Path, optional
        Folder for checkpoints; None writes none.
    resume : bool
        Go on from the newest checkpoint there, if any.
    workers : Workers, optional
        The processes that train together; by default this one, on the device that
        `Workers.join` picks.
    unsure : mapping of str to tuple of Span
        By document id: ranges that the label's head may not learn from.
    stage : str
        Told with `Started`.
    keeps_end : bool
        Write a checkpoint of the end too, so that a resumed run can skip all of it.
    """

    tagger: MultiHeadTagger
    encoder: PieceEncoder
    train: Sequence[Document]
    dev: Sequence[Document]
    recipe: Recipe
    seed: int = 0
    checkpoints: Path | None = None
    resume: bool = False
    bfloat16: bool | None = None
    workers: Workers | None = None
    unsure: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)
    stage: str = ""
    keeps_end: bool = False
    is_over: bool = False
    step: int = 0
    best_f1: float = -1.0
    best_epoch: int = 0
    best_scores: dict[str, Any] = field(default_factory=dict)
    best_weights: dict[str, Tensor] | None = None
    plan: list[list[int]] = field(default_factory=list)

    def run(self) -> Iterator[Event]:
        """Train; yield `Started`, steps, evaluations, checkpoints and `Finished`."""
        started_at = time.monotonic()
        self._prepare()
        if self.resume:
            self._restore()
        yield Started(
            self.steps, self.epochs, len(self.train), len(self.dev), self.stage
        )
        saved_at = time.monotonic()
        pace = _Pace(self.step)
        while self.step < self.steps and not self.is_over:
            epoch, place = divmod(self.step, self.steps_per_epoch)
            if place == 0 or not self.plan:
                self.plan = plan_batches(
                    self.examples, self.recipe.batch_size, seed=self.seed, epoch=epoch
                )
            loss, rate = self._take_step(self.plan[place])
            self.step += 1
            yield StepDone(
                step=self.step,
                steps=self.steps,
                epoch=epoch + 1,
                loss=loss,
                learning_rate=rate,
                eta_seconds=pace.remaining(self.step, self.steps),
                rss_mb=psutil.Process().memory_info().rss / 2**20,
            )
            if self.step % self.steps_per_epoch == 0:
                if self.dev_documents:
                    yield self._evaluate(epoch + 1)
                if self._is_patience_over(epoch + 1):
                    break
            due = time.monotonic() - saved_at >= self.recipe.checkpoint_seconds
            if due and self._writes and self.step < self.steps:
                yield CheckpointSaved(self.step, self._save())
                saved_at = time.monotonic()
        if self.keeps_end and self._writes and not self.is_over:
            self.is_over = True
            yield CheckpointSaved(self.step, self._save())
        yield self._finish(time.monotonic() - started_at)

    @property
    def _writes(self) -> bool:
        return self.checkpoints is not None and self.team.is_first

    def _prepare(self) -> None:
        recipe = self.recipe
        check_objective(self.tagger, recipe)
        self.team = self.workers or Workers.join()
        self.tagger.to(self.team.device)
        self.limit = position_limit(self.tagger.encoder.config)
        max_pieces = min(recipe.max_pieces, self.limit)
        self.prediction_pieces = prediction_pieces(recipe.max_pieces, self.limit)
        maker = ExampleMaker(
            self.encoder,
            self.tagger.scheme,
            max_pieces,
            is_joint=self.tagger.is_joint,
            context=recipe.context_tokens,
            entity_weight=recipe.entity_weight,
            unsure=self.unsure,
        )
        self.examples: list[Example] = maker.make(self.train)
        if count_entities(self.examples) == 0:
            raise TrainingError(
                f"no usable entities of {', '.join(self.tagger.scheme.names)}"
                f" in {len(self.train)} training documents"
            )
        self.dev_documents: list[EncodedDocument] = [
            self.encoder.encode(document, max_pieces=self.prediction_pieces)
            for document in self.dev
            if document.spans is not None
        ]
        n_pieces = sum(example.n_pieces for example in self.examples)
        self.epochs = recipe.epochs
        if recipe.max_total_pieces:
            affordable = recipe.max_total_pieces // max(n_pieces, 1)
            self.epochs = min(recipe.epochs, max(recipe.min_epochs, affordable))
        self.steps_per_epoch = math.ceil(len(self.examples) / recipe.batch_size)
        self.steps = self.steps_per_epoch * self.epochs
        if self.bfloat16 is None:
            self.bfloat16 = self.team.prefers_bfloat16()
        self.tagger.dropout.p = recipe.dropout
        choose_attention(self.tagger.encoder, max_pieces, self.team.device)
        set_encoder_dropout(self.tagger.encoder, recipe.encoder_dropout)
        freeze_layers(self.tagger.encoder, recipe)
        self.optimiser = make_optimiser(self.tagger, recipe)
        self.peaks = [float(group["lr"]) for group in self.optimiser.param_groups]
        self.average = (
            WeightAverage(self.tagger, recipe.ema_decay) if recipe.ema_decay else None
        )
        self.pad_id = int(getattr(self.tagger.encoder.config, "pad_token_id", 0) or 0)

    def _take_step(self, indices: Sequence[int]) -> tuple[float, float]:
        """Take one optimiser step over a batch; return its loss and learning rate."""
        recipe = self.recipe
        share = learning_rate_share(self.step, self.steps, recipe.warmup)
        for group, peak in zip(self.optimiser.param_groups, self.peaks, strict=True):
            group["lr"] = peak * share
        rate = recipe.learning_rate * share
        self.tagger.train()
        # Dropout's only source of chance: the same step draws the same masks. Each
        # process draws its own.
        drawn = (self.seed * 1_000_003 + self.step) % 2**63
        torch.manual_seed((drawn + self.team.rank * 7_368_787) % 2**63)
        n_tokens = sum(self.examples[index].n_learned for index in indices)
        total = 0.0
        own = self.team.share(indices)
        for part in split_by_pieces(own, self.examples, MICRO_PIECES):
            batch, targets = collate_examples(
                [self.examples[index] for index in part],
                self.encoder,
                pad_id=self.pad_id,
                limit=self.limit,
            )
            loss = batch_loss(
                self.tagger,
                batch.to(self.team.device),
                targets.to(self.team.device),
                recipe,
                autocast=bool(self.bfloat16),
            )
            loss = loss / n_tokens
            loss.backward()  # type: ignore[no-untyped-call]
            total += float(loss.detach())
        total = self.team.add_up(self.tagger.parameters(), total)
        if not math.isfinite(total):
            raise TrainingError(
                f"loss is not finite at step {self.step + 1},"
                f" learning rate {rate:.3g}: try a lower one"
            )
        nn.utils.clip_grad_norm_(
            [p for p in self.tagger.parameters() if p.requires_grad],
            recipe.max_gradient_norm,
        )
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        if self.average is not None:
            self.average.update(self.step + 1)
        return total, rate

    def predict_dev(self, calibration: Calibration) -> list[tuple[Span, ...]]:
        """Return the tagger's spans on the dev documents; all processes share them."""
        own = self.team.share(self.dev_documents)
        emissions = emit(self.tagger, self.encoder, own, autocast=bool(self.bfloat16))
        spans = decode_documents(
            own,
            emissions,
            self.tagger.scheme,
            calibration,
            transitions=self.tagger.learned_transitions,
        )
        return self.team.gather(spans, len(self.dev_documents))

    def score(self, predicted: Sequence[tuple[Span, ...]]) -> dict[str, Any]:
        """Score spans against the dev documents: exact range and label."""
        labels = self.tagger.scheme.names
        scored = CorpusScore(
            document_ids=tuple(dev.document.id for dev in self.dev_documents),
            labels=labels,
            per_document=tuple(
                score_document(dev.document, spans, labels=labels)
                for dev, spans in zip(self.dev_documents, predicted, strict=True)
            ),
        )
        by_label = {label: scored.of_label(label) for label in labels}
        return {
            **_ratios(scored.micro),
            "labels": {
                label: _ratios(score)
                for label, score in by_label.items()
                if score.n_gold or score.n_predicted
            },
        }

    def _evaluate(self, epoch: int) -> EvalDone:
        with self.average.used() if self.average is not None else nullcontext():
            scores = self.score(self.predict_dev(Calibration()))
            if scores["f1"] > self.best_f1:
                self.best_f1 = scores["f1"]
                self.best_epoch = epoch
                self.best_scores = scores
                if self._keeps_best:
                    self.best_weights = _snapshot(self.tagger)
        return EvalDone(
            epoch=epoch,
            step=self.step,
            f1=scores["f1"],
            precision=scores["precision"],
            recall=scores["recall"],
            labels={name: values["f1"] for name, values in scores["labels"].items()},
        )

    @property
    def _keeps_best(self) -> bool:
        n_spans = sum(len(document.spans or ()) for document in self.dev)
        return n_spans >= self.recipe.min_dev_spans

    def _is_patience_over(self, epoch: int) -> bool:
        return (
            self.recipe.patience > 0
            and self._keeps_best
            and epoch - self.best_epoch >= self.recipe.patience
        )

    def _finish(self, seconds: float) -> Finished:
        epochs = self.step // self.steps_per_epoch
        best_epoch = epochs
        if self.best_weights is not None:
            self.tagger.load_state_dict(self.best_weights)
            best_epoch = self.best_epoch
        elif self.average is not None:
            self.average.settle()
        self.tagger.eval()
        return Finished(
            self.step,
            epochs,
            best_epoch,
            seconds,
            self.best_scores,
            peak_rss_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10,
            peak_cuda_mb=self.team.peak_cuda_mb,
        )

    def _save(self) -> Path:
        if self.checkpoints is None:
            raise TrainingError("no folder for checkpoints")
        return save_checkpoint(
            self.checkpoints,
            Checkpoint(
                model=_snapshot(self.tagger),
                best=self.best_weights,
                optimiser=flatten_optimiser(self.optimiser),
                average=None if self.average is None else self.average.values,
                state={
                    "step": self.step,
                    "is_over": self.is_over,
                    "identity": self._identity(),
                    "best_f1": self.best_f1,
                    "best_epoch": self.best_epoch,
                    "best_scores": self.best_scores,
                },
            ),
        )

    def _restore(self) -> None:
        path = latest_checkpoint(self.checkpoints) if self.checkpoints else None
        if path is None:
            return
        checkpoint = load_checkpoint(path)
        state = checkpoint.state
        if state["identity"] != self._identity():
            raise TrainingError(
                f"{path}: made with other data, recipe, labels or seed; cannot resume"
            )
        self.tagger.load_state_dict(checkpoint.model)
        restore_optimiser(self.optimiser, checkpoint.optimiser)
        if self.average is not None and checkpoint.average is not None:
            self.average.restore(checkpoint.average)
        self.step = int(state["step"])
        self.is_over = bool(state["is_over"])
        self.best_f1 = float(state["best_f1"])
        self.best_epoch = int(state["best_epoch"])
        self.best_scores = state["best_scores"]
        self.best_weights = checkpoint.best

    def _identity(self) -> str:
        """Digest of everything that decides the run but its starting weights."""
        parts = json.dumps(
            [
                self.recipe.to_json(),
                self.seed,
                self.tagger.kind,
                list(self.tagger.scheme.names),
                _unsure_digest(self.unsure),
                data_digest(self.train),
                data_digest(self.dev),
            ]
        )
        return hashlib.sha256(parts.encode()).hexdigest()


class _Pace:
    """Time left, from a moving average of the seconds a step takes."""

    def __init__(self, step: int) -> None:
        self._at = time.monotonic()
        self._step = step
        self._average = 0.0

    def remaining(self, step: int, steps: int) -> float:
        now = time.monotonic()
        taken = (now - self._at) / max(step - self._step, 1)
        self._at, self._step = now, step
        weight = 0.1 if self._average else 1.0
        self._average += weight * (taken - self._average)
        return self._average * (steps - step)


def _ratios(score: Score) -> dict[str, Any]:
    return {
        "f1": score.f1,
        "precision": score.precision,
        "recall": score.recall,
        "n_gold": score.n_gold,
    }


def _snapshot(tagger: nn.Module) -> dict[str, Tensor]:
    return {
        name: value.detach().clone().contiguous()
        for name, value in tagger.state_dict().items()
    }


def _unsure_digest(unsure: Mapping[str, tuple[Span, ...]]) -> str:
    rows = [
        [name, [[span.start_char, span.end_char, span.label] for span in spans]]
        for name, spans in sorted(unsure.items())
    ]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def data_digest(documents: Sequence[Document]) -> str:
    """Return a digest over texts and spans, in order: names a data set, holds none."""
    digest = hashlib.sha256()
    for document in documents:
        spans = [
            [span.start_char, span.end_char, span.label]
            for span in document.spans or ()
        ]
        exhaustive = document.exhaustive_for
        row = [
            document.id,
            hashlib.sha256(document.text.encode("utf-8", "surrogatepass")).hexdigest(),
            spans,
            None if exhaustive is None else sorted(exhaustive),
        ]
        digest.update(json.dumps(row).encode())
    return digest.hexdigest()
