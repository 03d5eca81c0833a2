"""The export page, its preview, and the download."""

from __future__ import annotations

import pytest

from annotator.enums import JobKind, JobState, Role
from annotator.models import AuditEntry, Job
from annotator.services import export_preview
from annotator.services.exports import export_summary, make_export
from tests.annotator.factories import (
    SPANS,
    make_job,
    make_member,
    make_note,
    make_project,
    make_set,
)

pytestmark = [pytest.mark.django_db, pytest.mark.integration]

URL = "/p/alta/export/"


@pytest.fixture(autouse=True)
def data_dir(settings, tmp_path):
    settings.ANNOTATOR_DATA_DIR = tmp_path
    return tmp_path


@pytest.fixture
def project():
    project = make_project("alta")
    make_set(make_note(project, split="train"), None, SPANS)
    overlapping = [(21, 35, "FINDING"), (21, 26, "FINDING")]
    make_set(make_note(project, split="test"), None, overlapping)
    return project


@pytest.fixture
def reviewer(client, project):
    user = make_member(project, Role.REVIEWER)
    client.force_login(user)
    return user


def test_export_page_says_what_a_file_would_hold(client, reviewer):
    page = client.get(URL).content.decode()

    assert "2 notes" in page
    assert "7 annotations" in page
    assert "1 annotation overlaps a longer one" in page


def test_export_preview_is_a_fragment_for_htmx(client, reviewer):
    response = client.get(
        URL, {"format": "jsonl", "splits": "test"}, headers={"HX-Request": "true"}
    )

    page = response.content.decode()
    assert page.startswith('<section id="export-preview"')
    assert "1 note" in page
    assert "2 annotations" in page
    assert "This format holds all of it" in page
    assert "HX-Request" in response.headers["Vary"]


@pytest.mark.parametrize(
    "data", [{"format": "conll"}, {"format": "x", "splits": "dev"}]
)
def test_export_bad_choice_is_said(client, reviewer, data):
    assert client.get(URL, data).status_code == 422
    assert client.post(URL, data).status_code == 422
    assert Job.objects.count() == 0


def test_export_nothing_settled_is_said_before_and_after_the_button(client, reviewer):
    data = {"format": "conll", "splits": "dev"}

    before, after = client.get(URL, data), client.post(URL, data)

    assert [before.status_code, after.status_code] == [200, 422]
    assert "Nothing to export here yet" in before.content.decode()
    assert "Nothing to export here yet" in after.content.decode()


def test_export_queues_a_job(client, reviewer, project):
    data = {"format": "conll", "splits": ["train", "test"]}

    response = client.post(URL, data)

    job = Job.objects.get()
    assert response.headers["Location"] == f"/jobs/{job.pk}/"
    assert (job.kind, job.parameters["splits"]) == ("export", ["train", "test"])


def test_export_is_for_reviewers_of_the_project(client, project):
    export = make_export(project=project, actor=None, format="conll")
    data = {"format": "conll", "splits": ["train"]}
    urls = [URL, f"/exports/{export.pk}/", f"/exports/{export.pk}/download/"]

    for url in urls:
        assert client.get(url).headers["Location"].startswith("/login/")
    client.force_login(make_member(make_project(), Role.ADMIN))
    assert [client.get(url).status_code for url in urls] == [404, 404, 404]
    assert client.post(URL, data).status_code == 404
    client.force_login(make_member(project, Role.ANNOTATOR))
    assert [client.get(url).status_code for url in urls] == [403, 403, 403]
    assert client.post(URL, data).status_code == 403
    assert [client.delete(url).status_code for url in urls] == [405, 405, 405]
    assert Job.objects.count() == 0


@pytest.mark.parametrize("n_exports", [1, 3])
def test_export_lists_past_files(
    client, reviewer, project, n_exports, django_assert_num_queries
):
    for _ in range(n_exports):
        make_export(project=project, actor=reviewer, format="jsonl")

    # session, person; project; role three times; notes by split; spans by
    # label and split; labels; gold sets and their spans for the losses; exports
    with django_assert_num_queries(11):
        page = client.get(URL).content.decode()

    assert page.count("/download/") == n_exports
    assert page.count("identical") == n_exports


def test_export_preview_of_many_notes_leaves_the_losses_for_later(
    client, reviewer, monkeypatch
):
    monkeypatch.setattr(export_preview, "MAX_NOTES_FOR_LOSSES", 1)

    page = client.get(URL).content.decode()

    assert "is counted when the file is made" in page


def test_export_download_is_an_attachment_that_no_browser_shows(
    client, reviewer, project, data_dir
):
    export = make_export(project=project, actor=None, format="conll", splits=["test"])

    response = client.get(f"/exports/{export.pk}/download/")

    assert b"".join(response.streaming_content) == (data_dir / export.path).read_bytes()
    assert response.headers["Content-Disposition"].startswith(
        'attachment; filename="alta-test-'
    )
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cache-Control"] == "no-store"
    last = AuditEntry.objects.last()
    assert (last.action, last.actor) == ("export.download", reviewer)


def test_export_download_of_a_changed_file_is_refused(
    client, reviewer, project, data_dir
):
    export = make_export(project=project, actor=None, format="conll")
    (data_dir / export.path).write_text("x\tO\n")
    client.raise_request_exception = False

    assert client.get(f"/exports/{export.pk}/download/").status_code == 500


def test_export_detail_lists_losses_by_place(client, reviewer, project):
    export = make_export(project=project, actor=reviewer, format="conll")

    page = client.get(f"/exports/{export.pk}/").content.decode()

    assert "2 notes, 6 annotations identical" in page
    assert export.losses[0]["note"] in page
    assert "overlaps a longer one" in page
    assert export.sha256 in page
    assert "dolor" not in page


def test_export_says_that_negated_and_undecided_read_like_the_contrary(
    client, reviewer
):
    other = make_project("baja")
    reviewer.memberships.create(project=other, role=Role.REVIEWER)
    note = make_note(other, external_id="es-9")
    gold = make_set(note, None, SPANS, labels_undecided=["DURATION"])
    gold.spans.filter(start_char=21).update(attributes={"negated": True})
    export = make_export(project=other, actor=reviewer, format="conll")

    before = client.get("/p/baja/export/").content.decode()
    after = client.get(f"/exports/{export.pk}/").content.decode()
    jsonl = client.get("/p/baja/export/?format=jsonl&splits=train").content.decode()

    for page in (before, after):
        assert "1 annotation loses its context" in page
        assert "1 negated annotation looks positive in this file" in page
        assert "1 note is not settled for every label" in page
    assert "context lost: Negated" in after
    assert "label not settled in this note" in after
    assert "This format holds all of it" in jsonl


def test_job_page_shows_the_export_report(client, reviewer, project):
    export = make_export(project=project, actor=reviewer, format="conll")
    job = make_job(
        project,
        JobKind.EXPORT,
        state=JobState.SUCCEEDED,
        result=export_summary(export),
    )

    page = client.get(f"/jobs/{job.pk}/").content.decode()

    assert "2 notes, 6 annotations identical" in page
    assert f"/exports/{export.pk}/download/" in page
