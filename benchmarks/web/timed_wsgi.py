"""Glosa's WSGI application with what each answer cost, as a Server-Timing header.

``app``: milliseconds from the first byte of the request's body read to the answer made;
``cpu``: of these, milliseconds that this thread computed, which other work on the
machine does not lengthen much; ``db``: milliseconds inside queries; ``queries``: how
many. Only the benchmark serves this.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "annotator.settings")

from django.core.wsgi import get_wsgi_application
from django.db import connection

_application = get_wsgi_application()


class _Count:
    """Counts the queries of one request and the time they took."""

    def __init__(self) -> None:
        self.n_queries = 0
        self.seconds = 0.0

    def __call__(
        self,
        execute: Callable[..., Any],
        sql: Any,
        params: Any,
        many: Any,
        context: Any,
    ) -> Any:
        started_at = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            self.n_queries += 1
            self.seconds += time.perf_counter() - started_at


def application(
    environ: dict[str, Any], start_response: Callable[..., Any]
) -> Iterable[bytes]:
    """Answer a request and say what it cost."""
    count = _Count()
    started_at, cpu_at = time.perf_counter(), time.thread_time()

    def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
        took = 1000 * (time.perf_counter() - started_at)
        cpu = 1000 * (time.thread_time() - cpu_at)
        timing = (
            f"app;dur={took:.2f}, cpu;dur={cpu:.2f}, db;dur={1000 * count.seconds:.2f},"
            f" queries;dur={count.n_queries}"
        )
        return start_response(status, [*headers, ("Server-Timing", timing)], *rest)

    with connection.execute_wrapper(count):
        return _application(environ, start)
