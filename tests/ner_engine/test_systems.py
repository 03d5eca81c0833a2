"""Systems of other makers stand in for a bundle: a spaCy pipeline, a classifier."""

from __future__ import annotations

import json
import random

import pytest

from ner_engine.errors import BadInput, BundleError, UnknownLabel
from ner_engine.inference import Predictor
from ner_engine.systems import load_system, predict_uncalibrated
from ner_engine.types import Document, Span
from tests.tiny import MAX_POSITIONS, one_thread, tiny_documents, tiny_tokenizer

TAGS = ["O", "B-DRUG", "I-DRUG", "B-SIGN", "I-SIGN"]


@pytest.fixture(scope="module")
def spacy_folder(tmp_path_factory):
    """A blank Spanish pipeline, trained here on notes of the templates."""
    import spacy
    from spacy.training import Example

    nlp = spacy.blank("es")
    nlp.add_pipe("ner")
    examples = [
        Example.from_dict(
            nlp.make_doc(row.text),
            {"entities": [(s.start_char, s.end_char, s.label) for s in row.spans]},
        )
        for row in tiny_documents(30, languages=("es",))
    ]
    spacy.util.fix_random_seed(0)
    nlp.initialize(lambda: examples)
    for _ in range(6):
        random.Random(0).shuffle(examples)
        for start in range(0, len(examples), 4):
            nlp.update(examples[start : start + 4])
    folder = tmp_path_factory.mktemp("spacy") / "pipeline"
    nlp.to_disk(folder)
    return folder


@pytest.fixture(scope="module")
def classifier_folder(tmp_path_factory):
    """A random two-layer BERT token classifier, as save_pretrained writes it."""
    import torch
    from transformers import (
        BertConfig,
        BertForTokenClassification,
        PreTrainedTokenizerFast,
    )

    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=tiny_tokenizer(),
        pad_token="<pad>",
        unk_token="<unk>",
        model_max_length=MAX_POSITIONS,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        config = BertConfig(
            vocab_size=len(tokenizer),
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=64,
            max_position_embeddings=MAX_POSITIONS,
            pad_token_id=1,
            id2label=dict(enumerate(TAGS)),
            label2id={name: index for index, name in enumerate(TAGS)},
            initializer_range=0.3,
        )
        model = BertForTokenClassification(config)
    folder = tmp_path_factory.mktemp("hf") / "classifier"
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_spacy_pipeline_marks_what_it_learned(spacy_folder):
    system = load_system(spacy_folder)
    assert "MEDICATION" in system.labels
    gold = tiny_documents(6, languages=("es",))
    found = list(system.predict(gold))
    assert [row.id for row in found] == [row.id for row in gold]
    right = sum(
        len(set(a.spans) & set(b.spans)) for a, b in zip(gold, found, strict=True)
    )
    assert right >= 0.8 * sum(len(row.spans) for row in gold)
    assert len(system.digest) == 64


def test_spacy_pipeline_texts_past_its_own_limit_pass(spacy_folder, monkeypatch):
    system = load_system(spacy_folder)
    system._nlp.max_length = 10
    (row,) = system.predict([Document("d", "Toma paracetamol 500 mg.", "es")])
    assert row.spans is not None


@pytest.mark.filterwarnings("ignore:Tokenizer does not support real words")
def test_classifier_equals_transformers_own_pipeline(classifier_folder):
    from transformers import pipeline

    reference = pipeline(
        "token-classification",
        model=str(classifier_folder),
        aggregation_strategy="first",
        device=-1,
    )
    system = load_system(classifier_folder)
    assert system.labels == ("DRUG", "SIGN")
    with one_thread():
        for row in system.predict(tiny_documents(12)):
            expected = []
            for item in reference(row.text):
                surface = row.text[item["start"] : item["end"]]
                # this tokenizer counts the blank before a word to it
                start = item["end"] - len(surface.lstrip())
                expected.append(Span(start, item["end"], item["entity_group"]))
            assert list(row.spans) == expected
            assert all(0 < span.confidence <= 1 for span in row.spans)


def test_classifier_reads_texts_longer_than_its_positions(classifier_folder):
    system = load_system(classifier_folder)
    text = " ".join(row.text for row in tiny_documents(60))
    short, long = system.predict(
        [Document("a", "Toma\tparacetamol.", "es"), Document("b", text, "es")]
    )
    assert all(span.end_char <= len(short.text) for span in short.spans)
    ends = [span.end_char for span in long.spans]
    # words are found in every fifth of the text, the last included
    fifth = len(text) // 5
    assert all(any(i * fifth <= e <= (i + 1) * fifth for e in ends) for i in range(5))
    assert all(text[s.start_char : s.end_char].strip() for s in long.spans)


def test_label_map_renames_and_leaves_out(classifier_folder):
    document = tiny_documents(1)[0]
    plain = next(iter(load_system(classifier_folder).predict([document])))
    mapped = load_system(classifier_folder, label_map={"DRUG": "MEDICATION"})
    assert mapped.labels == ("MEDICATION",)
    renamed = next(iter(mapped.predict([document])))
    drugs = [s for s in plain.spans if s.label == "DRUG"]
    assert drugs
    assert renamed.spans == tuple(
        Span(s.start_char, s.end_char, "MEDICATION") for s in drugs
    )
    with pytest.raises(UnknownLabel, match="unknown label DRUGS; known: DRUG, SIGN"):
        load_system(classifier_folder, label_map={"DRUGS": "X"})


def test_bundle_is_a_system_and_its_posteriors_come_along(tiny_bundle):
    predictor = load_system(tiny_bundle)
    assert isinstance(predictor, Predictor)
    documents = tiny_documents(4, seed=5)
    plain = list(predictor.predict(documents))
    both = list(predict_uncalibrated(predictor, documents))
    assert [calibrated for calibrated, _ in both] == plain
    for calibrated, raw in both:
        assert calibrated.spans == raw.spans
        assert all(0 <= span.confidence <= 1 for span in raw.spans)


def test_folders_that_are_no_system_are_refused(tmp_path, classifier_folder):
    with pytest.raises(BundleError, match="neither a bundle nor"):
        load_system(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(BadInput, match="no readable configuration"):
        load_system(tmp_path)
    config = json.loads((classifier_folder / "config.json").read_text())
    config["architectures"] = ["BertModel"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(BundleError, match="no token classifier"):
        load_system(tmp_path)
    config["architectures"] = ["BertForTokenClassification"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(BundleError, match="not a checkpoint that loads here"):
        load_system(tmp_path)
    folder = tmp_path / "spacy"
    folder.mkdir()
    (folder / "meta.json").write_text("{}")
    (folder / "config.cfg").write_text("[nlp")
    with pytest.raises(BundleError, match="not a spaCy pipeline that loads here"):
        load_system(folder)
