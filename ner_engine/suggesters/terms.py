"""Term lists: files, and lists grown from what was annotated. Standard library only."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ner_engine.errors import BadInput
from ner_engine.suggesters.folding import fold_word
from ner_engine.text.tokens import primary_language, tokenize
from ner_engine.types import Document

MAX_TERM_CHARS = 200
MAX_TERMS = 200_000


@dataclass(frozen=True, slots=True)
class Term:
    """A term of a label, as it was written."""

    label: str
    text: str


def read_terms(path: Path, *, label: str | None = None) -> tuple[Term, ...]:
    """Read a term list.

    Parameters
    ----------
    path : Path
        UTF-8. With *label*, a term a line; without, CSV (comma, semicolon or tab) with
        the columns ``term`` and ``label``.

    Returns
    -------
    tuple of Term
        In order, each once; empty lines and those that begin with ``#`` are left out.

    Raises
    ------
    BadInput
        With file and line: no such columns, a row without one of the two, a term of
        more than `MAX_TERM_CHARS` characters, more than `MAX_TERMS` terms, not UTF-8.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput("not UTF-8", path=path) from error
    rows = _plain_rows(text, label) if label else _table_rows(text, path)
    terms: dict[Term, None] = {}
    for line, name, term in rows:
        if not name or not term:
            raise BadInput("a row without term or label", path=path, line=line)
        if len(term) > MAX_TERM_CHARS:
            raise BadInput(f"a term of {len(term)} characters", path=path, line=line)
        terms[Term(name, term)] = None
        if len(terms) > MAX_TERMS:
            raise BadInput(f"more than {MAX_TERMS} terms", path=path, line=line)
    return tuple(terms)


def _plain_rows(text: str, label: str) -> Iterable[tuple[int, str, str]]:
    for line, row in enumerate(text.splitlines(), start=1):
        if row.strip() and not row.startswith("#"):
            yield line, label, row.strip()


def _table_rows(text: str, path: Path) -> Iterable[tuple[int, str, str]]:
    head = text.split("\n", 1)[0]
    delimiter = max("\t;,", key=head.count)
    reader = csv.DictReader(text.splitlines(), delimiter=delimiter)
    names = {(name or "").strip().lower(): name for name in reader.fieldnames or ()}
    if not {"term", "label"} <= set(names):
        raise BadInput("no columns `term` and `label`", path=path, line=1)
    try:
        for row in reader:
            term, label = (row[names[key]] or "" for key in ("term", "label"))
            if term.strip() or label.strip():
                yield reader.line_num, label.strip(), term.strip()
    except csv.Error as error:
        raise BadInput(f"not CSV: {error}", path=path, line=reader.line_num) from error


def term_key(text: str, language: str) -> tuple[str, ...]:
    """Return what forms of a term share: the keys of its tokens."""
    code = primary_language(language)
    return tuple(
        fold_word(text[token.start_char : token.end_char], code)
        for token in tokenize(text, language)
    )


def grow_terms(
    documents: Iterable[Document],
    *,
    min_count: int = 2,
    min_share: float = 0.8,
) -> tuple[Term, ...]:
    """Make a term list of the mentions of annotated notes.

    Parameters
    ----------
    documents : iterable of Document
        Annotated; those of a label that a note is not exhaustive for teach as well.
    min_count : int
        Mentions that a term must have had.
    min_share : float
        Of a term's occurrences in the notes, as words, how many must be annotated with
        the label: "alta" is a finding in few places.

    Returns
    -------
    tuple of Term
        Most frequent first, in its most frequent spelling.
    """
    rows = [document for document in documents if document.spans]
    spellings: dict[tuple[str, tuple[str, ...]], Counter[str]] = {}
    texts: list[list[str]] = []
    for document in rows:
        code = primary_language(document.language)
        texts.append(
            [
                fold_word(document.text[token.start_char : token.end_char], code)
                for token in tokenize(document.text, document.language)
            ]
        )
        for span in document.spans or ():
            mention = " ".join(span.mention(document.text).split())
            key = term_key(mention, document.language)
            if _is_term(mention, key):
                spellings.setdefault((span.label, key), Counter())[mention] += 1
    occurrences = _count_occurrences({key for _, key in spellings}, texts)
    grown = [
        (sum(forms.values()), Term(label, forms.most_common(1)[0][0]))
        for (label, key), forms in spellings.items()
        if sum(forms.values()) >= min_count
        and sum(forms.values()) >= min_share * occurrences[key]
    ]
    grown.sort(key=lambda row: (-row[0], row[1].label, row[1].text))
    return tuple(term for _, term in grown)


def _is_term(mention: str, key: tuple[str, ...]) -> bool:
    # A number says nothing about the next note.
    has_letters = re.search(r"[^\W\d_]{2}", mention) is not None
    return has_letters and bool(key) and len(mention) <= MAX_TERM_CHARS


def _count_occurrences(
    keys: set[tuple[str, ...]], texts: list[list[str]]
) -> Mapping[tuple[str, ...], int]:
    lengths = sorted({len(key) for key in keys})
    counts: Counter[tuple[str, ...]] = Counter()
    for words in texts:
        for start in range(len(words)):
            for length in lengths:
                found = tuple(words[start : start + length])
                if len(found) == length and found in keys:
                    counts[found] += 1
    return counts
