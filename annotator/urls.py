"""The URL list. Pages first, then the API, then Django's own administration."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from django.views.i18n import set_language

from annotator.views import (
    exports,
    guidelines,
    health,
    home,
    imports,
    jobs,
    notes,
    people,
    presence,
    projects,
    review,
    session,
    training,
    workbench,
)

handler400 = "annotator.views.errors.bad_request"
handler403 = "annotator.views.errors.permission_denied"
handler404 = "annotator.views.errors.page_not_found"
handler500 = "annotator.views.errors.server_error"

urlpatterns = [
    # The person
    path("", home.home, name="home"),
    path("login/", session.login, name="login"),
    path("logout/", session.logout, name="logout"),
    path("session/", session.session, name="session"),
    path("profile/", session.profile, name="profile"),
    path("profile/keys/", workbench.key_map, name="key_map"),
    path("language/", set_language, name="set_language"),
    path("healthz", health.health, name="health"),
    # The people of the installation
    path("people/", people.people, name="people"),
    path("people/<int:user_id>/", people.person_edit, name="person_edit"),
    path(
        "people/<int:user_id>/password/", people.person_password, name="person_password"
    ),
    # Set-up of a project
    path("projects/new/", projects.project_create, name="project_create"),
    path("p/<slug:slug>/settings/", projects.project_edit, name="project_edit"),
    path("p/<slug:slug>/labels/new/", projects.label_create, name="label_create"),
    path(
        "p/<slug:slug>/labels/<int:label_id>/", projects.label_edit, name="label_edit"
    ),
    path(
        "p/<slug:slug>/labels/<int:label_id>/delete/",
        projects.label_delete,
        name="label_delete",
    ),
    path("p/<slug:slug>/members/new/", projects.member_add, name="member_add"),
    path(
        "p/<slug:slug>/members/<int:member_id>/",
        projects.member_edit,
        name="member_edit",
    ),
    path(
        "p/<slug:slug>/members/<int:member_id>/remove/",
        projects.member_remove,
        name="member_remove",
    ),
    path(
        "p/<slug:slug>/guideline/",
        guidelines.project_guideline,
        name="project_guideline",
    ),
    path(
        "p/<slug:slug>/guideline/edit/",
        guidelines.guideline_edit,
        name="guideline_edit",
    ),
    # Notes in, annotations out
    path("p/<slug:slug>/import/", imports.project_import, name="project_import"),
    path("p/<slug:slug>/export/", exports.project_export, name="project_export"),
    path("exports/<int:export_id>/", exports.export_detail, name="export_detail"),
    path(
        "exports/<int:export_id>/download/",
        exports.export_download,
        name="export_download",
    ),
    # The queue
    path("p/<slug:slug>/", notes.note_list, name="note_list"),
    path("p/<slug:slug>/next/", notes.next_note, name="next_note"),
    # The review page
    path("notes/<int:note_id>/", review.note_review, name="note_review"),
    path("notes/<int:note_id>/awaits/", review.note_awaits, name="note_awaits"),
    path("notes/<int:note_id>/gestures/", review.note_gesture, name="note_gesture"),
    path("notes/<int:note_id>/presence/", presence.note_presence, name="note_presence"),
    path("notes/<int:note_id>/state/", presence.note_state, name="note_state"),
    path("notes/<int:note_id>/decide/", review.note_decide, name="note_decide"),
    path("notes/<int:note_id>/submit/", review.note_submit, name="note_submit"),
    path("notes/<int:note_id>/skip/", review.note_skip, name="note_skip"),
    path("notes/<int:note_id>/reopen/", review.note_reopen, name="note_reopen"),
    path("notes/<int:note_id>/same/", workbench.note_same, name="note_same"),
    path("notes/<int:note_id>/guide/", workbench.note_guide, name="note_guide"),
    path("notes/<int:note_id>/history/", workbench.note_history, name="note_history"),
    path(
        "notes/<int:note_id>/comments/", workbench.note_comments, name="note_comments"
    ),
    # The training desk
    path("p/<slug:slug>/training/", training.project_training, name="project_training"),
    path("p/<slug:slug>/training/now/", training.training_now, name="training_now"),
    path("p/<slug:slug>/training/foot/", training.training_foot, name="training_foot"),
    path(
        "p/<slug:slug>/training/versions/",
        training.training_versions,
        name="training_versions",
    ),
    path(
        "p/<slug:slug>/training/verdict/",
        training.training_verdict,
        name="training_verdict",
    ),
    path(
        "p/<slug:slug>/training/start/", training.training_start, name="training_start"
    ),
    path(
        "versions/<int:version_id>/promote/",
        training.version_promote,
        name="version_promote",
    ),
    # Background work
    path("jobs/<int:job_id>/", jobs.job_detail, name="job_detail"),
    path("jobs/<int:job_id>/status/", jobs.job_status, name="job_status"),
    path("jobs/<int:job_id>/cancel/", jobs.job_cancel, name="job_cancel"),
    path("jobs/<int:job_id>/run-again/", jobs.job_run_again, name="job_run_again"),
    path("api/", include("annotator.api.urls")),
    # Administration; its own log-in has no lock after failures, so ours stands before.
    path("admin/login/", session.admin_login),
    path("admin/", admin.site.urls),
]
