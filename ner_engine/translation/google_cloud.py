"""Translation by Google Cloud Translate, version 3. The text leaves this machine.

Needs the package google-cloud-translate, a project with the API enabled and the
credentials that Google's libraries find by themselves. Marks travel in its HTML mode.
Errors name the status and never repeat what the service said: that may quote a note.
"""

from __future__ import annotations

import importlib
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from ner_engine.errors import BadInput
from ner_engine.translation.backends import (
    TextRefused,
    Traits,
    TranslatorMissing,
    TranslatorRefused,
    TranslatorUnavailable,
    fingerprint,
    read_options,
)

PACKAGE = "google-cloud-translate"
# The API takes 1,024 texts and advises less than 30,000 code points in all, 5,000 for
# a quick answer: https://cloud.google.com/translate/quotas
MOST_TEXTS = 1024
BATCH_CHARS = 5_000
MAX_CHARS = 5_000
# List price of the default model, USD a million characters, the month's first 500,000
# not deducted: https://cloud.google.com/translate/pricing (seen in 2026)
PRICE_PER_MILLION = 20.0
_LONGEST_WAIT_SECONDS = 60.0
_BUSY = frozenset({408, 429, 500, 502, 503, 504})
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class GoogleOptions:
    """Settings of the service and of how patiently it is asked.

    Parameters
    ----------
    project : str
        Else ``GOOGLE_CLOUD_PROJECT``.
    location : str
        Else ``GOOGLE_CLOUD_LOCATION``, else ``global``. Glossaries and models of one's
        own need the region they lie in.
    model : str
        Such as ``general/nmt``; empty: the service's default.
    glossary : str
        Id of a glossary resource in the project (not the file of `--glossary`).
    endpoint : str
        Another host, such as ``translate-eu.googleapis.com``; ``http://`` only for
        this machine, then without credentials.
    transport : {"grpc", "rest"}
    attempts : int
        Tries of a request that the service was too busy for.
    first_wait_seconds, timeout_seconds : float
        Wait before the second try (doubled each time, at most a minute), and for an
        answer.
    batch_chars : int
        Most code points of a request.
    price : float
        USD a million characters, for estimates.
    """

    project: str = ""
    location: str = ""
    model: str = ""
    glossary: str = ""
    endpoint: str = ""
    transport: str = "grpc"
    attempts: int = 6
    first_wait_seconds: float = 1.0
    timeout_seconds: float = 60.0
    batch_chars: int = BATCH_CHARS
    price: float = PRICE_PER_MILLION


