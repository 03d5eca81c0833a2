"""The exponential moving average of a tagger's weights over the steps of training."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from ner_engine.models.tagger import MultiHeadTagger


class WeightAverage:
    """Follows the trained weights at a distance.

    After step t, counted from 1, the mean keeps ``min(decay, (1 + t) / (10 + t))`` of
    itself: short trainings are not held back by the weights they began with. One copy
    of the weights, where a mean of the last k evaluations would hold k.
    """

    def __init__(self, tagger: MultiHeadTagger, decay: float) -> None:
        self._tagger = tagger
        self._decay = decay
        self.values: dict[str, Tensor] = {
            name: value.detach().clone() for name, value in self._trained()
        }

    def _trained(self) -> list[tuple[str, Tensor]]:
        return [
            (name, value)
            for name, value in self._tagger.named_parameters()
            if value.requires_grad
        ]

    def update(self, step: int) -> None:
        """Take in the weights after *step*."""
        decay = min(self._decay, (1 + step) / (10 + step))
        with torch.no_grad():
            for name, value in self._trained():
                self.values[name].lerp_(value, 1 - decay)

    def restore(self, values: dict[str, Tensor]) -> None:
        """Go on from the mean of a checkpoint."""
        for name, value in self.values.items():
            value.copy_(values[name])

    def settle(self) -> None:
        """Put the mean into the tagger for good."""
        with torch.no_grad():
            for name, value in self._trained():
                value.copy_(self.values[name])

    @contextmanager
    def used(self) -> Iterator[None]:
        """Have the mean in the tagger meanwhile."""
        before = {name: value.detach().clone() for name, value in self._trained()}
        self.settle()
        try:
            yield
        finally:
            with torch.no_grad():
                for name, value in self._trained():
                    value.copy_(before[name])
