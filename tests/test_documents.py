"""The documents name what the code has: settings, commands, targets, engine verbs."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from ner_engine.cli.main import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")


def test_readme_lists_every_setting_and_no_other():
    source = "".join(
        (ROOT / "annotator" / name).read_text(encoding="utf-8")
        for name in ("settings.py", "supervisor.py")
    )
    reader = r'(?:environ\.get|environment\.get|env_bool|env_int)\(\s*"([A-Z_]+)"'
    read = set(re.findall(reader, source))
    # dj_database_url reads DATABASE_URL inside the library.
    read |= {"DATABASE_URL"}
    table = README.split("## Settings", 1)[1].split("\n## ", 1)[0]
    listed = set(re.findall(r"^\| `([A-Z_]+)`", table, flags=re.MULTILINE))

    assert listed == read


def test_readme_lists_every_make_target():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):.*## ", makefile, flags=re.MULTILINE))

    assert targets == set(re.findall(r"^\| `make ([a-z-]+)`", README, re.MULTILINE))


def test_make_test_names_the_tests_that_it_leaves_out():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipe = re.search(r"^test:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    runs = [line for line in recipe[1].splitlines() if " pytest " in line]

    assert len(runs) == 2
    assert all(" -rs" in line for line in runs)


def test_readme_lists_every_management_command():
    folder = ROOT / "annotator" / "management" / "commands"
    commands = {path.stem for path in folder.glob("*.py")} - {"__init__"}

    assert commands == set(
        re.findall(r"^\| `manage\.py ([a-z_]+)", README, re.MULTILINE)
    )


def test_readme_lists_every_engine_command():
    listed = set(re.findall(r"`python -m ner_engine ([a-z]+)`", README))

    assert listed == set(COMMANDS)


def test_architecture_names_every_room():
    rooms = {
        f"{package.name}/{entry.name}{'/' if entry.is_dir() else ''}"
        for package in (ROOT / "annotator", ROOT / "ner_engine")
        for entry in package.iterdir()
        if entry.name != "migrations"
        and (
            (entry.is_dir() and (entry / "__init__.py").exists())
            or (entry.suffix == ".py" and entry.stem != "__init__")
        )
    }
    missing = {
        room for room in rooms if room.split("/", 1)[1].rstrip("/") not in ARCHITECTURE
    }

    assert missing == set()


@pytest.mark.parametrize("name", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_links_to_files_of_the_repository_lead_somewhere(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#:]+)\)", text)

    assert [link for link in links if not (ROOT / link).exists()] == []


def test_no_file_is_past_600_lines():
    tracked = subprocess.run(
        ["git", "ls-files"], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout.split()
    long = {
        name: n_lines
        for name in tracked
        if Path(name).suffix in {".py", ".js", ".css", ".html"}
        and "vendored" not in name
        and "migrations" not in name
        and (ROOT / name).exists()
        and (n_lines := (ROOT / name).read_text(encoding="utf-8").count("\n")) > 600
    }

    assert long == {}


def test_importing_the_engine_leaves_django_out():
    code = "import ner_engine, sys; sys.exit('django' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_importing_the_urls_leaves_the_model_libraries_out():
    code = (
        "import os, sys, django;"
        "os.environ['DJANGO_SETTINGS_MODULE'] = 'tests.settings';"
        "django.setup(); import annotator.urls;"
        "sys.exit(bool({'torch', 'transformers', 'spacy'} & set(sys.modules)))"
    )

    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_every_data_file_of_the_engine_goes_into_its_wheel():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = settings["tool"]["setuptools"]["package-data"]["ner_engine"]
    engine = ROOT / "ner_engine"
    packed = {path for pattern in patterns for path in engine.glob(pattern)}
    listed = subprocess.run(
        ["git", "ls-files", "ner_engine"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    data = {ROOT / name for name in listed.stdout.split() if not name.endswith(".py")}
    assert len(data) > 10
    assert data == packed
