"""What waits in the browser: no network, a crash, a log-out, a restarted server."""

from __future__ import annotations

import json
import os
import signal
import socket
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.contrib.sessions.models import Session
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.test import Client
from django.test.testcases import LiveServerThread, QuietWSGIRequestHandler
from django.urls import reverse
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from annotator.enums import NoteState, Role
from annotator.models import AnnotationSet, Membership, Note, User
from tests.annotator.factories import PASSWORD, make_member, make_user
from tests.browser import find_chromium, log_in
from tests.e2e.review_page import (
    OpenPage,
    marks_of,
    open_note,
    saved,
    spans_of,
    suggest,
)
from tests.served import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]

BOTH = {("cardiópata", "FINDING"), ("Amoxicilina", "MEDICATION")}


@pytest.fixture(autouse=True)
def suggestions(note: Note) -> None:
    suggest(note, "cardiópata", "FINDING")
    suggest(note, "Amoxicilina", "MEDICATION")


def waits(page: Page, n: int, *, state: str = "failed") -> None:
    line = page.locator("#save-state")
    expect(line).to_have_attribute("data-state", state)
    expect(line).to_contain_text(f"Waiting here: {n}")
    # Said to the eyes first; the disk has it a moment later.
    page.wait_for_function(f"""async () => {{
      const rows = await new Promise((resolve) => {{
        indexedDB.open("glosa-outbox").onsuccess = ({{target}}) => {{
          const store = target.result.transaction("gestures").objectStore("gestures");
          store.getAll().onsuccess = (event) => resolve(event.target.result);
        }};
      }});
      return rows.length === {n};
    }}""")


def stored(page: Page) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = page.evaluate(
        """() => new Promise((resolve) => {
          indexedDB.open("glosa-outbox").onsuccess = ({target}) => {
            const store = target.result.transaction("gestures").objectStore("gestures");
            store.getAll().onsuccess = (event) => resolve(event.target.result);
          };
        })"""
    )
    return rows


def painted(page: Page) -> set[tuple[str, str]]:
    script = """() => [...CSS.highlights].flatMap(([name, ranges]) =>
        [...ranges].map((range) => [range.toString(), name]))"""
    return {(words, name) for words, name in page.evaluate(script)}


def cut_off(page: Page) -> None:
    """No gesture and no question about the session gets through; pages still load."""
    for path in ("**/gestures/", "**/session/", "**/presence/"):
        page.route(path, lambda route: route.abort())


def test_without_network_gestures_wait_are_painted_and_follow_in_order(
    open_page: OpenPage, context: BrowserContext, annotator: User, note: Note
) -> None:
    page = open_note(open_page, annotator, note, ignore_errors=True)
    context.set_offline(True)
    page.keyboard.press("a")
    page.keyboard.press("x")  # Amoxicilina
    start = note.text.index("500 mg")
    select_words(page, start, start + 6)
    page.keyboard.press("2")
    waits(page, 3)
    assert painted(page) == {
        ("cardiópata", "pending-5"),
        ("Amoxicilina", "pending-gone"),
        ("500 mg", "pending-2"),
    }
    expect(page.locator("#save-spoken")).to_contain_text("No connection.")
    page.keyboard.press("z")
    waits(page, 4)
    assert painted(page) == {
        ("cardiópata", "pending-5"),
        ("Amoxicilina", "pending-gone"),
    }
    page.keyboard.press("Shift+Z")
    waits(page, 5)
    context.set_offline(False)
    saved(page)
    assert painted(page) == set()
    assert spans_of(note) == {("cardiópata", "FINDING"), ("500 mg", "DOSAGE")}
    actions = AnnotationSet.objects.get(note=note).events.order_by("revision")
    assert list(actions.values_list("action", flat=True)) == [
        "accept",
        "reject",
        "create",
        "undo",
        "redo",
    ]
    assert stored(page) == []


