"""Prediction: what it finds, in order, however the text is cut."""

from __future__ import annotations

import resource
import shutil

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from ner_engine.bundle import digest
from ner_engine.errors import BundleError
from ner_engine.inference import Predictor
from ner_engine.labels import DEFAULT_LABELS
from ner_engine.models.emissions import emit
from ner_engine.models.pieces import MAX_TOKEN_PIECES, EncodedDocument
from ner_engine.text.windows import Window
from ner_engine.types import Document
from tests.ner_engine.strategies import clinical_text
from tests.tiny import one_thread, tiny_documents


@pytest.fixture(scope="module")
def predictor(tiny_bundle):
    with one_thread():
        yield Predictor.load(tiny_bundle, bfloat16=False)


def joined(n_notes, seed):
    """One long document of short notes."""
    text = " ".join(document.text for document in tiny_documents(n_notes, seed=seed))
    return Document("long", text, "es")


def test_spans_are_found_in_unseen_notes(predictor):
    gold = tiny_documents(40, seed=7)
    predicted = list(predictor.predict(gold))
    assert [document.id for document in predicted] == [d.id for d in gold]
    found = sum(
        len(set(document.spans) & set(marked.spans))
        for document, marked in zip(gold, predicted, strict=True)
    )
    n_gold = sum(len(document.spans) for document in gold)
    assert found / n_gold > 0.95
    assert all(
        0 < span.confidence <= 1 for marked in predicted for span in marked.spans
    )


def test_labels_and_digest_are_the_bundles(predictor, tiny_bundle):
    assert predictor.labels == DEFAULT_LABELS
    assert predictor.digest == digest(tiny_bundle)


def test_everything_but_the_spans_is_passed_through(predictor):
    document = Document(
        "a", "Toma ibuprofeno 1 g.", "es", split="test", group="g", metadata={"k": 1}
    )
    (marked,) = predictor.predict([document])
    assert (marked.text, marked.split, marked.group, marked.metadata) == (
        document.text,
        "test",
        "g",
        {"k": 1},
    )
    assert marked.spans


@pytest.mark.parametrize("text", ["", " \n\t", "\u200b", "🩺", "x" * 5_000])
def test_odd_texts_are_answered(predictor, text):
    (marked,) = predictor.predict([Document("odd", text, "es")])
    assert marked.spans is not None


@given(clinical_text)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_gives_spans_inside_it(predictor, text):
    (marked,) = predictor.predict([Document("any", text, "es")])
    for span in marked.spans:
        assert 0 <= span.start_char < span.end_char <= len(text)
        assert span.mention(text).strip() == span.mention(text)


def test_documents_of_all_lengths_come_back_in_order(predictor):
    documents = [
        Document(f"d{number}", "Refiere fiebre. " * (number % 7), "es")
        for number in range(30)
    ]
    marked = list(predictor.predict(iter(documents), batch_pieces=64))
    assert [document.id for document in marked] == [d.id for d in documents]
    for number, document in enumerate(marked):
        assert len(document.spans) == number % 7


def test_prediction_streams(predictor):
    def endless():
        number = 0
        while True:
            yield Document(f"d{number}", "Refiere tos seca. " * 50, "es")
            number += 1

    first = next(predictor.predict(endless()))
    assert len(first.spans) == 50


def test_batches_of_other_sizes_give_the_same_answers(predictor):
    documents = tiny_documents(20, seed=9)
    whole = list(predictor.predict(documents))
    single = list(predictor.predict(documents, batch_pieces=1))
    for one, other in zip(whole, single, strict=True):
        assert one.spans == other.spans
        assert [span.confidence for span in one.spans] == pytest.approx(
            [span.confidence for span in other.spans], abs=1e-4
        )


