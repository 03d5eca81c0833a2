"""A bilingual list of terms that a user edits, applied before or after any translator.

It is for the words that a translator gets wrong every time ("diarios" as "newspapers").
*Before*: the term is exchanged in the source and shielded from the translator. *After*:
where the source has the term, what the translator made of it is exchanged in the
translation. Standard library only.
"""

from __future__ import annotations

import csv
import html
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, NamedTuple

from ner_engine.data.problems import Problem
from ner_engine.errors import BadInput, NerEngineError
from ner_engine.translation.backends import Shield, Traits, fingerprint, read_options
from ner_engine.types import Span

# What of a term's spelling counts: "anycase" accents only, "exact" case too, "loose"
# neither ("ano" is not "año", so accents count unless the file says otherwise).
Match = Literal["anycase", "exact", "loose"]
_MATCHES: dict[str, Match] = {"anycase": "anycase", "exact": "exact", "loose": "loose"}
_COLUMNS = ("wrong", "match")
_WORD = re.compile(r"[^\W_]+")
# Made-up words stand for terms while a rule-based translator works: letters only, and
# no word of the languages at hand. The letter between tells them apart.
_STAND_IN = "Qzx{}xzq"
_STAND_IN_BACK = re.compile(r"qzx([a-z]+)xzq", re.IGNORECASE)
_LETTERS = "abcdfghjklmnpqrstvwyz"


@dataclass(frozen=True, slots=True)
class Term:
    """A line: a source term, its translation, and what it is wrongly translated as."""

    source: str
    target: str
    wrong: tuple[str, ...] = ()
    match: Match = "anycase"


class Found(NamedTuple):
    """A term at a half-open range of a text."""

    start: int
    end: int
    term: Term


class Prepared(NamedTuple):
    """A text with stand-ins for its terms; ``targets`` by the letters of a stand-in."""

    text: str
    spans: tuple[Span, ...]
    targets: Mapping[str, str]
    n_skipped: int


class GlossaryTermLost(NerEngineError):
    """A translator lost a stand-in or made two of it."""


class _Folded(NamedTuple):
    """A text as it is compared; characters know where theirs stand in the original."""

    text: str
    starts: list[int]
    ends: list[int]

    def is_whole(self, start: int, end: int) -> bool:
        """Tell whether a range parts no letter from its accents."""
        starts = self.starts
        return (start == 0 or starts[start - 1] != starts[start]) and (
            end == len(starts) or starts[end] != starts[end - 1]
        )


