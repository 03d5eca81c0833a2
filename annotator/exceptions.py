"""The application's typed errors. Messages hold ids, offsets and lengths, never text.

views/_htmx.py and api/exceptions.py map them to HTTP, once each.
"""

from __future__ import annotations

from typing import Any

from django.utils.functional import Promise
from django.utils.translation import override


class AnnotatorError(Exception):
    """Root of every error that a service raises on purpose."""

    status = 400
    code = "error"
    # Which text of views/_htmx.py people read, where the code's own says too little.
    text = ""

    def details(self) -> dict[str, Any]:
        """Return the fields that a client may use, safe to show."""
        return {}


class NotAllowed(AnnotatorError):
    """The person may not do this here."""

    status = 403
    code = "not_allowed"


class BlindSkip(NotAllowed):
    """A held-out note that an annotator wants to put aside."""

    text = "blind_skip"


class OtherUser(NotAllowed):
    """A gesture that was made in one person's page and sent in another's session."""

    code = "other_user"


class InvalidValues(AnnotatorError):
    """Values that the row's own rules refuse, by field, as a form would say it."""

    status = 422
    code = "invalid_values"

    def __init__(self, fields: dict[str, list[str]]) -> None:
        self.fields = fields
        super().__init__(f"refused values: {', '.join(sorted(fields))}")

    def details(self) -> dict[str, Any]:
        return {"fields": self.fields}


class SpanRefused(AnnotatorError):
    """A span that does not fit its note: offsets, surface or token boundaries."""

    status = 422
    code = "span_refused"

    def __init__(
        self, reason: str, *, note_id: int, start_char: int, end_char: int
    ) -> None:
        self.reason = reason
        self.note_id = note_id
        self.start_char = start_char
        self.end_char = end_char
        super().__init__(
            f"note {note_id}: span [{start_char}, {end_char}) refused: {reason}"
        )

    def details(self) -> dict[str, Any]:
        return {
            "reason": self.reason,
            "start_char": self.start_char,
            "end_char": self.end_char,
        }


class UnknownLabel(AnnotatorError):
    """A label that the project does not have."""

    status = 422
    code = "unknown_label"

    def __init__(self, label: str, *, project_id: int) -> None:
        self.label = label
        super().__init__(f"project {project_id} has no label {label}")


class StaleRevision(AnnotatorError):
    """A gesture made against a state of the set that is no longer the latest."""

    status = 409
    code = "stale_revision"

    def __init__(self, *, set_id: int, sent: int, stored: int) -> None:
        self.set_id = set_id
        self.sent = sent
        self.stored = stored
        super().__init__(
            f"annotation set {set_id}: gesture made at revision {sent},"
            f" the set is at {stored}"
        )

    def details(self) -> dict[str, Any]:
        return {"sent": self.sent, "stored": self.stored}


class ConfirmationNeeded(AnnotatorError):
    """A change that reaches further than it looks, and nobody said that they know.

    *counts* tell what it would do.
    """

    status = 409
    code = "confirmation_needed"

    def __init__(self, subject: str, **counts: int) -> None:
        self.counts = counts
        told = ", ".join(f"{name} {n}" for name, n in counts.items())
        super().__init__(f"{subject}: to be confirmed: {told}")

    def details(self) -> dict[str, Any]:
        return dict(self.counts)


class WrongState(AnnotatorError):
    """The row is not in a state in which this can be done."""

    status = 409
    code = "wrong_state"


class InOtherHands(WrongState):
    """As many others as the note needs have it in hand."""

    text = "in_other_hands"


class OthersWork(WrongState):
    """A note to be put aside that others hold or have worked on."""

    text = "others_work"


class SameTraining(WrongState):
    """A training of the same data, recipe and start runs or waits already."""

    text = "same_training"


class NothingToTrain(WrongState):
    """No submitted note of the training split, or none with an annotation."""

    text = "nothing_to_train"


class NothingToUndo(AnnotatorError):
    """The ledger has no gesture left to undo or redo."""

    status = 409
    code = "nothing_to_undo"


class TargetGone(AnnotatorError):
    """The suggestion or span that a gesture is about is not there any more."""

    status = 409
    code = "target_gone"


class GestureRefused(AnnotatorError):
    """A gesture that makes no sense: its action does not fit what it names."""

    status = 422
    code = "gesture_refused"


class ImportRefused(AnnotatorError):
    """A file that cannot be imported at all.

    The error itself speaks English; ``words`` is for pages, in the reader's language.
    """

    status = 422
    code = "import_refused"

    def __init__(self, words: str | Promise, **values: Any) -> None:
        self._words = words
        self._values = values
        with override("en"):
            super().__init__(self.words)

    @property
    def words(self) -> str:
        return str(self._words) % self._values if self._values else str(self._words)


class NothingToExport(AnnotatorError):
    """No note of the splits asked for has gold annotations."""

    status = 422
    code = "nothing_to_export"


class ExportDamaged(AnnotatorError):
    """The file of an export is gone or is not what was written."""

    status = 500
    code = "export_damaged"


class LeaseLost(AnnotatorError):
    """The fencing token no longer matches: another worker owns the job."""

    status = 409
    code = "lease_lost"


class JobCancelled(AnnotatorError):
    """A person cancelled the running job."""

    status = 409
    code = "job_cancelled"


class WorkerStopping(AnnotatorError):
    """The worker was told to stop: the job goes back to its queue."""

    status = 503
    code = "worker_stopping"


class EngineFailed(AnnotatorError):
    """The engine child ended or answered with an error."""

    status = 500
    code = "engine_failed"

    def __init__(self, kind: str, message: str) -> None:
        self.kind = kind
        super().__init__(f"{kind}: {message}")


class EngineDied(EngineFailed):
    """The engine child ended without an answer; killed, as a rule, for its memory."""

    def __init__(self, status: int) -> None:
        super().__init__("EngineDied", f"the engine ended with status {status}")


class LoginLocked(AnnotatorError):
    """Too many failed log-ins of this name from this address."""

    status = 429
    code = "login_locked"

    def __init__(self, *, minutes: int) -> None:
        self.minutes = minutes
        super().__init__(f"too many failed log-ins: wait {minutes} min")

    def details(self) -> dict[str, Any]:
        return {"minutes": self.minutes}


class DemoRefused(AnnotatorError):
    """Names of the demo that belong to projects and people that it did not make."""

    status = 409
    code = "demo_refused"

    def __init__(self, *, projects: list[str], people: list[str]) -> None:
        self.projects = projects
        self.people = people
        named = [f"project {slug}" for slug in projects]
        named += [f"person {username}" for username in people]
        super().__init__(
            f"the demo did not make {', '.join(named)}, so it leaves everything as it"
            " is; give them another address or user name, then run: manage.py load_demo"
        )

    def details(self) -> dict[str, Any]:
        return {"projects": self.projects, "people": self.people}
