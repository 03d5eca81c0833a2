"""The review page: read a note, correct its marks, submit it, go on to the next.

Gestures of the page's script come as JSON and change the blocks they touch; each of
them also works as a plain form. Errors that services raise become answers in
`annotator.middleware`, except those that carry the newer state of the note.
"""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, HttpResponseBadRequest, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from annotator.enums import Action, NoteState, SetState
from annotator.exceptions import (
    AnnotatorError,
    OtherUser,
    StaleRevision,
    TargetGone,
    WrongState,
)
from annotator.forms.gestures import DecisionForm, GestureForm
from annotator.models import AnnotationSet, Note
from annotator.selectors.awaiting import awaits_suggestions
from annotator.selectors.conflicts import changes_of_target, changes_since
from annotator.selectors.positions import find_mention, move_edge
from annotator.selectors.review import find_set, visible_suggestions
from annotator.services import audit
from annotator.services.annotation_sets import (
    open_set,
    reopen_set,
    skip_note,
    submit_set,
    unskip_note,
)
from annotator.services.gestures import Gesture, apply_gesture
from annotator.validators import whole_number
from annotator.views._access import UserRequest, get_note
from annotator.views._htmx import texts_of
from annotator.views._review import answer_gesture, page_context, paint_note


@login_required
@require_safe
def note_review(request: UserRequest, note_id: int) -> HttpResponse:
    """Show the note with its marks; who read it is written down."""
    note = get_note(request, note_id)
    context = page_context(request, note)
    audit.record(actor=request.user, action="note.open", subject=f"note:{note.pk}")
    return render(request, "annotator/note_review.html", context)


@login_required
@require_safe
def note_awaits(request: UserRequest, note_id: int) -> HttpResponse:
    """Say whether the suggestions have come; a page not yet worked on loads them."""
    note = get_note(request, note_id, defer=("text", "tokens", "metadata"))
    awaits = awaits_suggestions(note)
    context = {"note": note, "awaits": awaits}
    answer = render(request, "annotator/_note_awaits.html", context)
    annotation_set = find_set(note, request.user)
    if not awaits and (annotation_set is None or annotation_set.revision == 0):
        answer["HX-Refresh"] = "true"
    return answer


@login_required
@require_POST
def note_gesture(request: UserRequest, note_id: int) -> HttpResponse:
    """Apply one gesture; a conflict answers with the note as it is now.

    One that names its maker in ``user`` is theirs alone: the browser may have another
    person's session by the time it is sent.
    """
    try:
        sent = json.loads(request.body)
    except (ValueError, RecursionError):
        sent = None
    # Before the note: the other person may have no access to it.
    if isinstance(sent, dict) and sent.get("user") not in (None, request.user.pk):
        return _refusal(OtherUser("the gesture is another person's"))
    note = get_note(request, note_id, defer=("tokens", "metadata"), with_version=False)
    if sent is None:
        return HttpResponseBadRequest()
    form = GestureForm(sent if isinstance(sent, dict) else {})
    if not form.is_valid():
        body = {"code": "invalid", "fields": form.errors.get_json_data()}
        return JsonResponse(body, status=400)
    gesture = form.gesture()
    try:
        annotation_set = open_set(
            note=note,
            annotator=request.user,
            client_event_id=gesture.client_event_id,
            shows_labels=False,
        )
        outcome = apply_gesture(
            annotation_set=annotation_set, actor=request.user, gesture=gesture
        )
    except AnnotatorError as error:
        found = find_set(note, request.user) if error.status == 409 else None
        return _refusal(error, note, found, gesture)
    return JsonResponse(answer_gesture(note, annotation_set, outcome))


@login_required
@require_POST
def note_decide(request: UserRequest, note_id: int) -> HttpResponse:
    """Do what a button of the plain form says, and show the note again."""
    note = get_note(request, note_id)
    form = DecisionForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("This did not fit the form. Nothing was changed."))
        return redirect("note_review", note_id=note.pk)
    target = form.cleaned_data["target"]
    try:
        annotation_set = open_set(
            note=note,
            annotator=request.user,
            client_event_id=form.cleaned_data["client_event_id"],
            shows_labels=False,
        )
        gesture = _gesture_of(form, note, annotation_set)
        if gesture is None:
            messages.error(request, _("There is no such place. Nothing was changed."))
            return _back(note, target)
        outcome = apply_gesture(
            annotation_set=annotation_set, actor=request.user, gesture=gesture
        )
    except AnnotatorError as error:
        messages.error(request, _message(error))
        return _back(note, target)
    marks = paint_note(note, annotation_set).marks
    return _back(note, _next_key(outcome.changed_ranges, marks, target))


@login_required
@require_POST
def note_submit(request: UserRequest, note_id: int) -> HttpResponse:
    """Submit and go on; with suggestions undecided, ask once."""
    note = get_note(request, note_id)
    revision = request.POST.get("base_revision", "")
    base_revision = whole_number(revision)
    if revision and base_revision is None:
        messages.error(request, _("This did not fit the form. Nothing was changed."))
        return redirect("note_review", note_id=note.pk)
    try:
        annotation_set = open_set(note=note, annotator=request.user, shows_labels=False)
        if annotation_set.state == SetState.SUBMITTED:  # a double click
            return redirect("next_note", slug=note.project.slug)
        n_undecided = visible_suggestions(
            note=note, annotation_set=annotation_set
        ).count()
        if n_undecided and "confirmed" not in request.POST:
            context = page_context(request, note, ask_submit=n_undecided)
            return render(request, "annotator/note_review.html", context)
        submit_set(
            annotation_set=annotation_set,
            actor=request.user,
            base_revision=base_revision,
            active_seconds=whole_number(request.POST.get("active_seconds", "")) or 0,
        )
    except AnnotatorError as error:
        messages.error(request, _message(error))
        return redirect("note_review", note_id=note.pk)
    messages.success(request, _("Submitted."))
    return redirect("next_note", slug=note.project.slug)


