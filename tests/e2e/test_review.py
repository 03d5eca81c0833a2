"""Correcting notes in a real browser by mouse and by keyboard alone."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import BrowserContext, expect

from annotator.enums import NoteState, Split
from annotator.models import AnnotationSet, Note, User
from tests.annotator.factories import (
    make_note,
)
from tests.e2e.review_page import (
    OpenPage,
    box_of,
    drag,
    marks_of,
    middle,
    open_note,
    saved,
    spans_of,
    suggest,
)

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]

# Mouse -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "last", "mention"),
    [
        ("ardió", "pata", "cardiópata"),
        ("fieb", "re\u0301", "fiebre\u0301"),
        ("tos", "sec", "tos seca"),
        ("oxici", "g c", "Amoxicilina 1 g"),
        ("olo", "Fi", "dolor\rFin"),
        ("del", "día.", "del día"),
    ],
)
def test_mouse_selection_is_widened_to_tokens_and_labelled(
    open_page: OpenPage,
    annotator: User,
    note: Note,
    first: str,
    last: str,
    mention: str,
) -> None:
    page = open_note(open_page, annotator, note)
    drag(page, first, last)
    expect(page.locator("#label-bar")).to_be_visible()
    page.locator('#label-bar [data-label="FINDING"]').click()
    saved(page)
    expect(page.locator(".is-annotation.is-first")).to_have_count(1)
    assert spans_of(note) == {(mention, "FINDING")}
    assert marks_of(page) == spans_of(note)


def test_double_click_selects_a_word_and_a_digit_labels_it(
    open_page: OpenPage, annotator: User, note: Note
) -> None:
    page = open_note(open_page, annotator, note)
    box = box_of(page, "Paracetamol")
    page.mouse.dblclick(*middle(box))
    page.keyboard.press("1")
    expect(page.locator(".is-annotation.is-first")).to_have_count(1)
    assert spans_of(note) == {("Paracetamol", "MEDICATION")}


def test_mouse_accepts_rejects_relabels_deletes_moves_and_undoes(
    open_page: OpenPage, annotator: User, note: Note
) -> None:
    medication = suggest(note, "Amoxicilina", "MEDICATION")
    suggest(note, "cardiópata", "FINDING")
    suggest(note, "500 mg", "FREQUENCY")
    page = open_note(open_page, annotator, note)
    hand = page.locator("#hand")

    page.locator(f'.mark[data-key="s{medication}"]').click()
    expect(hand.locator('[data-hand="mention"]')).to_have_text("Amoxicilina")
    expect(hand.locator('[data-hand="percent"]')).to_have_text("90 %")
    hand.locator('[value="accept"]').click()
    expect(page.locator(".is-annotation.is-first")).to_have_count(1)
    # The next undecided one is in hand at once.
    expect(hand.locator('[data-hand="mention"]')).to_have_text("500 mg")
    hand.locator('.label-choice[value="DOSAGE"]').click()
    expect(page.locator(".is-annotation.is-first")).to_have_count(2)
    hand.locator('[value="reject"]').click()
    expect(page.locator(".is-suggestion.is-first")).to_have_count(0)
    saved(page)
    assert spans_of(note) == {("Amoxicilina", "MEDICATION"), ("500 mg", "DOSAGE")}

    page.locator("#mark-lists [data-go]", has_text="500 mg").click()
    hand.locator('[value="end-right"]').click()
    expect(hand.locator('[data-hand="mention"]')).to_have_text("500 mg si")
    hand.locator('[value="reject"]').click()
    expect(page.locator(".is-annotation.is-first")).to_have_count(1)
    saved(page)
    assert spans_of(note) == {("Amoxicilina", "MEDICATION")}

    undo = page.locator('[form="hand"][value="undo"]')
    for expected in (2, 2, 2, 1, 0):
        undo.click()
        saved(page)
        expect(page.locator(".is-annotation.is-first")).to_have_count(expected)
    expect(undo).to_be_disabled()
    expect(page.locator(".is-suggestion.is-first")).to_have_count(3)
    page.reload()
    expect(page.locator('[form="hand"][value="redo"]')).to_be_enabled()
    for _ in range(5):
        page.keyboard.press("Shift+Z")
    saved(page)
    assert spans_of(note) == {("Amoxicilina", "MEDICATION")}


def test_nested_and_crossing_marks_are_all_painted_and_reachable(
    open_page: OpenPage, annotator: User, note: Note
) -> None:
    suggest(note, "Amoxicilina 1 g cada 8 h", "MEDICATION")
    suggest(note, "Amoxicilina", "FINDING")
    suggest(note, "1 g cada", "DOSAGE")
    suggest(note, "tos seca.\r\n\r\nTRATAMIENTO\r\n- Amoxicilina", "DURATION")
    page = open_note(open_page, annotator, note)
    for _ in range(4):
        page.keyboard.press("a")
    expect(page.locator(".is-suggestion.is-first")).to_have_count(0)
    saved(page)
    assert len(spans_of(note)) == 4
    # The page reads CRLF back as it was sent.
    assert marks_of(page) == spans_of(note)
    inside = page.locator("#note-text").evaluate("(root) => root.textContent")
    assert inside == note.text


def test_keys_faster_than_the_server_decide_each_mark_once(
    open_page: OpenPage, context: BrowserContext, annotator: User, note: Note
) -> None:
    suggest(note, "Amoxicilina 1 g cada 8 h", "MEDICATION")
    suggest(note, "Amoxicilina", "FINDING")
    suggest(note, "1 g cada", "DOSAGE")
    suggest(note, "TRATAMIENTO\r\n- Amoxicilina", "DURATION")
    suggest(note, "500 mg", "DOSAGE")
    context.add_init_script(
        """const real = window.fetch;
        window.fetch = async (...sent) => {
          await new Promise((resolve) => setTimeout(resolve, 250));
          return real(...sent);
        };"""
    )
    page = open_note(open_page, annotator, note)
    for key in "axaxa":
        page.keyboard.press(key)
        page.wait_for_timeout(170)
    saved(page)
    expect(page.locator(".is-suggestion.is-first")).to_have_count(0)
    layer = AnnotationSet.objects.get(note=note)
    kinds = layer.decisions.order_by("suggestion__start_char", "-suggestion__end_char")
    assert list(kinds.values_list("kind", flat=True)) == [
        "accepted",
        "rejected",
        "accepted",
        "rejected",
        "accepted",
    ]


# Keyboard alone ----------------------------------------------------------------------


def test_keyboard_alone_corrects_and_submits_a_whole_note(
    open_page: OpenPage, annotator: User, note: Note
) -> None:
    following = make_note(note.project, "Segunda nota.", state=NoteState.SUGGESTED)
    suggest(note, "cardiópata", "FINDING")
    suggest(note, "fiebre\u0301 y", "FINDING")
    suggest(note, "TRATAMIENTO", "FINDING", 0.4)
    suggest(note, "Amoxicilina", "MEDICATION")
    suggest(note, "1 g", "FREQUENCY")
    suggest(note, "8 h", "FREQUENCY")
    page = open_note(open_page, annotator, note)
    press = page.keyboard.press

    press("a")  # cardiópata
    press("Shift+BracketRight")  # fiebre y -> fiebre
    press("j")
    press("x")  # TRATAMIENTO is no entity
    press("a")  # Amoxicilina
    press("2")  # 1 g is a dose
    press("BracketLeft")  # 8 h -> cada 8 h
    press("e")  # the words behind it: 7 días
    press("Shift+ArrowRight")
    press("4")
    press("e")
    press("ArrowRight")  # over the hyphen: Paracetamol
    press("1")
    press("e")
    press("Shift+ArrowRight")  # 500 mg
    press("2")
    press("z")
    press("Shift+Z")
    saved(page)
    expected = {
        ("cardiópata", "FINDING"),
        ("fiebre\u0301", "FINDING"),
        ("Amoxicilina", "MEDICATION"),
        ("1 g", "DOSAGE"),
        ("cada 8 h", "FREQUENCY"),
        ("7 días", "DURATION"),
        ("Paracetamol", "MEDICATION"),
        ("500 mg", "DOSAGE"),
    }
    assert spans_of(note) == expected
    assert marks_of(page) == expected
    press("Enter")
    page.wait_for_url(
        f"**{reverse('note_review', args=[following.pk])}", wait_until="commit"
    )
    note.refresh_from_db()
    assert note.state == NoteState.SUBMITTED


def test_enter_with_undecided_asks_once_and_escape_stays(
    open_page: OpenPage, annotator: User, note: Note
) -> None:
    suggest(note, "cardiópata", "FINDING")
    page = open_note(open_page, annotator, note)
    page.keyboard.press("Enter")
    expect(page.locator("#ask-submit")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#ask-submit")).to_be_hidden()
    note.refresh_from_db()
    assert note.state == NoteState.SUGGESTED
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    page.wait_for_url("**/p/alta/", wait_until="commit")
    note.refresh_from_db()
    assert note.state == NoteState.SUBMITTED


def test_skip_by_keyboard_with_a_reason(
    open_page: OpenPage, annotator: User, note: Note
) -> None:
    page = open_note(open_page, annotator, note)
    page.keyboard.press("s")
    page.keyboard.type("unreadable")
    page.keyboard.press("Enter")
    page.wait_for_url("**/p/alta/", wait_until="commit")
    note.refresh_from_db()
    assert (note.state, note.metadata) == ("skipped", {"skip_reason": "unreadable"})


def test_focus_follows_the_mark_in_hand_and_names_it(
    open_page: OpenPage, annotator: User, note: Note
) -> None:
    suggest(note, "cardiópata", "FINDING", 0.62)
    suggest(note, "Amoxicilina", "MEDICATION")
    page = open_note(open_page, annotator, note)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    name = "document.activeElement.getAttribute('aria-label')"
    assert page.evaluate(name) == "suggestion: Finding, cardiópata, 62 % sure"
    page.keyboard.press("a")
    saved(page)
    assert page.evaluate(name) == "suggestion: Medication, Amoxicilina, 90 % sure"
    assert page.locator('#note-text [tabindex="0"]').count() == 1


def test_spanish_and_french_keyboards_reach_digits_and_boundaries(
    open_page: OpenPage, annotator: User, note: Note
) -> None:
    suggest(note, "Amoxicilina", "FINDING")
    page = open_note(open_page, annotator, note)
    send = """([key, code, shiftKey]) => document.body.dispatchEvent(
        new KeyboardEvent("keydown", {key, code, shiftKey, bubbles: true}))"""
    page.evaluate(send, ["+", "BracketRight", False])  # Spanish: ] without AltGr
    saved(page)
    assert spans_of(note) == {("Amoxicilina 1", "FINDING")}
    page.evaluate(send, ["*", "BracketRight", True])
    page.evaluate(send, ["&", "Digit1", False])  # French: 1 without Shift
    saved(page)
    assert spans_of(note) == {("Amoxicilina", "MEDICATION")}


def test_blind_note_is_annotated_by_keyboard_from_nothing(
    open_page: OpenPage, annotator: User, note: Note
) -> None:
    suggest(note, "Amoxicilina", "MEDICATION")
    Note.objects.filter(pk=note.pk).update(split=Split.TEST)
    page = open_note(open_page, annotator, note)
    expect(page.locator(".mark")).to_have_count(0)
    page.keyboard.press("e")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("5")
    saved(page)
    assert spans_of(note) == {("fiebre\u0301", "FINDING")}
