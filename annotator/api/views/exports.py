"""Exports: make one, look at it, fetch the file."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.api.filters import read_parameters
from annotator.api.permissions import ProjectAccess, get_export, person
from annotator.api.serializers.exports import ExportRowSerializer, ExportSerializer
from annotator.api.serializers.jobs import JobSerializer, NewExportSerializer
from annotator.api.views.jobs import answer_job
from annotator.enums import Role
from annotator.models import Export
from annotator.services.exports import enqueue_export, open_export

_FILE = "application/octet-stream"


class ExportList(ProjectAccess, generics.ListAPIView[Export]):
    """The exports of a project, newest first."""

    least = Role.REVIEWER
    least_to_change = Role.REVIEWER
    queryset = Export.objects.none()
    serializer_class = ExportRowSerializer

    def get_queryset(self) -> QuerySet[Export]:
        project = self.project
        read_parameters(self.request)
        rows = project.exports.select_related("project", "created_by")
        return rows.defer("losses")

    @extend_schema(
        operation_id="projects_exports_start",
        request=NewExportSerializer,
        responses={202: JobSerializer},
    )
    def post(self, request: Request, slug: str) -> Response:
        """Queue an export; its result names the file's row."""
        project = self.project
        sent = NewExportSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        job = enqueue_export(
            project=project, actor=person(request), **sent.validated_data
        )
        return answer_job(request, job)


class ExportDetail(generics.RetrieveAPIView[Export]):
    """An export with its losses and the check that it passed."""

    queryset = Export.objects.none()
    serializer_class = ExportSerializer
    lookup_url_kwarg = "export_id"

    def get_object(self) -> Export:
        return get_export(self.request, self.kwargs["export_id"])


class ExportDownloadView(generics.GenericAPIView[Export]):
    """The file itself, once its checksum was compared."""

    @extend_schema(
        operation_id="exports_download", responses={(200, _FILE): OpenApiTypes.BINARY}
    )
    def get(self, request: Request, export_id: int) -> FileResponse:
        export = get_export(request, export_id)
        path = open_export(export=export, actor=person(request))
        return FileResponse(
            path.open("rb"),
            as_attachment=True,
            filename=path.name,
            content_type=_FILE,
        )
