"""Invented clinical notes and dialogues in es, fr and en, fully annotated.

Frames and words stand in ``lexicon/*.json``; no patient's text went into them. Each
document is a random expansion, roughened the way tired authors type, with offsets right
by construction. Standard library only.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from importlib.resources import files
from itertools import chain
from random import Random
from typing import Any

from ner_engine.data.grammar import Grammar, Piece, Style
from ner_engine.types import Document, Span, Turn

SYNTHETIC_LANGUAGES = ("es", "fr", "en")

_DIALOGUE_SHARE = 0.2
_BULLETS = ("", "", "- ", "- ", "• ", "* ", "1. ", "1) ", "\t", "– ", "-")

# Prefixes of the two speakers; the empty pair stands for turns told by a dash alone.
_SPEAKERS = {
    "es": (
        ("Médico: ", "Paciente: "), ("Doctora: ", "Paciente: "), ("M: ", "P: "),
        ("Dr. Soler: ", "Paciente: "), ("[doctor] ", "[patient] "), ("- ", "- "),
        ("D: ", "P: "), ("Enfermera: ", "Paciente: "), ("DOCTOR: ", "PACIENTE: "),
    ),
    "fr": (
        ("Médecin : ", "Patient : "), ("Docteur : ", "Patiente : "), ("M : ", "P : "),
        ("Dr Roux : ", "Patient : "), ("[medecin] ", "[patient] "), ("- ", "- "),
        ("— ", "— "), ("Infirmière : ", "Patient : "), ("MÉDECIN : ", "PATIENT : "),
    ),
    "en": (
        ("Doctor: ", "Patient: "), ("[doctor] ", "[patient] "), ("D: ", "P: "),
        ("Dr. Hughes: ", "Patient: "), ("[doctor] ", "[patient] "), ("- ", "- "),
        ("Nurse: ", "Patient: "), ("DOCTOR: ", "PATIENT: "), ("Clin: ", "Pt: "),
    ),
}  # fmt: skip

_Roughen = Callable[[Piece, Random], str]


@lru_cache(maxsize=len(SYNTHETIC_LANGUAGES))
def load_grammar(language: str) -> Grammar:
    """Return the grammar of a language.

    Raises
    ------
    ValueError
        For a language without a lexicon.
    """
    if language not in SYNTHETIC_LANGUAGES:
        raise ValueError(f"no lexicon for language {language!r}")
    words = _load_json(f"words.{language}.json")["words"]
    rules = _load_json(f"frames.{language}.json")["rules"]
    return Grammar({**words, **rules})


def generate_documents(language: str, n: int, seed: int) -> Iterator[Document]:
    """Generate annotated documents, the same ones for the same seed.

    Parameters
    ----------
    language : str
        es, fr or en.
    n : int
        How many. The first documents do not depend on it.
    seed : int
        Documents of different seeds share sentences by chance only.

    Yields
    ------
    Document
        With spans of the five default labels, exhaustive; dialogues carry turns.
    """
    load_grammar(language)
    for index in range(n):
        rng = Random(f"{language}/{seed}/{index}")  # noqa: S311 - nothing secret
        yield _document(language, rng, f"synthetic-{language}-{seed}-{index}")


def _load_json(name: str) -> dict[str, Any]:
    source = files("ner_engine.data") / "lexicon" / name
    content: dict[str, Any] = json.loads(source.read_text(encoding="utf-8"))
    return content


def _document(language: str, rng: Random, document_id: str) -> Document:
    style = Style(
        bullet=rng.choice(_BULLETS),
        decimal_mark="." if language == "en" or rng.random() < 0.3 else ",",
    )
    roughen = _choose_roughness(language, rng)
    if rng.random() >= _DIALOGUE_SHARE:
        pieces = load_grammar(language).expand("note", rng, style)
        capitals = _in_lower_case not in roughen and rng.random() < 0.75
        rough = _rough(pieces, roughen, rng)
        text, spans = _join(rough, language, capitals=capitals)
        return _finished(document_id, language, text, spans, ())
    return _dialogue(language, rng, style, roughen, document_id)


def _finished(
    document_id: str,
    language: str,
    text: str,
    spans: Iterable[Span],
    turns: tuple[Turn, ...],
) -> Document:
    genre = "dialogue" if turns else "note"
    return Document(
        id=document_id,
        text=text,
        language=language,
        spans=tuple(spans),
        turns=turns,
        metadata={"corpus": f"synthetic-{language}", "genre": genre},
    )


def _dialogue(
    language: str, rng: Random, style: Style, roughen: list[_Roughen], document_id: str
) -> Document:
    grammar = load_grammar(language)
    prefixes = rng.choice(_SPEAKERS[language])
    if rng.random() < 0.3:
        roughen = [*roughen, _as_transcribed]
    text, spans, turns = "", list[Span](), list[Turn]()
    for index in range(rng.randint(3, 12)):
        side = index % 2
        rule = "turn_p" if side else "turn_d"
        pieces = grammar.expand(rule, rng, style)
        if rng.random() < 0.3:
            pieces = chain(pieces, [Piece(" ")], grammar.expand(rule, rng, style))
        rough = _rough(pieces, roughen, rng)
        said, said_spans = _join(rough, language, capitals=False)
        text += prefixes[side]
        start_char = len(text)
        text += said
        spans.extend(
            Span(s.start_char + start_char, s.end_char + start_char, s.label)
            for s in said_spans
        )
        speaker = prefixes[side].strip(" []:-—")
        role = "patient" if side else _doctor_role(speaker)
        turns.append(Turn(speaker, role, start_char, len(text)))
        text += "\n"
    return _finished(document_id, language, text.rstrip("\n"), spans, tuple(turns))


def _doctor_role(speaker: str) -> str:
    nurses = ("enfermera", "infirmière", "nurse")
    return "nurse" if speaker.lower() in nurses else "doctor"


def _join(
    pieces: Iterable[Piece], language: str, *, capitals: bool
) -> tuple[str, list[Span]]:
    """Lay pieces one after another and note where the labelled ones come to stand."""
    text, spans = "", list[Span]()
    for piece in pieces:
        surface = piece.text
        if capitals and (not text or text.endswith(_SENTENCE_ENDS)):
            surface = surface[:1].upper() + surface[1:]
        if piece.label is None:
            text += surface.lstrip(" ") if text.endswith((" ", "\n")) else surface
            continue
        mention = surface.strip()
        if not mention:
            continue
        if surface[0].isspace() and not text.endswith((" ", "\n")):
            text += " "
        text = _joined_before(text, mention, language)
        spans.append(Span(len(text), len(text) + len(mention), piece.label))
        text += mention
    return text.rstrip(), spans


_SENTENCE_ENDS = ("\n", ". ", "- ", "• ")
_ELISION = re.compile(r"(?<!\w)([dDlL])[eaEA] $")
_NO_ELISION = ("hern", "hoq", "hand", "onz", "hum")


def _joined_before(text: str, mention: str, language: str) -> str:
    """Return *text* as it reads before *mention*: "de" becomes "d'", "a" "an"."""
    first = unicodedata.normalize("NFD", mention)[0].lower()
    if language == "fr" and text.endswith("'des "):
        text = text.removesuffix("'des ") + "e "
    elides = first in "aeiouœh" and not mention.lower().startswith(_NO_ELISION)
    if language == "fr" and elides:
        return _ELISION.sub(r"\1'", text)
    if language == "es" and re.match(r"(?i)h?i(?!e)", mention):
        return re.sub(r"(?<= )y $", "e ", text)
    if language == "en" and first in "aeiou":
        return re.sub(r"(?<!\w)([aA]) $", r"\1n ", text)
    return text


def _choose_roughness(language: str, rng: Random) -> list[_Roughen]:
    """Draw how this document's author types. Shares are guesses from real notes."""
    steps: list[tuple[float, _Roughen]] = [
        (0.30, _tight_units),
        (0.15 if language == "fr" else 0.04, _hard_space_units),
        (0.12, _without_accents),
        (0.25, _with_typos),
        (0.06, _in_capitals),
        (0.08, _in_lower_case),
        (0.12, _without_full_stops),
        (0.05, _tight_commas),
    ]
    return [step for share, step in steps if rng.random() < share]


