"""Words and numbers of the pages, in three languages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import translation

from annotator.enums import JobState, NoteState, Split, VersionState
from annotator.models import Job, ModelVersion, Note, Project
from annotator.selectors.versions import (
    Advice,
    Change,
    Score,
    active_score,
    verdict_of,
)
from annotator.templatetags import house
from annotator.views._curve import HEIGHT, WIDTH, draw_curve
from tests.annotator.spoken import speak


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (None, "–"),
        (-3, "0 seconds"),
        (1.2, "1 second"),
        (59.4, "59 seconds"),
        (60, "1 minute"),
        (3569, "59 minutes"),
        (3600, "1 h 00 min"),
        (7_530, "2 h 06 min"),
    ],
)
def test_duration_in_words(seconds, expected):
    assert house.duration(seconds) == expected


def test_elapsed_between_moments_and_until_now():
    start = datetime(2026, 1, 5, 8, tzinfo=UTC)
    assert house.elapsed(start, start + timedelta(minutes=5)) == "5 minutes"
    assert house.elapsed(None) == "–"
    assert house.elapsed(datetime.now(UTC) - timedelta(seconds=5)) == "5 seconds"


@pytest.mark.parametrize(
    ("value", "expected"),
    [(2.06, "+2.1"), (-0.97, "−1.0"), (0, "±0.0"), (None, "–")],
)
def test_signed_points(value, expected):
    assert house.signed(value) == expected


def test_numbers_follow_the_language():
    score = Score(f1=77.16, low=71.04, high=82.49)
    with translation.override("fr"):
        assert house.points(score.f1) == "77,2"
        assert "71,0" in house.interval(score)
        assert house.unlocalised(12.5) == "12.5"
    assert house.interval(score) == "(71.0 to 82.5)"
    assert house.interval(Change(1.0, -0.5, 2.5)) == "(−0.5 to +2.5)"
    assert house.interval(Score(f1=1.0)) == ""
    assert house.interval(None) == ""
    assert (house.percent(0.347), house.percent(None)) == ("35 %", "–")
    assert (house.as_points(0.5), house.as_points(None)) == ("50.0", "–")


def test_each_state_that_matters_has_a_dot():
    assert house.state_dot(JobState.FAILED) == "dot--danger"
    assert house.state_dot(VersionState.ACTIVE) == "dot--success"
    assert house.state_dot(JobState.QUEUED) == ""


def note_with(**annotations):
    note = Note(state=NoteState.SUGGESTED, split=Split.TRAIN)
    for name, value in annotations.items():
        setattr(note, name, value)
    return note


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"state": NoteState.SUBMITTED}, ""),
        ({"is_mine": True}, "You have begun it"),
        ({"split": Split.DEV, "n_unsure": 3}, "Kept for scoring"),
        ({"reason": "unlike anything so far"}, "unlike anything so far"),
        ({"reason": "suggested", "n_unsure": 2}, "2 suggestions that"),
        ({"n_suggestions": 4}, "The model is sure"),
        ({"state": NoteState.IMPORTED}, "Waiting for suggestions"),
        ({}, "The model found nothing"),
    ],
)
def test_why_note_says_the_strongest_reason(values, expected):
    assert house.why_note(note_with(**values)).startswith(expected)
    assert bool(house.why_note(note_with(**values))) == bool(expected)


def test_names_of_splits_and_recipes_or_what_is_stored():
    assert house.split_name("test") == "Test"
    assert house.split_name("") == ""
    assert house.recipe_name("adapt") == "Adapt"
    assert house.recipe_name("target_only") == "target_only"


def test_version_without_comparison_has_no_scores():
    verdict = verdict_of(ModelVersion(name="v1", metrics={}))
    assert verdict.advice is Advice.NOT_COMPARED
    assert (verdict.candidate, verdict.change, verdict.labels) == (None, None, ())
    assert active_score(None) is None


def test_comparison_with_a_version_that_is_not_active_any_more_advises_nothing():
    metrics = {
        "active": {"version": 3},
        "difference": {"f1": 0.2, "low": 0.1, "high": 0.3},
        "enough": True,
    }
    project = Project(pk=1, active_version_id=3)
    version = ModelVersion(pk=5, name="v2", project=project, metrics=metrics)
    assert verdict_of(version).advice is Advice.PROMOTE
    project.active_version_id = 4
    verdict = verdict_of(version)
    assert (verdict.advice, verdict.is_outdated) == (Advice.OUTDATED, True)
    assert "no longer active" in house.advice_text(verdict)
    # what was promoted keeps the words it was promoted on
    project.active_version_id = 5
    assert verdict_of(version).advice is Advice.PROMOTE


def test_shipped_version_has_no_score_in_a_project():
    metrics = {"candidate": {"micro": {"f1": 0.9}}}
    assert active_score(ModelVersion(name="starter", metrics=metrics)) is None
    own = ModelVersion(name="v1", project_id=1, metrics=metrics)
    assert active_score(own) == Score(f1=90.0, is_few=True)


def test_curve_is_empty_before_the_first_epoch():
    assert draw_curve({}) is None
    assert draw_curve({"curve": [{"epoch": 1, "loss": None, "f1": None}]}) is None


@pytest.mark.parametrize("n_epochs", [1, 2, 10, 40])
def test_curve_stays_in_its_frame(n_epochs):
    rows = [{"epoch": n + 1, "loss": 2 / (n + 1), "f1": 0.5} for n in range(n_epochs)]
    curve = draw_curve({"curve": rows, "epochs": n_epochs})
    marks = [*curve.loss, *curve.f1]
    assert len(marks) == 2 * n_epochs
    assert all(0 <= mark.x <= WIDTH and 0 <= mark.y <= HEIGHT for mark in marks)
    assert [mark.x for mark in curve.f1] == sorted(mark.x for mark in curve.f1)
    assert 1 <= len(curve.epochs) <= 12
    assert curve.last == rows[-1]


def test_curve_of_a_loss_of_zero_is_drawn():
    curve = draw_curve({"curve": [{"epoch": 1, "loss": 0.0, "f1": None}]})
    assert curve.loss[0].y == curve.base
    assert curve.f1_points == ""


LOG = [
    {"event": "start", "n_train": 3, "n_dev": 1, "epochs": 2, "steps": 8},
    {"event": "step", "epoch": 1, "step": 2, "steps": 8, "loss": 0.51239},
    {"event": "evaluation", "epoch": 1, "f1": 0.5, "precision": 0.4, "recall": 0.666},
    {"event": "checkpoint", "step": 4},
    {"event": "done", "digest": "ab" * 32},
]


def test_a_training_s_log_is_said_in_sentences():
    assert house.last_lines(["of before", *LOG]).splitlines() == [
        "of before",
        "Training notes: 3, development notes: 1, epochs: at most 2, steps: 8",
        "Epoch 1, step 2 of 8: loss 0.5124",
        "Epoch 1: development F1 50.0, precision 40.0, recall 66.6",
        "Checkpoint at step 4",
        "Model abababababab written",
    ]
    assert house.last_lines(LOG, 1) == "Model abababababab written"


def test_a_training_s_log_speaks_the_reader_s_language(settings, tmp_path):
    english = "Epoch %(epoch)d, step %(step)d of %(steps)d: loss %(loss)s"
    spanish = "Época %(epoch)d, paso %(step)d de %(steps)d: pérdida %(loss)s"
    speak(settings, tmp_path, "es", {english: spanish})

    with translation.override("es"):
        assert house.last_lines(LOG[1:2]) == "Época 1, paso 2 de 8: pérdida 0,5124"


@pytest.mark.parametrize(
    ("details", "doing"),
    [
        ({}, ""),
        ({"log": []}, ""),
        ({"log": LOG[:4], "stage": "training"}, "Checkpoint at step 4"),
        ({"log": LOG, "stage": "scoring"}, "Scoring the new version"),
    ],
)
def test_a_job_says_what_it_does_now(details, doing):
    assert house.now_doing(Job(details=details)) == doing