def test_outbox_holds_neither_words_nor_token(
    open_page: OpenPage, context: BrowserContext, annotator: User, note: Note
) -> None:
    page = open_note(open_page, annotator, note, ignore_errors=True)
    context.set_offline(True)
    start = note.text.index("500 mg")
    select_words(page, start, start + 6)
    page.keyboard.press("2")
    waits(page, 1)
    (row,) = stored(page)
    kept = json.dumps(row)
    token = page.locator('meta[name="csrf-token"]').get_attribute("content")
    assert token is not None
    assert "500" not in row["gesture"]["surface_hash"]
    assert "500 mg" not in kept
    assert token not in kept
    assert (row["user"], row["note"]) == (annotator.pk, note.pk)
    assert (row["gesture"]["start_char"], row["gesture"]["end_char"]) == (
        start,
        start + 6,
    )


def test_what_waits_survives_a_reload(
    open_page: OpenPage, annotator: User, note: Note
) -> None:
    page = open_note(open_page, annotator, note, ignore_errors=True)
    cut_off(page)
    page.keyboard.press("a")
    start = note.text.index("500 mg")
    select_words(page, start, start + 6)
    page.keyboard.press("2")
    waits(page, 2)
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    waits(page, 2)
    assert painted(page) == {("cardiópata", "pending-5"), ("500 mg", "pending-2")}
    page.unroute_all()
    page.locator("#save-state").click()
    saved(page)
    assert spans_of(note) == {("cardiópata", "FINDING"), ("500 mg", "DOSAGE")}
    assert marks_of(page) == spans_of(note)


def test_what_waits_survives_a_crash_of_the_browser(
    browser: Browser,
    collected_static: None,
    live_server: LiveServer,
    annotator: User,
    note: Note,
    tmp_path: Path,
) -> None:
    def start() -> BrowserContext:
        opened = browser.browser_type.launch_persistent_context(
            tmp_path / "profile",
            executable_path=find_chromium(),
            args=["--no-sandbox", "--disable-gpu"],
        )
        client = Client()
        client.force_login(annotator)
        log_in(opened, live_server.url, client.cookies["sessionid"].value)
        return opened

    address = live_server.url + reverse("note_review", args=[note.pk])
    before = start()
    page = before.new_page()
    page.goto(address)
    expect(page.locator("#review")).to_have_attribute("data-ready", "true")
    cut_off(page)
    page.keyboard.press("a")
    page.keyboard.press("a")
    waits(page, 2)
    profile = str(tmp_path / "profile")
    for process in psutil.process_iter(["cmdline"]):
        if any(profile in part for part in process.info["cmdline"] or ()):
            os.kill(process.pid, signal.SIGKILL)
    assert spans_of(note) == set()
    # A lock that names the process that was killed.
    (tmp_path / "profile" / "SingletonLock").unlink(missing_ok=True)
    after = start()
    page = after.new_page()
    page.goto(address)
    expect(page.locator(".is-annotation.is-first")).to_have_count(2, timeout=30_000)
    saved(page)
    assert spans_of(note) == BOTH
    after.close()


def test_expired_session_is_renewed_in_place_and_what_waited_is_saved(
    open_page: OpenPage, annotator: User, note: Note
) -> None:
    page = open_note(open_page, annotator, note, ignore_errors=True)
    Session.objects.all().delete()
    page.keyboard.press("a")
    dialog = page.locator("#login-again")
    expect(dialog).to_be_visible()
    waits(page, 1, state="logged-out")
    expect(page.get_by_label("Password")).to_be_focused()
    assert dialog.get_by_label("User name").input_value() == "marta"
    page.keyboard.type("wrong")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("alert")).to_contain_text("do not fit together")
    assert spans_of(note) == set()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    saved(page)
    assert spans_of(note) == {("cardiópata", "FINDING")}
    # The page's forms know the new token: deciding the rest and submitting works.
    page.keyboard.press("a")
    page.keyboard.press("Enter")
    page.wait_for_url("**/p/alta/**")
    note.refresh_from_db()
    assert note.state == NoteState.SUBMITTED


