"""The queue table: filters, order, privacy of the search, and the next note."""

from __future__ import annotations

import pytest

from annotator.enums import NoteState, Split
from tests.annotator.factories import (
    TEXT,
    make_member,
    make_note,
    make_project,
    make_set,
    make_suggestion,
    make_user,
)

pytestmark = [pytest.mark.django_db, pytest.mark.integration]
URL = "/p/alta/"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def project():
    return make_project("alta")


@pytest.fixture
def member(client, project):
    user = make_member(project)
    client.force_login(user)
    return user


def shown(answer):
    return [note.external_id for note in answer.context["page"].object_list]


def test_queue_asks_for_a_log_in(client, project):
    assert client.get(URL).headers["Location"] == f"/login/?next={URL}"


def test_queue_of_another_project_is_not_there(client, project):
    client.force_login(make_member(make_project("other")))
    assert client.get(URL).status_code == 404
    assert client.post(URL).status_code == 404


def test_queue_refuses_other_methods(client, member):
    assert client.put(URL).status_code == 405


@pytest.mark.parametrize("n_notes", [1, 3])
def test_queue_asks_the_same_queries_for_one_and_three_notes(
    client, project, member, n_notes, django_assert_num_queries
):
    for _ in range(n_notes):
        note = make_note(project)
        make_suggestion(note, 21, 35, "FINDING", confidence=0.4)
    # session, person, project, role for access (2), labels, role for what is shown of
    # others, role for the tabs, progress, jobs that renew suggestions, notes
    # counted, notes
    with django_assert_num_queries(11):
        page = client.get(URL)
    assert len(shown(page)) == n_notes


def test_queue_says_why_and_how_unsure(client, project, member):
    note = make_note(project, state=NoteState.SUGGESTED)
    make_suggestion(note, 21, 35, "FINDING", confidence=0.4)
    make_suggestion(note, 37, 48, "MEDICATION", confidence=0.9)
    make_suggestion(note, 49, 52, "DOSAGE", confidence=0.1)  # below the threshold
    page = client.get(URL)
    row = page.context["page"].object_list[0]
    assert (row.n_suggestions, row.n_unsure) == (2, 1)
    assert row.uncertainty == pytest.approx(0.35)
    assert b"1 suggestion that the model is unsure of" in page.content


def test_queue_keeps_suggestions_of_held_out_notes_secret(client, project, member):
    note = make_note(project, split=Split.TEST, state=NoteState.SUGGESTED)
    make_suggestion(note, 21, 35, "FINDING", confidence=0.4)
    page = client.get(URL)
    row = page.context["page"].object_list[0]
    assert (row.n_suggestions, row.uncertainty) == (0, None)
    assert b"annotated without suggestions" in page.content
    # the filter of states alone names it
    assert page.content.count(b"Suggestions ready") == 1
    assert shown(client.get(URL, {"label": "FINDING"})) == []


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"state": "submitted"}, ["b"]),
        ({"split": "test"}, ["c"]),
        ({"label": "DOSAGE"}, ["a"]),
        ({"label": "DURATION"}, ["b"]),
        ({"state": "submitted", "split": "test"}, []),
        ({"state": "no-such-state"}, ["a", "b", "c"]),
        ({}, ["a", "b", "c"]),
    ],
)
def test_queue_filters_by_get(client, project, member, query, expected):
    first = make_note(project, external_id="a")
    make_suggestion(first, 49, 52, "DOSAGE")
    second = make_note(project, external_id="b", state=NoteState.SUBMITTED)
    make_set(second, make_user(), [(74, 80, "DURATION")], state="submitted")
    make_note(project, external_id="c", split=Split.TEST)
    assert shown(client.get(URL, query)) == expected


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_queue_searches_the_text_by_post(client, project, member, headers):
    make_note(project, external_id="a")
    make_note(project, "Tos seca desde ayer.", external_id="b")
    answer = client.post(URL, {"text": "TOS SECA"}, headers=headers)
    assert shown(answer) == ["b"]
    assert (b"<html" in answer.content) == (not headers)
    assert "HX-Request" in answer.headers["Vary"]
    assert shown(client.post(URL, {"text": "a\0"}, headers=headers)) == ["a", "b"]


