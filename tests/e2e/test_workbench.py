"""Context, dividing, merging, several at once, propagation, keys: in a real browser."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from annotator.enums import NoteState
from annotator.models import AnnotationSet, Comment, Note, User
from tests.annotator.factories import make_note
from tests.e2e.review_page import (
    OpenPage,
    box_of,
    marks_of,
    middle,
    open_note,
    saved,
    spans_of,
    suggest,
)

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]

PHONE = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
}


def attributes_of(note: Note, mention: str) -> list[str]:
    layer = AnnotationSet.objects.get(note=note)
    start = note.text.index(mention)
    return sorted(layer.spans.get(start_char=start).attributes)


def test_keyboard_alone_sets_context_divides_merges_and_takes_all_back(
    open_page: OpenPage, annotator: User, note: Note
) -> None:
    suggest(note, "cardiópata", "FINDING")
    suggest(note, "Amoxicilina 1 g", "MEDICATION")
    page = open_note(open_page, annotator, note)
    press = page.keyboard.press

    press("p")  # past, which accepts it
    expect(page.locator(".is-annotation.is-first")).to_have_count(1)
    assert attributes_of(note, "cardiópata") == ["historical"]
    press("n")
    press("p")
    saved(page)
    assert attributes_of(note, "cardiópata") == ["negated"]
    name = page.locator(".is-annotation.is-first").get_attribute("aria-label")
    assert name == "annotation: Finding, cardiópata, Negated"
    tag = page.locator(".is-annotation.is-last").get_attribute("data-tag")
    assert tag == "FIND · no"

    press("j")
    press("d")  # three words: the caret asks where
    press("d")  # before the second one
    expect(page.locator(".is-annotation.is-first")).to_have_count(3)
    saved(page)
    cut = {("Amoxicilina", "MEDICATION"), ("1 g", "MEDICATION")}
    assert spans_of(note) == {("cardiópata", "FINDING")} | cut
    press("m")
    expect(page.locator(".is-annotation.is-first")).to_have_count(2)
    press("Alt+Shift+BracketRight")  # the last letter off, and the blank before it
    press("Alt+Shift+BracketRight")
    press("Alt+BracketLeft")
    press("Alt+Shift+BracketLeft")
    press("Alt+Shift+BracketLeft")
    saved(page)
    assert spans_of(note) == {
        ("cardiópata", "FINDING"),
        ("moxicilina", "MEDICATION"),
    }
    press("Shift+F")
    expect(page.locator("#flag")).to_have_attribute("aria-pressed", "true")
    assert AnnotationSet.objects.get(note=note).is_flagged

    page.reload()
    expect(page.locator("#review")).to_have_attribute("data-ready", "true")
    while page.locator('[form="hand"][value="undo"]').is_enabled():
        press("z")
        saved(page)
    assert spans_of(note) == set()
    assert not AnnotationSet.objects.get(note=note).is_flagged
    expect(page.locator(".is-suggestion.is-first")).to_have_count(2)


def test_accepting_several_says_how_many_first_and_is_one_step(
    open_page: OpenPage, annotator: User, note: Note
) -> None:
    suggest(note, "cardiópata", "FINDING", 0.95)
    suggest(note, "Amoxicilina", "MEDICATION", 0.97)
    suggest(note, "Paracetamol", "MEDICATION", 0.92)
    suggest(note, "500 mg", "DOSAGE", 0.5)
    page = open_note(open_page, annotator, note)
    page.keyboard.press("Shift+A")
    count = page.locator('p [data-several="n"]')
    expect(count).to_have_text("3")
    page.locator("#several-label").select_option("MEDICATION")
    expect(count).to_have_text("2")
    page.keyboard.press("Tab")
    page.locator('[data-several="accept"]').click()
    saved(page)
    expect(page.locator(".is-annotation.is-first")).to_have_count(2)
    assert {label for _, label in spans_of(note)} == {"MEDICATION"}
    page.keyboard.press("z")
    saved(page)
    expect(page.locator(".is-suggestion.is-first")).to_have_count(4)


def test_the_same_mention_is_decided_here_and_in_the_next_note(
    open_page: OpenPage, annotator: User, note: Note
) -> None:
    other = make_note(
        note.project, "AMOXICILINA y amoxicilinas.", state=NoteState.SUGGESTED
    )
    suggest(note, "Amoxicilina", "MEDICATION")
    page = open_note(open_page, annotator, note)
    page.keyboard.press("a")
    expect(page.locator(".is-annotation.is-first")).to_have_count(1)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("g")
    places = page.locator("#same-dialog .same__place")
    expect(page.locator('[data-same="list"]')).to_contain_text("nowhere else")
    page.locator('#same-dialog [value="project"]').check()
    expect(places).to_have_count(2)
    places.nth(1).locator("input").uncheck()
    page.locator('[data-same="apply"]').click()
    saved(page)
    expect(page.locator("#alert")).to_contain_text("Other notes changed with it: 1")
    assert spans_of(other) == {("AMOXICILINA", "MEDICATION")}
    page.keyboard.press("z")
    saved(page)
    assert spans_of(other) == set()


def test_finger_alone_sets_context_divides_comments_and_flags(
    open_page: OpenPage, annotator: User, note: Note
) -> None:
    suggest(note, "tos seca", "FINDING")
    page = open_note(open_page, annotator, note, **PHONE)
    x, y = middle(box_of(page, "tos"))
    page.touchscreen.tap(x, y)
    hand = page.locator("#hand")
    page.locator("[data-unfold]").tap()
    hand.locator('[value="negated"]').tap()
    expect(hand.locator('[value="negated"]')).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".is-annotation.is-first")).to_have_count(1)
    hand.locator('[value="comment"]').tap()
    page.locator("#comment-body").fill("¿De ayer?")
    page.locator(".talk__form button").tap()
    expect(page.locator(".talk__body")).to_have_text("¿De ayer?")
    hand.locator('[value="split"]').tap()
    expect(page.locator(".is-annotation.is-first")).to_have_count(2)
    page.locator("#flag").tap()
    saved(page)
    layer = AnnotationSet.objects.get(note=note)
    assert layer.is_flagged
    assert spans_of(note) == {("tos", "FINDING"), ("seca", "FINDING")}
    assert marks_of(page) == spans_of(note)
    assert Comment.objects.get().body == "¿De ayer?"
    overflow = "document.documentElement.scrollWidth - innerWidth"
    assert page.evaluate(overflow) <= 0


def test_panels_tell_guideline_history_and_order(
    open_page: OpenPage, annotator: User, note: Note
) -> None:
    note.project.guideline = "## Finding\n\nSigns, **fever** too.\n\n## Other\n\nNo."
    note.project.save(update_fields=["guideline"])
    note.project.labels.filter(name="FINDING").update(local_names={"en": "Finding"})
    suggest(note, "cardiópata", "FINDING", 0.9)
    suggest(note, "Amoxicilina", "MEDICATION", 0.4)
    page = open_note(open_page, annotator, note)
    page.locator("#tab-guide").click()
    panel = page.locator("#panel-guide")
    expect(panel).to_contain_text("Signs, fever too.")
    expect(panel).not_to_contain_text("Other")
    page.keyboard.press("Escape")
    page.locator("#tab-history").click()
    page.locator("#note-name").click()
    page.keyboard.press("j")
    page.keyboard.press("a")
    expect(page.locator("#panel-history li")).to_have_count(1)
    expect(page.locator("#panel-history")).to_contain_text("Accepted")
    page.keyboard.press("z")
    expect(page.locator("#panel-history li.is-undone")).to_have_count(1)
    page.locator("#tab-marks").click()
    page.locator("#mark-sort").select_option("confidence")
    first = page.locator("#sorted-list li").first
    expect(first).to_contain_text("Amoxicilina")
    first.locator("a").click()
    expect(page.locator('[data-hand="mention"]')).to_have_text("Amoxicilina")


def test_changed_keys_are_used_and_twins_are_refused(
    open_page: OpenPage, annotator: User, note: Note
) -> None:
    suggest(note, "cardiópata", "FINDING")
    # A refused form is a failed load to the browser's console.
    page = open_page(annotator, reverse("key_map"), ignore_errors=True)
    field = page.locator("#key-accept")
    field.focus()
    page.keyboard.press("x")
    expect(field).to_have_value("x")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#wrong-reject")).to_contain_text("accept and go on")
    page.locator("#key-accept").focus()
    page.keyboard.press("Alt+q")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".notices")).to_be_visible()
    annotator.refresh_from_db()
    assert annotator.key_map == {"accept": "Alt+q"}

    page = open_note(open_page, annotator, note)
    page.keyboard.press("a")
    expect(page.locator(".is-suggestion.is-first")).to_have_count(1)
    page.keyboard.press("Alt+q")
    expect(page.locator(".is-annotation.is-first")).to_have_count(1)
    saved(page)


def test_escape_gives_the_keys_back_after_a_comment(
    open_page: OpenPage, annotator: User, note: Note
) -> None:
    suggest(note, "cardiópata", "FINDING")
    page = open_note(open_page, annotator, note)
    page.keyboard.press("c")
    page.keyboard.type("duda")
    page.keyboard.press("Escape")
    page.keyboard.press("a")
    saved(page)

    assert page.locator("#comment-body").input_value() == "duda"
    assert spans_of(note) == {("cardiópata", "FINDING")}


def test_going_through_the_marks_leaves_the_one_in_hand_in_sight(
    open_page: OpenPage, annotator: User, note: Note
) -> None:
    for mention in ("cardiópata", "Amoxicilina", "1 g"):
        suggest(note, mention, "FINDING")
    page = open_note(open_page, annotator, note)
    page.set_viewport_size({"width": 1366, "height": 640})
    for _ in range(3):
        page.keyboard.press("j")

    assert page.locator(".review__side").evaluate("side => side.scrollTop") == 0


def test_dividing_is_offered_inside_a_mark_only(
    open_page: OpenPage, annotator: User, note: Note
) -> None:
    suggest(note, "Amoxicilina 1 g", "MEDICATION")
    page = open_note(open_page, annotator, note)
    bar_button = page.locator("[data-split]")
    page.get_by_text("cardiópata").first.dblclick()

    expect(page.locator("[data-label=FINDING]").first).to_be_visible()
    expect(bar_button).to_be_hidden()
