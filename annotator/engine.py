"""The one bridge to ner_engine: everything else of the application goes through here.

Model work runs in child processes (see engine_child.py) and only in workers and
commands, never inside a request or a transaction. Light helpers that need nothing but
the engine's standard-library modules run in this process.
"""

from __future__ import annotations

import atexit
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings

from annotator.engine_child import (
    EngineChild,
    EngineServer,
    Watch,
    sweep_children,
    watch_nothing,
)
from annotator.exceptions import EngineDied, EngineFailed
from ner_engine import bundle, types
from ner_engine.data import conll, jsonl, text_files
from ner_engine.data.archive import ArchiveBudget as ArchiveBudget
from ner_engine.data.catalogue import read_any, read_together
from ner_engine.data.problems import ReadResult
from ner_engine.errors import BadInput, BundleError
from ner_engine.tagging import SpanLoss, encode_iob2
from ner_engine.text import context_rules
from ner_engine.text.dialogue import parse_turns
from ner_engine.text.sections import Section, find_sections

Token = list[int]
DocumentJson = dict[str, Any]
# What may be named for text and CSV files.
ENCODINGS = text_files.ENCODINGS
# start_char, end_char, label
SpanTuple = tuple[int, int, str]

# A request: small enough that a cancel is soon seen and progress moves, large enough
# that the model's batches are full.
N_BATCH_CHARS = 20_000
N_BATCH_DOCUMENTS = 16
# A child that is silent for longer hangs. Loading the libraries and a model takes
# seconds on an idle machine, and took over two minutes on one with five times more work
# than cores; a laptop core reads well over a hundred characters a second.
LOAD_SECONDS = 600.0
SECONDS_PER_CHAR = 0.01


@cache
def _server() -> EngineServer:
    server = EngineServer(
        register=_register(),
        idle_seconds=settings.ANNOTATOR_ENGINE_IDLE_SECONDS,
        options=_serve_options(),
    )
    atexit.register(server.close)
    return server


def _register() -> Path:
    return Path(settings.ANNOTATOR_DATA_DIR) / "children"


def _serve_options() -> list[str]:
    """Derived engines live in our folder; the child looks for the fastest, once."""
    options = ["--cache", str(Path(settings.ANNOTATOR_DATA_DIR) / "engines")]
    return [*options, "--accelerate"] if settings.ANNOTATOR_ACCELERATE else options


def close() -> None:
    """End this process's serving child, if it has one."""
    _server().close()


def sweep() -> int:
    """Kill engine children of this host that outlived their parent."""
    return sweep_children(_register())


def tokenise(
    texts: Sequence[tuple[str, str, str]], *, watch: Watch = watch_nothing
) -> tuple[str, dict[str, list[Token]]]:
    """Return the tokenizer's version and the tokens of each (id, text, language).

    A token is ``[start_char, end_char, sentence_start]``, in code points.
    """
    documents = [
        {"id": id_, "text": text, "language": language} for id_, text, language in texts
    ]
    version = ""
    tokens: dict[str, list[Token]] = {}
    for batch in batches(documents) if documents else [[]]:
        answer = _ask("tokenize", {"documents": batch}, batch, watch)
        version = answer["tokenizer"]
        tokens |= {row["id"]: row["tokens"] for row in answer["documents"]}
    return version, tokens


def guess_attributes(
    text: str, start_char: int, end_char: int, language: str
) -> frozenset[str]:
    """Return what rules read around a mention; standard library, in this process."""
    return context_rules.guess_attributes(text, start_char, end_char, language)


def read_files(
    path: Path | str,
    *,
    language: str,
    format: str | None = None,  # noqa: A002 - the engine's word
    encoding: str | None = None,
    budget: ArchiveBudget | None = None,
) -> tuple[list[DocumentJson], list[dict[str, Any]]]:
    """Read a file or archive into Document JSONL objects and a list of problems.

    A problem is ``{file, line, reason}``; each object has a key ``source`` more, with
    its file and line. The readers are standard-library modules and run in this process.
    Archives that are held in memory together share a *budget*.
    """
    path = Path(path)
    try:
        result = read_any(
            path, language=language, format=format, encoding=encoding, budget=budget
        )
    except BadInput as error:
        return [], [{"file": path.name, "line": error.line, "reason": error.reason}]
    return _read_rows(result, path)


