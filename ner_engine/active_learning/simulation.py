"""Replays annotation on a corpus that is annotated already, and counts what it costs.

A cell is one corpus, start, strategy and seed. It goes in rounds: choose a batch,
correct the suggestions of the current model to gold (counted by the table of
`ner_engine.active_learning.costs`), train anew from the start on all that is annotated,
score on the test notes. Each round is written before the next begins, so that a cell
that was interrupted goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ner_engine.active_learning.costs import EditCounts, count_edits
from ner_engine.active_learning.pool import NoteSignals, Pool, Singles, make_pool
from ner_engine.active_learning.selection import Pick, select_batch
from ner_engine.active_learning.simulation_plan import (
    FIRST_RANDOM,
    FIRST_STRATEGY,
    CorpusPlan,
    SimulationPlan,
    StartPlan,
)
from ner_engine.active_learning.stopping import span_kappa
from ner_engine.active_learning.strategies import get_strategy
from ner_engine.active_learning.uncertainty import vote_entropy
from ner_engine.data.jsonl import read_documents
from ner_engine.data.pattern_vocabulary import PATTERN_LANGUAGES
from ner_engine.data.patterns import find_pattern_spans
from ner_engine.errors import BadInput
from ner_engine.evaluation.scorer import Score, score_document
from ner_engine.text.tokens import tokenize
from ner_engine.types import Document, Span

if TYPE_CHECKING:
    from ner_engine.bundle import Bundle

FULL = "full"  # the cell that learns from the whole pool at once
_COMMITTEE = 3  # model versions that vote, with the patterns


@dataclass(frozen=True, slots=True)
class Cell:
    """One run of the grid; strategy `FULL` trains on the whole pool."""

    corpus: CorpusPlan
    start: StartPlan
    strategy: str
    seed: int

    @property
    def name(self) -> str:
        """Name of the cell's file, without its ending."""
        parts = (self.corpus.name, self.start.name, self.strategy, str(self.seed))
        return "--".join(part.replace("/", "_") for part in parts)


@dataclass(frozen=True, slots=True)
class Material:
    """A corpus as the simulation uses it."""

    pool: tuple[Document, ...]
    test: tuple[Document, ...]
    labels: tuple[str, ...]
    n_tokens: tuple[int, ...]
    test_tokens: tuple[int, ...]
    digest: str


@dataclass(frozen=True, slots=True)
class RoundDone:
    """A round was trained, scored and written."""

    cell: str
    number: int
    rounds: int
    n_notes: int
    edits: int
    f1: float

    def to_json(self) -> dict[str, Any]:
        """Return the event as it stands on a line of ``--events``."""
        return {"event": "round", **asdict(self)}


def cells_of(plan: SimulationPlan) -> list[Cell]:
    """Return the grid: what is needed for a first comparison comes first."""
    return [
        Cell(corpus, start, strategy, seed)
        for seed in plan.seeds
        for corpus in plan.corpora
        for start in plan.starts
        for strategy in (FULL, *plan.strategies)
    ]


def read_material(plan: SimulationPlan, corpus: CorpusPlan) -> Material:
    """Read a corpus, or raise `BadInput` where it cannot be replayed."""
    from ner_engine.training.loop import data_digest  # noqa: PLC0415 - slow import
    from ner_engine.training.run import (  # noqa: PLC0415 - slow import
        found_labels,
        sample_documents,
    )

    path = plan.path_of(corpus)
    documents = [row for row in read_documents(path) if row.spans is not None]
    parts = {
        split: sample_documents(
            [row for row in documents if row.split == split], limit or None, seed=0
        )
        for split, limit in (("train", corpus.pool), ("test", corpus.test))
    }
    for split, rows in parts.items():
        if not rows:
            raise BadInput(f"no annotated documents of split {split}", path=path)
    labels = corpus.labels or found_labels(parts["train"])
    pool, test = (
        tuple(_keep(row, labels) for row in parts[split]) for split in ("train", "test")
    )
    return Material(
        pool=pool,
        test=test,
        labels=labels,
        n_tokens=tuple(len(tokenize(row.text, row.language)) for row in pool),
        test_tokens=tuple(len(tokenize(row.text, row.language)) for row in test),
        digest=data_digest([*pool, *test]),
    )


