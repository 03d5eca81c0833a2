"""Scores of a candidate beside the active version, on the project's held-out notes."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from annotator import engine
from annotator.exceptions import EngineFailed
from annotator.models import ModelVersion
from annotator.services.jobs import JobContext
from annotator.services.training_files import Snapshot


def compare(
    context: JobContext, snapshot: Snapshot, *, active: ModelVersion | None
) -> dict[str, Any]:
    """Return what `ModelVersion.metrics` holds of a trained version.

    ``candidate`` and ``active`` are reports of ``ner_engine evaluate``, each with the
    interval of its F1; ``difference`` is candidate less active, over the same notes.
    ``enough`` is False below the numbers at which a comparison says anything.
    """
    split, gold_path = snapshot.held_out
    metrics: dict[str, Any] = {
        "split": split,
        "n_notes": snapshot.n_held_out,
        "n_spans": 0,
        "enough": False,
        "candidate": {},
        "active": {},
        "difference": {},
    }
    if not snapshot.n_held_out:
        return metrics
    against: list[str] = []
    if active is not None:
        # Training took a while; what lies there now is what is scored.
        check_version(active)
        against = ["--against", active.bundle_path]
    report = engine.evaluate(
        context.folder / "bundle",
        gold_path,
        report_path=context.folder / "evaluation.json",
        arguments=against,
        watch=context.check,
    )
    n_notes, n_spans = report["n_documents"], report["n_gold"]
    metrics |= {
        "n_notes": n_notes,
        "n_spans": n_spans,
        "enough": n_notes >= settings.ANNOTATOR_MIN_HELD_OUT_NOTES
        and n_spans >= settings.ANNOTATOR_MIN_HELD_OUT_SPANS,
        "candidate": _part(report, n_notes),
    }
    if active is not None and "against" in report:
        metrics["active"] = {
            **_part(report["against"], n_notes),
            "version": active.pk,
        }
        metrics["difference"] = report.get("difference") or {}
    return metrics


def check_version(version: ModelVersion) -> None:
    """Raise unless the version's bundle is the one that its row names."""
    try:
        engine.check_bundle(version.bundle_path, version.bundle_digest)
    except EngineFailed as error:
        raise EngineFailed(
            error.kind, f"version {version.name} cannot be used: {error}"
        ) from error


def _part(report: dict[str, Any], n_notes: int) -> dict[str, Any]:
    return {
        "n_documents": n_notes,
        "micro": report["micro"],
        "labels": report["labels"],
        "ece": report["ece"],
    }
