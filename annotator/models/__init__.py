"""The rows. One file a noun; invariants are database constraints; no signals."""

from annotator.models.annotations import AnnotationSet, Span, SpanEvent
from annotator.models.audit import AuditEntry
from annotator.models.comments import Comment
from annotator.models.exports import Export
from annotator.models.jobs import Heartbeat, Job
from annotator.models.notes import Assignment, Note
from annotator.models.presence import Presence
from annotator.models.projects import Label, Membership, Project
from annotator.models.sessions import LoginFailure
from annotator.models.suggestions import Suggestion, SuggestionDecision
from annotator.models.users import User
from annotator.models.versions import ModelVersion

__all__ = [
    "AnnotationSet",
    "Assignment",
    "AuditEntry",
    "Comment",
    "Export",
    "Heartbeat",
    "Job",
    "Label",
    "LoginFailure",
    "Membership",
    "ModelVersion",
    "Note",
    "Presence",
    "Project",
    "Span",
    "SpanEvent",
    "Suggestion",
    "SuggestionDecision",
    "User",
]
