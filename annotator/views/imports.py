"""The import page: files in, a job out."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from annotator.enums import JobKind, Role
from annotator.exceptions import ImportRefused
from annotator.forms.transfer import ImportForm
from annotator.models import Job
from annotator.permissions import role_in
from annotator.services.imports import enqueue_import
from annotator.views._access import UserRequest, get_project

N_PAST = 20


@login_required
@require_http_methods(["GET", "POST"])
def project_import(request: UserRequest, slug: str) -> HttpResponse:
    project = get_project(request, slug, Role.ADMIN)
    form = ImportForm(
        request.POST if request.method == "POST" else None, request.FILES or None
    )
    if request.method == "POST" and form.is_valid():
        try:
            job = enqueue_import(
                project=project,
                actor=request.user,
                uploads=form.cleaned_data["uploads"],
                entities=form.cleaned_data["entities"],
                encoding=form.cleaned_data["encoding"],
            )
        except ImportRefused as error:
            form.add_error("uploads", error.words)
        else:
            return redirect("job_detail", job_id=job.pk)
    past = Job.objects.filter(project=project, kind=JobKind.IMPORT)
    context = {
        "project": project,
        "role": role_in(request.user, project),
        "tab": "import",
        "form": form,
        "labels": list(project.labels.all()),
        "jobs": list(past.select_related("created_by")[:N_PAST]),
        "max_bytes": settings.ANNOTATOR_MAX_UPLOAD_BYTES,
    }
    status = 422 if form.is_bound else 200
    return render(request, "annotator/project_import.html", context, status=status)
