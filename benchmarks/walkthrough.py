"""Takes real corpora through the whole path and measures it: docs/walkthrough.md.

Import without entities, suggest, correct from gold through the gesture service, retrain
after ten notes and after all, compare, promote, export, re-read. Run by
``make walkthrough``; needs GLOSA_CORPORA. Everything is written to a folder of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DATA_DIR = tempfile.mkdtemp(prefix="glosa-walkthrough-")
os.environ["ANNOTATOR_DATA_DIR"] = DATA_DIR
os.environ["LOG_LEVEL"] = "WARNING"
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "annotator.settings")
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import django  # noqa: E402 - after the environment is set

django.setup()

from django.core.management import call_command  # noqa: E402
from django.utils.text import slugify  # noqa: E402
from scripted_annotator import GoldSpan, ScriptedAnnotator  # noqa: E402

from annotator import engine  # noqa: E402
from annotator.enums import JobState, NoteState, Split  # noqa: E402
from annotator.models import Export, Job, ModelVersion, Project, User  # noqa: E402
from annotator.services.exports import make_export  # noqa: E402
from annotator.services.imports import EntityUse, import_paths  # noqa: E402
from annotator.services.job_runner import run_job  # noqa: E402
from annotator.services.projects import create_project, delete_label  # noqa: E402
from annotator.services.shipped import register_shipped_bundles  # noqa: E402
from annotator.services.training import enqueue_training  # noqa: E402
from annotator.services.versions import promote  # noqa: E402

SEED = 13


def main() -> int:
    """Run the walkthrough and write its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--corpora", type=Path, default=os.environ.get("GLOSA_CORPORA"))
    args = parser.parse_args()
    if not args.corpora:
        print("walkthrough: set GLOSA_CORPORA to the folder of the corpora")
        return 2
    corpora = Path(args.corpora)
    call_command("migrate", verbosity=0)
    [starter] = register_shipped_bundles()
    admin = User.objects.create_superuser("walkthrough", password=None)
    report = {
        "hardware": hardware(),
        "starter": starter.bundle_digest,
        "seed": SEED,
        "corpora": [
            walk(admin, corpora / "clinical-cases-sp.es.jsonl", language="es"),
            walk(admin, corpora / "e3c.fr.jsonl", language="fr"),
            walk_dialogue(admin),
            walk_unlabelled(admin, corpora / "unlabelled" / "simsamu.fr.jsonl"),
        ],
    }
    engine.close()
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    print(json.dumps(report, indent=2, ensure_ascii=False))
    return 0


def walk(admin: User, path: Path, *, language: str) -> dict[str, Any]:
    """Take one annotated corpus through the path; return what was measured."""
    rows = read_rows(path)
    labels = exhaustive_labels(rows)
    # e3c's dev notes carry one of its labels only: as dev gold they would mislead.
    rows = [row for row in rows if set(row["exhaustive_for"]) >= set(labels)]
    gold = {row["id"]: gold_spans(row, labels) for row in rows}
    project = make_project(admin, path.stem, language=language, labels=labels)
    result: dict[str, Any] = {"corpus": path.stem, "labels": labels}
    started = time.monotonic()
    imported = bring_in(project, admin, strip(rows), f"{path.stem}.jsonl")
    result["import"] = {**imported, "seconds": since(started)}
    started = time.monotonic()
    run_waiting(project)
    result["suggest"] = {
        "notes": project.notes.exclude(state=NoteState.IMPORTED).count(),
        # held-out notes are not suggested for
        "words": sum(
            len(row["text"].split()) for row in rows if row["split"] == Split.TRAIN
        ),
        "seconds": since(started),
    }
    test_file = write_gold(rows, gold, Split.TEST)
    starter = project.active_version
    annotator = ScriptedAnnotator(admin)
    # Held-out notes are annotated without suggestions, whatever the model says.
    for note in project.notes.exclude(split=Split.TRAIN):
        annotator.correct(note, gold[note.external_id])
    training = list(project.notes.filter(split=Split.TRAIN).order_by("sha256"))
    result["rounds"] = []
    for n_notes in (10, len(training)):
        annotator = ScriptedAnnotator(admin)
        for note in training[:n_notes]:
            if note.state not in (NoteState.SUBMITTED, NoteState.ADJUDICATED):
                note.refresh_from_db()
                annotator.correct(note, gold[note.external_id])
                note.refresh_from_db()
        result["rounds"].append(
            retrain(project, admin, test_file, starter, annotator, n_notes)
        )
    result["exports"] = [
        export_and_reread(project, admin, kind) for kind in ("jsonl", "conll")
    ]
    return result


