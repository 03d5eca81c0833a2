"""The starter's data on corpora made here, and once on the real ones."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from ner_engine.data.jsonl import read_documents
from ner_engine.data.synthetic import generate_documents
from ner_engine.errors import BadInput
from ner_engine.labels import DEFAULT_LABELS
from ner_engine.training import starter
from ner_engine.training.starter import (
    build_training_set,
    evaluation_sets,
    format_sources,
    gold_dev_documents,
    main,
    thin_invented,
)
from ner_engine.types import Document

pytestmark = pytest.mark.skipif(
    shutil.which("apertium") is None,
    reason="apertium is not installed: the starter's French silver needs it",
)


def _write(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def _row(name, split, number):
    language = name.rpartition(".")[2]
    stem = name.replace(".", "").replace("-", "")  # no two corpora share a text
    words = " ".join(f"{stem}{split}{number}w{i}" for i in range(30))
    return {
        "id": f"{name}-{split}-{number}",
        "text": f"Hb {number}{number}, 400 mg daily. {words}",
        "language": language,
        "split": split,
        "exhaustive_for": (
            [] if name.startswith(("phee", "simsamu")) else ["MEDICATION"]
        ),
        "entities": [],
    }


@pytest.fixture
def corpora(tmp_path, monkeypatch):
    """Every corpus the starter reads, three rows a split; little generated text."""
    root = tmp_path / "corpora"
    monkeypatch.setattr(starter, "_SYNTHETIC_TRAIN", {"es": 3, "fr": 3})
    monkeypatch.setattr(starter, "_SYNTHETIC_DEV", 2)
    paths = {root / corpus.path for corpus in starter._CORPORA}
    paths |= {held_out.path for held_out in evaluation_sets(root)}
    for path in paths:
        rows = [
            _row(path.stem, split, n)
            for split in ("train", "dev", "test")
            for n in (1, 2, 3)
        ]
        _write(path, rows)
    return root


def test_only_permitted_corpora_and_splits_are_trained_on(corpora, tmp_path):
    data = build_training_set(corpora, tmp_path / "out", seed=1)
    trained = {document.id for document in read_documents(data.train_path)}
    forbidden = (
        "e3c", "ct-ebm-sp", "clinical-cases-sp", "quaero", "mantra", "medinfo",
        "chilean", "mddial",
    )  # fmt: skip
    assert not [name for name in trained if name.startswith(forbidden)]
    assert not [name for name in trained if "-test-" in name]
    dev_trained = {name.partition("-dev-")[0] for name in trained if "-dev-" in name}
    assert dev_trained == {"cardioccc.es"}


def test_every_split_is_named_in_its_file(corpora, tmp_path):
    data = build_training_set(corpora, tmp_path / "out", seed=1)
    assert {d.split for d in read_documents(data.train_path)} == {"train"}
    assert {d.split for d in read_documents(data.dev_path)} == {"dev"}


def test_the_same_seed_writes_the_same_files(corpora, tmp_path):
    first = build_training_set(corpora, tmp_path / "a", seed=1)
    second = build_training_set(corpora, tmp_path / "b", seed=1)
    assert first.train_path.read_bytes() == second.train_path.read_bytes()
    assert first.sources == second.sources


def test_a_training_text_that_stands_in_a_test_is_left_out(corpora, tmp_path):
    path = corpora / "spaccc-temist.es.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    leaked = rows[0] | {"id": "leaked", "text": rows[-1]["text"]}
    _write(path, [*rows, leaked])
    data = build_training_set(corpora, tmp_path / "out", seed=1)
    assert "leaked" not in {d.id for d in read_documents(data.train_path)}


def test_sources_state_licence_digest_and_counts(corpora, tmp_path):
    data = build_training_set(corpora, tmp_path / "out", seed=1)
    written = json.loads((tmp_path / "out" / "sources.json").read_text())
    by_name = {source["name"]: source for source in written}
    assert by_name["phee.en"]["licence"] == "MIT"
    assert by_name["phee.en"]["exhaustive_for"] == []
    assert by_name["simsamu.fr"]["exhaustive_for"] == [
        "DOSAGE",
        "FREQUENCY",
        "DURATION",
    ]
    assert by_name["synthetic.fr"]["exhaustive_for"] == list(DEFAULT_LABELS)
    assert all(len(source.sha256) == 64 for source in data.sources)
    # Real gold is read twice in an epoch, the second time under ids with a tilde.
    n_rows = sum("~" not in row.id for row in read_documents(data.train_path))
    assert sum(source.n_train_documents for source in data.sources) == n_rows
    assert format_sources(data.sources).count("\n") == len(data.sources) + 1


def test_a_missing_corpus_is_named(corpora, tmp_path):
    (corpora / "phee.en.jsonl").unlink()
    with pytest.raises(BadInput, match=r"phee\.en\.jsonl"):
        build_training_set(corpora, tmp_path / "out", seed=1)


def test_the_command_fails_in_one_line_where_a_corpus_is_missing(tmp_path, capsys):
    status = main(["data", "--corpora", str(tmp_path), "--out", str(tmp_path / "o")])
    assert status == 1
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.corpora
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_real_starter_keeps_its_size_and_sources(tmp_path):
    if not os.environ.get("GLOSA_CORPORA"):
        pytest.skip("GLOSA_CORPORA is not set")
    corpora = Path(os.environ["GLOSA_CORPORA"])
    data = build_training_set(corpora, tmp_path, seed=13)
    n_words = sum(source.n_train_words for source in data.sources)
    assert 600_000 <= n_words <= 950_000
    held_out = {
        document.text
        for held in evaluation_sets(corpora)
        for document in read_documents(held.path)
        if held.split in (None, document.split)
    }
    assert held_out.isdisjoint(d.text for d in read_documents(data.train_path))


def test_calibration_reads_what_people_annotated_and_no_patterns(corpora):
    documents = gold_dev_documents(corpora)
    kinds = {document.id.rsplit("-", 2)[0] for document in documents}
    assert kinds == {"spaccc-temist.es", "maccrobat.en", "bc5cdr.en"}
    assert {document.split for document in documents} == {"dev"}
    # the same rows hold a dose, which the silver rules would have marked
    assert all("400 mg" in document.text for document in documents)
    spanish = [document for document in documents if document.language == "es"]
    assert not any(document.spans for document in spanish)


def test_the_second_pass_reads_all_real_and_a_third_of_the_invented_text():
    real = [Document(f"note-{n}", "Hb 9.", "es") for n in range(4)]
    invented = [Document(f"synthetic-es-13-{n}", "Hb 9.", "es") for n in range(9)]
    kept = [d.id for d in thin_invented([*real, *invented], keep_every=3)]
    assert kept == [
        *(f"note-{n}" for n in range(4)),
        *(f"synthetic-es-13-{n}" for n in (0, 3, 6)),
    ]


def test_invented_documents_bear_the_number_that_thinning_reads():
    made = list(generate_documents("fr", 4, 13))
    assert len(thin_invented(made, keep_every=2)) == 2
