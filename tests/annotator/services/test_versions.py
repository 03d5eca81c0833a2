"""Making a version active, and back."""

from __future__ import annotations

import shutil

import pytest

from annotator.enums import JobKind, VersionState
from annotator.exceptions import WrongState
from annotator.models import AuditEntry, Job, ModelVersion
from annotator.services.versions import promote
from tests.annotator.factories import make_project, make_user, make_version

pytestmark = pytest.mark.django_db


@pytest.fixture
def versions(tiny_bundle):
    """A project on a shipped version, with two candidates of its own."""
    shipped = make_version(bundle_path=str(tiny_bundle), state=VersionState.ACTIVE)
    project = make_project(active_version=shipped)
    own = [make_version(project, bundle_path=str(tiny_bundle)) for _ in range(2)]
    return project, shipped, *own


def states(*rows):
    return [ModelVersion.objects.get(pk=row.pk).state for row in rows]


def test_promote_retires_the_former_one_and_queues_suggestions(versions):
    project, shipped, first, second = versions
    actor = make_user()
    promote(version=first, project=project, actor=actor)
    assert states(shipped, first, second) == ["active", "active", "candidate"]
    promoted = promote(version=second, project=project, actor=actor)
    assert promoted.state == VersionState.ACTIVE
    assert states(shipped, first, second) == ["active", "retired", "active"]
    project.refresh_from_db()
    assert project.active_version == second
    # one waiting job serves both
    assert Job.objects.get().kind == JobKind.PREDICT
    entry = AuditEntry.objects.last()
    assert (entry.action, entry.actor) == ("version.promote", actor)
    assert entry.details == {"version": second.pk, "former": first.pk}


def test_promote_rolls_back_to_a_retired_or_shipped_version(versions):
    project, shipped, first, second = versions
    for version in (first, second, first, shipped):
        promote(version=version, project=project, actor=make_user())
    project.refresh_from_db()
    assert project.active_version == shipped
    assert states(first, second) == ["retired", "retired"]


def test_promote_refuses_what_cannot_be_made_active(versions, tmp_path):
    project, shipped, first, _ = versions
    actor = make_user()
    foreign = make_version(make_project(), bundle_path=first.bundle_path)
    gone = make_version(project, bundle_path=str(tmp_path / "gone"))
    failed = make_version(
        project, bundle_path=first.bundle_path, state=VersionState.FAILED
    )
    for version in (foreign, gone, failed, shipped):
        with pytest.raises(WrongState):
            promote(version=version, project=project, actor=actor)
    assert not Job.objects.exists()


def test_promote_refuses_a_damaged_bundle(versions, tiny_bundle, tmp_path):
    project, shipped, *_ = versions
    folder = tmp_path / "damaged"
    shutil.copytree(tiny_bundle, folder)
    version = make_version(project, bundle_path=str(folder))
    weights = bytearray((folder / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (folder / "model.safetensors").write_bytes(weights)
    with pytest.raises(WrongState, match="damaged"):
        promote(version=version, project=project, actor=make_user())
    project.refresh_from_db()
    assert project.active_version == shipped


def test_promote_refuses_when_somebody_else_was_faster(versions):
    project, _, first, second = versions
    seen = type(project).objects.get(pk=project.pk)
    promote(version=first, project=project, actor=make_user())
    with pytest.raises(WrongState, match="meanwhile"):
        promote(version=second, project=seen, actor=make_user())
    assert states(first, second) == ["active", "candidate"]