class GoogleTranslator:
    """A client of Google Cloud Translate.

    Raises
    ------
    BadInput
        Without a project, or for a setting that cannot be.
    """

    def __init__(self, source: str, target: str, options: GoogleOptions) -> None:
        self.project = options.project or os.environ.get("GOOGLE_CLOUD_PROJECT", "")
        if not self.project:
            raise BadInput(
                "backend google: name the project by the option project or by"
                " GOOGLE_CLOUD_PROJECT"
            )
        self.location = (
            options.location or os.environ.get("GOOGLE_CLOUD_LOCATION", "") or "global"
        )
        if options.glossary and self.location == "global":
            raise BadInput("backend google: a glossary needs the option location")
        if options.attempts < 1 or options.batch_chars < 1:
            raise BadInput("backend google: attempts and batch_chars are 1 or more")
        _check_endpoint(options)
        self.counts: Counter[str] = Counter()
        self._options = options
        self._has_answered = False
        self.traits = Traits(
            name="google",
            version=fingerprint("v3", self.location, options.model, options.glossary),
            source=source,
            target=target,
            takes_html=True,
            unit="paragraph",
            max_chars=min(MAX_CHARS, options.batch_chars),
            batch_texts=MOST_TEXTS,
            batch_chars=options.batch_chars,
            price_per_million=options.price,
            leaves_host=True,
            shield="element",
        )

    @classmethod
    def from_options(
        cls, *, source: str, target: str, options: Mapping[str, str]
    ) -> GoogleTranslator:
        """Make it with settings as a user writes them."""
        settings = read_options(GoogleOptions, options, backend="google")
        return cls(source, target, settings)

    def translate(self, texts: Sequence[str]) -> list[str]:
        """Translate one batch by one request, asked again while the service is busy.

        Raises
        ------
        TranslatorMissing
            Without the package.
        TranslatorRefused
            When credentials, permission, settings or a spent quota are in the way.
        TranslatorUnavailable
            When it stayed busy or silent.
        TextRefused
            When it refuses these texts.
        """
        request: dict[str, Any] = {
            "parent": self._parent,
            "contents": list(texts),
            "mime_type": "text/html",
            "source_language_code": self.traits.source,
            "target_language_code": self.traits.target,
        }
        if self._options.model:
            request["model"] = f"{self._parent}/models/{self._options.model}"
        if self._options.glossary:
            name = f"{self._parent}/glossaries/{self._options.glossary}"
            request["glossary_config"] = {"glossary": name}
        response = self._ask(request)
        translations = (
            response.glossary_translations
            if self._options.glossary
            else response.translations
        )
        if len(translations) != len(texts):
            raise TranslatorUnavailable(
                f"google gave back {len(translations)} texts for {len(texts)};"
                " what came before is kept: run again"
            )
        self._has_answered = True
        return [translation.translated_text for translation in translations]

    @property
    def _parent(self) -> str:
        return f"projects/{self.project}/locations/{self.location}"

    @cached_property
    def _client(self) -> Any:
        try:
            translate = importlib.import_module("google.cloud.translate_v3")
            options = importlib.import_module("google.api_core.client_options")
            auth = importlib.import_module("google.auth.exceptions")
        except ImportError as error:
            raise TranslatorMissing(
                f"the backend google needs a package: pip install {PACKAGE}"
            ) from error
        endpoint = self._options.endpoint
        if endpoint.startswith("http://"):
            return _local_client(endpoint, self._options.transport)
        try:
            return translate.TranslationServiceClient(
                transport=self._options.transport,
                client_options=options.ClientOptions(
                    api_endpoint=endpoint.removeprefix("https://") or None,
                    quota_project_id=self.project,
                ),
            )
        except auth.DefaultCredentialsError:
            raise TranslatorRefused(
                "google: no credentials; run `gcloud auth application-default login` or"
                " name a key file by GOOGLE_APPLICATION_CREDENTIALS"
            ) from None

    def _ask(self, request: dict[str, Any]) -> Any:
        wait = self._options.first_wait_seconds
        client = self._client
        for attempt in range(1, self._options.attempts + 1):
            self.counts["requests"] += 1
            answer, status = _call(
                lambda: client.translate_text(
                    request=request, retry=None, timeout=self._options.timeout_seconds
                )
            )
            if status is None:
                return answer
            if status not in _BUSY:
                self._refuse(status, request)
            if attempt < self._options.attempts:
                self.counts["retries"] += 1
                # Jitter parts the clients that one outage has lined up.
                time.sleep(wait * random.uniform(0.5, 1.0))  # noqa: S311
                wait = min(2 * wait, _LONGEST_WAIT_SECONDS)
        reason = "the quota is spent" if status == 429 else "the service is not there"
        raise TranslatorUnavailable(
            f"google: {reason} (status {status} after {self._options.attempts} tries);"
            " what was translated is kept: run again later"
        )

    def _refuse(self, status: int, request: dict[str, Any]) -> None:
        """Raise what a status that waiting does not mend means."""
        if status == 400 and (self._has_answered or self._answers_a_probe(request)):
            raise TextRefused("google refused the text (status 400)")
        reasons = {
            400: "direction, model, glossary or location is not one it knows",
            401: "the credentials are not valid",
            403: "no permission, the API is not enabled, or the day's quota is spent",
            404: "project, location, model or glossary does not exist",
        }
        reason = reasons.get(status, "the request was refused")
        raise TranslatorRefused(f"google: {reason} (status {status})")

    def _answers_a_probe(self, request: dict[str, Any]) -> bool:
        """Tell whether the settings are good: one letter with them is translated."""
        self.counts["requests"] += 1
        probe = {**request, "contents": ["a"]}
        _, status = _call(
            lambda: self._client.translate_text(
                request=probe, retry=None, timeout=self._options.timeout_seconds
            )
        )
        self._has_answered = status is None
        return self._has_answered


def _call(ask: Callable[[], Any]) -> tuple[Any, int | None]:
    """Return an answer, or the HTTP status that stands for the failure.

    A connection that failed or an answer that did not come counts as 503.
    """
    exceptions = importlib.import_module("google.api_core.exceptions")
    auth = importlib.import_module("google.auth.exceptions")
    requests = importlib.import_module("requests.exceptions")
    try:
        return ask(), None
    except exceptions.GoogleAPICallError as error:
        status = int(error.code or 503)
        # By the minute: waiting helps. By the day it does not, and both are a 403.
        if status == 403 and "rate limit" in str(error.message).lower():
            status = 429
        return None, status
    except (auth.RefreshError, auth.DefaultCredentialsError):
        return None, 401
    except (auth.TransportError, requests.RequestException):
        return None, 503


def _check_endpoint(options: GoogleOptions) -> None:
    if options.transport not in ("grpc", "rest"):
        raise BadInput("backend google: transport is grpc or rest")
    is_open = options.endpoint.startswith("http://")
    if is_open and urlsplit(options.endpoint).hostname not in _LOOPBACK:
        raise BadInput("backend google: http:// is for this machine only")


def _local_client(endpoint: str, kind: str) -> Any:
    """Return a client of a server on this machine, without credentials."""
    translate = importlib.import_module("google.cloud.translate_v3")
    transports = importlib.import_module(
        "google.cloud.translate_v3.services.translation_service.transports"
    )
    host = urlsplit(endpoint).netloc
    if kind == "grpc":
        grpc = importlib.import_module("grpc")
        transport = transports.TranslationServiceGrpcTransport(
            channel=grpc.insecure_channel(host)
        )
        return translate.TranslationServiceClient(transport=transport)
    credentials = importlib.import_module("google.auth.credentials")
    transport = transports.TranslationServiceRestTransport(
        host=host, credentials=credentials.AnonymousCredentials(), url_scheme="http"
    )
    return translate.TranslationServiceClient(transport=transport)
