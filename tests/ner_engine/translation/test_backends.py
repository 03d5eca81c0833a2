"""Backends are found by name and their settings read as a user writes them."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from ner_engine.errors import BadInput
from ner_engine.translation.backends import (
    BACKENDS,
    folder_fingerprint,
    make_translator,
    read_options,
)

ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True, slots=True)
class Options:
    model: str = "m"
    beams: int = 4
    wait: float = 0.5


def test_settings_are_read_by_their_type():
    options = read_options(Options, {"beams": "2", "wait": "1.5"}, backend="x")

    assert options == Options("m", 2, 1.5)


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ({"beam": "2"}, "unknown option beam; known: model, beams, wait"),
        ({"beams": "2.5"}, "beams is no number"),
        ({"wait": "nan"}, "wait must be 0 or more"),
        ({"beams": "-1"}, "beams must be 0 or more"),
    ],
)
def test_settings_that_cannot_be_are_refused(setting, reason):
    with pytest.raises(BadInput, match=reason):
        read_options(Options, setting, backend="x")


def test_an_unknown_backend_names_the_known_ones():
    with pytest.raises(BadInput, match="unknown backend babel; known: apertium, "):
        make_translator("babel", source="es", target="en")


def test_making_a_translator_imports_no_model_library_and_no_client():
    code = (
        "import sys; from ner_engine.translation.backends import *;"
        "options = {'google': {'project': 'p'}, 'ctranslate2': {'model': 'm'}};"
        "made = [make_translator(name, source='es', target='en',"
        " options=options.get(name)).traits.name for name in BACKENDS];"
        "heavy = {'torch', 'transformers', 'ctranslate2', 'google.cloud', 'grpc'};"
        "sys.exit(made != list(BACKENDS) or bool(heavy & set(sys.modules)))"
    )

    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
    assert len(BACKENDS) == 7


def test_a_folder_is_known_by_its_files(tmp_path):
    (tmp_path / "a").write_text("1")
    first = folder_fingerprint(tmp_path)
    assert folder_fingerprint(tmp_path) == first

    (tmp_path / "a").write_text("12")

    assert folder_fingerprint(tmp_path) != first
