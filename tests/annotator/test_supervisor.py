"""The supervisor with its real processes: started, revived, stopped, killed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import urllib.request
from pathlib import Path

import psutil
import pytest

from annotator import supervisor
from tests.annotator.stage import wait_for

ROOT = Path(__file__).resolve().parent.parent.parent
PROCESSES = {"web", "quick", "train", "ticker"}


class Installation:
    """A data folder and a port, and the supervisor that was started on them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.environment = {
            **os.environ,
            "ANNOTATOR_DATA_DIR": str(folder / "data"),
            # no bundle: nothing here needs a model
            "ANNOTATOR_SHIPPED_BUNDLES": str(folder / "none"),
            "PORT": str(self.port),
            "DATABASE_URL": "",
            "CELERY_BROKER_URL": "",
        }
        (folder / "none").mkdir()
        self.environment.pop("SECRET_KEY", None)
        self.log = folder / "supervisor.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, **changes: str) -> subprocess.Popen[bytes]:
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "annotator.supervisor"],
                cwd=ROOT,
                env=self.environment | changes,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self.process

    def wait_until_ready(self) -> None:
        wait_for(lambda: "Ctrl-C stops" in self.said())
        wait_for(lambda: set(self.children()) == PROCESSES)

    def said(self) -> str:
        return self.log.read_text()

    def children(self) -> dict[str, psutil.Process]:
        """Return the four processes by name."""
        assert self.process is not None
        found = {}
        for child in psutil.Process(self.process.pid).children():
            try:
                line = " ".join(child.cmdline())
            except psutil.NoSuchProcess:  # it died just now
                continue
            words = {
                "web": "gunicorn",
                "quick": "--queues quick",
                "train": "--queues train",
                "ticker": "run_ticker",
            }
            found |= {name: child for name, word in words.items() if word in line}
        return found

    def everything(self) -> list[psutil.Process]:
        assert self.process is not None
        return psutil.Process(self.process.pid).children(recursive=True)

    def health(self) -> dict[str, object]:
        url = f"http://127.0.0.1:{self.port}/healthz"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.loads(answer.read())


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Start once, so that the folder is prepared, and stop."""
    installation = Installation(tmp_path_factory.mktemp("installation"))
    first = installation.start()
    installation.wait_until_ready()
    installation.first_said = installation.said()
    everything = installation.everything()
    first.terminate()
    assert first.wait(timeout=30) == 0
    installation.last_said = installation.said()
    installation.left_behind = [p for p in everything if p.is_running()]
    return installation


@pytest.fixture
def running(installed):
    installed.start()
    installed.wait_until_ready()
    yield installed
    if installed.process.poll() is None:
        installed.process.terminate()
        installed.process.wait(timeout=30)


pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def test_the_first_start_prepares_and_prints_the_log_ins(installed):
    said = installed.first_said
    assert "demo: loaded" in said
    assert f"http://localhost:{installed.port}/" in said
    logins = installed.folder / "data" / "demo_logins.json"
    assert logins.stat().st_mode & 0o777 == 0o600
    for name, password in json.loads(logins.read_text()).items():
        assert f"{name:<10} {password}" in said
    assert (installed.folder / "data").stat().st_mode & 0o777 == 0o700


def test_an_ordered_stop_leaves_no_process(installed):
    assert installed.left_behind == []
    assert "Glosa has stopped (SIGTERM)." in installed.last_said


def test_a_second_start_prepares_nothing_and_is_healthy(running):
    assert "Preparing" not in running.said()

    def alive() -> set[str]:
        workers = running.health()["workers"]
        return {name for name, each in workers.items() if each["alive"]}

    wait_for(lambda: alive() == {"quick", "train", "ticker"})
    assert running.health()["status"] == "ok"


def test_a_child_that_dies_is_started_again(running):
    before = running.children()
    before["ticker"].kill()
    before["quick"].kill()

    def revived() -> bool:
        after = running.children()
        return set(after) == PROCESSES and all(
            after[name].pid != before[name].pid for name in ("ticker", "quick")
        )

    wait_for(revived)
    assert "ticker ended with status -9" in running.said()
    assert running.children()["web"].pid == before["web"].pid


def test_a_supervisor_that_is_killed_takes_everything_with_it(running):
    everything = running.everything()
    assert len(everything) >= len(PROCESSES)
    running.process.send_signal(signal.SIGKILL)
    running.process.wait()
    _, alive = psutil.wait_procs(everything, timeout=15)
    assert alive == []


def test_two_on_one_folder_are_refused(running):
    again = subprocess.run(
        [sys.executable, "-m", "annotator.supervisor"],
        cwd=ROOT,
        env=running.environment | {"PORT": str(free_port())},
        capture_output=True,
        text=True,
    )
    assert again.returncode == 1
    assert "runs already" in again.stdout
    assert set(running.children()) == PROCESSES


def test_a_port_that_is_taken_is_told_in_a_line(installed, tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        refused = subprocess.run(
            [sys.executable, "-m", "annotator.supervisor"],
            cwd=ROOT,
            env=installed.environment
            | {"PORT": port, "ANNOTATOR_DATA_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
        )
    assert refused.returncode == 1
    assert refused.stdout == (
        f"127.0.0.1:{port} is taken; choose another with PORT=8001 make run.\n"
    )


def test_the_fingerprint_follows_database_and_environment(tmp_path, monkeypatch):
    monkeypatch.delenv("DATABASE_URL", raising=False)
    empty = supervisor.fingerprint(tmp_path)
    assert supervisor.fingerprint(tmp_path) == empty
    database = tmp_path / "glosa.sqlite3"
    database.touch()
    made = supervisor.fingerprint(tmp_path)
    assert made != empty
    monkeypatch.setenv("DATABASE_URL", "postgres://host/db")
    assert supervisor.fingerprint(tmp_path) not in (made, empty)


def test_without_the_demo_nobody_can_log_in_yet_and_it_is_said_how(tmp_path):
    installation = Installation(tmp_path)
    installation.start(ANNOTATOR_DEMO="0")
    try:
        installation.wait_until_ready()
        said = installation.said()
        data = tmp_path / "data"
        with contextlib.closing(sqlite3.connect(data / "glosa.sqlite3")) as database:
            people = database.execute("SELECT username FROM annotator_user").fetchall()
    finally:
        installation.process.terminate()
        installation.process.wait(timeout=30)
    assert people == []
    assert not (data / "demo_logins.json").exists()
    assert "without the demo" in said
    assert "manage.py create_admin" in said


def test_a_misspelt_wish_for_the_demo_stops_the_start(tmp_path):
    installation = Installation(tmp_path)
    assert installation.start(ANNOTATOR_DEMO="of").wait(timeout=60) == 1
    assert installation.said() == "ANNOTATOR_DEMO: not a boolean: 'of'\n"


def test_the_demo_is_loaded_once_it_is_wanted(tmp_path, monkeypatch):
    monkeypatch.setenv("ANNOTATOR_DEMO", "0")
    without = supervisor.fingerprint(tmp_path)
    monkeypatch.delenv("ANNOTATOR_DEMO")
    assert supervisor.fingerprint(tmp_path) != without


def test_an_older_database_that_was_put_back_is_prepared_again(tmp_path, monkeypatch):
    monkeypatch.delenv("DATABASE_URL", raising=False)
    with contextlib.closing(sqlite3.connect(tmp_path / "glosa.sqlite3")) as database:
        database.execute("CREATE TABLE django_migrations (app, name)")
        database.execute("INSERT INTO django_migrations VALUES ('annotator', '0001')")
        database.commit()
        old = supervisor.fingerprint(tmp_path)
        database.execute("INSERT INTO django_migrations VALUES ('annotator', '0002')")
        database.commit()
        new = supervisor.fingerprint(tmp_path)
        assert new != old
        database.execute("DELETE FROM django_migrations WHERE name = '0002'")
        database.commit()
        assert supervisor.fingerprint(tmp_path) == old


def test_pauses_grow_up_to_a_bound():
    child = supervisor.Child("x", ["true"], None)
    child._started_at = float("inf")  # it has only just started
    pauses = [child.plan_restart() for _ in range(8)]
    assert pauses == [1, 2, 4, 8, 16, 30, 30, 30]
    child._started_at = float("-inf")  # it had run for long
    assert child.plan_restart() == 1


def test_the_supervisor_imports_neither_django_nor_celery():
    code = (
        "import sys, annotator.supervisor;"
        "print([n for n in ('django', 'celery', 'torch') if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.parametrize(
    ("environment", "is_terminal", "opens"),
    [
        ({"DISPLAY": ":0"}, True, True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, True, True),
        ({"DISPLAY": ":0"}, False, False),
        ({"DISPLAY": ":0", "OPEN_BROWSER": "0"}, True, False),
        ({"DISPLAY": ":0", "SSH_CONNECTION": "10.0.0.7 4 10.0.0.8 22"}, True, False),
    ],
)
def test_a_browser_opens_where_a_person_sits(environment, is_terminal, opens):
    assert supervisor.wants_browser(environment, is_terminal=is_terminal) is opens


@pytest.mark.skipif(sys.platform == "darwin", reason="a Mac needs no DISPLAY")
def test_no_browser_opens_without_a_screen():
    assert not supervisor.wants_browser({}, is_terminal=True)


def test_the_browser_of_the_person_gets_the_address(tmp_path, monkeypatch):
    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    browser.chmod(0o755)
    monkeypatch.setenv("BROWSER", f"{browser} %s")
    supervisor.open_browser("http://localhost:8000/")
    wait_for(lambda: opened.is_file() and opened.read_text())
    assert opened.read_text() == "http://localhost:8000/\n"
