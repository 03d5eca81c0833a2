"""What a translator is, and where the one of a name comes from. Standard library only.

Making a translator is cheap and needs neither its package nor the network: models are
loaded and services called by the first translation, so that an estimate works anywhere.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

from ner_engine.errors import BadInput, NerEngineError
from ner_engine.translation.segments import Unit

# How a term of the glossary comes through a backend untouched: as a made-up word that
# it does not know, in an element that HTML marks as not for translation, or as it is.
Shield = Literal["word", "element", "none"]

# name -> what makes it of a direction and options; the name is what a user says.
_HERE = "ner_engine.translation"
BACKENDS: dict[str, str] = {
    "apertium": f"{_HERE}.apertium:ApertiumTranslator.from_options",
    "google": f"{_HERE}.google_cloud:GoogleTranslator.from_options",
    "marian": f"{_HERE}.seq2seq:Seq2SeqTranslator.marian",
    "nllb": f"{_HERE}.seq2seq:Seq2SeqTranslator.nllb",
    "ctranslate2": f"{_HERE}.ctranslate:CTranslate2Translator.from_options",
    "argos": f"{_HERE}.ctranslate:ArgosTranslator.from_options",
    "glossary": f"{_HERE}.glossary:GlossaryTranslator.from_options",
}
T = TypeVar("T")


class TranslatorMissing(NerEngineError):
    """A program, package, language pair or model is not here; says how to get it."""


class TranslatorRefused(NerEngineError):
    """A service that refuses all work: no permission, quota spent, wrong settings."""


class TranslatorUnavailable(NerEngineError):
    """A service that did not answer, however often it was asked."""


class TextRefused(NerEngineError):
    """A service will not translate one of these texts; others may pass."""


@dataclass(frozen=True, slots=True)
class Traits:
    """What the rest must know of a translator.

    Parameters
    ----------
    name : str
        As in `BACKENDS`.
    version : str
        Names all that its output depends on besides text and direction: model,
        versions, settings. Part of the cache's key.
    source, target : str
        ISO 639-1 codes.
    takes_html : bool
        Texts go in and come out as HTML, and marks travel; else as plain text.
    unit : {"sentence", "paragraph"}
        What it translates best.
    max_chars : int
        Longest text it gets, in code points.
    batch_texts, batch_chars : int
        Most texts and code points of one call.
    price_per_million : float
        List price in USD of a million code points sent; 0 where nothing is paid.
    leaves_host : bool
        The text is sent to somebody else.
    shield : {"word", "element", "none"}
        How terms of a glossary come through.
    """

    name: str
    version: str
    source: str
    target: str
    takes_html: bool
    unit: Unit
    max_chars: int
    batch_texts: int
    batch_chars: int
    price_per_million: float = 0.0
    leaves_host: bool = False
    shield: Shield = "none"


class Translator(Protocol):
    """Translates texts of one language into another."""

    @property
    def traits(self) -> Traits:
        """What it is and what it takes."""

    @property
    def counts(self) -> Counter[str]:
        """Its own tally (requests, retries, unfinished texts), for reports."""

    def translate(self, texts: Sequence[str]) -> list[str]:
        """Translate one batch; the answer has a text for each, in order.

        Raises
        ------
        TranslatorMissing, TranslatorRefused, TranslatorUnavailable, TextRefused
            Never with text in the message.
        """


def make_translator(
    name: str, *, source: str, target: str, options: Mapping[str, str] | None = None
) -> Translator:
    """Return the translator of a name.

    Parameters
    ----------
    name : str
        A key of `BACKENDS`.
    source, target : str
        ISO 639-1 codes.
    options : mapping of str to str, optional
        The backend's own settings, as a user writes them.

    Raises
    ------
    BadInput
        For an unknown name, setting or value.
    NerEngineError
        For a direction that the backend does not have.
    """
    if name not in BACKENDS:
        raise BadInput(f"unknown backend {name}; known: {', '.join(BACKENDS)}")
    module, _, attribute = BACKENDS[name].partition(":")
    make = attrgetter(attribute)(importlib.import_module(module))
    translator: Translator = make(source=source, target=target, options=options or {})
    return translator


def read_options(kind: type[T], options: Mapping[str, str], *, backend: str) -> T:
    """Make a backend's frozen options of what a user wrote.

    Raises
    ------
    BadInput
        For an unknown name or a value of another type.
    """
    kinds = {field.name: str(field.type) for field in fields(kind)}  # type: ignore[arg-type]
    values: dict[str, Any] = {}
    for name, text in options.items():
        if name not in kinds:
            known = ", ".join(kinds) or "none"
            raise BadInput(f"backend {backend}: unknown option {name}; known: {known}")
        values[name] = _read_value(backend, name, kinds[name], text)
    return kind(**values)


def _read_value(backend: str, name: str, kind: str, text: str) -> Any:
    if kind == "str":
        return text
    try:
        value = int(text) if kind == "int" else float(text)
    except ValueError as error:
        reason = f"backend {backend}: {name} is no number"
        raise BadInput(reason) from error
    if not math.isfinite(value) or value < 0:
        raise BadInput(f"backend {backend}: {name} must be 0 or more")
    return value


def fingerprint(*parts: object) -> str:
    """Return a short digest of JSON values, for a version."""
    text = json.dumps(parts, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def folder_fingerprint(folder: Path) -> str:
    """Return a short digest of a folder's file names, sizes and times.

    Not of their content: models are gigabytes, and this runs before each use.
    """
    rows = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            found = path.stat()
            name = path.relative_to(folder).as_posix()
            rows.append([name, found.st_size, found.st_mtime_ns])
    return fingerprint(rows)
