"""Finding one's way in a long note and in a dialogue."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from annotator.enums import Genre, NoteState, Role
from annotator.models import Note, User
from tests.annotator.factories import make_note, make_project
from tests.e2e.review_page import drag, marks_of, open_note, saved, suggest

FILLER = (
    "El paciente permanece estable, sin incidencias, con buena tolerancia oral y"
    " diuresis conservada.\n\n"
)
LONG = (
    "MOTIVO DE CONSULTA\nDolor torácico.\n\n"
    f"ANTECEDENTES\n{FILLER * 12}"
    f"Exploración física:\nSoplo sistólico.\n\n{FILLER * 12}"
    "TRATAMIENTO\nAmiodarona 200 mg.\n\nPlan: cita en un mes."
)
TALK = (
    "Doctora: ¿Qué le pasa?\n"
    "Paciente: Tengo tos seca.\n"
    "Doctora: ¿Desde cuándo?\n"
    "Paciente: Tres días. Tomo ibuprofeno.\n"
    + "".join(f"Doctora: ¿Y el día {n}?\nPaciente: Igual.\n" for n in range(20))
)
COPIED = (
    "Mujer de 71 años con fibrilación auricular anticoagulada, hipotiroidismo e"
    " insuficiencia renal leve, que vive sola."
)


def top_of(page: Page, words: str) -> float:
    script = """(words) => {
      const block = [...document.querySelectorAll(".block")]
        .find((block) => block.textContent.includes(words));
      return block.getBoundingClientRect().top;
    }"""
    top: float = page.evaluate(script, words)
    return top


def is_in_view(page: Page, words: str) -> bool:
    return 0 < top_of(page, words) < page.viewport_size["height"]


@pytest.fixture
def long_note(annotator: User) -> Note:
    project = make_project("alta", members={annotator: Role.ANNOTATOR})
    note = make_note(project, LONG, state=NoteState.SUGGESTED)
    suggest(note, "Dolor torácico", "FINDING")
    suggest(note, "Amiodarona", "MEDICATION")
    return note


@pytest.fixture
def talk(annotator: User) -> Note:
    members = {annotator: Role.ANNOTATOR}
    project = make_project("visita", members=members, genre=Genre.DIALOGUE)
    return make_note(project, TALK, state=NoteState.SUGGESTED)


def test_outline_goes_to_a_section_and_marks_where_one_is(
    open_page, annotator, long_note
):
    page = open_note(open_page, annotator, long_note)
    links = page.locator("#outline a")
    expect(links).to_have_text(
        [
            "Motivo de consulta",
            "Antecedentes",
            "Exploración física",
            "Tratamiento",
            "Plan",
        ]
    )
    expect(links.first).to_have_attribute("aria-current", "location")

    links.nth(2).focus()
    page.keyboard.press("Enter")

    assert is_in_view(page, "Soplo sistólico")
    expect(links.nth(2)).to_have_attribute("aria-current", "location")
    assert page.evaluate("document.activeElement.className").startswith("block")


def test_outline_on_a_phone_is_a_button(open_page, annotator, long_note):
    options = {"viewport": {"width": 390, "height": 844}}
    page = open_note(open_page, annotator, long_note, **options)
    expect(page.locator("#outline a").first).to_be_hidden()

    page.locator(".outline__toggle").click()
    page.locator("#outline a", has_text="Tratamiento").click()

    assert is_in_view(page, "TRATAMIENTO")
    expect(page.locator("#outline a").first).to_be_hidden()
    expect(page.locator("#minimap")).to_be_hidden()


def test_minimap_shows_what_waits_and_goes_where_it_is_pressed(
    open_page, annotator, long_note
):
    page = open_note(open_page, annotator, long_note)
    words = page.locator('[data-map="words"]')
    expect(words).to_contain_text("1, 0, 0, 1")
    expect(page.locator(".map__bar--4")).to_have_count(2)

    page.keyboard.press("a")

    expect(words).to_contain_text("0, 0, 0, 1")
    box = page.locator(".map__bars").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.99)
    assert is_in_view(page, "Amiodarona")


def test_copied_paragraph_is_folded_found_and_unfolded(open_page, annotator):
    project = make_project("alta", members={annotator: Role.ANNOTATOR})
    make_note(project, f"Ingreso.\n\n{COPIED}", group_key="p1", external_id="n-1")
    note = make_note(project, f"Alta.\n\n{COPIED}\n\nMejor.", group_key="p1")
    page = open_note(open_page, annotator, note)
    line = page.get_by_role("button", name="Same as note n-1, no. 1 of the patient")
    words = page.locator(".copied")
    assert words.get_attribute("hidden") == "until-found"

    line.click()
    assert words.bounding_box()["height"] > 20
    expect(line).to_have_attribute("aria-expanded", "true")
    line.click()
    expect(line).to_have_attribute("aria-expanded", "false")

    words.evaluate(
        "(words) => words.dispatchEvent(new Event('beforematch', {bubbles: true}))"
    )
    expect(line).to_have_attribute("aria-expanded", "true")
    assert (
        page.evaluate(
            "getSelection().selectAllChildren("
            "document.getElementById('note-text')) || getSelection().toString()"
        ).count("Same as")
        == 0
    )


def test_copied_paragraph_opens_for_the_mark_in_hand_and_takes_swaps(
    open_page, annotator
):
    project = make_project("alta", members={annotator: Role.ANNOTATOR})
    make_note(project, f"Ingreso.\n\n{COPIED}", group_key="p1")
    note = make_note(
        project, f"Alta.\n\n{COPIED}", group_key="p1", state=NoteState.SUGGESTED
    )
    suggest(note, "hipotiroidismo", "FINDING")
    page = open_note(open_page, annotator, note)
    expect(page.locator(".is-current")).to_be_in_viewport()

    page.keyboard.press("a")
    saved(page)

    assert marks_of(page) == {("hipotiroidismo", "FINDING")}
    expect(page.locator(".copied__line")).to_have_count(1)


def test_turns_by_key_and_by_button(open_page, annotator, talk):
    page = open_note(open_page, annotator, talk)

    page.keyboard.press("t")
    page.keyboard.press("t")
    expect(page.locator(".is-turn")).to_contain_text("¿Desde cuándo?")
    page.keyboard.press("Shift+T")
    expect(page.locator(".is-turn")).to_contain_text("tos seca")
    page.get_by_role("button", name="Next turn").click()
    expect(page.locator("[data-turn-place]")).to_have_text("Turn 3 of 44")


def test_patient_only_shrinks_the_other_turns_and_steps_over_them(
    open_page, annotator, talk
):
    page = open_note(open_page, annotator, talk)
    expect(page.locator(".block--turn")).to_have_count(44)
    before = top_of(page, "día 15")

    page.get_by_role("button", name="Patient only").click()

    assert top_of(page, "día 15") <= before
    page.keyboard.press("t")
    expect(page.locator(".is-turn.role-patient")).to_have_count(1)
    # still there for the browser's find
    assert page.evaluate("window.find('día 19')")


def test_selection_over_two_turns_stays_in_the_first(open_page, annotator, talk):
    page = open_note(open_page, annotator, talk)

    drag(page, "tos seca", "Desde")
    page.keyboard.press("1")
    saved(page)

    ((mention, _),) = marks_of(page)
    assert mention.endswith("seca.")
    assert "Doctora" not in mention


def test_boundary_does_not_leave_the_turn(open_page, annotator, talk):
    suggest(talk, "Tengo", "FINDING")
    page = open_note(open_page, annotator, talk)

    page.keyboard.press("[")
    for _ in range(6):
        page.keyboard.press("]")
        saved(page)

    assert marks_of(page) == {("Tengo tos seca.", "FINDING")}
