"""How many trainings a project may have unfinished, however they came to be queued."""

from __future__ import annotations

from typing import Any

from annotator.enums import JobKind, JobState
from annotator.exceptions import SameTraining, WrongState
from annotator.models import Job, Project

# One runs and one waits: more would train on much the same notes.
MAX_UNFINISHED = 2


def check_room(
    *, project: Project, parameters: dict[str, Any], input_digest: str
) -> None:
    """Raise SameTraining or WrongState when no such training may be queued now.

    Call it in the transaction that queues the job: two administrators who press the
    button at once wait for one another here.
    """
    Project.objects.select_for_update().get(pk=project.pk)
    unfinished = Job.objects.filter(
        project=project,
        kind=JobKind.TRAIN,
        state__in=[JobState.QUEUED, JobState.RUNNING],
    )
    for twin in unfinished.filter(input_digest=input_digest):
        if twin.parameters == parameters and not twin.cancel_requested:
            raise SameTraining(f"job {twin.pk} is a training of the same data")
    if unfinished.count() >= MAX_UNFINISHED:
        raise WrongState("one training runs and one waits already")
