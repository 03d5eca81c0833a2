"""Tiny models, made once a session."""

from __future__ import annotations

import pytest

from tests.ner_engine.translation.tiny_seq2seq import make_marian, make_nllb


@pytest.fixture(scope="session")
def marian_folder(tmp_path_factory):
    pytest.importorskip("sentencepiece", reason="sentencepiece is not installed")
    return make_marian(tmp_path_factory.mktemp("seq2seq") / "marian")


@pytest.fixture(scope="session")
def nllb_folder(tmp_path_factory):
    return make_nllb(tmp_path_factory.mktemp("seq2seq") / "nllb")
