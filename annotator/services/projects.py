"""Projects, their labels and their members: creation and changes, each audited."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models, transaction

from annotator.default_labels import DEFAULT_LABELS
from annotator.enums import Genre, NoteState, Role, VersionState
from annotator.exceptions import (
    ConfirmationNeeded,
    InvalidValues,
    NotAllowed,
    WrongState,
)
from annotator.models import (
    AnnotationSet,
    Assignment,
    Label,
    Membership,
    ModelVersion,
    Note,
    Project,
    Span,
    Suggestion,
    SuggestionDecision,
    User,
)
from annotator.selectors.overlap import (
    notes_to_reopen,
    notes_to_settle,
    overlap_effect,
)
from annotator.selectors.review import OPEN_NOTE_STATES
from annotator.services import audit

# Fields that the settings page may change; the guideline has its own function.
PROJECT_FIELDS = (
    "name",
    "slug",
    "language",
    "genre",
    "dev_percent",
    "test_percent",
    "overlap",
    "suggestion_threshold",
)
LABEL_FIELDS = (
    "name",
    "short_name",
    "local_names",
    "description",
    "colour_slot",
    "hotkey",
    "position",
)


def create_project(
    *,
    actor: User,
    name: str,
    slug: str,
    language: str,
    genre: str = Genre.NOTE,
    guideline: str = "",
    **settings: Any,
) -> Project:
    """Make a project with the default labels, the shipped model and its first admin."""
    if not actor.is_staff:
        raise NotAllowed("only administrators of the installation create projects")
    project = Project(
        name=name,
        slug=slug,
        language=language,
        genre=genre,
        guideline=guideline,
        active_version=shipped_version(),
        **_known(settings, PROJECT_FIELDS),
    )
    _clean(project)
    with transaction.atomic():
        project.save()
        for position, values in enumerate(DEFAULT_LABELS, start=1):
            Label.objects.create(
                project=project,
                position=position,
                colour_slot=position,
                hotkey=str(position),
                **values,
            )
        Membership.objects.create(project=project, user=actor, role=Role.ADMIN)
        _record(actor, "project.create", project)
    return project


def shipped_version() -> ModelVersion | None:
    """Return the bundle that new projects start with, None when none is registered."""
    return (
        ModelVersion.objects.filter(project__isnull=True)
        .exclude(state__in=[VersionState.FAILED, VersionState.RETIRED])
        .order_by("-created_at", "-id")
        .first()
    )


def update_project(
    *, project: Project, actor: User, confirmed: bool = False, **values: Any
) -> Project:
    """Change settings; only the fields given are written.

    Another number of annotators a note settles or reopens notes in the same moment.
    Raises ConfirmationNeeded where it does, with the counts of
    `selectors.overlap.overlap_effect`, unless *confirmed*.
    """
    changed = _assign(project, _known(values, PROJECT_FIELDS))
    _clean(project)
    if changed:
        with transaction.atomic():
            stored = Project.objects.select_for_update().get(pk=project.pk)
            effect = overlap_effect(stored, project.overlap)
            if effect and not confirmed:
                counts = dataclasses.asdict(effect)
                raise ConfirmationNeeded(f"project {project.pk}", **counts)
            project.save(update_fields=changed)
            counts = _recount_notes(project) if "overlap" in changed else {}
            _record(actor, "project.update", project, fields=changed, **counts)
    return project


def _recount_notes(project: Project) -> dict[str, int]:
    """Settle the notes that enough people submitted, reopen those that need more."""
    counted = (*OPEN_NOTE_STATES, NoteState.SUBMITTED)
    notes = Note.objects.filter(project=project, state__in=counted).order_by("pk")
    # Submissions lock their note and read the project's number under that lock.
    list(notes.select_for_update().values_list("pk", flat=True))
    reopened = notes_to_reopen(project, project.overlap)
    n_reopened = reopened.update(state=NoteState.IN_PROGRESS)
    settled = notes_to_settle(project, project.overlap)
    n_settled = settled.update(state=NoteState.SUBMITTED)
    Assignment.objects.filter(
        note__project=project, note__state=NoteState.SUBMITTED
    ).delete()
    return {"n_reopened": n_reopened, "n_settled": n_settled}


def guideline_digest(guideline: str) -> str:
    """Return what an editor sends back to say which text it started from."""
    return hashlib.sha256(guideline.encode()).hexdigest()


def update_guideline(
    *, project: Project, actor: User, guideline: str, base_digest: str | None = None
) -> Project:
    """Replace the guideline, unless somebody else changed it since *base_digest*."""
    with transaction.atomic():
        stored = Project.objects.select_for_update().get(pk=project.pk).guideline
        if base_digest is not None and base_digest != guideline_digest(stored):
            raise WrongState(
                f"project {project.pk}: the guideline was changed by someone else"
            )
        if guideline != stored:
            Project.objects.filter(pk=project.pk).update(guideline=guideline)
            _record(
                actor,
                "project.guideline",
                project,
                before=guideline_digest(stored),
                after=guideline_digest(guideline),
            )
    project.guideline = guideline
    return project


def create_label(*, project: Project, actor: User, **values: Any) -> Label:
    """Add a label at the end of the scheme."""
    last = project.labels.aggregate(last=models.Max("position"))["last"] or 0
    fields = {"position": last + 1} | _known(values, LABEL_FIELDS)
    label = Label(project=project, **fields)
    _clean(label)
    with transaction.atomic():
        label.save()
        _record(actor, "label.create", project, label=label.name)
    return label


def update_label(*, label: Label, actor: User, **values: Any) -> Label:
    """Change a label; its name stands in ledgers and files, so it may be fixed."""
    before = label.name
    changed = _assign(label, _known(values, LABEL_FIELDS))
    if "name" in changed and _was_shown(label.project):
        label.name = before
        raise WrongState(
            f"label {before}: annotation has begun, so the name cannot change;"
            " the localised names can"
        )
    _clean(label)
    if changed:
        with transaction.atomic():
            label.save(update_fields=changed)
            _record(
                actor, "label.update", label.project, label=label.name, fields=changed
            )
    return label


def delete_label(*, label: Label, actor: User, confirmed: bool = False) -> None:
    """Remove a label that nobody used; undecided suggestions of it go with it.

    Raises ConfirmationNeeded with their number where there are any, unless *confirmed*.
    """
    project = label.project
    with transaction.atomic():
        Project.objects.select_for_update().get(pk=project.pk)
        n_spans = Span.objects.filter(label=label).count()
        n_decisions = SuggestionDecision.objects.filter(suggestion__label=label).count()
        if n_spans or n_decisions:
            raise WrongState(
                f"label {label.name} is used by {n_spans} spans and {n_decisions}"
                " decisions"
            )
        if project.labels.count() == 1:
            raise WrongState("a project needs at least one label")
        n_suggestions = Suggestion.objects.filter(label=label).count()
        if n_suggestions and not confirmed:
            subject = f"project {project.pk}, label {label.name}"
            raise ConfirmationNeeded(subject, n_suggestions=n_suggestions)
        name = label.name
        label.delete()
        _record(actor, "label.delete", project, label=name)


def set_member(*, project: Project, actor: User, user: User, role: str) -> Membership:
    """Give a person a role in the project, or change it."""
    if role not in Role.values:
        raise InvalidValues({"role": [f"no such role: {role}"]})
    with transaction.atomic():
        Project.objects.select_for_update().get(pk=project.pk)
        if role != Role.ADMIN:
            _keep_an_admin(project, without=user)
        membership, _made = Membership.objects.update_or_create(
            project=project, user=user, defaults={"role": role}
        )
        _record(actor, "member.set", project, user=user.pk, role=role)
    return membership


def remove_member(*, membership: Membership, actor: User) -> None:
    """End a membership; the person's annotations stay, their notes become free."""
    project = membership.project
    with transaction.atomic():
        Project.objects.select_for_update().get(pk=project.pk)
        _keep_an_admin(project, without=membership.user)
        user_id = membership.user_id
        membership.delete()
        Assignment.objects.filter(note__project=project, annotator=user_id).delete()
        _record(actor, "member.remove", project, user=user_id)


