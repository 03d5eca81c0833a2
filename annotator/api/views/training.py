"""Retraining and the model versions of a project."""

from __future__ import annotations

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.api.filters import read_parameters
from annotator.api.permissions import ProjectAccess, person
from annotator.api.serializers.jobs import (
    JobSerializer,
    TrainingPlanSerializer,
    TrainingSerializer,
)
from annotator.api.serializers.versions import VersionRowSerializer, VersionSerializer
from annotator.api.views.jobs import answer_job
from annotator.enums import Role
from annotator.models import Job, ModelVersion
from annotator.selectors.training import training_plan
from annotator.selectors.versions import project_versions
from annotator.services.training import enqueue_training
from annotator.services.versions import promote


class TrainingView(ProjectAccess, generics.GenericAPIView[Job]):
    """What a training would learn from, and its start."""

    least = Role.ADMIN
    serializer_class = TrainingSerializer

    @extend_schema(operation_id="training_plan", responses=TrainingPlanSerializer)
    def get(self, request: Request, slug: str) -> Response:
        plan = training_plan(project=self.project)
        return Response(TrainingPlanSerializer(plan).data)

    @extend_schema(operation_id="training_start", responses={202: JobSerializer})
    def post(self, request: Request, slug: str) -> Response:
        """Queue a training; its result names the version that it made."""
        project = self.project
        sent = self.get_serializer(data=request.data)
        sent.is_valid(raise_exception=True)
        job = enqueue_training(
            project=project, actor=person(request), **sent.validated_data
        )
        return answer_job(request, job)


class _VersionAccess(ProjectAccess):
    least = Role.ADMIN

    def get_serializer_context(self) -> dict[str, Any]:
        return {"active_version_id": self.project.active_version_id}

    def find_version(self) -> ModelVersion:
        """Return a version that the project can use: its own or a shipped one."""
        usable = ModelVersion.objects.filter(project=self.project)
        usable |= ModelVersion.objects.filter(project=None)
        return get_object_or_404(usable, pk=self.kwargs["version_id"])


class VersionList(_VersionAccess, generics.ListAPIView[ModelVersion]):
    """The versions that the project can use, newest first, shipped ones last."""

    queryset = ModelVersion.objects.none()
    serializer_class = VersionRowSerializer

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        project = self.project
        read_parameters(request)
        page = self.paginate_queryset(project_versions(project))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class VersionDetail(_VersionAccess, generics.RetrieveAPIView[ModelVersion]):
    """A version with its measurements and the verdict on it."""

    queryset = ModelVersion.objects.none()
    serializer_class = VersionSerializer
    lookup_url_kwarg = "version_id"

    def get_object(self) -> ModelVersion:
        return self.find_version()


class VersionPromoteView(_VersionAccess, generics.GenericAPIView[ModelVersion]):
    """Make a version the active one; going back to an older one is the same step."""

    serializer_class = VersionSerializer

    @extend_schema(operation_id="versions_promote", request=None)
    def post(self, request: Request, slug: str, version_id: int) -> Response:
        version = promote(
            version=self.find_version(), project=self.project, actor=person(request)
        )
        return Response(self.get_serializer(version).data)
