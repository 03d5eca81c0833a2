"""Spans survive marking and unmarking."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ner_engine.translation.marks import mark, unmark
from ner_engine.types import Span

WORDS = st.lists(
    st.text(st.sampled_from("abcé<>&\"'µ🙂"), min_size=1, max_size=6),
    min_size=1,
    max_size=12,
)


@given(WORDS, st.data())
def test_identity_translation_gives_the_spans_back(words, data):
    text = " ".join(words)
    starts = [sum(len(word) + 1 for word in words[:i]) for i in range(len(words))]
    chosen = data.draw(st.sets(st.integers(0, len(words) - 1)))
    spans = [Span(starts[i], starts[i] + len(words[i]), "FINDING") for i in chosen]

    marked, carried = mark(text, spans)

    assert unmark(marked, carried, "xx") == (text, tuple(sorted(spans)))


def test_of_overlapping_spans_the_longest_travels():
    spans = [Span(0, 5, "FINDING"), Span(0, 12, "FINDING"), Span(13, 15, "DOSAGE")]

    _, carried = mark("dolor torácico 5", spans)

    assert carried == (Span(0, 12, "FINDING"), Span(13, 15, "DOSAGE"))


def test_torn_marks_are_joined_and_articles_cut_off():
    marked = '<b id="0">de la fièvre</b>, <b id="1">n\'a</b> pas <b id="1">toussé</b>'
    carried = (Span(0, 3, "FINDING"), Span(5, 9, "FINDING"))

    text, spans = unmark(marked, carried, "fr")

    assert [span.mention(text) for span in spans] == ["fièvre", "n'a pas toussé"]


def test_lost_mark_loses_its_span_only():
    text, spans = unmark(
        'a <b id="1">b</b>', (Span(0, 1, "DOSAGE"), Span(2, 3, "FINDING")), "es"
    )

    assert (text, spans) == ("a b", (Span(2, 3, "FINDING"),))
