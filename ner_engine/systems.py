"""Whatever predicts: a bundle, a spaCy pipeline, a Hugging Face checkpoint.

All three are folders, told apart by what lies in them, and give documents with spans
back. Only bundles are calibrated: the confidence of the others is what they say.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from ner_engine.bundle import is_bundle
from ner_engine.data.schemes import begins_entity, split_prefix
from ner_engine.errors import BadInput, BundleError, UnknownLabel
from ner_engine.tagging import OUTSIDE
from ner_engine.types import Document, Span

if TYPE_CHECKING:
    from ner_engine.inference import Predictor

_CHUNK_DOCUMENTS = 32
_BATCH_PIECES = 4096
_LONGEST_INPUT = 512


class System(Protocol):
    """What takes documents and gives them back with predicted spans, in order."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the labels it can predict."""

    @property
    def digest(self) -> str:
        """Digest of the files it was loaded from."""

    def predict(self, documents: Iterable[Document]) -> Iterator[Document]:
        """Yield each document with predicted spans in place of any it had."""


def load_system(
    path: Path | str,
    *,
    threads: int | None = None,
    label_map: Mapping[str, str] | None = None,
) -> System:
    """Load the system that lies in a folder.

    Parameters
    ----------
    path : Path or str
        A bundle, a folder that ``nlp.to_disk`` of spaCy wrote, or one that
        ``save_pretrained`` of a Hugging Face token classifier wrote.
    threads : int, optional
        Of a bundle's numerical library.
    label_map : mapping of str to str, optional
        The system's labels to ours; labels that it does not name are left out.

    Raises
    ------
    BundleError
        When the folder is none of these, or cannot be loaded.
    UnknownLabel
        When the map names a label that the system does not have.
    """
    folder = Path(path)
    system = _load(folder, threads)
    if label_map is None:
        return system
    for name in label_map:
        if name not in system.labels:
            raise UnknownLabel(name, system.labels)
    return Relabelled(system, label_map)


def _load(folder: Path, threads: int | None) -> System:
    if is_bundle(folder):
        from ner_engine.inference import Predictor  # noqa: PLC0415 - slow import

        return Predictor.load(folder, threads=threads)
    if (folder / "meta.json").is_file() and (folder / "config.cfg").is_file():
        return SpacySystem(folder)
    if (folder / "config.json").is_file():
        return HuggingFaceSystem(folder)
    raise BundleError(
        f"{folder}: neither a bundle nor the folder of a spaCy pipeline or of a"
        " Hugging Face checkpoint"
    )


class Relabelled:
    """A system whose labels are renamed, and those without a new name left out."""

    def __init__(self, system: System, label_map: Mapping[str, str]) -> None:
        self._system = system
        self._map = dict(label_map)

    @property
    def labels(self) -> tuple[str, ...]:
        """The new names, each once."""
        return tuple(dict.fromkeys(self._map.values()))

    @property
    def digest(self) -> str:
        """Digest of the system behind."""
        return self._system.digest

    def predict(self, documents: Iterable[Document]) -> Iterator[Document]:
        """Predict, rename and leave out."""
        for document in self._system.predict(documents):
            spans = {
                replace(span, label=self._map[span.label])
                for span in document.spans or ()
                if span.label in self._map
            }
            yield replace(document, spans=tuple(sorted(spans)))


