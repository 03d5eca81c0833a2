"""Predicts with one single-threaded process a core, in order and in bounded memory.

The processes are children that run ``python -m ner_engine serve`` and end when their
standard input closes, so none outlives this one, however it ends. Threads of one
process wait for each other on matrices this small; processes do not.
"""

from __future__ import annotations

import json
import queue
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, Self

from ner_engine.errors import NerEngineError
from ner_engine.types import Document, Span

# A request: a second or so of work, so that processes end together and none waits.
REQUEST_CHARS = 50_000
REQUEST_DOCUMENTS = 256
# Requests in hand for each process: one at work, one read ahead.
_AHEAD = 2

Child = subprocess.Popen[bytes]


class PredictionFailed(NerEngineError):
    """A predicting process that ended early, or answered with an error."""


class BulkPredictor:
    """Predicts with several children; a context manager that ends them.

    Parameters
    ----------
    bundle : Path or str
    processes : int
    options : iterable of str
        Of ``serve``: ``--engine``, ``--cache``.
    """

    def __init__(
        self, bundle: Path | str, *, processes: int, options: Iterable[str] = ()
    ) -> None:
        self._bundle = str(bundle)
        self._processes = processes
        self._options = list(options)
        self._children: list[Child] = []
        # Each thread of the pool takes an idle child for each request.
        self._idle: queue.SimpleQueue[Child] = queue.SimpleQueue()
        self._pool = ThreadPoolExecutor(max_workers=processes)

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "ner_engine", "serve", "--threads", "1"]
        for _ in range(self._processes):
            # The arguments are ours: a command's name, options and paths.
            child = subprocess.Popen(  # noqa: S603
                [*command, *self._options],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            self._children.append(child)
            self._idle.put(child)
        return self

    def __exit__(self, *_: object) -> None:
        # Whoever still waits for an answer is woken by the end of its child.
        for child in self._children:
            child.kill()
        self._pool.shutdown(cancel_futures=True)
        for child in self._children:
            child.wait()
            for pipe in (child.stdin, child.stdout):
                _close(pipe)

    @property
    def pids(self) -> list[int]:
        """Process ids of the children."""
        return [child.pid for child in self._children]

    def predict(self, documents: Iterable[Document]) -> Iterator[Document]:
        """Yield each document with predicted spans, in order.

        At most two requests a process are held in memory. The answers are those of
        one `Predictor` with one thread.

        Raises
        ------
        PredictionFailed
            With what a child answered, or how it ended.
        """
        waiting: deque[tuple[list[Document], Future[list[Any]]]] = deque()
        for request in _requests(documents):
            waiting.append((request, self._pool.submit(self._ask, request)))
            if len(waiting) >= _AHEAD * self._processes:
                yield from _merge(*waiting.popleft())
        while waiting:
            yield from _merge(*waiting.popleft())

    def _ask(self, documents: list[Document]) -> list[Any]:
        rows = [
            {"id": document.id, "text": document.text, "language": document.language}
            for document in documents
            if document.text.strip()  # `serve` refuses blank ones
        ]
        request = {"op": "predict", "bundle": self._bundle, "documents": rows}
        child = self._idle.get()
        try:
            line = _exchange(child, json.dumps(request).encode() + b"\n")
        finally:
            self._idle.put(child)
        answer = json.loads(line)
        if not answer["ok"]:
            raise PredictionFailed(answer["error"]["message"])
        found = iter(answer["documents"])
        return [
            next(found)["entities"] if document.text.strip() else []
            for document in documents
        ]


def predict_in_processes(
    bundle: Path | str,
    documents: Iterable[Document],
    *,
    processes: int,
    options: Iterable[str] = (),
) -> Iterator[Document]:
    """Yield each document with predicted spans, as `BulkPredictor.predict` does."""
    with BulkPredictor(bundle, processes=processes, options=options) as bulk:
        yield from bulk.predict(documents)


def _exchange(child: Child, request: bytes) -> bytes:
    """Write a request and read its answer, a line each."""
    if child.stdin is None or child.stdout is None:
        raise ValueError("the child was started without pipes")
    try:
        child.stdin.write(request)
        child.stdin.flush()
        line = child.stdout.readline()
    except BrokenPipeError:
        line = b""
    if not line:
        raise PredictionFailed(f"a predicting process ended with {child.wait()}")
    return line


def _close(pipe: IO[bytes] | None) -> None:
    if pipe is None:
        return
    try:
        pipe.close()
    except BrokenPipeError:
        return  # what was left to flush has no reader any more


def _merge(documents: list[Document], answer: Future[list[Any]]) -> Iterator[Document]:
    for document, entities in zip(documents, answer.result(), strict=True):
        spans = tuple(
            Span(entity["start"], entity["end"], entity["label"], entity["confidence"])
            for entity in entities
        )
        yield replace(document, spans=spans)


def _requests(documents: Iterable[Document]) -> Iterator[list[Document]]:
    request: list[Document] = []
    n_chars = 0
    for document in documents:
        request.append(document)
        n_chars += len(document.text)
        if n_chars >= REQUEST_CHARS or len(request) >= REQUEST_DOCUMENTS:
            yield request
            request, n_chars = [], 0
    if request:
        yield request
