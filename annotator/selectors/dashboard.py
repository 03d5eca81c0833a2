"""What the home page says of each project, in a fixed number of queries."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf.locale import LANG_INFO
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as translate

from annotator.enums import NoteState, Role, SetState
from annotator.models import (
    AnnotationSet,
    Assignment,
    Job,
    Membership,
    Note,
    Project,
    User,
)
from annotator.selectors.jobs import renewals
from annotator.selectors.review import OPEN_NOTE_STATES
from annotator.selectors.versions import Score, active_score

DONE = (NoteState.SUBMITTED, NoteState.ADJUDICATED)


@dataclass(frozen=True, slots=True)
class ProjectRow:
    """One project as its member sees it."""

    project: Project
    role: str
    n_notes: int
    n_done: int
    n_waiting: int
    n_mine_open: int
    score: Score | None
    renewal: Job | None

    @property
    def language(self) -> str:
        """Return the language of the notes, in the reader's."""
        return language_name(self.project.language)

    @property
    def percent(self) -> int:
        return round(100 * self.n_done / self.n_notes) if self.n_notes else 0


def language_name(code: str) -> str:
    """Name a language in the reader's; a code that Django does not know stays."""
    names = LANG_INFO.get(code, {})
    return translate(names["name"]) if "name" in names else code


def visible_projects(user: User) -> QuerySet[Project]:
    """Return the projects that the person may open."""
    projects = Project.objects.select_related("active_version")
    if user.is_staff:
        return projects
    return projects.filter(memberships__user=user)


def notes_waiting_for(user: User) -> QuerySet[Note]:
    """Return the notes that the person can still annotate.

    Left out: those they have submitted, those that are done, and, where one
    annotation a note is enough, those in somebody else's hands.
    """
    finished = AnnotationSet.objects.filter(
        note=OuterRef("pk"), annotator=user, state=SetState.SUBMITTED
    )
    held = Assignment.objects.filter(
        note=OuterRef("pk"), leased_until__gt=timezone.now()
    ).exclude(annotator=user)
    return Note.objects.filter(
        ~Exists(finished),
        Q(project__overlap__gt=1) | ~Exists(held),
        state__in=OPEN_NOTE_STATES,
    )


def project_rows(user: User) -> list[ProjectRow]:
    """Return the person's projects, those with work waiting first, then by name."""
    projects = list(visible_projects(user))
    of_projects = Q(project__in=projects)
    totals: dict[int, tuple[int, int]] = {
        project: (n_notes, n_done)
        for project, n_notes, n_done in Note.objects.filter(of_projects)
        .values_list("project")
        .annotate(n_notes=Count("pk"), n_done=Count("pk", filter=Q(state__in=DONE)))
    }
    waiting = dict(
        notes_waiting_for(user)
        .filter(of_projects)
        .values_list("project")
        .annotate(Count("pk"))
    )
    mine_open = dict(
        AnnotationSet.objects.filter(
            note__project__in=projects, annotator=user, state=SetState.OPEN
        )
        .values_list("note__project")
        .annotate(Count("pk"))
    )
    roles = dict(Membership.objects.filter(user=user).values_list("project", "role"))
    renewing = renewals(projects)
    rows = [
        ProjectRow(
            project=project,
            role=Role.ADMIN if user.is_staff else roles[project.pk],
            n_notes=totals.get(project.pk, (0, 0))[0],
            n_done=totals.get(project.pk, (0, 0))[1],
            n_waiting=waiting.get(project.pk, 0),
            n_mine_open=mine_open.get(project.pk, 0),
            score=active_score(project.active_version),
            renewal=renewing.get(project.pk),
        )
        for project in projects
    ]
    return sorted(rows, key=lambda row: (row.n_waiting == 0, row.project.name.lower()))
