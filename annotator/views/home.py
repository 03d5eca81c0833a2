"""The first page: a person's projects, what waits in them, whether workers live."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from annotator.enums import Role
from annotator.selectors.dashboard import project_rows
from annotator.selectors.workers import worker_health
from annotator.views._access import UserRequest


@login_required
@require_safe
def home(request: UserRequest) -> HttpResponse:
    rows = project_rows(request.user)
    # Only who can do something about it need know which workers live.
    runs_it = request.user.is_staff or any(row.role == Role.ADMIN for row in rows)
    context = {"rows": rows, "workers": worker_health() if runs_it else {}}
    return render(request, "annotator/project_list.html", context)
