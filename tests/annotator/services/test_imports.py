"""Imports: what goes in, what is left out and why; nothing is half-imported."""

from __future__ import annotations

import json
import os
import zipfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from annotator.enums import Action, NoteState, Origin, SetState, Source
from annotator.models import AnnotationSet, Job, Note, Span, Suggestion
from annotator.services import exports, imports
from ner_engine.data.jsonl import read_documents
from ner_engine.text.tokens import TOKENIZER_VERSION, tokenize
from tests.annotator.factories import (
    SPANS,
    TEXT,
    make_note,
    make_project,
    make_version,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def data_dir(settings, tmp_path):
    settings.ANNOTATOR_DATA_DIR = tmp_path / "data"
    return tmp_path / "data"


def _row(**fields) -> dict:
    entities = [{"start": s, "end": e, "label": name} for s, e, name in SPANS]
    return {"id": "n1", "text": TEXT, "language": "es", "entities": entities} | fields


def _jsonl(folder: Path, *rows: dict | str, name: str = "notes.jsonl") -> Path:
    path = folder / name
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _import(project, *paths, **options):
    return imports.import_paths(
        project=project, actor=None, paths=list(paths), **options
    )


def _reasons(report) -> list[tuple[str, int | None, str]]:
    return [(p.file, p.line, p.code) for p in report.problems]


# What goes in ------------------------------------------------------------------------


def test_import_gold_makes_note_tokens_set_and_spans(tmp_path):
    project = make_project()
    row = _row(group="p1", split="test", title="Alta", corpus="mine")

    report = _import(project, _jsonl(tmp_path, row))

    note = Note.objects.get()
    assert (note.external_id, note.text, note.n_chars) == ("n1", TEXT, len(TEXT))
    assert (note.group_key, note.split, note.title) == ("p1", "test", "Alta")
    assert note.metadata == {"corpus": "mine"}
    assert note.state == NoteState.ADJUDICATED
    assert note.tokenizer_version == TOKENIZER_VERSION
    assert note.tokens == [
        [t.start_char, t.end_char, int(t.sentence_start)] for t in tokenize(TEXT, "es")
    ]
    gold = AnnotationSet.objects.get()
    assert (gold.is_gold, gold.annotator, gold.state) == (True, None, "submitted")
    assert gold.labels_shown == list(project.labels.values_list("name", flat=True))
    assert [
        (s.start_char, s.end_char, s.label.name, s.origin) for s in gold.spans.all()
    ] == [(*span, Origin.IMPORTED) for span in SPANS]
    assert list(gold.events.values_list("action", "revision")) == [(Action.IMPORT, 0)]
    assert report.as_json() == {
        "created": 1,
        "with_gold": 1,
        "spans": 5,
        "suggestions": 0,
        "by_split": {"test": 1},
        "files": [{"file": "notes.jsonl", "notes": 1}],
        "duplicates": 0,
        "n_problems": 0,
        "retriable": 0,
        "problems": [],
        "rejoined": 0,
        "unknown_exhaustive": {},
        "prediction_job": None,
    }


def test_import_gold_of_some_labels_shows_only_these(tmp_path):
    project = make_project()
    row = _row(exhaustive_for=["FINDING", "DOSAGE", "ELSEWHERE"])

    report = _import(project, _jsonl(tmp_path, row))

    assert report.as_json()["unknown_exhaustive"] == {"ELSEWHERE": 1}
    assert AnnotationSet.objects.get().labels_shown == ["DOSAGE", "FINDING"]
    assert Note.objects.get().exhaustive_for == ["DOSAGE", "FINDING"]


def test_import_gold_empty_list_is_an_annotated_note(tmp_path):
    project = make_project()

    _import(project, _jsonl(tmp_path, _row(entities=[])))

    assert AnnotationSet.objects.get().state == SetState.SUBMITTED
    assert Span.objects.count() == 0


def test_import_without_entities_is_open(tmp_path):
    row = _row()
    del row["entities"]

    _import(make_project(), _jsonl(tmp_path, row))

    assert Note.objects.get().state == NoteState.IMPORTED
    assert AnnotationSet.objects.count() == 0


def test_import_suggestions_keeps_confidence(tmp_path):
    row = _row(
        split="train",
        entities=[
            {"start": 21, "end": 35, "label": "FINDING", "confidence": 0.0},
            {"start": 37, "end": 48, "label": "MEDICATION"},
        ],
    )

    report = _import(make_project(), _jsonl(tmp_path, row), entities="suggestions")

    assert list(
        Suggestion.objects.values_list("source", "start_char", "confidence")
    ) == [
        (Source.PROJECTION, 21, 0.0),
        (Source.PROJECTION, 37, 1.0),
    ]
    assert Note.objects.get().state == NoteState.SUGGESTED
    assert (report.n_suggestions, AnnotationSet.objects.count()) == (2, 0)


@pytest.mark.parametrize("split", ["dev", "test"])
def test_import_suggests_nothing_for_held_out_notes(tmp_path, split):
    project = make_project(active_version=make_version())
    path = _jsonl(tmp_path, _row(split=split))

    report = _import(project, path, entities="suggestions")

    note = Note.objects.get()
    assert (note.state, note.suggestions.count()) == (NoteState.IMPORTED, 0)
    assert (report.created, report.n_suggestions) == (1, 0)
    assert report.prediction_job is None
    assert not Job.objects.exists()


def test_import_ignore_leaves_entities_out_whatever_their_labels(tmp_path):
    row = _row(entities=[{"start": 0, "end": 3, "label": "STRANGE"}])

    report = _import(make_project(), _jsonl(tmp_path, row), entities="ignore")

    assert (report.created, report.n_problems) == (1, 0)
    assert Suggestion.objects.count() == Span.objects.count() == 0


def test_import_mapped_labels_take_the_place_of_the_corpus_own(tmp_path):
    row = _row(
        entities=[
            {"start": 21, "end": 35, "label": "Pathology", "mapped": "FINDING"},
            {"start": 37, "end": 48, "label": "Other", "mapped": None},
        ]
    )

    _import(make_project(), _jsonl(tmp_path, row))

    assert list(Span.objects.values_list("start_char", "label__name")) == [
        (21, "FINDING")
    ]


def test_import_repeated_entity_counts_once(tmp_path):
    entity = {"start": 21, "end": 35, "label": "FINDING"}

    report = _import(make_project(), _jsonl(tmp_path, _row(entities=[entity, entity])))

    assert (Span.objects.count(), report.n_spans) == (1, 1)


def test_import_text_file_is_a_note_named_for_the_file(tmp_path):
    path = tmp_path / "alta 7.txt"
    path.write_bytes("\ufeffDolor torácico.\r\nAlta.".encode())

    _import(make_project(), path)

    note = Note.objects.get()
    assert (note.external_id, note.text) == ("alta 7", "Dolor torácico.\r\nAlta.")
    assert note.group_key == "alta 7"


def test_import_named_encoding_is_used(tmp_path):
    path = tmp_path / "windows.txt"
    path.write_bytes("Dolor torácico – 37 ½".encode("cp1252"))

    report = _import(make_project(), path, encoding="cp1252")

    assert report.n_problems == 0
    assert Note.objects.get().text == "Dolor torácico – 37 ½"


@pytest.mark.parametrize("suffix", [".conll", ".iob"])
def test_import_tokens_make_a_text_and_the_report_says_so(tmp_path, suffix):
    rows = "# id = n1\nTos\tB-FINDING\nseca\tI-FINDING\n.\tO\n\nFiebre\tB-FINDING\n"
    plain, packed = tmp_path / f"a{suffix}", tmp_path / "b.zip"
    plain.write_text(rows, encoding="utf-8")
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(f"b{suffix}", rows.replace("n1", "n2").replace("Tos", "Piel"))
    other = _jsonl(tmp_path, _row(id="n3"))

    report = _import(make_project(), plain, packed, other)

    assert (report.problems, report.created, report.n_rejoined) == ([], 3, 2)
    note = Note.objects.get(external_id="n1")
    assert note.text == "Tos seca .\nFiebre"
    spans = Span.objects.filter(annotation_set__note=note).order_by("start_char")
    assert list(spans.values_list("start_char", "end_char")) == [(0, 8), (11, 17)]


def test_import_csv_and_zip(tmp_path):
    (tmp_path / "t.csv").write_text(
        'id;texto;group;servicio\nc1;"Fiebre; tos";p1;UCI\nc2;Disnea;p1;UCI\n',
        encoding="utf-8",
    )
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.write(tmp_path / "t.csv", "in/t.csv")
        archive.writestr("a.txt", "Cefalea")
        archive.writestr("b.jsonl", json.dumps(_row(id="j1")))
        archive.writestr("c.pdf", b"%PDF")

    report = _import(make_project(), tmp_path / "all.zip")

    assert set(Note.objects.values_list("external_id", "group_key")) == {
        ("c1", "p1"),
        ("c2", "p1"),
        ("a", "a"),
        ("j1", "j1"),
    }
    assert Note.objects.get(external_id="c1").metadata == {"servicio": "UCI"}
    assert [(p.file, p.code) for p in report.problems] == [
        ("all.zip/c.pdf", "unreadable")
    ]


def test_import_queues_suggestions_for_open_notes_only(tmp_path):
    version = make_version(None)
    project = make_project(active_version=version)
    rows = [_row(id="gold"), _row(id="open", text="Tos.", entities=None)]
    rows = [row | {"split": "train"} for row in rows]

    report = _import(project, _jsonl(tmp_path, *rows))

    job = Job.objects.get()
    assert (job.kind, report.prediction_job) == ("predict", job.pk)
    assert job.parameters == {"note_ids": [Note.objects.get(external_id="open").pk]}


# Splits ------------------------------------------------------------------------------


def test_import_split_is_drawn_by_patient_and_reproducible(tmp_path):
    project = make_project(dev_percent=30, test_percent=30)
    rows = [
        _row(id=f"n{i}", text=f"Fiebre {i}", group=f"p{i // 2}", entities=None)
        for i in range(120)
    ]

    _import(project, _jsonl(tmp_path, *rows))

    splits = dict(Note.objects.values_list("external_id", "split"))
    for number in range(0, 120, 2):
        assert splits[f"n{number}"] == splits[f"n{number + 1}"]
    shares = {name: list(splits.values()).count(name) for name in set(splits.values())}
    assert set(shares) == {"train", "dev", "test"}
    Note.objects.all().delete()
    _import(project, _jsonl(tmp_path, *reversed(rows)))
    assert dict(Note.objects.values_list("external_id", "split")) == splits


def test_import_patient_known_to_the_project_keeps_the_split(tmp_path):
    project = make_project(dev_percent=0, test_percent=0)
    make_note(project, "Otra nota.", group_key="p1", split="test")
    rows = [
        _row(id="follows", group="p1"),
        _row(id="leaks", text="Tos.", entities=[], group="p1", split="train"),
    ]

    report = _import(project, _jsonl(tmp_path, *rows))

    assert Note.objects.get(external_id="follows").split == "test"
    assert _reasons(report) == [("notes.jsonl", 2, "split_differs")]


# What is left out --------------------------------------------------------------------


def test_import_reports_every_bad_row_with_its_line_and_takes_the_others(
    tmp_path, settings
):
    settings.ANNOTATOR_MAX_NOTE_CHARS = 200
    project = make_project()
    make_note(project, "Ya estaba.", external_id="old")
    make_note(project, "Con otro id.", external_id="old-2")
    path = _jsonl(
        tmp_path,
        _row(),  # 1: good
        "{not json",  # 2
        _row(id="empty", text="  \n"),  # 3
        _row(id="nul", text="a\0b", entities=[]),  # 4
        _row(id="far", entities=[{"start": 0, "end": 999, "label": "FINDING"}]),  # 5
        _row(id="label", text="Tos", entities=[{"start": 0, "end": 3, "label": "X"}]),
        "",  # 7: passed over
        _row(id="long", text="a" * 201, entities=[]),  # 8
        _row(id="again"),  # 9: text of line 1
        _row(id="n1", text="Otra"),  # 10: id of line 1
        _row(id="old", text="Nueva", entities=[]),  # 11: id in the project
        _row(id="new", text="Ya estaba.", entities=[]),  # 12: text in the project
        _row(id="split", text="Vértigo", entities=[], split="valid"),  # 13
        _row(id="meta", text="Mareo", entities=[], title="a\0b"),  # 14
        _row(id="last", text="Náuseas", entities=[]),  # 15: good
    )

    report = _import(project, path)

    assert _reasons(report) == [
        ("notes.jsonl", 2, "unreadable"),
        ("notes.jsonl", 3, "unreadable"),
        ("notes.jsonl", 4, "unreadable"),
        ("notes.jsonl", 5, "unreadable"),
        ("notes.jsonl", 6, "unknown_label"),
        ("notes.jsonl", 8, "too_long"),
        ("notes.jsonl", 9, "text_repeated"),
        ("notes.jsonl", 10, "unreadable"),
        ("notes.jsonl", 11, "id_in_project"),
        ("notes.jsonl", 12, "text_in_project"),
        ("notes.jsonl", 13, "unreadable"),
        ("notes.jsonl", 14, "broken_field"),
    ]
    assert set(Note.objects.values_list("external_id", flat=True)) == {
        "old",
        "old-2",
        "n1",
        "last",
    }
    assert report.created == 2
    assert report.n_duplicates == 3


@pytest.mark.parametrize("bad", ["a\0b", "a\ud800b"])
def test_import_unstorable_characters_anywhere_are_a_problem(tmp_path, bad):
    rows = [
        _row(id="group", text="Uno", entities=[], group=bad),
        _row(id="title", text="Dos", entities=[], title=bad),
        _row(id="language", text="Tres", entities=[], language=bad),
        _row(id="other", text="Cuatro", entities=[], ward={"deep": [bad]}),
        _row(id="label", entities=[{"start": 0, "end": 3, "label": bad}]),
        _row(id="good", text="Seis", entities=[]),
    ]

    report = _import(make_project(), _jsonl(tmp_path, *rows))

    assert [problem.code for problem in report.problems] == [
        "id_broken",
        "broken_field",
        "broken_field",
        "broken_field",
        "unknown_label",
    ]
    assert report.problems[4].values == {"labels": "ab"}
    assert report.created == 1


def test_import_rows_that_overflow_a_parser_cost_nobody_else(tmp_path):
    """900 levels pass the JSON reader, 10^400 too; neither passes a database."""
    rows = [
        '{"id": "900", "text": "Uno", "x": ' + "[" * 900 + "]" * 900 + "}",
        '{"id": "99999", "text": "Dos", "x": ' + "[" * 99_999 + "]" * 99_999 + "}",
        '{"id": "digits", "text": "Tres", "x": ' + "9" * 5_000 + "}",
        '{"id": "endless", "text": "Cuatro", "x": {"y": [1e400]}}',
        _row(id="good", text="Cinco", entities=[]),
    ]

    report = _import(make_project(), _jsonl(tmp_path, *rows))

    assert _reasons(report) == [
        ("notes.jsonl", 1, "broken_field"),
        ("notes.jsonl", 2, "unreadable"),
        ("notes.jsonl", 3, "unreadable"),
        ("notes.jsonl", 4, "broken_field"),
    ]
    assert Note.objects.get().external_id == "good"


def test_import_problems_stand_in_the_order_of_files_and_lines(tmp_path):
    second = _jsonl(tmp_path, "{", name="a.jsonl")
    rows = [_row(id=" ", text="Uno"), "{", _row(split="none"), "{"]
    first = _jsonl(tmp_path, *rows, name="b.jsonl")

    report = _import(make_project(), first, second)

    assert [(problem.file, problem.line) for problem in report.problems] == [
        ("b.jsonl", 1),
        ("b.jsonl", 2),
        ("b.jsonl", 3),
        ("b.jsonl", 4),
        ("a.jsonl", 1),
    ]


def test_import_reasons_say_place_and_bound_but_no_text(tmp_path):
    path = _jsonl(
        tmp_path,
        _row(
            id="a",
            text="Secreto",
            entities=[{"start": 2, "end": 99, "label": "DOSAGE"}],
        ),
        _row(id="b", text="Secreto dos\0"),
        _row(
            id="c", text="Secreto tres", entities=[{"start": 0, "end": 7, "label": "Z"}]
        ),
        '{"id": "d", "text": "Secreto',
    )

    report = _import(make_project(), path)

    reasons = [problem.reason for problem in report.problems]
    assert reasons == [
        "document a: span [2, 99) outside a text of 7 characters",
        "the text holds a NUL character at 11",
        "labels that the project lacks: Z",
        reasons[3],
    ]
    assert not any("Secreto" in reason for reason in reasons)


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("latin.txt", "Dolor torácico".encode("latin-1"), None),
        ("blank.txt", b" \n\t", None),
        ("nul.txt", b"Dolor\x00", None),
        ("notes.csv", b"id,nota\n1,Tos\n", 1),
        ("notes.zip", b"PK not really", None),
    ],
)
def test_import_bad_file_is_a_problem_not_an_end(tmp_path, name, content, line):
    bad = tmp_path / name
    bad.write_bytes(content)
    good = tmp_path / "good.txt"
    good.write_text("Cefalea.", encoding="utf-8")

    report = _import(make_project(), bad, good)

    assert _reasons(report) == [(name, line, "unreadable")]
    assert report.created == 1


