"""Background jobs: what runs, cancel, run again, and asking for suggestions."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from annotator.api.filters import read_parameters
from annotator.api.permissions import ProjectAccess, get_job, person
from annotator.api.serializers.jobs import (
    JobFilters,
    JobRowSerializer,
    JobSerializer,
    PredictionsSerializer,
)
from annotator.exceptions import InvalidValues
from annotator.models import Job
from annotator.permissions import LEAST_TO_CHANGE_JOB, LEAST_TO_SEE_JOB
from annotator.selectors.jobs import visible_jobs
from annotator.services import jobs
from annotator.services.predictions import enqueue_predictions


def answer_job(request: Request, job: Job) -> Response:
    """Answer with a job that was queued, and where to look at it."""
    address = reverse("api:job", kwargs={"job_id": job.pk}, request=request)
    return Response(JobSerializer(job).data, status=202, headers={"Location": address})


class JobList(generics.ListAPIView[Job]):
    """The jobs that the person's roles let them see, newest first."""

    queryset = Job.objects.none()
    serializer_class = JobRowSerializer

    def get_queryset(self) -> QuerySet[Job]:
        wanted = read_parameters(self.request, JobFilters)
        if "project" in wanted:
            wanted["project__slug"] = wanted.pop("project")
        return visible_jobs(person(self.request)).filter(**wanted)

    @extend_schema(parameters=[JobFilters])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)


class JobDetail(generics.RetrieveAPIView[Job]):
    """A job with its progress and, once it is done, its result."""

    queryset = Job.objects.none()
    serializer_class = JobSerializer
    lookup_url_kwarg = "job_id"

    def get_object(self) -> Job:
        return get_job(self.request, self.kwargs["job_id"], LEAST_TO_SEE_JOB)


class JobCancelView(generics.GenericAPIView[Job]):
    """Cancel a waiting job, ask a running one to stop."""

    serializer_class = JobSerializer

    @extend_schema(operation_id="jobs_cancel", request=None)
    def post(self, request: Request, job_id: int) -> Response:
        job = get_job(request, job_id, LEAST_TO_CHANGE_JOB)
        jobs.request_cancel(job=job, actor=person(request))
        return Response(self.get_serializer(job).data)


class JobRunAgainView(generics.GenericAPIView[Job]):
    """Queue a failed or cancelled job again, or an import for what it left out."""

    serializer_class = JobSerializer

    @extend_schema(
        operation_id="jobs_run_again", request=None, responses={202: JobSerializer}
    )
    def post(self, request: Request, job_id: int) -> Response:
        job = get_job(request, job_id, LEAST_TO_CHANGE_JOB)
        jobs.run_again(job=job, actor=person(request))
        return answer_job(request, job)


class PredictionsView(ProjectAccess, generics.GenericAPIView[Job]):
    """Ask the active model for suggestions."""

    serializer_class = PredictionsSerializer

    @extend_schema(operation_id="predictions_start", responses={202: JobSerializer})
    def post(self, request: Request, slug: str) -> Response:
        """Queue suggestions; notes that are settled meanwhile are left alone."""
        project = self.project
        sent = self.get_serializer(data=request.data)
        sent.is_valid(raise_exception=True)
        note_ids = sent.validated_data.get("note_ids")
        if note_ids is not None:
            known = set(project.notes.in_bulk(note_ids))
            if foreign := sorted(set(note_ids) - known):
                raise InvalidValues({"note_ids": [f"not in the project: {foreign}"]})
        job = enqueue_predictions(
            project=project, actor=person(request), note_ids=note_ids
        )
        return answer_job(request, job)
