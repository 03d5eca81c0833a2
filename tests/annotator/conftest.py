"""What tests of the application share: one tiny real bundle a run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from annotator import engine
from tests.tiny import make_tiny_bundle

# Engine children of tests compute on one thread: their models are tiny, and threads
# on matrices that small only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train a bundle that finds the entities of `tests.tiny`'s sentences."""
    return make_tiny_bundle(tmp_path_factory.mktemp("bundles") / "tiny")


@pytest.fixture(scope="session")
def own_engine():
    """Let the tests share one serving child, and end it when all are done."""
    yield engine
    engine.close()
