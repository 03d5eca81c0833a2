"""The review page and its answers: access, conflicts, plain forms, query counts."""

from __future__ import annotations

import html
import json
import re
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from annotator.enums import NoteState, Role, SetState, Split
from annotator.models import AuditEntry, Note, User
from annotator.services.annotation_sets import open_set, submit_set
from tests.annotator.factories import (
    SPANS,
    TEXT,
    make_label,
    make_member,
    make_note,
    make_project,
    make_set,
    make_suggestion,
    make_user,
)

pytestmark = [pytest.mark.django_db, pytest.mark.integration]


@pytest.fixture
def annotator() -> User:
    return make_user("marta", first_name="Marta", last_name="Gil")


@pytest.fixture
def note(annotator: User) -> Note:
    """The default note with its five mentions suggested."""
    project = make_project("alta", members={annotator: Role.ANNOTATOR})
    made = make_note(project, state=NoteState.SUGGESTED)
    for n, (start, end, label) in enumerate(SPANS):
        make_suggestion(made, start, end, label, confidence=0.45 + n / 10)
    return made


@pytest.fixture
def marta(annotator: User) -> Client:
    return login(annotator)


def login(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page(client: Client, note: Note, **query: Any) -> str:
    response = client.get(reverse("note_review", args=[note.pk]), query)
    assert response.status_code == 200
    return response.content.decode()


def post_gesture(client: Client, note: Note, **fields: Any) -> Any:
    body = {"client_event_id": str(uuid.uuid4()), "base_revision": 0} | fields
    return client.post(
        reverse("note_gesture", args=[note.pk]),
        json.dumps(body),
        content_type="application/json",
        headers={"accept": "application/json"},
    )


def decide(client: Client, note: Note, **fields: Any) -> Any:
    body = {"client_event_id": str(uuid.uuid4()), "base_revision": 0} | fields
    return client.post(reverse("note_decide", args=[note.pk]), body)


def first_suggestion(note: Note, label: str = "MEDICATION") -> int:
    return note.suggestions.get(label__name=label).pk


def note_text_of(markup: str) -> str:
    """Read the note back from the page as a browser would."""
    inside = (
        markup.split('id="note-text"', 1)[1].split(">", 1)[1].split("</article>")[0]
    )
    return html.unescape(re.sub(r"<[^>]*>", "", inside)).rstrip()


# Access ----------------------------------------------------------------------------

_POSTS = ["note_gesture", "note_decide", "note_submit", "note_skip", "note_reopen"]


@pytest.mark.parametrize("name", ["note_review", *_POSTS])
def test_anonymous_is_sent_to_the_login(note: Note, name: str) -> None:
    client, address = Client(), reverse(name, args=[note.pk])
    response = client.get(address) if name == "note_review" else client.post(address)
    assert response.status_code == 302
    assert response.headers["Location"].startswith(reverse("login"))


@pytest.mark.parametrize("name", ["note_review", *_POSTS])
def test_member_of_another_project_gets_404(note: Note, name: str) -> None:
    client = login(make_member(make_project(), Role.ADMIN))
    address = reverse(name, args=[note.pk])
    response = client.get(address) if name == "note_review" else client.post(address)
    assert response.status_code == 404


@pytest.mark.parametrize("name", _POSTS)
def test_changing_addresses_refuse_get(marta: Client, note: Note, name: str) -> None:
    assert marta.get(reverse(name, args=[note.pk])).status_code == 405


def test_gesture_needs_the_csrf_token(annotator: User, note: Note) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(annotator)
    response = post_gesture(client, note, action="accept_all", threshold=0)
    assert response.status_code == 403
    assert not note.annotation_sets.exists()


# Page ------------------------------------------------------------------------------


def test_page_shows_text_marks_and_reason_and_is_audited(
    marta: Client, note: Note
) -> None:
    markup = page(marta, note)
    assert note_text_of(markup) == TEXT
    assert 'aria-label="suggestion: Medication, Paracetamol, 55 % sure"' in markup
    assert markup.count("is-suggestion is-first") == 0
    assert len(re.findall(r"<mark class=\"[^\"]*is-first", markup)) == 5
    assert "1 suggestion that the model is unsure of" in markup
    assert f"<title>Note {note.pk} · Glosa</title>" in markup
    entry = AuditEntry.objects.get(action="note.open")
    assert entry.subject == f"note:{note.pk}"
    assert not note.annotation_sets.exists()


def test_page_escapes_the_text_and_keeps_carriage_returns(marta: Client) -> None:
    note = make_note(
        make_project(members={User.objects.get(username="marta"): Role.ANNOTATOR}),
        "<script>alert(1)</script>\r\n& \"x\" 'y'\rfin 😀",
    )
    make_suggestion(note, 0, 8, "FINDING")
    markup = page(marta, note)
    assert "<script>alert" not in markup
    assert "&#13;\n&amp;" in markup
    assert note_text_of(markup) == note.text
    assert 'aria-label="suggestion: Finding, &lt;script&gt;, 90 % sure"' in markup


@pytest.mark.parametrize("kind", ["blind", "threshold"])
def test_hidden_suggestions_leave_no_trace_in_page_or_answers(
    marta: Client, note: Note, kind: str
) -> None:
    if kind == "blind":
        note.split = Split.TEST
        note.save(update_fields=["split"])
    else:
        note.project.suggestion_threshold = 1.0
        note.project.save(update_fields=["suggestion_threshold"])
    markup = page(marta, note)
    assert "is-suggestion" not in markup
    assert note_text_of(markup) == TEXT
    response = post_gesture(
        marta,
        note,
        action="accept",
        suggestion_id=first_suggestion(note),
        span_id=str(uuid.uuid4()),
    )
    assert (response.status_code, response.json()["code"]) == (409, "target_gone")
    assert "is-suggestion" not in response.content.decode()


def test_page_of_a_dialogue_has_turns_with_roles(annotator: User) -> None:
    project = make_project(genre="dialogue", members={annotator: Role.ANNOTATOR})
    note = make_note(project, "Doctor: ¿Fuma?\nPaciente: Nunca.\nDoctor: Bien.\n")
    markup = page(login(annotator), note)
    assert re.findall(r"block--turn role-(\w+)", markup) == [
        "doctor",
        "patient",
        "doctor",
    ]
    assert note_text_of(markup) == note.text.rstrip()


def test_page_of_a_submitted_note_is_read_only(
    marta: Client, annotator: User, note: Note
) -> None:
    submit_set(annotation_set=open_set(note=note, annotator=annotator), actor=annotator)
    markup = page(marta, note)
    assert 'data-editable="false"' in markup
    assert "is-suggestion" not in markup
    assert "You submitted this note on" in markup
    assert "Open again" in markup


def test_page_of_a_note_in_other_hands_is_read_only(marta: Client, note: Note) -> None:
    open_set(note=note, annotator=make_member(note.project))
    markup = page(marta, note)
    assert 'data-editable="false"' in markup
    assert "Somebody else has this note in hand" in markup
    response = post_gesture(marta, note, action="accept_all", threshold=0)
    assert (response.status_code, response.json()["code"]) == (409, "wrong_state")


def test_note_begun_then_taken_over_is_read_only_and_repeats_are_answered(
    marta: Client, note: Note
) -> None:
    done = {"client_event_id": str(uuid.uuid4()), "action": "accept_all"}
    first = post_gesture(marta, note, **done, threshold=0.9)
    note.assignments.all().delete()
    note.refresh_from_db()
    other = make_member(note.project)
    open_set(note=note, annotator=other)
    markup = page(marta, note)
    assert 'data-editable="false"' in markup
    assert "Somebody else has this note in hand" in markup
    refused = post_gesture(marta, note, action="undo", base_revision=1)
    body = refused.json()
    assert (refused.status_code, body["code"]) == (409, "wrong_state")
    assert body["message"].startswith("Somebody else has this note in hand")
    assert body["revision"] == 1
    again = post_gesture(marta, note, **done, threshold=0.9)
    assert (again.status_code, again.json()["revision"]) == (
        200,
        first.json()["revision"],
    )


def test_gesture_of_another_persons_page_is_refused(
    marta: Client, annotator: User, note: Note
) -> None:
    assert f'data-user="{annotator.pk}"' in page(marta, note)
    outsider = login(make_user())
    for client in (login(make_member(note.project)), outsider):
        response = post_gesture(
            client, note, action="accept_all", threshold=0, user=annotator.pk
        )
        assert (response.status_code, response.json()["code"]) == (403, "other_user")
        assert "another person" in response.json()["message"]
    assert not note.annotation_sets.exists()
    own = post_gesture(marta, note, action="accept_all", threshold=0, user=annotator.pk)
    assert own.status_code == 200


def test_page_shows_an_open_set_the_labels_of_now(
    marta: Client, annotator: User, note: Note
) -> None:
    layer = open_set(note=note, annotator=annotator)
    make_label(note.project, "ALLERGY")
    post_gesture(marta, note, action="accept_all", threshold=0)
    layer.refresh_from_db()
    assert "ALLERGY" not in layer.labels_shown
    page(marta, note)
    layer.refresh_from_db()
    assert "ALLERGY" in layer.labels_shown


def test_reviewers_read_others_sets_and_annotators_do_not(
    marta: Client, note: Note
) -> None:
    note.project.overlap = 2
    note.project.save(update_fields=["overlap"])
    other = make_member(note.project, username="otto")
    theirs = make_set(note, other, [(0, 5, "FINDING")])
    assert "is-annotation" not in page(marta, note, set=theirs.pk)
    reviewer = login(make_member(note.project, Role.REVIEWER))
    markup = page(reviewer, note, set=theirs.pk)
    assert "Annotations of otto" in markup
    assert 'data-editable="false"' in markup
    assert "is-annotation" in markup


def test_page_of_an_adjudicated_note_shows_the_gold_layer(
    marta: Client, note: Note
) -> None:
    make_set(note, None, [(21, 35, "FINDING")])
    note.state = NoteState.ADJUDICATED
    note.save(update_fields=["state"])
    markup = page(marta, note)
    assert "Reference annotations" in markup
    assert "Open again" not in markup
    assert len(re.findall(r"mark is-annotation", markup)) == 1


# Gestures --------------------------------------------------------------------------


def test_gesture_answers_only_the_block_it_touched(marta: Client, note: Note) -> None:
    span_id = str(uuid.uuid4())
    response = post_gesture(
        marta,
        note,
        action="accept",
        suggestion_id=first_suggestion(note),
        span_id=span_id,
    )
    assert response.status_code == 200
    answer = response.json()
    assert answer["revision"] == 1
    counts = answer["counts"]
    assert (counts["undecided"], counts["spans"], counts["label-MEDICATION"]) == (
        4,
        1,
        1,
    )
    assert list(answer["blocks"]) == list(answer["lists"]) == ["0"]
    assert f'data-key="a{span_id}"' in answer["blocks"]["0"]
    assert answer["touched"] == [f"a{span_id}"]
    assert (answer["can_undo"], answer["can_redo"]) == (True, False)


def test_gesture_sent_again_gets_the_same_answer(marta: Client, note: Note) -> None:
    fields = {
        "client_event_id": str(uuid.uuid4()),
        "action": "accept",
        "suggestion_id": first_suggestion(note),
        "span_id": str(uuid.uuid4()),
    }
    first = post_gesture(marta, note, **fields)
    assert post_gesture(marta, note, **fields).json() == first.json()


def test_stale_gesture_answers_409_with_the_note_as_it_is(
    marta: Client, note: Note
) -> None:
    post_gesture(marta, note, action="accept_all", threshold=0.8)
    response = post_gesture(
        marta, note, action="reject", suggestion_id=first_suggestion(note)
    )
    assert response.status_code == 409
    answer = response.json()
    assert answer["code"] == "stale_revision"
    assert (answer["sent"], answer["stored"], answer["revision"]) == (0, 1, 1)
    assert "Nothing was lost" in answer["message"]
    assert "is-annotation" in answer["blocks"]["0"]
    assert TEXT not in answer["message"]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        '{"action": "accept"}',
        '{"client_event_id": "x", "base_revision": 0, "action": "accept"}',
        '{"client_event_id": "8d3b4e9c-0f9f-4a3a-8c1c-2f3f8a9b1c2d", "action": "fly"}',
    ],
)
def test_gesture_of_a_wrong_shape_answers_400(
    marta: Client, note: Note, body: str
) -> None:
    response = marta.post(
        reverse("note_gesture", args=[note.pk]), body, content_type="application/json"
    )
    assert response.status_code == 400


