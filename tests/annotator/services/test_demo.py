"""The demo: who gets which notes with gold, loading once, putting back."""

from __future__ import annotations

import io
import json
import stat
from collections import Counter
from importlib import import_module

import pytest
import time_machine
from django.apps import apps
from django.core.management import CommandError, call_command

from annotator.enums import NoteState, Role, Split
from annotator.exceptions import DemoRefused
from annotator.models import (
    AnnotationSet,
    AuditEntry,
    Job,
    Note,
    Project,
    Span,
    User,
)
from annotator.selectors.gold import gold_sets
from annotator.services import accounts, audit, demo, exports, projects
from tests.annotator.factories import (
    make_member,
    make_note,
    make_project,
    make_set,
    make_suggestion,
    make_user,
    make_version,
)

LABELS = {"MEDICATION", "DOSAGE", "FREQUENCY", "DURATION", "FINDING"}


def _rows(n_gold: int, n_bare: int) -> list[dict]:
    gold = [{"id": f"g{i}", "group": f"p{i}", "entities": []} for i in range(n_gold)]
    bare = [{"id": f"b{i}", "group": f"q{i}"} for i in range(n_bare)]
    return gold + bare


def test_plan_holds_out_a_third_and_a_sixth_and_keeps_half_of_the_rest():
    planned = demo.plan(_rows(12, 10))

    kinds = Counter((row["split"], "entities" in row) for row in planned)
    assert kinds == {
        (Split.TEST, True): 4,
        (Split.DEV, True): 2,
        (Split.TRAIN, True): 3,
        (Split.TRAIN, False): 13,
    }
    assert [row["id"] for row in planned] == [row["id"] for row in _rows(12, 10)]
    assert planned == demo.plan(_rows(12, 10))


def test_plan_never_holds_out_a_patient_with_bare_notes():
    rows = [
        {"id": f"{kind}{i}", "group": f"p{i}"} | extra
        for i in range(12)
        for kind, extra in (("g", {"entities": []}), ("b", {}))
    ]

    assert {row["split"] for row in demo.plan(rows)} == {Split.TRAIN}


def test_plan_takes_exhaustive_for_away_with_the_gold():
    rows = [row | {"exhaustive_for": ["FINDING"]} for row in _rows(12, 0)]

    assert all(
        ("entities" in row) == ("exhaustive_for" in row) for row in demo.plan(rows)
    )


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_demo_loads_once_and_resets(settings, tmp_path):
    settings.ANNOTATOR_DATA_DIR = tmp_path
    settings.ANNOTATOR_SHIPPED_BUNDLES = tmp_path / "no-bundles"

    assert demo.load_demo()

    assert list(Project.objects.values_list("slug", "genre", "language")) == [
        ("consultations", "dialogue", "en"),
        ("notas-clinicas", "note", "es"),
        ("notes-cliniques", "note", "fr"),
    ]
    for project in Project.objects.all():
        _check_project(project)
    logins = json.loads(demo.logins_path().read_text())
    assert stat.S_IMODE(demo.logins_path().stat().st_mode) == 0o600
    assert set(logins) == {"admin", "garcia", "moreau", "reyes"}
    for name, password in logins.items():
        assert User.objects.get(username=name).check_password(password)
    out = io.StringIO()
    call_command("load_demo", stdout=out)
    assert out.getvalue() == "The demo is there already.\n"

    project = Project.objects.get(slug="notas-clinicas")
    garcia = User.objects.get(username="garcia")
    first = make_version(project)
    version = make_version(project, state="active", parent=first)
    Project.objects.filter(pk=project.pk).update(active_version=version)
    note = project.notes.filter(state=NoteState.IMPORTED).first()
    worked = make_set(note, garcia, [(0, 3, "FINDING")])
    worked.decisions.create(
        suggestion=make_suggestion(note, 0, 3, "FINDING", model_version=version),
        kind="accepted",
    )
    exports.make_export(project=project, actor=garcia, format="conll")
    own = make_set(make_note(make_project("own")))

    out = io.StringIO()
    call_command("demo_reset", "--yes", stdout=out)

    assert str(demo.logins_path()) in out.getvalue()
    assert Project.objects.count() == 4
    assert not AnnotationSet.objects.filter(annotator=garcia).exists()
    assert AnnotationSet.objects.filter(pk=own.pk).exists()
    assert list(exports.exports_folder().iterdir()) == []
    assert json.loads(demo.logins_path().read_text()) == logins
    assert Job.objects.count() == 0  # no bundle is registered, so nobody can suggest


def _check_project(project):
    notes = Note.objects.filter(project=project)
    held_out = notes.exclude(split=Split.TRAIN)
    assert set(held_out.values_list("state", flat=True)) == {NoteState.ADJUDICATED}
    assert set(held_out.values_list("split", flat=True)) == {Split.DEV, Split.TEST}
    assert gold_sets(project, splits=["train"]).count() >= 3
    assert notes.filter(state=NoteState.IMPORTED).count() >= 6
    groups = set(notes.values_list("group_key", "split"))
    assert len(groups) == len({group for group, _ in groups})
    test_labels = Span.objects.filter(
        annotation_set__note__project=project, annotation_set__note__split="test"
    )
    assert set(test_labels.values_list("label__name", flat=True)) == LABELS
    assert len(project.guideline) > 1000
    assert Role.ADMIN in project.memberships.values_list("role", flat=True)
    if project.genre == "dialogue":
        assert all(notes.values_list("turns", flat=True))


