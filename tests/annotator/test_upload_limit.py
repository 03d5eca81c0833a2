"""Files are kept for people who import; nobody else fills the folder of uploads."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from annotator.enums import JobKind, Role
from annotator.models import Job
from tests.annotator.factories import make_member, make_project

pytestmark = [pytest.mark.django_db, pytest.mark.integration]
# Django keeps a file of so many bytes on disk; in all it is less than a form may have.
N_BYTES = 3 * 1024**2


@pytest.fixture(autouse=True)
def folders(settings, tmp_path):
    """A folder for uploads that is not there: who keeps one anyway fails."""
    settings.ANNOTATOR_DATA_DIR = tmp_path / "data"
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path / "none"


def files(n_bytes: int = N_BYTES) -> dict[str, SimpleUploadedFile | str]:
    return {
        "uploads": SimpleUploadedFile("a.txt", b"x" * n_bytes),
        "entities": "gold",
        "username": "nobody",
    }


@pytest.mark.parametrize(
    ("address", "status"),
    [("/login/", 422), ("/p/alta/import/", 302), ("/api/projects/alta/notes/", 401)],
)
@pytest.mark.parametrize("enforces", [True, False])
def test_nothing_is_kept_of_who_is_not_logged_in(address, status, enforces):
    make_project("alta")
    client = Client(enforce_csrf_checks=enforces)
    client.get("/login/")
    token = client.cookies["csrftoken"].value

    answer = client.post(address, files() | {"csrfmiddlewaretoken": token})

    assert answer.status_code == status


def test_a_long_body_is_refused_where_no_files_are_taken(client):
    answer = client.post("/login/", files(6 * 1024**2))

    assert answer.status_code == 400


def test_people_who_import_have_their_files_kept(client, settings, tmp_path):
    project = make_project("alta")
    client.force_login(make_member(project, Role.ADMIN))
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path

    for address in ("/p/alta/import/", "/api/projects/alta/notes/"):
        assert client.post(address, files()).status_code in (202, 302)

    assert Job.objects.filter(kind=JobKind.IMPORT).count() == 2


def test_files_are_passed_over_on_other_pages_of_people(client):
    client.force_login(make_member(make_project("alta"), Role.ADMIN))

    answer = client.post("/p/alta/guideline/edit/", files())

    assert answer.status_code == 422
