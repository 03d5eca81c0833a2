"""``translate`` as a user calls it, with the backend that is always there."""

from __future__ import annotations

import io
import json
import sys

import pytest

from ner_engine.cli.main import main
from ner_engine.data.jsonl import read_documents, write_documents
from ner_engine.translation.backends import BACKENDS
from ner_engine.translation.types import translation_of
from ner_engine.types import Document, Span
from tests.ner_engine.translation.translate_server import TranslateServer

TEXT = "Tos seca.\nToma aas por fiebre."
NOTE = Document(
    "a", TEXT, "es", (Span(0, 3, "FINDING"), Span(15, 18, "MEDICATION")), split="train"
)


@pytest.fixture
def notes(tmp_path):
    path = tmp_path / "notes.jsonl"
    other = Document("b", "Fiebre.", "es", split="test")
    write_documents(path, [NOTE, other])
    return path


@pytest.fixture
def terms(tmp_path):
    path = tmp_path / "terms.tsv"
    path.write_text("es\ten\ntos\tcough\naas\taspirin\n", encoding="utf-8")
    return path


@pytest.fixture
def call(notes, terms, tmp_path):
    """Return a function that translates the notes, and the file it writes."""
    out = tmp_path / "out.jsonl"

    def run(*more, source=notes, target=out):
        options = ["--backend", "glossary", "--glossary", str(terms)]
        options += ["--from", "es", "--to", "en", "--cache", str(tmp_path / "cache")]
        return main(["translate", str(source), str(target), *options, *more])

    return run, out


def test_translate_writes_documents_that_projection_can_use(call, notes, capsys):
    run, out = call

    assert run() == 0

    first, second = read_documents(out)
    assert first.text == "Cough seca.\nToma aspirin por fiebre."
    assert [span.mention(first.text) for span in first.spans] == ["Cough", "aspirin"]
    assert (first.language, first.split, second.split) == ("en", "train", "test")
    assert second.spans is None
    translation = translation_of(next(iter(read_documents(notes))), first)
    assert translation.segments == ((0, 9, 0, 11), (10, 30, 12, 36))
    shown = capsys.readouterr().out
    assert "2 documents, 3 segments" in shown
    assert "2 of 2 spans" in shown


def test_a_second_run_takes_all_from_the_cache(call, tmp_path):
    run, _ = call
    assert run() == 0

    assert run("--json", str(tmp_path / "result.json")) == 0

    counts = json.loads((tmp_path / "result.json").read_text())["counts"]
    assert (counts["cached"], counts["sent_characters"]) == (3, 0)


def test_a_dry_run_says_what_would_be_sent_and_writes_nothing(call, tmp_path, capsys):
    run, out = call

    assert run("--dry-run", "--split", "train", "--json", str(tmp_path / "e.json")) == 0

    estimate = json.loads((tmp_path / "e.json").read_text())
    assert (estimate["documents"], estimate["characters"]) == (1, len(TEXT))
    assert estimate["characters_to_send"] > 0
    assert estimate["price_usd"] == 0
    assert not out.exists()
    assert not (tmp_path / "cache").exists()
    assert "0.00 USD" in capsys.readouterr().out


def test_standard_input_and_output(call, notes, monkeypatch, capsys):
    run, _ = call
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(notes.read_bytes())))

    assert run(source="-", target="-") == 0

    shown = capsys.readouterr()
    rows = [json.loads(line) for line in shown.out.splitlines()]
    assert [row["id"] for row in rows] == ["a", "b"]
    assert "2 documents" in shown.err


def test_events_tell_progress_and_result(call, capsys, monkeypatch):
    run, _ = call
    # An open pipe that nobody writes to, as a parent process holds it.
    import os

    reading, writing = os.pipe()
    saved = os.dup(0)
    os.dup2(reading, 0)
    try:
        assert run("--events") == 0
    finally:
        os.dup2(saved, 0)
        for descriptor in (reading, writing, saved):
            os.close(descriptor)

    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["event"] for event in events][-1] == "done"
    assert events[-1]["counts"]["spans_carried"] == 2
    assert {"progress"} == {event["event"] for event in events[:-1]}


def test_a_bad_line_of_the_glossary_ends_it(call, terms, capsys):
    run, out = call
    terms.write_text("es\ten\ntos\n", encoding="utf-8")

    assert run() == 1

    assert f"{terms}:2: the translation is missing" in capsys.readouterr().err
    assert not out.exists()


