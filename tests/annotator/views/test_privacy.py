"""What every page owes to patients: strict CSP kept to, no caching, no third party."""

from __future__ import annotations

from datetime import timedelta
from html.parser import HTMLParser

import pytest
from django.utils import timezone

from annotator.enums import JobKind, JobState, Split
from tests.annotator.factories import (
    SPANS,
    make_job,
    make_note,
    make_project,
    make_set,
    make_suggestion,
    make_user,
    make_version,
)

pytestmark = [pytest.mark.django_db, pytest.mark.integration]


class Inspector(HTMLParser):
    """Collects what a strict CSP would block and what leaves the host."""

    def __init__(self):
        super().__init__()
        self.faults = []
        self.title = ""
        self._open = ""

    def handle_starttag(self, tag, attrs):
        self._open = tag
        values = dict(attrs)
        if tag == "style" or (tag == "script" and "src" not in values):
            self.faults.append(f"inline <{tag}>")
        for name, value in attrs:
            if name == "style" or name.startswith(("on", "hx-on")):
                self.faults.append(f"{name} on <{tag}>")
            if name in ("src", "href", "action") and "://" in (value or ""):
                self.faults.append(f"{name}={value}")

    def handle_endtag(self, tag):
        self._open = ""

    def handle_data(self, data):
        if self._open == "title":
            self.title += data
        if self._open in ("script", "style") and data.strip():
            self.faults.append(f"inline text in <{self._open}>")


def paths():
    """Make a project with everything on it and return its pages."""
    user = make_user("ana", is_staff=True)
    project = make_project("alta", members={user: "admin"})
    note = make_note(project, title="Informe")
    make_suggestion(note, *SPANS[0], confidence=0.5)
    make_set(make_note(project), user, SPANS, state="submitted")
    make_note(project, split=Split.TEST)
    make_version(project, metrics={"enough": False})
    now = timezone.now()
    job = make_job(
        project,
        JobKind.TRAIN,
        state=JobState.RUNNING,
        lease_until=now + timedelta(minutes=1),
        started_at=now,
        details={"curve": [{"epoch": 1, "loss": 1.0, "f1": 0.4}], "log": ["x"]},
    )
    return user, [
        "/",
        "/profile/",
        "/p/alta/",
        "/p/alta/training/",
        f"/jobs/{job.pk}/",
        f"/jobs/{job.pk}/status/",
        f"/notes/{note.pk}/",
        "/p/alta/import/",
        "/p/alta/export/",
        "/p/alta/guideline/",
        "/p/alta/settings/",
        "/projects/new/",
        "/no-such-page/",
    ]


def test_pages_hold_nothing_inline_and_nothing_foreign(client):
    user, pages = paths()
    for path in ("/login/", *pages):
        if path != "/login/":
            client.force_login(user)
        answer = client.get(path)
        assert answer.status_code in (200, 404), path
        inspector = Inspector()
        inspector.feed(answer.content.decode())
        assert inspector.faults == [], path
        assert "Varón" not in inspector.title
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["Cache-Control"] in (
            "no-store",
            "max-age=0, no-cache, no-store, must-revalidate, private",
        ), path
