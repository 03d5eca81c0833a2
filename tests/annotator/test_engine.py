"""The bridge to the engine, with real children."""

from __future__ import annotations

import os
import signal
import time

import psutil
import pytest

from annotator import engine
from annotator.engine_child import EngineChild, EngineServer
from annotator.exceptions import EngineFailed, JobCancelled
from tests.tiny import tiny_documents, write_jsonl

DOCUMENTS = [
    {"id": f"d{number}", "text": document.text, "language": document.language}
    for number, document in enumerate(tiny_documents(6, seed=3))
]


@pytest.fixture
def server(tmp_path):
    server = EngineServer(register=tmp_path / "children", idle_seconds=60)
    yield server
    server.close()


def ask(server, **options):
    fields = {"documents": [{"id": "a", "text": "Dolor.", "language": "es"}]}
    return server.request("tokenize", fields, **({"timeout_seconds": 60} | options))


def test_tokenise_gives_code_points_and_the_version(own_engine):
    version, tokens = engine.tokenise([("a", "Dolor 😀 leve.\nBien", "es")])
    assert version
    assert tokens == {"a": [[0, 5, 1], [6, 7, 0], [8, 12, 0], [12, 13, 0], [14, 18, 1]]}
    assert engine.tokenise([])[1] == {}


def test_predict_finds_what_the_bundle_learned(own_engine, tiny_bundle):
    found = dict(engine.predict(tiny_bundle, DOCUMENTS))
    assert list(found) == [document["id"] for document in DOCUMENTS]
    gold = tiny_documents(6, seed=3)
    expected = {span.label for document in gold for span in document.spans or ()}
    assert {e["label"] for entities in found.values() for e in entities} == expected
    for document in DOCUMENTS:
        for entity in found[document["id"]]:
            assert 0 <= entity["start"] < entity["end"] <= len(document["text"])
            assert 0 <= entity["confidence"] <= 1


def test_predict_refuses_another_bundle_than_the_one_named(own_engine, tiny_bundle):
    digest = engine.describe_bundle(tiny_bundle).digest
    assert list(engine.predict(tiny_bundle, DOCUMENTS[:1], digest=digest))
    with pytest.raises(EngineFailed, match="BundleMismatch"):
        list(engine.predict(tiny_bundle, DOCUMENTS[:1], digest="0" * 64))


def test_errors_of_the_engine_keep_their_type(own_engine, tmp_path):
    with pytest.raises(EngineFailed) as caught:
        list(engine.predict(tmp_path / "nothing", DOCUMENTS[:1]))
    assert caught.value.kind == "BundleError"
    # and the child lives on
    assert engine.tokenise([("a", "Dolor", "es")])[1] == {"a": [[0, 5, 1]]}


def test_batches_are_bounded_by_characters_and_documents():
    short = [{"id": str(n), "text": "x" * 10} for n in range(40)]
    long = [{"id": f"l{n}", "text": "x" * 15_000} for n in range(3)]
    sizes = [len(batch) for batch in engine.batches([*short, *long])]
    assert sizes == [16, 16, 9, 1, 1]
    assert [d["id"] for batch in engine.batches(short) for d in batch] == [
        d["id"] for d in short
    ]


def test_the_child_is_reused_and_a_dead_one_replaced(server):
    ask(server)
    first = server._child
    ask(server)
    assert server._child is first
    os.kill(first.pid, signal.SIGKILL)
    psutil.Process(first.pid).wait(5)
    ask(server)
    assert server._child is not first


def test_an_idle_child_ends(tmp_path):
    server = EngineServer(register=tmp_path / "children", idle_seconds=0.3)
    ask(server)
    process = psutil.Process(server._child.pid)
    process.wait(timeout=10)
    deadline = time.monotonic() + 5
    while server._child is not None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert server._child is None
    assert list((tmp_path / "children").iterdir()) == []


def test_a_watch_that_raises_kills_the_child(server):
    ask(server)
    process = psutil.Process(server._child.pid)
    process.suspend()

    def cancel() -> None:
        raise JobCancelled("job 1 was cancelled")

    started_at = time.monotonic()
    with pytest.raises(JobCancelled):
        ask(server, watch=cancel)
    assert time.monotonic() - started_at < 3
    assert not psutil.pid_exists(process.pid)
    assert ask(server)["ok"]


def test_a_child_that_hangs_is_killed(server):
    ask(server)
    process = psutil.Process(server._child.pid)
    process.suspend()
    with pytest.raises(EngineFailed, match="EngineTimeout"):
        ask(server, timeout_seconds=0.5)
    assert not psutil.pid_exists(process.pid)


def test_a_request_larger_than_the_pipe_can_be_given_up(server):
    ask(server)
    psutil.Process(server._child.pid).suspend()

    def cancel() -> None:
        raise JobCancelled("job 1 was cancelled")

    documents = [{"id": "a", "text": "x" * 500_000, "language": "es"}]
    with pytest.raises(JobCancelled):
        server.request(
            "tokenize", {"documents": documents}, timeout_seconds=60, watch=cancel
        )


def test_a_child_that_dies_while_it_works_is_reported(server):
    ask(server)
    process = psutil.Process(server._child.pid)
    process.suspend()

    def kill() -> None:
        process.kill()

    with pytest.raises(EngineFailed, match="EngineDied"):
        ask(server, watch=kill)


def test_the_child_ends_when_its_parent_closes_the_pipe(tmp_path):
    child = EngineChild(["serve"], register=tmp_path)
    assert child.is_alive
    assert child.close() == 0


def test_evaluate_scores_and_compares(tiny_bundle, tmp_path):
    gold = write_jsonl(tmp_path / "gold.jsonl", tiny_documents(12, seed=4))
    report = engine.evaluate(
        tiny_bundle,
        gold,
        report_path=tmp_path / "report.json",
        arguments=["--against", str(tiny_bundle)],
    )
    assert report["n_documents"] == 12
    assert report["micro"]["f1"] > 0.8
    assert report["difference"]["f1"] == 0


def test_a_command_that_fails_tells_its_own_error(tmp_path):
    with pytest.raises(EngineFailed) as caught:
        engine.evaluate(
            tmp_path / "nothing",
            tmp_path / "missing.jsonl",
            report_path=tmp_path / "report.json",
        )
    assert str(caught.value).startswith("EngineFailed: evaluate: ")
    assert "missing.jsonl" in str(caught.value)
