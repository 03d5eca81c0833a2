"""The embedded broker: kombu's folder transport, with every file written in one step.

Kombu's own opens a message under its final name and then fills it, so that a worker
that looks at the wrong moment takes an empty one and dies of it. Here files are written
aside and renamed. Messages are taken by renaming too, inside the broker's folder and
not into the host's temporary one.
"""

from __future__ import annotations

import fcntl
import json
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.transport import filesystem, virtual


class Channel(filesystem.Channel):
    """A channel over three folders: messages, taken ones and bindings."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for folder in (self._messages, self._taken, self.control_folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def _messages(self) -> Path:
        return Path(self.data_folder_in)

    @property
    def _taken(self) -> Path:
        return self._messages.with_name("taken")

    # Kombu's stubs give the two classes above different names for the argument.
    def _put(  # type: ignore[override]
        self, queue: str, payload: Any, **_: Any
    ) -> None:
        # The time in front makes the order of names the order of sending.
        name = f"{time.time_ns()}_{uuid.uuid4()}.{queue}.msg"
        write_in_one_step(self._messages / name, json.dumps(payload))

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        for name in sorted(path.name for path in self._messages.iterdir()):
            if name.partition(".")[2] != f"{queue}.msg":
                continue
            taken = self._taken / name
            try:
                (self._messages / name).rename(taken)
            except FileNotFoundError:  # another worker was faster
                continue
            payload = json.loads(taken.read_text(encoding="utf-8"))
            taken.unlink()
            return payload
        raise Empty

    def _queue_bind(
        self,
        exchange: str,
        routing_key: str | None,
        pattern: str | None,
        queue: str,
    ) -> None:
        binding = filesystem.exchange_queue_t(
            routing_key or "", pattern or "", queue or ""
        )
        with self._locked_bindings():
            table = self.get_table(exchange)
            if binding not in table:
                path = self.control_folder / f"{exchange}.exchange"
                write_in_one_step(path, json.dumps([binding, *table]))

    @contextmanager
    def _locked_bindings(self) -> Iterator[None]:
        with (self.control_folder / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


class Transport(filesystem.Transport):
    """What CELERY_BROKER_TRANSPORT names."""

    Channel = Channel

    def __init__(self, client: Any, **kwargs: Any) -> None:
        super().__init__(client, **kwargs)
        # Kombu keeps one state for all folders, and so would not write the bindings of
        # a second one.
        self.state = virtual.BrokerState()


def write_in_one_step(path: Path, text: str) -> None:
    """Write the file aside and rename it, so that no reader sees a part of it."""
    temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex}.new")
    temporary.write_text(text, encoding="utf-8")
    temporary.rename(path)