@dataclass(frozen=True)
class Glossary:
    """Terms of one direction.

    Parameters
    ----------
    source, target : str
        ISO 639-1 codes; empty when the file does not say.
    terms : tuple of Term
    """

    source: str
    target: str
    terms: tuple[Term, ...]
    _index: Mapping[Match, Mapping[str, Sequence[tuple[re.Pattern[str], Term]]]] = (
        field(init=False, repr=False, compare=False)
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "_index", _index(self.terms))

    def for_direction(self, source: str, target: str) -> Glossary:
        """Return it for a direction; a file of the opposite one is turned round.

        Raises
        ------
        BadInput
            When the file is for other languages.
        """
        if (self.source, self.target) in {("", ""), (source, target)}:
            return self
        if (self.source, self.target) == (target, source):
            turned = (
                replace(term, source=term.target, target=term.source, wrong=())
                for term in self.terms
            )
            # Two terms with one translation: the first is its translation back.
            first: dict[str, Term] = {}
            for term in turned:
                first.setdefault(_fold(term.source, term.match).text, term)
            return Glossary(source, target, tuple(first.values()))
        raise BadInput(
            f"the glossary is for {self.source}-{self.target}, not {source}-{target}"
        )

    def find(self, text: str) -> list[Found]:
        """Return the terms of a text from the left, the longest first; none overlap."""
        found: list[Found] = []
        for match, by_word in self._index.items():
            folded = _fold(text, match)
            for word in _WORD.finditer(folded.text):
                for pattern, term in by_word.get(word.group(), ()):
                    hit = pattern.match(folded.text, word.start())
                    if hit is not None and folded.is_whole(*hit.span()):
                        start = folded.starts[hit.start()]
                        found.append(Found(start, folded.ends[hit.end() - 1], term))
                        break
        found.sort(key=lambda hit: (hit.start, -hit.end))
        chosen: list[Found] = []
        for candidate in found:
            if not chosen or candidate.start >= chosen[-1].end:
                chosen.append(candidate)
        return chosen

    def prepare(self, text: str, spans: Sequence[Span]) -> Prepared:
        """Put a stand-in for each term of a text; spans move along.

        Terms that cross the edge of a span stay as they are and are counted.
        """
        hits = self.find(text)
        fitting = [hit for hit in hits if not _crosses(hit.start, hit.end, spans)]
        targets: dict[str, str] = {}
        changes = []
        for number, hit in enumerate(fitting):
            letters = _letters(number)
            targets[letters] = _cased(text[hit.start : hit.end], hit.term)
            changes.append((hit.start, hit.end, _STAND_IN.format(letters)))
        changed, moved = exchange(text, spans, changes)
        return Prepared(changed, moved, targets, len(hits) - len(fitting))

    def correct(
        self,
        source_text: str,
        target_text: str,
        spans: Sequence[Span],
        wrong: Mapping[str, Sequence[str]],
    ) -> tuple[str, tuple[Span, ...], Counter[str]]:
        """Exchange in a translation what was made of the terms of its source.

        Parameters
        ----------
        source_text, target_text : str
            A piece and its translation.
        spans : sequence of Span
            Of the translation.
        wrong : mapping of str to sequence of str
            Wrong translations by term, where the file names none: what the translator
            makes of the term alone.

        Returns
        -------
        text, spans, counts
            ``glossary_applied``, and ``glossary_skipped`` for terms whose wrong
            translation was not found or crosses the edge of a span.
        """
        counts: Counter[str] = Counter()
        changes: list[tuple[int, int, str]] = []
        for term, n_times in Counter(
            hit.term for hit in self.find(source_text)
        ).items():
            right = [hit.start for hit in _places(target_text, [term.target])]
            missing = n_times - len(right)
            candidates = term.wrong or wrong.get(term.source, ())
            for hit in _places(target_text, candidates):
                free = all(hit.end <= a or hit.start >= b for a, b, _ in changes)
                if missing > 0 and free and not _crosses(hit.start, hit.end, spans):
                    new = _cased(
                        target_text[hit.start : hit.end], hit.term, term.target
                    )
                    changes.append((hit.start, hit.end, new))
                    missing -= 1
                    counts["glossary_applied"] += 1
            counts["glossary_skipped"] += max(missing, 0)
        text, moved = exchange(target_text, spans, sorted(changes))
        return text, moved, counts


def shield(text: str, targets: Mapping[str, str], how: Shield, *, is_html: bool) -> str:
    """Give the stand-ins of a text the form that a translator leaves alone."""
    if how == "word":
        return text

    def put(match: re.Match[str]) -> str:
        target = targets.get(match[1].lower())
        if target is None:
            return match[0]
        shown = html.escape(target, quote=False) if is_html else target
        return f'<span translate="no">{shown}</span>' if how == "element" else shown

    return _STAND_IN_BACK.sub(put, text)


def unshield(text: str, targets: Mapping[str, str], *, is_html: bool) -> str:
    """Put the terms where their stand-ins came back.

    Raises
    ------
    GlossaryTermLost
        When one did not come back, or twice.
    """
    returned = Counter(match[1].lower() for match in _STAND_IN_BACK.finditer(text))
    if any(returned[letters] != 1 for letters in targets):
        raise GlossaryTermLost("a term's stand-in was lost")

    def put(match: re.Match[str]) -> str:
        target = targets.get(match[1].lower(), match[0])
        return html.escape(target, quote=False) if is_html else target

    return _STAND_IN_BACK.sub(put, text)


