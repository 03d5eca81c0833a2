"""Whether a note that shows no suggestions will have some in a moment."""

from __future__ import annotations

from annotator.enums import JobKind, JobState, NoteState
from annotator.models import Job, Note


def awaits_suggestions(note: Note) -> bool:
    """Tell whether a model is about to read the note for the first time."""
    if note.is_blind or note.state not in (NoteState.IMPORTED, NoteState.IN_PROGRESS):
        return False
    jobs = Job.objects.filter(
        project=note.project,
        kind=JobKind.PREDICT,
        state__in=[JobState.QUEUED, JobState.RUNNING],
    )
    return jobs.exists() and not note.suggestions.exists()
