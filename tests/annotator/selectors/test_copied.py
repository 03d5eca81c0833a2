"""Paragraphs that an earlier note of the same patient has, too."""

from __future__ import annotations

import pytest

from annotator.selectors.blocks import plan_blocks
from annotator.selectors.copied import MIN_CHARS, Copied, find_copied
from tests.annotator.factories import make_note, make_project

pytestmark = pytest.mark.django_db

LONG = (
    "Paciente con hipertensión arterial, diabetes mellitus tipo 2 y dislipemia en"
    " tratamiento."
)


def copied_in(note) -> dict[int, Copied]:
    return find_copied(note, plan_blocks(note.text, note.turns))


def test_find_copied_names_the_latest_earlier_note_of_the_patient():
    project = make_project()
    one = make_note(project, f"Ingreso.\n\n{LONG}\n", group_key="p1")
    two = make_note(project, f"Hoy mejor.\n\n{LONG}\n", group_key="p1")
    two.metadata = {"date": "2026-03-02"}
    two.save(update_fields=["metadata"])
    three = make_note(
        project, f"Alta.\r\n\r\n{LONG.upper().replace(' ', '  ')}", group_key="p1"
    )

    assert copied_in(three) == {1: Copied(two.pk, two.external_id, 2, "2026-03-02")}
    assert copied_in(two) == {1: Copied(one.pk, one.external_id, 1, "")}
    assert copied_in(one) == {}


def test_find_copied_not_of_another_patient_or_project():
    project = make_project()
    make_note(project, f"Uno.\n\n{LONG}", group_key="p1")
    make_note(make_project(), f"Dos.\n\n{LONG}", group_key="p2")

    assert copied_in(make_note(project, f"Tres.\n\n{LONG}", group_key="p2")) == {}


def test_find_copied_short_paragraphs_are_said_again():
    project = make_project()
    short = LONG[: MIN_CHARS - 1].strip()
    make_note(project, f"Uno.\n\n{short}", group_key="p1")

    assert copied_in(make_note(project, f"Dos.\n\n{short}", group_key="p1")) == {}


def test_find_copied_asks_nothing_where_no_paragraph_is_long(
    django_assert_num_queries,
):
    note = make_note(make_project(), "Fiebre.\n\nTos.", group_key="p1")

    with django_assert_num_queries(0):
        assert copied_in(note) == {}