def _keep_an_admin(project: Project, *, without: User) -> None:
    admins = project.memberships.filter(role=Role.ADMIN)
    if admins.filter(user=without).exists() and admins.count() == 1:
        raise WrongState("a project needs at least one administrator")


def _was_shown(project: Project) -> bool:
    """Tell whether label names already stand in sets or imported notes."""
    return (
        AnnotationSet.objects.filter(note__project=project).exists()
        or project.notes.filter(exhaustive_for__isnull=False).exists()
    )


def _known(values: dict[str, Any], fields: tuple[str, ...]) -> dict[str, Any]:
    unknown = sorted(set(values) - set(fields))
    if unknown:
        raise InvalidValues({name: ["unknown field"] for name in unknown})
    return values


def _assign(row: models.Model, values: dict[str, Any]) -> list[str]:
    """Set the values on the row and return the names of those that differ."""
    changed = [name for name, value in values.items() if getattr(row, name) != value]
    for name in changed:
        setattr(row, name, values[name])
    return changed


def _clean(row: models.Model) -> None:
    """Validate as forms and the API do, and answer in one kind of error."""
    try:
        row.full_clean()
    except ValidationError as error:
        raise InvalidValues(error.message_dict) from error


def _record(actor: User, action: str, project: Project, **details: Any) -> None:
    audit.record(
        actor=actor, action=action, subject=f"project:{project.pk}", details=details
    )
