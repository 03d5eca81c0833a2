"""Parallel text with gold on both sides, as pairs that a projector can be scored on."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ner_engine.data.jsonl import read_documents
from ner_engine.evaluation.intervals import f1_interval
from ner_engine.evaluation.scorer import Score, score_spans
from ner_engine.translation.cognates import skeleton
from ner_engine.translation.types import Translation
from ner_engine.types import Document, Span

_UNIT = re.compile(r"mantra-(.*?-\d+)_d")


@dataclass(frozen=True)
class Pair:
    """A document, its human translation and the gold of the translation."""

    translation: Translation
    gold: tuple[Span, ...]
    half: str  # dev or test, by the digest of the English text


def corpora() -> Path:
    """Return the folder that GLOSA_CORPORA names."""
    return Path(os.environ["GLOSA_CORPORA"])


def half_of(english: str) -> str:
    """Return dev or test; the same English text is in one half for every language."""
    is_even = int(hashlib.sha256(english.encode()).hexdigest()[0], 16) % 2 == 0
    return "dev" if is_even else "test"


def mantra(language: str, *, labels: str, backward: bool = False) -> list[Pair]:
    """Return mantra-gsc of a language with English.

    Parameters
    ----------
    language : str
        es or fr.
    labels : {"mapped", "all"}
        MEDICATION and FINDING as the project reads them, or the corpus's own ten.
    backward : bool
        From English to the language.
    """
    english = {_unit(d.id): d for d in _read("mantra-gsc.en", labels)}
    pairs = []
    for document in _read(f"mantra-gsc.{language}", labels):
        other = english.get(_unit(document.id))
        if other is not None:
            ends = (other, document) if backward else (document, other)
            pairs.append(_pair(*ends, half_of(other.text)))
    return pairs


def drugs() -> list[Pair]:
    """Return spaccc-temist.es with the drugtemist.en documents that translate them.

    The files share no ids: two documents belong together when each is the other's most
    similar one by numbers and first letters of words, rare ones counting more.
    """
    spanish = [_only(d, "MEDICATION") for d in _read("spaccc-temist.es", "mapped")]
    english = [d for d in _read("drugtemist.en", "mapped") if d.split == "train"]
    return [
        _pair(spanish[i], english[j], half_of(english[j].text))
        for i, j in _matches([d.text for d in spanish], [d.text for d in english])
    ]


def counts(pairs: list[Pair], found: list[tuple[Span | None, ...]]) -> dict[str, Any]:
    """Score projections; intervals are over documents."""
    exact = [
        score_spans(pair.gold, [span for span in spans if span is not None])
        for pair, spans in zip(pairs, found, strict=True)
    ]
    characters = [
        score_spans(pair.gold, [s for s in spans if s is not None], match="characters")
        for pair, spans in zip(pairs, found, strict=True)
    ]
    n_spans = sum(len(spans) for spans in found)
    placed = sum(span is not None for spans in found for span in spans)
    return {
        "documents": len(pairs),
        "source_spans": n_spans,
        "gold_spans": sum(len(set(pair.gold)) for pair in pairs),
        "coverage": round(placed / n_spans, 4) if n_spans else None,
        "strict": _figures(exact),
        "characters": _figures(characters),
    }


def ceiling(pairs: list[Pair]) -> float:
    """Return the strict F1 of a projector that errs nowhere.

    Both sides were annotated by themselves: where they mark another number of mentions
    of a label, no projection can agree with both.
    """
    tp = n_source = n_gold = 0
    for pair in pairs:
        ours = Counter(span.label for span in pair.translation.source.spans or ())
        theirs = Counter(span.label for span in set(pair.gold))
        tp += (ours & theirs).total()
        n_source += ours.total()
        n_gold += theirs.total()
    return round(2 * tp / (n_source + n_gold), 4)


SEED = 13


def _figures(scores: list[Score]) -> dict[str, Any]:
    total = sum(scores, Score())
    interval = f1_interval(scores, seed=SEED)
    return {
        "f1": round(total.f1, 4),
        "precision": round(total.precision, 4),
        "recall": round(total.recall, 4),
        "interval": None if interval is None else [round(v, 4) for v in interval],
    }


def _pair(source: Document, target: Document, half: str) -> Pair:
    return Pair(
        Translation(source, target.text, target.language), target.spans or (), half
    )


def _unit(document_id: str) -> str:
    found = _UNIT.match(document_id)
    return found.group(1) if found else document_id


def _only(document: Document, label: str) -> Document:
    spans = tuple(span for span in document.spans or () if span.label == label)
    return replace(document, spans=spans)


def _read(name: str, labels: str) -> Iterator[Document]:
    path = corpora() / f"{name}.jsonl"
    if labels == "mapped":
        yield from read_documents(path)
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        spans = {Span(e["start"], e["end"], e["label"]) for e in row["entities"]}
        yield Document(
            row["id"],
            row["text"],
            row["language"],
            spans=tuple(sorted(spans)),
            split=row.get("split"),
        )


def _matches(ours: list[str], theirs: list[str]) -> list[tuple[int, int]]:
    first, second = [_anchors(t) for t in ours], [_anchors(t) for t in theirs]
    seen = Counter(a for anchors in first + second for a in anchors)
    n = len(first) + len(second)
    left = [_weighted(anchors, seen, n) for anchors in first]
    right = [_weighted(anchors, seen, n) for anchors in second]
    holders: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for j, weights in enumerate(right):
        for anchor, weight in weights.items():
            holders[anchor].append((j, weight))
    best_j: dict[int, tuple[float, int]] = {}
    best_i: dict[int, tuple[float, int]] = {}
    for i, weights in enumerate(left):
        scores: Counter[int] = Counter()
        for anchor, weight in weights.items():
            for j, other in holders[anchor]:
                scores[j] += weight * other  # type: ignore[assignment]
        for j, score in scores.items():
            best_j[i] = max(best_j.get(i, (0.0, -1)), (score, j))
            best_i[j] = max(best_i.get(j, (0.0, -1)), (score, i))
    return [
        (i, j)
        for i, (score, j) in sorted(best_j.items())
        if best_i[j][1] == i and score > 0.3
    ]


def _anchors(text: str) -> Counter[str]:
    return Counter(
        word if word.isdigit() else skeleton(word)[:5]
        for word in re.findall(r"\d+|[^\W\d_]{5,}", text)
    )


def _weighted(anchors: Counter[str], seen: Counter[str], n: int) -> dict[str, float]:
    weights = {a: math.log(1 + c) * math.log(n / seen[a]) for a, c in anchors.items()}
    norm = math.sqrt(sum(w * w for w in weights.values())) or 1.0
    return {anchor: weight / norm for anchor, weight in weights.items()}
