"""A decision carried over to the same mention in the person's other notes.

In each of them it is a gesture of its own, with a revision and rows of the ledger, so
that it can be taken back there, too. The rows name the gesture they came from in
``group``: undo and redo of that one reach all of them. What was changed there since is
left as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from uuid import uuid5

from django.db.models import Q, QuerySet

from annotator.enums import Action, SetState, Split
from annotator.models import AnnotationSet, Note, SpanEvent, User
from annotator.selectors.ledger import events_of_revision, ledger_position
from annotator.selectors.mentions import find_same, may_hold
from annotator.selectors.review import (
    OPEN_NOTE_STATES,
    OPEN_SET_STATES,
    visible_suggestions,
)
from annotator.services.bulk_changes import decide_places
from annotator.services.ledger_changes import (
    Change,
    Gesture,
    Plan,
    Range,
    change_of_event,
    decision_kind,
    label_of,
    snapshot,
    write_changes,
)
from annotator.services.ledger_rows import (
    add_labels_shown,
    take_revision,
    write_events,
)
from annotator.services.queue import in_other_hands

# A step stays one that a person can look through, and one transaction.
MAX_NOTES = 100
MAX_PLACES = 1_000
_CONTEXT_CHARS = 40


@dataclass(frozen=True, slots=True)
class Place:
    """A same mention: what stands around it and what is there now.

    ``now`` names the label of a span of exactly this range, ``suggested`` those of
    suggestions. ``is_ticked``: propagating changes nothing that a person decided.
    """

    start_char: int
    end_char: int
    before: str
    mention: str
    after: str
    now: str
    suggested: tuple[str, ...]
    is_ticked: bool


@dataclass(frozen=True, slots=True)
class PlacesOfNote:
    note: Note
    places: tuple[Place, ...]


def same_mentions(
    *,
    note: Note,
    annotation_set: AnnotationSet | None,
    start_char: int,
    end_char: int,
    label: str,
) -> PlacesOfNote:
    """Return the other places of the note that read alike and lack the label.

    With an empty label, those that hold a mark which "no entity" would take away.
    """
    mention = note.text[start_char:end_char]
    places = _places(note, annotation_set, mention, label)
    here = (start_char, end_char)
    return PlacesOfNote(
        note, tuple(p for p in places if (p.start_char, p.end_char) != here)
    )


def same_in_project(
    *, note: Note, annotator: User, start_char: int, end_char: int, label: str
) -> list[PlacesOfNote]:
    """Return the same for the person's other open notes, at most 100 of them."""
    mention = note.text[start_char:end_char]
    found: list[PlacesOfNote] = []
    for other in _queue_of(note, annotator).iterator(chunk_size=50):
        if len(found) >= MAX_NOTES:
            break
        if not may_hold(other.text, mention, other.language):
            continue
        if in_other_hands(note=other, annotator=annotator):
            continue
        own = AnnotationSet.objects.filter(note=other, annotator=annotator).first()
        places = tuple(_places(other, own, mention, label))
        if places:
            found.append(PlacesOfNote(other, places))
    return found


def spread(annotation_set: AnnotationSet, actor: User, gesture: Gesture) -> int:
    """Apply the gesture to the notes it names; return in how many it changed something.

    Notes that were submitted, skipped or taken in hand by others meanwhile are left.
    """
    if not gesture.elsewhere:
        return 0
    note = annotation_set.note
    start, end = gesture.start_char or 0, gesture.end_char or 0
    mention = note.text[start:end]
    label = label_of(annotation_set, gesture.label) if gesture.label else None
    wanted = dict(gesture.elsewhere)
    n_changed = 0
    for other in _lock(_queue_of(note, actor).filter(pk__in=wanted)):
        if in_other_hands(note=other, annotator=actor):
            continue
        own = _own_set(other, actor)
        plan = Plan(
            decide_places(
                own,
                places=wanted[other.pk],
                mention=mention,
                label=label,
                gesture=gesture,
            )
        )
        n_changed += _apply(own, actor, gesture, Action.PROPAGATE, plan)
    return n_changed


def follow(
    annotation_set: AnnotationSet, actor: User, gesture: Gesture, plan: Plan
) -> int:
    """Take back, or do again, in the other notes what the target did there."""
    if plan.target_revision is None:
        return 0
    target = events_of_revision(annotation_set, plan.target_revision)
    group = target[0].group if target else None
    if group is None or group != target[0].client_event_id:
        return 0
    first = SpanEvent.objects.filter(group=group, ordinal=0).exclude(
        annotation_set=annotation_set
    )
    revisions = dict(
        first.order_by("-revision").values_list("annotation_set", "revision")
    )
    is_undo = gesture.action == Action.UNDO
    sets = AnnotationSet.objects.filter(pk__in=revisions, state__in=OPEN_SET_STATES)
    by_note = {own.note_id: own for own in sets}
    notes = Note.objects.filter(pk__in=by_note, state__in=OPEN_NOTE_STATES)
    n_changed = 0
    for other in _lock(notes.select_related("project")):
        own = by_note[other.pk]
        own.note = other
        n_changed += _follow_in(own, actor, gesture, revisions[own.pk], is_undo=is_undo)
    return n_changed


