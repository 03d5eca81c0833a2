"""The pages of the house in a real browser: queue, desk as it runs, alerts, theme."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, expect

from annotator.enums import JobKind, JobState, NoteState, Role
from annotator.models import Job, Project, User
from tests.annotator.factories import (
    PASSWORD,
    make_job,
    make_note,
    make_project,
    make_user,
    make_version,
)

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]

OpenPage = Callable[..., Page]


@pytest.fixture
def admin() -> User:
    return make_user("ana")


@pytest.fixture
def project(admin: User) -> Project:
    return make_project("alta", members={admin: Role.ADMIN})


def names(page: Page) -> list[str]:
    return page.locator("#note-table tbody th a").all_inner_texts()


def test_queue_filters_and_sorts_without_reloading(
    open_page: OpenPage, admin: User, project: Project
) -> None:
    make_note(project, "Tos seca.", external_id="short")
    make_note(project, "Fiebre alta desde el lunes.", external_id="long")
    make_note(project, "Tos y fiebre.", external_id="done", state=NoteState.SUBMITTED)
    page = open_page(admin, "/p/alta/")
    page.evaluate("document.body.dataset.same = 'yes'")
    page.get_by_label("Search in notes").press_sequentially("tos")
    expect(page.locator("#note-table tbody tr")).to_have_count(2)
    page.get_by_role("button", name="Length").click()
    expect(page.locator("th[aria-sort=ascending]")).to_have_text("Length")
    assert names(page) == ["short", "done"]
    page.get_by_role("button", name="Length").click()
    expect(page.locator("th[aria-sort=descending]")).to_have_text("Length")
    assert names(page) == ["done", "short"]
    page.get_by_label("State").select_option("submitted")
    expect(page.locator("#note-table tbody tr")).to_have_count(1)
    assert page.url.endswith("/p/alta/")
    assert page.evaluate("document.body.dataset.same") == "yes"


def test_queue_works_without_script(
    context: BrowserContext, live_server: object, admin: User, project: Project
) -> None:
    make_note(project, "Tos seca.", external_id="a")
    make_note(project, "Fiebre.", external_id="b")
    browser = context.browser
    assert browser is not None
    plain = browser.new_context(java_script_enabled=False)
    page = plain.new_page()
    page.goto(f"{live_server}/p/alta/")
    page.get_by_label("User name").fill("ana")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_label("Search in notes").fill("fiebre")
    page.get_by_role("button", name="Filter").click()
    assert names(page) == ["b"]
    assert "fiebre" not in page.url
    plain.close()


def test_desk_follows_a_training_to_its_verdict(
    open_page: OpenPage, admin: User, project: Project
) -> None:
    now = timezone.now()
    job = make_job(
        project,
        JobKind.TRAIN,
        state=JobState.RUNNING,
        started_at=now,
        lease_until=now + timedelta(minutes=5),
        details={"epochs": 3, "curve": [{"epoch": 1, "loss": 1.5, "f1": 0.4}]},
    )
    page = open_page(admin, "/p/alta/training/")
    expect(page.get_by_text("Retraining now")).to_be_visible()
    expect(page.locator(".curve__mark--f1")).to_have_count(1)
    curve = [*job.details["curve"], {"epoch": 2, "loss": 0.9, "f1": 0.6}]
    Job.objects.filter(pk=job.pk).update(details={"epochs": 3, "curve": curve})
    expect(page.locator(".curve__mark--f1")).to_have_count(2)
    difference = {"f1": 0.021, "low": 0.008, "high": 0.034}
    figures = {"f1": 0.8, "precision": 0.8, "recall": 0.8, "interval": [0.7, 0.9]}
    part = {"micro": figures, "labels": {}}
    make_version(
        project,
        name="v1",
        metrics={
            "enough": True,
            "candidate": part,
            "active": part,
            "difference": difference,
        },
    )
    Job.objects.filter(pk=job.pk).update(state=JobState.SUCCEEDED, lease_until=None)
    expect(page.get_by_text("Promote: +2.1 F1 (+0.8 to +3.4)")).to_be_visible()
    expect(page.get_by_text("Retraining now")).to_have_count(0)


def test_cancel_shows_that_the_training_stops(
    open_page: OpenPage, admin: User, project: Project
) -> None:
    now = timezone.now()
    job = make_job(
        project,
        JobKind.TRAIN,
        state=JobState.RUNNING,
        started_at=now,
        lease_until=now + timedelta(minutes=5),
    )
    page = open_page(admin, "/p/alta/training/")
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("heading", name="Stopping…")).to_be_visible()
    job.refresh_from_db()
    assert job.cancel_requested


def test_refusal_floats_over_the_page_and_can_be_closed(
    open_page: OpenPage, admin: User, project: Project
) -> None:
    make_version(project, name="v1")  # its bundle is not there
    page = open_page(admin, "/p/alta/training/", ignore_errors=True)
    page.locator("#training-verdict .confirm summary").click()
    page.get_by_role("button", name="Make v1 active").first.click()
    alert = page.locator("#alert")
    expect(alert).to_contain_text("This cannot be done now")
    expect(page.locator("#training-versions")).to_be_visible()
    alert.get_by_role("button", name="Close").click()
    expect(alert).to_be_empty()


def test_server_that_does_not_answer_is_told(
    open_page: OpenPage, context: BrowserContext, admin: User, project: Project
) -> None:
    make_note(project)
    page = open_page(admin, "/p/alta/", ignore_errors=True)
    context.set_offline(True)
    page.get_by_label("State").select_option("submitted")
    expect(page.locator("#alert")).to_contain_text("The server does not answer")


def test_theme_of_the_profile_colours_the_page(
    open_page: OpenPage, admin: User
) -> None:
    page = open_page(admin, "/profile/")
    colour = "getComputedStyle(document.documentElement).backgroundColor"
    before = page.evaluate(colour)
    page.get_by_label("Dark", exact=True).check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Your settings were saved.")).to_be_visible()
    assert page.evaluate(colour) != before
    page.locator(".menu summary").click()
    expect(page.get_by_role("button", name="Log out")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Log out")).to_be_hidden()