def test_windows_merged_are_near_one_window(predictor):
    """The whole text in one window, against windows of a quarter of it."""
    document = joined(8, seed=3)
    tagger, encoder = predictor.bundle.tagger, predictor.encoder
    whole = encoder.encode(document, max_pieces=256)
    cut = encoder.encode(document, max_pieces=64, context=24)
    assert len(whole.windows) == 1 < len(cut.windows)
    (one,) = emit(tagger, encoder, [whole])
    (merged,) = emit(tagger, encoder, [cut])
    same = (one.argmax(-1) == merged.argmax(-1)).mean()
    assert same > 0.98


def test_one_window_is_exactly_what_the_model_says(predictor):
    document = joined(3, seed=4)
    tagger, encoder = predictor.bundle.tagger, predictor.encoder
    encoded = encoder.encode(document, max_pieces=256)
    n_tokens = len(encoded.tokens)
    by_hand = EncodedDocument(
        document, encoded.tokens, encoded.pieces, (Window(0, n_tokens, 0, n_tokens),)
    )
    (one,) = emit(tagger, encoder, [encoded])
    (other,) = emit(tagger, encoder, [by_hand])
    assert np.array_equal(one, other)


def test_long_text_is_answered_to_its_end(predictor):
    document = joined(120, seed=5)
    (marked,) = predictor.predict([document])
    assert marked.spans[-1].end_char > 0.98 * len(document.text)


def test_bfloat16_finds_the_same_spans(tiny_bundle, predictor):
    gold = tiny_documents(20, seed=8)
    coarse = Predictor.load(tiny_bundle, bfloat16=True)
    for one, other in zip(predictor.predict(gold), coarse.predict(gold), strict=True):
        assert one.spans == other.spans
        for left, right in zip(one.spans, other.spans, strict=True):
            assert left.confidence == pytest.approx(right.confidence, abs=0.1)


def test_pieces_of_a_token_are_capped_and_the_cache_is_bounded(predictor, monkeypatch):
    monkeypatch.setattr("ner_engine.models.pieces.CACHE_SIZE", 10)
    encoder = predictor.encoder
    words = [f"w{number}" for number in range(25)]
    first = encoder.encode_words(words)
    assert first == encoder.encode_words(words)
    assert len(encoder.encode_words(["y" * 400])[0]) == MAX_TOKEN_PIECES
    assert len(encoder._cache) <= 25


def test_a_text_decoded_in_parts_has_the_same_spans(predictor, monkeypatch):
    document = joined(60, seed=6)
    (whole,) = predictor.predict([document])
    monkeypatch.setattr("ner_engine.models.emissions._DECODE_TOKENS", 40)
    (parts,) = predictor.predict([document])
    assert parts.spans == whole.spans
    assert [span.confidence for span in parts.spans] == pytest.approx(
        [span.confidence for span in whole.spans], abs=1e-3
    )


def test_a_book_is_answered_to_its_end_in_bounded_memory(predictor):
    """30,000 tokens: more than are decoded at once."""
    text = "Refiere fiebre. Toma ibuprofeno 1 g por cefalea. " * 2_500
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (marked,) = predictor.predict([Document("book", text, "es")])
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert len(marked.spans) == 10_000
    assert marked.spans[-1].end_char == len(text) - len(". ")
    assert grown / 1024 < 250


def test_control_characters_are_read_around(predictor):
    plain = Document("plain", "Refiere fiebre. Toma ibuprofeno 1 g.", "es")
    noisy = Document("noisy", "Refiere fiebre\x07. \x1bToma\tibuprofeno\x0b1 g.", "es")
    for marked in predictor.predict([plain, noisy]):
        found = {span.mention(marked.text) for span in marked.spans}
        assert {"fiebre", "ibuprofeno"} <= found


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "config.json"])
def test_a_truncated_bundle_is_refused_before_it_serves(tiny_bundle, tmp_path, name):
    copy = shutil.copytree(tiny_bundle, tmp_path / "copy")
    content = (copy / name).read_bytes()
    (copy / name).write_bytes(content[: len(content) // 2])
    for engine in ("float32", "onnx-int8"):
        with pytest.raises(BundleError, match=name):
            Predictor.load(copy, engine=engine, cache=tmp_path / "cache")
