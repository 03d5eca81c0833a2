"""Targets, masks and batches."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from ner_engine.labels import LabelScheme
from ner_engine.models.decoding import BEGIN, INSIDE, OUTSIDE
from ner_engine.models.pieces import PieceEncoder
from ner_engine.training.examples import (
    ExampleMaker,
    collate_examples,
    count_entities,
    make_targets,
    plan_batches,
    split_by_pieces,
)
from ner_engine.types import Document, Span
from tests.tiny import tiny_documents, tiny_tokenizer

SCHEME = LabelScheme.of(["MEDICATION", "FINDING"])
TEXT = "Toma ibuprofeno por dolor abdominal agudo"
DRUG, PAIN, ACUTE = (
    Span(5, 15, "MEDICATION"),
    Span(20, 35, "FINDING"),
    Span(20, 41, "FINDING"),
)


@pytest.fixture
def encoder():
    return PieceEncoder(tiny_tokenizer())


def targets_of(encoder, spans, **options):
    document = Document("a", TEXT, "es", spans, **options)
    return make_targets(encoder.encode(document, max_pieces=128), SCHEME)


def test_targets_are_one_column_a_label(encoder):
    targets, weights = targets_of(encoder, (DRUG, PAIN))
    # Toma ibuprofeno por dolor abdominal agudo
    assert targets[:, 0].tolist() == [
        OUTSIDE,
        BEGIN,
        OUTSIDE,
        OUTSIDE,
        OUTSIDE,
        OUTSIDE,
    ]
    assert targets[:, 1].tolist() == [OUTSIDE, OUTSIDE, OUTSIDE, BEGIN, INSIDE, OUTSIDE]
    assert weights.min() == 1.0


def test_the_longest_of_nested_mentions_is_trained_on(encoder):
    targets, _ = targets_of(encoder, (PAIN, ACUTE))
    assert targets[:, 1].tolist()[3:] == [BEGIN, INSIDE, INSIDE]


def test_labels_not_annotated_for_are_masked(encoder):
    _, weights = targets_of(encoder, (DRUG,), exhaustive_for=frozenset({"MEDICATION"}))
    assert weights[:, 0].tolist() == [1.0] * 6
    assert weights[:, 1].tolist() == [0.0] * 6


def test_labels_not_exhaustive_teach_by_their_annotated_tokens(encoder):
    _, weights = targets_of(encoder, (DRUG, PAIN), exhaustive_for=frozenset())
    assert weights[:, 0].tolist() == [0, 1, 0, 0, 0, 0]
    assert weights[:, 1].tolist() == [0, 0, 0, 1, 1, 0]


def test_windows_without_anything_to_learn_are_left_out(encoder):
    nothing = Document("a", TEXT, "es", (), exhaustive_for=frozenset())
    never = Document("b", TEXT, "es", None)
    some = Document("c", TEXT, "es", (DRUG,))
    examples = ExampleMaker(encoder, SCHEME, 128).make([nothing, never, some])
    assert len(examples) == 1
    assert count_entities(examples) == 1


def test_long_documents_lose_no_token(encoder):
    text = " ".join(document.text for document in tiny_documents(20))
    document = Document("long", text, "es", (Span(0, 8, "FINDING"),))
    examples = ExampleMaker(encoder, SCHEME, 40).make([document])
    encoded = encoder.encode(document, max_pieces=10_000)
    assert len(examples) > 5
    assert sum(len(example.pieces) for example in examples) == len(encoded.tokens)
    assert all(
        example.n_pieces + encoder.n_special <= 40 or len(example.pieces) == 1
        for example in examples
    )


def test_an_epoch_uses_each_window_once_and_the_seed_decides(encoder):
    examples = ExampleMaker(encoder, LabelScheme(), 96).make(tiny_documents(45))
    plan = plan_batches(examples, 8, seed=1, epoch=0)
    assert Counter(index for batch in plan for index in batch) == Counter(
        range(len(examples))
    )
    assert max(map(len, plan)) == 8
    assert plan == plan_batches(examples, 8, seed=1, epoch=0)
    assert plan != plan_batches(examples, 8, seed=1, epoch=1)
    assert plan != plan_batches(examples, 8, seed=2, epoch=0)


def test_micro_batches_stay_below_the_bound(encoder):
    examples = ExampleMaker(encoder, LabelScheme(), 96).make(tiny_documents(30))
    parts = list(split_by_pieces(range(len(examples)), examples, 100))
    assert sorted(index for part in parts for index in part) == list(
        range(len(examples))
    )
    for part in parts:
        longest = max(examples[index].n_pieces for index in part)
        assert len(part) == 1 or longest * len(part) <= 100


def test_padding_has_no_weight_and_first_pieces_point_at_words(encoder):
    examples = ExampleMaker(encoder, LabelScheme(), 96).make(tiny_documents(4))
    batch, found = collate_examples(examples, encoder, pad_id=1, limit=256)
    targets, weights = found.tags, found.weights
    for row, example in enumerate(examples):
        n_tokens = len(example.pieces)
        ids = batch.input_ids[row]
        assert ids[batch.first_pieces[row, :n_tokens]].tolist() == [
            pieces[0] for pieces in example.pieces
        ]
        assert batch.token_mask[row].sum() == n_tokens
        assert weights[row, n_tokens:].sum() == 0
        assert batch.attention_mask[row].sum() == example.n_pieces + encoder.n_special
        assert np.array_equal(targets[row, :n_tokens].numpy(), example.targets)
