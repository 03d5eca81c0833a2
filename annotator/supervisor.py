"""``python -m annotator.supervisor``: starts all processes and keeps them alive.

Web server, two Celery workers and the ticker. Standard library only, and no Django: it
stays in memory for as long as Glosa runs. Ctrl-C or SIGTERM stops everything; each
child is the leader of a group of its own and dies with the supervisor even when that is
killed, so no process is left behind.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import hashlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parent.parent
GRACE_SECONDS = 8.0
LOOK_SECONDS = 0.1
START_SECONDS = 60.0
# A child that ran for so long had started well: its next end is not a loop.
SETTLED_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 30.0
MAX_LOG_BYTES = 10 * 1024 * 1024
_PR_SET_PDEATHSIG = 1

_WEB = (
    "gunicorn --workers 1 --worker-class gthread --threads 6 --no-control-socket"
    " --graceful-timeout 4 --timeout 120"
)
_WORKER = (
    "celery --app annotator worker --pool solo --loglevel INFO --without-gossip"
    " --without-mingle --without-heartbeat"
)


def main() -> int:
    """Prepare, start, watch, stop. Return the exit status."""
    # What is made from here on may hold notes: nobody else on this machine reads it.
    os.umask(0o077)
    data_dir = Path(os.environ.get("ANNOTATOR_DATA_DIR") or ROOT / "var").resolve()
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    host = os.environ.get("HOST") or "127.0.0.1"
    port = int(os.environ.get("PORT") or 8000)
    try:
        wants_demo(os.environ)
    except ValueError as error:
        say(str(error))
        return 1
    lock = (data_dir / "supervisor.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say(f"Glosa runs already with the data in {data_dir}.")
        return 1
    if not can_listen(host, port):
        say(f"{host}:{port} is taken; choose another with PORT=8001 make run.")
        return 1
    return Supervisor(data_dir, host, port).run()


class Supervisor:
    """Holds the children and the wish to stop."""

    def __init__(self, data_dir: Path, host: str, port: int) -> None:
        self._data_dir = data_dir
        self._host = host
        self._port = port
        self._is_stopping = False
        self._stopped_by = ""
        logs = data_dir / "logs"
        logs.mkdir(mode=0o700, exist_ok=True)
        self._children = [
            Child(name, command, logs / f"{name}.log")
            for name, command in commands(host, port)
        ]

    def run(self) -> int:
        """Run until told to stop."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._stop)
        started_at = time.monotonic()
        try:
            if not self._prepare():
                return 1
            if not self._start(started_at):
                return 0 if self._is_stopping else 1
            while not self._is_stopping:
                self._revive()
                time.sleep(LOOK_SECONDS)
        finally:
            stop_all(self._children)
        say(f"Glosa has stopped ({self._stopped_by}).")
        return 0

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._is_stopping = True
        self._stopped_by = signal.Signals(number).name

    def _prepare(self) -> bool:
        """Run ``manage.py prepare``, unless nothing changed since it last ran.

        Whether a server's database was restored cannot be seen from here, so with one
        it runs at each start.
        """
        stamp = self._data_dir / "prepared"
        wanted = fingerprint(self._data_dir)
        is_ours = not os.environ.get("DATABASE_URL")
        if is_ours and stamp.is_file() and stamp.read_text(encoding="ascii") == wanted:
            return True
        with_demo = wants_demo(os.environ)
        demo = " and the demo" if with_demo else ", without the demo"
        say(f"Preparing the database, the static files{demo} …")
        command = [sys.executable, str(ROOT / "manage.py"), "prepare"]
        command += [] if with_demo else ["--without-demo"]
        child = Child("prepare", command, None)
        child.start()
        try:
            while child.status() is None and not self._is_stopping:
                time.sleep(LOOK_SECONDS)
        finally:
            stop_all([child])
        if self._is_stopping:
            return False
        if child.last_status != 0:
            say(f"Preparing failed with status {child.last_status}.")
            return False
        # The database is made by preparing, so the fingerprint is taken anew.
        stamp.write_text(fingerprint(self._data_dir), encoding="ascii")
        return True

    def _start(self, started_at: float) -> bool:
        """Start the web server, then the others, and wait for the first answer.

        The others wait until the web server answers: they would only slow it down,
        and nothing is queued yet.
        """
        web, *others = self._children
        web.start()
        deadline = time.monotonic() + START_SECONDS
        while not answers(self._host, self._port):
            if self._is_stopping:
                return False
            if web.status() is not None or time.monotonic() >= deadline:
                say(f"The web server did not start; see {web.log}.")
                return False
            time.sleep(0.05)
        seconds = time.monotonic() - started_at
        for child in others:
            child.start()
        self._greet(seconds)
        return True

    def _greet(self, seconds: float) -> None:
        host = "localhost" if self._host == "127.0.0.1" else self._host
        address = f"http://{host}:{self._port}/"
        say(f"Glosa answers at {address} (after {seconds:.1f} s)")
        path = self._data_dir / "demo_logins.json"
        if path.is_file():
            say("Log-ins of the demo:")
            for name, password in json.loads(path.read_text("utf-8")).items():
                say(f"  {name:<10} {password}")
        elif not wants_demo(os.environ):
            command = f"{sys.executable} manage.py create_admin"
            say(f"The first administrator is made by: {command}")
        say(f"Logs are in {self._data_dir / 'logs'}. Ctrl-C stops everything.")
        if wants_browser(os.environ, is_terminal=sys.stdout.isatty()):
            open_browser(address)

    def _revive(self) -> None:
        """Start again what has died, later each time it dies soon after its start."""
        for child in self._children:
            status = child.status()
            if status is None or self._is_stopping:
                continue
            if child.start_at is None:
                pause = child.plan_restart()
                say(
                    f"{child.name} ended with status {status} (see {child.log});"
                    f" starting it again in {pause:.0f} s."
                )
            elif time.monotonic() >= child.start_at:
                child.start()


