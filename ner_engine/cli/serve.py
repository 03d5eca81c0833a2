"""``serve``: the application's long-lived child, JSON lines in and out.

Ends when standard input closes. Loads nothing heavy until a request needs it. A bad
request is answered with a typed error and never ends the process; whatever a library
prints goes to standard error, so that every line of standard output is an answer.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from ner_engine.cli.common import DONE, add_engine_arguments, positive
from ner_engine.cli.engine_search import EngineSearch
from ner_engine.errors import BadInput, NerEngineError

if TYPE_CHECKING:
    from ner_engine.bundle import Bundle
    from ner_engine.inference import Predictor
    from ner_engine.types import Document

NAME = "serve"
HELP = "Answer requests as JSON lines on standard input, until it closes."

# Two: the active version of a project and the candidate beside it. Each takes about
# 300 MB.
_KEPT_BUNDLES = 2
_MOST_PASSES = 50

Request = dict[str, Any]
Answer = dict[str, Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("--threads", type=positive, help="threads to compute with")
    add_engine_arguments(parser)
    parser.add_argument(
        "--accelerate",
        action="store_true",
        help="find the fastest engine of a bundle in the background, once",
    )


def run(args: argparse.Namespace) -> int:
    """Answer every line of standard input until it closes."""
    answers = _claim_stdout()
    server = Server(
        threads=args.threads,
        engine=args.engine,
        cache=args.cache,
        accelerate=args.accelerate,
    )
    try:
        for line in sys.stdin.buffer:
            if line.strip():
                answers.write(json.dumps(server.answer(line)) + "\n")
                answers.flush()
    finally:
        server.close()
    return DONE


def _claim_stdout() -> IO[str]:
    """Keep standard output for answers, and send what others print to standard error.

    On the descriptors, not on ``sys.stdout`` alone: compiled libraries print too.
    """
    sys.stdout.flush()
    claimed = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return claimed


class Server:
    """Answers requests; holds the bundles that were used last."""

    def __init__(
        self,
        *,
        threads: int | None = None,
        engine: str = "auto",
        cache: Path | None = None,
        accelerate: bool = False,
    ) -> None:
        self._threads = threads
        self._engine = engine
        self._cache = cache
        self._search = EngineSearch(cache) if accelerate else None
        self._predictors: OrderedDict[tuple[str, str], Predictor] = OrderedDict()
        # Signals need torch's hidden states, which a predictor may not have.
        self._scored: tuple[tuple[str, str], Bundle] | None = None
        self._operations: dict[str, Callable[[Request], Answer]] = {
            "tokenize": self._tokenize,
            "predict": self._predict,
            "signals": self._signals,
        }

    def answer(self, line: bytes) -> Answer:
        """Answer one line; errors of the engine's own types become answers."""
        request_id: Any = None
        try:
            request = _parse(line)
            request_id = request.get("id")
            operation = self._operations.get(str(request.get("op")))
            if operation is None:
                known = ", ".join(self._operations)
                raise BadInput(f"op is none of {known}")
            return {"id": request_id, "ok": True, **operation(request)}
        except NerEngineError as error:
            kind, message = type(error).__name__, str(error)
        except OSError as error:
            kind = "BadInput"
            message = f"{error.filename or 'system'}: {error.strerror or 'failed'}"
        return {
            "id": request_id,
            "ok": False,
            "error": {"type": kind, "message": message},
        }

    def _tokenize(self, request: Request) -> Answer:
        from ner_engine.text.tokens import (  # noqa: PLC0415 - slow import
            TOKENIZER_VERSION,
            tokenize,
        )

        return {
            "tokenizer": TOKENIZER_VERSION,
            "documents": [
                {
                    "id": document.id,
                    "tokens": [
                        [token.start_char, token.end_char, int(token.sentence_start)]
                        for token in tokenize(document.text, document.language)
                    ],
                }
                for document in _documents(request)
            ],
        }

    def _predict(self, request: Request) -> Answer:
        documents = _documents(request)
        predictor = self._predictor(_path(request, "bundle"))
        return {
            "digest": predictor.digest,
            "labels": list(predictor.labels),
            "documents": [
                {
                    "id": document.id,
                    "entities": [
                        {
                            "start": span.start_char,
                            "end": span.end_char,
                            "label": span.label,
                            "confidence": span.confidence,
                        }
                        for span in document.spans or ()
                    ],
                }
                for document in predictor.predict(documents)
            ],
        }

    def _signals(self, request: Request) -> Answer:
        """Answer with what query strategies ask of notes; ``passes`` are of dropout."""
        from ner_engine.active_learning.signals import (  # noqa: PLC0415 - slow import
            score_notes,
        )

        documents = _documents(request)
        passes = request.get("passes", 0)
        if (
            not isinstance(passes, int)
            or passes == 1
            or not 0 <= passes <= _MOST_PASSES
        ):
            raise BadInput(f"passes is neither 0 nor from 2 to {_MOST_PASSES}")
        bundle = self._bundle(_path(request, "bundle"))
        return {
            "digest": bundle.digest,
            "labels": list(bundle.scheme.names),
            "documents": [
                {"id": note.document.id, "signals": note.signals.to_json()}
                for note in score_notes(bundle, documents, dropout_passes=passes)
            ],
        }

    def _bundle(self, path: str) -> Bundle:
        from ner_engine.bundle import digest, load_bundle  # noqa: PLC0415 - not always

        key = (path, digest(path))
        if self._scored is None or self._scored[0] != key:
            self._scored = None  # not two at once in memory
            from ner_engine.models.precision import (  # noqa: PLC0415 - slow import
                settle_threads,
            )

            bundle = load_bundle(path)
            settle_threads(bundle.tagger.encoder, self._threads)
            self._scored = (key, bundle)
        return self._scored[1]

    def _predictor(self, path: str) -> Predictor:
        from ner_engine.bundle import digest  # noqa: PLC0415 - not always
        from ner_engine.inference import Predictor  # noqa: PLC0415 - slow import

        key = (path, digest(path))
        if self._search is not None and self._search.has_found(key[1]):
            self._predictors.pop(key, None)  # loaded before there was a choice
        if key not in self._predictors:
            while len(self._predictors) >= _KEPT_BUNDLES:
                self._predictors.popitem(last=False)
            self._predictors[key] = Predictor.load(
                path, threads=self._threads, engine=self._engine, cache=self._cache
            )
            if self._search is not None:
                self._search.begin(path, key[1])
        self._predictors.move_to_end(key)
        return self._predictors[key]

    def close(self) -> None:
        """End what runs in the background."""
        if self._search is not None:
            self._search.close()


def _parse(line: bytes) -> Request:
    try:
        request = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadInput("the request is not JSON") from error
    if not isinstance(request, dict):
        raise BadInput("the request is not an object")
    return request


def _string(request: Request, key: str) -> str:
    value = request.get(key)
    if not isinstance(value, str):
        raise BadInput(f"{key} is missing or not a string")
    return value


def _path(request: Request, key: str) -> str:
    """Return a string that the file system can take at all."""
    value = _string(request, key)
    if "\0" in value or any("\ud800" <= char <= "\udfff" for char in value):
        raise BadInput(f"{key} is no path")
    return value


def _documents(request: Request) -> list[Document]:
    from ner_engine.data.jsonl import parse_document  # noqa: PLC0415 - not always

    rows = request.get("documents")
    if not isinstance(rows, list):
        raise BadInput("documents is missing or not a list")
    return [parse_document(row) for row in rows]