def prepare_starts(
    plan: SimulationPlan, materials: Iterable[Material], folder: Path
) -> SimulationPlan:
    """Write each encoder of a plan to a folder once; return the plan that uses it.

    Every round loads its start, and to unpack the embedded encoder takes longer than to
    train on a few notes. The vocabulary keeps what the texts of all corpora use.
    """
    from ner_engine.bundle import is_bundle  # noqa: PLC0415 - not light
    from ner_engine.models.encoder import (  # noqa: PLC0415 - slow import
        load_encoder,
        save_encoder,
    )

    rows = sorted(materials, key=lambda material: material.digest)
    texts = [row.text for material in rows for row in (*material.pool, *material.test)]
    digests = "".join(material.digest for material in rows)
    mark = hashlib.sha256(digests.encode()).hexdigest()[:12]
    starts: list[StartPlan] = []
    for start in plan.starts:
        if is_bundle(start.init):
            starts.append(start)
            continue
        name = Path(start.init).name.replace(":", "_")
        path = folder / f"{name}-{mark}"
        if not path.exists():
            partial = path.with_name(f".{path.name}.partial")
            save_encoder(load_encoder(start.init, texts=texts), partial)
            partial.rename(path)
        starts.append(replace(start, init=str(path)))
    return replace(plan, starts=tuple(starts))


def _keep(document: Document, labels: Sequence[str]) -> Document:
    spans = tuple(span for span in document.spans or () if span.label in labels)
    return replace(document, spans=spans)


def run_cell(
    plan: SimulationPlan,
    cell: Cell,
    material: Material,
    folder: Path,
    *,
    check: Callable[[], None] = lambda: None,
) -> Iterator[RoundDone]:
    """Run a cell, or what is left of it; yield each new round.

    Parameters
    ----------
    folder : Path
        Of the cells' files. A file of other data or settings is begun anew.
    check : callable
        Called between steps of training; raises to end the run.
    """
    record = _Record.open(plan, cell, material, folder)
    if record.is_complete:
        return
    with tempfile.TemporaryDirectory(prefix="glosa-simulate-") as scratch:
        replay = _Replay(plan, cell, material, Path(scratch), check)
        if cell.strategy == FULL:
            rounds = iter([replay.learn_all()])
            n_rounds = 1
        else:
            replay.restore(record.rounds)
            rounds = replay.go_on(len(record.rounds))
            n_rounds = len(plan.batches) + 1
        for row in rounds:
            record.add(row)
            yield RoundDone(
                cell=cell.name,
                number=len(record.rounds),
                rounds=n_rounds,
                n_notes=row["n_notes"],
                edits=row["edits"],
                f1=row["f1"],
            )
    record.complete()


