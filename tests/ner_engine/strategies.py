"""Hypothesis strategies that the engine's property tests share."""

from __future__ import annotations

from hypothesis import strategies as st

from ner_engine.types import Span, Token

LABELS = ("MEDICATION", "DOSAGE", "FINDING")

# Every kind of character that has broken an offset somewhere, beside plain words.
_AWKWARD = [
    "👩‍⚕️", "🇪🇸", "1️⃣", "e\u0301", "ñ", "µg", "≥", "½", "\u00a0", "\u202f", "\r\n",
    "\r", "\n", "\t", "\u2028", "\u200b", "\ufeff", "\x85", "l'", "0,5", "1.000", "-",
    "c/8h", "...", "Dr.", "'", "_", "漢字", "\u00ad", "\U0001f3fd",
]  # fmt: skip
clinical_text = st.lists(
    st.one_of(
        st.sampled_from(_AWKWARD),
        st.text(alphabet="abcé AB09.,'-/", max_size=6),
        st.text(max_size=3),
        st.just(" "),
    ),
    max_size=25,
).map("".join)
# What a stored note may hold: NUL is refused at import, and so are blank texts.
note_text = clinical_text.map(lambda text: text.replace("\0", "") + " fin")


@st.composite
def tokens_of_gaps(draw: st.DrawFn, *, max_size: int = 12) -> tuple[Token, ...]:
    """Tokens of any length with gaps of any length between them."""
    sizes = draw(
        st.lists(st.tuples(st.integers(0, 3), st.integers(1, 4)), max_size=max_size)
    )
    tokens: list[Token] = []
    position = 0
    for gap, length in sizes:
        start_char = position + gap
        tokens.append(Token(start_char, start_char + length, draw(st.booleans())))
        position = start_char + length
    return tuple(tokens)


@st.composite
def tokens_with_legal_spans(
    draw: st.DrawFn,
) -> tuple[tuple[Token, ...], tuple[Span, ...]]:
    """Tokens and sorted spans that keep to their boundaries and do not overlap."""
    tokens = draw(tokens_of_gaps())
    spans: list[Span] = []
    token_start = 0
    while token_start < len(tokens):
        token_end = token_start + draw(st.integers(1, 3))
        covered = tokens[token_start:token_end]
        if draw(st.booleans()):
            label = draw(st.sampled_from(LABELS))
            spans.append(Span(covered[0].start_char, covered[-1].end_char, label))
        token_start = token_end
    return tokens, tuple(spans)


def spans_within(n_chars: int, *, max_size: int = 8) -> st.SearchStrategy[list[Span]]:
    """Any spans inside a text, overlapping and repeated as it comes."""
    ranges = st.tuples(st.integers(0, n_chars - 1), st.integers(1, n_chars))
    span = st.builds(
        lambda a, b, label: Span(min(a, b - 1), max(a + 1, b), label),
        ranges.map(lambda pair: pair[0]),
        ranges.map(lambda pair: pair[1]),
        st.sampled_from(LABELS),
    )
    return st.lists(span, max_size=max_size)
