"""The error pages: plain words, no traceback, nothing of a note."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from annotator.views._htmx import answer_message, wants_json


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer_message(
        request,
        status=400,
        title=_("The request could not be read"),
        text=_("Nothing was changed. Go back and try again."),
    )


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    if wants_json(request):
        return JsonResponse({"code": "not_allowed"}, status=403)
    return answer_message(
        request,
        status=403,
        title=_("You may not do this"),
        text=_("Your role does not include it. Ask an administrator of the project."),
    )


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if wants_json(request):
        return JsonResponse({"code": "not_found"}, status=404)
    return answer_message(
        request,
        status=404,
        title=_("There is no such page"),
        text=_("It may have been removed, or you may not be a member of its project."),
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    if wants_json(request):
        return JsonResponse({"code": "csrf_failed"}, status=403)
    return answer_message(
        request,
        status=403,
        title=_("This page has grown old"),
        text=_("Nothing was changed. Load the page again and repeat your last step."),
    )


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer without touching the request: its session or person may be the fault."""
    context = {
        "status": 500,
        "title": _("Something went wrong on our side"),
        "text": _(
            "Your earlier work is saved. Try again, and tell the administrator if"
            " it happens again."
        ),
    }
    return HttpResponse(
        render_to_string("annotator/error_show.html", context), status=500
    )
