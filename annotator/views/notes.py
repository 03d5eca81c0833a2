"""The queue of a project's notes, and the way to the next one."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe
from django.views.decorators.vary import vary_on_headers

from annotator.enums import Role
from annotator.forms.notes import NoteFilterForm
from annotator.permissions import role_in
from annotator.selectors.jobs import renewals
from annotator.selectors.notes import note_rows, progress_of
from annotator.services import queue
from annotator.views._access import UserRequest, get_project

NOTES_A_PAGE = 50


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
def note_list(request: UserRequest, slug: str) -> HttpResponse:
    """Show the queue. A POST narrows it and changes nothing: see `NoteFilterForm`."""
    project = get_project(request, slug, Role.ANNOTATOR)
    form = NoteFilterForm(
        request.POST if request.method == "POST" else request.GET,
        labels=list(project.labels.all()),
        language=get_language() or "en",
    )
    wanted, number = form.wanted()
    rows = note_rows(project, request.user, wanted)
    context = {
        "project": project,
        "page": Paginator(rows, NOTES_A_PAGE).get_page(number),
        "wanted": wanted,
    }
    if request.htmx:
        return render(request, "annotator/_note_table.html", context)
    context |= {
        "role": role_in(request.user, project),
        "tab": "notes",
        "form": form,
        "progress": progress_of(project),
        "renewal": renewals([project]).get(project.pk),
    }
    return render(request, "annotator/note_list.html", context)


@login_required
@require_safe
def next_note(request: UserRequest, slug: str) -> HttpResponse:
    """Go on with the note that this person should see next."""
    project = get_project(request, slug, Role.ANNOTATOR)
    note = queue.next_note(project=project, annotator=request.user)
    if note is None:
        messages.info(request, _("No note is waiting for you here. Well done."))
        return redirect("note_list", slug=project.slug)
    return redirect("note_review", note_id=note.pk)