def _follow_in(
    own: AnnotationSet, actor: User, gesture: Gesture, revision: int, *, is_undo: bool
) -> bool:
    """Use the note's own undo where the step is its last one, else what still fits."""
    changes = [change_of_event(event) for event in events_of_revision(own, revision)]
    if is_undo:
        changes = [change.reversed() for change in reversed(changes)]
    position = ledger_position(own)
    if revision == (position.undo if is_undo else position.redo):
        plan = Plan(changes, revision)
        return _apply(own, actor, gesture, Action(gesture.action), plan)
    plan = Plan([change for change in changes if _still_fits(own, change)])
    return _apply(own, actor, gesture, Action.PROPAGATE, plan)


def _apply(
    own: AnnotationSet, actor: User, gesture: Gesture, action: Action, plan: Plan
) -> bool:
    """Write one gesture into another set than the one it was made in."""
    if not plan.changes:
        return False
    if not take_revision(own, base_revision=own.revision):
        return False
    own.revision += 1
    write_changes(own, plan.changes)
    add_labels_shown(own, plan)
    is_first = gesture.action == Action.PROPAGATE
    write_events(
        own,
        actor=actor,
        client_event_id=uuid5(gesture.client_event_id, f"set {own.pk}"),
        revision=own.revision,
        action=action,
        plan=plan,
        group=gesture.client_event_id if is_first else None,
    )
    return True


def _still_fits(own: AnnotationSet, change: Change) -> bool:
    """Tell whether the set is, in what the change touches, as it was before it."""
    state = change.before or change.after
    if change.suggestion is not None:
        said = decision_kind(own, change.suggestion)
        if said != change.decision_before:
            return False
    if state is None:
        return True
    span = own.spans.select_related("label").filter(pk=state["id"]).first()
    if change.before is not None:
        return span is not None and snapshot(span) == change.before
    twin = own.spans.filter(
        start_char=state["start_char"],
        end_char=state["end_char"],
        label=state["label_id"],
    )
    return span is None and not twin.exists()


def _queue_of(note: Note, annotator: User) -> QuerySet[Note]:
    """Return the project's other notes that the person has still to submit.

    Held-out notes are not among them: they are annotated word by word.
    """
    submitted = AnnotationSet.objects.filter(
        annotator=annotator, state=SetState.SUBMITTED, note__project=note.project_id
    )
    return (
        Note.objects.filter(
            Q(project=note.project_id)
            & Q(state__in=OPEN_NOTE_STATES)
            & Q(split=Split.TRAIN)
        )
        .exclude(pk=note.pk)
        .exclude(pk__in=submitted.values("note"))
        .select_related("project")
        .order_by("pk")
    )


def _lock(notes: QuerySet[Note]) -> Iterator[Note]:
    """Yield the notes locked, always in the same order."""
    yield from notes.select_for_update(of=("self",)).order_by("pk")


def _own_set(note: Note, annotator: User) -> AnnotationSet:
    """Return the person's set of the note; made now, it takes no lease on the note."""
    names = list(note.project.labels.values_list("name", flat=True))
    own, _created = AnnotationSet.objects.get_or_create(
        note=note, annotator=annotator, defaults={"labels_shown": names}
    )
    own.note = note
    return own


def _places(
    note: Note, annotation_set: AnnotationSet | None, mention: str, label: str
) -> Iterable[Place]:
    spans: dict[Range, set[str]] = {}
    if annotation_set is not None:
        rows = annotation_set.spans.values_list("start_char", "end_char", "label__name")
        for start, end, name in rows:
            spans.setdefault((start, end), set()).add(name)
    waiting: dict[Range, list[str]] = {}
    suggestions = visible_suggestions(note=note, annotation_set=annotation_set)
    for start, end, name in suggestions.values_list(
        "start_char", "end_char", "label__name"
    ):
        waiting.setdefault((start, end), []).append(name)
    covered = sorted(spans)
    for start, end in find_same(note.text, note.tokens, mention, note.language):
        here, suggested = spans.get((start, end), set()), waiting.get((start, end), [])
        if label in here or not (label or here or suggested):
            continue
        is_inside = any(s < end and start < e for s, e in covered)
        yield Place(
            start_char=start,
            end_char=end,
            before=note.text[max(0, start - _CONTEXT_CHARS) : start],
            mention=note.text[start:end],
            after=note.text[end : end + _CONTEXT_CHARS],
            now=", ".join(sorted(here)),
            suggested=tuple(suggested),
            is_ticked=not here and not is_inside,
        )