def test_another_person_in_the_browser_gets_nothing_of_what_was_made(
    open_page: OpenPage,
    context: BrowserContext,
    live_server: LiveServer,
    annotator: User,
    note: Note,
) -> None:
    other = make_member(note.project, Role.REVIEWER)
    page = open_note(open_page, annotator, note, ignore_errors=True)
    mine = context.cookies()
    client = Client()
    client.force_login(other)
    log_in(context, live_server.url, client.cookies["sessionid"].value)
    page.keyboard.press("a")
    box = page.locator("#stranded")
    expect(box).to_contain_text("made in another person's session")
    expect(box).to_contain_text("Accept: «cardiópata»")
    expect(page.locator("#save-state")).to_have_text("Not applied, kept here")
    box.get_by_role("button", name="Load the page again").click()
    expect(page.locator("#review")).to_have_attribute("data-user", str(other.pk))
    expect(page.locator("#review")).to_have_attribute("data-ready", "true")
    expect(page.locator("#outbox-strip")).to_be_hidden()
    assert spans_of(note) == set()
    # It waited for its maker.
    context.add_cookies(mine)
    page.goto(live_server.url + reverse("home"))
    expect(page.locator("#outbox-strip")).to_be_visible()
    page.locator("#outbox-strip a").click()
    expect(page.locator(".is-annotation.is-first")).to_have_count(1)
    saved(page)
    assert spans_of(note) == {("cardiópata", "FINDING")}
    layer = AnnotationSet.objects.get(note=note)
    assert layer.annotator == annotator


def test_logging_out_with_gestures_waiting_warns_first(
    open_page: OpenPage, annotator: User, note: Note
) -> None:
    page = open_note(open_page, annotator, note, ignore_errors=True)
    cut_off(page)
    page.keyboard.press("a")
    waits(page, 1)
    page.on("dialog", lambda dialog: dialog.accept())
    ask = page.locator("#logout-ask")
    page.locator(".menu summary").click()
    page.get_by_role("button", name="Log out", exact=True).click()
    expect(ask).to_be_visible()
    expect(ask).to_contain_text("have not reached the server: 1")
    ask.get_by_role("button", name="Stay until it is saved").click()
    expect(ask).to_be_hidden()
    page.locator(".menu summary").click()
    page.get_by_role("button", name="Log out", exact=True).click()
    ask.get_by_role("button", name="Log out anyway").click()
    page.wait_for_url("**/login/")
    page.unroute_all()
    page.get_by_label("User name").fill("marta")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    strip = page.locator("#outbox-strip")
    expect(strip).to_contain_text("still in this browser")
    strip.get_by_role("link").click()
    expect(page.locator(".is-annotation.is-first")).to_have_count(1)
    saved(page)
    assert spans_of(note) == {("cardiópata", "FINDING")}


def test_logging_out_can_wait_until_all_is_saved(
    open_page: OpenPage, annotator: User, note: Note
) -> None:
    page = open_note(open_page, annotator, note, ignore_errors=True)
    cut_off(page)
    page.keyboard.press("a")
    waits(page, 1)
    page.locator(".menu summary").click()
    page.get_by_role("button", name="Log out", exact=True).click()
    page.unroute_all()
    page.evaluate("window.dispatchEvent(new Event('online'))")
    ask = page.locator("#logout-ask")
    expect(ask).to_contain_text("Everything is saved now.")
    ask.get_by_role("button", name="Log out").click()
    page.wait_for_url("**/login/")
    assert spans_of(note) == {("cardiópata", "FINDING")}


def test_submitting_without_network_waits_says_so_and_goes_on(
    open_page: OpenPage, annotator: User, note: Note
) -> None:
    page = open_note(open_page, annotator, note, ignore_errors=True)
    page.keyboard.press("a")
    saved(page)
    cut_off(page)
    page.keyboard.press("a")
    waits(page, 1)
    page.keyboard.press("Enter")
    expect(page.locator("#alert")).to_contain_text("Submitting waits")
    note.refresh_from_db()
    assert note.state == NoteState.IN_PROGRESS
    page.unroute_all()
    page.locator("#save-state").click()
    # The count of undecided is that of the last answer: nothing is asked.
    page.wait_for_url("**/p/alta/**")
    note.refresh_from_db()
    assert note.state == NoteState.SUBMITTED
    assert spans_of(note) == BOTH


