"""A child process that holds the engine, spoken to in JSON lines over its pipes.

Standard library only: torch, transformers and spaCy load in the child, never here. The
child ends when its standard input closes, so it cannot outlive its parent; each is
noted in a folder all the same, and `sweep_children` kills what was left over.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from annotator.exceptions import EngineDied, EngineFailed

logger = logging.getLogger(__name__)

Watch = Callable[[], None]

# How often a wait looks up to see whether it must end.
LOOK_SECONDS = 0.25
# After its input closed, a child gets so long before it is killed.
GRACE_SECONDS = 3.0
N_LOG_LINES = 20


def watch_nothing() -> None:
    """Stand for a caller that cannot be cancelled."""


class EngineChild:
    """``python -m ner_engine ARGUMENTS`` with its input open and its lines at hand.

    *register* is the folder in which the child is noted. Lines of standard output
    arrive through `line`; the last of standard error are in ``log``.
    """

    def __init__(self, arguments: Sequence[str], *, register: Path) -> None:
        # The arguments are ours: a command's name, options and paths.
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "ner_engine", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=Path(__file__).resolve().parent.parent,
        )
        self._note = note_child(register, self._process.pid)
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self.log: deque[str] = deque(maxlen=N_LOG_LINES)
        self._readers = [
            threading.Thread(target=target, daemon=True)
            for target in (self._read_lines, self._read_log)
        ]
        for reader in self._readers:
            reader.start()
        os.set_blocking(self._stdin.fileno(), False)

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def _stdin(self) -> IO[bytes]:
        if self._process.stdin is None:
            raise ValueError("the child was started without a pipe")
        return self._process.stdin

    def send(self, message: Mapping[str, Any], *, watch: Watch) -> None:
        """Write one line, without blocking on a child that does not read."""
        data = memoryview(json.dumps(message, ensure_ascii=False).encode() + b"\n")
        descriptor = self._stdin.fileno()
        while data:
            try:
                data = data[os.write(descriptor, data) :]
            except BlockingIOError:
                watch()
                time.sleep(0.01)
            except BrokenPipeError as error:
                raise self._death() from error

    def line(self, *, watch: Watch, timeout_seconds: float | None = None) -> str | None:
        """Wait for the next line; None when the child has closed its output."""
        deadline = None if timeout_seconds is None else _later(timeout_seconds)
        while True:
            try:
                line = self._lines.get(timeout=LOOK_SECONDS)
            except queue.Empty:
                watch()
                if deadline is not None and time.monotonic() >= deadline:
                    raise EngineFailed(
                        "EngineTimeout", f"no answer in {timeout_seconds:.0f} s"
                    ) from None
                continue
            return None if line is None else line.decode(errors="replace")

    def wait(self) -> int:
        """Wait for the end of a child that closed its output; return its status."""
        try:
            status = self._process.wait(timeout=GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        for reader in self._readers:
            reader.join()
        self._note.unlink(missing_ok=True)
        return status

    def close(self) -> int:
        """Close the child's input, which ends it; kill it when it does not end."""
        if not self._stdin.closed:
            self._stdin.close()
        return self.wait()

    def kill(self) -> None:
        """End the child now: what it was doing is of no use any more."""
        self._process.kill()
        self.close()

    def _death(self) -> EngineFailed:
        return EngineDied(self.close())

    def _read_lines(self) -> None:
        stream = self._process.stdout
        if stream is not None:
            with stream:
                for line in stream:
                    self._lines.put(line)
        self._lines.put(None)

    def _read_log(self) -> None:
        stream = self._process.stderr
        if stream is not None:
            with stream:
                for line in stream:
                    self.log.append(line.decode(errors="replace").rstrip())


