"""Calibrates span confidences on held-out documents: temperature, then isotonic steps.

A calibrator is fitted per language. With too few held-out spans the parent's stays;
without a parent it is the identity.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ner_engine.errors import BadInput
from ner_engine.types import Document, Span

# Fewer held-out spans than this say too little about how often a confidence is right.
MIN_SPANS = 100
_EPSILON = 1e-4
# Log-spaced candidates: the likelihood is smooth in the temperature and one dimension
# needs no optimiser.
_TEMPERATURES = np.geomspace(0.25, 8.0, 141)
# Smallest number of spans behind one isotonic step: fewer follow the noise.
_MIN_STEP = 15

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LanguageCalibration:
    """Maps a raw span posterior to how often such spans are right.

    Parameters
    ----------
    temperature : float
        Divides the log-odds of the posterior.
    knots, values : tuple of float
        Isotonic map after it, linear between knots; empty for the identity.
    n_spans : int
        Held-out spans that it was fitted on.
    """

    temperature: float = 1.0
    knots: tuple[float, ...] = ()
    values: tuple[float, ...] = ()
    n_spans: int = 0

    def apply(self, probability: float) -> float:
        """Return the calibrated confidence of a posterior."""
        tempered = float(_temper(np.array([probability]), self.temperature)[0])
        if not self.knots:
            return tempered
        return float(np.interp(tempered, self.knots, self.values))


IDENTITY = LanguageCalibration()


@dataclass(frozen=True, slots=True)
class Calibration:
    """Calibrators by language; ``default`` serves languages that were never seen."""

    languages: dict[str, LanguageCalibration] = field(default_factory=dict)
    default: LanguageCalibration = IDENTITY

    def apply(self, probability: float, language: str) -> float:
        """Return the calibrated confidence of a posterior in a language."""
        calibrator = self.languages.get(language, self.default)
        if calibrator is IDENTITY:
            return probability
        return calibrator.apply(probability)

    def to_json(self) -> dict[str, Any]:
        """Return the calibrators as plain JSON values."""
        return {
            "default": _to_json(self.default),
            "languages": {
                name: _to_json(value) for name, value in sorted(self.languages.items())
            },
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Calibration:
        """Read the JSON form back."""
        try:
            return cls(
                languages={
                    str(name): _from_json(value)
                    for name, value in values["languages"].items()
                },
                default=_from_json(values["default"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BadInput("not a calibration") from error


def fit_calibration(
    probabilities: Sequence[float],
    is_right: Sequence[bool],
    languages: Sequence[str],
    *,
    parent: Calibration | None = None,
) -> Calibration:
    """Fit a calibrator for each language with enough held-out spans.

    Parameters
    ----------
    probabilities : sequence of float
        Raw posteriors of predicted spans on held-out documents.
    is_right : sequence of bool
        Whether each is a gold span (exact range and label).
    languages : sequence of str
        Language of each.
    parent : Calibration, optional
        Keeps its calibrators where there are fewer than `MIN_SPANS` spans.
    """
    parent = parent or Calibration()
    raw = np.asarray(probabilities, np.float64)
    right = np.asarray(is_right, np.float64)
    names = np.asarray(languages, dtype=object)
    fitted = dict(parent.languages)
    for name in sorted(set(languages)):
        chosen = names == name
        if int(chosen.sum()) >= MIN_SPANS:
            fitted[name] = fit_language(raw[chosen], right[chosen])
    default = parent.default
    if len(raw) >= MIN_SPANS:
        default = fit_language(raw, right)
    return Calibration(fitted, default)


def fit_on_documents(
    documents: Sequence[Document],
    predicted: Sequence[Sequence[Span]],
    *,
    parent: Calibration | None = None,
) -> Calibration:
    """Fit on held-out documents and the uncalibrated spans that were predicted there.

    A span of a label that its document is not exhaustively annotated for tells
    nothing: it may be right.
    """
    probabilities: list[float] = []
    is_right: list[bool] = []
    languages: list[str] = []
    for document, spans in zip(documents, predicted, strict=True):
        gold = set(document.spans or ())
        exhaustive = document.exhaustive_for
        for span in spans:
            if exhaustive is None or span.label in exhaustive:
                probabilities.append(span.confidence or 0.0)
                is_right.append(span in gold)
                languages.append(document.language)
    return fit_calibration(probabilities, is_right, languages, parent=parent)


def fit_language(raw: Floats, right: Floats) -> LanguageCalibration:
    """Fit temperature by likelihood, then isotonic steps on what it leaves."""
    losses = [
        _negative_log_likelihood(_temper(raw, temperature), right)
        for temperature in _TEMPERATURES
    ]
    temperature = float(_TEMPERATURES[int(np.argmin(losses))])
    knots, values = fit_isotonic(_temper(raw, temperature), right)
    return LanguageCalibration(temperature, knots, values, len(raw))


def fit_isotonic(
    scores: Floats, right: Floats
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Pool adjacent violators over groups of at least `_MIN_STEP` spans.

    Returns
    -------
    knots, values : tuple of float
        Mean score and pooled accuracy of each step, both ascending.
    """
    order = np.argsort(scores, kind="stable")
    n_groups = max(1, len(scores) // _MIN_STEP)
    blocks: list[tuple[float, float, int]] = []  # mean score, accuracy, size
    for group in np.array_split(order, n_groups):
        block = (float(scores[group].mean()), float(right[group].mean()), len(group))
        while blocks and blocks[-1][1] >= block[1]:
            block = _pool(blocks.pop(), block)
        blocks.append(block)
    # One imaginary right and one wrong span keep every value away from 0 and 1.
    knots = tuple(score for score, _, _ in blocks)
    values = tuple((value * size + 1) / (size + 2) for _, value, size in blocks)
    return knots, tuple(np.maximum.accumulate(values).tolist())


def _pool(
    left: tuple[float, float, int], right: tuple[float, float, int]
) -> tuple[float, float, int]:
    size = left[2] + right[2]
    score = (left[0] * left[2] + right[0] * right[2]) / size
    value = (left[1] * left[2] + right[1] * right[2]) / size
    return score, value, size


def _temper(probabilities: Floats, temperature: float) -> Floats:
    clipped = np.clip(probabilities, _EPSILON, 1 - _EPSILON)
    odds = np.log(clipped) - np.log1p(-clipped)
    tempered: Floats = 1.0 / (1.0 + np.exp(-odds / temperature))
    return tempered


def _negative_log_likelihood(probabilities: Floats, right: Floats) -> float:
    clipped = np.clip(probabilities, _EPSILON, 1 - _EPSILON)
    return float(-(right * np.log(clipped) + (1 - right) * np.log1p(-clipped)).mean())


def _to_json(value: LanguageCalibration) -> dict[str, Any]:
    return {
        "temperature": value.temperature,
        "knots": list(value.knots),
        "values": list(value.values),
        "n_spans": value.n_spans,
    }


def _from_json(value: dict[str, Any]) -> LanguageCalibration:
    made = LanguageCalibration(
        float(value["temperature"]),
        tuple(map(float, value["knots"])),
        tuple(map(float, value["values"])),
        int(value["n_spans"]),
    )
    if len(made.knots) != len(made.values) or not made.temperature > 0:
        raise ValueError("knots and values differ in number")
    return IDENTITY if made == IDENTITY else made