def walk_dialogue(admin: User) -> dict[str, Any]:
    """Take one of the project's own annotated dialogues in, correct it, export it."""
    rows = [
        row
        for row in read_rows(ROOT / "sample_data" / "dialogues.jsonl")
        if row["language"] == "es" and "entities" in row
    ][:1]
    labels = sorted(rows[0]["exhaustive_for"])
    gold = {row["id"]: gold_spans(row, labels) for row in rows}
    project = make_project(admin, "dialogue", language="es", labels=labels)
    for row in rows:
        row["split"] = Split.TRAIN.value
    result: dict[str, Any] = {"corpus": "sample_data/dialogues", "labels": labels}
    result["import"] = bring_in(project, admin, strip(rows), "dialogue.jsonl")
    run_waiting(project)
    note = project.notes.get()
    annotator = ScriptedAnnotator(admin)
    annotator.correct(note, gold[note.external_id])
    result["turns"] = len(note.turns)
    result["gestures"] = dict(annotator.gestures)
    started = time.monotonic()
    job = enqueue_training(project=project, actor=admin)
    run_waiting(project)
    job.refresh_from_db()
    result["retrain"] = {"state": job.state, "seconds": since(started)}
    result["exports"] = [
        export_and_reread(project, admin, kind) for kind in ("jsonl", "conll")
    ]
    return result


def walk_unlabelled(admin: User, path: Path) -> dict[str, Any]:
    """Import unlabelled dialogues: their turns must come out."""
    project = make_project(admin, path.stem, language="fr", labels=[], dialogue=True)
    result: dict[str, Any] = {"corpus": path.stem}
    result["import"] = bring_in(project, admin, strip(read_rows(path)), path.name)
    run_waiting(project)
    notes = list(project.notes.all())
    result["with_turns"] = sum(bool(note.turns) for note in notes)
    result["turns"] = sum(len(note.turns) for note in notes)
    result["roles"] = sorted({turn["role"] for note in notes for turn in note.turns})
    return result


def retrain(
    project: Project,
    admin: User,
    test_file: Path,
    starter: ModelVersion | None,
    annotator: ScriptedAnnotator,
    n_notes: int,
) -> dict[str, Any]:
    """Retrain on what is submitted, compare on the test notes, promote."""
    started = time.monotonic()
    job = enqueue_training(project=project, actor=admin)
    run_waiting(project)
    job.refresh_from_db()
    seconds = since(started)
    if job.state != JobState.SUCCEEDED or starter is None:
        return {"n_notes": n_notes, "state": job.state, "error": job.error_message}
    version = project.versions.get(pk=job.result["version"])
    scores = engine.evaluate(
        version.bundle_path,
        test_file,
        report_path=Path(DATA_DIR) / "scores.json",
        arguments=["--against", starter.bundle_path, "--seed", str(SEED)],
    )
    promote(version=version, project=project, actor=admin)
    run_waiting(project)
    return {
        "n_notes": n_notes,
        "gestures": dict(annotator.gestures),
        "retrain_seconds": seconds,
        "n_test_notes": scores["n_documents"],
        "n_test_spans": scores["n_gold"],
        "starter": scores["against"]["micro"],
        "retrained": scores["micro"],
        "difference": scores["difference"],
        "labels": scores["labels"],
    }


