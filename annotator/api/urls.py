"""The API's addresses, under ``/api/``."""

from __future__ import annotations

from django.urls import path

from annotator.api.schema import SchemaView
from annotator.api.views import (
    annotation_sets,
    exports,
    jobs,
    notes,
    projects,
    sessions,
    training,
    workbench,
    workers,
)

app_name = "api"

urlpatterns = [
    path("schema/", SchemaView.as_view(), name="schema"),
    path("token/", sessions.TokenView.as_view(), name="token"),
    path("keys/", workbench.KeyMapView.as_view(), name="keys"),
    path("workers/", workers.WorkerHealthView.as_view(), name="workers"),
    # A project
    path("projects/", projects.ProjectList.as_view(), name="projects"),
    path("projects/<slug:slug>/", projects.ProjectDetail.as_view(), name="project"),
    path("projects/<slug:slug>/labels/", projects.LabelList.as_view(), name="labels"),
    path(
        "projects/<slug:slug>/labels/<int:label_id>/",
        projects.LabelDetail.as_view(),
        name="label",
    ),
    path("projects/<slug:slug>/notes/", notes.NoteList.as_view(), name="notes"),
    path(
        "projects/<slug:slug>/predictions/",
        jobs.PredictionsView.as_view(),
        name="predictions",
    ),
    path(
        "projects/<slug:slug>/training/",
        training.TrainingView.as_view(),
        name="training",
    ),
    path(
        "projects/<slug:slug>/versions/",
        training.VersionList.as_view(),
        name="versions",
    ),
    path(
        "projects/<slug:slug>/versions/<int:version_id>/",
        training.VersionDetail.as_view(),
        name="version",
    ),
    path(
        "projects/<slug:slug>/versions/<int:version_id>/promote/",
        training.VersionPromoteView.as_view(),
        name="version_promote",
    ),
    path("projects/<slug:slug>/exports/", exports.ExportList.as_view(), name="exports"),
    # A note
    path("notes/<int:note_id>/", notes.NoteDetail.as_view(), name="note"),
    path(
        "notes/<int:note_id>/suggestions/",
        notes.SuggestionList.as_view(),
        name="suggestions",
    ),
    path(
        "notes/<int:note_id>/annotations/",
        annotation_sets.AnnotationSetView.as_view(),
        name="annotations",
    ),
    path(
        "notes/<int:note_id>/annotations/gestures/",
        annotation_sets.GestureView.as_view(),
        name="gestures",
    ),
    path(
        "notes/<int:note_id>/annotations/submit/",
        annotation_sets.SubmitView.as_view(),
        name="submit",
    ),
    path(
        "notes/<int:note_id>/annotations/reopen/",
        annotation_sets.ReopenView.as_view(),
        name="reopen",
    ),
    path(
        "notes/<int:note_id>/annotations/skip/",
        annotation_sets.SkipView.as_view(),
        name="skip",
    ),
    path(
        "notes/<int:note_id>/annotations/events/",
        annotation_sets.EventList.as_view(),
        name="events",
    ),
    path(
        "notes/<int:note_id>/annotations/same/",
        workbench.SameMentions.as_view(),
        name="same",
    ),
    path(
        "notes/<int:note_id>/comments/",
        workbench.CommentList.as_view(),
        name="comments",
    ),
    path(
        "notes/<int:note_id>/comments/<uuid:comment_id>/",
        workbench.CommentDetail.as_view(),
        name="comment",
    ),
    # Jobs and files
    path("jobs/", jobs.JobList.as_view(), name="jobs"),
    path("jobs/<int:job_id>/", jobs.JobDetail.as_view(), name="job"),
    path("jobs/<int:job_id>/cancel/", jobs.JobCancelView.as_view(), name="job_cancel"),
    path(
        "jobs/<int:job_id>/run-again/",
        jobs.JobRunAgainView.as_view(),
        name="job_run_again",
    ),
    path("exports/<int:export_id>/", exports.ExportDetail.as_view(), name="export"),
    path(
        "exports/<int:export_id>/download/",
        exports.ExportDownloadView.as_view(),
        name="export_download",
    ),
]
