"""The demo: three projects of invented notes and four people, loaded once.

Which notes come with gold. All notes of a patient share a split. A patient is *settled*
when each of their notes is annotated in the sample file. Settled patients, in the order
of a hash of their key, give a third of the annotated notes to test and then a sixth to
dev; these keep their gold, so that every model can be compared from the first minute.
The other notes are training notes: of the annotated ones, in the order of a hash of
their id, every second keeps its gold and feeds the first retraining; all the rest come
without annotations and are the visitor's work. So nothing un-annotated is held out.

Loading happens once a database, until `reset_demo`. What the demo made bears a mark
(``is_demo``): a project or person that has a demo's name without it is a clinic's own,
and nothing here writes into it, gives it a role or deletes it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from annotator.enums import EntityUse, Genre, Role, Split
from annotator.exceptions import DemoRefused
from annotator.models import AuditEntry, Project, User
from annotator.services import accounts, audit, projects
from annotator.services.imports import import_paths
from annotator.services.project_deletion import delete_project
from annotator.services.shipped import register_shipped_bundles

# Actions of the audit trail; the later of the two tells whether the demo is there.
LOADED = "demo.load"
RESET = "demo.reset"


@dataclass(frozen=True, slots=True)
class DemoProject:
    """A project of the demo; its notes and guideline lie in the sample data."""

    slug: str
    name: str
    language: str
    genre: str
    notes: str
    guideline: str
    annotators: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DemoPerson:
    username: str
    first_name: str
    last_name: str
    interface_language: str
    is_admin: bool = False


PROJECTS = (
    DemoProject(
        "notas-clinicas",
        "Notas clínicas (es)",
        "es",
        Genre.NOTE,
        "notes.es.jsonl",
        "guideline.es.md",
        ("garcia",),
    ),
    DemoProject(
        "notes-cliniques",
        "Notes cliniques (fr)",
        "fr",
        Genre.NOTE,
        "notes.fr.jsonl",
        "guideline.fr.md",
        ("moreau",),
    ),
    DemoProject(
        "consultations",
        "Consultations (dialogue)",
        "en",
        Genre.DIALOGUE,
        "dialogues.jsonl",
        "guideline.dialogues.md",
        ("garcia", "moreau"),
    ),
)
PEOPLE = (
    DemoPerson("admin", "Demo", "Admin", "", is_admin=True),
    DemoPerson("garcia", "Marta", "García", "es"),
    DemoPerson("moreau", "Paul", "Moreau", "fr"),
    DemoPerson("reyes", "Ana", "Reyes", "es"),
)
REVIEWER = "reyes"


def logins_path() -> Path:
    """Where the generated passwords are kept, for this service's user only."""
    return Path(settings.ANNOTATOR_DATA_DIR) / "demo_logins.json"


def is_loaded() -> bool:
    said = AuditEntry.objects.filter(action__in=[LOADED, RESET]).order_by("-id")
    return said.values_list("action", flat=True).first() == LOADED


def load_demo() -> bool:
    """Load projects and people; False when that was done before.

    Interrupted half-way it is simply run again: what is there already is kept. Raises
    DemoRefused when names are taken, before anything is written.
    """
    if is_loaded():
        return False
    refuse_taken_names()
    register_shipped_bundles()
    people = _make_people()
    admin = people["admin"]
    for wanted in PROJECTS:
        project = Project.objects.filter(slug=wanted.slug).first()
        if project is None:
            project = _make_project(wanted, people)
        _import_notes(project, wanted, admin)
    audit.record(actor=admin, action=LOADED, details={"projects": len(PROJECTS)})
    return True


def demo_projects() -> list[Project]:
    """Return what a reset deletes: one given another address was taken over."""
    slugs = [wanted.slug for wanted in PROJECTS]
    return list(Project.objects.filter(is_demo=True, slug__in=slugs))


def refuse_taken_names() -> None:
    """Raise DemoRefused, naming what has a demo's name and was not made by it."""
    slugs = [wanted.slug for wanted in PROJECTS]
    names = [person.username for person in PEOPLE]
    projects = Project.objects.filter(slug__in=slugs, is_demo=False)
    people = User.objects.filter(username__in=names, is_demo=False)
    if projects or people:
        raise DemoRefused(
            projects=[project.slug for project in projects],
            people=[person.username for person in people],
        )