def test_tab_that_is_closed_leaves_its_gestures_to_the_other(
    open_page: OpenPage, annotator: User, note: Note
) -> None:
    first = open_note(open_page, annotator, note, ignore_errors=True)
    second = open_note(open_page, annotator, note, ignore_errors=True)
    cut_off(first)
    first.keyboard.press("a")
    waits(first, 1)
    first.close(run_before_unload=False)
    expect(second.locator(".is-annotation.is-first")).to_have_count(1)
    saved(second)
    assert spans_of(note) == {("cardiópata", "FINDING")}
    assert AnnotationSet.objects.get(note=note).events.count() == 1


def test_restarted_server_gets_what_was_made_meanwhile(
    browser: Browser, collected_static: None, annotator: User, note: Note
) -> None:
    port = free_port()
    server, address = start_server(port), f"http://127.0.0.1:{port}"
    context = browser.new_context()
    client = Client()
    client.force_login(annotator)
    log_in(context, address, client.cookies["sessionid"].value)
    page = context.new_page()
    page.goto(address + reverse("note_review", args=[note.pk]))
    expect(page.locator("#review")).to_have_attribute("data-ready", "true")
    server.terminate()
    close_connections(port)
    page.keyboard.press("a")
    page.keyboard.press("a")
    waits(page, 2)
    server = start_server(port)
    saved(page)
    assert spans_of(note) == BOTH
    context.close()
    server.terminate()


def test_people_on_one_note_see_each_others_names(
    open_page: OpenPage, annotator: User, note: Note
) -> None:
    colleague = make_user("bea", first_name="Bea", last_name="Ríos")
    Membership.objects.create(project=note.project, user=colleague, role=Role.ANNOTATOR)
    note.project.overlap = 2
    note.project.save(update_fields=["overlap"])
    page = open_note(open_page, annotator, note, viewport={"width": 900, "height": 700})
    page.wait_for_timeout(700)  # its first sign of life
    other = open_note(open_page, colleague, note)
    expect(other.locator("#presence")).to_have_text("Also on this note: marta")
    # Each works on their own layer: nothing of the one stands against the other.
    page.keyboard.press("a")
    other.keyboard.press("x")
    saved(page)
    saved(other)
    expect(other.locator("#conflict")).to_be_hidden()
    mine = AnnotationSet.objects.get(note=note, annotator=annotator)
    theirs = AnnotationSet.objects.get(note=note, annotator=colleague)
    assert (mine.spans.count(), theirs.spans.count()) == (1, 0)


class RestartableServer(LiveServerThread):
    """Takes its port again at once, as gunicorn does."""

    def _create_server(self, connections_override: Any = None) -> Any:
        return self.server_class(
            (self.host, self.port),
            QuietWSGIRequestHandler,
            allow_reuse_address=True,
            connections_override=connections_override,
        )


def start_server(port: int) -> RestartableServer:
    server = RestartableServer(
        "127.0.0.1", static_handler=StaticFilesHandler, port=port
    )
    server.daemon = True
    server.start()
    server.is_ready.wait()
    assert server.error is None
    return server


def close_connections(port: int) -> None:
    """Cut what a stopped server's threads still serve, as the end of a process does."""
    for connection in psutil.Process().net_connections("tcp"):
        if connection.laddr.port == port and connection.status == "ESTABLISHED":
            with socket.socket(fileno=os.dup(connection.fd)) as served:
                served.shutdown(socket.SHUT_RDWR)


def select_words(page: Page, start: int, end: int) -> None:
    page.evaluate(
        """async ([start, end]) => {
          const script = document.querySelector('script[src*="review"]');
          const { rangeOf } = await import(script.src.replace("review", "offsets"));
          getSelection().removeAllRanges();
          const root = document.getElementById("note-text");
          getSelection().addRange(rangeOf(root, start, end));
        }""",
        [start, end],
    )
