"""Several predicting processes: the answers of one, in order, as they are asked for."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from ner_engine.acceleration import ONNX_INT8, derive_graph
from ner_engine.bulk import REQUEST_CHARS, BulkPredictor, PredictionFailed
from ner_engine.bundle import load_bundle
from ner_engine.inference import Predictor
from ner_engine.types import Document
from tests.tiny import one_thread, tiny_documents


@pytest.fixture(scope="module")
def options(tiny_bundle, tmp_path_factory):
    """Options of the derived engine: its processes start without torch."""
    cache = tmp_path_factory.mktemp("cache")
    derive_graph(load_bundle(tiny_bundle), cache)
    return ["--engine", ONNX_INT8, "--cache", str(cache)]


@pytest.fixture(scope="module")
def bulk(tiny_bundle, options):
    with BulkPredictor(tiny_bundle, processes=2, options=options) as bulk:
        yield bulk


def test_answers_are_those_of_one_process_and_in_order(
    tiny_bundle, bulk, options, monkeypatch
):
    monkeypatch.setattr("ner_engine.bulk.REQUEST_CHARS", 300)
    notes = [*tiny_documents(60, seed=31), Document("blank", "", "es")]
    with one_thread():
        alone = Predictor.load(
            tiny_bundle, threads=1, engine=ONNX_INT8, cache=Path(options[-1])
        )
        expected = list(alone.predict(notes))
    found = list(bulk.predict(iter(notes)))
    assert [document.id for document in found] == [note.id for note in notes]
    for one, other in zip(expected, found, strict=True):
        assert one.spans == other.spans
        assert [span.confidence for span in one.spans] == pytest.approx(
            [span.confidence for span in other.spans], abs=1e-9
        )


def test_documents_are_read_as_answers_are_taken(bulk):
    read = 0

    def endless():
        nonlocal read
        while True:
            read += 1
            yield Document(f"d{read}", "Refiere fiebre. " * 500, "es")

    (first, *_) = [next(bulk.predict(endless()))]
    assert len(first.spans) == 500
    # Two requests for each of two processes, and the one that is being filled.
    assert read <= 5 * (REQUEST_CHARS // 8_000 + 1)


def test_a_process_that_dies_is_an_error(tiny_bundle, options):
    with BulkPredictor(tiny_bundle, processes=1, options=options) as bulk:
        os.kill(bulk.pids[0], signal.SIGKILL)
        with pytest.raises(PredictionFailed, match="ended with -9"):
            list(bulk.predict(tiny_documents(1)))


def test_an_error_of_a_process_is_told(tmp_path, options):
    with (
        BulkPredictor(tmp_path, processes=1, options=options) as bulk,
        pytest.raises(PredictionFailed, match="no bundle here"),
    ):
        list(bulk.predict(tiny_documents(1)))