class SpacySystem:
    """A spaCy pipeline: its entities, and the spans of a span categoriser.

    Entities carry no confidence; spans of ``doc.spans["sc"]`` carry their score.
    """

    def __init__(self, folder: Path) -> None:
        import spacy

        try:
            self._nlp = spacy.load(folder)
        except (OSError, ValueError, ImportError) as error:
            reason = f"not a spaCy pipeline that loads here ({type(error).__name__})"
            raise BundleError(f"{folder}: {reason}") from error
        self._digest = _folder_digest(folder)

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of the components that mark spans."""
        by_pipe = self._nlp.pipe_labels
        marking = ("ner", "entity_ruler", "span_ruler", "spancat", "beam_ner")
        found = {label for name in marking for label in by_pipe.get(name, ())}
        return tuple(sorted(found))

    @property
    def digest(self) -> str:
        """Digest of the folder's files."""
        return self._digest

    def predict(self, documents: Iterable[Document]) -> Iterator[Document]:
        """Run the pipeline over the texts."""
        pairs = self._nlp.pipe(self._texts(documents), as_tuples=True)
        for parsed, document in pairs:
            found = [
                Span(entity.start_char, entity.end_char, entity.label_)
                for entity in parsed.ents
            ]
            group = parsed.spans.get("sc", ())
            scores = group.attrs.get("scores", ()) if group else ()
            for index, span in enumerate(group):
                score = float(scores[index]) if len(scores) == len(group) else None
                found.append(Span(span.start_char, span.end_char, span.label_, score))
            yield replace(document, spans=tuple(sorted(set(found))))

    def _texts(self, documents: Iterable[Document]) -> Iterator[tuple[str, Document]]:
        for document in documents:
            # spaCy's guard against parsers that need a gigabyte a million characters
            self._nlp.max_length = max(self._nlp.max_length, len(document.text) + 1)
            yield document.text, document


class _Word(NamedTuple):
    """A word of the checkpoint's tokenizer with the probabilities of its tags."""

    start_char: int
    end_char: int
    probabilities: Any  # (tag,)


class HuggingFaceSystem:
    """A token classifier: the tag of a word is that of its first piece.

    Texts of any length are read in overlapping windows; a word is answered by the
    window in which it has most context. The confidence of a span is the mean, over its
    words, of the probability of its label.
    """

    def __init__(self, folder: Path) -> None:
        from transformers import (
            AutoModelForTokenClassification,
            AutoTokenizer,
            logging,
        )

        from ner_engine.models.encoder import (  # noqa: PLC0415 - slow import
            position_limit,
        )

        _check_classifier(folder)
        logging.disable_progress_bar()
        try:
            self._model = AutoModelForTokenClassification.from_pretrained(
                folder, trust_remote_code=False, use_safetensors=True
            ).eval()
            self._tokenizer = AutoTokenizer.from_pretrained(
                folder, trust_remote_code=False, use_fast=True
            )
        except (OSError, ValueError, ImportError) as error:
            reason = f"not a checkpoint that loads here ({type(error).__name__})"
            raise BundleError(f"{folder}: {reason}") from error
        if not self._tokenizer.is_fast:
            raise BundleError(f"{folder}: its tokenizer tells no offsets")
        self._tags = [
            _tag_parts(str(self._model.config.id2label[index]))
            for index in range(self._model.config.num_labels)
        ]
        self._length = min(
            int(self._tokenizer.model_max_length),
            position_limit(self._model.config),
            _LONGEST_INPUT,
        )
        self._digest = _folder_digest(folder)

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of the tags, sorted."""
        return tuple(sorted({label for _, label in self._tags if label is not None}))

    @property
    def digest(self) -> str:
        """Digest of the folder's files."""
        return self._digest

    def predict(self, documents: Iterable[Document]) -> Iterator[Document]:
        """Classify the words of the texts, in chunks of documents."""
        stream = iter(documents)
        while chunk := list(islice(stream, _CHUNK_DOCUMENTS)):
            encodings = [self._windows(document.text) for document in chunk]
            answers = self._classify([one for rows in encodings for one in rows])
            for document, rows in zip(chunk, encodings, strict=True):
                pairs = [(row, next(answers)) for row in rows]
                words = _words(document.text, pairs)
                yield replace(document, spans=tuple(sorted(self._spans(words))))

    def _windows(self, text: str) -> list[Any]:
        encoded = self._tokenizer(
            text,
            truncation=True,
            max_length=self._length,
            stride=self._length // 4,
            return_overflowing_tokens=True,
        )
        return list(encoded.encodings)

    def _classify(self, windows: list[Any]) -> Iterator[Any]:
        """Return probabilities (piece, tag) of each window, in order."""
        import torch

        from ner_engine.models.emissions import (  # noqa: PLC0415 - slow import
            group_by_size,
        )

        answers: list[Any] = [None] * len(windows)
        sizes = [len(window.ids) for window in windows]
        pad_id = int(self._tokenizer.pad_token_id or 0)
        for group in group_by_size(sizes, _BATCH_PIECES):
            width = sizes[group[0]]
            ids = torch.tensor(
                [windows[i].ids + [pad_id] * (width - sizes[i]) for i in group]
            )
            lengths = torch.tensor([sizes[i] for i in group])
            mask = (torch.arange(width) < lengths.unsqueeze(1)).long()
            with torch.inference_mode():
                logits = self._model(input_ids=ids, attention_mask=mask).logits
            chances = logits.float().softmax(dim=-1).numpy()
            for line, index in enumerate(group):
                answers[index] = chances[line, : sizes[index]]
        return iter(answers)

    def _spans(self, words: list[_Word]) -> Iterator[Span]:
        last_prefix, last_label = OUTSIDE, None
        run: list[_Word] = []
        for word in words:
            prefix, label = self._tags[int(word.probabilities.argmax())]
            if label is None or begins_entity(last_prefix, last_label, prefix, label):
                if run and last_label is not None:
                    yield self._span(run, last_label)
                run = []
            if label is not None:
                run.append(word)
            last_prefix, last_label = prefix, label
        if run and last_label is not None:
            yield self._span(run, last_label)

    def _span(self, words: list[_Word], label: str) -> Span:
        columns = [index for index, (_, name) in enumerate(self._tags) if name == label]
        chances = [float(word.probabilities[columns].sum()) for word in words]
        confidence = min(1.0, sum(chances) / len(chances))
        return Span(words[0].start_char, words[-1].end_char, label, confidence)


