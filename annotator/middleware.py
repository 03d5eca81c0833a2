"""Headers for patient data, the person's language, and errors raised on purpose."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation

from annotator.exceptions import AnnotatorError
from annotator.views._htmx import answer_error

GetResponse = Callable[[HttpRequest], HttpResponse]


class PrivacyMiddleware:
    """Keep answers out of shared and disk caches; let static files be cached."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not request.path.startswith(f"/{settings.STATIC_URL.strip('/')}/"):
            response.headers.setdefault("Cache-Control", "no-store")
        return response


class PersonLanguageMiddleware:
    """Speak the language that the person chose; else what the browser asked for.

    Stands behind LocaleMiddleware, which sets the browser's, and the authentication.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self.known = {code for code, _name in settings.LANGUAGES}

    def __call__(self, request: HttpRequest) -> HttpResponse:
        chosen = getattr(request.user, "interface_language", "")
        if chosen in self.known:
            translation.activate(chosen)
            request.LANGUAGE_CODE = chosen
        response = self.get_response(request)
        response.headers["Content-Language"] = translation.get_language() or "en"
        return response


class RefusalMiddleware:
    """Answer an AnnotatorError that a page's view let through."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(
        self, request: HttpRequest, exception: Exception
    ) -> HttpResponse | None:
        if isinstance(exception, AnnotatorError):
            return answer_error(request, exception)
        return None
