"""The export page: numbers first, then a job, then a file that proved itself."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.auth.decorators import login_required
from django.http import FileResponse, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe
from django.views.decorators.vary import vary_on_headers

from annotator.enums import Attribute, ExportFormat, Role, Split
from annotator.exceptions import NothingToExport
from annotator.forms.transfer import ExportForm
from annotator.permissions import role_in
from annotator.services.export_losses import count_losses
from annotator.services.export_preview import preview_export
from annotator.services.exports import enqueue_export, open_export
from annotator.views._access import UserRequest, get_export, get_project

N_PAST = 50
MAX_LOSSES_SHOWN = 500
_CONTENT_TYPES = {
    ExportFormat.CONLL: "text/plain; charset=utf-8",
    ExportFormat.JSONL: "application/jsonl; charset=utf-8",
}
_EVERYTHING = QueryDict("format=conll&splits=train&splits=dev&splits=test")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
def project_export(request: UserRequest, slug: str) -> HttpResponse:
    """GET shows what the choice would hold; POST makes it."""
    project = get_project(request, slug, Role.REVIEWER)
    data = request.POST if request.method == "POST" else request.GET
    form = ExportForm(data if "format" in data else _EVERYTHING)
    status = 200
    if request.method == "POST":
        form, status = ExportForm(request.POST), 422
    if form.is_valid():
        values = form.cleaned_data
        if request.method == "POST":
            try:
                job = enqueue_export(project=project, actor=request.user, **values)
            except NothingToExport:
                status = NothingToExport.status
            else:
                return redirect("job_detail", job_id=job.pk)
        preview = preview_export(project=project, **values)
    else:
        preview, status = None, 422
    context = {"project": project, "form": form, "preview": preview}
    if request.htmx and request.method != "POST":
        fragment = "annotator/_export_preview.html"
        return render(request, fragment, context, status=status)
    past = project.exports.select_related("created_by").defer("losses")
    context |= {
        "role": role_in(request.user, project),
        "tab": "export",
        "exports": list(past[:N_PAST]),
        "splits": Split.choices,
    }
    return render(request, "annotator/project_export.html", context, status=status)


@login_required
@require_safe
def export_detail(request: UserRequest, export_id: int) -> HttpResponse:
    """One export: what it holds, how it read back, and what it lost."""
    export = get_export(request, export_id)
    context = {
        "project": export.project,
        "role": role_in(request.user, export.project),
        "tab": "export",
        "export": export,
        "losses": [
            loss | {"context": _context(loss.get("attributes", ()))}
            for loss in export.losses[:MAX_LOSSES_SHOWN]
        ],
        "loss_counts": count_losses(export.losses),
        "n_losses": len(export.losses),
    }
    return render(request, "annotator/export_detail.html", context)


@login_required
@require_safe
def export_download(request: UserRequest, export_id: int) -> FileResponse:
    """Send the file, to be saved and never shown by the browser."""
    export = get_export(request, export_id)
    path = open_export(export=export, actor=request.user)
    response = FileResponse(
        path.open("rb"),
        as_attachment=True,
        filename=path.name,
        content_type=_CONTENT_TYPES[ExportFormat(export.format)],
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _context(names: Iterable[str]) -> str:
    return ", ".join(str(Attribute(name).label) for name in names)
