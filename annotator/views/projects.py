"""Set-up of a project: settings, labels, members."""

from __future__ import annotations

import copy
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from annotator.enums import Role
from annotator.exceptions import ConfirmationNeeded, InvalidValues, WrongState
from annotator.forms.projects import (
    LANGUAGES,
    LabelForm,
    MemberForm,
    ProjectForm,
    RoleForm,
    add_refusal,
)
from annotator.models import Label, Membership, Project
from annotator.permissions import role_in
from annotator.selectors.overlap import OverlapEffect
from annotator.services import projects
from annotator.views._access import UserRequest, get_project


@login_required
@require_http_methods(["GET", "POST"])
def project_create(request: UserRequest) -> HttpResponse:
    """Make a project; administrators of the installation only."""
    if not request.user.is_staff:
        raise PermissionDenied
    form = ProjectForm(request.POST or None, initial={"language": "es"})
    if request.method == "POST" and form.is_valid():
        try:
            project = projects.create_project(actor=request.user, **form.values())
        except InvalidValues as error:
            add_refusal(form, error)
        else:
            messages.success(request, _("The project is there. Now import notes."))
            return redirect("project_import", slug=project.slug)
    context = {"form": form, "languages": LANGUAGES}
    status = 422 if form.is_bound else 200
    return render(request, "annotator/project_create.html", context, status=status)


@login_required
@require_http_methods(["GET", "POST"])
def project_edit(request: UserRequest, slug: str) -> HttpResponse:
    """Settings, with the lists of labels and members below."""
    project = get_project(request, slug, Role.ADMIN)
    form = ProjectForm(request.POST or None, instance=copy.copy(project))
    effect = None
    if request.method == "POST" and form.is_valid():
        try:
            projects.update_project(
                project=project,
                actor=request.user,
                confirmed=_is_confirmed(request, form),
                **form.values(),
            )
        except ConfirmationNeeded as error:
            effect = OverlapEffect(**error.counts)
            form.add_error(
                "overlap", _("Read what this changes, then confirm it below.")
            )
        except InvalidValues as error:
            add_refusal(form, error)
        else:
            messages.success(request, _("The settings were saved."))
            return redirect("project_edit", slug=project.slug)
    # A refused change of the address must not turn up in the links of the page.
    shown = get_project(request, slug, Role.ADMIN) if form.is_bound else project
    return _settings_page(request, shown, effect=effect, form=form)


def _is_confirmed(request: UserRequest, form: ProjectForm) -> bool:
    """Tell whether the person read what the number of annotators does to notes.

    The confirmation names the number, so that it is not taken for another one.
    """
    wanted = str(form.cleaned_data["overlap"])
    return request.POST.get("overlap_confirmed") == wanted


def _settings_page(
    request: UserRequest,
    project: Project,
    *,
    effect: OverlapEffect | None = None,
    **forms: Any,
) -> HttpResponse:
    members = project.memberships.select_related("user").order_by("user__username")
    context = {
        "project": project,
        "role": role_in(request.user, project),
        "tab": "settings",
        "languages": LANGUAGES,
        "form": ProjectForm(instance=copy.copy(project)),
        "member_form": MemberForm(),
        "labels": list(project.labels.all()),
        "members": list(members),
        "roles": Role.choices,
        "effect": effect,
    } | forms
    bound = any(form.is_bound for form in forms.values())
    return render(
        request, "annotator/project_edit.html", context, status=422 if bound else 200
    )


@login_required
@require_http_methods(["GET", "POST"])
def label_create(request: UserRequest, slug: str) -> HttpResponse:
    project = get_project(request, slug, Role.ADMIN)
    n_labels = project.labels.count()
    label = Label(project=project, colour_slot=n_labels % 12 + 1, position=n_labels + 1)
    form = LabelForm(request.POST or None, instance=label)
    if request.method == "POST" and form.is_valid():
        try:
            made = projects.create_label(
                project=project, actor=request.user, **form.values()
            )
        except InvalidValues as error:
            add_refusal(form, error)
        else:
            messages.success(
                request, _("Label %(name)s was added.") % {"name": made.name}
            )
            return redirect("project_edit", slug=project.slug)
    return _label_page(request, project, form, None)


@login_required
@require_http_methods(["GET", "POST"])
def label_edit(request: UserRequest, slug: str, label_id: int) -> HttpResponse:
    project = get_project(request, slug, Role.ADMIN)
    label = get_object_or_404(project.labels, pk=label_id)
    form = LabelForm(request.POST or None, instance=copy.copy(label))
    if request.method == "POST" and form.is_valid():
        try:
            projects.update_label(label=label, actor=request.user, **form.values())
        except InvalidValues as error:
            add_refusal(form, error)
        except WrongState:
            form.add_error(
                "name",
                _("Annotation has begun, so this name is fixed; change the others."),
            )
        else:
            messages.success(request, _("The label was saved."))
            return redirect("project_edit", slug=project.slug)
    return _label_page(request, project, form, label_id)


def _label_page(
    request: UserRequest, project: Project, form: LabelForm, label_id: int | None
) -> HttpResponse:
    stored = None if label_id is None else Label.objects.get(pk=label_id)
    context = {
        "project": project,
        "role": role_in(request.user, project),
        "tab": "settings",
        "form": form,
        "label": stored,
    }
    status = 422 if form.is_bound else 200
    return render(request, "annotator/label_edit.html", context, status=status)


@login_required
@require_POST
def label_delete(request: UserRequest, slug: str, label_id: int) -> HttpResponse:
    project = get_project(request, slug, Role.ADMIN)
    label = get_object_or_404(project.labels, pk=label_id)
    # The page says that suggestions go with it.
    projects.delete_label(label=label, actor=request.user, confirmed=True)
    messages.success(request, _("The label was deleted."))
    return redirect("project_edit", slug=project.slug)


@login_required
@require_POST
def member_add(request: UserRequest, slug: str) -> HttpResponse:
    project = get_project(request, slug, Role.ADMIN)
    form = MemberForm(request.POST)
    if not form.is_valid():
        return _settings_page(request, project, member_form=form)
    user = form.cleaned_data["username"]
    projects.set_member(
        project=project, actor=request.user, user=user, role=form.cleaned_data["role"]
    )
    messages.success(request, _("%(name)s is a member now.") % {"name": user.username})
    return redirect("project_edit", slug=project.slug)


@login_required
@require_POST
def member_edit(request: UserRequest, slug: str, member_id: int) -> HttpResponse:
    project, membership = _get_member(request, slug, member_id)
    form = RoleForm(request.POST)
    if not form.is_valid():
        raise InvalidValues({"role": [_("Choose a role.")]})
    projects.set_member(
        project=project,
        actor=request.user,
        user=membership.user,
        role=form.cleaned_data["role"],
    )
    messages.success(request, _("The role was changed."))
    return redirect("project_edit", slug=project.slug)


@login_required
@require_POST
def member_remove(request: UserRequest, slug: str, member_id: int) -> HttpResponse:
    project, membership = _get_member(request, slug, member_id)
    projects.remove_member(membership=membership, actor=request.user)
    messages.success(request, _("The membership has ended; the annotations stay."))
    return redirect("project_edit", slug=project.slug)


def _get_member(
    request: UserRequest, slug: str, member_id: int
) -> tuple[Project, Membership]:
    project = get_project(request, slug, Role.ADMIN)
    members = project.memberships.select_related("user", "project")
    return project, get_object_or_404(members, pk=member_id)
