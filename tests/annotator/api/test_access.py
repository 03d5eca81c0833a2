"""Who may ask for what: every address, every method, in one table."""

from __future__ import annotations

import json
import uuid

import pytest
from django.test import Client
from django.urls import reverse

from annotator.api.urls import urlpatterns
from annotator.enums import JobKind
from annotator.models import Export
from annotator.services.exports import make_export
from tests.annotator.factories import (
    SPANS,
    make_job,
    make_note,
    make_set,
    make_user,
    make_version,
)

pytestmark = [pytest.mark.django_db, pytest.mark.integration]

GESTURE = {
    "client_event_id": str(uuid.uuid4()),
    "base_revision": 0,
    "action": "undo",
}
# (name, method, least role, body); the wrong methods are all the others.
TABLE = [
    ("project", "get", "annotator", None),
    ("project", "patch", "admin", {"overlap": 2}),
    ("labels", "get", "annotator", None),
    ("labels", "post", "admin", {"name": "ROUTE", "short_name": "ROU"}),
    ("label", "get", "annotator", None),
    ("label", "patch", "admin", {"description": "Way in."}),
    ("label", "delete", "admin", None),
    ("notes", "get", "annotator", None),
    ("notes", "post", "admin", None),
    ("predictions", "post", "admin", {}),
    ("training", "get", "admin", None),
    ("training", "post", "admin", {}),
    ("versions", "get", "admin", None),
    ("version", "get", "admin", None),
    ("version_promote", "post", "admin", None),
    ("exports", "get", "reviewer", None),
    ("exports", "post", "reviewer", {}),
    ("note", "get", "annotator", None),
    ("suggestions", "get", "annotator", None),
    ("annotations", "get", "annotator", None),
    ("gestures", "post", "annotator", GESTURE),
    ("submit", "post", "annotator", {"base_revision": 0}),
    ("reopen", "post", "annotator", None),
    ("skip", "post", "annotator", {}),
    ("events", "get", "annotator", None),
    ("same", "post", "annotator", {"start_char": 0, "end_char": 5}),
    ("comments", "get", "annotator", None),
    ("comments", "post", "annotator", {"id": str(uuid.uuid4()), "body": "Why?"}),
    ("comment", "patch", "admin", {"is_removed": True}),
    ("job", "get", "reviewer", None),
    ("job_cancel", "post", "reviewer", None),
    ("job_run_again", "post", "reviewer", None),
    ("export", "get", "reviewer", None),
    ("export_download", "get", "reviewer", None),
]
OF_NO_PROJECT = [
    ("schema", "get"),
    ("token", "post"),
    ("token", "delete"),
    ("workers", "get"),
    ("projects", "get"),
    ("projects", "post"),
    ("jobs", "get"),
    ("keys", "get"),
    ("keys", "patch"),
    ("keys", "delete"),
]
JSON = {"content_type": "application/json"}
METHODS = ("get", "post", "put", "patch", "delete")
LOWER = {"annotator": [], "reviewer": ["annotator"], "admin": ["annotator", "reviewer"]}


@pytest.fixture
def address(project):
    """Return a function that gives the address of a named route of the project."""
    note = make_note(project)
    make_set(note, None, SPANS)
    export = make_export(project=project, actor=None, format="jsonl")
    parts = {
        "slug": project.slug,
        "note_id": note.pk,
        "label_id": project.labels.latest("id").pk,
        "version_id": make_version(project).pk,
        "job_id": make_job(project, JobKind.EXPORT).pk,
        "export_id": export.pk,
        "comment_id": note.comments.create(author=make_user(), body="Why?").pk,
    }

    def find(name):
        (route,) = [pattern for pattern in urlpatterns if pattern.name == name]
        taken = route.pattern.converters
        return reverse(f"api:{name}", kwargs={key: parts[key] for key in taken})

    return find


def send(client, method, path, body=None):
    if method == "get":
        return client.get(path)
    sent = "" if body is None else json.dumps(body)
    return client.generic(method.upper(), path, sent, **JSON)


def test_table_names_every_address():
    tabled = {row[0] for row in TABLE} | {name for name, _ in OF_NO_PROJECT}
    assert tabled == {pattern.name for pattern in urlpatterns}


def test_anonymous_people_get_401_everywhere(client, address):
    asked = [(name, method, body) for name, method, _, body in TABLE]
    asked += [(*row, None) for row in OF_NO_PROJECT if row != ("token", "post")]
    for name, method, body in asked:
        answer = send(client, method, address(name), body)
        assert (name, method, answer.status_code) == (name, method, 401)
        assert answer.json()["code"] == "not_authenticated"
        assert answer.headers["WWW-Authenticate"] == "Token"


def test_rows_of_other_projects_are_not_there(outsider, address):
    for name, method, _, body in TABLE:
        answer = send(outsider, method, address(name), body)
        assert (name, method, answer.status_code) == (name, method, 404)
        assert answer.json() == {
            "code": "not_found",
            "message": "There is no such thing, or it is in a project of others.",
            "details": {},
        }


def test_what_is_nowhere_reads_like_what_is_elsewhere(outsider, address):
    elsewhere = outsider.get(address("note"))
    nowhere = outsider.get("/api/notes/999999/")
    assert (nowhere.status_code, nowhere.content) == (404, elsewhere.content)


def test_too_low_a_role_gets_403(annotator, reviewer, address):
    clients = {"annotator": annotator, "reviewer": reviewer}
    for name, method, least, body in TABLE:
        for role in LOWER[least]:
            answer = send(clients[role], method, address(name), body)
            told = (name, method, role, answer.status_code)
            assert told == (name, method, role, 403)
            assert answer.json()["code"] == "not_allowed"
    assert Export.objects.count() == 1


def test_wrong_methods_get_405(admin, address):
    rows = [row[:2] for row in TABLE] + OF_NO_PROJECT
    for name in {row[0] for row in rows}:
        right = {method for other, method in rows if other == name}
        for method in set(METHODS) - right:
            answer = send(admin, method, address(name), {})
            assert (name, method, answer.status_code) == (name, method, 405)
            assert answer.json()["code"] == "method_not_allowed"


def test_session_works_too_and_needs_the_csrf_token(project):
    staff = make_user("root", is_staff=True)
    client = Client(enforce_csrf_checks=True)
    client.force_login(staff)
    assert client.get("/api/projects/").json()["count"] == 1

    refused = client.post("/api/projects/alta/predictions/", "{}", **JSON)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")

    client.get("/profile/")  # its form sets the cookie
    token = client.cookies["csrftoken"].value
    taken = client.post(
        "/api/projects/alta/predictions/", "{}", headers={"X-CSRFToken": token}, **JSON
    )
    assert taken.status_code == 202
