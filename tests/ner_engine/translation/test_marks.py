"""Spans survive marking and unmarking."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ner_engine.translation.marks import mark, read_marks, unmark
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


def test_spans_inside_others_travel_and_of_crossing_ones_the_longer():
    text = "dolor torácico agudo 5"
    inner, outer = Span(0, 5, "FINDING"), Span(0, 14, "FINDING")
    crossing, other = Span(6, 16, "FINDING"), Span(21, 22, "DOSAGE")

    marked, carried = mark(text, [inner, outer, crossing, other])

    assert carried == (outer, inner, other)
    assert marked == (
        '<b id="0"><b id="1">dolor</b> torácico</b> agudo <b id="2">5</b>'
    )
    assert unmark(marked, carried, "xx") == (text, (inner, outer, other))


def test_two_labels_of_one_range_travel_together():
    spans = (Span(0, 3, "DOSAGE"), Span(0, 3, "FINDING"))

    assert unmark(*mark("tos", spans), "xx") == ("tos", spans)


def test_what_became_of_the_marks_is_counted():
    carried = (Span(0, 1, "A"), Span(2, 3, "A"), Span(4, 5, "A"), Span(4, 6, "A"))
    marked = '<b id="0">x</b> y <b id="0">z</b> <b id="1">w</b> <b id="3"> </b>'

    found = read_marks(marked, carried, "xx")

    assert (found.carried, found.lost, found.torn) == (2, 2, 1)
    assert [span.mention(found.text) for span in found.spans] == ["x y z", "w"]


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


def test_a_mention_keeps_what_it_had_in_the_source():
    source = "dura un año, la tos p.o."
    carried = (Span(5, 11, "DURATION"), Span(16, 19, "FINDING"), Span(20, 24, "ROUTE"))
    marked = 'lasts <b id="0">a year</b>, <b id="1">the cough</b> <b id="2">p.o.</b>'

    found = read_marks(marked, carried, "en", source=source, source_language="es")

    mentions = [span.mention(found.text) for span in found.spans]
    assert mentions == ["a year", "cough", "p.o."]
