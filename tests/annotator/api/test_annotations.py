"""Annotating through the API: gestures, replay, stale ones, submit, ledger."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from annotator.enums import NoteState, Split
from annotator.models import AnnotationSet, Span, SpanEvent, User
from tests.annotator.factories import (
    SPANS,
    TEXT,
    make_label,
    make_member,
    make_note,
    make_set,
    make_suggestion,
)

pytestmark = [pytest.mark.django_db, pytest.mark.integration]
JSON = {"content_type": "application/json"}


@pytest.fixture
def note(project):
    return make_note(project, state=NoteState.SUGGESTED)


def at(note, *parts):
    return "/".join([f"/api/notes/{note.pk}/annotations", *parts, ""])


def create(base_revision=0, span=SPANS[0], **fields):
    start, end, label = span
    return {
        "client_event_id": str(uuid.uuid4()),
        "base_revision": base_revision,
        "action": "create",
        "span_id": str(uuid.uuid4()),
        "start_char": start,
        "end_char": end,
        "label": label,
        "surface": TEXT[start:end],
    } | fields


def act(base_revision, action, **fields):
    head = {"client_event_id": str(uuid.uuid4()), "base_revision": base_revision}
    return head | {"action": action} | fields


def send(client, note, gesture):
    return client.post(at(note, "gestures"), gesture, **JSON)


def stored():
    spans = Span.objects.order_by("start_char")
    return [(span.start_char, span.end_char, span.label.name) for span in spans]


# Reading ----------------------------------------------------------------------------


def test_set_before_the_first_gesture_is_empty_and_not_made(note, annotator):
    assert annotator.get(at(note)).json() == {
        "id": None,
        "note": note.pk,
        "note_state": "suggested",
        "annotator": "ana",
        "is_mine": True,
        "is_gold": False,
        "state": "open",
        "revision": 0,
        "labels_shown": ["MEDICATION", "DOSAGE", "FREQUENCY", "DURATION", "FINDING"],
        "active_seconds": 0,
        "submitted_at": None,
        "is_flagged": False,
        "can_undo": False,
        "can_redo": False,
        "spans": [],
    }
    assert not AnnotationSet.objects.exists()


@pytest.mark.parametrize("n_spans", [1, 3])
def test_set_asks_the_same_queries_for_one_and_three_spans(
    note, annotator, n_spans, django_assert_num_queries
):
    own = make_set(note, User.objects.get(username="ana"), SPANS[:n_spans])
    # token with person, note, role, role of a reviewer, set, labels, ledger, spans
    with django_assert_num_queries(8):
        answer = annotator.get(at(note))
    assert answer.json()["id"] == own.pk
    found = answer.json()["spans"]
    assert [(s["start_char"], s["end_char"], s["label"]) for s in found] == sorted(
        SPANS[:n_spans]
    )
    assert found[0] | {"id": ""} == {
        "id": "",
        "start_char": 21,
        "end_char": 35,
        "label": "FINDING",
        "origin": "manual",
        "suggestion": None,
        "attributes": {},
    }


def test_set_of_another_person_is_for_reviewers(project, note, annotator, reviewer):
    other = make_set(note, make_member(project, username="leo"), SPANS)
    url = f"{at(note)}?set={other.pk}"
    assert annotator.get(url).status_code == 404
    assert annotator.get(f"{at(note, 'events')}?set={other.pk}").status_code == 404
    shown = reviewer.get(url).json()
    assert (shown["annotator"], shown["is_mine"], len(shown["spans"])) == (
        "leo",
        False,
        5,
    )
    elsewhere = make_set(make_note(project), make_member(project), SPANS)
    assert reviewer.get(f"{at(note)}?set={elsewhere.pk}").status_code == 404


# Gestures ---------------------------------------------------------------------------


def test_gesture_makes_a_span_and_a_revision(note, annotator):
    gesture = create(active_seconds=7)
    assert annotator.get(f"/api/notes/{note.pk}/").status_code == 200
    with time_machine.travel(timezone.now() + timedelta(seconds=10)):
        answer = send(annotator, note, gesture)
    assert answer.status_code == 200
    body = answer.json()
    assert (body["revision"], body["can_undo"], body["can_redo"]) == (1, True, False)
    (event,) = body["events"]
    assert event["client_event_id"] == gesture["client_event_id"]
    assert event["before"] is None
    assert event["after"] == {
        "id": gesture["span_id"],
        "start_char": 21,
        "end_char": 35,
        "label": "FINDING",
        "origin": "manual",
        "suggestion": None,
        "attributes": {},
    }
    assert stored() == [SPANS[0]]
    shown = annotator.get(at(note)).json()
    assert (shown["revision"], shown["active_seconds"]) == (1, 7)
    assert shown["note_state"] == "in_progress"


def test_every_gesture_of_the_page_works(note, annotator):
    first, second, third = (make_suggestion(note, *span) for span in SPANS[:3])
    ids = [str(uuid.uuid4()) for _ in range(2)]
    steps = [
        act(0, "accept", suggestion_id=first.pk, span_id=ids[0]),
        act(1, "reject", suggestion_id=second.pk),
        act(2, "relabel", suggestion_id=third.pk, span_id=ids[1], label="DURATION"),
        act(
            3,
            "rebound",
            span_id=ids[0],
            start_char=21,
            end_char=26,
            surface="dolor",
        ),
        act(4, "delete", span_id=ids[1]),
        act(5, "undo"),
        act(6, "undo"),
        act(7, "redo"),
        act(8, "accept_all", threshold=0.5, label=""),
    ]
    for revision, step in enumerate(steps, start=1):
        answer = send(annotator, note, step)
        assert (answer.status_code, answer.json()["revision"]) == (200, revision)
    assert stored() == [(21, 26, "FINDING"), (49, 52, "DURATION")]
    assert annotator.get(f"/api/notes/{note.pk}/suggestions/").json()["count"] == 0


def test_replay_is_answered_alike_and_applied_once(note, annotator):
    gesture = create()
    first = send(annotator, note, gesture)
    again = send(annotator, note, gesture)
    assert (again.status_code, again.content) == (200, first.content)
    assert (stored(), SpanEvent.objects.count()) == ([SPANS[0]], 1)


def test_gesture_of_another_user_is_refused(project, note, annotator):
    mine = User.objects.get(username="ana").pk
    other = make_member(project).pk
    refused = send(annotator, note, create(user=other))
    assert (refused.status_code, refused.json()["code"]) == (403, "other_user")
    assert stored() == []
    assert send(annotator, note, create(user=mine)).status_code == 200


def test_reading_the_open_set_shows_it_the_labels_of_now(project, note, annotator):
    send(annotator, note, create())
    make_label(project, "ALLERGY")
    assert "ALLERGY" in annotator.get(at(note)).json()["labels_shown"]


def test_stale_gesture_is_refused_whole(note, annotator):
    send(annotator, note, create())
    answer = send(annotator, note, create(span=SPANS[1]))
    assert answer.status_code == 409
    body = answer.json()
    assert (body["code"], body["details"]) == (
        "stale_revision",
        {"sent": 0, "stored": 1},
    )
    assert stored() == [SPANS[0]]


@pytest.mark.parametrize(
    ("gesture", "code"),
    [
        (create(surface="otra cosa"), "span_refused"),
        (create(span=(22, 35, "FINDING")), "span_refused"),
        (create(label="NOPE"), "unknown_label"),
        (act(0, "accept", suggestion_id=999, span_id=str(uuid.uuid4())), "target_gone"),
        (act(0, "undo"), "nothing_to_undo"),
        (act(0, "submit"), "invalid_values"),
        (act(-1, "undo"), "invalid_values"),
        ({"action": "undo"}, "invalid_values"),
        ([], "invalid_values"),
    ],
)
def test_senseless_gestures_change_nothing_and_quote_nothing(
    note, annotator, gesture, code
):
    answer = send(annotator, note, gesture)
    assert answer.status_code in (409, 422)
    assert answer.json()["code"] == code
    assert set(answer.json()) == {"code", "message", "details"}
    assert "torácico" not in answer.content.decode()
    assert stored() == []
    assert annotator.get(at(note)).json()["revision"] == 0


def test_gesture_inside_a_token_needs_to_be_exact(note, annotator):
    answer = send(annotator, note, create(span=(22, 35, "FINDING"), exact=True))
    assert answer.status_code == 200
    assert stored() == [(22, 35, "FINDING")]


def test_offsets_count_code_points(project, annotator):
    text = "🙂🙂 Tos 🤒 seca."
    note = make_note(project, text)
    start = text.index("Tos")
    gesture = create(span=(start, start + 3, "FINDING"), surface="Tos")
    assert send(annotator, note, gesture).status_code == 200
    span = annotator.get(at(note)).json()["spans"][0]
    assert (start, text[span["start_char"] : span["end_char"]]) == (3, "Tos")


def test_held_out_notes_take_no_suggestions(project, annotator):
    note = make_note(project, split=Split.TEST)
    secret = make_suggestion(note, *SPANS[0])
    gesture = act(0, "accept", suggestion_id=secret.pk, span_id=str(uuid.uuid4()))
    answer = send(annotator, note, gesture)
    assert (answer.status_code, answer.json()["code"]) == (409, "target_gone")


def test_note_in_other_hands_is_refused(note, annotator, reviewer):
    send(annotator, note, create())
    answer = send(reviewer, note, create(span=SPANS[1]))
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")
    assert stored() == [SPANS[0]]


# Submit, reopen, skip ---------------------------------------------------------------


def test_submit_and_reopen(note, annotator):
    send(annotator, note, create())
    late = annotator.post(at(note, "submit"), {"base_revision": 0}, **JSON)
    assert (late.status_code, late.json()["code"]) == (409, "stale_revision")

    done = annotator.post(at(note, "submit"), {"base_revision": 1}, **JSON).json()
    assert (done["state"], done["note_state"], done["revision"]) == (
        "submitted",
        "submitted",
        2,
    )
    assert done["submitted_at"]
    closed = send(annotator, note, create(base_revision=2, span=SPANS[1]))
    assert (closed.status_code, closed.json()["code"]) == (409, "wrong_state")

    again = annotator.post(at(note, "reopen"), **JSON).json()
    assert (again["state"], again["note_state"]) == ("open", "in_progress")
    assert send(annotator, note, create(3, SPANS[1])).status_code == 200


def test_submit_says_which_revision(note, annotator):
    answer = annotator.post(at(note, "submit"), {}, **JSON)
    assert answer.status_code == 422
    assert list(answer.json()["details"]["fields"]) == ["base_revision"]


def test_reviewer_hands_a_set_back(note, annotator, reviewer):
    send(annotator, note, create())
    done = annotator.post(at(note, "submit"), {"base_revision": 1}, **JSON).json()
    back = reviewer.post(f"{at(note, 'reopen')}?set={done['id']}", **JSON).json()
    assert (back["state"], back["annotator"]) == ("returned", "ana")
    assert annotator.get(at(note)).json()["state"] == "returned"


def test_reopen_without_a_set_is_refused(note, annotator):
    answer = annotator.post(at(note, "reopen"), **JSON)
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")


def test_skip_and_take_back(note, annotator):
    skipped = annotator.post(at(note, "skip"), {"reason": "Not Spanish"}, **JSON)
    assert (skipped.status_code, skipped.json()["note_state"]) == (200, "skipped")
    note.refresh_from_db()
    assert note.metadata["skip_reason"] == "Not Spanish"
    back = annotator.post(at(note, "reopen"), **JSON)
    assert (back.status_code, back.json()["note_state"]) == (200, "imported")


# Ledger -----------------------------------------------------------------------------


@pytest.mark.parametrize("n_events", [1, 3])
def test_ledger_asks_the_same_queries_for_one_and_three_events(
    note, annotator, n_events, django_assert_num_queries
):
    for revision, span in enumerate(SPANS[:n_events]):
        assert send(annotator, note, create(revision, span)).status_code == 200
    # token with person, note, role, role of a reviewer, set, events counted, events
    with django_assert_num_queries(7):
        answer = annotator.get(at(note, "events"))
    found = answer.json()["results"]
    assert [event["revision"] for event in found] == list(range(1, n_events + 1))
    assert {(event["action"], event["actor"]) for event in found} == {("create", "ana")}
    assert "torácico" not in answer.content.decode()


def test_ledger_before_the_first_gesture_is_empty(note, annotator):
    assert annotator.get(at(note, "events")).json()["results"] == []
