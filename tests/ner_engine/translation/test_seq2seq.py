"""Marian and NLLB through transformers, with tiny models that know five sentences."""

from __future__ import annotations

import shutil
import sys
from collections import Counter

import pytest

from ner_engine.errors import BadInput
from ner_engine.translation.backends import TranslatorMissing, make_translator
from ner_engine.translation.run import TranslationRun
from ner_engine.types import Document, Span
from tests.ner_engine.translation.tiny_seq2seq import PAIRS, POSITIONS
from tests.tiny import one_thread


def make(name, folder, source="es", target="en", **options):
    options = {"model": str(folder), **options}
    return make_translator(name, source=source, target=target, options=options)


@pytest.fixture(autouse=True)
def _one_thread():
    with one_thread():
        yield


@pytest.mark.parametrize("batch", ["1", "4"])
def test_marian_translates_in_order(marian_folder, batch):
    translator = make("marian", marian_folder, batch=batch)

    assert translator.translate(list(PAIRS)) == list(PAIRS.values())
    assert translator.counts["unfinished"] == 0


def test_nllb_is_told_both_languages(nllb_folder):
    translator = make("nllb", nllb_folder, beams="2")

    assert translator.translate(list(PAIRS)) == list(PAIRS.values())


def test_documents_keep_their_lines_and_spans_wait_for_projection(marian_folder):
    text = "El paciente tiene fiebre. No tiene dolor.\n\nAlta a domicilio."
    document = Document("a", text, "es", (Span(18, 24, "FINDING"),))
    run = TranslationRun(make("marian", marian_folder))

    (found,) = run.translate([document])

    assert (
        found.target_text
        == "The patient has fever. She has no pain.\n\nDischarged home."
    )
    assert found.carried is None
    assert found.segments[0] == (0, 25, 0, 22)
    assert run.counts["spans_unmarked"] == 1


def test_nothing_is_cut_off(marian_folder):
    """No piece is longer than the model, and what unfolds when it is read is halved."""
    translator = make("marian", marian_folder)
    assert translator.traits.max_chars == POSITIONS - 4
    # One sign, eighteen letters (NFKC): longer than the model although it looks short.
    text = " ".join(["El paciente tiene fiebre."] + ["\ufdfa"] * 6)

    answer = translator.translate([text, "No tiene dolor."])

    halves = [" ".join(part) for part in (text.split()[:5], text.split()[5:])]
    assert answer[0] == " ".join(translator.translate([half])[0] for half in halves)
    assert answer[1] == "She has no pain."


def test_the_version_changes_with_the_model_and_its_settings(marian_folder, tmp_path):
    copy = shutil.copytree(marian_folder, tmp_path / "copy")
    versions = {
        make("marian", copy).traits.version,
        make("marian", copy, beams="3").traits.version,
        make("marian", copy, prefix=">>fra<<").traits.version,
    }
    (copy / "model.safetensors").write_bytes(b"another")

    assert len({*versions, make("marian", copy).traits.version}) == 4
    # How it is computed is no part of it.
    batched = make("marian", copy, batch="2").traits.version
    assert batched == make("marian", copy).traits.version


def test_a_model_that_is_not_there_says_how_to_get_it(tmp_path):
    pytest.importorskip("sentencepiece")
    (tmp_path / "empty").mkdir()
    translator = make("marian", tmp_path / "empty")

    with pytest.raises(TranslatorMissing, match="hf download"):
        translator.translate(["tos"])


def test_the_default_is_the_model_of_the_direction():
    from ner_engine.translation.seq2seq import Seq2SeqTranslator

    marian = Seq2SeqTranslator.marian(source="fr", target="en", options={})

    assert marian._plan.model == "Helsinki-NLP/opus-mt-fr-en"
    assert marian.counts == Counter()


def test_without_sentencepiece_marian_says_how_to_get_it(monkeypatch, marian_folder):
    monkeypatch.setitem(sys.modules, "sentencepiece", None)

    with pytest.raises(TranslatorMissing, match="pip install sentencepiece"):
        make("marian", marian_folder).translate(["tos"])


def test_a_language_that_nllb_is_not_known_by_needs_its_code():
    with pytest.raises(BadInput, match="by the option source_code"):
        make("nllb", "x", source="xx")

    assert make("nllb", "x", source="xx", source_code="xxx_Latn").traits.source == "xx"
