"""Query strategies by name: each orders the pool and says why.

A strategy sees the pool and orders it; what a batch must be besides (some of it drawn
by chance, rare labels, no surface over and over) is `selection` beside this file.
Each costs at most notes times width times a small factor.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ner_engine.active_learning.costs import expected_edits, expected_seconds
from ner_engine.active_learning.diversity import (
    Clusters,
    k_center,
    k_means,
    mean_similarity,
    unit_rows,
)
from ner_engine.active_learning.pool import Floats, Ints, Pool
from ner_engine.active_learning.reasons import Reason, doubt_of
from ner_engine.active_learning.uncertainty import (
    mean_token_entropy,
    normalised_log_probability,
    span_entropy,
)
from ner_engine.errors import BadInput

# A set is picked longer than the batch: the batch's own rules pass over some.
_SLACK = 3
# Share of the pool that must lie in clusters with an annotated note before uncertainty
# alone decides.
_COVERED = 0.8
_DENSITY_POWER = 1.0


@dataclass(frozen=True, slots=True)
class Ranking:
    """The pool in order of preference.

    Parameters
    ----------
    order : int64, (N,)
    scores : float64, (N,)
        By note, not by rank; higher is wanted more.
    explain : callable
        From a note to the reason it would be picked for.
    """

    order: Ints
    scores: Floats
    explain: Callable[[int], Reason]


Order = Callable[[Pool, int, np.random.Generator], Ranking]


@dataclass(frozen=True, slots=True)
class Strategy:
    """A named way of ordering the pool.

    Parameters
    ----------
    name : str
    order : callable
        Takes the pool, the size of the batch and a generator.
    needs : tuple of str
        Signals of the pool that must be there.
    source : str
        Who published it.
    """

    name: str
    order: Order
    needs: tuple[str, ...]
    source: str

    @property
    def needs_model(self) -> bool:
        """Whether a trained model's signals are needed."""
        return bool(set(self.needs) & _OF_A_MODEL)


_OF_A_MODEL = {
    "path_log_probability",
    "token_entropy",
    "entity_entropy",
    "token_margin",
    "expected_spans",
    "mutual_information",
}


def by_score(scores: Floats, rng: np.random.Generator) -> Ints:
    """Return notes by falling score; equal ones in an order drawn by chance."""
    drawn = rng.permutation(len(scores))
    return drawn[np.argsort(-scores[drawn], kind="stable")].astype(np.int64)


def _of_doubt(pool: Pool, scores: Floats, rng: np.random.Generator) -> Ranking:
    return Ranking(
        by_score(scores, rng),
        scores,
        lambda note: doubt_of(pool, note, float(scores[note])),
    )


def _random(pool: Pool, size: int, rng: np.random.Generator) -> Ranking:
    """Every note as likely as any other: the baseline."""
    scores = np.zeros(len(pool))
    return Ranking(
        by_score(scores, rng), scores, lambda _: Reason("random", {"share": 1.0})
    )


def _mnlp(pool: Pool, size: int, rng: np.random.Generator) -> Ranking:
    """Order by length-normalised least confidence (Shen et al. 2017)."""
    scores = normalised_log_probability(
        pool.need("path_log_probability"), pool.n_tokens
    )
    return _of_doubt(pool, scores, rng)


def _token_entropy(pool: Pool, size: int, rng: np.random.Generator) -> Ranking:
    """Order by the mean entropy of tokens (Settles and Craven 2008)."""
    return _of_doubt(pool, mean_token_entropy(pool), rng)


def _entity_entropy(pool: Pool, size: int, rng: np.random.Generator) -> Ranking:
    """Order by the entropy of tokens likely to be in spans (Sapci et al. 2023)."""
    return _of_doubt(pool, pool.need("entity_entropy"), rng)


def _span_entropy(pool: Pool, size: int, rng: np.random.Generator) -> Ranking:
    """Order by the decisions in doubt, added up: long notes of many spans lead."""
    return _of_doubt(pool, span_entropy(pool), rng)


def _margin(pool: Pool, size: int, rng: np.random.Generator) -> Ranking:
    """Order by the smallest mean gap of the two best tags (Scheffer et al. 2001)."""
    margins: Floats = pool.need("token_margin")
    return _of_doubt(pool, 1 - margins, rng)


def _disagreement(signal: str) -> Order:
    def order(pool: Pool, size: int, rng: np.random.Generator) -> Ranking:
        scores: Floats = pool.need(signal)
        return Ranking(
            by_score(scores, rng),
            scores,
            lambda note: Reason(
                "disagreement", {"score": round(float(scores[note]), 4)}
            ),
        )

    return order


