"""Which service does the work of each kind of job.

Named by path and imported when first needed: an idle worker stays small, and services
that enqueue jobs do not import each other in a ring.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from django.utils.module_loading import import_string

from annotator.enums import JobKind
from annotator.services.jobs import JobContext

Handler = Callable[[JobContext], dict[str, Any]]

HANDLERS: dict[str, str] = {
    JobKind.IMPORT: "annotator.services.imports.run_import_job",
    JobKind.PREDICT: "annotator.services.predictions.run_predict_job",
    JobKind.TRAIN: "annotator.services.training.run_train_job",
    JobKind.EXPORT: "annotator.services.exports.run_export_job",
}


def handler_of(kind: str) -> Handler:
    """Return the function that does jobs of *kind*; its result goes into the row."""
    return cast(Handler, import_string(HANDLERS[kind]))