def reset_demo() -> None:
    """Delete the demo projects with all work in them and load them again.

    Raises DemoRefused, with nothing deleted, when they could not be loaded again.
    """
    refuse_taken_names()
    for project in demo_projects():
        delete_project(project=project, actor=None)
    audit.record(actor=None, action=RESET)
    load_demo()


def plan(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give each row its split, and take the gold away from what visitors annotate."""
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[str(row.get("group") or row["id"])].append(row)
    n_gold = sum(_is_annotated(row) for row in rows)
    room = {Split.TEST: round(n_gold / 3), Split.DEV: round(n_gold / 6)}
    split_of: dict[str, str] = {}
    for key in sorted(groups, key=_rank):
        if all(map(_is_annotated, groups[key])):
            for split in (Split.TEST, Split.DEV):
                if len(groups[key]) <= room[split]:
                    split_of[key] = split
                    room[split] -= len(groups[key])
                    break
    planned = [
        row | {"split": split_of.get(str(row.get("group") or row["id"]), Split.TRAIN)}
        for row in rows
    ]
    training = [
        str(row["id"])
        for row in planned
        if row["split"] == Split.TRAIN and _is_annotated(row)
    ]
    kept = set(sorted(training, key=_rank)[::2])
    for row in planned:
        if row["split"] == Split.TRAIN and row["id"] not in kept:
            row.pop("entities", None)
            row.pop("exhaustive_for", None)
    return planned


def _is_annotated(row: dict[str, Any]) -> bool:
    return row.get("entities") is not None


def _rank(key: str) -> str:
    return hashlib.sha256(f"demo:{key}".encode()).hexdigest()


def _make_people() -> dict[str, User]:
    """Make who is missing, with the passwords of the log-in file or new ones."""
    path = logins_path()
    logins: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    people: dict[str, User] = {}
    for person in PEOPLE:
        user = User.objects.filter(username=person.username).first()
        if user is None:
            password = logins.setdefault(person.username, accounts.generate_password())
            _write_private(path, json.dumps(logins, indent=2) + "\n")
            user = accounts.create_user(
                actor=None,
                username=person.username,
                password=password,
                is_admin=person.is_admin,
                first_name=person.first_name,
                last_name=person.last_name,
                interface_language=person.interface_language,
                is_demo=True,
            )
        people[person.username] = user
    return people


def _make_project(wanted: DemoProject, people: dict[str, User]) -> Project:
    folder = Path(settings.ANNOTATOR_SAMPLE_DATA)
    admin = people["admin"]
    with transaction.atomic():
        project = projects.create_project(
            actor=admin,
            name=wanted.name,
            slug=wanted.slug,
            language=wanted.language,
            genre=wanted.genre,
            guideline=(folder / wanted.guideline).read_text(encoding="utf-8"),
        )
        project.is_demo = True
        project.save(update_fields=["is_demo"])
        roles = dict.fromkeys(wanted.annotators, Role.ANNOTATOR)
        for username, role in (roles | {REVIEWER: Role.REVIEWER}).items():
            projects.set_member(
                project=project, actor=admin, user=people[username], role=role
            )
    return project


def _import_notes(project: Project, wanted: DemoProject, admin: User) -> None:
    source = Path(settings.ANNOTATOR_SAMPLE_DATA) / wanted.notes
    lines = source.read_text(encoding="utf-8").splitlines()
    rows = plan([json.loads(line) for line in lines if line.strip()])
    known = set(project.notes.values_list("external_id", flat=True))
    folder = Path(tempfile.mkdtemp(prefix="demo-", dir=settings.ANNOTATOR_DATA_DIR))
    try:
        path = folder / wanted.notes
        left = [json.dumps(row) + "\n" for row in rows if row["id"] not in known]
        path.write_text("".join(left), encoding="utf-8")
        import_paths(
            project=project, actor=admin, paths=[path], entities=EntityUse.GOLD
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write_private(path: Path, content: str) -> None:
    """Replace a file in one step, readable by this service's user only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)
    part.replace(path)
