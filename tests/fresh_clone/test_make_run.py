"""``make run`` in a fresh clone in an empty directory, looked at in a real browser."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser import open_browser
from tests.served import free_port, serve

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.timeout(1500)
def test_a_newcomer_sees_marked_notes_after_make_run(tmp_path):
    clone = tmp_path / "glosa"
    subprocess.run(
        ["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(clone)], check=True
    )
    arguments = {
        "command": ["make", "run"],
        "cwd": clone,
        "data_dir": clone / "var",
        "timeout_seconds": 1200.0,
    }
    with serve(port=free_port(), **arguments) as served, open_browser() as browser:
        page = browser.new_page()
        page.set_default_timeout(20_000)
        page.goto(served.address)
        page.locator("[name=username]").fill("admin")
        page.locator("[name=password]").fill(served.logins["admin"])
        page.get_by_role("button", name="Log in").click()
        for project in ("notas-clinicas", "notes-cliniques", "consultations"):
            expect_marked_note(page, f"{served.address}/p/{project}/")

    with serve(port=free_port(), **arguments) as again:
        print(f"second start: first page after {again.first_page_seconds:.1f} s")


def expect_marked_note(page, address: str) -> None:
    """Wait until the workers have read the notes, then see marks in one."""
    link = page.get_by_role("link", name=re.compile("annotating"))
    for _ in range(120):
        page.goto(address)
        link.first.click()
        page.locator("#note-text").wait_for()
        if page.locator("#note-text mark").count() >= 3:
            break
        page.wait_for_timeout(1000)
    expect(page.locator("#note-text mark").nth(2)).to_be_visible()
