"""Turns tokens into encoder pieces, word by word, with a bounded cache."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ner_engine.text.tokens import tokenize
from ner_engine.text.windows import (
    DEFAULT_CONTEXT,
    DEFAULT_MAX_PIECES,
    Window,
    cut_windows,
)
from ner_engine.types import Document, Token

CACHE_SIZE = 100_000  # distinct words; a corpus of a million words has fewer
# Only a token's first piece is read by the heads: a web address of 300 pieces would
# only push its neighbours out of the window.
MAX_TOKEN_PIECES = 24


@dataclass(frozen=True, slots=True)
class EncodedDocument:
    """A document with its tokens, their pieces and the windows to read them in."""

    document: Document
    tokens: tuple[Token, ...]
    pieces: list[tuple[int, ...]]
    windows: tuple[Window, ...]


class PieceEncoder:
    """Encodes each token on its own, as a word with a space before it.

    Parameters
    ----------
    tokenizer : tokenizers.Tokenizer
        Of any model (Unigram, WordPiece, byte-level BPE).
    """

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._cache: dict[str, tuple[int, ...]] = {}
        prefix, suffix = _special_pieces(tokenizer)
        self.prefix = prefix
        self.suffix = suffix
        self._unknown = _unknown_piece(tokenizer)

    @property
    def n_special(self) -> int:
        """Number of pieces that surround a window."""
        return len(self.prefix) + len(self.suffix)

    def encode_words(self, words: Sequence[str]) -> list[tuple[int, ...]]:
        """Return the pieces of each word; never an empty tuple."""
        unseen = sorted({word for word in words if word not in self._cache})
        if len(self._cache) + len(unseen) > CACHE_SIZE:
            self._cache.clear()
            unseen = sorted(set(words))
        encodings = self.tokenizer.encode_batch_fast(
            [f" {word}" for word in unseen], add_special_tokens=False
        )
        for word, encoding in zip(unseen, encodings, strict=True):
            ids = tuple(encoding.ids[:MAX_TOKEN_PIECES])
            self._cache[word] = ids or (self._unknown,)
        return [self._cache[word] for word in words]

    def encode(
        self, document: Document, *, max_pieces: int, context: int = DEFAULT_CONTEXT
    ) -> EncodedDocument:
        """Tokenise a document and cut it into windows.

        *max_pieces* counts the special pieces too: it is the encoder's input length.
        """
        tokens = tokenize(document.text, document.language)
        words = [document.text[token.start_char : token.end_char] for token in tokens]
        pieces = self.encode_words(words)
        windows = cut_windows(
            tokens,
            [len(ids) for ids in pieces],
            max_pieces=max_pieces - self.n_special,
            context=context,
        )
        return EncodedDocument(document, tokens, pieces, windows)


def prediction_pieces(trained: int, limit: int) -> int:
    """Return the length of the windows that a tagger should predict on.

    No longer than those it was trained on (*trained*; at 192 for 128 the starter lost
    1.5 F1), than the encoder has positions for (*limit*), or than is fast.
    """
    return min(DEFAULT_MAX_PIECES, trained, limit)


def _special_pieces(tokenizer: Any) -> tuple[list[int], list[int]]:
    """Return the pieces that the tokenizer puts before and after a text."""
    whole = tokenizer.encode(" a", add_special_tokens=True).ids
    bare = tokenizer.encode(" a", add_special_tokens=False).ids
    for at in range(len(whole) - len(bare) + 1):
        if whole[at : at + len(bare)] == bare:
            return list(whole[:at]), list(whole[at + len(bare) :])
    return [], []


def _unknown_piece(tokenizer: Any) -> int:
    for name in ("<unk>", "[UNK]", "<pad>", "[PAD]"):
        index = tokenizer.token_to_id(name)
        if index is not None:
            return int(index)
    return 0
