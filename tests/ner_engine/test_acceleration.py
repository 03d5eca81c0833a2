"""Derived engines: the same answers, chosen once, and never trusted when damaged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
import torch

from ner_engine import acceleration
from ner_engine.acceleration import (
    BFLOAT16,
    FLOAT32,
    MOST_F1_LOST,
    ONNX_INT8,
    choose_engine,
    derive_graph,
    make_check_set,
    read_choice,
    read_graph,
)
from ner_engine.bundle import digest, load_bundle
from ner_engine.errors import EngineUnavailable
from ner_engine.inference import Predictor
from ner_engine.labels import DEFAULT_LABELS, LabelScheme
from ner_engine.models.emissions import emit
from ner_engine.models.onnx_engine import OnnxEngine
from ner_engine.models.onnx_graph import build_graph
from ner_engine.models.pieces import PieceEncoder
from ner_engine.models.tagger import MultiHeadTagger
from ner_engine.types import Document
from tests.tiny import one_thread, tiny_documents, tiny_encoder_parts, tiny_tokenizer


@pytest.fixture(autouse=True)
def _one_thread():
    with one_thread():
        yield


@pytest.fixture(scope="module")
def cache(tiny_bundle, tmp_path_factory):
    """A cache in which the tiny bundle's engine was chosen; tests leave it alone."""
    folder = tmp_path_factory.mktemp("cache")
    with one_thread():
        choose_engine(tiny_bundle, folder)
    return folder


@pytest.fixture(scope="module")
def derived(tiny_bundle, cache):
    return Predictor.load(tiny_bundle, threads=1, engine=ONNX_INT8, cache=cache)


def graph_path(tiny_bundle, cache):
    (path,) = (cache / digest(tiny_bundle)).glob("*.onnx")
    return path


def force_choice(tiny_bundle, cache, engine):
    """Keep a choice as if that engine had won."""
    choice = choose_engine(tiny_bundle, cache).to_json()
    (path,) = (cache / digest(tiny_bundle)).glob("choice-*.json")
    path.write_text(json.dumps({**choice, "engine": engine}))


# The graph ------------------------------------------------------------------------


def test_derived_engine_finds_what_the_model_finds(tiny_bundle, derived):
    notes = tiny_documents(60, seed=21)
    whole = Predictor.load(tiny_bundle, engine=FLOAT32, threads=1)
    n_same = n_all = 0
    for left, right in zip(whole.predict(notes), derived.predict(notes), strict=True):
        n_same += len(set(left.spans) & set(right.spans))
        n_all += len(set(left.spans) | set(right.spans))
        pairs = zip(left.spans, right.spans, strict=False)
        for one, other in pairs:
            if one == other:
                assert one.confidence == pytest.approx(other.confidence, abs=0.15)
    assert n_same / n_all > 0.98


def roberta_parts():
    from transformers import XLMRobertaConfig, XLMRobertaModel

    tokenizer = tiny_tokenizer()
    config = XLMRobertaConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=96,
        max_position_embeddings=66,
        pad_token_id=1,
        type_vocab_size=1,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return XLMRobertaModel(config, add_pooling_layer=False).eval(), tokenizer


def bert_parts():
    parts = tiny_encoder_parts()
    return parts.model, parts.tokenizer


@pytest.mark.parametrize("make", [bert_parts, roberta_parts])
@pytest.mark.parametrize("heads", ["multi", "multi_crf", "joint"])
def test_graph_computes_the_taggers_scores(make, heads):
    model, tokenizer = make()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        # Wide weights: of a fresh model every score is nearly the same.
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.25)
        tagger = MultiHeadTagger(model, LabelScheme(), heads=heads).eval()
        if tagger.transitions is not None:
            torch.nn.init.normal_(tagger.transitions)
    encoder = PieceEncoder(tokenizer)
    notes = [encoder.encode(note, max_pieces=60) for note in tiny_documents(6)]
    engine = OnnxEngine(build_graph(tagger), encoder, threads=1)
    exact = np.concatenate(emit(tagger, encoder, notes))
    derived = np.concatenate(engine.emit(notes, batch_pieces=64))
    assert derived.shape == exact.shape
    assert np.corrcoef(exact.ravel(), derived.ravel())[0, 1] > 0.98
    if heads == "multi_crf":
        assert np.array_equal(engine.transitions, tagger.learned_transitions)
    else:
        assert engine.transitions is None
    assert engine.max_pieces == (64 if make is roberta_parts else 256)


def test_other_architectures_have_no_graph():
    from transformers import DistilBertConfig, DistilBertModel

    config = DistilBertConfig(vocab_size=50, dim=8, n_layers=1, n_heads=2, hidden_dim=8)
    tagger = MultiHeadTagger(DistilBertModel(config), LabelScheme())
    with pytest.raises(EngineUnavailable, match="distilbert"):
        build_graph(tagger)


def test_a_notes_answer_does_not_depend_on_its_neighbours(derived):
    notes = tiny_documents(12, seed=5)
    together = list(derived.predict(notes))
    for note, marked in zip(notes, together, strict=True):
        (alone,) = derived.predict([note])
        assert alone.spans == marked.spans
        assert [span.confidence for span in alone.spans] == pytest.approx(
            [span.confidence for span in marked.spans], abs=1e-9
        )


# The choice -----------------------------------------------------------------------


def test_choice_is_kept_and_serves(tiny_bundle, cache):
    choice = read_choice(digest(tiny_bundle), cache)
    assert {trial.engine for trial in choice.trials} == {ONNX_INT8, BFLOAT16, FLOAT32}
    adopted = [trial for trial in choice.trials if trial.is_adopted]
    fastest = max(adopted, key=lambda trial: trial.pieces_per_second)
    assert choice.engine == fastest.engine
    assert Predictor.load(tiny_bundle, cache=cache).engine.name == choice.engine


