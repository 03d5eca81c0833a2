"""What the review page has beside gestures: comments, same mentions, one's keys."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.api.filters import read_parameters
from annotator.api.permissions import NoteAccess, person
from annotator.api.serializers.annotations import SetChoice
from annotator.api.serializers.workbench import (
    CommentChangeSerializer,
    CommentSerializer,
    KeyMapSerializer,
    NewCommentSerializer,
    SameNoteSerializer,
    SameSerializer,
)
from annotator.enums import Role
from annotator.models import AnnotationSet, Comment, Note
from annotator.permissions import has_role
from annotator.selectors.beside import comments_of
from annotator.selectors.review import choose_set, find_set
from annotator.services.comments import add_comment, set_comment_removed
from annotator.services.key_maps import change_key_map, key_map_of, reset_key_map
from annotator.services.propagation import same_in_project, same_mentions


def _shown_set(request: Request, note: Note) -> AnnotationSet | None:
    user = person(request)
    return choose_set(
        note=note,
        user=user,
        is_reviewer=has_role(user, note.project, Role.REVIEWER),
        set_id=read_parameters(request, SetChoice).get("set"),
    )


class CommentList(NoteAccess, generics.GenericAPIView[Comment]):
    """The remarks on a note and on the spans of the set shown, oldest first."""

    serializer_class = CommentSerializer

    @extend_schema(
        operation_id="comments_list",
        parameters=[SetChoice],
        responses=CommentSerializer(many=True),
    )
    def get(self, request: Request, note_id: int) -> Response:
        comments = comments_of(self.note, _shown_set(request, self.note))
        return Response(CommentSerializer(comments, many=True).data)

    @extend_schema(
        operation_id="comments_add",
        parameters=[SetChoice],
        request=NewCommentSerializer,
        responses={201: CommentSerializer},
    )
    def post(self, request: Request, note_id: int) -> Response:
        note = self.note
        sent = NewCommentSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        comment = add_comment(
            note=note,
            author=person(request),
            body=sent.validated_data["body"],
            comment_id=sent.validated_data["id"],
            annotation_set=_shown_set(request, note),
            span_id=sent.validated_data.get("span_id"),
        )
        return Response(CommentSerializer(comment).data, status=201)


class CommentDetail(NoteAccess, generics.GenericAPIView[Comment]):
    """A remark: its author and administrators take it away and bring it back."""

    serializer_class = CommentChangeSerializer

    @extend_schema(operation_id="comments_change", responses=CommentSerializer)
    def patch(self, request: Request, note_id: int, comment_id: Any) -> Response:
        comment = self.note.comments.filter(pk=comment_id).first()
        if comment is None:
            raise Http404
        sent = CommentChangeSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        set_comment_removed(
            comment=comment, actor=person(request), **sent.validated_data
        )
        return Response(CommentSerializer(comment).data)


class SameMentions(NoteAccess, generics.GenericAPIView[Note]):
    """Where the same mention stands: what a gesture ``propagate`` may name.

    Posted, though it changes nothing: words of a note do not stand in addresses.
    """

    serializer_class = SameSerializer

    @extend_schema(
        operation_id="annotations_same", responses=SameNoteSerializer(many=True)
    )
    def post(self, request: Request, note_id: int) -> Response:
        note, user = self.note, person(request)
        sent = SameSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        place = dict(sent.validated_data)
        scope = place.pop("scope")
        if not place["start_char"] < place["end_char"] <= note.n_chars:
            raise serializers.ValidationError({"end_char": ["outside the text"]})
        own = find_set(note, user)
        found = [same_mentions(note=note, annotation_set=own, **place)]
        if scope == "project":
            found += same_in_project(note=note, annotator=user, **place)
        return Response(SameNoteSerializer(found, many=True).data)


class KeyMapView(generics.GenericAPIView[Any]):
    """The person's own keys of the review page."""

    serializer_class = KeyMapSerializer

    @extend_schema(operation_id="key_map_retrieve")
    def get(self, request: Request) -> Response:
        return Response({"keys": key_map_of(person(request))})

    @extend_schema(operation_id="key_map_change")
    def patch(self, request: Request) -> Response:
        """Change the keys named; a key for two commands is refused."""
        sent = KeyMapSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        keys = change_key_map(user=person(request), **sent.validated_data)
        return Response({"keys": keys})

    @extend_schema(operation_id="key_map_reset", responses=KeyMapSerializer)
    def delete(self, request: Request) -> Response:
        """Go back to the defaults."""
        return Response({"keys": reset_key_map(user=person(request))})
