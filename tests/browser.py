"""A real browser for tests: finds Chromium and opens pages of the live server."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Sandbox and GPU are not there in containers; the rest keeps the browser off the net.
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def find_chromium() -> str | None:
    """Return the browser to drive: GLOSA_CHROMIUM, else one on the path."""
    if named := os.environ.get("GLOSA_CHROMIUM"):
        return named
    return next((path for name in _NAMES if (path := shutil.which(name))), None)


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Start headless Chromium."""
    executable = find_chromium()
    if executable is None:
        raise RuntimeError(
            "no Chromium: install it or set GLOSA_CHROMIUM to its executable"
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable, args=_ARGUMENTS, headless=True
        )
        try:
            yield browser
        finally:
            browser.close()


def log_in(context: BrowserContext, address: str, session_cookie: str) -> None:
    """Give the browser a session that was made on the server."""
    context.add_cookies(
        [{"name": "sessionid", "value": session_cookie, "url": address}]
    )


def watch_errors(page: Page) -> list[str]:
    """Collect what the page's scripts throw and what the policy blocks."""
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))

    def on_console(message: Any) -> None:
        if message.type == "error":
            errors.append(message.text)

    page.on("console", on_console)
    return errors
