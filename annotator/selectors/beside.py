"""What stands beside the text: the label's guideline, the history, the remarks."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from annotator.enums import Action, Split
from annotator.models import (
    AnnotationSet,
    Comment,
    Label,
    Note,
    Span,
    SpanEvent,
    User,
)
from annotator.selectors.notes import sets_shown_to

N_EXAMPLES = 6
N_HISTORY = 60
# Of how many spans the examples are counted: the latest tell enough.
_N_SPANS_READ = 500
_MAX_EXAMPLE_CHARS = 60
_HEADING = re.compile(r"^(#{1,6})[ \t]+(.+?)[ \t#]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """A gesture as the history tells it; ``mention`` is empty where none was meant."""

    at: datetime
    who: str
    action: str
    target: str
    mention: str
    label: str
    n_spans: int
    is_undone: bool


def guideline_section(guideline: str, label: Label) -> str:
    """Return the part of a guideline whose heading names the label, or nothing."""
    names = {label.name, *label.local_names.values()}
    wanted = {name.casefold() for name in names if name}
    headings = list(_HEADING.finditer(guideline))
    for number, heading in enumerate(headings):
        title = heading[2].casefold()
        if not any(re.search(rf"\b{re.escape(name)}\b", title) for name in wanted):
            continue
        level = len(heading[1])
        ends = (h.start() for h in headings[number + 1 :] if len(h[1]) <= level)
        return guideline[heading.end() : next(ends, len(guideline))].strip()
    return ""


def label_examples(label: Label, *, note: Note, person: User) -> list[tuple[str, int]]:
    """Return the mentions marked most with the label lately, and how often.

    They stand beside *note* while *person* annotates it, so they tell nothing of what
    others marked there, nothing of held-out notes and nothing that is hidden from the
    person elsewhere.
    """
    finished = sets_shown_to(person, note.project).filter(
        Q(is_gold=True) | Q(submitted_at__isnull=False), note__split=Split.TRAIN
    )
    spans = Span.objects.filter(
        annotation_set__in=finished.exclude(note=note), label=label
    ).order_by("-annotation_set_id")[:_N_SPANS_READ]
    places = list(spans.values_list("annotation_set__note", "start_char", "end_char"))
    texts = dict(
        Note.objects.filter(pk__in={row[0] for row in places}).values_list("pk", "text")
    )
    counts: Counter[str] = Counter()
    for note_id, start, end in places:
        mention = " ".join(texts[note_id][start:end].split())
        if len(mention) <= _MAX_EXAMPLE_CHARS:
            counts[mention.casefold()] += 1
    return counts.most_common(N_EXAMPLES)


def history_of(annotation_set: AnnotationSet | None) -> list[HistoryRow]:
    """Return the latest gestures on a set, the last one first."""
    if annotation_set is None:
        return []
    text = annotation_set.note.text
    first = annotation_set.events.filter(ordinal=0).select_related(
        "actor", "suggestion"
    )
    rows = list(first.order_by("-revision")[:N_HISTORY])
    oldest = rows[-1].revision if rows else 0
    sizes = Counter(
        annotation_set.events.filter(revision__gte=oldest).values_list(
            "revision", flat=True
        )
    )
    undone = _undone(annotation_set)
    return [_row(event, text, sizes[event.revision], undone) for event in rows]


def comments_of(note: Note, annotation_set: AnnotationSet | None) -> list[Comment]:
    """Return the remarks on the note and on this set's spans, oldest first."""
    about = Q(annotation_set__isnull=True)
    if annotation_set is not None:
        about |= Q(annotation_set=annotation_set)
    return list(note.comments.filter(about).select_related("author"))


def _row(
    event: SpanEvent, text: str, n_spans: int, undone: set[int | None]
) -> HistoryRow:
    state = event.after or event.before
    mention, label = "", ""
    if state is not None:
        mention = " ".join(text[state["start_char"] : state["end_char"]].split())
        label = state["label"]
    elif event.suggestion is not None:
        suggestion = event.suggestion
        mention = " ".join(text[suggestion.start_char : suggestion.end_char].split())
    actor = event.actor
    return HistoryRow(
        at=event.at,
        who=(actor.get_full_name() or actor.username) if actor else "",
        action=event.get_action_display(),
        target=event.action,
        mention=mention,
        label=label,
        n_spans=n_spans,
        is_undone=event.revision in undone,
    )


def _undone(annotation_set: AnnotationSet) -> set[int | None]:
    """Return the revisions whose changes are taken back as the set stands now."""
    undone: set[int | None] = set()
    rows = annotation_set.events.filter(
        ordinal=0,
        action__in=(Action.UNDO, Action.REDO),
        target_revision__isnull=False,
    ).order_by("revision")
    for action, target in rows.values_list("action", "target_revision"):
        if action == Action.UNDO:
            undone.add(target)
        else:
            undone.discard(target)
    return undone
