"""Bundles: what is written comes back, and damage of every kind is named."""

from __future__ import annotations

import json
import shutil

import pytest
import torch

from ner_engine.bundle import (
    CALIBRATION,
    CONFIG,
    FILES,
    MANIFEST,
    WEIGHTS,
    BundleInfo,
    digest,
    load_bundle,
    read_info,
    save_bundle,
    verify_bundle,
)
from ner_engine.errors import BundleError, BundleMismatch
from ner_engine.labels import DEFAULT_LABELS, LabelScheme
from ner_engine.model_card import write_card
from ner_engine.models.calibration import Calibration
from ner_engine.models.storage import dequantise, quantise
from ner_engine.models.tagger import MultiHeadTagger
from tests.tiny import tiny_encoder_parts


@pytest.fixture
def parts():
    return tiny_encoder_parts()


@pytest.fixture
def copy(tiny_bundle, tmp_path):
    """A bundle that a test may damage."""
    return shutil.copytree(tiny_bundle, tmp_path / "copy")


def save(path, parts, **info):
    torch.manual_seed(0)
    tagger = MultiHeadTagger(parts.model, LabelScheme())
    save_bundle(
        path,
        tagger,
        parts.tokenizer,
        calibration=Calibration(),
        info=BundleInfo(**info),
        metrics={"dev": {"f1": 0.5, "precision": 0.5, "recall": 0.5, "labels": {}}},
    )
    return tagger


def test_saved_bundle_comes_back_within_eight_bit_rounding(tmp_path, parts):
    tagger = save(tmp_path / "b", parts, name="first", languages=("es",), seed=4)
    bundle = load_bundle(tmp_path / "b")
    assert bundle.scheme == LabelScheme()
    assert (bundle.info.name, bundle.info.languages, bundle.info.seed) == (
        "first",
        ("es",),
        4,
    )
    assert bundle.metrics["dev"]["f1"] == 0.5
    restored = bundle.tagger.state_dict()
    for name, value in tagger.state_dict().items():
        if value.dim() == 2 and not name.startswith("heads."):
            most = value.abs().amax(dim=1, keepdim=True) / 127 / 2
            assert ((restored[name] - value).abs() <= most * 1.001 + 1e-12).all()
        else:
            assert torch.equal(restored[name], value)


def test_saving_what_was_loaded_changes_nothing(tmp_path, tiny_bundle):
    bundle = load_bundle(tiny_bundle)
    save_bundle(
        tmp_path / "again",
        bundle.tagger,
        bundle.tokenizer,
        calibration=bundle.calibration,
        info=bundle.info,
        metrics=bundle.metrics,
    )
    assert digest(tmp_path / "again") == digest(tiny_bundle)


def test_quantise_keeps_zero_rows_and_extremes():
    matrix = torch.tensor([[0.0, 0.0], [-3.0, 1.5]])
    whole, scale = quantise(matrix)
    assert whole[1].tolist() == [-127, 64]
    restored = dequantise(whole, scale)
    assert restored[0].tolist() == [0.0, 0.0]
    assert restored[1, 0].item() == pytest.approx(-3.0)


def test_no_file_of_a_bundle_is_a_pickle(tiny_bundle):
    names = {path.name for path in tiny_bundle.iterdir()}
    assert names == {*FILES, MANIFEST}


def test_all_files_are_readable_by_the_same_people(tiny_bundle):
    assert len({path.stat().st_mode for path in tiny_bundle.iterdir()}) == 1


def test_card_names_labels_sources_and_scores(tmp_path, parts):
    source = {"name": "some corpus", "licence": "CC BY 4.0"}
    save(tmp_path / "b", parts, sources=(source,), description="Made for a test.")
    card = (tmp_path / "b" / "README.md").read_text()
    assert "Made for a test." in card
    assert "| some corpus | CC BY 4.0 |" in card
    assert "| all, micro | 0.500 | 0.500 | 0.500 |" in card
    for label in DEFAULT_LABELS:
        assert label in card


def test_card_has_a_row_for_every_set_and_label_with_its_interval():
    figures = {
        "f1": 0.75,
        "precision": 0.8,
        "recall": 0.7,
        "n_gold": 120,
        "interval": [0.7, 0.8],
    }
    none = {**figures, "interval": None, "n_gold": 0}
    row = {
        "set": "held out",
        "n_documents": 9,
        "n_gold": 120,
        "micro": figures,
        "labels": {"FINDING": figures, "DOSAGE": none},
    }
    config = {"labels": ["FINDING"], "encoder": {}, "tokenizer_version": "t"}
    card = write_card(config, {"evaluation": [row]})
    # labels in alphabetical order, F1 in percent
    cells = "75.0 (70.0–80.0) | 75.0 | 75.0 (70.0–80.0)"
    assert f"| held out | 9 | 120 | {cells} |" in card