@dataclass
class _Record:
    """A cell's file."""

    path: Path
    values: dict[str, Any]

    @classmethod
    def open(
        cls, plan: SimulationPlan, cell: Cell, material: Material, folder: Path
    ) -> _Record:
        identity = _identity(plan, cell, material)
        path = folder / f"{cell.name}.json"
        if path.exists():
            try:
                values = json.loads(path.read_text(encoding="utf-8"))
            except ValueError:
                values = {}
            if values.get("identity") == identity:
                return cls(path, values)
        return cls(
            path,
            {
                "identity": identity,
                "corpus": cell.corpus.name,
                "start": cell.start.name,
                "strategy": cell.strategy,
                "seed": cell.seed,
                "labels": list(material.labels),
                "n_pool": len(material.pool),
                "n_test": len(material.test),
                "data_digest": material.digest,
                "is_complete": False,
                "rounds": [],
            },
        )

    @property
    def is_complete(self) -> bool:
        return bool(self.values["is_complete"])

    @property
    def rounds(self) -> list[dict[str, Any]]:
        rounds: list[dict[str, Any]] = self.values["rounds"]
        return rounds

    def add(self, row: dict[str, Any]) -> None:
        self.rounds.append(row)
        self._write()

    def complete(self) -> None:
        self.values["is_complete"] = True
        self._write()

    def _write(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_suffix(".partial")
        partial.write_text(json.dumps(self.values) + "\n", encoding="utf-8")
        partial.replace(self.path)


def _identity(plan: SimulationPlan, cell: Cell, material: Material) -> str:
    from ner_engine.bundle import digest, is_bundle  # noqa: PLC0415 - not light

    init = cell.start.init
    parts = [
        plan.settings_of_a_cell(),
        material.digest,
        list(material.labels),
        cell.strategy,
        cell.seed,
        digest(init) if is_bundle(init) else Path(init).name,
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@dataclass
class _Replay:
    """The state of a cell between rounds."""

    plan: SimulationPlan
    cell: Cell
    material: Material
    scratch: Path
    check: Callable[[], None]
    annotated: list[int] = field(default_factory=list)
    spent: EditCounts = field(default_factory=EditCounts)
    seconds: float = 0.0
    model: Bundle | None = None
    signals: list[NoteSignals] = field(default_factory=list)
    suggested: list[tuple[Span, ...]] = field(default_factory=list)
    embeddings: Singles | None = None
    votes: list[list[tuple[Span, ...]]] = field(default_factory=list)
    on_test: list[tuple[Span, ...]] = field(default_factory=list)
    before: list[tuple[Span, ...]] | None = None

    def learn_all(self) -> dict[str, Any]:
        """Return the round of a model that learned from the whole pool."""
        self.annotated = list(range(len(self.material.pool)))
        self._train()
        return self._row([], 0.0)

    def restore(self, rounds: Sequence[dict[str, Any]]) -> None:
        """Bring back the state after the rounds of a file."""
        self._begin()
        n_models = _COMMITTEE if self.cell.strategy == "committee" else 1
        for number, row in enumerate(rounds, start=1):
            self.annotated += row["picked"]
            if number > len(rounds) - n_models:
                self._train()
        if rounds:
            self.spent = EditCounts(**rounds[-1]["gestures"])
            self.seconds = rounds[-1]["seconds"]
            self.before = list(self.on_test)

    def go_on(self, n_done: int) -> Iterator[dict[str, Any]]:
        """Yield the rounds that are left; the first of all is the start itself."""
        if n_done == 0:
            yield self._row([], 0.0)
            n_done = 1
        for number in range(n_done - 1, len(self.plan.batches)):
            self.check()
            started = time.perf_counter()
            picks = self._choose(number)
            chosen_in = time.perf_counter() - started
            if not picks:
                return  # the pool is used up
            for pick in picks:
                self._annotate(pick)
            self._train()
            yield self._row(picks, chosen_in)

    def _begin(self) -> None:
        """Load the start: a bundle suggests from the first note on."""
        from ner_engine.bundle import is_bundle, load_bundle  # noqa: PLC0415

        self.suggested = [() for _ in self.material.pool]
        self.on_test = [() for _ in self.material.test]
        if is_bundle(self.cell.start.init):
            bundle = load_bundle(self.cell.start.init)
            if set(self.material.labels) <= set(bundle.scheme.names):
                self._use(_with_labels(bundle, self.material.labels))

    def _training_plan(self) -> Any:
        from ner_engine.training.recipes import get_recipe  # noqa: PLC0415
        from ner_engine.training.run import TrainingPlan  # noqa: PLC0415

        recipe = get_recipe(self.plan.recipe).with_settings(self.plan.settings)
        return TrainingPlan(
            init=self.cell.start.init,
            train=[self.material.pool[note] for note in self.annotated],
            dev=(),
            recipe=recipe,
            out=self.scratch / "bundle",
            labels=self.material.labels,
            seed=self.cell.seed,
            threads=self.plan.threads or None,
        )

    def _train(self) -> None:
        """Train from the start on all that is annotated; then read all notes."""
        from ner_engine.bundle import load_bundle  # noqa: PLC0415 - slow import
        from ner_engine.training.run import train_bundle  # noqa: PLC0415 - slow import

        plan = self._training_plan()
        if not any(document.spans for document in plan.train):
            return  # nothing to learn yet: the model stays
        for _ in train_bundle(plan):
            self.check()
        self._use(load_bundle(plan.out))

    def _use(self, bundle: Bundle) -> None:
        from ner_engine.active_learning.signals import (  # noqa: PLC0415 - slow import
            score_notes,
        )

        self.model = bundle
        n_passes = self.plan.dropout_passes if self.cell.strategy == "bald" else 0
        if self.cell.strategy not in (FULL, "random"):
            scored = list(
                score_notes(
                    bundle,
                    self.material.pool,
                    dropout_passes=n_passes,
                    seed=self.cell.seed,
                )
            )
            self.signals = [note.signals for note in scored]
            self.suggested = [note.document.spans or () for note in scored]
            self.votes = [*self.votes, self.suggested][-_COMMITTEE:]
        elif self.cell.strategy == "random":
            self.suggested = _predict(bundle, self.material.pool)
        self.on_test = _predict(bundle, self.material.test)

    def _choose(self, number: int) -> list[Pick]:
        left = sorted(set(range(len(self.material.pool))) - set(self.annotated))
        strategy = self._strategy_of(number)
        picks = select_batch(
            self._pool(left, strategy),
            strategy,
            self.plan.batches[number],
            seed=self.cell.seed * 1000 + number,
            rules=self.plan.rules(),
        )
        return [replace(pick, note=left[pick.note]) for pick in picks]

    def _strategy_of(self, number: int) -> str:
        own = self.cell.strategy
        if own == "random" or (number == 0 and self.plan.first == FIRST_RANDOM):
            return "random"
        has_model = bool(self.signals)
        if number == 0 and not (self.plan.first == FIRST_STRATEGY and has_model):
            return "cold_start"
        needs_model = get_strategy(own).needs_model or own == "committee"
        return "cold_start" if needs_model and not has_model else own

    def _pool(self, left: Sequence[int], strategy: str) -> Pool:
        sizes = np.array([self.material.n_tokens[note] for note in left], np.int64)
        if strategy == "random":
            return Pool(n_tokens=sizes)
        matches = [self._n_terms(note) for note in left]
        if not self.signals:
            vectors = self._embed()
            return Pool(
                n_tokens=sizes,
                labels=self.material.labels,
                embeddings=vectors[list(left)],
                dictionary_matches=np.array(matches, np.float64),
                annotated_embeddings=vectors[self.annotated],
            )
        votes = [
            vote_entropy(
                [*(version[note] for version in self.votes), self._terms(note)]
            )
            for note in left
        ]
        annotated = [
            vector
            for note in self.annotated
            if (vector := self.signals[note].embedding) is not None
        ]
        return make_pool(
            [self.signals[note] for note in left],
            self.material.labels,
            annotated_embeddings=np.stack(annotated) if annotated else None,
            annotated_spans=self._n_annotated(),
            vote_entropy=votes,
            dictionary_matches=matches,
        )

    def _embed(self) -> Singles:
        from ner_engine.active_learning.signals import (  # noqa: PLC0415 - slow import
            embed_notes,
        )

        if self.embeddings is None:
            bundle = _untrained(self._training_plan())
            self.embeddings = embed_notes(bundle, self.material.pool)
        return self.embeddings

    def _terms(self, note: int) -> tuple[Span, ...]:
        document = self.material.pool[note]
        if document.language not in PATTERN_LANGUAGES:
            return ()
        found = find_pattern_spans(document.text, document.language)
        return tuple(span for span in found if span.label in self.material.labels)

    def _n_terms(self, note: int) -> int:
        text = self.material.pool[note].text
        return len({span.mention(text).casefold() for span in self._terms(note)})

    def _n_annotated(self) -> list[int]:
        labels = [
            span.label
            for note in self.annotated
            for span in self.material.pool[note].spans or ()
        ]
        return [labels.count(label) for label in self.material.labels]

    def _annotate(self, pick: Pick) -> None:
        shown = [
            span
            for span in self.suggested[pick.note]
            if span.confidence is None or span.confidence >= self.plan.min_confidence
        ]
        counts = count_edits(shown, self.material.pool[pick.note].spans or ())
        self.spent += counts
        self.seconds += self.plan.seconds_model().seconds(
            self.material.n_tokens[pick.note], counts
        )
        self.annotated.append(pick.note)

    def _row(self, picks: Sequence[Pick], chosen_in: float) -> dict[str, Any]:
        scores = [
            score_document(gold, spans, labels=self.material.labels)
            for gold, spans in zip(self.material.test, self.on_test, strict=True)
        ]
        by_document = [sum(row.values(), Score()) for row in scores]
        by_label = {
            label: sum((row[label] for row in scores if label in row), Score())
            for label in self.material.labels
        }
        return {
            "n_notes": len(self.annotated),
            "n_tokens": sum(self.material.n_tokens[note] for note in self.annotated),
            "n_spans": sum(self._n_annotated()),
            "edits": self.spent.edits,
            "seconds": self.seconds,
            "gestures": asdict(self.spent),
            "f1": sum(by_document, Score()).f1,
            "labels": {label: score.f1 for label, score in by_label.items()},
            "test": [[score.tp, score.fp, score.fn] for score in by_document],
            "kappa": self._kappa(),
            "picked": [pick.note for pick in picks],
            "reasons": _count_codes(picks),
            "select_seconds": round(chosen_in, 3),
        }

    def _kappa(self) -> float | None:
        before, self.before = self.before, list(self.on_test)
        if before is None:
            return None
        return span_kappa(before, self.on_test, self.material.test_tokens)


def _count_codes(picks: Sequence[Pick]) -> dict[str, int]:
    codes = [pick.reason.code for pick in picks]
    return {code: codes.count(code) for code in sorted(set(codes))}


def _predict(bundle: Bundle, documents: Sequence[Document]) -> list[tuple[Span, ...]]:
    from ner_engine.inference import Predictor  # noqa: PLC0415 - slow import

    predictor = Predictor(bundle, bfloat16=False)
    return [document.spans or () for document in predictor.predict(documents)]


def _with_labels(bundle: Bundle, labels: tuple[str, ...]) -> Bundle:
    """Return the bundle with these heads only, in their order."""
    from ner_engine.labels import LabelScheme  # noqa: PLC0415 - beside a slow one
    from ner_engine.models.tagger import change_labels  # noqa: PLC0415 - slow import

    scheme = LabelScheme.of(labels)
    if scheme == bundle.scheme:
        return bundle
    return replace(bundle, scheme=scheme, tagger=change_labels(bundle.tagger, scheme))


def _untrained(plan: Any) -> Bundle:
    """Return a start as a bundle that was never trained: its embeddings are used."""
    from ner_engine.bundle import Bundle, BundleInfo  # noqa: PLC0415 - not light
    from ner_engine.text.tokens import TOKENIZER_VERSION  # noqa: PLC0415 - as above
    from ner_engine.training.run import load_start  # noqa: PLC0415 - slow import

    start = load_start(plan)
    start.tagger.eval()
    return Bundle(
        path=plan.out,
        digest="",
        scheme=start.tagger.scheme,
        tokenizer_version=TOKENIZER_VERSION,
        info=BundleInfo(recipe=plan.recipe.to_json()),
        metrics={},
        calibration=start.calibration,
        tokenizer=start.tokenizer,
        tagger=start.tagger,
    )
