"""Finds terms and token patterns in notes, on the tokens that the project stores."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ner_engine.errors import BadInput
from ner_engine.suggesters.folding import fold_word
from ner_engine.suggesters.terms import MAX_TERM_CHARS, Term
from ner_engine.text.tokens import primary_language, tokenize
from ner_engine.types import Span, Token

# What a token knows without a tagger or parser.
TOKEN_KEYS = frozenset(
    {
        "ORTH", "TEXT", "LOWER", "NORM", "SHAPE", "PREFIX", "SUFFIX", "LENGTH", "OP",
        "IS_ALPHA", "IS_ASCII", "IS_DIGIT", "IS_LOWER", "IS_UPPER", "IS_TITLE",
        "IS_PUNCT", "IS_STOP", "IS_BRACKET", "IS_QUOTE", "LIKE_NUM", "IS_CURRENCY",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class TokenPattern:
    """A rule of spaCy's EntityRuler over tokens; ``line`` of its file, from 1."""

    label: str
    tokens: tuple[Mapping[str, Any], ...]
    line: int = 0


def read_patterns(path: Path) -> tuple[tuple[Term, ...], tuple[TokenPattern, ...]]:
    """Read patterns in the JSONL form that spaCy's EntityRuler and Prodigy share.

    A row is ``{"label": …, "pattern": …}``; the pattern a string, which is taken as a
    term, or a list of token descriptions. Other keys of a row (``id``) are passed over.

    Raises
    ------
    BadInput
        With file and line: no JSON, no label, an empty pattern, a description that
        needs a tagger (``POS``, ``LEMMA``) or that spaCy refuses.
    """
    terms: list[Term] = []
    patterns: list[TokenPattern] = []
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput("not UTF-8", path=path) from error
    for line, row in enumerate(text.split("\n"), start=1):
        if not row.strip():
            continue
        found = _read_row(row, path, line)
        if isinstance(found, Term):
            terms.append(found)
        else:
            patterns.append(found)
    return tuple(terms), tuple(patterns)


def _read_row(row: str, path: Path, line: int) -> Term | TokenPattern:
    try:
        values = json.loads(row)
    except ValueError as error:
        raise BadInput("not JSON", path=path, line=line) from error
    label = values.get("label") if isinstance(values, dict) else None
    if not isinstance(label, str) or not label:
        raise BadInput("no label", path=path, line=line)
    pattern = values.get("pattern")
    if isinstance(pattern, str) and pattern.strip():
        if len(pattern) > MAX_TERM_CHARS:
            raise BadInput(f"a term of {len(pattern)} characters", path=path, line=line)
        return Term(label, pattern.strip())
    if not isinstance(pattern, list) or not pattern:
        raise BadInput("no pattern", path=path, line=line)
    for token in pattern:
        if not isinstance(token, dict):
            raise BadInput("a token that is no object", path=path, line=line)
        unknown = sorted({str(key).upper() for key in token} - TOKEN_KEYS)
        if unknown:
            raise BadInput(
                f"a token cannot be described by {', '.join(unknown)} here",
                path=path,
                line=line,
            )
    rule = TokenPattern(label, tuple(pattern), line)
    try:
        PatternMatcher("xx", patterns=[rule])
    except ValueError as error:  # spaCy's own errors are of this kind
        raise BadInput("not a token pattern", path=path, line=line) from error
    return rule


class PatternMatcher:
    """Finds terms and token patterns in texts of one language.

    Terms match whatever the case, accents and plural of their words; token patterns as
    spaCy's Matcher has it. Of overlapping matches of one label the longest is kept,
    then the earliest; labels do not see each other.

    Parameters
    ----------
    language : str
        ISO code; decides on tokens, plural forms and numbers in words.
    terms : iterable of Term
    patterns : iterable of TokenPattern

    Notes
    -----
    What a text's words leave in spaCy's vocabulary is freed after each call. A pattern
    with ``REGEX`` runs as it was written: one that backtracks without end is its
    author's.
    """

    def __init__(
        self,
        language: str,
        *,
        terms: Iterable[Term] = (),
        patterns: Iterable[TokenPattern] = (),
    ) -> None:
        import spacy
        from spacy.matcher import Matcher, PhraseMatcher

        self._language = language
        self._code = primary_language(language)
        try:
            self._vocab = spacy.blank(self._code).vocab
        except ImportError:  # spaCy's answer to a language it does not have
            self._vocab = spacy.blank("xx").vocab
        self._phrases = PhraseMatcher(self._vocab, attr="NORM")
        self._rules = Matcher(self._vocab, validate=True)
        phrases: dict[str, list[Any]] = {}
        for term in terms:
            tokens = tokenize(term.text, language)
            if tokens:
                doc = self._doc(term.text, tokens)
                self._fold(doc)
                phrases.setdefault(term.label, []).append(doc)
        for label, docs in phrases.items():
            self._phrases.add(label, docs)
        rules: dict[str, list[list[dict[str, Any]]]] = {}
        for pattern in patterns:
            tokens_of = [dict(token) for token in pattern.tokens]
            rules.setdefault(pattern.label, []).append(tokens_of)
        for label, alternatives in rules.items():
            self._rules.add(label, alternatives)

    def find(
        self, text: str, tokens: Sequence[Token] | None = None
    ) -> tuple[Span, ...]:
        """Return the matches in a text, sorted, without confidence.

        *tokens* are those that the project stores of the note; made anew if None.
        """
        if tokens is None:
            tokens = tokenize(text, self._language)
        if not tokens:
            return ()
        with self._vocab.memory_zone():
            doc = self._doc(text, tokens)
            # Rules first: they may ask for spaCy's own NORM.
            found = [*self._rules(doc)] if len(self._rules) else []
            if len(self._phrases):
                self._fold(doc)
                found += self._phrases(doc)
            matches = {
                (self._vocab.strings[key], start, end) for key, start, end in found
            }
        return _longest(matches, tokens)

    def _doc(self, text: str, tokens: Sequence[Token]) -> Any:
        from spacy.tokens import Doc

        words = [text[token.start_char : token.end_char] for token in tokens]
        return Doc(self._vocab, words=words)

    def _fold(self, doc: Any) -> None:
        for token in doc:
            token.norm_ = fold_word(token.text, self._code)


def _longest(
    matches: set[tuple[str, int, int]], tokens: Sequence[Token]
) -> tuple[Span, ...]:
    taken: dict[str, set[int]] = {}
    spans: list[Span] = []
    for label, start, end in sorted(matches, key=_by_length):
        own = taken.setdefault(label, set())
        places = range(start, end)
        if start == end or not own.isdisjoint(places):
            continue
        own.update(places)
        spans.append(Span(tokens[start].start_char, tokens[end - 1].end_char, label))
    return tuple(sorted(spans))


def _by_length(match: tuple[str, int, int]) -> tuple[int, int, str]:
    label, start, end = match
    return (start - end, start, label)