class EngineServer:
    """The serving child of this process: started on demand, ended when idle.

    *options* are those of the engine's command ``serve``.
    """

    def __init__(
        self, *, register: Path, idle_seconds: float, options: Sequence[str] = ()
    ) -> None:
        self._register = register
        self._command = ["serve", *options]
        self._idle_seconds = idle_seconds
        self._lock = threading.Lock()
        self._child: EngineChild | None = None
        self._n_requests = 0
        self._used_at = 0.0

    def request(
        self,
        op: str,
        fields: Mapping[str, Any],
        *,
        timeout_seconds: float,
        watch: Watch = watch_nothing,
    ) -> dict[str, Any]:
        """Send one request and return its answer.

        *watch* is called a few times a second and may raise, which kills the child:
        nobody would read the answer that it is about to write.
        """
        with self._lock:
            child = self._started()
            self._n_requests += 1
            request = {"id": self._n_requests, "op": op, **fields}
            try:
                child.send(request, watch=watch)
                line = child.line(watch=watch, timeout_seconds=timeout_seconds)
            except BaseException:
                self._drop(child)
                raise
            self._used_at = time.monotonic()
            if line is None:
                self._child = None
                raise EngineDied(child.close())
            return _answer(line, self._n_requests)

    def close(self) -> None:
        """End the child, if there is one."""
        with self._lock:
            self._end()

    def _started(self) -> EngineChild:
        if self._child is not None and not self._child.is_alive:
            self._end()
        if self._child is None:
            self._child = EngineChild(self._command, register=self._register)
            self._used_at = time.monotonic()
            threading.Thread(
                target=self._end_when_idle, args=(self._child,), daemon=True
            ).start()
        return self._child

    def _end(self) -> None:
        if self._child is not None:
            self._child.close()
            self._child = None

    def _drop(self, child: EngineChild) -> None:
        self._child = None
        child.kill()

    def _end_when_idle(self, child: EngineChild) -> None:
        while True:
            time.sleep(min(1.0, self._idle_seconds))
            # Not waiting for the lock: while it is held the child is at work.
            if not self._lock.acquire(blocking=False):
                continue
            try:
                if self._child is not child:
                    return
                if time.monotonic() - self._used_at >= self._idle_seconds:
                    self._end()
                    return
            finally:
                self._lock.release()


def _answer(line: str, request_id: int) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(line)
    if answer.get("id") != request_id:
        raise EngineFailed("EngineConfused", "an answer to another request")
    if not answer.get("ok"):
        error = answer.get("error", {})
        raise EngineFailed(
            str(error.get("type", "EngineError")), str(error.get("message", ""))
        )
    return answer


def _later(seconds: float) -> float:
    return time.monotonic() + seconds


# Children left over ----------------------------------------------------------------


def note_child(register: Path, pid: int) -> Path:
    """Write down a child and its parent, each told apart by its time of creation."""
    register.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = register / f"{os.uname().nodename}-{pid}.json"
    note = {
        "pid": pid,
        "created": _created(pid),
        "parent": os.getpid(),
        "parent_created": _created(os.getpid()),
    }
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(note), encoding="ascii")
    temporary.rename(path)
    return path


def sweep_children(register: Path) -> int:
    """Kill noted children of this host whose parent is gone; return how many."""
    n_killed = 0
    for path in register.glob(f"{os.uname().nodename}-*.json"):
        try:
            note = json.loads(path.read_text(encoding="ascii"))
        except FileNotFoundError:  # its parent was faster
            continue
        if _created(note["parent"]) == note["parent_created"]:
            continue
        if note["created"] is not None and _created(note["pid"]) == note["created"]:
            os.kill(note["pid"], 9)
            n_killed += 1
            logger.warning("engine child %s outlived its parent: killed", note["pid"])
        path.unlink(missing_ok=True)
    return n_killed


def _created(pid: int) -> float | None:
    """Return when the process was created; None when there is none of that id."""
    import psutil  # noqa: PLC0415 - slow import

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return float(process.create_time())
    except psutil.NoSuchProcess:
        return None
