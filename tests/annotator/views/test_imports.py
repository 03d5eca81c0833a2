"""The import page."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from annotator.enums import JobKind, JobState, Role
from annotator.models import Job, Project
from annotator.services.import_problems import Problem
from annotator.services.import_report import ImportReport
from annotator.services.imports import SUFFIXES
from tests.annotator.factories import make_job, make_member, make_project

pytestmark = [pytest.mark.django_db, pytest.mark.integration]

URL = "/p/alta/import/"


@pytest.fixture(autouse=True)
def data_dir(settings, tmp_path):
    settings.ANNOTATOR_DATA_DIR = tmp_path
    return tmp_path


@pytest.fixture
def project():
    return make_project("alta")


@pytest.fixture
def admin(client, project):
    user = make_member(project, Role.ADMIN)
    client.force_login(user)
    return user


def _upload(name: str = "nota.txt") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, b"Cefalea.")


def test_import_queues_a_job_with_all_files(client, admin, project):
    data = {"uploads": [_upload("a.txt"), _upload("b.csv")], "entities": "suggestions"}
    data["encoding"] = "cp1252"

    response = client.post(URL, data)

    job = Job.objects.get()
    assert response.headers["Location"] == f"/jobs/{job.pk}/"
    assert (job.kind, job.project, job.created_by) == (JobKind.IMPORT, project, admin)
    assert job.parameters["files"] == ["0/a.txt", "1/b.csv"]
    assert job.parameters["entities"] == "suggestions"
    assert job.parameters["encoding"] == "cp1252"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"entities": "gold"}, "This field is required"),
        (
            {"uploads": [_upload(), _upload("a.docx")], "entities": "gold"},
            "Nothing was imported: a.docx is none of .txt",
        ),
        ({"uploads": [_upload()], "entities": "all"}, "Select a valid choice"),
    ],
)
def test_import_bad_form_is_shown_again(client, admin, data, message):
    response = client.post(URL, data)

    assert response.status_code == 422
    assert message in response.content.decode()
    assert Job.objects.count() == 0


def test_import_of_a_body_far_too_large_is_refused_before_it_is_kept(
    client, admin, settings, data_dir
):
    settings.ANNOTATOR_MAX_UPLOAD_BYTES = 10
    upload = SimpleUploadedFile("a.txt", b"x" * 2_000_000)

    response = client.post(URL, {"uploads": [upload], "entities": "gold"})

    assert response.status_code == 400
    assert list(data_dir.iterdir()) == []


def test_import_larger_than_allowed_is_said_on_the_form(client, admin, settings):
    settings.ANNOTATOR_MAX_UPLOAD_BYTES = 10
    upload = SimpleUploadedFile("a.txt", b"x" * 11)

    response = client.post(URL, {"uploads": [upload], "entities": "gold"})

    assert response.status_code == 422
    assert "at most 10 are taken at once" in response.content.decode()


def test_page_and_documents_name_every_suffix(client, admin, settings):
    page = client.get(URL).content.decode()
    texts = [page.partition("or a .zip of these")[0]]
    for name in ("README.md", "docs/formats.md"):
        text = (settings.BASE_DIR / name).read_text(encoding="utf-8")
        texts.append(next(part for part in text.split("\n\n") if "`.iob`" in part))

    for text in texts:
        missing = [s for s in SUFFIXES if s not in text.lower() and s != ".zip"]
        assert missing == []
    assert f'accept="{",".join(SUFFIXES)}"' in page


def test_import_is_for_admins_of_the_project(client, project):
    data = {"uploads": [_upload()], "entities": "gold"}

    assert client.post(URL, data).headers["Location"].startswith("/login/")
    client.force_login(make_member(make_project(), Role.ADMIN))
    assert client.post(URL, data).status_code == 404
    client.force_login(make_member(project, Role.REVIEWER))
    assert client.post(URL, data).status_code == 403
    assert client.delete(URL).status_code == 405
    assert Job.objects.count() == 0


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_import_lists_past_jobs(
    client, admin, project, n_jobs, django_assert_num_queries
):
    for number in range(n_jobs):
        result = {"created": number + 40, "n_problems": 0}
        make_job(
            project,
            JobKind.IMPORT,
            state=JobState.SUCCEEDED,
            result=result,
            created_by=admin,
        )
    make_job(make_project(), JobKind.IMPORT, result={"created": 77})

    # session, person; project; role three times; labels; jobs
    with django_assert_num_queries(7):
        page = client.get(URL).content.decode()

    assert [f">{n + 40}<" in page for n in range(n_jobs)] == [True] * n_jobs
    assert ">77<" not in page


def test_import_lists_the_names_of_past_files(client, admin, project):
    files = [f"{n}/<nota> {n}.txt" for n in range(5)]
    make_job(project, JobKind.IMPORT, parameters={"files": files})

    page = client.get(URL).content.decode()

    names = "&lt;nota&gt; 0.txt, &lt;nota&gt; 1.txt, &lt;nota&gt; 2.txt and 2 more"
    assert names in page


def test_import_says_how_many_notes_are_kept_for_scoring(client, admin, project):
    Project.objects.filter(pk=project.pk).update(dev_percent=12, test_percent=34)
    page = client.get(URL).content.decode()
    assert "12 % go to development and 34 % to test" in page

    Project.objects.filter(pk=project.pk).update(dev_percent=0, test_percent=0)
    assert "kept for scoring" not in client.get(URL).content.decode()


@pytest.mark.parametrize(
    ("state", "words", "polls"),
    [
        (JobState.QUEUED, "The model is reading the new notes.", True),
        (JobState.SUCCEEDED, "The model has read the new notes.", False),
        (JobState.FAILED, "The model did not read all of the new notes.", False),
    ],
)
def test_job_page_says_when_the_model_has_read_the_notes(
    client, admin, project, state, words, polls
):
    predict = make_job(project, JobKind.PREDICT, state=state)
    report = ImportReport(created=1, prediction_job=predict.pk).as_json()
    job = make_job(project, JobKind.IMPORT, state=JobState.SUCCEEDED, result=report)

    for page in (f"/jobs/{job.pk}/", f"/jobs/{job.pk}/status/"):
        content = client.get(page).content.decode()
        assert words in content
        assert ('hx-select="#prediction"' in content) == polls


def test_job_page_of_a_cancelled_import_says_what_went_in(client, admin, project):
    report = ImportReport(created=1, n_problems=0).as_json()
    job = make_job(project, JobKind.IMPORT, state=JobState.CANCELLED, result=report)

    page = client.get(f"/jobs/{job.pk}/").content.decode()

    assert "1 note went in" in page
    assert "The notes that had gone in by then stay" in page
    assert "What was there before is unchanged" not in page


def test_job_page_shows_the_import_report(client, admin, project):
    result = {
        "created": 2,
        "with_gold": 1,
        "spans": 9,
        "suggestions": 0,
        "by_split": {"test": 2},
        "files": [],
        "duplicates": 0,
        "n_problems": 2,
        "problems": [
            Problem("<b>.txt", None, "empty").as_json(),
            Problem.unreadable("c.txt", 3, "not <JSON>").as_json(),
        ],
        "unknown_exhaustive": {"<i>MEDS": 2},
        "prediction_job": None,
    }
    job = make_job(project, JobKind.IMPORT, state=JobState.SUCCEEDED, result=result)

    page = client.get(f"/jobs/{job.pk}/").content.decode()

    assert "2 notes went in" in page
    assert "&lt;b&gt;.txt" in page
    assert "the text is empty" in page
    assert "not &lt;JSON&gt;" in page
    assert "&lt;i&gt;MEDS</span> (2)" in page
    client.cookies["django_language"] = "es"
    assert "el texto está vacío" in client.get(f"/jobs/{job.pk}/").content.decode()
