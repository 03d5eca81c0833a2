"""The guideline of a project: everybody reads it, administrators write it."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe
from django.views.decorators.vary import vary_on_headers

from annotator.enums import Role
from annotator.exceptions import WrongState
from annotator.forms.projects import GuidelineForm
from annotator.markdown import render_markdown
from annotator.permissions import role_in
from annotator.services.projects import guideline_digest, update_guideline
from annotator.views._access import UserRequest, get_project


@login_required
@require_safe
def project_guideline(request: UserRequest, slug: str) -> HttpResponse:
    project = get_project(request, slug, Role.ANNOTATOR)
    context = {
        "project": project,
        "role": role_in(request.user, project),
        "tab": "guideline",
        "guideline": render_markdown(project.guideline),
        "labels": list(project.labels.all()),
    }
    return render(request, "annotator/guideline_show.html", context)


@login_required
@require_http_methods(["GET", "POST"])
@vary_on_headers("HX-Request")
def guideline_edit(request: UserRequest, slug: str) -> HttpResponse:
    """Edit, preview and save; a text that changed meanwhile is never overwritten."""
    project = get_project(request, slug, Role.ADMIN)
    initial = {
        "guideline": project.guideline,
        "base_digest": guideline_digest(project.guideline),
    }
    form = GuidelineForm(request.POST or None, initial=initial)
    text, newer, status = project.guideline, None, 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            text, status = form.cleaned_data["guideline"], 200
            if "preview" not in request.POST:
                try:
                    update_guideline(
                        project=project, actor=request.user, **form.cleaned_data
                    )
                except WrongState as error:
                    newer, status = initial, error.status
                else:
                    messages.success(request, _("The guideline was saved."))
                    return redirect("project_guideline", slug=project.slug)
    context = {
        "project": project,
        "role": role_in(request.user, project),
        "tab": "guideline",
        "form": form,
        "preview": render_markdown(text),
        "newer": newer,
    }
    if request.htmx and "preview" in request.POST and status == 200:
        return render(request, "annotator/_guideline_preview.html", context)
    return render(request, "annotator/guideline_edit.html", context, status=status)
