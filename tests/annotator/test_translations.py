"""Every string that people see exists in Spanish and French, and the compiled files
are those of the sources. Needs no gettext tools."""

from __future__ import annotations

import ast
import gettext
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.utils.translation.template import templatize

ROOT = Path(settings.BASE_DIR)
LOCALE = ROOT / "annotator" / "locale"
LANGUAGES = ("es", "fr")
SINGULAR = {"gettext", "gettext_lazy", "gettext_noop"}
PLURAL = {"ngettext", "ngettext_lazy"}
PLACEHOLDER = re.compile(r"%\((\w+)\)[0-9]*[sd]|%%|%[sd]")


def strings_in(source, functions):
    """Yield (singular, plural) of each call of a translating function."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        kind = functions.get(node.func.id)
        texts = [arg.value for arg in node.args[:2] if isinstance(arg, ast.Constant)]
        if kind in SINGULAR and texts:
            yield texts[0], ""
        elif kind in PLURAL and len(texts) == 2:
            yield texts[0], texts[1]


def strings_of_python(path):
    source = path.read_text()
    functions = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module == (
            "django.utils.translation"
        ):
            functions |= {name.asname or name.name: name.name for name in node.names}
    return set(strings_in(source, functions)) if functions else set()


def strings_of_template(path):
    """Read the calls out of the text that Django hands to xgettext for a template."""
    found = set()
    text = templatize(path.read_text())
    for match in re.finditer(r"(?<!\w)(_|n?gettext)\(", text):
        end = match.start()
        while (end := text.find(")", end) + 1) > 0:
            call = text[match.start() : end]
            try:
                ast.parse(call)
            except SyntaxError:
                continue
            names = {"_": "gettext", "gettext": "gettext", "ngettext": "ngettext"}
            found |= set(strings_in(call, names))
            break
    return found


def strings_of_sources():
    found = {}
    for path in sorted((ROOT / "annotator").rglob("*.py")):
        if "migrations" not in path.parts:
            found |= dict.fromkeys(strings_of_python(path), path.name)
    for path in sorted((ROOT / "templates").rglob("*.html")):
        found |= dict.fromkeys(strings_of_template(path), path.name)
    return found


def catalogue(language):
    """Read a .po file into {(singular, plural): [translations]}."""
    text = (LOCALE / language / "LC_MESSAGES" / "django.po").read_text()
    entries = {}
    for block in text.split("\n\n"):
        fields = {}
        for line in block.splitlines():
            if line.startswith("#"):
                assert "fuzzy" not in line, f"{language}: fuzzy: {block}"
                continue
            key, _, value = line.rpartition(' "') if line[0] != '"' else ("", "", line)
            if key:
                last = key
                fields[last] = ast.literal_eval(f'"{value}')
            else:
                fields[last] += ast.literal_eval(line)
        entry = fields.get("msgid", ""), fields.get("msgid_plural", "")
        entries[entry] = [v for k, v in fields.items() if k.startswith("msgstr")]
    return entries


SOURCES = strings_of_sources()


def test_extraction_finds_strings_of_both_kinds():
    assert ("Skip to the content", "") in SOURCES
    assert ("%(n)d second", "%(n)d seconds") in SOURCES
    assert ("%(done)s of %(total)s note done", "%(done)s of %(total)s notes done") in (
        SOURCES
    )
    assert len(SOURCES) > 300


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_string_is_translated(language):
    entries = catalogue(language)
    missing = [
        f"{where}: {text[0]}"
        for text, where in SOURCES.items()
        if text[0].strip() and not all(entries.get(text, [""]))
    ]
    assert missing == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_keep_the_placeholders(language):
    for (singular, plural), texts in catalogue(language).items():
        if not singular or "% sure" in singular:
            continue
        wanted = sorted(m.group() for m in PLACEHOLDER.finditer(plural or singular))
        for text in texts:
            found = sorted(m.group() for m in PLACEHOLDER.finditer(text))
            assert found == wanted, text


@pytest.mark.parametrize("language", LANGUAGES)
def test_compiled_file_is_that_of_the_source(language):
    folder = LOCALE / language / "LC_MESSAGES"
    with (folder / "django.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    for (singular, plural), texts in catalogue(language).items():
        if not singular:
            continue
        if plural:
            found = [compiled.ngettext(singular, plural, n) for n in (1, 2)]
        else:
            found = [compiled.gettext(singular)]
        assert found == texts
