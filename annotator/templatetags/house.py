"""Words and numbers of the house's pages: states, reasons, durations, scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django import template
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotator.enums import JobState, NoteState, Split, VersionState
from annotator.forms.training import RECIPE_TEXTS
from annotator.models import Job, Note
from annotator.selectors.training import TrainingPlan
from annotator.selectors.versions import Advice, Change, Score, Verdict
from annotator.services.queue import REASONS
from annotator.views._curve import Mark

register = template.Library()

DOTS: dict[str, str] = {
    NoteState.SUGGESTED: "dot--warning",
    NoteState.IN_PROGRESS: "dot--warning",
    NoteState.SUBMITTED: "dot--success",
    NoteState.ADJUDICATED: "dot--success",
    JobState.RUNNING: "dot--warning",
    JobState.SUCCEEDED: "dot--success",
    JobState.FAILED: "dot--danger",
    VersionState.ACTIVE: "dot--success",
    VersionState.CANDIDATE: "dot--warning",
}


@register.filter
def state_dot(state: str) -> str:
    """Return the modifier of the dot that stands before a state's name."""
    return DOTS.get(state, "")


def _rounded(value: float, decimals: int) -> str:
    """Write a number in the reader's notation; Django's own function cuts off."""
    return number_format(Decimal(f"{value:.{decimals}f}"), decimals)


@register.filter
def percent(share: float | None, decimals: int = 0) -> str:
    """Write a share as percent; nothing known is a dash."""
    if share is None:
        return "–"
    return f"{_rounded(100 * share, decimals)} %"


@register.filter
def points(value: float | None) -> str:
    """Write percent points with one decimal."""
    return "–" if value is None else _rounded(value, 1)


@register.filter
def signed(value: float | None) -> str:
    """Write a difference in points with its sign."""
    if value is None:
        return "–"
    sign = "+" if value > 0 else "−" if value < 0 else "±"
    return f"{sign}{_rounded(abs(value), 1)}"


@register.filter
def interval(score: Score | Change | None) -> str:
    """Write the interval of a score or difference, in brackets, or nothing.

    Where there are too few annotations for one, say so.
    """
    if score is not None and score.is_few:
        return _("too few to say")
    if score is None or score.low is None or score.high is None:
        return ""
    write = signed if isinstance(score, Change) else points
    low, high = write(score.low), write(score.high)
    return _("(%(low)s to %(high)s)") % {"low": low, "high": high}


@register.filter
def duration(seconds: float | None) -> str:
    """Write a length of time in the two words that matter."""
    if seconds is None:
        return "–"
    whole = max(0, round(seconds))
    if whole < 60:
        return ngettext("%(n)d second", "%(n)d seconds", whole) % {"n": whole}
    minutes = round(whole / 60)
    if minutes < 60:
        return ngettext("%(n)d minute", "%(n)d minutes", minutes) % {"n": minutes}
    hours, rest = divmod(minutes, 60)
    return _("%(hours)d h %(minutes)02d min") % {"hours": hours, "minutes": rest}


@register.filter
def elapsed(start: datetime | None, end: datetime | None = None) -> str:
    """Write the time between two moments, until now when the second is missing."""
    if start is None:
        return "–"
    length: timedelta = (end or timezone.now()) - start
    return duration(length.total_seconds())


@register.filter
def why_note(note: Note) -> str:
    """Say in words why this note is worth somebody's time.

    *note* carries the annotations of `selectors.notes.note_rows`.
    """
    if note.state in (NoteState.SUBMITTED, NoteState.ADJUDICATED, NoteState.SKIPPED):
        return ""
    if getattr(note, "is_mine", False):
        return _("You have begun it")
    if note.is_blind:
        return _("Kept for scoring: annotated without suggestions")
    reason = str(getattr(note, "reason", ""))
    if reason and reason not in REASONS:
        return reason
    if n_unsure := getattr(note, "n_unsure", 0):
        return ngettext(
            "%(n)d suggestion that the model is unsure of",
            "%(n)d suggestions that the model is unsure of",
            n_unsure,
        ) % {"n": n_unsure}
    if getattr(note, "n_suggestions", 0):
        return _("The model is sure of its suggestions here")
    if note.state == NoteState.IMPORTED:
        return _("Waiting for suggestions")
    return _("The model found nothing here")


@register.filter
def as_points(share: float | None) -> str:
    """Write a share as percent points."""
    return points(None if share is None else 100 * share)


@register.filter
def unlocalised(value: float) -> str:
    """Write a number for SVG: with a point, whatever the language."""
    return f"{value:g}"


@register.filter
def last_mark(marks: Sequence[Mark]) -> str:
    """Return the text of a curve's last mark, in the reader's notation."""
    return _rounded(float(marks[-1].text), 1)


@register.filter
def last_lines(log: Sequence[dict[str, Any] | str], n: int = 8) -> str:
    """Say the last entries of a training's log, a line each."""
    return "\n".join(map(log_sentence, log[-n:]))


