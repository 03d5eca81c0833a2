"""The starter model's training data: which corpora, under which licences, brought how.

``python -m ner_engine.training.starter data --corpora DIR --out DIR`` writes
``train.jsonl``, ``dev.jsonl`` and ``sources.json``; ``make`` goes on to a bundle. Only
permissively licensed corpora are trained on; the others serve evaluation. Spanish gold
is translated into French by Apertium. Must not import torch at the top.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from random import Random

from ner_engine.data.jsonl import read_documents, write_documents
from ner_engine.data.synthetic import generate_documents
from ner_engine.errors import BadInput, NerEngineError
from ner_engine.labels import DEFAULT_LABELS
from ner_engine.training.leakage import copied_ids, match_translations
from ner_engine.training.starter_rules import (
    Rule,
    add_silver,
    apply_rules,
    drop_normal_findings,
    keep_labels,
    refit_maccrobat,
)
from ner_engine.translation.apertium import translate_documents
from ner_engine.types import Document

_CC_BY = "CC BY 4.0"
_ALL = DEFAULT_LABELS


@dataclass(frozen=True, slots=True)
class _Corpus:
    """A corpus file and what the starter takes of it.

    ``train_words`` caps the share of a corpus that would dominate; None takes all.
    ``repeats`` lets real gold be read so many times in an epoch beside the rest.
    """

    name: str
    licence: str
    train_split: str
    dev_split: str | None
    rules: tuple[Rule, ...]
    train_words: int | None = None
    dev_words: int | None = None
    folder: str = ""
    repeats: int = 1

    @property
    def path(self) -> Path:
        return Path(self.folder) / f"{self.name}.jsonl"


_CORPORA = (
    _Corpus("spaccc-temist.es", _CC_BY, "train", "dev",
            (drop_normal_findings, add_silver), dev_words=12_000, repeats=2),
    _Corpus("spaccc-temist-nosymptom.es", _CC_BY, "train", None, (add_silver,)),
    # Official dev split; its test split is for evaluation. Symptoms are not annotated.
    _Corpus("cardioccc.es", _CC_BY, "dev", None, (add_silver,), 60_000),
    _Corpus("drugtemist.en", _CC_BY, "train", None, (add_silver,), 60_000),
    # MEDICATION here takes in every chemical, so it must stay a small part.
    _Corpus("bc5cdr.en", _CC_BY, "train", "dev", (), 30_000, 5_000),
    _Corpus("phee.en", "MIT", "train", None,
            (keep_labels("MEDICATION", "FINDING"),), 20_000),
    _Corpus("maccrobat.en", "CC BY 4.0 (original publication)", "train", "dev",
            (drop_normal_findings, refit_maccrobat), repeats=2),
    _Corpus("mediqa-oe.en", "CDLA-Permissive-2.0", "train", "dev",
            (keep_labels("MEDICATION"), add_silver), dev_words=4_000),
    _Corpus("simsamu.fr", "MIT", "train", "dev", (add_silver,), folder="unlabelled"),
    _Corpus("aci-bench.en", _CC_BY, "train", None, (add_silver,), 18_000,
            folder="unlabelled"),
    _Corpus("mts-dialog.en", _CC_BY, "train", None, (add_silver,), 14_000,
            folder="unlabelled"),
    _Corpus("primock57.en", _CC_BY, "train", None, (add_silver,), 10_000,
            folder="unlabelled"),
)  # fmt: skip

# French has no permissively licensed gold at all: Spanish gold is translated, with its
# spans, and the rest is invented.
_TRANSLATED_TO_FRENCH = "spaccc-temist.es"
_SYNTHETIC_TRAIN = {"es": 900, "fr": 1_400, "en": 500}
_SYNTHETIC_DEV = 60
# How the generator names its documents: with a number at the end.
_SYNTHETIC = "synthetic-"
# Far from any seed that a caller would give, so that dev documents are new.
_DEV_SEED_OFFSET = 1_000_003

# Confidences are calibrated on what people annotated.
_GOLD_DEV = frozenset({"spaccc-temist.es", "maccrobat.en", "bc5cdr.en"})

# English documents whose Spanish originals may stand in a Spanish test.
_TRANSLATED = "drugtemist.en"
_TRANSLATED_FROM = ("spaccc-temist.es", "spaccc-temist-nosymptom.es")


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """What one source gave: the provenance that the model card states.

    ``sha256`` is that of the corpus file, or of the written rows for generated text;
    ``exhaustive_for`` the labels that all its training documents are exhaustive for.
    """

    name: str
    language: str
    licence: str
    sha256: str
    n_train_documents: int
    n_dev_documents: int
    n_train_words: int
    exhaustive_for: tuple[str, ...]
    n_train_spans: dict[str, int]


@dataclass(frozen=True, slots=True)
class StarterData:
    """The files that were written and where their rows came from."""

    train_path: Path
    dev_path: Path
    sources: tuple[SourceRecord, ...]


@dataclass(frozen=True, slots=True)
class EvaluationSet:
    """A held-out set to report scores on; ``split`` None takes every row."""

    name: str
    language: str
    path: Path
    split: str | None
    labels: tuple[str, ...]
    n_documents: int | None = None


_TIMES = ("FREQUENCY", "DURATION")
_MED_FIND = ("MEDICATION", "FINDING")
_EVALUATION = (
    ("clinical-cases-sp.es", "test", _ALL, None),
    ("clinical-cases-sp.es", None, _ALL, None),
    ("e3c.es", "test", (*_TIMES, "FINDING"), None),
    ("e3c.fr", "test", (*_TIMES, "FINDING"), None),
    ("e3c.en", "test", (*_TIMES, "FINDING"), None),
    ("ct-ebm-sp.es", "test", _ALL, None),
    ("spaccc-temist.es", "test", _MED_FIND, None),
    ("cardioccc.es", "test", ("MEDICATION",), None),
    ("quaero-medline.fr", "test", _MED_FIND, None),
    ("quaero-emea.fr", "dev", _MED_FIND, None),
    ("medinfo2019.fr", "test", _MED_FIND, None),
    ("maccrobat.en", "test", _ALL, None),
    ("bc5cdr.en", "test", _MED_FIND, 1_000),
    ("mantra-gsc.es", "test", _MED_FIND, None),
    ("mantra-gsc.fr", "test", _MED_FIND, None),
    ("mantra-gsc.en", "test", _MED_FIND, None),
)


def evaluation_sets(corpora: Path) -> tuple[EvaluationSet, ...]:
    """Return the sets to report scores on; none of their rows is trained on."""
    return tuple(
        EvaluationSet(
            f"{name} {split or 'all'}",
            name.rpartition(".")[2],
            corpora / f"{name}.jsonl",
            split,
            labels,
            n_documents,
        )
        for name, split, labels, n_documents in _EVALUATION
    )


def build_training_set(corpora: Path, out: Path, seed: int) -> StarterData:
    """Write the starter's training and dev rows as Document JSONL.

    Parameters
    ----------
    corpora : Path
        The folder of normalised corpora.
    out : Path
        A folder for ``train.jsonl``, ``dev.jsonl``, ``sources.json``; made if missing.
    seed : int
        Of the subsampling, of the generated text and of the order of the rows.

    Raises
    ------
    BadInput
        When a corpus is missing or holds a row that is not a document.
    """
    held_out = tuple(_held_out_documents(corpora))
    sources: list[SourceRecord] = []
    train: list[Document] = []
    dev: list[Document] = []
    for corpus in _CORPORA:
        taken = _take_corpus(corpus, corpora, held_out, seed)
        sources.append(_record(corpus.name, corpus.licence, *taken))
        for number in range(corpus.repeats):
            train.extend(_renamed(taken[1], number))
        dev.extend(taken[2])
        if corpus.name == _TRANSLATED_TO_FRENCH:
            french = _translate_to_french(taken[1])
            name = f"{corpus.name} in French (Apertium)"
            sources.append(
                _record(name, corpus.licence, taken[0], french, (), language="fr")
            )
            train.extend(french)
    for language, n_documents in _SYNTHETIC_TRAIN.items():
        made = tuple(generate_documents(language, n_documents, seed))
        new = generate_documents(language, _SYNTHETIC_DEV, seed + _DEV_SEED_OFFSET)
        new_documents = tuple(new)
        digest = _digest_of_texts(made)
        name = f"synthetic.{language}"
        sources.append(
            _record(name, "Apache-2.0 (this project)", digest, made, new_documents)
        )
        train.extend(made)
        dev.extend(new_documents)
    Random(seed).shuffle(train)  # noqa: S311 - nothing secret
    out.mkdir(parents=True, exist_ok=True)
    data = StarterData(out / "train.jsonl", out / "dev.jsonl", tuple(sources))
    write_documents(data.train_path, (replace(d, split="train") for d in train))
    write_documents(data.dev_path, (replace(d, split="dev") for d in dev))
    rows = json.dumps([asdict(source) for source in sources], indent=1)
    (out / "sources.json").write_text(rows + "\n", encoding="utf-8")
    return data


def gold_dev_documents(corpora: Path) -> list[Document]:
    """Return the dev documents that people annotated, without labels by patterns.

    None is French: no permissively licensed gold exists.
    """
    documents: list[Document] = []
    for corpus in _CORPORA:
        if corpus.name not in _GOLD_DEV:
            continue
        rules = tuple(rule for rule in corpus.rules if rule is not add_silver)
        rows = read_documents(corpora / corpus.path)
        chosen = (row for row in rows if row.split == corpus.dev_split)
        documents += [
            apply_rules(row, rules) for row in _up_to(chosen, corpus.dev_words)
        ]
    return documents


def thin_invented(documents: Iterable[Document], *, keep_every: int) -> list[Document]:
    """Return the documents with only every so-many-th of the invented ones."""
    return [
        document
        for document in documents
        if not document.id.startswith(_SYNTHETIC)
        or int(document.id.rsplit("-", 1)[1]) % keep_every == 0
    ]


def _renamed(documents: Sequence[Document], number: int) -> Iterator[Document]:
    """Yield the documents, on a second reading under ids of their own."""
    for document in documents:
        yield replace(document, id=f"{document.id}~{number}") if number else document


def _translate_to_french(documents: Sequence[Document]) -> tuple[Document, ...]:
    """Translate Spanish gold, and look for the times and doses in the French anew."""
    carried = [
        replace(
            document,
            id=f"fr-{document.id}",
            spans=tuple(s for s in document.spans or () if s.label in _MED_FIND),
            exhaustive_for=frozenset(_MED_FIND),
        )
        for document in documents
    ]
    translated = translate_documents(carried, target="fr")
    return tuple(apply_rules(document, (add_silver,)) for document in translated)


def _held_out_documents(corpora: Path) -> Iterator[Document]:
    for evaluation_set in evaluation_sets(corpora):
        for document in read_documents(evaluation_set.path):
            if evaluation_set.split in (None, document.split):
                yield document


def _take_corpus(
    corpus: _Corpus, corpora: Path, held_out: Sequence[Document], seed: int
) -> tuple[str, tuple[Document, ...], tuple[Document, ...]]:
    """Return a corpus's digest, its training documents and its dev documents."""
    path = corpora / corpus.path
    documents = tuple(read_documents(path))
    if corpus.name == _TRANSLATED:
        documents = _with_safe_originals(documents, corpora)
    copied = copied_ids(documents, held_out)
    rng = Random(f"{seed}/{corpus.name}")  # noqa: S311 - nothing secret

    def take(split: str | None, n_words: int | None) -> tuple[Document, ...]:
        chosen = [d for d in documents if d.split == split and d.id not in copied]
        rng.shuffle(chosen)
        return tuple(
            apply_rules(document, corpus.rules) for document in _up_to(chosen, n_words)
        )

    train = take(corpus.train_split, corpus.train_words)
    dev = take(corpus.dev_split, corpus.dev_words) if corpus.dev_split else ()
    return _digest(path), train, dev


