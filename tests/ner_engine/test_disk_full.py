"""A disk that fills up while saving: a typed error, and nothing half-made stays.

A process that may write no file above a size meets the same refusal in the same places
as one whose disk is full, and needs no disk of its own for it.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from ner_engine.bundle import digest, verify_bundle

ROOT = Path(__file__).resolve().parents[2]
SAVE_BUNDLE = """
from ner_engine.bundle import BundleInfo, save_bundle
from ner_engine.labels import LabelScheme
from ner_engine.models.calibration import Calibration
from ner_engine.models.tagger import MultiHeadTagger

def save(folder):
    save_bundle(
        folder / "b",
        MultiHeadTagger(parts.model, LabelScheme()),
        parts.tokenizer,
        calibration=Calibration(),
        info=BundleInfo(),
        metrics={},
    )
"""
SAVE_CHECKPOINT = """
import torch
from ner_engine.training.checkpoints import Checkpoint, save_checkpoint

def save(folder):
    save_checkpoint(
        folder,
        Checkpoint({"w": torch.ones(9)}, None, parts.model.state_dict(), {"step": 2}),
    )
"""
RUN = """
import json, resource, sys
from pathlib import Path
from tests.tiny import tiny_encoder_parts
from ner_engine.errors import NerEngineError

parts = tiny_encoder_parts()
limit = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    save(Path(sys.argv[1]))
except NerEngineError as error:
    print(json.dumps([type(error).__name__, str(error)]))
"""


def save_with_limit(code, folder, limit):
    done = subprocess.run(
        [sys.executable, "-c", code + RUN, str(folder), str(limit)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="no such limit here")
@pytest.mark.parametrize("limit", [100, 8_000, 60_000])
def test_a_bundle_that_cannot_be_written_leaves_the_old_one(
    tmp_path, tiny_bundle, limit
):
    # configuration, tokenizer or weights are the first that do not fit
    (tmp_path / "b").symlink_to(tiny_bundle)
    before = digest(tiny_bundle)
    name, message = save_with_limit(SAVE_BUNDLE, tmp_path, limit)
    assert name == "BundleError"
    assert "cannot be written" in message
    assert [path.name for path in tmp_path.iterdir()] == ["b"]
    assert verify_bundle(tiny_bundle) == before


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="no such limit here")
def test_a_checkpoint_that_cannot_be_written_leaves_the_old_one(tmp_path):
    (tmp_path / "step-00000001").mkdir()
    name, message = save_with_limit(SAVE_CHECKPOINT, tmp_path, 5_000)
    assert name == "TrainingError"
    assert "step-00000002: cannot be written" in message
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001"]
