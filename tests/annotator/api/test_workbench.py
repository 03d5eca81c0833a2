"""Comments, same mentions and keys by the API."""

from __future__ import annotations

import uuid

import pytest
from django.urls import reverse

from tests.annotator.factories import make_note

pytestmark = [pytest.mark.django_db, pytest.mark.integration]


@pytest.fixture
def note(project):
    return make_note(project, "Fiebre y fiebres. Otra fiebre.")


def test_comments_are_added_removed_and_brought_back(note, annotator, reviewer):
    url = reverse("api:comments", args=[note.pk])
    sent = {"id": str(uuid.uuid4()), "body": "¿Seguro?"}
    assert annotator.post(url, sent, content_type="application/json").status_code == 201
    annotator.post(url, sent, content_type="application/json")
    (shown,) = reviewer.get(url).json()
    assert (shown["body"], shown["author"], shown["removed_at"]) == (
        "¿Seguro?",
        "ana",
        None,
    )
    one = reverse("api:comment", args=[note.pk, sent["id"]])
    body = {"is_removed": True}
    assert reviewer.patch(one, body, content_type="application/json").status_code == 403
    gone = annotator.patch(one, body, content_type="application/json").json()
    assert (gone["body"], gone["removed_at"] is None) == ("", False)
    back = annotator.patch(one, {"is_removed": False}, content_type="application/json")
    assert back.json()["body"] == "¿Seguro?"
    missing = reverse("api:comment", args=[note.pk, uuid.uuid4()])
    assert (
        annotator.patch(missing, body, content_type="application/json").status_code
        == 404
    )


def test_same_mentions_can_be_propagated_as_they_come(note, annotator):
    other = make_note(note.project, "Sin fiebre.")
    sent = {"start_char": 0, "end_char": 6, "label": "FINDING", "scope": "project"}
    url = reverse("api:same", args=[note.pk])
    found = annotator.post(url, sent, content_type="application/json").json()
    places = {
        row["note"]: [[p["start_char"], p["end_char"]] for p in row["places"]]
        for row in found
    }
    assert places == {note.pk: [[9, 16], [23, 29]], other.pk: [[4, 10]]}
    gesture = {
        "client_event_id": str(uuid.uuid4()),
        "base_revision": 0,
        "action": "propagate",
        "start_char": 0,
        "end_char": 6,
        "surface": "Fiebre",
        "label": "FINDING",
        "places": [[0, 6], *places[note.pk]],
        "elsewhere": [{"note": other.pk, "places": places[other.pk]}],
    }
    gestures = reverse("api:gestures", args=[note.pk])
    answer = annotator.post(gestures, gesture, content_type="application/json").json()
    assert (len(answer["events"]), answer["n_elsewhere"]) == (3, 1)
    (event,) = annotator.get(reverse("api:events", args=[other.pk])).json()["results"]
    assert event["after"]["attributes"] == {"negated": True}
    beyond = annotator.post(
        url, sent | {"end_char": 99}, content_type="application/json"
    )
    assert beyond.status_code == 422


@pytest.mark.parametrize(
    "wrong",
    [
        {"places": [[1]]},
        {"places": [[0, -1]]},
        {"attributes": ["cured"]},
        {"suggestion_ids": ["x"]},
        {"elsewhere": [{"note": 1}]},
    ],
)
def test_shapeless_gestures_are_refused(note, annotator, wrong):
    gesture = {
        "client_event_id": str(uuid.uuid4()),
        "base_revision": 0,
        "action": "propagate",
    } | wrong
    url = reverse("api:gestures", args=[note.pk])
    answer = annotator.post(url, gesture, content_type="application/json")
    assert answer.status_code == 422


def test_keys_are_read_changed_and_reset(annotator):
    url = reverse("api:keys")
    assert annotator.get(url).json()["keys"]["accept"] == "a"
    sent = {"keys": {"accept": "q"}}
    changed = annotator.patch(url, sent, content_type="application/json").json()
    assert changed["keys"]["accept"] == "q"
    twin = annotator.patch(
        url, {"keys": {"undo": "q"}}, content_type="application/json"
    )
    assert twin.status_code == 422
    assert annotator.delete(url).json()["keys"]["accept"] == "a"
