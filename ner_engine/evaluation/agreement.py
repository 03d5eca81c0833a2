"""Agreement of annotators as pairwise F1. Standard library only.

F1 is used and not kappa: spans have no set of negatives to agree on by chance
(Hripcsak and Rothschild, 2005, "Agreement, the F-Measure, and Reliability").
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

from ner_engine.evaluation.scorer import Score, score_spans
from ner_engine.types import Span


@dataclass(frozen=True, slots=True)
class PairAgreement:
    """Two annotators over the documents that both annotated.

    ``score`` takes the first as gold; its F1 is the same the other way round.
    """

    first: str
    second: str
    n_documents: int
    score: Score


@dataclass(frozen=True, slots=True)
class Agreement:
    """All pairs of annotators who share a document."""

    pairs: tuple[PairAgreement, ...]

    @property
    def mean_f1(self) -> float | None:
        """Mean F1 over pairs, each counting once; None without pairs."""
        if not self.pairs:
            return None
        return sum(pair.score.f1 for pair in self.pairs) / len(self.pairs)


def pairwise_f1(
    layers: Mapping[str, Mapping[str, Iterable[Span]]],
    *,
    labels: Collection[str] | None = None,
) -> Agreement:
    """Compare every pair of annotators on the documents they share.

    Parameters
    ----------
    layers : mapping of annotator to mapping of document id to spans
        A document without spans is one annotated as empty; one that is missing was
        not annotated by this person.
    labels : collection of str, optional
        Compare these only.

    Notes
    -----
    Two people who both marked nothing agree on nothing that F1 can count: 0.0.
    """
    pairs: list[PairAgreement] = []
    for first, second in combinations(sorted(layers), 2):
        shared = sorted(set(layers[first]) & set(layers[second]))
        if not shared:
            continue
        score = Score()
        for document_id in shared:
            score += score_spans(
                _kept(layers[first][document_id], labels),
                _kept(layers[second][document_id], labels),
            )
        pairs.append(PairAgreement(first, second, len(shared), score))
    return Agreement(tuple(pairs))


def _kept(spans: Iterable[Span], labels: Collection[str] | None) -> set[Span]:
    return {span for span in spans if labels is None or span.label in labels}