def test_refused_gesture_answers_422_with_the_reason(marta: Client, note: Note) -> None:
    response = post_gesture(
        marta,
        note,
        action="create",
        span_id=str(uuid.uuid4()),
        label="FINDING",
        start_char=0,
        end_char=4,
        surface="Varó",
    )
    assert response.status_code == 422
    assert response.json()["reason"] == "not on token edges"
    assert "Varó" not in response.content.decode()


@pytest.mark.parametrize("n_spans", [1, 3])
def test_gesture_takes_a_fixed_number_of_queries(
    marta: Client,
    annotator: User,
    note: Note,
    n_spans: int,
    django_assert_num_queries: Any,
) -> None:
    layer = open_set(note=note, annotator=annotator)
    make_set_spans = [(0, 5), (6, 8), (9, 11)][:n_spans]
    for start, end in make_set_spans:
        layer.spans.create(
            start_char=start, end_char=end, label=note.project.labels.all()[0]
        )
    suggestion_id = first_suggestion(note)
    # session, user, note, role, set with replay and own lease; savepoint pair of the
    # transaction; replay, take the revision, lock the note, suggestion, twin, span id,
    # insert span, decision and event, note in progress; then spans, decisions,
    # suggestions, labels.
    with django_assert_num_queries(21):
        response = post_gesture(
            marta,
            note,
            action="accept",
            suggestion_id=suggestion_id,
            span_id=str(uuid.uuid4()),
        )
    assert response.status_code == 200