def test_no_engine_that_loses_more_than_the_gate_is_adopted(cache, tiny_bundle):
    choice = read_choice(digest(tiny_bundle), cache)
    exact = next(trial for trial in choice.trials if trial.engine == FLOAT32)
    for trial in choice.trials:
        if exact.f1 - trial.f1 > MOST_F1_LOST + 1e-5:
            assert not trial.is_adopted


def test_an_engine_that_moves_confidences_is_not_adopted(
    tiny_bundle, tmp_path, monkeypatch
):
    monkeypatch.setattr(acceleration, "MOST_CONFIDENCE_MOVED", 0.0)
    choice = choose_engine(tiny_bundle, tmp_path)
    assert choice.engine == FLOAT32
    assert [trial.is_adopted for trial in choice.trials] == [True, False, False]


def test_check_set_is_the_same_every_time_and_in_the_bundles_languages():
    first = make_check_set(DEFAULT_LABELS, ("fr", "xx"))
    assert first == make_check_set(DEFAULT_LABELS, ("fr", "xx"))
    assert {document.language for document in first} == {"fr"}
    assert {d.language for d in make_check_set((), ("de",))} == {"es", "fr", "en"}
    labels = {s.label for d in make_check_set(("FINDING", "X"), ()) for s in d.spans}
    assert labels == {"FINDING"}


# Damage ---------------------------------------------------------------------------


@pytest.mark.parametrize("damage", ["truncate", "flip", "empty"])
def test_a_damaged_graph_is_not_used_and_is_built_again(
    tiny_bundle, tmp_path, caplog, damage
):
    force_choice(tiny_bundle, tmp_path, ONNX_INT8)
    path = graph_path(tiny_bundle, tmp_path)
    whole = path.read_bytes()
    broken = {"truncate": whole[:-9], "empty": b""}.get(damage)
    if broken is None:
        broken = bytearray(whole)
        broken[len(whole) // 2] ^= 1
    path.write_bytes(broken)
    assert read_graph(digest(tiny_bundle), tmp_path) is None
    predictor = Predictor.load(tiny_bundle, cache=tmp_path)
    assert predictor.engine.name in (BFLOAT16, FLOAT32)
    assert "torch serves instead" in caplog.text
    derive_graph(load_bundle(tiny_bundle), tmp_path)
    assert path.read_bytes() == whole
    assert Predictor.load(tiny_bundle, cache=tmp_path).engine.name == ONNX_INT8


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 0}', '{"format": 1}'])
def test_a_damaged_choice_is_none(tiny_bundle, tmp_path, text):
    choose_engine(tiny_bundle, tmp_path)
    (path,) = (tmp_path / digest(tiny_bundle)).glob("choice-*.json")
    path.write_text(text)
    assert read_choice(digest(tiny_bundle), tmp_path) is None


def test_builders_at_once_leave_one_whole_graph(tiny_bundle, tmp_path):
    bundle = load_bundle(tiny_bundle)
    built = []
    threads = [
        threading.Thread(target=lambda: built.append(derive_graph(bundle, tmp_path)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(built)) == 1
    assert read_graph(bundle.digest, tmp_path) == built[0]
    assert len(list((tmp_path / bundle.digest).iterdir())) == 1


def test_an_engine_nobody_knows_is_refused(tiny_bundle):
    with pytest.raises(EngineUnavailable, match="no engine abacus"):
        Predictor.load(tiny_bundle, engine="abacus")


# Other processes ------------------------------------------------------------------

_PREDICT = """
import sys
from pathlib import Path
from ner_engine.inference import Predictor
from ner_engine.types import Document
p = Predictor.load(sys.argv[1], threads=1, engine=sys.argv[3], cache=Path(sys.argv[2]))
(d,) = p.predict([Document("a", "Toma ibuprofeno 1 g. Refiere fiebre.", "es")])
print(p.engine.name, [(s.start_char, s.end_char) for s in d.spans],
      "torch" in sys.modules)
"""


def run_predict(bundle, cache, engine, **environment):
    return subprocess.run(
        [sys.executable, "-c", _PREDICT, str(bundle), str(cache), engine],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )


def test_derived_engine_leaves_torch_out_of_the_process(tiny_bundle, cache):
    done = run_predict(tiny_bundle, cache, ONNX_INT8)
    assert done.stdout.strip() == "onnx-int8 [(5, 15), (16, 19), (29, 35)] False"


def test_a_runtime_that_does_not_load_is_replaced_by_torch(tiny_bundle, tmp_path):
    cache, broken = tmp_path / "cache", tmp_path / "path"
    force_choice(tiny_bundle, cache, ONNX_INT8)
    broken.mkdir()
    (broken / "onnxruntime.py").write_text("raise ImportError('no such library')")
    done = run_predict(tiny_bundle, cache, "auto", PYTHONPATH=str(broken))
    assert "[(5, 15), (16, 19), (29, 35)] True" in done.stdout
    assert "ONNX Runtime does not load" in done.stderr
    refused = run_predict(tiny_bundle, cache, ONNX_INT8, PYTHONPATH=str(broken))
    assert "EngineUnavailable" in refused.stderr


def test_odd_texts_are_answered_by_the_derived_engine(derived):
    texts = ["", " \n\t", "\u200b", "🩺", "x" * 5_000, "\x01\x07fiebre\x1b[0m\x7f"]
    documents = [Document(str(n), text, "es") for n, text in enumerate(texts)]
    for document, marked in zip(documents, derived.predict(documents), strict=True):
        for span in marked.spans:
            assert 0 <= span.start_char < span.end_char <= len(document.text)
