"""Notes: the queue, one note, its suggestions, and imports."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.api.filters import read_parameters
from annotator.api.parsers import JSONLinesParser
from annotator.api.permissions import NoteAccess, ProjectAccess, person
from annotator.api.serializers.jobs import JobSerializer
from annotator.api.serializers.notes import (
    ImportChoices,
    NoteFilters,
    NoteRowSerializer,
    NoteSerializer,
    SuggestionSerializer,
    UploadsSerializer,
)
from annotator.api.views.jobs import answer_job
from annotator.models import Note, Suggestion
from annotator.selectors.notes import NoteFilter, note_rows
from annotator.selectors.review import find_set, visible_suggestions
from annotator.services import audit
from annotator.services.imports import enqueue_import


class NoteList(ProjectAccess, generics.ListAPIView[Note]):
    """The notes of a project, without their texts."""

    queryset = Note.objects.none()
    serializer_class = NoteRowSerializer
    parser_classes = [JSONLinesParser, MultiPartParser]

    def get_queryset(self) -> QuerySet[Note]:
        project = self.project
        wanted = NoteFilter(**read_parameters(self.request, NoteFilters))
        return note_rows(project, person(self.request), wanted)

    @extend_schema(parameters=[NoteFilters])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="projects_notes_import",
        parameters=[ImportChoices],
        request={
            "application/jsonl": OpenApiTypes.BINARY,
            "multipart/form-data": UploadsSerializer,
        },
        responses={202: JobSerializer},
    )
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Import Document JSONL as the body, or files of any kind as a form.

        The job's result is the report of what went in and what did not.
        """
        project = self.project
        choices = read_parameters(request, ImportChoices)
        sent = UploadsSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        uploads = sent.validated_data["uploads"]
        try:
            job = enqueue_import(
                project=project, actor=person(request), uploads=uploads, **choices
            )
        finally:
            for upload in uploads:
                upload.close()
        return answer_job(request, job)


class NoteDetail(NoteAccess, generics.RetrieveAPIView[Note]):
    """A note with text, tokens and turns; who read it is written down."""

    queryset = Note.objects.none()
    serializer_class = NoteSerializer
    lookup_url_kwarg = "note_id"

    def get_object(self) -> Note:
        audit.record(
            actor=person(self.request),
            action="note.open",
            subject=f"note:{self.note.pk}",
        )
        return self.note


class SuggestionList(NoteAccess, generics.ListAPIView[Suggestion]):
    """What still waits for the person's word; nothing on held-out notes."""

    queryset = Suggestion.objects.none()
    serializer_class = SuggestionSerializer

    def get_queryset(self) -> QuerySet[Suggestion]:
        note = self.note
        read_parameters(self.request)
        annotation_set = find_set(note, person(self.request))
        waiting = visible_suggestions(note=note, annotation_set=annotation_set)
        return waiting.select_related("label")
