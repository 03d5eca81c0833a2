"""Every kind of heads comes back from a bundle, and bundles from before do too."""

from __future__ import annotations

import json

import pytest
import torch

from ner_engine.bundle import BundleInfo, load_bundle, save_bundle
from ner_engine.errors import BundleError
from ner_engine.labels import LabelScheme
from ner_engine.models.calibration import Calibration
from ner_engine.models.encoder import encoder_config
from ner_engine.models.storage import read_tagger, write_weights
from ner_engine.models.tagger import HEAD_KINDS, MultiHeadTagger
from tests.tiny import tiny_encoder_parts

SCHEME = LabelScheme.of(["A", "B"])


def make_tagger(heads):
    torch.manual_seed(0)
    tagger = MultiHeadTagger(tiny_encoder_parts().model, SCHEME, heads=heads)
    if tagger.transitions is not None:
        with torch.no_grad():
            tagger.transitions.normal_()
    return tagger


@pytest.mark.parametrize("heads", HEAD_KINDS)
def test_heads_and_transitions_come_back_exactly(tmp_path, heads):
    tagger = make_tagger(heads)
    save_bundle(
        tmp_path / "b",
        tagger,
        tiny_encoder_parts().tokenizer,
        calibration=Calibration(),
        info=BundleInfo(),
        metrics={},
    )
    back = load_bundle(tmp_path / "b").tagger
    assert back.kind == heads
    card = (tmp_path / "b" / "README.md").read_text(encoding="utf-8")
    assert ("one softmax" in card) == heads.startswith("joint")
    assert ("learned transitions" in card) == heads.endswith("_crf")
    assert torch.equal(back.heads.weight, tagger.heads.weight)
    assert torch.equal(back.heads.bias, tagger.heads.bias)
    if tagger.transitions is None:
        assert back.transitions is None
    else:
        assert torch.equal(back.transitions, tagger.transitions)


def test_a_bundle_that_names_no_heads_has_one_a_label(tmp_path, tiny_bundle):
    from ner_engine.bundle import _read_config

    config = json.loads((tiny_bundle / "config.json").read_text(encoding="utf-8"))
    del config["heads"]
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    assert _read_config(tmp_path)["heads"] == "multi"


@pytest.mark.parametrize("heads", ["joint", "multi_crf", "nonsense"])
def test_weights_of_other_heads_are_refused(tmp_path, heads):
    tagger = make_tagger("multi")
    write_weights(tagger, tmp_path / "w")
    config = encoder_config(tagger.encoder)
    with pytest.raises(BundleError, match="heads"):
        read_tagger(tmp_path / "w", config, SCHEME, heads=heads)
