"""The commands of set-up, import and export, as an administrator types them."""

from __future__ import annotations

import io
import json
import stat

import pytest
from django.core.management import CommandError, call_command

from annotator.models import AuditEntry, Note, User
from annotator.services import audit
from ner_engine.data.jsonl import read_documents
from tests.annotator.factories import SPANS, make_note, make_project, make_set

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def data_dir(settings, tmp_path):
    settings.ANNOTATOR_DATA_DIR = tmp_path / "data"
    return tmp_path / "data"


def _call(*arguments: str) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command(*arguments, stdout=out, stderr=err, no_color=True)
    return out.getvalue(), err.getvalue()


def test_create_admin_prints_a_generated_password():
    out, _ = _call("create_admin", "--username", "vidal", "--generate-password")

    password = out.splitlines()[1].removeprefix("Password: ")
    user = User.objects.get(username="vidal")
    assert (user.is_superuser, user.check_password(password)) == (True, True)


def test_create_admin_reads_standard_input(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("cuatro-gatos-azules\nmore\n"))

    out, _ = _call(
        "create_admin",
        "--username",
        "vidal",
        "--email",
        "v@example.org",
        "--password-stdin",
    )

    assert out == "Administrator vidal was made.\n"
    user = User.objects.get(username="vidal", email="v@example.org")
    assert user.check_password("cuatro-gatos-azules")


@pytest.mark.parametrize(
    ("typed", "arguments"),
    [
        ("\n", ["--username", "vidal", "--password-stdin"]),
        ("short\n", ["--username", "vidal", "--password-stdin"]),
        ("", []),
        ("", ["--username", "no good", "--generate-password"]),
    ],
)
def test_create_admin_refuses(monkeypatch, typed, arguments):
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))

    with pytest.raises(CommandError):
        _call("create_admin", *arguments)

    assert User.objects.count() == 0


def test_import_notes_reports_counts_and_problems(tmp_path):
    project = make_project("alta")
    path = tmp_path / "notes.jsonl"
    good = {"id": "n1", "text": "Fiebre.", "language": "es", "split": "test"}
    good["entities"] = [{"start": 0, "end": 6, "label": "FINDING"}]
    path.write_text(f"{json.dumps(good)}\n{{broken\n")

    out, err = io.StringIO(), io.StringIO()
    with pytest.raises(CommandError, match="not everything was imported"):
        call_command(
            "import_notes", str(path), "--project", "alta", stdout=out, stderr=err
        )

    assert out.getvalue() == (
        "1 notes imported (1 test), 1 with gold (1 spans), 0 suggestions; 1 left out.\n"
    )
    assert err.getvalue().startswith("notes.jsonl:2: not JSON at column 2")
    assert project.notes.count() == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{file}", "--project", "none"], "there is no project none"),
        (["{file}x", "--project", "alta"], "no such file: {file}x"),
        (["{file}", "--project", "alta"], "nothing was imported"),
    ],
)
def test_import_notes_that_cannot_work_fails(tmp_path, arguments, message):
    make_project("alta")
    path = tmp_path / "empty.txt"
    path.write_text(" ")
    filled = [argument.format(file=path) for argument in arguments]

    with pytest.raises(CommandError, match=message.format(file=path)):
        _call("import_notes", *filled)

    assert Note.objects.count() == 0


def test_export_annotations_writes_a_private_file_that_reads_back(tmp_path):
    project = make_project("alta")
    for split in ("train", "test"):
        make_set(make_note(project, split=split), None, SPANS)
    out_path = tmp_path / "out.jsonl"

    out, err = _call(
        "export_annotations",
        "--project",
        "alta",
        "--format",
        "jsonl",
        "--split",
        "test, train",
        "--out",
        str(out_path),
    )

    assert out.startswith(
        "2 notes, 10 spans, 0 losses; read again: 2 notes, 10 spans identical.\n"
    )
    assert err == ""
    assert stat.S_IMODE(out_path.stat().st_mode) == 0o600
    assert sum(len(document.spans) for document in read_documents(out_path)) == 10


def test_export_annotations_closes_a_file_that_others_could_read(tmp_path):
    make_set(make_note(make_project("alta")), None, SPANS)
    out_path = tmp_path / "out.conll"
    out_path.touch()
    out_path.chmod(0o644)

    _call("export_annotations", "--project", "alta", "--out", str(out_path))

    assert stat.S_IMODE(out_path.stat().st_mode) == 0o600


def test_export_annotations_lists_losses(tmp_path):
    project = make_project("alta")
    note = make_note(project, external_id="es-1")
    make_set(note, None, [(21, 35, "FINDING"), (21, 26, "FINDING")])

    _, err = _call(
        "export_annotations", "--project", "alta", "--out", str(tmp_path / "o.conll")
    )

    assert err == "es-1 [21, 26) FINDING: overlap\n"


def test_export_annotations_says_what_reads_like_the_contrary(tmp_path):
    note = make_note(make_project("alta"), external_id="es-1")
    gold = make_set(note, None, [(21, 35, "FINDING")], labels_undecided=["DOSAGE"])
    gold.spans.update(attributes={"negated": True})

    out, err = _call(
        "export_annotations", "--project", "alta", "--out", str(tmp_path / "o.conll")
    )

    assert err.splitlines() == [
        "es-1 [21, 35) FINDING: attributes (negated)",
        "es-1 DOSAGE: undecided",
        "Negated annotations look positive in this file: 1.",
        "Notes not settled for every label, where O may mean that nobody decided: 1.",
    ]
    assert out.startswith("1 note, 1 span, 2 losses; read again: 1 note, 1 span ")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--project", "none"],
        ["--project", "alta", "--split", "test"],
        ["--project", "alta", "--split", "valid"],
    ],
)
def test_export_annotations_that_cannot_work_fails(tmp_path, arguments):
    make_set(make_note(make_project("alta"), split="train"), None, SPANS)

    with pytest.raises(CommandError):
        _call("export_annotations", *arguments, "--out", str(tmp_path / "o.conll"))

    assert not (tmp_path / "o.conll").exists()


def test_verify_audit_says_sound_or_where_it_broke():
    first = audit.record(actor=None, action="one")
    second = audit.record(actor=None, action="two")

    out, _ = _call("verify_audit", "--noted", first.digest)

    assert out == f"2 entries, sound. Head: {second.digest}\n"
    with pytest.raises(CommandError, match="not in the trail"):
        _call("verify_audit", "--noted", "f" * 64)
    AuditEntry.objects.filter(pk=first.pk).update(action="other")
    with pytest.raises(CommandError, match=f"entry {first.pk} was changed"):
        _call("verify_audit")