def test_import_duplicate_over_two_files_names_the_first(tmp_path):
    first = _jsonl(tmp_path, _row(), name="a.jsonl")
    second = _jsonl(tmp_path, _row(id="n2"), name="b.jsonl")

    report = _import(make_project(), first, second)

    (problem,) = report.problems
    assert (problem.file, problem.line) == ("b.jsonl", 1)
    assert problem.reason == "the text came before, at a.jsonl:1"


def test_import_report_lists_a_thousand_problems_and_counts_all(tmp_path):
    report = _import(make_project(), _jsonl(tmp_path, *["{"] * 1200))

    assert (report.n_problems, len(report.problems)) == (1200, 1000)


# Transactions and repetition ---------------------------------------------------------


def test_import_never_cuts_a_note_over_two_transactions(tmp_path):
    word = "tos "
    rows = [
        _row(
            id=f"n{i}",
            text=word * n + str(i),
            entities=[
                {"start": k * 4, "end": k * 4 + 3, "label": "FINDING"} for k in range(n)
            ],
        )
        for i, n in enumerate([300, 250, 700, 1, 1])
    ]
    sizes = []

    class Counting:
        def __enter__(self):
            self.before = Span.objects.count()

        def __exit__(self, *_):
            sizes.append(Span.objects.count() - self.before)

    _import(make_project(), _jsonl(tmp_path, *rows), committing=Counting)

    # the last one holds the end of the import
    assert sizes == [300, 250, 700, 2, 0]