class Child:
    """A process that the supervisor starts, and starts again."""

    def __init__(self, name: str, command: Sequence[str], log: Path | None) -> None:
        self.name = name
        self.log = log
        self.last_status: int | None = None
        self.start_at: float | None = None
        self._command = list(command)
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._pause_seconds = 0.5

    def start(self) -> None:
        """Start the process in a session of its own, so that Ctrl-C is ours alone."""
        self.sweep()
        self.start_at = None
        self._started_at = time.monotonic()
        environment = {"PYTHONUNBUFFERED": "1", "MALLOC_ARENA_MAX": "2", **os.environ}
        output = None if self.log is None else open_log(self.log)
        # The commands are those of this file.
        self._process = subprocess.Popen(  # noqa: S603
            self._command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT if output is not None else None,
            start_new_session=True,
            # Safe here: this process has one thread.
            preexec_fn=die_with_parent,
        )
        if output is not None:
            os.close(output)

    @property
    def is_running(self) -> bool:
        return self._process is not None and self.status() is None

    def status(self) -> int | None:
        """Return the exit status; None while it runs."""
        if self._process is None:
            return self.last_status
        self.last_status = self._process.poll()
        return self.last_status

    def plan_restart(self) -> float:
        """Set when to start again and return the pause until then, in seconds."""
        if time.monotonic() - self._started_at >= SETTLED_SECONDS:
            self._pause_seconds = 0.5
        self._pause_seconds = min(2 * self._pause_seconds, LONGEST_PAUSE_SECONDS)
        self.start_at = time.monotonic() + self._pause_seconds
        return self._pause_seconds

    def terminate(self) -> None:
        """Ask the process to end."""
        if self._process is not None and self.is_running:
            self._process.terminate()

    def sweep(self) -> None:
        """Kill what is left of the process and of its group, and collect it."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):  # all have ended
            os.killpg(self._process.pid, signal.SIGKILL)
        self.last_status = self._process.wait()


def commands(host: str, port: int) -> Iterator[tuple[str, list[str]]]:
    """Yield names and command lines, the web server first."""
    python = [sys.executable, "-m"]
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    yield (
        "web",
        [
            *python,
            *_WEB.split(),
            *("--bind", address, "annotator.wsgi:application"),
        ],
    )
    for queue in ("quick", "train"):
        name = ["--queues", queue, "--hostname", f"{queue}@%h"]
        yield queue, [*python, *_WORKER.split(), *name]
    yield "ticker", [sys.executable, str(ROOT / "manage.py"), "run_ticker"]


def stop_all(children: Sequence[Child]) -> None:
    """Ask all to end, wait a little, then kill what is left of their groups."""
    for child in children:
        child.terminate()
    deadline = time.monotonic() + GRACE_SECONDS
    while time.monotonic() < deadline:
        if not any(child.is_running for child in children):
            break
        time.sleep(LOOK_SECONDS)
    for child in children:
        child.sweep()


def die_with_parent() -> None:
    """Have the kernel kill this child when the supervisor dies, however it dies."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def fingerprint(data_dir: Path) -> str:
    """Digest what preparing depends on: names, sizes and times of files, addresses."""
    hasher = hashlib.sha256()
    for pattern in (
        "annotator/migrations/*.py",
        "annotator/services/demo.py",
        "static/**/*",
        "models/*/manifest.json",
        "sample_data/*",
        "requirements.txt",
    ):
        for path in sorted(ROOT.glob(pattern)):
            stat = path.stat()
            line = f"{path} {stat.st_size} {stat.st_mtime_ns}\n"
            hasher.update(line.encode())
    for name in (
        "DATABASE_URL",
        "ANNOTATOR_SHIPPED_BUNDLES",
        "ANNOTATOR_DEMO",
        "DEBUG",
    ):
        hasher.update(f"{name}={os.environ.get(name, '')}\n".encode())
    for migration in applied_migrations(data_dir / "glosa.sqlite3"):
        hasher.update(f"{migration}\n".encode())
    return hasher.hexdigest()


