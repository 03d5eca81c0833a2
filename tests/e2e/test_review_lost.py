"""Nothing is lost: two tabs, lost answers, no network; and other ways to the page."""

from __future__ import annotations

import random

import pytest
from django.urls import reverse
from playwright.sync_api import Route, expect

from annotator.enums import NoteState, Role
from annotator.models import AnnotationSet, Note, User
from tests.annotator.factories import (
    make_member,
)
from tests.e2e.review_page import (
    OpenPage,
    marks_of,
    open_note,
    saved,
    spans_of,
    suggest,
)

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]

# Nothing lost ------------------------------------------------------------------------


def test_two_tabs_of_one_person_show_each_other_what_was_saved(
    open_page: OpenPage, annotator: User, note: Note
) -> None:
    suggest(note, "cardiópata", "FINDING")
    suggest(note, "Amoxicilina", "MEDICATION")
    first = open_note(open_page, annotator, note)
    second = open_note(open_page, annotator, note)
    first.keyboard.press("a")
    saved(first)
    expect(second.locator(".is-annotation.is-first")).to_have_count(1)
    # What was in hand here is decided: the first press shows what comes next.
    second.keyboard.press("a")
    second.keyboard.press("a")
    saved(second)
    expect(first.locator(".is-annotation.is-first")).to_have_count(2)
    assert marks_of(first) == marks_of(second) == spans_of(note)
    first.keyboard.press("z")  # undoes what the other tab did
    saved(first)
    expect(second.locator(".is-annotation.is-first")).to_have_count(1)
    assert spans_of(note) == {("cardiópata", "FINDING")}


def test_double_click_and_repeated_request_count_once(
    open_page: OpenPage, annotator: User, note: Note
) -> None:
    suggest(note, "cardiópata", "FINDING")
    page = open_note(open_page, annotator, note)
    sent: list[str] = []
    page.on("request", lambda r: r.post_data and sent.append(r.post_data))
    page.locator(".mark.is-suggestion").first.click()
    page.locator('#hand [value="accept"]').dblclick()
    saved(page)
    assert spans_of(note) == {("cardiópata", "FINDING")}
    layer = AnnotationSet.objects.get(note=note)
    assert (layer.revision, layer.events.count()) == (1, 1)
    status = page.evaluate(
        """async ([url, body]) => {
          const token = document.querySelector('meta[name="csrf-token"]').content;
          const headers = {"Content-Type": "application/json", "X-CSRFToken": token};
          const answer = await fetch(url, {method: "POST", headers, body});
          return [answer.status, (await answer.json()).revision];
        }""",
        [reverse("note_gesture", args=[note.pk]), sent[0]],
    )
    assert status == [200, 1]
    assert (layer.events.count(), layer.spans.count()) == (1, 1)


def test_lost_answer_is_asked_for_again_and_applied_once(
    open_page: OpenPage, annotator: User, note: Note
) -> None:
    suggest(note, "cardiópata", "FINDING")
    suggest(note, "Amoxicilina", "MEDICATION")
    page = open_note(open_page, annotator, note, ignore_errors=True)
    lost: list[bytes | None] = []

    def lose_first_answer(route: Route) -> None:
        if lost:
            route.continue_()
            return
        lost.append(route.request.post_data_buffer)
        route.fetch()  # the server does it; the browser never hears
        route.abort()

    page.route("**/gestures/", lose_first_answer)
    page.keyboard.press("a")
    page.keyboard.press("a")
    expect(page.locator("#save-state")).to_have_text("Saved")
    expect(page.locator(".is-annotation.is-first")).to_have_count(2)
    assert len(lost) == 1
    layer = AnnotationSet.objects.get(note=note)
    assert (layer.revision, layer.events.count(), layer.spans.count()) == (2, 2, 2)


def test_refused_gesture_is_told_and_the_next_ones_go_on(
    open_page: OpenPage, annotator: User, note: Note
) -> None:
    suggest(note, "cardiópata", "FINDING")
    page = open_note(open_page, annotator, note, ignore_errors=True)
    note.project.labels.filter(name="DURATION").delete()
    page.keyboard.press("4")
    expect(page.locator("#alert")).to_contain_text("not in the project")
    page.keyboard.press("k")
    page.keyboard.press("a")
    saved(page)
    assert spans_of(note) == {("cardiópata", "FINDING")}


@pytest.mark.parametrize("seed", range(3))
def test_any_keys_leave_screen_and_database_alike(
    open_page: OpenPage, annotator: User, note: Note, seed: int
) -> None:
    suggest(note, "cardiópata", "FINDING")
    suggest(note, "67 años, 🫀 cardiópata", "DURATION", 0.4)
    suggest(note, "fiebre\u0301 y tos seca", "FINDING")
    suggest(note, "Amoxicilina 1 g", "MEDICATION")
    suggest(note, "1 g cada", "DOSAGE", 0.5)
    page = open_note(open_page, annotator, note, ignore_errors=True)  # refusals log
    keys = [
        "a",
        "x",
        "z",
        "Shift+Z",
        "ArrowLeft",
        "ArrowRight",
        "j",
        "k",
        "1",
        "2",
        "5",
        "e",
        "e",
        "Shift+ArrowRight",
    ]
    keys += ["ArrowDown", "Shift+ArrowLeft", "BracketLeft", "Shift+BracketLeft"]
    keys += ["BracketRight", "Shift+BracketRight", "Escape"]
    drawn = random.Random(seed)
    for _ in range(60):
        page.keyboard.press(drawn.choice(keys))
    saved(page)
    expect(page.locator("#conflict")).to_be_hidden()
    assert marks_of(page) == spans_of(note)
    layer = AnnotationSet.objects.get(note=note)
    shown = page.locator('#submit-form [name="base_revision"]')
    assert shown.input_value() == str(layer.revision)
    page.reload()
    assert marks_of(page) == spans_of(note)