def _with_safe_originals(
    documents: Sequence[Document], corpora: Path
) -> tuple[Document, ...]:
    """Keep translations whose Spanish original surely is a training document."""
    originals = [
        document
        for name in _TRANSLATED_FROM
        for document in read_documents(corpora / f"{name}.jsonl")
    ]
    splits = {original.id: original.split for original in originals}
    translated = [document for document in documents if document.split == "train"]
    matches = match_translations(translated, originals)
    return tuple(
        document
        for document in translated
        if splits.get(matches.get(document.id, "")) == "train"
    )


def _up_to(documents: Iterable[Document], n_words: int | None) -> Iterator[Document]:
    taken = 0
    for document in documents:
        if n_words is not None and taken >= n_words:
            return
        taken += _n_words(document)
        yield document


def _n_words(document: Document) -> int:
    return len(document.text.split())


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as source:
            return hashlib.file_digest(source, "sha256").hexdigest()
    except OSError as error:
        raise BadInput(f"cannot be read: {error.strerror}", path=path) from error


def _digest_of_texts(documents: Iterable[Document]) -> str:
    digest = hashlib.sha256()
    for document in documents:
        digest.update(document.text.encode("utf-8") + b"\0")
    return digest.hexdigest()


def _record(
    name: str,
    licence: str,
    digest: str,
    train: Sequence[Document],
    dev: Sequence[Document],
    *,
    language: str = "",
) -> SourceRecord:
    exhaustive = set(_ALL)
    for document in train:
        if document.exhaustive_for is not None:
            exhaustive &= document.exhaustive_for
    counts = Counter(s.label for document in train for s in document.spans or ())
    return SourceRecord(
        name=name,
        language=language or name.rpartition(".")[2],
        licence=licence,
        sha256=digest,
        n_train_documents=len(train),
        n_dev_documents=len(dev),
        n_train_words=sum(map(_n_words, train)),
        exhaustive_for=tuple(label for label in _ALL if label in exhaustive),
        n_train_spans={label: counts[label] for label in _ALL},
    )


