"""The training desk: what goes in, what runs, the verdict, and the versions."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import trigger_client_event

from annotator.enums import JobKind, JobState, Role, VersionState
from annotator.forms.training import TrainingForm
from annotator.models import Job, ModelVersion, Project
from annotator.permissions import role_in
from annotator.selectors.training import training_plan
from annotator.selectors.versions import (
    is_before,
    project_versions,
    verdict_of,
    version_score,
)
from annotator.services import training, versions
from annotator.services.training_limits import MAX_UNFINISHED
from annotator.views._access import UserRequest, get_project
from annotator.views._curve import draw_curve

LIVE = (JobState.QUEUED, JobState.RUNNING)


def _now(project: Project) -> dict[str, object]:
    """Return what runs and waits, or how the last training ended."""
    jobs = Job.objects.filter(project=project, kind=JobKind.TRAIN)
    live = list(jobs.filter(state__in=LIVE).order_by("id"))
    running = next((job for job in live if job.state == JobState.RUNNING), None)
    waiting = [job for job in live if job is not running]
    last = None if live else jobs.first()
    shown = running or last
    return {
        "project": project,
        "running": running,
        "waiting": waiting,
        "last": last,
        "curve": draw_curve(shown.details) if shown else None,
        "is_live": bool(live),
        "n_live": len(live),
        "is_full": len(live) >= MAX_UNFINISHED,
    }


def _versions(project: Project, chosen: str = "") -> dict[str, object]:
    """Return the versions and the verdict on the *chosen* one or latest candidate."""
    rows = project_versions(project)
    own = [version for version in rows if version.project_id is not None]
    active = next((row for row in rows if row.pk == project.active_version_id), None)
    candidate = own[0] if own and own[0].state == VersionState.CANDIDATE else None
    wanted = next((row for row in own if str(row.pk) == chosen), None)
    candidate = wanted or candidate
    return {
        "project": project,
        "wanted": wanted,
        "versions": [
            (version, version_score(version, own), is_before(version, active))
            for version in rows
        ],
        "candidate": candidate,
        "verdict": verdict_of(candidate) if candidate else None,
    }


@login_required
@require_safe
def project_training(request: UserRequest, slug: str) -> HttpResponse:
    project = get_project(request, slug, Role.ADMIN)
    context = {
        "role": role_in(request.user, project),
        "tab": "training",
        "plan": training_plan(project=project),
        "form": TrainingForm(),
        **_now(project),
        **_versions(project, request.GET.get("version", "")),
    }
    return render(request, "annotator/project_training.html", context)


@login_required
@require_safe
def training_now(request: UserRequest, slug: str) -> HttpResponse:
    """Return the polled fragment; when the last training ends, the versions reload."""
    project = get_project(request, slug, Role.ADMIN)
    context = _now(project)
    response = render(request, "annotator/_training_now.html", context)
    if not context["is_live"]:
        trigger_client_event(response, "training-ended")
    # The page says how many it shows: the button below depends on it.
    if request.GET.get("live", str(context["n_live"])) != str(context["n_live"]):
        trigger_client_event(response, "training-changed")
    return response


@login_required
@require_safe
def training_foot(request: UserRequest, slug: str) -> HttpResponse:
    """Return the button that starts a training, with what would become of it."""
    project = get_project(request, slug, Role.ADMIN)
    context = {"plan": training_plan(project=project), **_now(project)}
    return render(request, "annotator/_training_foot.html", context)


@login_required
@require_safe
def training_versions(request: UserRequest, slug: str) -> HttpResponse:
    project = get_project(request, slug, Role.ADMIN)
    return render(request, "annotator/_training_versions.html", _versions(project))


@login_required
@require_safe
def training_verdict(request: UserRequest, slug: str) -> HttpResponse:
    project = get_project(request, slug, Role.ADMIN)
    context = _versions(project, request.GET.get("version", ""))
    return render(request, "annotator/_training_verdict.html", context)


@login_required
@require_POST
def training_start(request: UserRequest, slug: str) -> HttpResponse:
    project = get_project(request, slug, Role.ADMIN)
    form = TrainingForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Choose a recipe and a starting point."))
        return redirect("project_training", slug=project.slug)
    training.enqueue_training(project=project, actor=request.user, **form.cleaned_data)
    if request.htmx:
        response = render(request, "annotator/_training_now.html", _now(project))
        return trigger_client_event(response, "training-changed")
    messages.success(request, _("The retraining waits for a worker."))
    return redirect("project_training", slug=project.slug)


@login_required
@require_POST
def version_promote(request: UserRequest, version_id: int) -> HttpResponse:
    """Make a version active, new or old: going back is the same step."""
    version = get_object_or_404(
        ModelVersion.objects.select_related("project"), pk=version_id
    )
    slug = version.project.slug if version.project else request.POST.get("project", "")
    project = get_project(request, slug, Role.ADMIN)
    if version.project_id not in (None, project.pk):
        raise Http404
    versions.promote(version=version, project=project, actor=request.user)
    text = _("%(name)s is active. Its suggestions replace those nobody has decided on.")
    notice = text % {"name": version.name}
    if request.htmx:
        context = _versions(project) | {"notice": notice}
        response = render(request, "annotator/_training_versions.html", context)
        return trigger_client_event(response, "version-promoted")
    messages.success(request, notice)
    return redirect("project_training", slug=project.slug)