def test_offsets_module_agrees_with_python(
    open_page: OpenPage, annotator: User, note: Note
) -> None:
    drawn = random.Random(7)
    pieces = ["a", "é", "e\u0301", "😀", "👩‍⚕️", "\r\n", " ", "𝒳", "1 g"]
    cases = []
    for _ in range(200):
        text = "".join(drawn.choices(pieces, k=drawn.randrange(1, 12)))
        points = drawn.randrange(len(text) + 1)
        units = len(text[:points].encode("utf-16-le")) // 2
        cases.append([text, points, units])
    page = open_note(open_page, annotator, note)
    wrong = page.evaluate(
        """async (cases) => {
          const script = document.querySelector('script[src*="review"]');
          const offsets = await import(script.src.replace("review", "offsets"));
          return cases.filter(([text, points, units]) =>
            offsets.codePoints(text, units) !== points ||
            offsets.units(text, points) !== units);
        }""",
        cases,
    )
    assert wrong == []
    tokens = page.evaluate(
        """async () => {
          const script = document.querySelector('script[src*="review"]');
          const { tokensOf } = await import(script.src.replace("review", "offsets"));
          const blocks = [...document.getElementById("note-text").children];
          return blocks.flatMap((block) => tokensOf(block));
        }"""
    )
    assert tokens == [[start, end] for start, end, _sentence in note.tokens]


# Other ways to the same page ---------------------------------------------------------


def test_without_script_a_note_is_corrected_and_submitted(
    open_page: OpenPage, annotator: User, note: Note
) -> None:
    suggest(note, "cardiópata", "FINDING")
    suggest(note, "Amoxicilina", "MEDICATION")
    address = reverse("note_review", args=[note.pk])
    page = open_page(annotator, address, java_script_enabled=False)
    page.locator("#mark-lists a", has_text="cardiópata").click()
    page.locator('#hand [value="accept"]').click()
    page.locator('#hand [value="reject"]').click()
    page.locator("#add-mention").fill("500 mg")
    page.locator("noscript button", has_text="Dose").click()
    page.locator('#submit-form [type="submit"]').click()
    page.wait_for_url("**/p/alta/", wait_until="commit")
    assert spans_of(note) == {("cardiópata", "FINDING"), ("500 mg", "DOSAGE")}
    note.refresh_from_db()
    assert note.state == NoteState.SUBMITTED


def test_touch_selection_docks_the_label_bar_and_the_sheet_shows_the_mark(
    open_page: OpenPage, annotator: User, note: Note
) -> None:
    key = suggest(note, "cardiópata", "FINDING")
    size = {"width": 390, "height": 844}
    page = open_note(
        open_page, annotator, note, viewport=size, has_touch=True, is_mobile=True
    )
    page.locator(f'.mark[data-key="s{key}"]').tap()
    # The sheet is folded to the two decisions: the text keeps most of the window.
    sheet = page.locator("#hand")
    expect(sheet.locator(".label-choice").first).to_be_hidden()
    folded = sheet.bounding_box()
    assert folded is not None
    assert folded["height"] < size["height"] / 6
    sheet.get_by_role("button", name="Label, Boundaries, Context").tap()
    expect(sheet.locator(".label-choice").first).to_be_visible()
    sheet.get_by_role("button", name="Label, Boundaries, Context").tap()
    expect(sheet.locator(".label-choice").first).to_be_hidden()
    page.locator('#hand [value="accept"]').tap()
    expect(page.locator(".is-annotation.is-first")).to_have_count(1)
    # What the system's long press does: it selects, and tells by selectionchange.
    start = note.text.index("seca")
    page.evaluate(
        """async (start) => {
          const script = document.querySelector('script[src*="review"]');
          const { rangeOf } = await import(script.src.replace("review", "offsets"));
          getSelection().removeAllRanges();
          const root = document.getElementById("note-text");
          getSelection().addRange(rangeOf(root, start + 1, start + 3));
        }""",
        start,
    )
    bar = page.locator("#label-bar")
    expect(bar).to_be_visible()
    expect(bar).to_have_class("label-bar label-bar--docked")
    bar.locator('[data-label="FINDING"]').tap()
    saved(page)
    assert spans_of(note) == {("cardiópata", "FINDING"), ("seca", "FINDING")}


def test_reviewer_sees_a_set_read_only(
    open_page: OpenPage, annotator: User, note: Note
) -> None:
    suggest(note, "cardiópata", "FINDING")
    page = open_note(open_page, annotator, note)
    page.keyboard.press("a")
    saved(page)
    layer = AnnotationSet.objects.get(note=note)
    reviewer = make_member(note.project, Role.REVIEWER)
    address = f"{reverse('note_review', args=[note.pk])}?set={layer.pk}"
    other = open_page(reviewer, address)
    expect(other.locator(".is-annotation.is-first")).to_have_count(1)
    expect(other.locator("#hand")).to_have_count(0)