@pytest.mark.parametrize("n_notes", [1, 3])
def test_page_takes_a_fixed_number_of_queries(
    marta: Client,
    annotator: User,
    note: Note,
    n_notes: int,
    django_assert_num_queries: Any,
) -> None:
    for _ in range(n_notes):
        make_suggestion(make_note(note.project), 0, 5, "FINDING")
    open_set(note=note, annotator=annotator)
    # session, user, note, role twice, set, spans, decisions, suggestions, labels,
    # ledger, own lease, labels shown, work and leases of others, progress twice,
    # comments, assignment, earlier notes of the patient; the audit entry's savepoint
    # pair, last digest, insert.
    with django_assert_num_queries(24):
        page(marta, note)


def test_page_preloads_every_module_that_its_script_imports(
    marta: Client, note: Note
) -> None:
    folder = Path(__file__).parents[3] / "static" / "js"
    wanted: set[str] = set()
    waiting = ["review"]
    while waiting:
        source = (folder / f"{waiting.pop()}.js").read_text("utf-8")
        new = set(re.findall(r'from "\./(\w+)\.js"', source)) - wanted
        wanted |= new
        waiting += sorted(new)
    links = re.findall(r'rel="modulepreload" href="[^"]*/(\w+)\.js"', page(marta, note))
    assert sorted(links) == sorted(wanted | {"reading"})


