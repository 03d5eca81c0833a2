"""Settings of the engine's property tests, and the tiny models that tests share."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from tests.tiny import make_tiny_bundle, make_tiny_encoder

# The first example of a run may import spaCy or torch, and the machine may be busy: a
# deadline an example would fail tests for that. pytest-timeout bounds a whole test.
settings.register_profile("engine", deadline=None)
settings.load_profile("engine")


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny encoder's folder; tests do not write into it."""
    return make_tiny_encoder(tmp_path_factory.mktemp("encoder") / "tiny")


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny bundle that finds things; tests do not write into it."""
    return make_tiny_bundle(tmp_path_factory.mktemp("bundle") / "tiny")