def _rough(
    pieces: Iterable[Piece], steps: list[_Roughen], rng: Random
) -> Iterator[Piece]:
    for piece in pieces:
        rough = piece
        for step in steps:
            rough = Piece(step(rough, rng), piece.label)
        yield rough


_AMOUNT = re.compile(r"(?<=\d) (?=(?:mg|g|ml|mcg|UI|µg|comp|cp|h|d)\b)")


def _tight_units(piece: Piece, rng: Random) -> str:
    if piece.label is None or rng.random() < 0.4:
        return piece.text
    return _AMOUNT.sub("", piece.text)


def _hard_space_units(piece: Piece, rng: Random) -> str:
    if piece.label is None or rng.random() < 0.3:
        return piece.text
    return _AMOUNT.sub("\u00a0", piece.text)


def _without_accents(piece: Piece, rng: Random) -> str:
    if rng.random() < 0.15:  # even a hurried author types some
        return piece.text
    decomposed = unicodedata.normalize("NFD", piece.text)
    bare = "".join(c for c in decomposed if not unicodedata.combining(c))
    return bare.replace("œ", "oe").replace("Œ", "Oe")


def _in_capitals(piece: Piece, _rng: Random) -> str:
    return piece.text.upper()


def _in_lower_case(piece: Piece, _rng: Random) -> str:
    return piece.text.lower()


def _without_full_stops(piece: Piece, _rng: Random) -> str:
    return piece.text if piece.label else re.sub(r"\.(?=\s|$)", "", piece.text)


def _tight_commas(piece: Piece, _rng: Random) -> str:
    return piece.text if piece.label else piece.text.replace(", ", ",")


def _as_transcribed(piece: Piece, _rng: Random) -> str:
    """Write the way speech recognition does: no capitals, few marks."""
    return re.sub(r"[.,¿?¡!;:]+(?=\s|$|\w)", "", piece.text).lower()


_WORD = re.compile(r"[^\W\d_]{5,}")


def _with_typos(piece: Piece, rng: Random) -> str:
    def mistype(match: re.Match[str]) -> str:
        word = match.group()
        if rng.random() >= 0.03:
            return word
        at = rng.randrange(1, len(word) - 1)
        kind = rng.randrange(3)
        if kind == 0:  # two letters swapped
            return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        if kind == 1:  # a letter missed
            return word[:at] + word[at + 1 :]
        return word[:at] + word[at] + word[at:]

    return _WORD.sub(mistype, piece.text)