# Without a script ------------------------------------------------------------------


def test_plain_accept_goes_to_the_next_undecided(marta: Client, note: Note) -> None:
    target = first_suggestion(note)
    response = decide(marta, note, target=f"s{target}", action="accept")
    following = first_suggestion(note, "DOSAGE")
    assert response.headers["Location"] == (
        f"{reverse('note_review', args=[note.pk])}?in_hand=s{following}#hand"
    )
    markup = page(marta, note, in_hand=f"s{following}")
    assert 'data-kind="suggestion"' in markup
    assert '<p class="hand__mention" data-hand="mention" lang="es">1 g</p>' in markup


def test_plain_form_rejects_relabels_moves_deletes_and_undoes(
    marta: Client, note: Note
) -> None:
    decide(marta, note, target=f"s{first_suggestion(note)}", action="reject")
    decide(
        marta,
        note,
        base_revision=1,
        label="FREQUENCY",
        target=f"s{first_suggestion(note, 'DOSAGE')}",
    )
    layer = note.annotation_sets.get()
    span = layer.spans.get()
    assert (span.label.name, span.origin) == ("FREQUENCY", "corrected")
    decide(marta, note, base_revision=2, target=f"a{span.pk}", move="end-right")
    span.refresh_from_db()
    assert TEXT[span.start_char : span.end_char] == "1 g cada"
    decide(marta, note, base_revision=3, target=f"a{span.pk}", action="reject")
    assert not layer.spans.exists()
    decide(marta, note, base_revision=4, action="undo")
    assert layer.spans.get() == span
    assert layer.decisions.count() == 2