def applied_migrations(database: Path) -> list[str]:
    """Return what was migrated in the embedded database: a restored one may be old."""
    if not database.is_file():
        return []
    with contextlib.closing(sqlite3.connect(database, timeout=20)) as connection:
        try:
            rows = connection.execute(
                "SELECT app, name FROM django_migrations ORDER BY app, name"
            ).fetchall()
        except sqlite3.Error:  # empty, or no database: `prepare` says what is wrong
            return ["unreadable"]
    return [f"{app} {name}" for app, name in rows]


def can_listen(host: str, port: int) -> bool:
    """Tell whether the address is free."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def answers(host: str, port: int) -> bool:
    """Tell whether /healthz answers 200. By hand: urllib would stay in memory."""
    target = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    request = b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n"
    try:
        with socket.create_connection((target, port), timeout=5) as connection:
            connection.sendall(request)
            return connection.recv(64).split(b" ")[1:2] == [b"200"]
    except OSError:
        return False


def wants_demo(environment: Mapping[str, str]) -> bool:
    """Tell whether the demo and its people are to be loaded. ValueError: no such word.

    The words are those of the settings, which are read in Django's processes only.
    """
    word = environment.get("ANNOTATOR_DEMO", "").strip().lower()
    if word not in ("", "1", "true", "yes", "0", "false", "no"):
        raise ValueError(f"ANNOTATOR_DEMO: not a boolean: {word!r}")
    return word not in ("0", "false", "no")


def wants_browser(environment: Mapping[str, str], *, is_terminal: bool) -> bool:
    """Tell whether a person sits before a screen of this machine."""
    if environment.get("OPEN_BROWSER", "") == "0" or not is_terminal:
        return False
    if "SSH_CONNECTION" in environment:
        return False
    has_screen = {"DISPLAY", "WAYLAND_DISPLAY"} & environment.keys()
    return bool(has_screen) or sys.platform == "darwin"


def open_browser(address: str) -> None:
    """Open the address in the person's browser, which outlives Glosa."""
    # By a shell that ends at once: neither the module nor a finished process stays.
    subprocess.run(  # noqa: S603 - our own address
        ["/bin/sh", "-c", '"$0" -m webbrowser "$1" &', sys.executable, address],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        check=False,
    )


def open_log(path: Path) -> int:
    """Open a log for appending, for this user only; begin anew when it grew large."""
    if path.is_file() and path.stat().st_size > MAX_LOG_BYTES:
        path.rename(path.with_suffix(".log.1"))
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
