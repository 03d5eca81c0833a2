"""The page of an import in a browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from annotator.enums import JobKind, JobState, Role
from annotator.models import Job
from annotator.services.import_report import ImportReport
from tests.annotator.factories import make_job, make_member, make_project
from tests.e2e.conftest import OpenPage

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_report_says_when_the_model_is_done_and_stays_in_place(
    open_page: OpenPage,
) -> None:
    project = make_project("alta")
    admin = make_member(project, Role.ADMIN)
    predict = make_job(project, JobKind.PREDICT)
    report = ImportReport(created=2, prediction_job=predict.pk).as_json()
    job = make_job(project, JobKind.IMPORT, state=JobState.SUCCEEDED, result=report)
    page = open_page(admin, f"/jobs/{job.pk}/")
    sentence = page.locator("#prediction")
    expect(sentence).to_have_text("The model is reading the new notes.")
    page.get_by_role("link", name="Go to the notes").focus()

    Job.objects.filter(pk=predict.pk).update(state=JobState.SUCCEEDED)

    expect(sentence).to_have_text("The model has read the new notes.")
    expect(page.locator("#import-report")).to_have_count(1)
    # only the sentence was swapped: whoever is on the button stays there
    expect(page.get_by_role("link", name="Go to the notes")).to_be_focused()