def format_sources(sources: Iterable[SourceRecord]) -> str:
    """Return a table of words per source and spans per label."""
    lines = [f"{'source':28}{'docs':>7}{'dev':>6}{'words':>9}" + "".join(
        f"{label[:6]:>8}" for label in _ALL) + "  exhaustive for"]  # fmt: skip
    totals: Counter[str] = Counter()
    for source in sources:
        counts = "".join(f"{source.n_train_spans[label]:>8}" for label in _ALL)
        labels = ",".join(label[:4] for label in source.exhaustive_for) or "-"
        lines.append(
            f"{source.name:28}{source.n_train_documents:>7}{source.n_dev_documents:>6}"
            f"{source.n_train_words:>9}{counts}  {labels}"
        )
        totals.update(source.n_train_spans)
        totals["documents"] += source.n_train_documents
        totals["dev"] += source.n_dev_documents
        totals["words"] += source.n_train_words
    counts = "".join(f"{totals[label]:>8}" for label in _ALL)
    lines.append(
        f"{'total':28}{totals['documents']:>7}{totals['dev']:>6}{totals['words']:>9}{counts}"
    )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m ner_engine.training.starter", description=__doc__
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, what in (
        ("data", "write the training and dev files"),
        ("make", "write them, train, score, and write the bundle"),
    ):
        data = commands.add_parser(name, help=what)
        data.add_argument(
            "--corpora",
            default=os.environ.get("GLOSA_CORPORA", ""),
            help="folder of normalised corpora (GLOSA_CORPORA)",
        )
        data.add_argument("--out", type=Path, required=True)
        data.add_argument("--seed", type=int, default=13)
    options = parser.parse_args(arguments)
    if not options.corpora:
        data.error("give --corpora or set GLOSA_CORPORA")
    corpora = Path(options.corpora)
    try:
        if options.command == "make":
            from ner_engine.training.starter_bundle import (  # noqa: PLC0415 - slow import
                make_starter,
            )

            make_starter(corpora, options.out, seed=options.seed)
            return 0
        built = build_training_set(corpora, options.out, options.seed)
    except NerEngineError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    sys.stdout.write(format_sources(built.sources) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
