"""What model versions are worth, read from their metrics for pages and API.

``ModelVersion.metrics`` holds reports of ``python -m ner_engine evaluate --json``, so a
missing key means that this version was never compared, not that it scored nothing.
F1 and differences are in percent points here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from django.conf import settings

from annotator.models import ModelVersion, Project


@dataclass(frozen=True, slots=True)
class Score:
    """An exact F1 with its 95 % interval where that is known."""

    f1: float
    low: float | None = None
    high: float | None = None
    precision: float | None = None
    recall: float | None = None
    n_gold: int | None = None
    # Notes that it was measured on, where they are known.
    n_notes: int | None = None
    is_few: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """The candidate's F1 less the active version's, with its 95 % interval."""

    f1: float
    low: float
    high: float
    is_few: bool = False

    @property
    def is_better(self) -> bool:
        return self.low > 0

    @property
    def is_worse(self) -> bool:
        return self.high < 0


@dataclass(frozen=True, slots=True)
class LabelRow:
    """One label in the comparison."""

    name: str
    candidate: Score | None
    active: Score | None
    change: Change | None


class Advice(Enum):
    """What the comparison says to do."""

    PROMOTE = "promote"
    KEEP = "keep"
    EITHER = "either"
    NOT_ENOUGH = "not_enough"
    OUTDATED = "outdated"
    NOT_COMPARED = "not_compared"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A candidate against the version that was active when it was trained."""

    advice: Advice
    change: Change | None
    candidate: Score | None
    active: Score | None
    labels: tuple[LabelRow, ...]
    n_documents: int
    n_gold: int

    @property
    def is_outdated(self) -> bool:
        return self.advice is Advice.OUTDATED

    @property
    def worse_labels(self) -> list[str]:
        return [row.name for row in self.labels if row.change and row.change.is_worse]

    @property
    def min_documents(self) -> int:
        return int(settings.ANNOTATOR_MIN_HELD_OUT_NOTES)

    @property
    def min_gold(self) -> int:
        return int(settings.ANNOTATOR_MIN_HELD_OUT_SPANS)


# A bootstrap over fewer annotations than this draws the same few again and again.
MIN_GOLD_FOR_INTERVAL = 10


def score_in(
    figures: dict[str, Any] | None, *, enough: bool = True, n_notes: int | None = None
) -> Score | None:
    """Read the figures of one label, or of all together (``micro``).

    *enough* is False below the held-out minimum: see `_is_few`.
    """
    if not figures or figures.get("f1") is None:
        return None
    low, high = figures.get("interval") or (None, None)
    return Score(
        f1=100 * float(figures["f1"]),
        low=_points(low),
        high=_points(high),
        precision=_points(figures.get("precision")),
        recall=_points(figures.get("recall")),
        n_gold=figures.get("n_gold"),
        n_notes=n_notes,
        is_few=_is_few(low, high, figures.get("n_gold"), enough=enough),
    )


def active_score(version: ModelVersion | None) -> Score | None:
    """Return a project's model's F1 on its held-out notes, when it was measured.

    Shipped bundles carry scores on corpora, which say nothing of this project.
    Below the held-out minimum the score is one of too few notes.
    """
    if version is None or version.project_id is None:
        return None
    return _whole_score(version, "candidate")


def version_score(
    version: ModelVersion, versions: Sequence[ModelVersion]
) -> Score | None:
    """Return the F1 of *version* on the project's held-out notes.

    A shipped version was scored by the verdicts on *versions* (newest first) that were
    compared with it.
    """
    if version.project_id is not None:
        return active_score(version)
    for other in versions:
        if (other.metrics.get("active") or {}).get("version") == version.pk:
            return _whole_score(other, "active")
    return None


def _whole_score(version: ModelVersion, part: str) -> Score | None:
    score = score_in(
        (version.metrics.get(part) or {}).get("micro"),
        n_notes=version.metrics.get("n_notes"),
    )
    is_few = not version.metrics.get("enough")
    return replace(score, is_few=is_few) if score else None


def _is_few(
    low: float | None, high: float | None, n_gold: int | None, *, enough: bool
) -> bool:
    """Tell whether an interval would say more than so few annotations can.

    Above the held-out minimum an interval without width is what the data say.
    """
    if low is None or enough:
        return False
    return low == high or (n_gold is not None and n_gold < MIN_GOLD_FOR_INTERVAL)


def verdict_of(version: ModelVersion) -> Verdict:
    """Compare the version with the one that was active before it.

    A comparison with a version that is not the active one any more advises nothing.
    """
    candidate = version.metrics.get("candidate") or {}
    active = version.metrics.get("active") or {}
    difference = version.metrics.get("difference") or {}
    by_label = difference.get("labels") or {}
    labels = candidate.get("labels") or {}
    enough = bool(version.metrics.get("enough"))
    n_gold = int(version.metrics.get("n_spans") or 0)
    change = _change(difference, n_gold, enough=enough)
    return Verdict(
        advice=_advice(
            change,
            is_outdated=_is_outdated(version, active.get("version")),
            enough=enough,
        ),
        change=change,
        candidate=score_in(candidate.get("micro"), enough=enough),
        active=score_in(active.get("micro"), enough=enough),
        labels=tuple(
            LabelRow(
                name=name,
                candidate=score_in(figures, enough=enough),
                active=score_in((active.get("labels") or {}).get(name), enough=enough),
                change=_change(
                    by_label.get(name), figures.get("n_gold"), enough=enough
                ),
            )
            for name, figures in labels.items()
        ),
        n_documents=int(version.metrics.get("n_notes") or 0),
        n_gold=n_gold,
    )


def is_before(version: ModelVersion, active: ModelVersion | None) -> bool:
    """Tell whether *version* was made before the active one: going to it is going back.

    States do not tell: a shipped version has one state for all projects.
    """
    if active is None:
        return False
    return (version.created_at, version.pk) < (active.created_at, active.pk)


def project_versions(project: Project) -> list[ModelVersion]:
    """Return the versions that the project can use, newest first, shipped ones last."""
    own = project.versions.select_related("parent")
    shipped = ModelVersion.objects.filter(project=None).select_related("parent")
    return [*own, *shipped]


def _is_outdated(version: ModelVersion, compared_id: int | None) -> bool:
    """Tell whether neither the version nor what it was compared with is active now."""
    if version.project is None or compared_id is None:
        return False
    return version.project.active_version_id not in (compared_id, version.pk)


def _advice(change: Change | None, *, is_outdated: bool, enough: bool) -> Advice:
    if change is None:
        return Advice.NOT_COMPARED
    if is_outdated:
        return Advice.OUTDATED
    if not enough:
        return Advice.NOT_ENOUGH
    if change.is_better:
        return Advice.PROMOTE
    return Advice.KEEP if change.is_worse else Advice.EITHER


def _change(
    difference: dict[str, Any] | None, n_gold: int | None, *, enough: bool
) -> Change | None:
    if not difference or difference.get("f1") is None:
        return None
    f1, low, high = (100 * float(difference[key]) for key in ("f1", "low", "high"))
    return Change(f1, low, high, is_few=_is_few(low, high, n_gold, enough=enough))


def _points(share: float | None) -> float | None:
    return None if share is None else 100 * float(share)
