"""Projects and their labels."""

from __future__ import annotations

import copy
from typing import Any

from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery
from django.forms import model_to_dict
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from annotator.api.filters import read_parameters
from annotator.api.permissions import IsStaffToCreate, ProjectAccess, person
from annotator.api.serializers.projects import (
    Confirmation,
    LabelSerializer,
    ProjectDetailSerializer,
    ProjectSerializer,
)
from annotator.exceptions import InvalidValues
from annotator.forms.projects import ProjectForm
from annotator.models import Label, Membership, Project, User
from annotator.selectors.dashboard import visible_projects
from annotator.services import projects

_NO_PUT = ("get", "head", "options", "post", "patch", "delete")


def _with_role(user: User) -> QuerySet[Project]:
    own = Membership.objects.filter(project=OuterRef("pk"), user=user)
    rows = visible_projects(user).annotate(own_role=Subquery(own.values("role")[:1]))
    return rows.order_by("name", "id")


def _checked(project: Project, sent: dict[str, Any]) -> dict[str, Any]:
    """Hold what was sent to the rules of the page's form, which looks at all fields."""
    fields = ProjectForm.Meta.fields
    stored = model_to_dict(project, fields=fields)
    form = ProjectForm(
        stored | {name: sent[name] for name in fields if name in sent},
        instance=copy.copy(project),
    )
    if not form.is_valid():
        raise InvalidValues(
            {name: [str(text) for text in texts] for name, texts in form.errors.items()}
        )
    values = form.values()
    return {
        name: value for name, value in values.items() if name in sent or not project.pk
    }


class ProjectList(generics.ListCreateAPIView[Project]):
    """The person's projects. Administrators of the installation make new ones."""

    queryset = Project.objects.none()
    serializer_class = ProjectSerializer
    permission_classes = [IsAuthenticated, IsStaffToCreate]

    def get_queryset(self) -> QuerySet[Project]:
        read_parameters(self.request)
        return _with_role(person(self.request))

    def perform_create(self, serializer: BaseSerializer[Project]) -> None:
        values = _checked(Project(), serializer.validated_data)
        serializer.instance = projects.create_project(
            actor=person(self.request), **values
        )


class ProjectDetail(ProjectAccess, generics.RetrieveUpdateAPIView[Project]):
    """A project; its administrators change its settings."""

    queryset = Project.objects.none()
    serializer_class = ProjectDetailSerializer
    lookup_field = "slug"
    http_method_names = _NO_PUT

    def get_object(self) -> Project:
        return self.project

    def perform_update(self, serializer: BaseSerializer[Project]) -> None:
        sent = dict(serializer.validated_data)
        actor = person(self.request)
        values = _checked(self.project, sent)
        with transaction.atomic():
            projects.update_project(
                project=self.project,
                actor=actor,
                confirmed=sent.get("confirm", False),
                **values,
            )
            if "guideline" in sent:
                projects.update_guideline(
                    project=self.project,
                    actor=actor,
                    guideline=sent["guideline"],
                    base_digest=sent.get("guideline_base_digest"),
                )


class LabelList(ProjectAccess, generics.ListCreateAPIView[Label]):
    """The label scheme of a project."""

    queryset = Label.objects.none()
    serializer_class = LabelSerializer

    def get_queryset(self) -> QuerySet[Label]:
        read_parameters(self.request)
        return self.project.labels.all()

    def create(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        _ = self.project  # the role before the body
        return super().create(request, *args, **kwargs)

    def perform_create(self, serializer: BaseSerializer[Label]) -> None:
        serializer.instance = projects.create_label(
            project=self.project,
            actor=person(self.request),
            **serializer.validated_data,
        )


class LabelDetail(ProjectAccess, generics.RetrieveUpdateDestroyAPIView[Label]):
    """A label; its name is fixed once annotation has begun."""

    queryset = Label.objects.none()
    serializer_class = LabelSerializer
    http_method_names = _NO_PUT

    def get_object(self) -> Label:
        labels = self.project.labels.select_related("project")
        return get_object_or_404(labels, pk=self.kwargs["label_id"])

    def perform_update(self, serializer: BaseSerializer[Label]) -> None:
        label = serializer.instance
        assert label is not None  # noqa: S101 - narrows the type
        projects.update_label(
            label=label, actor=person(self.request), **serializer.validated_data
        )

    @extend_schema(parameters=[Confirmation])
    def delete(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Delete a label that nobody used, with the suggestions of it."""
        return super().delete(request, *args, **kwargs)

    def perform_destroy(self, instance: Label) -> None:
        sent = read_parameters(self.request, Confirmation)
        projects.delete_label(
            label=instance, actor=person(self.request), confirmed=sent["confirm"]
        )