def test_import_two_at_once_take_a_text_once(tmp_path):
    project = make_project()
    path = _jsonl(tmp_path, _row(), _row(id="n2", text="Tos.", entities=[]))

    @contextmanager
    def overtaken():
        if not Note.objects.exists():
            make_note(project, TEXT, external_id="other")
        yield

    report = _import(project, path, committing=overtaken)

    assert [problem.code for problem in report.problems] == ["text_in_project"]
    assert report.created == 1
    assert set(Note.objects.values_list("external_id", flat=True)) == {"other", "n2"}


def test_import_job_run_twice_goes_on_behind_the_crash(tmp_path):
    project = make_project(active_version=make_version(None))
    own = {"entities": None, "split": "train"}
    rows = [_row(id=f"n{i}", text=f"Tos {i}", **own) for i in range(60)]
    path = _jsonl(tmp_path, *rows)
    calls = []

    def crash_at_second_batch(done, total):
        calls.append(done)
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _import(project, path, job_id=7, progress=crash_at_second_batch)
    assert 0 < Note.objects.count() < 60

    report = _import(project, path, job_id=7)

    assert (report.created, report.n_problems) == (60, 0)
    assert Note.objects.count() == 60
    assert len(Job.objects.get().parameters["note_ids"]) == 60
    again = _import(project, path, job_id=8)
    assert (again.created, again.n_duplicates) == (0, 60)


# Real files --------------------------------------------------------------------------


@pytest.mark.corpora
@pytest.mark.skipif(not os.environ.get("GLOSA_CORPORA"), reason="GLOSA_CORPORA unset")
@pytest.mark.parametrize("name", ["clinical-cases-sp.es", "e3c.fr"])
def test_import_then_export_of_a_real_corpus_is_identical(tmp_path, name):
    path = Path(os.environ["GLOSA_CORPORA"]) / f"{name}.jsonl"
    project = make_project(language=name[-2:])
    originals = {doc.id: doc for doc in read_documents(path)}

    report = _import(project, path)

    assert report.problems == []
    assert (report.created, report.n_spans) == (
        len(originals),
        sum(len(set(doc.spans)) for doc in originals.values()),
    )
    for format_name in ("jsonl", "conll"):
        export = exports.make_export(project=project, actor=None, format=format_name)
        assert export.is_verified, export.verification
        assert export.n_notes == len(originals)
    stored = exports.make_export(project=project, actor=None, format="jsonl")
    for document in read_documents(exports.export_path(stored)):
        original = originals[document.id]
        assert document.text == original.text
        assert set(document.spans) == set(original.spans)
        assert document.split == original.split
        assert document.exhaustive_for == original.exhaustive_for
