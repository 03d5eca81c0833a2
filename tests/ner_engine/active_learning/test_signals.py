"""Signals against enumeration, and against what the predictor finds."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

from ner_engine.active_learning.pool import NoteSignals, make_pool
from ner_engine.active_learning.selection import select_batch
from ner_engine.active_learning.signals import (
    dropout_on,
    embed_notes,
    expected_spans,
    read_chains,
    score_notes,
    surface_hash,
)
from ner_engine.bundle import load_bundle
from ner_engine.errors import BadInput
from ner_engine.inference import Predictor
from ner_engine.models.chains import legal_transitions
from ner_engine.types import Document
from tests.tiny import tiny_documents


@pytest.fixture(scope="module")
def bundle(tiny_bundle):
    return load_bundle(tiny_bundle)


@pytest.fixture(scope="module")
def notes():
    return tiny_documents(12, seed=5)


def enumerate_chain(logits, transitions):
    """Marginals (T, K) and best log-probability of one head by all legal paths."""
    n_tokens, n_tags = logits.shape
    legal = legal_transitions(n_tags)
    scores = {}
    for path in itertools.product(range(n_tags), repeat=n_tokens):
        steps = list(itertools.pairwise(path))
        is_inside_first = path[0] > 0 and path[0] % 2 == 0
        if is_inside_first or not all(legal[a, b] for a, b in steps):
            continue
        score = sum(logits[place, tag] for place, tag in enumerate(path))
        scores[path] = np.exp(score + sum(transitions[a, b] for a, b in steps))
    total = sum(scores.values())
    marginals = np.zeros((n_tokens, n_tags))
    for path, score in scores.items():
        for place, tag in enumerate(path):
            marginals[place, tag] += score / total
    return marginals, np.log(max(scores.values()) / total)


@pytest.mark.parametrize("n_tags", [3, 5])
@pytest.mark.parametrize("has_transitions", [False, True])
def test_chains_equal_enumeration(n_tags, has_transitions):
    rng = np.random.default_rng(3)
    n_heads = 2 if n_tags == 3 else 1
    logits = rng.normal(size=(4, n_heads, n_tags)).astype(np.float32)
    learned = rng.normal(size=(n_heads, n_tags, n_tags)).astype(np.float32)

    reading = read_chains(logits, learned if has_transitions else None)

    best = 0.0
    for head in range(n_heads):
        scores = logits[:, head] - np.log(
            np.exp(logits[:, head]).sum(axis=1, keepdims=True)
        )
        between = learned[head] if has_transitions else np.zeros((n_tags, n_tags))
        marginals, log_probability = enumerate_chain(scores, between)
        assert reading.marginals[:, head] == pytest.approx(marginals, abs=1e-5)
        best += log_probability
    assert reading.path_log_probability == pytest.approx(best, abs=1e-5)


def test_expected_spans_count_beginnings_by_label():
    heads = np.array([[[0.5, 0.5, 0], [1, 0, 0]], [[0, 0.25, 0.75], [0, 1, 0]]])
    joint = np.array([[[0.5, 0.2, 0, 0.3, 0]]])

    assert expected_spans(heads, 2).tolist() == [0.75, 1.0]
    assert expected_spans(joint, 2).tolist() == [0.2, 0.3]


def test_spans_and_confidences_are_the_predictors(bundle, tiny_bundle, notes):
    predictor = Predictor.load(tiny_bundle, engine="float32")

    expected = list(predictor.predict(notes))
    scored = list(score_notes(bundle, notes))

    assert [note.document.spans for note in scored] == [
        document.spans for document in expected
    ]
    confidences = [span.confidence for note in scored for span in note.document.spans]
    assert confidences == pytest.approx(
        [span.confidence for document in expected for span in document.spans], abs=1e-5
    )
    assert confidences == pytest.approx(
        [span.confidence for note in scored for span in note.signals.spans]
    )


def test_a_sure_model_expects_about_the_spans_it_suggests(bundle, notes):
    for note in score_notes(bundle, notes):
        found = sum(span.probability for span in note.signals.spans)
        assert note.signals.expected_spans.sum() >= found - 1e-6
        assert note.signals.expected_spans.sum() == pytest.approx(found, abs=1.5)


def test_gibberish_is_less_sure_than_what_was_learned(bundle, notes):
    strange = Document("x", "xq zw bnk 17 plo ñü rrt gg", "es")

    learned, unknown = score_notes(bundle, [notes[0], strange])

    for name in ("token_entropy", "path_log_probability"):
        sign = 1 if name == "token_entropy" else -1
        known = sign * getattr(learned.signals, name) / learned.signals.n_tokens
        assert sign * getattr(unknown.signals, name) / unknown.signals.n_tokens > known
    assert unknown.signals.token_margin < learned.signals.token_margin


def test_dropout_passes_disagree_and_leave_the_model_as_it_was(bundle, notes):
    before = [note.signals for note in score_notes(bundle, notes)]

    scored = [
        note.signals
        for note in score_notes(bundle, notes, dropout_passes=3, dropout=0.3, seed=1)
    ]
    again = [
        note.signals
        for note in score_notes(bundle, notes, dropout_passes=3, dropout=0.3, seed=1)
    ]

    gains = [signals.mutual_information for signals in scored]
    assert all(gain > 0 for gain in gains)
    assert gains == pytest.approx([s.mutual_information for s in again])
    assert [s.token_entropy for s in scored] == [s.token_entropy for s in before]


def test_dropout_is_put_back_even_when_the_work_fails(bundle):
    from torch import nn

    layers = [m for m in bundle.tagger.modules() if isinstance(m, nn.Dropout)]
    before = [layer.p for layer in layers]

    with pytest.raises(RuntimeError), dropout_on(bundle.tagger, 0.7):
        raise RuntimeError

    assert [layer.p for layer in layers] == before
    assert not any(layer.training for layer in layers)


def test_one_pass_of_dropout_is_refused(bundle, notes):
    with pytest.raises(ValueError, match="at least 2"):
        list(score_notes(bundle, notes, dropout_passes=1))


def test_embeddings_are_those_of_the_signals_and_like_notes_lie_close(bundle, notes):
    vectors = embed_notes(bundle, notes)
    scored = list(score_notes(bundle, notes))

    assert vectors == pytest.approx(
        np.stack([note.signals.embedding for note in scored]), abs=1e-5
    )
    twice = embed_notes(bundle, [notes[0], notes[0], notes[1]])
    assert np.allclose(twice[0], twice[1], atol=1e-5)
    assert not np.allclose(twice[0], twice[2], atol=1e-3)


def test_a_blank_note_has_signals_that_select_can_use(bundle, notes):
    blank = Document("blank", " \n", "es")

    signals = [note.signals for note in score_notes(bundle, [blank, *notes])]

    assert signals[0].n_tokens == 0
    assert signals[0].spans == ()
    pool = make_pool(signals, bundle.scheme.names)
    picks = select_batch(pool, "cluster_then_uncertainty", 13, seed=0)
    assert sorted(pick.note for pick in picks) == list(range(13))


def test_signals_go_through_json_and_hold_no_text(bundle, notes):
    for note in score_notes(bundle, notes, dropout_passes=2):
        written = json.dumps(note.signals.to_json())
        back = NoteSignals.from_json(json.loads(written))

        assert back.spans == note.signals.spans
        assert back.embedding == pytest.approx(note.signals.embedding, abs=2e-2)
        assert back.expected_spans == pytest.approx(
            note.signals.expected_spans, abs=1e-6
        )
        assert back.mutual_information == note.signals.mutual_information
        for span in note.document.spans:
            assert span.mention(note.document.text) not in written


def test_json_that_is_no_signals_is_refused():
    with pytest.raises(BadInput, match="signals"):
        NoteSignals.from_json({"n_tokens": 3})


def test_a_surface_is_known_whatever_its_case_accents_and_blanks():
    assert surface_hash("Omeprazol  20 mg") == surface_hash("omeprazol 20\nMG")
    assert surface_hash("fièvre") == surface_hash("FIEVRE")
    assert surface_hash("fiebre") != surface_hash("tos")


def test_signals_of_another_scheme_are_refused(bundle, notes):
    signals = [note.signals for note in score_notes(bundle, notes[:1])]

    with pytest.raises(ValueError, match="another scheme"):
        make_pool(signals, ("ONLY",))