def _density(pool: Pool, size: int, rng: np.random.Generator) -> Ranking:
    """Order by uncertainty times mean similarity to the pool: no outliers.

    Information density of Settles and Craven (2008), with the mean token entropy as
    the base and the cosine, moved to [0, 1], as the similarity.
    """
    similar = (1 + mean_similarity(unit_rows(pool.need("embeddings")))) / 2
    scores = mean_token_entropy(pool) * similar**_DENSITY_POWER
    return Ranking(
        by_score(scores, rng),
        scores,
        lambda note: Reason(
            "typical",
            {
                "similarity": round(float(2 * similar[note] - 1), 4),
                "score": round(float(scores[note]), 4),
            },
        ),
    )


def _k_center(pool: Pool, size: int, rng: np.random.Generator) -> Ranking:
    """Order greedily by distance to what is annotated or picked (Sener 2018)."""
    vectors = unit_rows(pool.need("embeddings"))
    picks, away = k_center(vectors, _SLACK * size, covered=_covered(pool))
    scores = np.zeros(len(pool))
    scores[picks] = away
    return Ranking(
        _complete(picks, len(pool), rng),
        scores,
        lambda note: Reason(
            "unlike_annotated", {"distance": round(float(scores[note]), 4)}
        ),
    )


def _cluster(pool: Pool, size: int, rng: np.random.Generator) -> Ranking:
    """Order by rounds over clusters, largest first, the most central note of each.

    The diversity strategy CLUSTER of Liu and Wong (2024), on embeddings of the model.
    """
    parts, touched = _clusters(pool, size, rng)
    return _by_cluster(pool, parts, touched, parts.centrality, rng)


def _cluster_then_uncertainty(
    pool: Pool, size: int, rng: np.random.Generator
) -> Ranking:
    """Order by clusters until they are covered, then by uncertainty.

    The dynamic strategies of Liu and Wong (2024), "Utilizing active learning strategies
    in machine-assisted annotation for clinical named entity recognition": there the
    second phase is N-best sequence entropy (CNBSE) or least confidence (CLC); here it
    is MNLP. The switch is ours: when four fifths of the pool lie in clusters that hold
    an annotated note. Before it, clusters without one come first, and in each the note
    that the model is least sure of.
    """
    sure = normalised_log_probability(pool.need("path_log_probability"), pool.n_tokens)
    parts, touched = _clusters(pool, size, rng)
    if touched[parts.members].mean() >= _COVERED:
        return _of_doubt(pool, sure, rng)
    return _by_cluster(pool, parts, touched, sure, rng)


def _cold_start(pool: Pool, size: int, rng: np.random.Generator) -> Ranking:
    """Order by clusters, the note of each where dictionaries find most: no model yet.

    With no embeddings, by dictionary alone; with no dictionary, by clusters alone.
    Diversity for a cold start: Yuan, Lin and Boyd-Graber (2020), "Cold-start active
    learning through self-supervised language modeling"; terms so that there is
    something to mark.
    """
    matches = pool.dictionary_matches
    if not pool.has("embeddings"):
        if matches is None:
            return _random(pool, size, rng)
        return Ranking(
            by_score(matches, rng), matches, lambda note: _terms(matches, note)
        )
    parts, touched = _clusters(pool, size, rng)
    if matches is None:
        return _by_cluster(pool, parts, touched, parts.centrality, rng)
    wanted = matches + (1 + parts.centrality) / 4  # terms first, centrality between
    ranking = _by_cluster(pool, parts, touched, wanted, rng)

    def explain(note: int) -> Reason:
        return _terms(matches, note) if matches[note] > 0 else ranking.explain(note)

    return Ranking(ranking.order, ranking.scores, explain)


def _terms(matches: Floats, note: int) -> Reason:
    return Reason("dictionary", {"n": int(matches[note])})


def _per_cost(
    utility: Callable[[Pool], Floats], cost: Callable[[Pool], Floats], unit: str
) -> Order:
    """Order by utility per unit of cost (Settles, Craven and Friedland 2008)."""

    def order(pool: Pool, size: int, rng: np.random.Generator) -> Ranking:
        value, spent = utility(pool), cost(pool)
        scores = value / np.maximum(spent, 1.0)
        return Ranking(
            by_score(scores, rng),
            scores,
            lambda note: Reason(
                "value",
                {
                    unit: round(float(spent[note]), 2),
                    "score": round(float(value[note]), 4),
                },
            ),
        )

    return order


def _whole_entropy(pool: Pool) -> Floats:
    total: Floats = pool.need("token_entropy")
    return total


def _covered(pool: Pool) -> np.ndarray[tuple[int, int], np.dtype[np.float32]] | None:
    annotated = pool.annotated_embeddings
    if annotated is None or len(annotated) == 0:
        return None
    return unit_rows(annotated)


