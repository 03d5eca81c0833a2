"""One browser for the session, one fresh context a test, log-in by session cookie."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, expect

from annotator.enums import NoteState, Role
from annotator.models import Note, User
from tests.annotator.factories import make_note, make_project, make_user
from tests.browser import find_chromium, log_in, open_browser, watch_errors
from tests.e2e.review_page import TEXT

# Playwright's own loop runs in this thread, and Django refuses queries beside a loop.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

# Generous: the suite also runs on machines that have other work to do.
TIMEOUT_MS = 30_000
expect.set_options(timeout=TIMEOUT_MS)

OpenPage = Callable[..., Page]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "e2e" in item.path.parts:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if find_chromium() is None:
        if os.environ.get("GLOSA_REQUIRE_SERVICES") == "1":
            pytest.fail("no Chromium: install it or set GLOSA_CHROMIUM")
        pytest.skip("no Chromium: install it or set GLOSA_CHROMIUM")
    with open_browser() as opened:
        yield opened


@pytest.fixture(scope="session")
def collected_static() -> None:
    """Put the static files where the live server looks for them."""
    call_command("collectstatic", interactive=False, verbosity=0)


@pytest.fixture
def context(browser: Browser, collected_static: None) -> Iterator[BrowserContext]:
    opened = browser.new_context(viewport={"width": 1440, "height": 900})
    opened.set_default_timeout(TIMEOUT_MS)
    yield opened
    opened.close()


@pytest.fixture
def open_page(
    browser: Browser, context: BrowserContext, live_server: object
) -> Iterator[OpenPage]:
    """Open a path as a person; at the end no script may have failed.

    Options make a context of their own: another viewport, touch, no script.
    """
    watched: list[list[str]] = []
    contexts: list[BrowserContext] = []

    def open_(
        user: User, path: str, *, ignore_errors: bool = False, **options: Any
    ) -> Page:
        client = Client()
        client.force_login(user)
        place = context
        if options:
            place = browser.new_context(**options)
            place.set_default_timeout(TIMEOUT_MS)
            contexts.append(place)
        log_in(place, str(live_server), client.cookies["sessionid"].value)
        page = place.new_page()
        if not ignore_errors:
            watched.append(watch_errors(page))
        page.goto(f"{live_server}{path}")
        return page

    yield open_
    for opened in contexts:
        opened.close()
    assert [error for errors in watched for error in errors] == []


@pytest.fixture
def annotator() -> User:
    return make_user("marta")


@pytest.fixture
def note(annotator: User) -> Note:
    project = make_project("alta", members={annotator: Role.ANNOTATOR})
    return make_note(project, TEXT, state=NoteState.SUGGESTED)
