"""Label schemes: the ordered set of entity types that a project or a bundle knows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ner_engine.errors import UnknownLabel

# The clinical schema that the transfer method was published with.
DEFAULT_LABELS = ("MEDICATION", "DOSAGE", "FREQUENCY", "DURATION", "FINDING")


@dataclass(frozen=True, slots=True)
class LabelScheme:
    """An ordered tuple of distinct label names; order fixes the model's heads.

    Raises
    ------
    ValueError
        When a name is empty, repeated or holds white space.
    """

    names: tuple[str, ...] = DEFAULT_LABELS

    def __post_init__(self) -> None:
        if not self.names:
            raise ValueError("a label scheme needs at least one label")
        if len(set(self.names)) != len(self.names):
            raise ValueError("a label scheme cannot hold a label twice")
        for name in self.names:
            if not name or name.split() != [name]:
                raise ValueError(f"not a label name: {name!r}")

    @classmethod
    def of(cls, names: Iterable[str]) -> LabelScheme:
        """Make a scheme from names, keeping their order."""
        return cls(tuple(names))

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __len__(self) -> int:
        return len(self.names)

    def index(self, name: str) -> int:
        """Return the head's index of a label, or raise `UnknownLabel`."""
        if name not in self.names:
            raise UnknownLabel(name, self.names)
        return self.names.index(name)