def test_queue_never_puts_words_of_the_search_or_the_note_in_a_url(
    client, project, member
):
    make_note(project, external_id="a")
    page = client.post(URL, {"text": "Paracetamol"}).content.decode()
    urls = [part.split('"')[0] for part in page.split('="/')[1:]]
    assert not any("aracetamol" in url for url in urls)
    assert TEXT[:20] not in page


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("length", ["b", "a", "c"]),
        ("-length", ["c", "a", "b"]),
        ("-uncertainty", ["b", "a", "c"]),
        ("note", ["a", "b", "c"]),
        ("-note", ["c", "b", "a"]),
        ("secret_key", ["a", "b", "c"]),
    ],
)
def test_queue_sorts_with_unknown_values_last(client, project, member, sort, expected):
    first = make_note(project, "Dos palabras.", external_id="a")
    second = make_note(project, "Una.", external_id="b")
    make_note(project, "Tres palabras son.", external_id="c")
    make_suggestion(first, 0, 3, "FINDING", confidence=0.9)
    make_suggestion(second, 0, 3, "FINDING", confidence=0.5)
    assert shown(client.post(URL, {"sort_by": sort})) == expected
    assert shown(client.get(URL, {"sort": sort})) == expected


def test_queue_pages_and_keeps_the_filter(client, project, member, monkeypatch):
    monkeypatch.setattr("annotator.views.notes.NOTES_A_PAGE", 2)
    for name in "abc":
        make_note(project, f"Nota {name}.", external_id=name)
    answer = client.post(URL, {"text": "nota", "page": "2"}, headers=HTMX)
    assert shown(answer) == ["c"]
    assert shown(client.get(URL, {"page": "99"})) == ["c"]


def test_queue_without_notes_teaches_by_role(client, project):
    client.force_login(make_member(project, "admin"))
    assert b"Import text files" in client.get(URL).content
    client.force_login(make_member(project))
    assert b"An administrator of this project imports" in client.get(URL).content


def test_queue_that_narrows_to_nothing_offers_all(client, project, member):
    make_note(project)
    page = client.get(URL, {"state": "skipped"})
    assert b"No note fits these filters" in page.content


def test_next_note_leads_to_the_note(client, project, member):
    note = make_note(project, state=NoteState.SUGGESTED)
    assert client.get(f"{URL}next/").headers["Location"] == f"/notes/{note.pk}/"
    assert client.post(f"{URL}next/").status_code == 405


def test_next_note_without_one_says_so(client, project, member):
    answer = client.get(f"{URL}next/", follow=True)
    assert answer.redirect_chain == [(URL, 302)]
    assert b"No note is waiting for you" in answer.content


def test_next_note_of_another_project_is_not_there(client, project):
    note = make_note(project)
    client.force_login(make_user())
    assert client.get(f"{URL}next/").status_code == 404
    assert not note.assignments.exists()


def test_queue_of_flagged_notes_tells_each_person_what_they_may_see(client, project):
    project.overlap = 2
    project.save(update_fields=["overlap"])
    ana, otto = make_member(project), make_member(project)
    for external_id, person in (("a", ana), ("o", otto), ("x", otto)):
        make_set(
            make_note(project, external_id=external_id),
            person,
            is_flagged=external_id != "x",
        )
    reviewer = make_member(project, "reviewer")

    for person, expected in ((ana, ["a"]), (otto, ["o"]), (reviewer, ["a", "o"])):
        client.force_login(person)
        page = client.get(URL, {"flagged": "yes"})
        assert shown(page) == expected
        assert page.content.decode().count("⚑") == len(expected)
        assert shown(client.get(URL)) == ["a", "o", "x"]
