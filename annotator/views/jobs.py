"""A background job as a page, as a fragment that polls itself, and its two buttons."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import trigger_client_event

from annotator.enums import JobKind, Role
from annotator.models import Job
from annotator.permissions import (
    LEAST_TO_CHANGE_JOB,
    LEAST_TO_SEE_JOB,
    has_role,
    role_in,
)
from annotator.services import jobs
from annotator.views._access import UserRequest, get_job

TABS: dict[str, str] = {
    JobKind.IMPORT: "import",
    JobKind.TRAIN: "training",
    JobKind.EXPORT: "export",
    JobKind.PREDICT: "notes",
}


def _fetch(request: UserRequest, job_id: int, least: dict[str, Role]) -> Job:
    job = get_job(request, job_id)
    if job.project and not has_role(request.user, job.project, least[job.kind]):
        raise PermissionDenied
    return job


def _context(request: UserRequest, job: Job) -> dict[str, object]:
    may_change = job.project is None or has_role(
        request.user, job.project, LEAST_TO_CHANGE_JOB[job.kind]
    )
    return {
        "job": job,
        "project": job.project,
        "prediction": _prediction_of(job),
        "may_cancel": may_change and not job.is_finished and not job.cancel_requested,
        "may_run_again": may_change and jobs.is_left_undone(job),
    }


def _prediction_of(job: Job) -> Job | None:
    """Return the job that reads what an import brought in."""
    prediction_id = job.result.get("prediction_job") if job.result else None
    return Job.objects.filter(pk=prediction_id).first() if prediction_id else None


@login_required
@require_safe
def job_detail(request: UserRequest, job_id: int) -> HttpResponse:
    job = _fetch(request, job_id, LEAST_TO_SEE_JOB)
    context = _context(request, job) | {"tab": TABS[job.kind]}
    if job.project is not None:
        context["role"] = role_in(request.user, job.project)
    return render(request, "annotator/job_detail.html", context)


@login_required
@require_safe
def job_status(request: UserRequest, job_id: int) -> HttpResponse:
    """Return the fragment; a finished job's polls no more."""
    job = _fetch(request, job_id, LEAST_TO_SEE_JOB)
    return render(request, "annotator/_job_status.html", _context(request, job))


@login_required
@require_POST
def job_cancel(request: UserRequest, job_id: int) -> HttpResponse:
    job = _fetch(request, job_id, LEAST_TO_CHANGE_JOB)
    jobs.request_cancel(job=job, actor=request.user)
    return _answer(request, job, _("The work is being cancelled."))


@login_required
@require_POST
def job_run_again(request: UserRequest, job_id: int) -> HttpResponse:
    job = _fetch(request, job_id, LEAST_TO_CHANGE_JOB)
    jobs.run_again(job=job, actor=request.user)
    return _answer(request, job, _("The work is waiting for a worker again."))


def _answer(request: UserRequest, job: Job, text: str) -> HttpResponse:
    job.refresh_from_db()
    if request.htmx:
        response = render(request, "annotator/_job_status.html", _context(request, job))
        # The training desk shows the job in a fragment of its own.
        return trigger_client_event(response, "job-changed")
    messages.success(request, text)
    return redirect("job_detail", job_id=job.pk)