def test_a_broken_off_run_leaves_no_file(call, notes, capsys):
    run, out = call
    with notes.open("a", encoding="utf-8") as more:
        more.write('{"id": "c", "text": "Toux.", "language": "fr"}\n')

    assert run() == 1

    assert "document c is in fr, not es" in capsys.readouterr().err
    assert [path.name for path in out.parent.glob("*out*")] == []


def test_the_limit_stops_before_it_is_passed(call, capsys):
    run, _ = call

    assert run("--max-characters", "3") == 1

    err = capsys.readouterr().err
    assert "0 of at most 3 characters" in err
    assert "Tos" not in err


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--option", "x=1"], "backend glossary: unknown option x; known: none"),
        (["--option", "x"], "x is not of the form KEY=VALUE"),
    ],
)
def test_settings_that_the_backend_has_not(call, more, message, capsys):
    run, _ = call

    assert run(*more) == 1
    assert message in capsys.readouterr().err


def test_the_backend_glossary_needs_one(notes, tmp_path, capsys):
    arguments = ["translate", str(notes), str(tmp_path / "o"), "--from", "es"]

    assert main([*arguments, "--to", "en", "--backend", "glossary", "--no-cache"]) == 1
    assert "needs --glossary" in capsys.readouterr().err


def test_no_output_is_bad_usage(notes, capsys):
    arguments = ["translate", str(notes), "--from", "es", "--to", "en"]

    assert main([*arguments, "--backend", "glossary"]) == 2


@pytest.mark.parametrize("name", BACKENDS)
def test_every_backend_estimates_without_package_or_network(
    name, notes, terms, tmp_path, capsys
):
    options = {
        "google": ["--option", "project=p"],
        "ctranslate2": ["--option", f"model={tmp_path}"],
        "argos": ["--option", f"packages={tmp_path}"],
        "glossary": ["--glossary", str(terms)],
    }
    arguments = ["translate", str(notes), "--from", "es", "--to", "en", "--dry-run"]

    code = main([*arguments, "--backend", name, "--no-cache", *options.get(name, ())])

    assert code == 0
    price = "0.00 USD" if name != "google" else "0.00"
    assert price in capsys.readouterr().out


@pytest.fixture
def cloud(tmp_path):
    """Return a function that translates by a service on this machine."""
    pytest.importorskip(
        "google.cloud.translate_v3", reason="google-cloud-translate is not installed"
    )
    path = tmp_path / "cloud.jsonl"
    write_documents(path, [Document(str(n), f"Tos {n}.", "es") for n in range(3)])
    out = tmp_path / "out.jsonl"

    def run(server, *more):
        options = ["project=p", "transport=rest", f"endpoint={server.endpoint}"]
        pairs = [part for option in options for part in ("--option", option)]
        arguments = ["translate", str(path), str(out), "--from", "es", "--to", "en"]
        return main([*arguments, "--backend", "google", "--no-cache", *pairs, *more])

    return run, out


def test_a_cloud_backend_says_that_texts_leave(cloud, capsys):
    run, out = cloud
    with TranslateServer() as server:
        assert run(server, "--max-price", "1") == 0

    assert [row.text for row in read_documents(out)] == [
        f"Cough {n}." for n in range(3)
    ]
    estimated, warned, *_ = capsys.readouterr().out.splitlines()
    assert estimated.endswith("18 to send, 0.00 USD")
    assert warned == "texts are sent to google, outside this machine"


def test_a_price_above_the_limit_is_told_before_anything_is_sent(cloud, capsys):
    run, out = cloud
    with TranslateServer() as server:
        assert run(server, "--max-price", "10", "--option", "price=1000000") == 1
        assert server.requests == []

    assert "18 characters would cost 18.00 USD; nothing" in capsys.readouterr().err
    assert not out.exists()


def test_a_refused_document_is_named_and_nothing_written(cloud, capsys):
    run, out = cloud
    with TranslateServer(refuses="Tos 1") as server:
        assert run(server) == 1

    err = capsys.readouterr().err
    assert "document 1: google refused the text (status 400)" in err
    assert "1 documents were refused; nothing was written" in err
    assert "Tos" not in err
    assert not out.exists()


def test_the_other_documents_are_written_where_that_is_wanted(cloud, capsys):
    run, out = cloud
    with TranslateServer(refuses="Tos 1") as server:
        assert run(server, "--skip-refused") == 0

    assert [row.id for row in read_documents(out)] == ["0", "2"]


@pytest.mark.parametrize("price", ["-1", "nan", "much"])
def test_what_is_no_price_is_bad_usage(cloud, price, capsys):
    run, _ = cloud
    with TranslateServer() as server, pytest.raises(SystemExit, match="2"):
        run(server, f"--max-price={price}")
