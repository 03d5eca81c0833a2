"""Collected static files: hashed names everywhere, module imports included."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import override_settings

STORAGES = {
    **settings.STORAGES,
    "staticfiles": {"BACKEND": "annotator.static_files.ModuleManifestStorage"},
}
HASHED = r"[\w./-]+\.[0-9a-f]{12}\.\w+"


@pytest.fixture(scope="module")
def collected(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("static")
    with override_settings(STATIC_ROOT=str(folder), STORAGES=STORAGES):
        call_command("collectstatic", interactive=False, verbosity=0)
    return folder


def test_modules_import_hashed_names(collected):
    own = Path(settings.BASE_DIR) / "static" / "js"
    for source in own.glob("*.js"):
        (hashed,) = collected.glob(f"js/{source.stem}.????????????.js")
        for name in re.findall(r'^import .*from "([^"]+)";', hashed.read_text(), re.M):
            assert re.fullmatch(HASHED, name), (source.name, name)
            assert (hashed.parent / name).exists()


def test_each_import_stands_on_one_line():
    """Django rewrites imports by a pattern that knows single lines only."""
    for source in (Path(settings.BASE_DIR) / "static" / "js").glob("*.js"):
        for line in source.read_text().splitlines():
            if line.startswith(("import ", "import{")):
                assert re.fullmatch(r'import .+ from "\./[\w-]+\.js";', line), (
                    source.name
                )


def test_styles_name_hashed_fonts(collected):
    (tokens,) = collected.glob("css/tokens.????????????.css")
    urls = re.findall(r'url\("([^"]+)"\)', tokens.read_text())
    assert len(urls) == 4
    assert all((tokens.parent / url).exists() for url in urls)
    assert all(re.fullmatch(HASHED, url) for url in urls)
