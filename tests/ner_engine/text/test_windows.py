"""Windows: nothing lost, nothing too long, sentence starts where possible."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ner_engine.text.windows import Window, cut_windows
from ner_engine.types import Token


def make_tokens(n_tokens, starts=()):
    return [Token(2 * at, 2 * at + 1, at in starts) for at in range(n_tokens)]


@st.composite
def documents(draw):
    counts = draw(st.lists(st.integers(1, 12), max_size=120))
    starts = draw(st.sets(st.integers(0, 119)))
    return make_tokens(len(counts), starts | {0}), counts


@given(documents(), st.integers(12, 60), st.sampled_from([0, 4, 8, 32]))
def test_every_token_is_kept_once_and_fits(document, max_pieces, context):
    tokens, counts = document
    windows = cut_windows(tokens, counts, max_pieces=max_pieces, context=context)
    kept = [at for w in windows for at in range(w.keep_start, w.keep_end)]
    assert kept == list(range(len(tokens)))
    for window in windows:
        assert window.token_start <= window.keep_start
        assert window.keep_start < window.keep_end <= window.token_end
        assert sum(counts[window.token_start : window.token_end]) <= max_pieces


@given(documents(), st.integers(12, 60))
def test_each_token_is_kept_where_its_context_is_widest(document, max_pieces):
    tokens, counts = document
    windows = cut_windows(tokens, counts, max_pieces=max_pieces, context=8)

    def context_of(token, window):
        # The document's own edges cut nothing off.
        left = token - window.token_start if window.token_start else len(tokens)
        ends_inside = window.token_end < len(tokens)
        right = window.token_end - 1 - token if ends_inside else len(tokens)
        return min(left, right)

    for window in windows:
        for token in range(window.keep_start, window.keep_end):
            best = max(
                context_of(token, other)
                for other in windows
                if other.token_start <= token < other.token_end
            )
            assert context_of(token, window) >= best - 1  # an even split may tie


@given(documents())
def test_a_text_that_fits_is_one_window(document):
    tokens, counts = document
    windows = cut_windows(tokens, counts, max_pieces=max(1, sum(counts)))
    if tokens:
        assert windows == (Window(0, len(tokens), 0, len(tokens)),)
    else:
        assert windows == ()


def test_without_context_windows_meet_at_a_sentence_start():
    tokens = make_tokens(20, starts={0, 7, 13})
    windows = cut_windows(tokens, [1] * 20, max_pieces=10, context=0)
    assert [(w.token_start, w.token_end) for w in windows] == [
        (0, 7),
        (7, 13),
        (13, 20),
    ]


def test_with_context_the_next_window_begins_at_a_sentence_near():
    tokens = make_tokens(40, starts={0, 12})
    first, second, *_ = cut_windows(tokens, [1] * 40, max_pieces=20, context=5)
    assert (first.token_start, first.token_end) == (0, 20)
    assert second.token_start == 12
    assert first.keep_end == second.keep_start == 16


def test_a_token_longer_than_the_window_stands_alone():
    windows = cut_windows(make_tokens(3), [1, 50, 1], max_pieces=10, context=0)
    assert [(w.token_start, w.token_end) for w in windows] == [(0, 1), (1, 2), (2, 3)]