def test_read_info_needs_no_model(tmp_path, copy):
    (copy / WEIGHTS).unlink()
    scheme, info, metrics = read_info(copy)
    assert scheme == LabelScheme()
    assert info.name == "tiny"
    assert metrics["training"]["steps"] > 0


@pytest.mark.parametrize("name", [*FILES, MANIFEST])
def test_a_missing_file_is_named(copy, name):
    (copy / name).unlink()
    with pytest.raises(BundleError, match=name.replace(".", r"\.")):
        verify_bundle(copy)


@pytest.mark.parametrize("name", FILES)
def test_a_truncated_file_is_named(copy, name):
    data = (copy / name).read_bytes()
    (copy / name).write_bytes(data[:-1])
    with pytest.raises(BundleError, match=rf"{name}: \d+ bytes"):
        load_bundle(copy)


@pytest.mark.parametrize("name", FILES)
def test_an_altered_byte_is_noticed(copy, name):
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / name).write_bytes(bytes(data))
    with pytest.raises(BundleError, match=f"{name}: altered"):
        load_bundle(copy)


def test_another_digest_than_expected_is_a_mismatch(copy):
    assert verify_bundle(copy, expected_digest=digest(copy)) == digest(copy)
    with pytest.raises(BundleMismatch):
        load_bundle(copy, expected_digest="0" * 64)


def test_no_bundle_at_all(tmp_path):
    with pytest.raises(BundleError, match="no bundle here"):
        load_bundle(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{", "{}", '{"format": "glosa-bundle", "version": 99, "files": {}}'],
)
def test_a_broken_manifest_is_refused(copy, content):
    (copy / MANIFEST).write_text(content)
    with pytest.raises(BundleError):
        load_bundle(copy)


def reseal(folder):
    """Make the manifest fit the files again: a forger's bundle, not a damaged one."""
    from ner_engine.bundle import _write_manifest

    _write_manifest(folder)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (CONFIG, "{}"),
        (CONFIG, '{"labels": ["A", "A"], "encoder": {}, "tokenizer_version": "x"}'),
        (CONFIG, '{"labels": [1], "encoder": {}, "tokenizer_version": "x"}'),
        (CALIBRATION, "{}"),
        (WEIGHTS, "not safetensors"),
        ("tokenizer.json", "{}"),
    ],
)
def test_files_that_hold_something_else_are_refused(copy, name, content):
    (copy / name).write_text(content)
    reseal(copy)
    with pytest.raises(BundleError):
        load_bundle(copy)


@pytest.mark.parametrize(
    "change",
    [
        {"hidden_size": 96},
        {"num_hidden_layers": 3},
        {"model_type": "no-such-model"},
        {"auto_map": {"AutoModel": "evil.Model"}},
    ],
)
def test_an_encoder_that_does_not_fit_is_refused(copy, change):
    config = json.loads((copy / CONFIG).read_text())
    config["encoder"].update(change)
    (copy / CONFIG).write_text(json.dumps(config))
    reseal(copy)
    with pytest.raises(BundleError):
        load_bundle(copy)


def test_heads_for_other_labels_are_refused(copy):
    config = json.loads((copy / CONFIG).read_text())
    config["labels"] = ["ONLY"]
    (copy / CONFIG).write_text(json.dumps(config))
    reseal(copy)
    with pytest.raises(BundleError, match="heads"):
        load_bundle(copy)


def test_a_folder_of_something_else_is_not_replaced(tmp_path, parts):
    folder = tmp_path / "precious"
    folder.mkdir()
    (folder / "notes.txt").write_text("keep me")
    with pytest.raises(BundleError, match="will not replace"):
        save(folder, parts)
    assert (folder / "notes.txt").read_text() == "keep me"


def test_a_bundle_is_replaced_and_nothing_is_left_over(tmp_path, parts):
    save(tmp_path / "b", parts, name="one")
    before = digest(tmp_path / "b")
    save(tmp_path / "b", parts, name="two")
    assert digest(tmp_path / "b") != before
    assert [path.name for path in tmp_path.iterdir()] == ["b"]
