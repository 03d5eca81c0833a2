"""The first page: a person's projects, what waits in them, whether workers live."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from annotator.selectors.dashboard import project_rows
from annotator.selectors.workers import worker_health
from annotator.views._access import UserRequest


@login_required
@require_safe
def home(request: UserRequest) -> HttpResponse:
    context = {"rows": project_rows(request.user), "workers": worker_health()}
    return render(request, "annotator/project_list.html", context)
