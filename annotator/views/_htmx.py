"""One mapping of refusals to HTTP for pages: a whole page, a fragment or JSON.

A fragment is sent to the alert region of base.html, whatever element asked, so that an
error never lands in a table. The middleware calls `answer_error`, so no view can
forget it.
"""

from __future__ import annotations

from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render, resolve_url
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django_htmx.http import HttpResponseClientRedirect, reswap, retarget

from annotator.exceptions import AnnotatorError
from annotator.views._access import UserRequest

# What happened, that nothing was lost, and what to do: by the error's code.
TEXTS: dict[str, tuple[Promise, Promise]] = {
    "not_allowed": (
        _("You may not do this"),
        _("Your role does not include it. Ask an administrator of the project."),
    ),
    "other_user": (
        _("This was made in another person's session"),
        _("It was not applied. Load the page again to go on under your own name."),
    ),
    "blind_skip": (
        _("This note is kept for scoring"),
        _("Only reviewers may skip it: leaving out hard notes would bend the scores."),
    ),
    "span_refused": (
        _("This selection was not saved"),
        _("It does not fit the note. Nothing else changed; select it again."),
    ),
    "unknown_label": (
        _("This label is not in the project"),
        _("It was changed or taken out meanwhile. Load the page again."),
    ),
    "stale_revision": (
        _("This note changed meanwhile"),
        _("Nothing was lost. Look at the newer state, then repeat your last step."),
    ),
    "target_gone": (
        _("This mark is not there any more"),
        _("It was decided elsewhere or the model changed its mind. Look again."),
    ),
    "gesture_refused": (
        _("This cannot be done with this mark"),
        _("Nothing was changed. Load the page again if it looks wrong."),
    ),
    "wrong_state": (
        _("This cannot be done now"),
        _("Nothing was changed. Load the page again to see the present state."),
    ),
    "in_other_hands": (
        _("Somebody else has this note in hand"),
        _(
            "You can read it. It comes back to the queue when they submit it or leave"
            " it for half an hour."
        ),
    ),
    "others_work": (
        _("Others work on this note or did"),
        _("Only reviewers may skip it now: what they did would be put aside with it."),
    ),
    "same_training": (
        _("This very retraining runs or waits already"),
        _(
            "It learns from the same notes in the same way. Submit more notes first, or"
            " choose another recipe or starting point."
        ),
    ),
    "nothing_to_train": (
        _("There is nothing to learn from yet"),
        _("Submit a few annotated notes that are used for training, then try again."),
    ),
    "nothing_to_undo": (
        _("There is nothing left to undo"),
        _("You are back where you started on this note."),
    ),
    "import_refused": (
        _("This file cannot be imported"),
        _("Nothing was imported from it. Mend the file and try again."),
    ),
}
OTHERWISE = (
    _("This did not work"),
    _("Your earlier work is saved. Try again, and tell the administrator if it stays."),
)


def wants_json(request: HttpRequest) -> bool:
    """Tell whether a script asked, which reads JSON and not pages.

    Below the API's address it is always one, known address or not.
    """
    preferred = request.get_preferred_type(["text/html", "application/json"])
    return preferred == "application/json" or request.path_info.startswith("/api/")


def answer_message(
    request: HttpRequest,
    *,
    status: int,
    title: str | Promise,
    text: str | Promise,
) -> HttpResponse:
    """Render a refusal as fragment for htmx, as page otherwise."""
    context = {"status": status, "title": title, "text": text}
    if getattr(request, "htmx", None):
        response = render(request, "annotator/_message.html", context, status=status)
        return reswap(retarget(response, "#alert"), "innerHTML")
    return render(request, "annotator/error_show.html", context, status=status)


def texts_of(error: AnnotatorError) -> tuple[Promise, Promise]:
    """Return what people read of the error: what happened and what to do."""
    return TEXTS.get(error.text or error.code, OTHERWISE)


def answer_error(request: HttpRequest, error: AnnotatorError) -> HttpResponse:
    """Map an error that a service raised on purpose."""
    title, text = texts_of(error)
    if wants_json(request):
        body = {"code": error.code, "message": f"{title}. {text}", **error.details()}
        return JsonResponse(body, status=error.status)
    # The error's own words are English and speak of rows: they are for the log.
    return answer_message(request, status=error.status, title=title, text=text)


def redirect_to_login(request: UserRequest) -> HttpResponse:
    """Send a whole browser to the log-in page and back to the page it showed.

    htmx follows a plain redirect by itself and would swap the log-in page into the
    element that asked.
    """
    page = request.htmx.current_url_abs_path
    query = f"?{urlencode({'next': page})}" if page else ""
    return HttpResponseClientRedirect(f"{resolve_url(settings.LOGIN_URL)}{query}")