def predict_uncalibrated(
    predictor: Predictor, documents: Iterable[Document]
) -> Iterator[tuple[Document, Document]]:
    """Yield each document with calibrated confidences, and with the posteriors behind.

    The predictor gives posteriors from here on: take it for nothing else.
    """
    from ner_engine.models.calibration import Calibration  # noqa: PLC0415 - slow import

    calibration = predictor.bundle.calibration
    predictor.bundle = replace(predictor.bundle, calibration=Calibration())
    for raw in predictor.predict(documents):
        spans = tuple(
            span
            if span.confidence is None
            else replace(
                span, confidence=calibration.apply(span.confidence, raw.language)
            )
            for span in raw.spans or ()
        )
        yield replace(raw, spans=spans), raw


def _words(text: str, windows: list[tuple[Any, Any]]) -> list[_Word]:
    """Merge the windows of one text: each word from where it has most context."""
    best: dict[int, tuple[int, _Word]] = {}
    for encoding, chances in windows:
        last = len(encoding.ids) - 1
        taken: dict[int, tuple[int, int, int]] = {}  # piece, start, end of each word
        for piece, word in enumerate(encoding.word_ids):
            if word is None:
                continue
            start, end = encoding.offsets[piece]
            first, begin, _ = taken.get(word, (piece, start, end))
            taken[word] = (first, begin, end)
        for word, (piece, start, end) in taken.items():
            room = min(piece, last - piece)
            if word not in best or room > best[word][0]:
                start, end = _trim(text, start, end)
                best[word] = (room, _Word(start, end, chances[piece]))
    words = [best[word][1] for word in sorted(best)]
    return [word for word in words if word.start_char < word.end_char]


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    """Leave out white space that a tokenizer counts to a word."""
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return start, end


def _tag_parts(tag: str) -> tuple[str, str | None]:
    """Split a checkpoint's tag; a name without prefix is a label of its own."""
    try:
        return split_prefix(tag)
    except ValueError:
        return "I", tag


def _check_classifier(folder: Path) -> None:
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        kinds = [str(name) for name in config.get("architectures") or ()]
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise BadInput("no readable configuration", path=path) from error
    if not any(kind.endswith("ForTokenClassification") for kind in kinds):
        raise BundleError(f"{folder}: the checkpoint is no token classifier")


def _folder_digest(folder: Path) -> str:
    """Return the SHA-256 over names and bytes of a folder's files."""
    hasher = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            hasher.update(f"{path.relative_to(folder).as_posix()}\0".encode())
            with path.open("rb") as file:
                hasher.update(hashlib.file_digest(file, "sha256").digest())
    return hasher.hexdigest()
