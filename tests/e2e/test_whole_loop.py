"""The whole loop in a real browser against real processes, with a tiny real model.

The starter of this test has no head for DURATION; the gold notes of the project teach
it, and after the retraining the next note has durations marked.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from ner_engine import DEFAULT_LABELS
from ner_engine.data.conll import read_conll
from ner_engine.types import Document
from tests.browser import watch_errors
from tests.served import Served, free_port, serve
from tests.tiny import make_tiny_bundle, tiny_documents, write_jsonl

ROOT = Path(__file__).resolve().parents[2]
UNKNOWN = "DURATION"
OTHER_NAME = "PERIOD"
NOTE = "Paciente con fiebre. Se pauta ibuprofeno 500 mg cada 8 horas durante 7 días."


def rename(document: Document) -> Document:
    """Call durations by a name that the project does not know."""
    spans = tuple(
        replace(span, label=OTHER_NAME) if span.label == UNKNOWN else span
        for span in document.spans or ()
    )
    return replace(document, spans=spans)


@pytest.fixture(scope="module")
def glosa(tmp_path_factory):
    folder = tmp_path_factory.mktemp("loop")
    labels = tuple(OTHER_NAME if name == UNKNOWN else name for name in DEFAULT_LABELS)
    make_tiny_bundle(
        folder / "bundles" / "starter",
        labels=labels,
        fit=[rename(document) for document in tiny_documents(languages=("es",))],
    )
    data_dir = folder / "data"
    environment = {
        "ANNOTATOR_DATA_DIR": str(data_dir),
        "ANNOTATOR_SHIPPED_BUNDLES": str(folder / "bundles"),
    }
    with serve(
        [sys.executable, "-m", "annotator.supervisor"],
        cwd=ROOT,
        data_dir=data_dir,
        port=free_port(),
        environment=environment,
    ) as served:
        yield served


@pytest.fixture
def page(browser: Browser):
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(30_000)
    opened = context.new_page()
    errors = watch_errors(opened)
    yield opened
    context.close()
    assert errors == []


@pytest.mark.timeout(700)
def test_from_log_in_to_a_re_read_iob2_file(glosa: Served, page: Page, tmp_path):
    log_in(page, glosa)
    make_project(page, glosa)
    import_notes(page, glosa, tmp_path)
    correct_one_note(page, glosa)
    retrain_and_promote(page, glosa)
    expect_durations_on_the_next_note(page, glosa)
    export_and_re_read(page, glosa, tmp_path)


def log_in(page: Page, glosa: Served) -> None:
    page.goto(f"{glosa.address}/")
    page.locator("[name=username]").fill("admin")
    page.locator("[name=password]").fill(glosa.logins["admin"])
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Projects")


def make_project(page: Page, glosa: Served) -> None:
    page.goto(f"{glosa.address}/projects/new/")
    page.locator("[name=name]").fill("Loop")
    page.locator("[name=slug]").fill("loop")
    page.locator("[name=language]:visible").fill("es")
    page.get_by_role("button", name="Create the project").click()
    page.wait_for_url(f"{glosa.address}/p/loop/**")


def import_notes(page: Page, glosa: Served, folder: Path) -> None:
    """Gold notes to learn from, and plain ones to annotate."""
    gold = tiny_documents(120, seed=5, languages=("es",), split="train")
    seen: set[str] = set()
    gold = [d for d in gold if not (d.text in seen or seen.add(d.text))]
    held_out = [replace(d, split="test") for d in gold[:20]]
    write_jsonl(folder / "gold.jsonl", [*held_out, *gold[20:]])
    plain = folder / "plain.csv"
    other = NOTE.replace("7 días", "dos semanas").replace("fiebre", "disnea")
    plain.write_text(f'id,text,split\np1,"{NOTE}",train\np2,"{other}",train\n', "utf-8")
    page.goto(f"{glosa.address}/p/loop/import/")
    page.locator("input[type=file]").set_input_files([folder / "gold.jsonl", plain])
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.locator("#import-report")).to_be_visible(timeout=60_000)
    report = page.locator("#import-report")
    expect(report.get_by_role("heading")).to_have_text(f"{len(gold) + 2} notes went in")
    names, values = report.locator("dt"), report.locator("dd")
    facts = zip(names.all_inner_texts(), values.all_inner_texts(), strict=True)
    assert dict(facts) == {
        "Training": str(len(gold) - 20 + 2),
        "Test": "20",
        "With reference annotations": str(len(gold)),
        "Annotations": str(sum(len(document.spans or ()) for document in gold)),
    }


def correct_one_note(page: Page, glosa: Served) -> None:
    """Accept what is suggested, add what is missing, submit."""
    wait_for_suggestions(page, glosa)
    labels = shown_labels(page)
    assert "MEDICATION" in labels
    assert UNKNOWN not in labels
    page.keyboard.press("j")
    while page.locator("[data-count=undecided]").first.inner_text() != "0":
        before = page.locator("[data-count=undecided]").first.inner_text()
        page.keyboard.press("a")
        expect(page.locator("[data-count=undecided]").first).not_to_have_text(before)
    select_words(page, "durante 7 días")
    page.locator("#label-bar [data-label=DURATION]").click()
    expect(page.locator(f"#note-text [data-label={UNKNOWN}]").first).to_be_visible()
    expect(page.locator("#save-state")).to_have_text("Saved")
    this_note = page.url
    page.get_by_role("button", name=re.compile("Submit")).click()
    page.wait_for_url(lambda address: address != this_note)


def retrain_and_promote(page: Page, glosa: Served) -> None:
    page.goto(f"{glosa.address}/p/loop/training/")
    page.get_by_role("button", name="Start retraining").click()
    expect(page.locator("#training-verdict h2")).to_be_visible(timeout=300_000)
    verdict = page.locator("#training-verdict")
    expect(verdict).to_contain_text("held-out notes")
    verdict.locator("summary").click()
    verdict.get_by_role("button", name=re.compile("active")).click()
    expect(page.locator("#training-versions")).to_contain_text("Active")


def expect_durations_on_the_next_note(page: Page, glosa: Served) -> None:
    for _ in range(60):
        open_next_note(page, glosa)
        if UNKNOWN in shown_labels(page):
            return
        page.wait_for_timeout(1000)
    raise AssertionError(f"no {UNKNOWN} suggested after promotion")


def export_and_re_read(page: Page, glosa: Served, folder: Path) -> None:
    page.goto(f"{glosa.address}/p/loop/export/")
    page.get_by_label(re.compile("IOB2 CoNLL")).check()
    page.get_by_role("button", name="Make the file").click()
    expect(page.locator("#export-report")).to_be_visible(timeout=60_000)
    expect(page.locator("#export-report")).to_contain_text("identical")
    with page.expect_download() as download:
        page.locator("#export-report").get_by_role("link", name="Download").click()
    path = folder / "export.conll"
    download.value.save_as(path)
    read = read_conll(path, language="es")
    assert read.problems == ()
    (corrected,) = [document for document in read.documents if document.id == "p1"]
    found = {
        (span.mention(corrected.text), span.label) for span in corrected.spans or ()
    }
    assert ("durante 7 días", UNKNOWN) in found
    assert ("ibuprofeno", "MEDICATION") in found


def open_next_note(page: Page, glosa: Served) -> None:
    page.goto(f"{glosa.address}/p/loop/next/")
    page.locator("#note-text").wait_for()


def wait_for_suggestions(page: Page, glosa: Served) -> None:
    for _ in range(60):
        open_next_note(page, glosa)
        if shown_labels(page):
            return
        page.wait_for_timeout(1000)
    raise AssertionError("no suggestions came")


def shown_labels(page: Page) -> set[str]:
    marks = page.locator("#note-text mark[data-label]")
    return set(marks.evaluate_all("marks => marks.map(mark => mark.dataset.label)"))


def select_words(page: Page, words: str) -> None:
    """Drag the mouse over words of the note, as a person does."""
    box = page.evaluate(
        """words => {
            const walker = document.createTreeWalker(
                document.getElementById('note-text'), NodeFilter.SHOW_TEXT);
            for (let node; (node = walker.nextNode());) {
                const at = node.data.indexOf(words);
                if (at < 0) continue;
                const range = document.createRange();
                range.setStart(node, at);
                range.setEnd(node, at + words.length);
                const {left, right, top, bottom} = range.getBoundingClientRect();
                return JSON.stringify({left, right, y: (top + bottom) / 2});
            }
        }""",
        words,
    )
    place = json.loads(box)
    page.mouse.move(place["left"] + 1, place["y"])
    page.mouse.down()
    page.mouse.move(place["right"] - 1, place["y"], steps=5)
    page.mouse.up()
