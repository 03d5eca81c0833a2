"""Tag schemes of CoNLL files: IOB1, IOB2, IOE2, IOBES, BILOU. Standard library only.

Reading needs no scheme: B, S and U begin an entity, E, L, S and U end one, and a change
of label does both, which holds in all five. `from_iob2` writes them.

Sources: Ramshaw and Marcus (1995) for IOB; Tjong Kim Sang and Veenstra (1999),
"Representing Text Chunks", for IOB1, IOB2 and IOE2; Ratinov and Roth (2009) for BILOU,
of which IOBES is the same under other letters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ner_engine.tagging import OUTSIDE

Scheme = Literal["iob1", "iob2", "ioe2", "iobes", "bilou"]
SCHEMES: dict[Scheme, frozenset[str]] = {
    "iob1": frozenset("IB"),
    "iob2": frozenset("BI"),
    "ioe2": frozenset("IE"),
    "iobes": frozenset("BIES"),
    "bilou": frozenset("BILU"),
}
_ALL = frozenset("BIELSU")
_BEGIN, _END = frozenset("BSU"), frozenset("ELSU")
# Prefix of an entity's only, first, inner and last token.
_LETTERS: dict[Scheme, tuple[str, str, str, str]] = {
    "iob2": ("B", "B", "I", "I"),
    "ioe2": ("E", "I", "I", "E"),
    "iobes": ("S", "B", "I", "E"),
    "bilou": ("U", "B", "I", "L"),
}


def split_prefix(tag: str, scheme: Scheme | None = None) -> tuple[str, str | None]:
    """Split ``L-DOSAGE`` into ``("L", "DOSAGE")``; ``O`` has no label.

    Raises
    ------
    ValueError
        When the prefix is none of the scheme's, or of any scheme's without one.
    """
    if tag == OUTSIDE:
        return OUTSIDE, None
    allowed = _ALL if scheme is None else SCHEMES[scheme]
    prefix, dash, label = tag.partition("-")
    if prefix not in allowed or not dash or not label:
        letters = ", ".join(sorted(allowed))
        raise ValueError(f"a tag is neither O nor {letters} and a label")
    return prefix, label


def to_iob2(tags: Sequence[str], *, scheme: Scheme | None = None) -> list[str]:
    """Rewrite the tags of a sequence, in any of the schemes, in IOB2.

    Raises
    ------
    ValueError
        As `split_prefix`.
    """
    rewritten: list[str] = []
    last_prefix, last_label = OUTSIDE, None
    for tag in tags:
        prefix, label = split_prefix(tag, scheme)
        if label is None:
            rewritten.append(OUTSIDE)
        else:
            begins = begins_entity(last_prefix, last_label, prefix, label)
            rewritten.append(f"{'B' if begins else 'I'}-{label}")
        last_prefix, last_label = prefix, label
    return rewritten


def begins_entity(
    last_prefix: str, last_label: str | None, prefix: str, label: str
) -> bool:
    """Tell whether a token begins an entity, by its tag and the one before."""
    return label != last_label or last_prefix in _END or prefix in _BEGIN


def from_iob2(tags: Sequence[str], scheme: Scheme) -> list[str]:
    """Rewrite the IOB2 tags of a sequence in another scheme."""
    if scheme == "iob1":
        return _to_iob1(tags)
    only, first, inner, last = _LETTERS[scheme]
    rewritten: list[str] = []
    for index, tag in enumerate(tags):
        if tag == OUTSIDE:
            rewritten.append(OUTSIDE)
            continue
        label = tag[2:]
        goes_on = index + 1 < len(tags) and tags[index + 1] == f"I-{label}"
        if tag.startswith("B-"):
            rewritten.append(f"{first if goes_on else only}-{label}")
        else:
            rewritten.append(f"{inner if goes_on else last}-{label}")
    return rewritten


def _to_iob1(tags: Sequence[str]) -> list[str]:
    """Keep B only where it parts two entities of one label."""
    rewritten: list[str] = []
    for index, tag in enumerate(tags):
        follows = index > 0 and tags[index - 1][2:] == tag[2:]
        is_plain = tag == OUTSIDE or tag.startswith("I-") or follows
        rewritten.append(tag if is_plain else f"I-{tag[2:]}")
    return rewritten
