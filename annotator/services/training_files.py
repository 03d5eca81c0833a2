"""The files of a training: its data snapshot, its checkpoints, its bundle.

They hold note texts, so they lie in the attempt's folder, which is closed to other
users and is swept when the job is done.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from annotator.enums import Split
from annotator.exceptions import WrongState
from annotator.models import Project
from annotator.selectors.training import add_to_digest, data_hasher, gold_documents
from annotator.services.job_reaper import bundles_folder
from annotator.services.jobs import JobContext

logger = logging.getLogger(__name__)

_SUMMARY = "snapshot.json"
_SPLITS = (Split.TRAIN, Split.DEV, Split.TEST)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The gold notes as they were when the job first started."""

    folder: Path
    labels: list[str]
    digest: str
    n_train: int
    n_dev: int
    n_test: int

    @property
    def train(self) -> Path:
        return self.folder / "train.jsonl"

    @property
    def dev(self) -> Path:
        return self.folder / "dev.jsonl"

    @property
    def held_out(self) -> tuple[str, Path]:
        """Return split and file that versions are compared on.

        A project without test notes is scored on its dev notes; these also chose the
        epoch, and the split stands beside the figures.
        """
        if self.n_test:
            return Split.TEST, self.folder / "test.jsonl"
        return Split.DEV, self.dev

    @property
    def n_held_out(self) -> int:
        return self.n_test or self.n_dev


def take_snapshot(context: JobContext, project: Project) -> Snapshot:
    """Take over the snapshot of an earlier attempt, or write one.

    ``snapshot.json`` is written last: where it stands, the files are whole.
    """
    for former in context.former_folders():
        if (former / _SUMMARY).is_file():
            for path in former.glob("*.json*"):
                shutil.copy2(path, context.folder / path.name)
            return _read(context.folder)
    return _write(context.folder, project)


def _read(folder: Path) -> Snapshot:
    values = json.loads((folder / _SUMMARY).read_text(encoding="utf-8"))
    return Snapshot(folder=folder, **values)


def _write(folder: Path, project: Project) -> Snapshot:
    labels = list(project.labels.values_list("name", flat=True))
    hasher = data_hasher(labels)
    counts = dict.fromkeys(_SPLITS, 0)
    files = {
        split: (folder / f"{split}.jsonl").open("w", encoding="utf-8")
        for split in _SPLITS
    }
    try:
        for document in gold_documents(project):
            split = document["split"]
            files[split].write(json.dumps(document, ensure_ascii=False) + "\n")
            counts[split] += 1
            if split != Split.TEST:
                add_to_digest(hasher, document)
    finally:
        for file in files.values():
            file.close()
    if not counts[Split.TRAIN]:
        raise WrongState(f"project {project.pk}: no submitted training notes any more")
    snapshot = Snapshot(
        folder=folder,
        labels=labels,
        digest=hasher.hexdigest(),
        n_train=counts[Split.TRAIN],
        n_dev=counts[Split.DEV],
        n_test=counts[Split.TEST],
    )
    values = {key: value for key, value in asdict(snapshot).items() if key != "folder"}
    temporary = folder / f".{_SUMMARY}"
    temporary.write_text(json.dumps(values), encoding="utf-8")
    temporary.rename(folder / _SUMMARY)
    return snapshot


def take_checkpoint(context: JobContext) -> Path:
    """Return the attempt's folder of checkpoints, with the last one of an earlier.

    Checkpoints appear by a rename and are never changed, so hard links will do. The
    attempt before may still be ending and removing files under our hands: then
    training begins at its start.
    """
    folder = context.folder / "checkpoints"
    folder.mkdir(mode=0o700, exist_ok=True)
    for former in context.former_folders():
        found = sorted((former / "checkpoints").glob("step-*"))
        if not found:
            continue
        partial = folder / ".taken"
        try:
            shutil.copytree(found[-1], partial, copy_function=os.link)
        except (OSError, shutil.Error) as error:
            logger.warning(
                "job %s: checkpoint not taken over (%s)",
                context.job.pk,
                type(error).__name__,
            )
            shutil.rmtree(partial, ignore_errors=True)
            continue
        partial.rename(folder / found[-1].name)
        break
    return folder


def keep_bundle(bundle: Path, digest: str) -> Path:
    """Move a finished bundle under its digest; the same one twice is the same one."""
    target = bundles_folder() / digest
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if target.exists():
        shutil.rmtree(bundle)
    else:
        bundle.rename(target)
    # The reaper spares young bundles that no version names yet.
    os.utime(target)
    return target
