"""CTranslate2 folders and Argos packages, with tiny converted models."""

from __future__ import annotations

import json
import shutil
import sys
import warnings

import pytest

from ner_engine.errors import BadInput
from ner_engine.translation.backends import TranslatorMissing, make_translator
from tests.ner_engine.translation.tiny_seq2seq import PAIRS

ctranslate2 = pytest.importorskip(
    "ctranslate2", reason="ctranslate2 is not installed", exc_type=ImportError
)


def convert(source, target, *files):
    from ctranslate2.converters import TransformersConverter

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        converter = TransformersConverter(str(source), copy_files=list(files))
        converter.convert(str(target))
    return target


@pytest.fixture(scope="session")
def converted(marian_folder, tmp_path_factory):
    target = tmp_path_factory.mktemp("ct2") / "marian"
    return convert(marian_folder, target, "source.spm", "target.spm")


@pytest.fixture(scope="session")
def converted_nllb(nllb_folder, tmp_path_factory):
    target = tmp_path_factory.mktemp("ct2") / "nllb"
    return convert(nllb_folder, target, "tokenizer.json")


def make(folder, **options):
    options = {"model": str(folder), "threads": "1", "device": "cpu", **options}
    return make_translator("ctranslate2", source="es", target="en", options=options)


def argos(folder, source="es", target="en", **options):
    options = {"packages": str(folder), "threads": "1", "device": "cpu", **options}
    return make_translator("argos", source=source, target=target, options=options)


def write_package(folder, model, source, target, **more):
    """Lay out a package as Argos does: metadata, one SentencePiece model, the model."""
    folder.mkdir(parents=True)
    shutil.copytree(model, folder / "model")
    for name in ("source.spm", "target.spm"):
        (folder / "model" / name).unlink()
    shutil.copy(model / "source.spm", folder / "sentencepiece.model")
    config = json.loads((folder / "model" / "config.json").read_text())
    config["add_source_eos"] = True
    (folder / "model" / "config.json").write_text(json.dumps(config))
    row = {"package_version": "1.0", "from_code": source, "to_code": target, **more}
    (folder / "metadata.json").write_text(json.dumps(row))


def test_a_converted_marian_model_says_what_the_original_says(converted):
    translator = make(converted)

    assert translator.translate(list(PAIRS)) == list(PAIRS.values())
    assert translator.counts["unfinished"] == 0


def test_a_converted_nllb_model_is_told_both_languages(converted_nllb):
    assert make(converted_nllb).translate(list(PAIRS)) == list(PAIRS.values())


def test_eight_bit_integers_are_another_version(converted):
    small = make(converted, compute_type="int8")

    assert small.translate(["Alta a domicilio."]) == ["Discharged home."]
    assert small.traits.version != make(converted).traits.version
    assert make(converted, batch="3").traits.version == make(converted).traits.version


def test_an_argos_package_translates(converted, tmp_path):
    write_package(tmp_path / "es_en", converted, "es", "en")

    for folder in (tmp_path, tmp_path / "es_en"):
        assert argos(folder).translate(list(PAIRS)) == list(PAIRS.values())


def test_without_a_direct_package_two_are_gone_through(converted, tmp_path):
    write_package(tmp_path / "a", converted, "es", "en")
    write_package(tmp_path / "b", converted, "gl", "es")

    pivot = argos(tmp_path, source="gl")

    first = argos(tmp_path, source="gl", target="es")
    second = argos(tmp_path)
    text = "No tiene dolor."
    assert pivot.translate([text]) == second.translate(first.translate([text]))
    assert len({t.traits.version for t in (pivot, first, second)}) == 3


def test_what_is_missing_is_said_with_the_way_to_get_it(converted, tmp_path):
    with pytest.raises(TranslatorMissing, match="ct2-transformers-converter"):
        make(tmp_path).translate(["tos"])

    bare = shutil.copytree(converted, tmp_path / "bare")
    for name in ("source.spm", "target.spm"):
        (bare / name).unlink()
    with pytest.raises(TranslatorMissing, match="holds no tokenizer"):
        make(bare).translate(["tos"])

    broken = shutil.copytree(converted, tmp_path / "broken")
    (broken / "model.bin").write_bytes(b"no model")
    with pytest.raises(TranslatorMissing, match="no model that CTranslate2 can run"):
        make(broken).translate(["tos"])

    with pytest.raises(TranslatorMissing, match="no Argos packages from es to en"):
        argos(tmp_path / "none").translate(["tos"])


def test_an_argos_package_that_cannot_be_used_is_said(converted, tmp_path):
    write_package(tmp_path / "x", converted, "es", "en")
    (tmp_path / "x" / "sentencepiece.model").rename(tmp_path / "x" / "bpe.model")
    with pytest.raises(TranslatorMissing, match=r"has no sentencepiece\.model"):
        argos(tmp_path).translate(["tos"])

    (tmp_path / "x" / "metadata.json").write_text("[]")
    with pytest.raises(BadInput, match="no description of a package"):
        argos(tmp_path).translate(["tos"])


@pytest.mark.parametrize("package", ["ctranslate2", "sentencepiece"])
def test_without_the_package_the_way_to_get_it_is_said(converted, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)

    with pytest.raises(TranslatorMissing, match=f"pip install {package}"):
        make(converted).translate(["tos"])


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({}, "by the option model"),
        ({"model": "x", "beams": "0"}, "1 or more"),
        ({"model": "x", "device": "moon"}, "cpu, cuda or auto"),
    ],
)
def test_settings_that_cannot_be_are_refused(options, reason):
    with pytest.raises(BadInput, match=reason):
        make_translator("ctranslate2", source="es", target="en", options=options)
