"""A gesture that comes too late: it follows, came to the same, or is to be chosen."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from annotator.models import AnnotationSet, Note, User
from tests.e2e.review_page import (
    OpenPage,
    marks_of,
    open_note,
    saved,
    spans_of,
    suggest,
)

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]

# A machine of its own: another browser context hears nothing of the first one's tabs.
ELSEWHERE: dict[str, Any] = {"viewport": {"width": 1200, "height": 800}}


def open_two(open_page: OpenPage, user: User, note: Note) -> tuple[Page, Page]:
    late = open_note(open_page, user, note, ignore_errors=True)  # logs its 409
    early = open_note(open_page, user, note, **ELSEWHERE)
    return late, early


def test_gesture_on_another_mark_follows_what_was_saved_elsewhere(
    open_page: OpenPage, annotator: User, note: Note
) -> None:
    suggest(note, "cardiópata", "FINDING")
    suggest(note, "Amoxicilina", "MEDICATION")
    late, early = open_two(open_page, annotator, note)
    early.keyboard.press("a")
    saved(early)
    late.keyboard.press("j")
    late.keyboard.press("a")  # Amoxicilina, at a revision that is gone
    saved(late)
    expect(late.locator("#conflict")).to_be_hidden()
    assert spans_of(note) == {("cardiópata", "FINDING"), ("Amoxicilina", "MEDICATION")}
    assert marks_of(late) == spans_of(note)


def test_same_decision_in_two_places_asks_nothing(
    open_page: OpenPage, annotator: User, note: Note
) -> None:
    suggest(note, "cardiópata", "FINDING")
    late, early = open_two(open_page, annotator, note)
    early.keyboard.press("a")
    saved(early)
    late.keyboard.press("a")
    saved(late)
    expect(late.locator("#conflict")).to_be_hidden()
    assert AnnotationSet.objects.get(note=note).revision == 1
    assert marks_of(late) == {("cardiópata", "FINDING")}


@pytest.mark.parametrize("keeps_mine", [True, False])
def test_other_decision_on_the_same_mark_shows_both_and_lets_choose(
    open_page: OpenPage, annotator: User, note: Note, keeps_mine: bool
) -> None:
    suggest(note, "cardiópata", "FINDING")
    suggest(note, "Amoxicilina", "MEDICATION")
    late, early = open_two(open_page, annotator, note)
    early.keyboard.press("x")
    early.keyboard.press("2")  # Amoxicilina is a dose, says this one
    saved(early)
    late.keyboard.press("5")
    late.keyboard.press("a")
    conflict = late.locator("#conflict")
    expect(conflict).to_be_visible()
    rows = conflict.locator("li")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_contain_text("Change the label: «cardiópata»")
    expect(rows.nth(0)).to_contain_text("Not an entity")
    expect(rows.nth(1)).to_contain_text("Accept: «Amoxicilina»")
    expect(rows.nth(1)).to_contain_text("Dose: «Amoxicilina»")
    expect(late.locator("#save-state")).to_contain_text("Two versions")
    # Nothing happens before the choice, and it can be made by keys alone.
    assert spans_of(note) == {("Amoxicilina", "DOSAGE")}
    name = "Keep this page's" if keeps_mine else "Keep the saved one"
    expect(rows.nth(0).get_by_role("button").first).to_be_focused()
    rows.nth(0).get_by_role("button", name=name).press("Enter")
    expect(rows).to_have_count(1)
    rows.nth(0).get_by_role("button", name=name).press("Enter")
    expect(conflict).to_be_hidden()
    saved(late)
    mine = {("cardiópata", "FINDING"), ("Amoxicilina", "MEDICATION")}
    assert spans_of(note) == (mine if keeps_mine else {("Amoxicilina", "DOSAGE")})
    assert marks_of(late) == spans_of(note)


def test_conflict_not_chosen_yet_is_there_again_after_a_reload(
    open_page: OpenPage, annotator: User, note: Note
) -> None:
    suggest(note, "cardiópata", "FINDING")
    late, early = open_two(open_page, annotator, note)
    early.keyboard.press("x")
    saved(early)
    late.keyboard.press("a")
    late.keyboard.press("2")
    conflict = late.locator("#conflict")
    expect(conflict).to_be_visible()
    late.keyboard.press("Escape")
    late.locator('#submit-form [type="submit"]').click()  # not before the choice
    expect(conflict.get_by_role("button").first).to_be_focused()
    late.reload()
    expect(conflict).to_be_visible()
    conflict.get_by_role("button", name="Keep this page's").first.click()
    saved(late)
    assert len(spans_of(note)) == 1
    assert marks_of(late) == spans_of(note)


def test_page_hears_of_another_machine_without_doing_anything(
    open_page: OpenPage, annotator: User, note: Note
) -> None:
    suggest(note, "cardiópata", "FINDING")
    late, early = open_two(open_page, annotator, note)
    early.keyboard.press("a")
    saved(early)
    late.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # a beat
    expect(late.locator(".is-annotation.is-first")).to_have_count(1)
