"""Remarks on notes and spans. They take no revision: others write them, too."""

from __future__ import annotations

from uuid import UUID

from django.utils import timezone

from annotator.enums import Role
from annotator.exceptions import InvalidValues, NotAllowed, TargetGone
from annotator.models import AnnotationSet, Comment, Note, User
from annotator.permissions import has_role
from annotator.services import audit

MAX_CHARS = 2_000


def add_comment(
    *,
    note: Note,
    author: User,
    body: str,
    comment_id: UUID,
    annotation_set: AnnotationSet | None = None,
    span_id: UUID | None = None,
) -> Comment:
    """Add a remark, to a span of the set if one is named; sent twice it is one.

    Annotators comment on their own sets, reviewers on everybody's.
    """
    stored = Comment.objects.filter(pk=comment_id).first()
    if stored is not None:
        if stored.author_id != author.pk or stored.note_id != note.pk:
            raise NotAllowed("the comment's id belongs to another one")
        return stored
    body = body.replace("\x00", "").strip()
    if not body or len(body) > MAX_CHARS:
        raise InvalidValues({"body": [f"1 to {MAX_CHARS} characters"]})
    if span_id is not None:
        _check_span(annotation_set, author, note, span_id)
    comment = Comment.objects.create(
        id=comment_id,
        note=note,
        annotation_set=annotation_set if span_id else None,
        span_id=span_id,
        author=author,
        body=body,
    )
    audit.record(
        actor=author,
        action="comment.add",
        subject=f"note:{note.pk}",
        details={"comment": str(comment.pk)},
    )
    return comment


def set_comment_removed(*, comment: Comment, actor: User, is_removed: bool) -> Comment:
    """Take a remark away or bring it back: its author, or an admin of the project."""
    project = comment.note.project
    if comment.author_id != actor.pk and not has_role(actor, project, Role.ADMIN):
        raise NotAllowed(f"comment {comment.pk} is another person's")
    if is_removed != (comment.removed_at is not None):
        comment.removed_at = timezone.now() if is_removed else None
        comment.save(update_fields=["removed_at"])
        audit.record(
            actor=actor,
            action="comment.remove" if is_removed else "comment.restore",
            subject=f"note:{comment.note_id}",
            details={"comment": str(comment.pk)},
        )
    return comment


def _check_span(
    annotation_set: AnnotationSet | None, author: User, note: Note, span_id: UUID
) -> None:
    if annotation_set is None or not annotation_set.spans.filter(pk=span_id).exists():
        raise TargetGone(f"span {span_id} is not in the set")
    if annotation_set.annotator_id != author.pk and not has_role(
        author, note.project, Role.REVIEWER
    ):
        raise NotAllowed(f"annotation set {annotation_set.pk} is another person's")