def export_and_reread(project: Project, admin: User, kind: str) -> dict[str, Any]:
    """Export every split; the service re-reads the file and compares."""
    started = time.monotonic()
    export: Export = make_export(
        project=project, actor=admin, format=kind, splits=Split.values
    )
    return {
        "format": kind,
        "notes": export.n_notes,
        "spans": export.n_spans,
        "losses": len(export.losses),
        "re_read_identical": not export.verification["differences"],
        "seconds": since(started),
    }


def make_project(
    admin: User, name: str, *, language: str, labels: list[str], dialogue: bool = False
) -> Project:
    """Make a project with the labels that the corpus is exhaustive for."""
    project = create_project(
        actor=admin,
        name=name,
        slug=slugify(name.replace(".", "-")),
        language=language,
        genre="dialogue" if dialogue or name == "dialogue" else "note",
    )
    for label in project.labels.all():
        if labels and label.name not in labels:
            delete_label(label=label, actor=admin)
    return project


def bring_in(
    project: Project, admin: User, rows: list[dict[str, Any]], name: str
) -> dict[str, Any]:
    """Import rows without entities through the import service."""
    path = Path(DATA_DIR) / name
    write_rows(path, rows)
    report = import_paths(
        project=project, actor=admin, paths=[path], entities=EntityUse.IGNORE
    )
    return {"notes": report.created, "problems": len(report.problems)}


def run_waiting(project: Project) -> None:
    """Run the queued jobs of the project here, as a worker would."""
    while (
        job := Job.objects.filter(project=project, state=JobState.QUEUED)
        .order_by("id")
        .first()
    ):
        run_job(job_id=job.pk, worker="walkthrough")
        job.refresh_from_db()
        if job.state == JobState.QUEUED:
            raise RuntimeError(f"job {job.pk} could not be claimed")


def read_rows(path: Path) -> list[dict[str, Any]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_text(text, encoding="utf-8")


def strip(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows as an archive of notes would hold them: text only."""
    kept = ("id", "text", "language", "split", "group")
    return [{key: row[key] for key in kept if row.get(key)} for row in rows]


def exhaustive_labels(rows: list[dict[str, Any]]) -> list[str]:
    """Return the labels that the test notes are fully annotated for."""
    test = [set(row["exhaustive_for"]) for row in rows if row["split"] == Split.TEST]
    return sorted(set.intersection(*test))


def gold_spans(row: dict[str, Any], labels: list[str]) -> set[GoldSpan]:
    return {
        (entity["start"], entity["end"], entity.get("mapped", entity["label"]))
        for entity in row["entities"]
        if entity.get("mapped", entity["label"]) in labels
    }


def write_gold(
    rows: list[dict[str, Any]], gold: dict[str, set[GoldSpan]], split: str
) -> Path:
    """Write the gold of a split for the scorer, from the corpus and not from us."""
    path = Path(DATA_DIR) / f"gold-{split}.jsonl"
    documents = [
        {
            "id": row["id"],
            "text": row["text"],
            "language": row["language"],
            "exhaustive_for": row["exhaustive_for"],
            "entities": [
                {"start": start, "end": end, "label": label}
                for start, end, label in sorted(gold[row["id"]])
            ],
        }
        for row in rows
        if row["split"] == split
    ]
    write_rows(path, documents)
    return path


def since(started: float) -> float:
    return round(time.monotonic() - started, 1)


def hardware() -> dict[str, Any]:
    """Say what computed, and how busy it was with other work when this began."""
    names = re.findall(
        r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8")
    )
    return {
        "machine": platform.machine(),
        "processor": names[0] if names else platform.processor(),
        "cores": os.cpu_count(),
        "load_at_start": round(os.getloadavg()[0], 1),
    }


if __name__ == "__main__":
    sys.exit(main())
