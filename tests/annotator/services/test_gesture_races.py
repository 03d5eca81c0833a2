"""Two gestures at once, on both database engines."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from django.db import connection, connections

from annotator.enums import NoteState
from annotator.exceptions import StaleRevision
from annotator.models import AnnotationSet, Project, User
from annotator.services.annotation_sets import open_set, submit_set
from annotator.services.gestures import Gesture, Outcome, apply_gesture
from annotator.services.projects import update_project
from annotator.services.queue import next_note
from tests.annotator.factories import (
    SPANS,
    make_member,
    make_note,
    make_project,
    make_suggestion,
)
from tests.services import own_postgres_database

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.services
def test_all_of_these_on_postgresql(tmp_path: Path) -> None:
    """The suite runs on SQLite: run this file once more on the production engine."""
    if connection.vendor == "postgresql":
        pytest.skip("they run on PostgreSQL already")
    with own_postgres_database() as url:
        environment = {"DATABASE_URL": url, "ANNOTATOR_DATA_DIR": str(tmp_path)}
        result = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-m", "not services", __file__],
            env=os.environ | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=280,
        )
    assert result.returncode == 0, result.stdout


def _at_once(tasks: list[Callable[[], object]]) -> list[object]:
    """Run the tasks in threads that start together; an error is its result."""
    barrier = threading.Barrier(len(tasks))
    results: list[object] = [None] * len(tasks)

    def run(index: int) -> None:
        try:
            barrier.wait(timeout=10)
            results[index] = tasks[index]()
        except StaleRevision as error:
            results[index] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(tasks))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return results


def _layer() -> tuple[AnnotationSet, User]:
    project = make_project()
    annotator = make_member(project)
    note = make_note(project, state=NoteState.SUGGESTED)
    for start, end, label in SPANS:
        make_suggestion(note, start, end, label)
    return open_set(note=note, annotator=annotator), annotator


def _apply(
    layer: AnnotationSet, annotator: User, gesture: Gesture
) -> Callable[[], Outcome]:
    def task() -> Outcome:
        own = AnnotationSet.objects.select_related("note__project").get(pk=layer.pk)
        return apply_gesture(annotation_set=own, actor=annotator, gesture=gesture)

    return task


def _ask(project: Project, annotator: User) -> Callable[[], int]:
    def task() -> int:
        note = next_note(project=project, annotator=annotator)
        assert note is not None
        return note.pk

    return task


def test_of_two_gestures_at_one_revision_exactly_one_wins() -> None:
    for _ in range(5):
        layer, annotator = _layer()
        first, second = layer.note.suggestions.all()[:2]
        results = _at_once(
            [
                _apply(
                    layer,
                    annotator,
                    Gesture(
                        uuid.uuid4(), 0, "accept", uuid.uuid4(), suggestion_id=s.pk
                    ),
                )
                for s in (first, second)
            ]
        )
        kinds = sorted(type(result).__name__ for result in results)
        assert kinds == ["Outcome", "StaleRevision"]
        layer.refresh_from_db()
        assert (layer.revision, layer.spans.count(), layer.events.count()) == (1, 1, 1)


def test_one_gesture_sent_twice_at_once_is_applied_once() -> None:
    for _ in range(5):
        layer, annotator = _layer()
        gesture = Gesture(
            uuid.uuid4(),
            0,
            "accept",
            uuid.uuid4(),
            suggestion_id=layer.note.suggestions.all()[0].pk,
        )
        results = _at_once([_apply(layer, annotator, gesture)] * 2)
        replays = sorted(
            (r.revision, r.is_replay) for r in results if isinstance(r, Outcome)
        )
        assert replays == [(1, False), (1, True)]
        assert layer.spans.count() == 1


def test_two_people_asking_at_once_get_two_notes() -> None:
    for _ in range(5):
        project = make_project()
        people = [make_member(project) for _ in range(3)]
        notes = {make_note(project, state=NoteState.SUGGESTED).pk for _ in range(3)}
        results = _at_once([_ask(project, person) for person in people])
        assert set(results) == notes


@pytest.mark.parametrize(
    ("before", "after", "state"),
    [(2, 1, NoteState.SUBMITTED), (1, 2, NoteState.IN_PROGRESS)],
)
def test_submission_beside_a_change_of_overlap_leaves_no_note_astray(
    before: int, after: int, state: NoteState
) -> None:
    for _ in range(5):
        layer, annotator = _layer()
        project = layer.note.project
        Project.objects.filter(pk=project.pk).update(overlap=before)
        stored = Project.objects.get(pk=project.pk)
        own = AnnotationSet.objects.select_related("note__project").get(pk=layer.pk)

        _at_once(
            [
                partial(submit_set, annotation_set=own, actor=annotator),
                partial(
                    update_project,
                    project=stored,
                    actor=annotator,
                    confirmed=True,
                    overlap=after,
                ),
            ]
        )

        layer.note.refresh_from_db()
        assert layer.note.state == state
