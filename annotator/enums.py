"""The closed sets of words that rows, forms and the API share. A leaf module."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    """What a member may do in a project; each role includes the ones before it."""

    ANNOTATOR = "annotator", _("Annotator")
    REVIEWER = "reviewer", _("Reviewer")
    ADMIN = "admin", _("Administrator")


class Genre(models.TextChoices):
    NOTE = "note", _("Clinical notes")
    DIALOGUE = "dialogue", _("Dialogues")


class Split(models.TextChoices):
    TRAIN = "train", _("Training")
    DEV = "dev", _("Development")
    TEST = "test", _("Test")


class NoteState(models.TextChoices):
    IMPORTED = "imported", _("Imported")
    SUGGESTED = "suggested", _("Suggestions ready")
    IN_PROGRESS = "in_progress", _("In progress")
    SUBMITTED = "submitted", _("Submitted")
    ADJUDICATED = "adjudicated", _("Adjudicated")
    SKIPPED = "skipped", _("Skipped")


class SetState(models.TextChoices):
    OPEN = "open", _("Open")
    SUBMITTED = "submitted", _("Submitted")
    RETURNED = "returned", _("Returned")


class Origin(models.TextChoices):
    MANUAL = "manual", _("Made by hand")
    ACCEPTED = "accepted", _("Accepted suggestion")
    CORRECTED = "corrected", _("Corrected suggestion")
    PROPAGATED = "propagated", _("Propagated")
    IMPORTED = "imported", _("Imported")
    PROJECTED = "projected", _("Projected")


class Attribute(models.TextChoices):
    """Clinical context of a mention: what it says of this patient now."""

    NEGATED = "negated", _("Negated")
    HYPOTHETICAL = "hypothetical", _("Hypothetical")
    FAMILY = "family", _("Of the family")
    HISTORICAL = "historical", _("Historical")


class Action(models.TextChoices):
    """What a gesture did; the ledger's verb."""

    CREATE = "create", _("Added")
    ACCEPT = "accept", _("Accepted")
    REJECT = "reject", _("Rejected")
    RELABEL = "relabel", _("Relabelled")
    REBOUND = "rebound", _("Moved a boundary")
    DELETE = "delete", _("Deleted")
    ACCEPT_ALL = "accept_all", _("Accepted several")
    SPLIT = "split", _("Split")
    MERGE = "merge", _("Merged")
    ATTRIBUTE = "attribute", _("Changed the context")
    PROPAGATE = "propagate", _("Propagated")
    FLAG = "flag", _("Flagged or unflagged")
    UNDO = "undo", _("Undone")
    REDO = "redo", _("Redone")
    SUBMIT = "submit", _("Submitted")
    REOPEN = "reopen", _("Reopened")
    SKIP = "skip", _("Skipped")
    IMPORT = "import", _("Imported")


class Source(models.TextChoices):
    """Where a suggestion came from."""

    MODEL = "model", _("Model")
    DICTIONARY = "dictionary", _("Dictionary")
    PATTERN = "pattern", _("Pattern")
    PROJECTION = "projection", _("Projection")


class DecisionKind(models.TextChoices):
    ACCEPTED = "accepted", _("Accepted")
    CORRECTED = "corrected", _("Corrected")
    REJECTED = "rejected", _("Rejected")


class VersionState(models.TextChoices):
    CANDIDATE = "candidate", _("Candidate")
    ACTIVE = "active", _("Active")
    RETIRED = "retired", _("Retired")
    FAILED = "failed", _("Failed")


class JobKind(models.TextChoices):
    IMPORT = "import", _("Import")
    PREDICT = "predict", _("Suggestions")
    TRAIN = "train", _("Retraining")
    EXPORT = "export", _("Export")


class JobState(models.TextChoices):
    QUEUED = "queued", _("Waiting")
    RUNNING = "running", _("Running")
    SUCCEEDED = "succeeded", _("Done")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


class Queue(models.TextChoices):
    """The two queues: a training must never hold up suggestions."""

    QUICK = "quick", "quick"
    TRAIN = "train", "train"


class ExportFormat(models.TextChoices):
    CONLL = "conll", "IOB2 CoNLL"
    JSONL = "jsonl", "Document JSONL"


class EntityUse(models.TextChoices):
    """What an import does with the entities that its files hold."""

    GOLD = "gold", _("They are right: keep them as the reference")
    SUGGESTIONS = "suggestions", _("Show them as suggestions to check")
    IGNORE = "ignore", _("Leave them out: the notes start empty")


QUEUE_OF_KIND: dict[str, str] = {
    JobKind.IMPORT: Queue.QUICK,
    JobKind.PREDICT: Queue.QUICK,
    JobKind.EXPORT: Queue.QUICK,
    JobKind.TRAIN: Queue.TRAIN,
}

# Palette slots of the label colours; static/css/labels.css draws each of them.
N_COLOUR_SLOTS = 12
