"""The guideline: read by all, written by administrators, never overwritten unseen."""

from __future__ import annotations

import pytest
from django.urls import reverse

from annotator.enums import Role
from annotator.services.projects import guideline_digest
from tests.annotator.factories import make_member, make_project

pytestmark = [pytest.mark.django_db, pytest.mark.integration]

SHOW, EDIT = "/p/alta/guideline/", "/p/alta/guideline/edit/"


@pytest.fixture
def project():
    return make_project("alta", guideline="# Uno\n\n| a | b |\n|---|---|\n| c | d |")


def test_guideline_is_shown_as_safe_html_to_members(client, project):
    project.guideline += "\n<script>alert(1)</script> [x](javascript:alert(1))"
    project.save()
    client.force_login(make_member(project))

    page = client.get(SHOW).content.decode()

    assert "<h2>Uno</h2>" in page
    assert "<td>c</td>" in page
    assert "<script>alert" not in page
    assert 'href="javascript' not in page
    assert EDIT not in page


def test_guideline_is_cleaned_of_what_the_parser_makes(client, project):
    project.guideline += (
        "\n\n![a](https://elsewhere.example/seen.png)"
        "\n\n```onclick\nalta\n```"
        "\n\n[x](ftp://elsewhere.example/)"
    )
    project.save()
    client.force_login(make_member(project))

    page = client.get(SHOW).content.decode()

    # a page that shows it asks nobody else for anything
    assert "seen.png" not in page
    assert "language-onclick" not in page
    assert "ftp://" not in page
    assert "<pre><code>alta" in page


def test_guideline_views_know_who_may(client, project):
    url = reverse("guideline_edit", args=["alta"])
    data = {"guideline": "x", "base_digest": guideline_digest(project.guideline)}

    assert client.get(SHOW).headers["Location"].startswith("/login/")
    client.force_login(make_member(make_project(), Role.ADMIN))
    assert [client.get(SHOW).status_code, client.post(url, data).status_code] == [
        404,
        404,
    ]
    client.force_login(make_member(project, Role.REVIEWER))
    assert client.post(url, data).status_code == 403
    assert client.post(SHOW).status_code == 405
    project.refresh_from_db()
    assert project.guideline.startswith("# Uno")


def test_guideline_edit_saves_with_unix_lines(client, project):
    client.force_login(make_member(project, Role.ADMIN))
    base = guideline_digest(project.guideline)

    response = client.post(EDIT, {"guideline": "a\r\nb", "base_digest": base})

    assert response.headers["Location"] == SHOW
    project.refresh_from_db()
    assert project.guideline == "a\nb"


@pytest.mark.parametrize("is_htmx", [False, True])
def test_guideline_edit_preview_saves_nothing(client, project, is_htmx):
    client.force_login(make_member(project, Role.ADMIN))
    data = {
        "guideline": "## Dos",
        "base_digest": guideline_digest(project.guideline),
        "preview": "1",
    }
    headers = {"HX-Request": "true"} if is_htmx else {}

    response = client.post(EDIT, data, headers=headers)

    page = response.content.decode()
    assert response.status_code == 200
    assert "<h3>Dos</h3>" in page
    assert ("<html" in page) is not is_htmx
    assert "HX-Request" in response.headers["Vary"]
    project.refresh_from_db()
    assert project.guideline.startswith("# Uno")


def test_guideline_edit_of_an_old_text_shows_both_and_loses_neither(client, project):
    client.force_login(make_member(project, Role.ADMIN))
    old = guideline_digest("what the editor saw")

    response = client.post(EDIT, {"guideline": "Mío", "base_digest": old})

    page = response.content.decode()
    assert response.status_code == 409
    assert "Mío" in page
    assert "# Uno" in page
    # saving again starts from the newer text
    assert guideline_digest(project.guideline) in page
    project.refresh_from_db()
    assert project.guideline.startswith("# Uno")


def test_guideline_edit_too_long_is_refused(client, project):
    client.force_login(make_member(project, Role.ADMIN))
    data = {"guideline": "x" * 300_001, "base_digest": "0"}

    assert client.post(EDIT, data).status_code == 422
