"""Shipped bundles: kept as copies, followed by the projects that use them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from annotator import engine
from annotator.enums import JobKind, JobState, VersionState
from annotator.exceptions import EngineFailed
from annotator.models import AuditEntry, Job, ModelVersion
from annotator.services.job_reaper import reap
from annotator.services.projects import shipped_version
from annotator.services.shipped import _keep_copy, register_shipped_bundles
from annotator.services.versions import promote
from tests.annotator.factories import make_project, make_user, make_version

pytestmark = pytest.mark.django_db


@pytest.fixture
def shipped(tiny_bundle, settings, tmp_path):
    """The shipped folder with one bundle; the data folder is empty."""
    settings.ANNOTATOR_DATA_DIR = tmp_path / "data"
    settings.ANNOTATOR_SHIPPED_BUNDLES = tmp_path / "models"
    shutil.copytree(tiny_bundle, tmp_path / "models" / "starter")
    return tmp_path / "models" / "starter"


def ship_another(folder: Path) -> str:
    """Put a whole bundle with another digest in the place; return the digest."""
    metrics = folder / "metrics.json"
    metrics.write_text(json.dumps(json.loads(metrics.read_text()) | {"release": 2}))
    manifest = folder / "manifest.json"
    values = json.loads(manifest.read_text())
    content = metrics.read_bytes()
    values["files"]["metrics.json"] = {
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    manifest.write_text(json.dumps(values))
    return engine.describe_bundle(folder).digest


def test_registering_keeps_a_copy_once(tiny_bundle, shipped, tmp_path):
    (shipped.parent / "README.md").write_text("not a bundle")
    [version] = register_shipped_bundles()
    summary = engine.describe_bundle(tiny_bundle)
    assert (version.name, version.project, version.state) == ("starter", None, "active")
    assert (version.bundle_digest, version.labels) == (summary.digest, summary.labels)
    kept = tmp_path / "data" / "bundles" / summary.digest
    assert version.bundle_path == str(kept)
    assert engine.describe_bundle(kept).digest == summary.digest
    assert [path.name for path in kept.parent.iterdir()] == [summary.digest]
    before = kept.stat().st_ino
    assert register_shipped_bundles() == [version]
    assert kept.stat().st_ino == before
    assert not AuditEntry.objects.exists()


def test_without_shipped_bundles_nothing_is_registered(settings, tmp_path):
    settings.ANNOTATOR_SHIPPED_BUNDLES = tmp_path / "none"
    assert register_shipped_bundles() == []


def test_rows_that_name_the_shipped_folder_are_pointed_at_the_copy(shipped, tmp_path):
    digest = engine.describe_bundle(shipped).digest
    row = make_version(
        bundle_path=str(shipped), bundle_digest=digest, state=VersionState.ACTIVE
    )
    project = make_project(active_version=row)
    assert register_shipped_bundles() == [row]
    row.refresh_from_db()
    assert row.bundle_path == str(tmp_path / "data" / "bundles" / digest)
    project.refresh_from_db()
    assert project.active_version == row
    assert not Job.objects.exists()


def test_projects_follow_a_replaced_bundle_and_can_go_back(
    shipped, own_engine, tmp_path
):
    [old] = register_shipped_bundles()
    project = make_project(active_version=old)
    own = make_version(bundle_path=str(shipped), bundle_digest="0" * 64)
    other = make_project(active_version=own)
    digest = ship_another(shipped)
    [new] = register_shipped_bundles()
    assert (new.bundle_digest, new.state) == (digest, VersionState.ACTIVE)
    old.refresh_from_db()
    assert old.state == VersionState.RETIRED
    project.refresh_from_db()
    assert project.active_version == new
    other.refresh_from_db()
    assert other.active_version == own
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.subject) == ("version.follow", f"project:{project.pk}")
    assert entry.details == {"version": new.pk, "former": old.pk}
    job = Job.objects.get()
    assert (job.kind, job.project, job.parameters) == (JobKind.PREDICT, project, {})

    # the reaper leaves both alone, and the old one still answers
    week_ago = (timezone.now() - timedelta(days=7)).timestamp()
    for path in (tmp_path / "data" / "bundles").iterdir():
        os.utime(path, (week_ago, week_ago))
    reap(now=timezone.now())
    note = {"id": "1", "text": "Toma ibuprofeno 500 mg.", "language": "es"}
    answers = list(
        own_engine.predict(old.bundle_path, [note], digest=old.bundle_digest)
    )
    assert answers[0][0] == "1"

    # who goes back stays there
    promote(version=old, project=project, actor=make_user())
    register_shipped_bundles()
    project.refresh_from_db()
    assert project.active_version == old


def test_a_former_bundle_that_is_shipped_again_is_active_again(shipped, tiny_bundle):
    [old] = register_shipped_bundles()
    project = make_project(active_version=old)
    ship_another(shipped)
    [new] = register_shipped_bundles()
    shutil.rmtree(shipped)
    shutil.copytree(tiny_bundle, shipped)
    assert register_shipped_bundles() == [old]
    states = dict(ModelVersion.objects.values_list("pk", "state"))
    assert states == {old.pk: VersionState.ACTIVE, new.pk: VersionState.RETIRED}
    project.refresh_from_db()
    assert project.active_version == old
    # new projects start with what is shipped, not with what came last
    assert shipped_version() == old


def test_a_replaced_version_whose_bundle_is_lost_is_failed(shipped):
    row = make_version(
        name="starter",
        bundle_path=str(shipped),
        bundle_digest="0" * 64,
        state=VersionState.ACTIVE,
    )
    project = make_project(active_version=row)
    [new] = register_shipped_bundles()
    row.refresh_from_db()
    project.refresh_from_db()
    assert (row.state, project.active_version) == (VersionState.FAILED, new)


def test_a_damaged_copy_is_made_anew(shipped):
    [version] = register_shipped_bundles()
    with (Path(version.bundle_path) / "config.json").open("a") as file:
        file.write(" ")
    register_shipped_bundles()
    found = engine.describe_bundle(version.bundle_path).digest
    assert found == version.bundle_digest


def test_a_damaged_bundle_is_not_registered(shipped):
    with (shipped / "config.json").open("a") as file:
        file.write(" ")
    with pytest.raises(EngineFailed, match="BundleError"):
        register_shipped_bundles()
    assert not ModelVersion.objects.exists()
    assert not Job.objects.filter(state=JobState.QUEUED).exists()


def test_a_folder_replaced_while_it_was_read_is_not_kept_under_the_old_name(
    shipped, tmp_path
):
    described = engine.describe_bundle(shipped).digest
    ship_another(shipped)

    with pytest.raises(EngineFailed):
        _keep_copy(shipped, described)

    assert list((tmp_path / "data" / "bundles").iterdir()) == []