@login_required
@require_POST
def note_skip(request: UserRequest, note_id: int) -> HttpResponse:
    """Put the note aside with a reason and go on."""
    note = get_note(request, note_id)
    reason = request.POST.get("reason", "").replace("\0", "")
    skip_note(note=note, actor=request.user, reason=reason)
    messages.success(request, _("Skipped."))
    return redirect("next_note", slug=note.project.slug)


@login_required
@require_POST
def note_reopen(request: UserRequest, note_id: int) -> HttpResponse:
    """Open a skipped note or a submitted set again."""
    note = get_note(request, note_id)
    if note.state == NoteState.SKIPPED:
        unskip_note(note=note, actor=request.user)
        return redirect("note_review", note_id=note.pk)
    set_id = whole_number(request.POST.get("set", ""))
    annotation_set = find_set(note, request.user)
    if set_id is not None:
        annotation_set = note.annotation_sets.filter(pk=set_id).first()
    if annotation_set is None:
        raise WrongState(f"note {note.pk} has no set to open again")
    annotation_set.note = note
    reopen_set(annotation_set=annotation_set, actor=request.user)
    return redirect("note_review", note_id=note.pk)


def _refusal(
    error: AnnotatorError,
    note: Note | None = None,
    annotation_set: AnnotationSet | None = None,
    gesture: Gesture | None = None,
) -> JsonResponse:
    """Say why; what lost to a newer state gets that state and its story with it."""
    body: dict[str, Any] = {"code": error.code, "message": _message(error)}
    if note is not None and annotation_set is not None:
        annotation_set.note = note
        body |= answer_gesture(note, annotation_set, None)
    if annotation_set is not None and gesture is not None:
        if isinstance(error, StaleRevision):
            body["changes"] = changes_since(annotation_set, gesture.base_revision)
        elif isinstance(error, TargetGone):
            body["changes"] = changes_of_target(
                annotation_set,
                span_id=gesture.span_id,
                suggestion_id=gesture.suggestion_id,
            )
    return JsonResponse(body | error.details(), status=error.status)


def _message(error: AnnotatorError) -> str:
    title, text = texts_of(error)
    if error.code == "not_allowed":
        return str(title)
    return f"{title}. {text}"


def _back(note: Note, key: str) -> HttpResponse:
    """Show the note again with this mark in hand."""
    address = reverse("note_review", kwargs={"note_id": note.pk})
    return redirect(f"{address}?in_hand={key}#hand" if key else address)


def _next_key(ranges: list[tuple[int, int]], marks: list[Any], target: str) -> str:
    """Stay on what was changed if it is there, else go to the next undecided."""
    changed = [m for m in marks if (m.start_char, m.end_char) in ranges]
    if changed and not target.startswith("s"):
        return str(changed[0].key)
    place = min(ranges)[0] if ranges else 0
    waiting = [m for m in marks if m.is_suggestion]
    later = [m for m in waiting if m.start_char >= place]
    chosen = later or waiting or changed
    return str(chosen[0].key) if chosen else ""


def _gesture_of(
    form: DecisionForm, note: Note, annotation_set: AnnotationSet
) -> Gesture | None:
    """Translate the plain form into the gesture that the script would send."""
    data = form.cleaned_data
    action, place = data["action"], None
    if data["mention"]:
        action = Action.CREATE
        place = find_mention(
            note.text, note.tokens, data["mention"], data["occurrence"] or 1
        )
    elif data["move"]:
        action = Action.REBOUND
        place = _moved(form, note, annotation_set)
    elif data["label"]:
        action = Action.RELABEL
    if action in (Action.CREATE, Action.REBOUND) and place is None:
        return None
    if action == Action.REJECT and form.span_id is not None:
        action = Action.DELETE
    new_id: UUID = form.new_span_id
    return Gesture(
        client_event_id=data["client_event_id"],
        base_revision=data["base_revision"],
        action=action,
        span_id=form.span_id or new_id,
        suggestion_id=form.suggestion_id,
        start_char=place[0] if place else None,
        end_char=place[1] if place else None,
        label=data["label"] or None,
        surface=note.text[slice(*place)] if place else None,
    )


def _moved(
    form: DecisionForm, note: Note, annotation_set: AnnotationSet
) -> tuple[int, int] | None:
    waiting = visible_suggestions(note=note, annotation_set=annotation_set)
    edges = ("start_char", "end_char")
    found: tuple[int, int] | None = None
    if form.suggestion_id is not None:
        found = waiting.filter(pk=form.suggestion_id).values_list(*edges).first()
    elif form.span_id is not None:
        spans = annotation_set.spans.filter(pk=form.span_id)
        found = spans.values_list(*edges).first()
    if found is None:
        return None
    start, end = found
    return move_edge(note.tokens, start, end, form.cleaned_data["move"])
