"""Splits by group, fixed by a hash: adding notes never moves one.

Standard library only.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping

from ner_engine.data.checks import SPLITS

DEFAULT_FRACTIONS: Mapping[str, float] = {"train": 0.7, "dev": 0.1, "test": 0.2}


def assign_split(
    group_key: str, seed: int, fractions: Mapping[str, float] = DEFAULT_FRACTIONS
) -> str:
    """Return the split of a group: train, dev or test.

    Parameters
    ----------
    group_key : str
        Patient key, or the document's id where there is none; all documents of a group
        get the same answer.
    seed : int
        Of the project; another seed draws other splits.
    fractions : mapping of str to float
        Expected share of each split, summing to 1; a missing split has none.

    Raises
    ------
    ValueError
        When a split is unknown, a share negative, or the sum is not 1.

    Examples
    --------
    >>> assign_split("patient-7", 0) == assign_split("patient-7", 0)
    True
    """
    unknown = set(fractions) - set(SPLITS)
    if unknown:
        raise ValueError(f"unknown splits: {', '.join(sorted(unknown))}")
    if min(fractions.values(), default=0) < 0 or not math.isclose(
        sum(fractions.values()), 1, abs_tol=1e-9
    ):
        raise ValueError("the fractions of the splits are not shares that sum to 1")
    digest = hashlib.sha256(f"{seed}\x1f{group_key}".encode("utf-8", "surrogatepass"))
    position = int.from_bytes(digest.digest()[:8], "big") / 2**64  # uniform on [0, 1)
    bound = 0.0
    present = [name for name in SPLITS if fractions.get(name, 0) > 0]
    for name in present:
        bound += fractions[name]
        if position < bound:
            return name
    return present[-1]