def _clusters(
    pool: Pool, size: int, rng: np.random.Generator
) -> tuple[Clusters, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """Part pool and annotated notes; say which clusters hold an annotated one."""
    vectors = unit_rows(pool.need("embeddings"))
    covered = _covered(pool)
    n_pool = len(vectors)
    n_clusters = max(2 * size, int(np.sqrt(n_pool)))
    together = vectors if covered is None else np.concatenate([vectors, covered])
    parts = k_means(together, n_clusters, rng)
    touched = np.zeros(parts.members.max() + 1, bool)
    touched[parts.members[n_pool:]] = True
    return Clusters(parts.members[:n_pool], parts.centrality[:n_pool]), touched


def _by_cluster(
    pool: Pool,
    parts: Clusters,
    touched: np.ndarray[tuple[int], np.dtype[np.bool_]],
    scores: Floats,
    rng: np.random.Generator,
) -> Ranking:
    """Go round the clusters: untouched before touched, then large before small."""
    sizes = np.bincount(parts.members, minlength=len(touched))
    ranked = by_score(scores, rng)
    place = np.empty(len(pool), np.int64)  # of each note inside its own cluster
    seen: dict[int, int] = {}
    for note in ranked.tolist():
        own = int(parts.members[note])
        place[note] = seen.get(own, 0)
        seen[own] = place[note] + 1
    own_sizes, is_touched = sizes[parts.members], touched[parts.members]
    # The last key is the first to count: a second note of an untouched cluster waits
    # for the first of every other.
    order = np.lexsort((-scores, -own_sizes, is_touched, place)).astype(np.int64)

    def explain(note: int) -> Reason:
        if touched[parts.members[note]] or place[note] > 0:
            return doubt_of(pool, note, float(scores[note]))
        return Reason("new_cluster", {"size": int(own_sizes[note])})

    return Ranking(order, scores, explain)


def _complete(picks: Ints, n_notes: int, rng: np.random.Generator) -> Ints:
    """Put the notes that were not picked after those that were, by chance."""
    rest = np.setdiff1d(np.arange(n_notes), picks)
    return np.concatenate([picks, rng.permutation(rest)]).astype(np.int64)


_MODEL = ("path_log_probability",)
_SPANS = ("expected_spans",)

STRATEGIES: dict[str, Strategy] = {
    strategy.name: strategy
    for strategy in (
        Strategy("random", _random, (), "baseline"),
        Strategy("mnlp", _mnlp, _MODEL, "Shen et al. 2017"),
        Strategy(
            "token_entropy",
            _token_entropy,
            ("token_entropy",),
            "Settles and Craven 2008",
        ),
        Strategy(
            "entity_entropy", _entity_entropy, ("entity_entropy",), "Sapci et al. 2023"
        ),
        Strategy(
            "span_entropy", _span_entropy, _SPANS, "after Settles and Craven 2008"
        ),
        Strategy("margin", _margin, ("token_margin",), "Scheffer et al. 2001"),
        Strategy(
            "bald",
            _disagreement("mutual_information"),
            ("mutual_information",),
            "Houlsby et al. 2011; Gal et al. 2017",
        ),
        Strategy(
            "committee",
            _disagreement("vote_entropy"),
            ("vote_entropy",),
            "Engelson and Dagan 1996",
        ),
        Strategy(
            "density",
            _density,
            ("token_entropy", "embeddings"),
            "Settles and Craven 2008",
        ),
        Strategy("k_center", _k_center, ("embeddings",), "Sener and Savarese 2018"),
        Strategy("cluster", _cluster, ("embeddings",), "Liu and Wong 2024"),
        Strategy(
            "cluster_then_uncertainty",
            _cluster_then_uncertainty,
            (*_MODEL, "embeddings"),
            "after Liu and Wong 2024",
        ),
        Strategy("cold_start", _cold_start, (), "after Yuan et al. 2020"),
        Strategy(
            "span_entropy_per_edit",
            _per_cost(span_entropy, expected_edits, "edits"),
            _SPANS,
            "after Settles, Craven and Friedland 2008",
        ),
        Strategy(
            "token_entropy_per_second",
            _per_cost(_whole_entropy, expected_seconds, "seconds"),
            ("token_entropy", "expected_spans"),
            "after Settles, Craven and Friedland 2008",
        ),
    )
}


def get_strategy(name: str) -> Strategy:
    """Return a strategy by name, or raise `BadInput`."""
    if name not in STRATEGIES:
        raise BadInput(f"unknown strategy {name}; known: {', '.join(STRATEGIES)}")
    return STRATEGIES[name]