def exchange(
    text: str, spans: Sequence[Span], changes: Iterable[tuple[int, int, str]]
) -> tuple[str, tuple[Span, ...]]:
    """Replace ranges of a text, in order and without overlap; spans move along."""
    parts: list[str] = []
    moves: list[tuple[int, int]] = []  # from this offset on, move by this much
    at = shift = 0
    for start, end, new in changes:
        parts += [text[at:start], new]
        shift += len(new) - (end - start)
        moves.append((end, shift))
        at = end
    parts.append(text[at:])

    def move(offset: int) -> int:
        moved = offset
        for place, by in moves:
            if place > offset:
                break
            moved = offset + by
        return moved

    moved_spans = (
        replace(span, start_char=move(span.start_char), end_char=move(span.end_char))
        for span in spans
    )
    return "".join(parts), tuple(moved_spans)


def read_glossary(path: Path) -> tuple[Glossary, tuple[Problem, ...]]:
    """Read a glossary and every line of it that cannot be used.

    Tab-separated, or comma-separated when the name ends in ``.csv``; UTF-8. The first
    line names the columns: two language codes (or ``source``, ``target``), then
    ``wrong`` (wrong translations, parted by ``|``) and ``match`` where they are wanted.
    Empty lines and lines that begin with ``#`` are passed over.

    Raises
    ------
    BadInput
        When the file cannot be read or its first line names no columns.
    """
    try:
        lines = path.read_bytes().removeprefix(b"\xef\xbb\xbf").splitlines()
    except OSError as error:
        raise BadInput(f"cannot be read: {error.strerror}", path=path) from error
    delimiter = "," if path.suffix.lower() == ".csv" else "\t"
    columns: tuple[str, ...] | None = None
    terms: dict[str, tuple[Term, int]] = {}
    problems: list[Problem] = []
    for number, raw in enumerate(lines, start=1):
        try:
            cells = _cells(raw, delimiter)
            if not cells:
                continue
            if columns is None:
                columns = _columns(cells, path, number)
                continue
            term = _term(cells, columns)
        except BadInput as error:
            if columns is None:
                raise
            problems.append(Problem(str(path), number, error.reason))
            continue
        key = _fold(term.source, term.match).text
        if key in terms:
            reason = f"the term stands on line {terms[key][1]} already"
            problems.append(Problem(str(path), number, reason))
        else:
            terms[key] = (term, number)
    if columns is None:
        raise BadInput("the glossary is empty", path=path)
    languages = ("", "") if columns[0] == "source" else columns[:2]
    kept = tuple(term for term, _ in terms.values())
    return Glossary(languages[0], languages[1], kept), tuple(problems)


