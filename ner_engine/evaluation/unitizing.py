"""Krippendorff's alpha for unitizing: agreement on where spans lie and what they are.

Unlike F1 it is corrected for chance, and unlike kappa it needs no tokens: annotators
cut one continuum (a text, or texts laid end to end) into units of a label and gaps.
Standard library only.

Source: Krippendorff (2004), "Measuring the Reliability of Qualitative Text Analysis
Data", Quality & Quantity 38, the section on unitizing; first in Krippendorff (1995).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import NamedTuple

from ner_engine.types import Span


class _Section(NamedTuple):
    """A unit of the label, or a gap between two."""

    is_unit: bool
    start: int
    end: int

    @property
    def length(self) -> int:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class LabelAlpha:
    """Observed and expected disagreement on one label; alpha follows from them."""

    observed: float
    expected: float

    @property
    def alpha(self) -> float | None:
        """Return 1 for full agreement, 0 for chance; None when nobody marked any."""
        return None if self.expected == 0 else 1 - self.observed / self.expected


@dataclass(frozen=True, slots=True)
class UnitizingAlpha:
    """Agreement by label, and over all labels together."""

    labels: dict[str, LabelAlpha]

    @property
    def alpha(self) -> float | None:
        """Return alpha of the labels' summed disagreements; None without spans."""
        observed = sum(row.observed for row in self.labels.values())
        expected = sum(row.expected for row in self.labels.values())
        return LabelAlpha(observed, expected).alpha


def krippendorff_alpha_u(
    layers: Sequence[Iterable[Span]], n_chars: int, *, start_char: int = 0
) -> UnitizingAlpha:
    """Return alpha_u of several annotators of one continuum.

    Parameters
    ----------
    layers : sequence of iterable of Span
        One an annotator, at least two; offsets on the continuum. Of spans of one label
        and annotator that overlap the longest stands: units of a label cannot overlap.
    n_chars : int
        Length of the continuum.
    start_char : int
        Where it begins.

    Raises
    ------
    ValueError
        For fewer than two annotators, or a span outside the continuum.
    """
    annotators = [list(layer) for layer in layers]
    if len(annotators) < 2:
        raise ValueError("agreement needs at least two annotators")
    spans = [span for layer in annotators for span in layer]
    end_char = start_char + n_chars
    if any(span.start_char < start_char or span.end_char > end_char for span in spans):
        raise ValueError("a span lies outside the continuum")
    return UnitizingAlpha(
        {
            label: _alpha_of(
                [
                    _sections(
                        (s for s in layer if s.label == label), start_char, n_chars
                    )
                    for layer in annotators
                ],
                n_chars,
            )
            for label in sorted({span.label for span in spans})
        }
    )


def _alpha_of(layers: list[list[_Section]], n_chars: int) -> LabelAlpha:
    n_layers = len(layers)
    total = sum(_differences(one, other) for one, other in permutations(layers, 2))
    observed = total / (n_layers * (n_layers - 1) * n_chars**2)
    return LabelAlpha(observed, _expected(layers, n_chars))


def _sections(spans: Iterable[Span], start_char: int, n_chars: int) -> list[_Section]:
    """Cut the continuum into units and gaps, in order."""
    kept: list[tuple[int, int]] = []
    for span in sorted(spans, key=lambda s: (s.start_char - s.end_char, s.start_char)):
        at = bisect_left(kept, (span.start_char, span.end_char))
        is_after = at == 0 or kept[at - 1][1] <= span.start_char
        is_before = at == len(kept) or span.end_char <= kept[at][0]
        if is_after and is_before:
            kept.insert(at, (span.start_char, span.end_char))
    sections: list[_Section] = []
    reached = start_char
    for start, end in kept:
        if start > reached:
            sections.append(_Section(False, reached, start))
        sections.append(_Section(True, start, end))
        reached = end
    if reached < start_char + n_chars:
        sections.append(_Section(False, reached, start_char + n_chars))
    return sections


def _differences(one: list[_Section], other: list[_Section]) -> int:
    """Sum the squared differences of all pairs of sections that share a place."""
    starts = [section.start for section in other]
    total = 0
    for section in one:
        first = bisect_right(starts, section.start) - 1
        last = bisect_left(starts, section.end)
        total += sum(_difference(section, rival) for rival in other[first:last])
    return total


def _difference(section: _Section, rival: _Section) -> int:
    if section.is_unit and rival.is_unit:
        return (section.start - rival.start) ** 2 + (section.end - rival.end) ** 2
    if section.is_unit and rival.start <= section.start and section.end <= rival.end:
        return int(section.length**2)
    if rival.is_unit and section.start <= rival.start and rival.end <= section.end:
        return int(rival.length**2)
    return 0


def _expected(layers: list[list[_Section]], n_chars: int) -> float:
    """Return the disagreement when all sections are laid at random."""
    units = [s.length for layer in layers for s in layer if s.is_unit]
    gaps = sorted(s.length for layer in layers for s in layer if not s.is_unit)
    sums = [0]  # of the longest gaps, one, two, ...
    for gap in reversed(gaps):
        sums.append(sums[-1] + gap)
    total = 0.0
    for length in units:
        overlaps = (len(units) - 1) / 3 * (2 * length**3 - 3 * length**2 + length)
        n_wide = len(gaps) - bisect_left(gaps, length)
        inside = sums[n_wide] - n_wide * (length - 1)
        total += overlaps + length**2 * inside
    size = len(layers) * n_chars
    places = size * (size - 1) - sum(length * (length - 1) for length in units)
    return 2 / n_chars * total / places if places else 0.0
