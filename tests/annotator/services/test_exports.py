"""Exports: what is in the file, what it lost, and that it reads back."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotator.enums import JobKind, JobState, SetState
from annotator.exceptions import (
    ExportDamaged,
    InvalidValues,
    JobCancelled,
    LeaseLost,
    NothingToExport,
    WrongState,
)
from annotator.models import AuditEntry, Export, Job
from annotator.services import export_files, exports, jobs
from annotator.services.export_files import CHUNK_NOTES
from annotator.services.job_runner import run_job
from ner_engine.data.conll import parse_conll
from ner_engine.data.jsonl import read_documents
from ner_engine.types import Span, Token
from tests.annotator.factories import (
    SPANS,
    make_note,
    make_project,
    make_set,
    make_user,
)

pytestmark = pytest.mark.django_db

LABELS = ("MEDICATION", "DOSAGE", "FREQUENCY", "DURATION", "FINDING")


@pytest.fixture(autouse=True)
def data_dir(settings, tmp_path):
    settings.ANNOTATOR_DATA_DIR = tmp_path
    return tmp_path


def test_make_export_jsonl_reads_back_identical(data_dir):
    project = make_project()
    note = make_note(project, external_id="es-1", split="test", group_key="p1")
    make_set(note, None, SPANS)

    export = exports.make_export(
        project=project, actor=make_user(), format="jsonl", splits=["test"]
    )

    (document,) = read_documents(data_dir / export.path)
    assert document.text == note.text
    assert document.spans == tuple(Span(*span) for span in SPANS)
    assert (document.split, document.group) == ("test", "p1")
    assert (export.n_notes, export.n_spans, export.losses) == (1, 5, [])
    assert export.verification == {
        "notes": 1,
        "spans": 5,
        "n_differences": 0,
        "differences": [],
    }
    assert export.is_verified


def test_make_export_conll_lists_what_it_lost(data_dir):
    project = make_project()
    note = make_note(project, external_id="es-1")
    # overlapping: "dolor torácico" wins over "dolor"; off the token edges: "aracetamol"
    spans = [(21, 35, "FINDING"), (21, 26, "FINDING"), (38, 48, "MEDICATION")]
    make_set(note, None, spans)

    export = exports.make_export(project=project, actor=None, format="conll")

    assert export.losses == [
        {
            "note": "es-1",
            "start_char": 21,
            "end_char": 26,
            "label": "FINDING",
            "reason": "overlap",
        },
        {
            "note": "es-1",
            "start_char": 38,
            "end_char": 48,
            "label": "MEDICATION",
            "reason": "misaligned",
        },
    ]
    assert _conll_spans(data_dir / export.path, [note]) == {
        "es-1": {(21, 35, "FINDING"), (37, 48, "MEDICATION")}
    }
    assert (export.n_spans, export.verification["spans"]) == (2, 2)
    assert export.is_verified


def test_make_export_misaligned_into_another_span_is_said_once():
    project = make_project()
    note = make_note(project)
    spans = [(37, 48, "MEDICATION"), (38, 48, "MEDICATION")]
    make_set(note, None, spans)

    export = exports.make_export(project=project, actor=None, format="conll")

    assert [loss["reason"] for loss in export.losses] == ["overlap"]
    assert export.is_verified


def test_make_export_a_span_widened_to_one_that_it_drove_out_is_no_difference():
    project = make_project()
    # a blank before the word: the longer one wins and is widened to the shorter
    make_set(make_note(project, "con 1g"), None, [(3, 6, "DOSAGE"), (4, 6, "DOSAGE")])

    export = exports.make_export(project=project, actor=None, format="conll")

    assert [loss["reason"] for loss in export.losses] == ["misaligned", "overlap"]
    assert (export.n_spans, export.is_verified) == (1, True)


def test_make_export_takes_only_the_gold_of_the_splits():
    project = make_project()
    for split in ("train", "dev", "test"):
        make_set(make_note(project, split=split), None, SPANS)
    annotator = make_user()
    make_set(make_note(project, split="dev"), annotator, state=SetState.OPEN)

    export = exports.make_export(
        project=project, actor=None, format="conll", splits=["test", "dev"]
    )

    assert export.filters == {"splits": ["dev", "test"]}
    assert export.n_notes == 2


def test_make_export_is_private_audited_and_named_for_its_content(data_dir):
    project = make_project("alta")
    make_set(make_note(project), None, SPANS)
    actor = make_user()

    export = exports.make_export(
        project=project, actor=actor, format="conll", splits=["train"]
    )

    path = data_dir / export.path
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert path.name.startswith("alta-train-")
    assert path.suffix == ".conll"
    assert export.sha256 == exports.file_digest(path)
    assert export.size_bytes == path.stat().st_size
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.subject) == ("export.make", f"export:{export.pk}")


def test_make_export_nothing_settled_is_refused_and_leaves_no_file(data_dir):
    project = make_project()
    make_set(make_note(project, split="train"), None, SPANS)

    with pytest.raises(NothingToExport):
        exports.make_export(
            project=project, actor=None, format="conll", splits=["test"]
        )

    assert not list(data_dir.rglob("*.conll"))


@pytest.mark.parametrize(
    "arguments",
    [{"format": "xlsx"}, {"splits": []}, {"splits": ["train", "valid"]}],
)
def test_enqueue_export_bad_choice_is_refused(arguments):
    project = make_project()
    make_set(make_note(project), None, SPANS)

    with pytest.raises(InvalidValues):
        exports.enqueue_export(
            project=project, actor=make_user(), **({"format": "conll"} | arguments)
        )
    assert Job.objects.count() == 0


def test_enqueue_export_queues_a_job():
    project = make_project()
    make_set(make_note(project), None, SPANS)

    job = exports.enqueue_export(
        project=project, actor=make_user(), format="jsonl", splits=["test", "train"]
    )

    assert job.kind == JobKind.EXPORT
    assert job.parameters == {"format": "jsonl", "splits": ["train", "test"]}


def test_open_export_gives_the_file_and_records_it(data_dir):
    project = make_project()
    make_set(make_note(project), None, SPANS)
    export = exports.make_export(project=project, actor=None, format="jsonl")

    path = exports.open_export(export=export, actor=make_user())

    assert path == data_dir / export.path
    assert AuditEntry.objects.last().action == "export.download"


@pytest.mark.parametrize("damage", ["change", "remove"])
def test_open_export_damaged_file_is_refused(data_dir, damage):
    project = make_project()
    make_set(make_note(project), None, SPANS)
    export = exports.make_export(project=project, actor=None, format="jsonl")
    path = data_dir / export.path
    if damage == "change":
        path.write_text("{}")
    else:
        path.unlink()

    with pytest.raises(ExportDamaged):
        exports.open_export(export=export, actor=None)


def test_sweep_orphans_leaves_named_and_young_files(data_dir):
    project = make_project()
    make_set(make_note(project), None, SPANS)
    export = exports.make_export(project=project, actor=None, format="jsonl")
    folder = exports.exports_folder()
    now = timezone.now()
    old = (now - 2 * exports.KEEP_ORPHANS).timestamp()
    (folder / "backup").mkdir()
    _touch(folder / "backup", old)
    for name in ("old.conll", ".old.conll.part", "young.conll"):
        (folder / name).touch()
    for path in [data_dir / export.path, folder / "old.conll"]:
        _touch(path, old)
    _touch(folder / ".old.conll.part", old)

    assert exports.sweep_orphans(now=now) == 2

    left = {path.name for path in folder.iterdir()}
    assert left == {(data_dir / export.path).name, "young.conll", "backup"}


def test_make_export_many_notes_cross_the_chunks():
    project = make_project()
    for number in range(CHUNK_NOTES + 5):
        make_set(make_note(project, f"Fiebre {number}."), None, [(0, 6, "FINDING")])

    export = exports.make_export(project=project, actor=None, format="conll")

    assert export.n_notes == export.n_spans == CHUNK_NOTES + 5
    assert export.is_verified
    assert Export.objects.get().verification["notes"] == CHUNK_NOTES + 5


@st.composite
def texts_and_spans(draw):
    words = st.sampled_from(
        ["fiebre", "1g", "c/8h", "l'hôpital", "½", "µg", "😀", "#", "-DOCSTART-", "a.b"]
    )
    gaps = st.sampled_from([" ", "\n", "\r\n", "\t", "", "\u00a0", "\n\n"])
    parts = draw(st.lists(st.tuples(words, gaps), min_size=1, max_size=25))
    text = "".join(word + gap for word, gap in parts)
    edge = st.integers(0, len(text) - 1)
    ranges = st.tuples(edge, st.integers(1, 12), st.sampled_from(LABELS))
    drawn = draw(st.lists(ranges, max_size=8))
    spans = {(start, min(start + n, len(text)), label) for start, n, label in drawn}
    return text, sorted(spans)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(drawn=texts_and_spans(), language=st.sampled_from(["es", "fr"]))
def test_conll_round_trip_any_spans_come_back_less_the_losses(
    data_dir, drawn, language
):
    text, spans = drawn
    project = make_project(language=language)
    note = make_note(project, text)
    make_set(note, None, spans)

    export = exports.make_export(project=project, actor=None, format="conll")

    assert export.is_verified, export.verification
    lost = {(x["start_char"], x["end_char"], x["label"]) for x in export.losses}
    found = _conll_spans(data_dir / export.path, [note])[note.external_id]
    assert set(spans) - lost <= found
    # nothing comes out that nobody marked, but for widened spans
    widened = sum(loss["reason"] == "misaligned" for loss in export.losses)
    assert len(found - set(spans)) <= widened
    n_gone = sum(loss["reason"] != "misaligned" for loss in export.losses)
    assert export.n_spans == len(found) <= len(spans) - n_gone


def _files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def _touch(path, at):
    os.utime(path, (at, at))


def _conll_spans(path, notes):
    """Read the file with the engine's own parser, over the notes' tokens."""
    documents = list(parse_conll(path.read_text(encoding="utf-8"), path.stem))
    return {
        document.id: {
            (span.start_char, span.end_char, span.label)
            for span in document.spans_over([Token(*token) for token in note.tokens])
        }
        for document, note in zip(documents, notes, strict=True)
    }


@pytest.mark.django_db(transaction=True)
def test_export_job_makes_the_file_and_reports_it(data_dir):
    project = make_project()
    make_set(make_note(project), None, SPANS)
    job = exports.enqueue_export(project=project, actor=make_user(), format="conll")

    run_job(job_id=job.pk, worker="test")

    job.refresh_from_db()
    export = Export.objects.get()
    assert job.state == JobState.SUCCEEDED
    assert job.result == exports.export_summary(export)
    assert (data_dir / export.path).is_file()


@pytest.mark.django_db(transaction=True)
def test_export_job_that_lost_its_lease_leaves_no_row_and_no_file(data_dir):
    project = make_project()
    make_set(make_note(project), None, SPANS)
    job = exports.enqueue_export(project=project, actor=make_user(), format="conll")
    context = jobs.claim(job_id=job.pk, worker="first")
    assert context is not None
    Job.objects.filter(pk=job.pk).update(fencing_token=context.token + 1)

    with pytest.raises(LeaseLost):
        exports.run_export_job(context)

    assert Export.objects.count() == 0
    assert _files(exports.exports_folder()) == []


@pytest.mark.django_db(transaction=True)
def test_export_job_cancelled_before_its_commit_leaves_no_file(data_dir):
    project = make_project()
    make_set(make_note(project), None, SPANS)
    written = []

    @contextmanager
    def cancelled():
        written.extend(_files(exports.exports_folder()))
        raise JobCancelled("job 1 was cancelled")
        yield

    with pytest.raises(JobCancelled):
        exports.make_export(
            project=project, actor=None, format="jsonl", committing=cancelled
        )

    assert len(written) == 1
    assert _files(exports.exports_folder()) == []


def test_verify_says_which_notes_differ(tmp_path):
    project = make_project()
    for number in range(3):
        text = f"Fiebre {number}."
        note = make_note(project, text, external_id=f"n{number}")
        make_set(note, None, [(0, 6, "FINDING")])
    path = tmp_path / "x.conll"
    splits = ["train"]
    written = export_files.write_file(path, project, "conll", splits, None)
    lines = path.read_text().replace("B-FINDING", "O", 1).split("# id = n2")[0]
    path.write_text(lines)

    found = export_files.verify_file(path, project, "conll", written)

    assert (found["notes"], found["spans"], found["n_differences"]) == (2, 1, 2)
    assert found["differences"] == [
        {
            "note": "n0",
            "reason": "spans differ",
            "missing": [(0, 6, "FINDING")],
            "extra": [],
        },
        {"note": "n2", "reason": "not read back"},
    ]


def test_verify_jsonl_misses_a_note_that_is_gone(tmp_path):
    project = make_project()
    for name in ("n0", "n1"):
        make_set(make_note(project, f"Tos {name}.", external_id=name))
    path = tmp_path / "x.jsonl"
    written = export_files.write_file(path, project, "jsonl", ["train"], None)
    path.write_text(path.read_text().splitlines()[0] + "\n")

    found = export_files.verify_file(path, project, "jsonl", written)

    assert found["differences"] == [{"note": "n1", "reason": "missing"}]


@pytest.mark.django_db(transaction=True)
def test_export_job_that_dies_after_its_commit_is_not_run_again(data_dir):
    project, actor = make_project(), make_user()
    make_set(make_note(project), None, SPANS)
    job = exports.enqueue_export(project=project, actor=actor, format="conll")
    context = jobs.claim(job_id=job.pk, worker="first")
    assert context is not None

    # the worker dies here: nothing of what comes after the handler is done
    exports.run_export_job(context)

    job.refresh_from_db()
    assert job.state == JobState.SUCCEEDED
    assert job.result["export"] == Export.objects.get().pk
    assert jobs.claim(job_id=job.pk, worker="second") is None
    with pytest.raises(WrongState):
        jobs.request_cancel(job=job, actor=actor)
