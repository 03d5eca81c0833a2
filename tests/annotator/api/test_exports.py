"""Exports through the API: queue one, look at it, fetch the file."""

from __future__ import annotations

import json

import pytest

from annotator.models import AuditEntry, Job
from annotator.services.exports import make_export
from annotator.services.job_runner import run_job
from tests.annotator.factories import SPANS, TEXT, make_note, make_set, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.integration]
URL = "/api/projects/alta/exports/"
JSON = {"content_type": "application/json"}


@pytest.fixture
def note(project):
    note = make_note(project, external_id="es-1")
    make_set(note, None, SPANS)
    return note


@pytest.mark.parametrize("n_exports", [1, 3])
def test_list_asks_the_same_queries_for_one_and_three_exports(
    project, note, reviewer, n_exports, django_assert_num_queries
):
    for _ in range(n_exports):
        make_export(project=project, actor=make_user(), format="jsonl")
    # token with person, project, role, exports counted, exports with person
    with django_assert_num_queries(5):
        answer = reviewer.get(URL)
    assert answer.json()["count"] == n_exports
    row = answer.json()["results"][0]
    assert (row["splits"], row["is_verified"]) == (["train", "dev", "test"], True)
    assert "losses" not in row


@pytest.mark.django_db(transaction=True)
def test_export_goes_from_request_to_file(project, note, reviewer):
    asked = reviewer.post(URL, {"format": "jsonl", "splits": ["train"]}, **JSON)
    assert asked.status_code == 202
    run_job(job_id=asked.json()["id"], worker="test")
    job = reviewer.get(asked.headers["Location"]).json()
    export_id = job["result"]["export"]

    shown = reviewer.get(f"/api/exports/{export_id}/").json()
    assert (shown["n_notes"], shown["n_spans"], shown["losses"]) == (1, 5, [])
    assert (shown["created_by"], shown["project"]) == ("rosa", "alta")

    file = reviewer.get(f"/api/exports/{export_id}/download/")
    assert file.headers["Content-Disposition"].startswith("attachment; filename=")
    document = json.loads(b"".join(file.streaming_content))
    assert (document["text"], len(document["entities"])) == (TEXT, 5)
    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.subject) == ("export.download", f"export:{export_id}")


def test_losses_are_told(project, reviewer):
    make_set(make_note(project, external_id="es-2"), None, [(38, 48, "MEDICATION")])
    export = make_export(project=project, actor=None, format="conll")
    shown = reviewer.get(f"/api/exports/{export.pk}/").json()
    assert shown["losses"] == [
        {
            "note": "es-2",
            "start_char": 38,
            "end_char": 48,
            "label": "MEDICATION",
            "reason": "misaligned",
        }
    ]


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({"format": "docx"}, "invalid_values"),
        ({"splits": []}, "invalid_values"),
        ({"splits": ["all"]}, "invalid_values"),
        ({"splits": ["test"]}, "nothing_to_export"),
    ],
)
def test_exports_of_nothing_are_refused(project, note, reviewer, sent, code):
    answer = reviewer.post(URL, sent, **JSON)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert not Job.objects.exists()


def test_changed_file_is_not_handed_out(project, note, reviewer, own_data):
    export = make_export(project=project, actor=None, format="jsonl")
    (own_data / export.path).write_text("{}")
    answer = reviewer.get(f"/api/exports/{export.pk}/download/")
    assert (answer.status_code, answer.json()["code"]) == (500, "export_damaged")