def read_textgrids(
    paths: Sequence[Path], *, language: str, encoding: str | None = None
) -> tuple[list[DocumentJson], list[dict[str, Any]]]:
    """Read TextGrids as `read_files` reads a file; those of one talk are one document.

    Who speaks stands at the end of a file's name: ``visit_doctor``, ``visit_patient``.
    """
    try:
        result = read_together(paths, language=language, encoding=encoding)
    except BadInput as error:
        name = Path(error.path).name if error.path else ""
        return [], [{"file": name, "line": error.line, "reason": error.reason}]
    return _read_rows(result, paths[0])


def _read_rows(
    result: ReadResult, path: Path
) -> tuple[list[DocumentJson], list[dict[str, Any]]]:
    documents = []
    for document in result.documents:
        row = jsonl.document_row(document)
        if document.place is not None:
            place = {"line": document.place.line}
            row["source"] = {"file": _shown(document.place.file, path), **place}
        documents.append(row)
    problems = [
        {"file": _shown(p.file, path), "line": p.line, "reason": p.reason}
        for p in result.problems
    ]
    return documents, problems


def predict(
    bundle_path: Path | str,
    documents: Sequence[DocumentJson],
    *,
    digest: str = "",
    watch: Watch = watch_nothing,
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield each document's id and entities ``{start, end, label, confidence}``.

    With *digest*, a bundle that is not the one so named is refused.
    """
    for batch in batches(documents):
        fields = {"bundle": str(bundle_path), "documents": batch}
        answer = _ask("predict", fields, batch, watch)
        if digest not in ("", answer["digest"]):
            found = str(answer["digest"])[:12]
            raise EngineFailed("BundleMismatch", f"{found}, expected {digest[:12]}")
        for row in answer["documents"]:
            yield str(row["id"]), row["entities"]


def batches(documents: Sequence[DocumentJson]) -> Iterator[list[DocumentJson]]:
    """Cut a list into requests of at most so many characters and documents."""
    batch: list[DocumentJson] = []
    n_chars = 0
    for document in documents:
        length = len(document["text"])
        is_full = len(batch) >= N_BATCH_DOCUMENTS or n_chars + length > N_BATCH_CHARS
        if batch and is_full:
            yield batch
            batch, n_chars = [], 0
        batch.append(document)
        n_chars += length
    if batch:
        yield batch


def _ask(
    op: str,
    fields: Mapping[str, Any],
    batch: Sequence[DocumentJson],
    watch: Watch,
) -> dict[str, Any]:
    n_chars = sum(len(document["text"]) for document in batch)
    return _server().request(
        op,
        fields,
        timeout_seconds=LOAD_SECONDS + SECONDS_PER_CHAR * n_chars,
        watch=watch,
    )


@dataclass(frozen=True, slots=True)
class BundleSummary:
    """What a bundle's small files say of it."""

    digest: str
    name: str
    labels: list[str]
    recipe: str
    metrics: dict[str, Any]


def describe_bundle(path: Path | str) -> BundleSummary:
    """Read a bundle's description, after a check of every file against its manifest."""
    try:
        digest = bundle.verify_bundle(path)
        scheme, info, metrics = bundle.read_info(path)
    except BundleError as error:
        raise EngineFailed(type(error).__name__, str(error)) from error
    recipe = str(info.recipe.get("name", ""))
    return BundleSummary(digest, info.name, list(scheme.names), recipe, metrics)


def check_bundle(path: Path | str, digest: str) -> None:
    """Raise unless the folder is, file by file, the bundle of this digest."""
    found = describe_bundle(path).digest
    if found != digest:
        raise EngineFailed("BundleMismatch", f"{found[:12]}, expected {digest[:12]}")


def is_bundle(path: Path | str) -> bool:
    """Tell whether a folder claims to be a bundle."""
    return bundle.is_bundle(path)


# Commands that run once --------------------------------------------------------------


def run_training(
    arguments: Sequence[str],
    on_event: Callable[[dict[str, Any]], None],
    watch: Watch = watch_nothing,
) -> None:
    """Run ``ner_engine train`` in a child and hand on its events as they come.

    *watch* is called a few times a second; what it or *on_event* raises ends the
    child and goes on to the caller.
    """
    _run_command(["train", *arguments, "--events"], on_event, watch)


def evaluate(
    bundle_path: Path | str,
    gold_path: Path | str,
    *,
    report_path: Path | str,
    arguments: Sequence[str] = (),
    watch: Watch = watch_nothing,
) -> dict[str, Any]:
    """Score a bundle on gold documents; return what ``evaluate --json`` wrote."""
    command = ["evaluate", str(bundle_path), str(gold_path), *arguments]
    _run_command([*command, "--events", "--json", str(report_path)], None, watch)
    report: dict[str, Any] = json.loads(Path(report_path).read_text(encoding="utf-8"))
    return report


def _run_command(
    command: Sequence[str],
    on_event: Callable[[dict[str, Any]], None] | None,
    watch: Watch,
) -> None:
    child = EngineChild(command, register=_register())
    try:
        while (line := child.line(watch=watch)) is not None:
            if on_event is not None and line.startswith("{"):
                on_event(json.loads(line))
    except BaseException:
        child.kill()
        raise
    status = child.close()
    if status < 0:  # killed by a signal
        raise EngineDied(status)
    if status:
        raise EngineFailed("EngineFailed", _reason(command[0], status, child.log))


def _reason(command: str, status: int, log: Sequence[str]) -> str:
    """Say why a command failed: the engine's own one-line error, or the status."""
    errors = [line for line in log if line.startswith("error: ")]
    if errors:
        return f"{command}: {errors[-1].removeprefix('error: ')}"
    return f"{command} ended with status {status}"


# Files, by the engine's standard-library modules, in this process -------------------


def sections_of(text: str) -> tuple[Section, ...]:
    """Return a note's sections; standard library, in this process."""
    return find_sections(text)


def find_turns(text: str) -> list[dict[str, Any]]:
    """Return the turns of a dialogue, none when the text is not one."""
    return [
        {
            "speaker": turn.speaker,
            "role": turn.role,
            "start": turn.start_char,
            "end": turn.end_char,
        }
        for turn in parse_turns(text)
    ]


def write_conll(
    path: Path, documents: Iterable[tuple[DocumentJson, Sequence[Token]]]
) -> list[dict[str, Any]]:
    """Write IOB2, of overlapping spans the longest; return what could not be held.

    A loss is ``{note, start_char, end_char, label, reason}``; one of reason
    ``misaligned`` is in the file, widened to whole tokens.
    """
    rows = (
        (jsonl.parse_document(document), _tokens(tokens))
        for document, tokens in documents
    )
    return [
        _loss_row(loss.document_id, loss.loss) for loss in conll.write_conll(path, rows)
    ]


def conll_losses(
    document: DocumentJson, tokens: Sequence[Token]
) -> list[dict[str, Any]]:
    """Return what `write_conll` would report of one document."""
    spans = jsonl.parse_document(document).spans or ()
    losses = encode_iob2(_tokens(tokens), spans).losses
    return [_loss_row(str(document["id"]), loss) for loss in losses]


def read_conll(
    path: Path, documents: Iterable[tuple[str, str, Sequence[Token]]]
) -> Iterator[tuple[str, list[SpanTuple] | None]]:
    """Read IOB2 over the original (id, text, tokens), document by document.

    The spans are None where the file does not hold this very document next.
    """
    items = conll.parse_conll(text_files.decode_text(path.read_bytes()), path.stem)
    for id_, text, tokens in documents:
        item = next(items, None)
        surfaces = [text[token[0] : token[1]] for token in tokens]
        if (
            isinstance(item, conll.ConllDocument)
            and item.id == id_
            and [row.token for row in item.rows] == surfaces
        ):
            spans = item.spans_over(_tokens(tokens))
            yield id_, [(s.start_char, s.end_char, s.label) for s in spans]
        else:
            yield id_, None
    if next(items, None) is not None:
        yield "", None


def write_jsonl(path: Path, documents: Iterable[DocumentJson]) -> None:
    """Write Document JSONL."""
    jsonl.write_documents(path, map(jsonl.parse_document, documents))


def read_jsonl(path: Path) -> Iterator[DocumentJson]:
    """Read Document JSONL, or raise at the first bad row."""
    try:
        for document in jsonl.read_documents(path):
            yield jsonl.document_row(document)
    except BadInput as error:
        raise EngineFailed("BadInput", str(error)) from error


def _shown(file: str, path: Path) -> str:
    """Name a file as the person knows it: without our folders, with its archive."""
    return path.name if file == str(path) else f"{path.name}/{file}"


def _tokens(tokens: Sequence[Token]) -> list[types.Token]:
    return [types.Token(start, end, bool(first)) for start, end, first in tokens]


def _loss_row(document_id: str, loss: SpanLoss) -> dict[str, Any]:
    return {
        "note": document_id,
        "start_char": loss.span.start_char,
        "end_char": loss.span.end_char,
        "label": loss.span.label,
        "reason": loss.reason,
    }