@pytest.fixture
def small_demo(settings, tmp_path):
    """Six short notes a project and no bundle."""
    settings.ANNOTATOR_DATA_DIR = tmp_path
    settings.ANNOTATOR_SAMPLE_DATA = tmp_path
    settings.ANNOTATOR_SHIPPED_BUNDLES = tmp_path / "no-bundles"
    for wanted in demo.PROJECTS:
        (tmp_path / wanted.guideline).write_text("# Guide")
        rows = [
            {"id": f"n{i}", "text": f"Tos {i}", "language": "es", "entities": []}
            for i in range(6)
        ]
        lines = [json.dumps(row) for row in rows]
        (tmp_path / wanted.notes).write_text("\n".join(lines))


@pytest.mark.django_db
def test_load_demo_interrupted_goes_on(small_demo):
    begun = accounts.create_user(
        actor=None,
        username="admin",
        password="cuatro-gatos-azules",
        is_admin=True,
        is_demo=True,
    )
    half_made = make_project("notas-clinicas", is_demo=True)
    make_member(half_made, Role.ADMIN)
    make_note(half_made, "Tos 0", external_id="n0", split="test")

    assert demo.load_demo()

    assert half_made.notes.count() == 6
    assert "admin" not in json.loads(demo.logins_path().read_text())
    begun.refresh_from_db()
    assert begun.check_password("cuatro-gatos-azules")


@pytest.mark.django_db
def test_load_demo_refuses_a_clinics_own_names_and_writes_nothing(small_demo):
    clinic = make_project("notas-clinicas")
    make_user("reyes")

    with pytest.raises(DemoRefused, match="project notas-clinicas, person reyes"):
        demo.load_demo()
    with pytest.raises(CommandError, match="project notas-clinicas"):
        call_command("load_demo")

    assert list(Project.objects.all()) == [clinic]
    assert clinic.notes.count() == clinic.memberships.count() == 0
    assert list(User.objects.values_list("username", flat=True)) == ["reyes"]
    assert not AuditEntry.objects.exists()


@pytest.mark.django_db
def test_prepare_goes_on_without_a_demo_that_is_refused(small_demo, settings, tmp_path):
    settings.STATIC_ROOT = tmp_path / "static"
    make_user("admin", is_staff=True)
    out = io.StringIO()

    call_command("prepare", stdout=out)

    assert "demo: not loaded: the demo did not make person admin" in out.getvalue()
    assert not Project.objects.exists()


@pytest.mark.django_db
def test_reset_leaves_a_clinics_project_of_a_demos_address(small_demo):
    clinic = make_project("notas-clinicas")
    made = make_set(make_note(clinic))
    audit.record(actor=None, action=demo.LOADED)

    with pytest.raises(CommandError, match="project notas-clinicas"):
        call_command("demo_reset", "--yes")

    assert AnnotationSet.objects.filter(pk=made.pk).exists()


@pytest.mark.django_db
def test_reset_leaves_a_demo_project_that_was_given_another_address(small_demo):
    demo.load_demo()
    kept = Project.objects.get(slug="consultations")
    Project.objects.filter(pk=kept.pk).update(slug="our-dialogues")

    demo.reset_demo()

    assert Project.objects.get(slug="our-dialogues") == kept
    assert Project.objects.filter(slug="consultations").exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("is_terminal", "typed", "is_deleted"),
    [(True, "y\n", True), (True, "\n", False), (False, "y\n", False)],
)
def test_reset_asks_first(small_demo, monkeypatch, is_terminal, typed, is_deleted):
    demo.load_demo()
    before = set(Project.objects.values_list("pk", flat=True))
    keyboard = io.StringIO(typed)
    keyboard.isatty = lambda: is_terminal
    monkeypatch.setattr("sys.stdin", keyboard)
    out = io.StringIO()

    if is_deleted:
        call_command("demo_reset", stdout=out)
    else:
        with pytest.raises(CommandError, match="nothing was deleted"):
            call_command("demo_reset", stdout=out)

    after = set(Project.objects.values_list("pk", flat=True))
    assert (before & after == set()) == is_deleted
    assert "6 notes and 0 sets of annotations by people" in out.getvalue()


def _mark_again() -> set[str]:
    """Forget the marks, as in a database of before, and run the migration's part."""
    Project.objects.update(is_demo=False)
    User.objects.update(is_demo=False)
    migration = import_module("annotator.migrations.0007_recognise_older_demos")
    migration.mark(apps, None)
    marked = set(Project.objects.filter(is_demo=True).values_list("slug", flat=True))
    people = User.objects.filter(is_demo=True)
    return marked | set(people.values_list("username", flat=True))


@pytest.mark.django_db
def test_demo_of_an_older_version_is_recognised(small_demo):
    demo.load_demo()

    assert _mark_again() == {
        *("notas-clinicas", "notes-cliniques", "consultations"),
        *("admin", "garcia", "moreau", "reyes"),
    }


@pytest.mark.django_db
def test_clinics_own_names_are_not_taken_for_an_older_demo():
    chief = accounts.create_user(
        actor=None, username="admin", password="cuatro-gatos-azules", is_admin=True
    )
    with time_machine.travel("2026-01-05 08:00 +0000") as clock:
        people = {}
        for name in ("garcia", "reyes"):
            people[name] = accounts.create_user(
                actor=chief, username=name, password="cuatro-gatos-azules"
            )
        project = projects.create_project(
            actor=chief, name="Notas", slug="notas-clinicas", language="es"
        )
        for name, role in (("garcia", Role.ANNOTATOR), ("reyes", Role.REVIEWER)):
            clock.shift(20)
            projects.set_member(
                project=project, actor=chief, user=people[name], role=role
            )
    audit.record(actor=chief, action=demo.LOADED)

    assert _mark_again() == set()
