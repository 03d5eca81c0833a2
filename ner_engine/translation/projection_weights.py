"""The weights of the combined scorer, and where it stops trusting itself.

Fitted by ``benchmarks/projection/fit.py`` on the dev halves of mantra-gsc (es-en and
fr-en, both directions, all of its labels): conditional likelihood, ridge 1; by an
earlier state of it, so that a fit of today differs by up to 0.5 in a weight. The two of
the backend's marks were set by hand, since no parallel text with gold has marks.
"""

from __future__ import annotations

from ner_engine.translation.candidates import FEATURES, Weights

THRESHOLD = 0.35
_BY_NAME = {
    "overlap": 0.453,
    "coverage": -1.178,
    "purity": -0.9,
    "content_coverage": -0.036,
    "worst_source": 2.66,
    "links": -1.444,
    "link_purity": 2.225,
    "left_edge": 1.668,
    "right_edge": 1.317,
    "left_outside": -1.371,
    "right_outside": -2.873,
    "spelling": 1.857,
    "length": -2.82,
    "more_words": -1.265,
    "fewer_words": -0.448,
    "starts_function": -2.752,
    "ends_function": -2.493,
    "starts_sign": -2.39,
    "ends_sign": -2.879,
    "joined_left": -2.146,
    "joined_right": -1.18,
    "inner_sign": -2.443,
    "brackets": -1.327,
    "same_case": -0.264,
    "same_surface": -0.405,
    "lookup": 0.882,
    "lookup_best": 0.293,
    "marked": 4.0,
    "is_marked": 2.0,
}
WEIGHTS = Weights(tuple(_BY_NAME[name] for name in FEATURES), none=0.307)