def _cells(raw: bytes, delimiter: str) -> list[str]:
    try:
        line = unicodedata.normalize("NFC", raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise BadInput("the line is not UTF-8") from error
    if not line.strip() or line.lstrip().startswith("#"):
        return []
    if delimiter == "\t":
        return [cell.strip() for cell in line.split("\t")]
    try:
        (row,) = csv.reader([line], strict=True)
    except csv.Error as error:
        raise BadInput("the line is not CSV") from error
    return [cell.strip() for cell in row]


def _columns(cells: Sequence[str], path: Path, number: int) -> tuple[str, ...]:
    names = [cell.lower() for cell in cells]
    are_languages = len(names) >= 2 and all(
        re.fullmatch("[a-z]{2,3}", name) for name in names[:2]
    )
    is_named = names[:2] == ["source", "target"]
    rest = names[2:]
    if not (are_languages or is_named) or len(set(names)) != len(names):
        reason = "the first line names no two languages, nor source and target"
        raise BadInput(reason, path=path, line=number)
    if not set(rest) <= set(_COLUMNS):
        reason = f"unknown columns; known after the first two: {', '.join(_COLUMNS)}"
        raise BadInput(reason, path=path, line=number)
    return tuple(names)


def _term(cells: Sequence[str], columns: Sequence[str]) -> Term:
    if len(cells) > len(columns):
        raise BadInput(f"{len(cells)} cells for {len(columns)} columns")
    values = dict(zip(columns, cells, strict=False))
    source, target = values[columns[0]], values.get(columns[1], "")
    if not target:
        raise BadInput("the translation is missing")
    if not _WORD.match(source):
        raise BadInput("the term must begin with a letter or a digit")
    if _STAND_IN_BACK.search(source):
        raise BadInput("the term looks like a stand-in")
    match = values.get("match", "") or ("anycase" if source.islower() else "exact")
    if match not in _MATCHES:
        raise BadInput(f"match is one of {', '.join(_MATCHES)}")
    wrong = (part.strip() for part in values.get("wrong", "").split("|"))
    return Term(source, target, tuple(filter(None, wrong)), _MATCHES[match])


def _index(
    terms: Iterable[Term],
) -> Mapping[Match, Mapping[str, Sequence[tuple[re.Pattern[str], Term]]]]:
    index: dict[Match, dict[str, list[tuple[re.Pattern[str], Term]]]] = {}
    for term in sorted(terms, key=lambda term: -len(term.source)):
        folded = _fold(term.source, term.match).text
        words = r"\s+".join(re.escape(word) for word in folded.split())
        first = _WORD.match(folded)
        if first is not None:
            pattern = re.compile(rf"(?<![^\W_]){words}(?![^\W_])")
            by_word = index.setdefault(term.match, {})
            by_word.setdefault(first.group(), []).append((pattern, term))
    return index


def _fold(text: str, match: Match) -> _Folded:
    """Fold what does not count, one character and its accents at a time."""
    folded: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    start = 0
    while start < len(text):
        end = start + 1
        while end < len(text) and unicodedata.combining(text[end]):
            end += 1
        cluster = unicodedata.normalize("NFC", text[start:end])
        if match != "exact":
            cluster = cluster.casefold()
        if match == "loose":
            parts = unicodedata.normalize("NFD", cluster)
            cluster = "".join(c for c in parts if not unicodedata.combining(c))
        folded.append(cluster)
        starts += [start] * len(cluster)
        ends += [end] * len(cluster)
        start = end
    return _Folded("".join(folded), starts, ends)


def _places(text: str, wordings: Sequence[str]) -> list[Found]:
    """Return where wordings stand in a text, in any case."""
    terms = tuple(Term(w, w) for w in dict.fromkeys(wordings) if _WORD.match(w))
    return Glossary("", "", terms).find(text)


def _crosses(start: int, end: int, spans: Sequence[Span]) -> bool:
    """Tell whether a range overlaps a span and is not inside it."""
    return any(
        start < span.end_char
        and span.start_char < end
        and not (span.start_char <= start and end <= span.end_char)
        for span in spans
    )


def _cased(found: str, term: Term, target: str | None = None) -> str:
    """Write a translation in capitals where the text had them and the term has not."""
    wanted = term.target if target is None else target
    letters = [char for char in found if char.isalpha()]
    if not letters or not term.source[0].islower():
        return wanted
    if len(letters) > 1 and all(char.isupper() for char in letters):
        return wanted.upper()
    return wanted[0].upper() + wanted[1:] if found[0].isupper() else wanted


def _letters(number: int) -> str:
    letters = _LETTERS[number % len(_LETTERS)]
    while number := number // len(_LETTERS):
        letters = _LETTERS[number % len(_LETTERS)] + letters
    return letters


@dataclass(frozen=True, slots=True)
class _NoOptions:
    """The glossary alone has no settings."""


class GlossaryTranslator:
    """Gives texts back as they are: with a glossary before it, term by term."""

    def __init__(self, source: str, target: str) -> None:
        self.counts: Counter[str] = Counter()
        self.traits = Traits(
            name="glossary",
            version=fingerprint("terms"),
            source=source,
            target=target,
            takes_html=True,
            unit="paragraph",
            max_chars=100_000,
            batch_texts=10_000,
            batch_chars=1_000_000,
            shield="word",
        )

    @classmethod
    def from_options(
        cls, *, source: str, target: str, options: Mapping[str, str]
    ) -> GlossaryTranslator:
        """Make it; it has no settings."""
        read_options(_NoOptions, options, backend="glossary")
        return cls(source, target)

    def translate(self, texts: Sequence[str]) -> list[str]:
        """Return the texts."""
        return list(texts)