@register.filter
def now_doing(job: Job) -> str:
    """Say what a running training does now; other jobs say it by their counts."""
    if job.details.get("stage") == "scoring":
        return _("Scoring the new version")
    log = job.details.get("log") or [""]
    return log_sentence(log[-1])


def log_sentence(entry: dict[str, Any] | str) -> str:
    """Say one entry of a training's log; jobs of older installations hold sentences."""
    if isinstance(entry, str):
        return entry
    return _LOG_WRITERS[entry["event"]](entry)


def _start_sentence(entry: dict[str, Any]) -> str:
    return _(
        "Training notes: %(n_train)d, development notes: %(n_dev)d, epochs: at most"
        " %(epochs)d, steps: %(steps)d"
    ) % {name: entry[name] for name in ("n_train", "n_dev", "epochs", "steps")}


def _step_sentence(entry: dict[str, Any]) -> str:
    values = {name: entry[name] for name in ("epoch", "step", "steps")}
    sentence = _("Epoch %(epoch)d, step %(step)d of %(steps)d: loss %(loss)s")
    return sentence % {**values, "loss": _rounded(entry["loss"], 4)}


def _evaluation_sentence(entry: dict[str, Any]) -> str:
    shares = ("f1", "precision", "recall")
    values = {name: _rounded(100 * entry[name], 1) for name in shares}
    return _(
        "Epoch %(epoch)d: development F1 %(f1)s, precision %(precision)s, recall"
        " %(recall)s"
    ) % {"epoch": entry["epoch"], **values}


_LOG_WRITERS: dict[str, Callable[[dict[str, Any]], str]] = {
    "start": _start_sentence,
    "step": _step_sentence,
    "evaluation": _evaluation_sentence,
    "checkpoint": lambda e: _("Checkpoint at step %(step)d") % {"step": e["step"]},
    "done": lambda e: _("Model %(digest)s written") % {"digest": e["digest"][:12]},
}


@register.filter
def split_name(value: str) -> str:
    return str(Split(value).label) if value in Split.values else value


@register.filter
def recipe_name(value: str) -> str:
    """Name a recipe as the form does; others keep the engine's name."""
    return str(RECIPE_TEXTS[value][0]) if value in RECIPE_TEXTS else value


@register.filter
def splits(plan: TrainingPlan) -> list[dict[str, Any]]:
    """Return the rows of the table of what goes into a training."""
    uses = {
        Split.TRAIN: _("learned from"),
        Split.DEV: _("choose the best epoch"),
        Split.TEST: _("score the result"),
    }
    return [
        {
            "name": Split(split).label,
            "use": uses[Split(split)],
            "n_notes": plan.n_notes[split],
            "n_spans": [plan.n_spans[split][name] for name in plan.labels],
        }
        for split in Split.values
    ]


@register.filter
def advice_text(verdict: Verdict) -> str:
    """Say in one sentence what the comparison advises."""
    change = verdict.change
    if verdict.advice is Advice.NOT_COMPARED or change is None:
        return _(
            "Not compared: there were no held-out notes to score on. Submit notes of"
            " the test split, then retrain."
        )
    values = {
        "change": signed(change.f1),
        "low": signed(change.low),
        "high": signed(change.high),
        "notes": verdict.n_documents,
        "spans": verdict.n_gold,
        "min_notes": verdict.min_documents,
        "min_spans": verdict.min_gold,
        "labels": ", ".join(verdict.worse_labels),
    }
    return _advice_sentence(verdict) % values


def _advice_sentence(verdict: Verdict) -> str:
    if verdict.advice is Advice.OUTDATED:
        return _(
            "Compared with a model that is no longer active: %(change)s F1 (%(low)s to"
            " %(high)s). Retrain to compare it with the active one."
        )
    if verdict.advice is Advice.NOT_ENOUGH and verdict.change and verdict.change.is_few:
        return _(
            "Not enough held-out notes to say: %(change)s F1 on %(notes)d notes with"
            " %(spans)d annotations, where %(min_notes)d and %(min_spans)d are needed."
            " Only you can decide."
        )
    if verdict.advice is Advice.NOT_ENOUGH:
        return _(
            "Not enough held-out notes to say: %(change)s F1 (%(low)s to %(high)s) on"
            " %(notes)d notes with %(spans)d annotations, where %(min_notes)d and"
            " %(min_spans)d are needed. Only you can decide."
        )
    if verdict.advice is Advice.KEEP:
        return _("Keep the active model: %(change)s F1 (%(low)s to %(high)s).")
    if verdict.advice is Advice.EITHER:
        return _("No clear difference: %(change)s F1 (%(low)s to %(high)s).")
    if verdict.worse_labels:
        return _(
            "Promote with care: %(change)s F1 (%(low)s to %(high)s), but worse on"
            " %(labels)s."
        )
    return _("Promote: %(change)s F1 (%(low)s to %(high)s), no label worse.")
