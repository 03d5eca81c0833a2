"""A person's annotations of a note: read, gestures, submit, reopen, skip, ledger."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from annotator.api.filters import read_parameters
from annotator.api.permissions import NoteAccess, person
from annotator.api.serializers.annotations import (
    AnnotationSetSerializer,
    EventSerializer,
    GestureSerializer,
    OutcomeSerializer,
    SetChoice,
    SkipSerializer,
    SubmitSerializer,
)
from annotator.enums import NoteState, Role, SetState
from annotator.exceptions import OtherUser, WrongState
from annotator.models import AnnotationSet, Note, SpanEvent, User
from annotator.permissions import has_role
from annotator.selectors.ledger import ledger_position
from annotator.selectors.review import OPEN_SET_STATES, choose_set, find_set
from annotator.services import annotation_sets
from annotator.services.gestures import apply_gesture


def _chosen(request: Request, note: Note) -> AnnotationSet | None:
    """Return the set that the page would show; one asked for must be the one."""
    set_id = read_parameters(request, SetChoice).get("set")
    user = person(request)
    found = choose_set(
        note=note,
        user=user,
        is_reviewer=has_role(user, note.project, Role.REVIEWER),
        set_id=set_id,
    )
    if set_id is not None and (found is None or found.pk != set_id):
        raise Http404
    return found


def _answer(note: Note, annotation_set: AnnotationSet | None, user: User) -> Response:
    body = _describe(note, annotation_set, user)
    return Response(AnnotationSetSerializer(body).data)


def _describe(
    note: Note, annotation_set: AnnotationSet | None, user: User
) -> dict[str, Any]:
    if annotation_set is None:
        # What the first gesture will make.
        return {
            "id": None,
            "note": note.pk,
            "note_state": note.state,
            "annotator": user.username,
            "is_mine": True,
            "is_gold": False,
            "state": SetState.OPEN,
            "revision": 0,
            "labels_shown": list(note.project.labels.values_list("name", flat=True)),
            "active_seconds": 0,
            "submitted_at": None,
            "is_flagged": False,
            "can_undo": False,
            "can_redo": False,
            "spans": [],
        }
    position = ledger_position(annotation_set)
    annotator = annotation_set.annotator
    return {
        "id": annotation_set.pk,
        "note": note.pk,
        "note_state": note.state,
        "annotator": annotator.username if annotator else None,
        "is_mine": annotation_set.annotator_id == user.pk,
        "is_gold": annotation_set.is_gold,
        "state": annotation_set.state,
        "revision": annotation_set.revision,
        "labels_shown": annotation_set.labels_shown,
        "active_seconds": annotation_set.active_seconds,
        "submitted_at": annotation_set.submitted_at,
        "is_flagged": annotation_set.is_flagged,
        "can_undo": position.undo is not None,
        "can_redo": position.redo is not None,
        "spans": annotation_set.spans.select_related("label"),
    }


class AnnotationSetView(NoteAccess, generics.GenericAPIView[AnnotationSet]):
    """The person's annotations of the note, or those of a set named by a reviewer.

    Whoever made none of a finished note gets what was submitted, where one annotation
    a note is enough.
    """

    serializer_class = AnnotationSetSerializer

    @extend_schema(operation_id="annotations_retrieve", parameters=[SetChoice])
    def get(self, request: Request, note_id: int) -> Response:
        note = self.note
        user = person(request)
        found = _chosen(request, note)
        is_own = found is not None and found.annotator_id == user.pk
        if found is not None and is_own and found.state in OPEN_SET_STATES:
            found.note = note
            annotation_sets.refresh_labels_shown(found)
        return _answer(note, found, user)


class _NotePost(NoteAccess, generics.GenericAPIView[AnnotationSet]):
    """A POST about a note: access first, then the body."""

    def sent(self) -> Serializer[Any]:
        _ = self.note
        serializer = self.get_serializer(data=self.request.data)
        assert isinstance(serializer, Serializer)  # noqa: S101 - narrows the type
        serializer.is_valid(raise_exception=True)
        return serializer


class GestureView(_NotePost):
    """One gesture: one revision, or none at all."""

    serializer_class = GestureSerializer

    @extend_schema(
        operation_id="annotations_gesture", responses={200: OutcomeSerializer}
    )
    def post(self, request: Request, note_id: int) -> Response:
        """Apply a gesture made at ``base_revision``.

        Sent again with the same ``client_event_id`` it is not applied again and gets
        the same events; 409 ``stale_revision`` tells the revision to look at first.
        """
        sent = self.sent()
        assert isinstance(sent, GestureSerializer)  # noqa: S101 - narrows the type
        user = person(request)
        if sent.validated_data.get("user") not in (None, user.pk):
            raise OtherUser("the gesture is another person's")
        gesture = sent.gesture()
        annotation_set = annotation_sets.open_set(
            note=self.note,
            annotator=user,
            client_event_id=gesture.client_event_id,
            shows_labels=False,
        )
        outcome = apply_gesture(
            annotation_set=annotation_set, actor=user, gesture=gesture
        )
        position = ledger_position(annotation_set)
        body = {
            "revision": outcome.revision,
            "events": outcome.events,
            "can_undo": position.undo is not None,
            "can_redo": position.redo is not None,
            "is_flagged": annotation_set.is_flagged,
            "n_elsewhere": outcome.n_elsewhere,
        }
        return Response(OutcomeSerializer(body).data)


class SubmitView(_NotePost):
    """Say that the annotations of the note are complete."""

    serializer_class = SubmitSerializer

    @extend_schema(operation_id="annotations_submit", responses=AnnotationSetSerializer)
    def post(self, request: Request, note_id: int) -> Response:
        sent = self.sent().validated_data
        user = person(request)
        annotation_set = annotation_sets.open_set(
            note=self.note, annotator=user, shows_labels=False
        )
        annotation_sets.submit_set(annotation_set=annotation_set, actor=user, **sent)
        return _answer(self.note, annotation_set, user)


class ReopenView(NoteAccess, generics.GenericAPIView[AnnotationSet]):
    """Go on with a submitted set or a skipped note."""

    serializer_class = AnnotationSetSerializer

    @extend_schema(
        operation_id="annotations_reopen", parameters=[SetChoice], request=None
    )
    def post(self, request: Request, note_id: int) -> Response:
        """Open one's own set again; reviewers hand back that of another person."""
        note, user = self.note, person(request)
        if note.state == NoteState.SKIPPED:
            annotation_sets.unskip_note(note=note, actor=user)
            return _answer(note, find_set(note, user), user)
        wanted = read_parameters(request, SetChoice).get("set")
        found = _chosen(request, note) if wanted else find_set(note, user)
        if found is None:
            raise WrongState(f"note {note.pk} has no set to open again")
        found.note = note
        annotation_sets.reopen_set(annotation_set=found, actor=user)
        return _answer(note, found, user)


class SkipView(_NotePost):
    """Put the note aside for everybody."""

    serializer_class = SkipSerializer

    @extend_schema(operation_id="annotations_skip", responses=AnnotationSetSerializer)
    def post(self, request: Request, note_id: int) -> Response:
        sent = self.sent().validated_data
        user = person(request)
        annotation_sets.skip_note(note=self.note, actor=user, **sent)
        return _answer(self.note, find_set(self.note, user), user)


class EventList(NoteAccess, generics.ListAPIView[SpanEvent]):
    """The ledger of the set that `annotations` shows, oldest first."""

    queryset = SpanEvent.objects.none()
    serializer_class = EventSerializer

    def get_queryset(self) -> QuerySet[SpanEvent]:
        annotation_set = _chosen(self.request, self.note)
        if annotation_set is None:
            return SpanEvent.objects.none()
        return annotation_set.events.select_related("actor")

    @extend_schema(parameters=[SetChoice])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)
