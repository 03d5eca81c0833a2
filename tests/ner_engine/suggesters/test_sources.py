"""Rules of merging, and which sources stay on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_engine.suggesters.matching import PatternMatcher
from ner_engine.suggesters.sources import (
    Source,
    SourcedSpan,
    judge_source,
    merge_sources,
    off_sources,
)
from ner_engine.suggesters.suggest import SHIPPED, suggest
from ner_engine.suggesters.terms import Term
from ner_engine.types import Document, Span

MODEL = Source("model", "abc")
WORDS = Source("dictionary", "drugs")
RULES = Source("pattern", "doses")
SURE, UNSURE = Span(0, 5, "A", 0.9), Span(0, 5, "A", 0.3)


def test_the_same_span_is_one_suggestion_of_the_first_and_names_who_agrees():
    (merged,) = merge_sources([(WORDS, [Span(0, 5, "A")]), (MODEL, [SURE])])

    assert merged == SourcedSpan(SURE, MODEL, (WORDS,))
    assert merged.span.confidence == 0.9


def test_an_unsure_model_ranks_last_and_lends_its_confidence():
    (merged,) = merge_sources([(MODEL, [UNSURE]), (WORDS, [Span(0, 5, "A")])])

    assert (merged.source, merged.agreeing) == (WORDS, (MODEL,))
    assert merged.span.confidence == 0.3


def test_over_the_same_range_the_first_source_names_the_label():
    merged = merge_sources([(MODEL, [SURE]), (WORDS, [Span(0, 5, "B")])])

    assert [own.span.label for own in merged] == ["A"]


def test_overlapping_ranges_of_a_label_are_settled_by_source():
    merged = merge_sources([(WORDS, [Span(3, 9, "A")]), (MODEL, [SURE])])

    assert merged == (SourcedSpan(SURE, MODEL),)


def test_overlapping_ranges_of_different_labels_both_stay():
    merged = merge_sources([(MODEL, [SURE]), (WORDS, [Span(3, 9, "B")])])

    assert [(own.span.label, own.source) for own in merged] == [
        ("A", MODEL),
        ("B", WORDS),
    ]


def test_what_one_source_overlaps_with_itself_stays():
    merged = merge_sources([(MODEL, [SURE, Span(3, 9, "A", 0.8)])])

    assert len(merged) == 2


spans = st.lists(
    st.builds(
        lambda start, length, label: Span(start, start + length, label, 0.8),
        st.integers(0, 20),
        st.integers(1, 8),
        st.sampled_from("AB"),
    ),
    max_size=5,
)


@given(model=spans, words=spans, rules=spans)
def test_merging_invents_nothing_and_loses_nothing_of_a_sure_model(model, words, rules):
    merged = merge_sources([(RULES, rules), (WORDS, words), (MODEL, model)])

    kept = [own.span for own in merged]
    assert len(kept) == len(set(kept))
    assert set(kept) <= {*model, *words, *rules}
    assert {own.span for own in merged if own.source == MODEL} == set(model)


def test_an_unknown_kind_of_source_is_refused():
    with pytest.raises(ValueError, match="oracle"):
        Source("oracle", "x")


def test_a_source_goes_off_only_when_it_is_surely_below_the_floor():
    assert judge_source(0, 19).is_on  # too few decided
    assert judge_source(8, 20).is_on  # 0.40, up to 0.61
    assert not judge_source(3, 20).is_on  # 0.15, up to 0.36
    assert judge_source(0, 0).is_on


def test_the_interval_is_wilsons():
    judged = judge_source(3, 20)

    # Computed by hand from the closed form with z = 1.96.
    assert (judged.low, judged.high) == pytest.approx((0.0524, 0.3604), abs=1e-4)


def test_more_kept_than_decided_is_refused():
    with pytest.raises(ValueError, match="3 of 2"):
        judge_source(3, 2)


def test_sources_are_judged_label_by_label():
    decisions = [(WORDS, "A", False)] * 25 + [(WORDS, "B", True)] * 25

    assert off_sources(decisions) == [(WORDS, "A")]


def test_a_project_without_a_model_starts_on_day_one():
    note = Document("n", "Omeprazoles 20 mg cada 8 horas durante 7 días", "es")
    matcher = PatternMatcher("es", terms=[Term("MEDICATION", "omeprazol")])
    labels = ("MEDICATION", "DOSAGE", "FREQUENCY")

    merged = suggest(note, labels=labels, matchers={WORDS: matcher})

    assert [
        (own.span.mention(note.text), own.span.label, own.source) for own in merged
    ] == [
        ("Omeprazoles", "MEDICATION", WORDS),
        ("20 mg", "DOSAGE", SHIPPED),
        ("cada 8 horas", "FREQUENCY", SHIPPED),
    ]


def test_what_was_switched_off_proposes_nothing():
    note = Document("n", "Toma 20 mg cada 8 horas", "es")

    merged = suggest(note, labels=("DOSAGE", "FREQUENCY"), off={(SHIPPED, "FREQUENCY")})

    assert [own.span.label for own in merged] == ["DOSAGE"]


def test_shipped_patterns_know_three_languages():
    note = Document("n", "Nimmt 20 mg", "de")

    assert suggest(note, labels=("DOSAGE",)) == ()
