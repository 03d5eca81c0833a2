"""Descriptions of the default labels speak the reader's language until changed."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils.html import escape

from annotator.default_labels import DEFAULT_DESCRIPTIONS
from tests.annotator.factories import make_member, make_note, make_project
from tests.annotator.spoken import speak

pytestmark = [pytest.mark.django_db, pytest.mark.integration]

ENGLISH = "Length of time, without its preposition."
SPANISH = "Tiempo que dura, sin su preposición."


@pytest.fixture
def project(settings, tmp_path):
    speak(settings, tmp_path, "es", {ENGLISH: SPANISH, "Other words.": "Otras."})
    return make_project("alta")


@pytest.fixture
def admin(client, project):
    client.force_login(make_member(project, "admin", interface_language="es"))
    return client


def pages(project):
    label = project.labels.get(name="DURATION")
    note = make_note(project)
    guide = reverse("note_guide", args=[note.pk])
    return [
        reverse("project_edit", args=[project.slug]),
        reverse("project_guideline", args=[project.slug]),
        reverse("label_edit", args=[project.slug, label.pk]),
        reverse("note_review", args=[note.pk]),
        f"{guide}?label=DURATION",
    ]


def test_default_descriptions_are_those_of_the_five_labels(project):
    assert (
        set(project.labels.values_list("description", flat=True))
        == DEFAULT_DESCRIPTIONS
    )


def test_a_default_description_is_translated_on_every_page(admin, project):
    for path in pages(project):
        page = admin.get(path).content.decode()

        assert SPANISH in page, path
        assert ENGLISH not in page, path


def test_a_description_of_ones_own_stays_as_it_was_written(admin, project):
    project.labels.filter(name="DURATION").update(description="Other words.")

    for path in pages(project):
        page = admin.get(path).content.decode()

        assert escape("Other words.") in page, path
        assert "Otras." not in page, path


@pytest.mark.parametrize(
    ("written", "stored"),
    [(SPANISH, ENGLISH), ("Cuánto dura.", "Cuánto dura."), ("", "")],
)
def test_saving_a_label_keeps_the_default_that_nobody_changed(
    admin, project, written, stored
):
    label = project.labels.get(name="DURATION")
    values = {
        "name": label.name,
        "short_name": "TIEMPO",
        "description": written,
        "colour_slot": label.colour_slot,
        "hotkey": label.hotkey,
    }

    response = admin.post(reverse("label_edit", args=["alta", label.pk]), values)

    label.refresh_from_db()
    assert response.status_code == 302
    assert (label.short_name, label.description) == ("TIEMPO", stored)