def test_plain_move_of_a_suggestion_corrects_it(marta: Client, note: Note) -> None:
    target = f"s{first_suggestion(note, 'FINDING')}"
    decide(marta, note, target=target, move="start-left")
    span = note.annotation_sets.get().spans.get()
    assert TEXT[span.start_char : span.end_char] == "con dolor torácico"


def test_plain_form_adds_by_words_and_occurrence(marta: Client, note: Note) -> None:
    decide(marta, note, mention="7", occurrence=2, label="DURATION")
    decide(marta, note, mention="de 67", base_revision=1, label="FINDING")
    decide(marta, note, mention="absent", base_revision=2, label="FINDING")
    spans = note.annotation_sets.get().spans.values_list("start_char", "end_char")
    assert {TEXT[start:end] for start, end in spans} == {"7", "de 67"}


def test_plain_form_sent_twice_is_applied_once(marta: Client, note: Note) -> None:
    fields = {
        "client_event_id": str(uuid.uuid4()),
        "target": f"s{first_suggestion(note)}",
        "action": "accept",
    }
    decide(marta, note, **fields)
    decide(marta, note, **fields)
    assert note.annotation_sets.get().spans.count() == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"target": "s12; drop", "action": "accept"},
        {"target": "s999999", "action": "accept"},
        {"target": "s999999", "move": "end-right"},
        {"target": "", "move": "end-right"},
        {"target": "", "label": "FINDING"},
        {"target": "", "action": ""},
        {"target": "", "action": "redo"},
        {"base_revision": 7, "action": "accept_all"},
    ],
)
def test_plain_form_that_fits_nothing_says_so_and_changes_nothing(
    marta: Client, note: Note, fields: dict[str, Any]
) -> None:
    response = decide(marta, note, **fields)
    assert response.status_code == 302
    assert "notice--error" in page(marta, note)
    layer = note.annotation_sets.first()
    assert layer is None or (layer.revision, layer.spans.count()) == (0, 0)


# Submit, skip, open again ----------------------------------------------------------


def test_submit_with_undecided_asks_once_then_goes_on(
    marta: Client, note: Note
) -> None:
    address = reverse("note_submit", args=[note.pk])
    asked = marta.post(address, {"base_revision": "0"})
    assert asked.status_code == 200
    assert "5 suggestions are undecided" in asked.content.decode()
    note.refresh_from_db()
    assert note.state == NoteState.SUGGESTED
    confirmed = {"base_revision": "0", "confirmed": "1"}
    response = marta.post(address, confirmed)
    assert response.headers["Location"] == reverse("next_note", args=["alta"])
    layer = note.annotation_sets.get()
    assert layer.state == SetState.SUBMITTED
    assert not layer.decisions.exists()
    # A double click goes on as the first one did.
    again = marta.post(address, confirmed)
    assert again.headers["Location"] == reverse("next_note", args=["alta"])


def test_submit_of_a_stale_page_is_refused_with_a_message(
    marta: Client, note: Note
) -> None:
    post_gesture(marta, note, action="accept_all", threshold=0)
    response = marta.post(
        reverse("note_submit", args=[note.pk]), {"base_revision": "0"}, follow=True
    )
    assert "This note changed meanwhile" in response.content.decode()
    note.refresh_from_db()
    assert note.state == NoteState.IN_PROGRESS


def test_reopen_by_owner_and_hand_back_by_reviewer(
    marta: Client, annotator: User, note: Note
) -> None:
    layer = open_set(note=note, annotator=annotator)
    address = reverse("note_reopen", args=[note.pk])
    assert marta.post(address).status_code == 409
    submit_set(annotation_set=layer, actor=annotator)
    marta.post(address)
    layer.refresh_from_db()
    assert layer.state == SetState.OPEN
    submit_set(annotation_set=layer, actor=annotator)
    colleague = login(make_member(note.project))
    assert colleague.post(address, {"set": layer.pk}).status_code == 403
    reviewer = login(make_member(note.project, Role.REVIEWER))
    reviewer.post(address, {"set": layer.pk})
    layer.refresh_from_db()
    assert layer.state == SetState.RETURNED


def test_reopen_without_a_set_is_refused(marta: Client, note: Note) -> None:
    response = marta.post(reverse("note_reopen", args=[note.pk]))
    assert response.status_code == 409
