"""Words of the set-up, import and export pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django import template

from annotator.models import Job
from annotator.services.import_problems import words_of

register = template.Library()

# As many names as a cell of the table of imports holds.
N_NAMES = 3


@register.filter
def problem_reason(problem: dict[str, Any]) -> str:
    """Say why a document was left out, in the reader's language."""
    return words_of(problem["code"], problem["values"])


@register.filter
def file_names(job: Job) -> list[str]:
    """Return the names of an import's first files, as the person knows them."""
    return [Path(name).name for name in job.parameters.get("files", [])[:N_NAMES]]


@register.filter
def n_more_files(job: Job) -> int:
    """Return how many files `file_names` leaves out."""
    return max(len(job.parameters.get("files", [])) - N_NAMES, 0)
