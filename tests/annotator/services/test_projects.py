"""Projects, labels and members: what is made, what is refused, what is recorded."""

from __future__ import annotations

import pytest

from annotator.enums import Role
from annotator.exceptions import InvalidValues, NotAllowed, WrongState
from annotator.models import AuditEntry, Label, Membership, Project, Suggestion
from annotator.services import projects, queue
from tests.annotator.factories import (
    make_label,
    make_member,
    make_note,
    make_project,
    make_set,
    make_suggestion,
    make_user,
    make_version,
)

pytestmark = pytest.mark.django_db


def _create(**fields) -> Project:
    actor = fields.pop("actor", None) or make_user(is_staff=True)
    defaults = {"name": "Notas", "slug": "notas", "language": "es", "genre": "note"}
    return projects.create_project(actor=actor, **(defaults | fields))


def test_create_project_has_default_labels_and_admin():
    actor = make_user(is_staff=True)

    project = _create(actor=actor)

    assert list(
        project.labels.values_list("name", "short_name", "colour_slot", "hotkey")
    ) == [
        ("MEDICATION", "MED", 1, "1"),
        ("DOSAGE", "DOS", 2, "2"),
        ("FREQUENCY", "FREQ", 3, "3"),
        ("DURATION", "DUR", 4, "4"),
        ("FINDING", "FIND", 5, "5"),
    ]
    assert list(project.memberships.values_list("user", "role")) == [
        (actor.pk, Role.ADMIN)
    ]
    assert project.active_version is None
    assert list(AuditEntry.objects.values_list("action", "subject", "actor")) == [
        ("project.create", f"project:{project.pk}", actor.pk)
    ]


def test_create_project_starts_with_the_shipped_version():
    make_version(make_project())
    make_version(None, state="failed")
    shipped = make_version(None)

    assert _create().active_version == shipped


def test_create_project_by_someone_else_is_refused():
    with pytest.raises(NotAllowed):
        _create(actor=make_user())
    assert Project.objects.count() == 0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("slug", "con espacios"),
        ("slug", "taken"),
        ("name", ""),
        ("genre", "poem"),
        ("overlap", 0),
        ("dev_percent", 60),
        ("suggestion_threshold", 1.5),
    ],
)
def test_create_project_bad_value_names_the_field(field, value):
    make_project("taken")

    with pytest.raises(InvalidValues) as caught:
        _create(**{field: value})

    assert list(caught.value.details()["fields"]) == [field]
    assert Project.objects.count() == 1


def test_update_project_writes_only_what_was_given():
    project = make_project(dev_percent=10)
    Project.objects.filter(pk=project.pk).update(guideline="written meanwhile")

    projects.update_project(
        project=project, actor=make_user(), dev_percent=5, name=project.name
    )

    project.refresh_from_db()
    assert (project.dev_percent, project.guideline) == (5, "written meanwhile")
    assert AuditEntry.objects.get().details == {"fields": ["dev_percent"]}


def test_update_project_unknown_field_is_refused():
    with pytest.raises(InvalidValues):
        projects.update_project(
            project=make_project(), actor=make_user(), active_version=None
        )


def test_update_guideline_from_an_old_text_is_refused():
    project = make_project(guideline="one")
    base = projects.guideline_digest("one")
    actor = make_user()
    projects.update_guideline(
        project=project, actor=actor, guideline="two", base_digest=base
    )

    with pytest.raises(WrongState):
        projects.update_guideline(
            project=project, actor=actor, guideline="three", base_digest=base
        )

    project.refresh_from_db()
    assert project.guideline == "two"


def test_create_label_goes_last():
    project = make_project()

    label = projects.create_label(
        project=project, actor=make_user(), name="ALLERGY", short_name="ALL"
    )

    assert label.position == 6
    assert project.labels.last() == label


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "lower"),
        ("name", "B-FINDING"),
        ("hotkey", "a"),
        ("colour_slot", 13),
        ("hotkey", "1"),
        ("name", "FINDING"),
    ],
)
def test_create_label_bad_value_is_refused(field, value):
    project = make_project()
    values = {"name": "ALLERGY", "short_name": "ALL"} | {field: value}

    with pytest.raises(InvalidValues):
        projects.create_label(project=project, actor=make_user(), **values)

    assert project.labels.count() == 5


def test_update_label_rename_before_annotation_is_allowed():
    label = make_label(make_project(), "SYMPTOM")

    projects.update_label(label=label, actor=make_user(), name="SIGN")

    assert Label.objects.get(pk=label.pk).name == "SIGN"


def test_update_label_rename_after_annotation_began_is_refused():
    project = make_project()
    make_set(make_note(project), make_user())
    label = project.labels.get(name="FINDING")

    with pytest.raises(WrongState):
        projects.update_label(label=label, actor=make_user(), name="SIGN")
    projects.update_label(label=label, actor=make_user(), short_name="SIGN")

    stored = Label.objects.get(pk=label.pk)
    assert (stored.name, stored.short_name) == ("FINDING", "SIGN")


def test_delete_label_unused_takes_undecided_suggestions_with_it():
    project = make_project()
    note = make_note(project)
    make_suggestion(note, 21, 35, "FINDING")

    label = project.labels.get(name="FINDING")

    projects.delete_label(label=label, actor=make_user(), confirmed=True)

    assert project.labels.count() == 4
    assert Suggestion.objects.count() == 0


def test_delete_label_used_is_refused():
    project = make_project()
    make_set(make_note(project), None, [(21, 35, "FINDING")])

    with pytest.raises(WrongState):
        projects.delete_label(
            label=project.labels.get(name="FINDING"), actor=make_user()
        )
    assert project.labels.count() == 5


def test_delete_label_decided_suggestion_is_refused():
    project = make_project()
    note = make_note(project)
    annotation_set = make_set(note, make_user())
    annotation_set.decisions.create(
        suggestion=make_suggestion(note, 21, 35, "FINDING"), kind="rejected"
    )

    with pytest.raises(WrongState):
        projects.delete_label(
            label=project.labels.get(name="FINDING"), actor=make_user()
        )


def test_delete_label_last_is_refused():
    project = make_project(labels=[])
    label = make_label(project, "ONLY")

    with pytest.raises(WrongState):
        projects.delete_label(label=label, actor=make_user())


def test_set_member_adds_then_changes():
    project = make_project()
    make_member(project, Role.ADMIN)
    user = make_user()

    for role in (Role.ANNOTATOR, Role.REVIEWER):
        projects.set_member(project=project, actor=make_user(), user=user, role=role)

    assert Membership.objects.get(user=user).role == Role.REVIEWER


def test_set_member_unknown_role_is_refused():
    with pytest.raises(InvalidValues):
        projects.set_member(
            project=make_project(), actor=make_user(), user=make_user(), role="owner"
        )


def test_last_admin_stays():
    project = make_project()
    admin = make_member(project, Role.ADMIN)
    membership = project.memberships.get(user=admin)

    with pytest.raises(WrongState):
        projects.set_member(
            project=project, actor=admin, user=admin, role=Role.ANNOTATOR
        )
    with pytest.raises(WrongState):
        projects.remove_member(membership=membership, actor=admin)
    make_member(project, Role.ADMIN)
    projects.remove_member(membership=membership, actor=admin)

    assert not project.memberships.filter(user=admin).exists()


def test_remove_member_frees_the_notes_in_their_hands():
    project, elsewhere = make_project(), make_project()
    leaver, colleague = make_member(project), make_member(project)
    note, other = make_note(project), make_note(elsewhere)
    queue.take_lease(note=other, annotator=leaver)
    assert queue.next_note(project=project, annotator=leaver) == note
    assert queue.next_note(project=project, annotator=colleague) is None

    projects.remove_member(
        membership=project.memberships.get(user=leaver), actor=make_user()
    )

    assert queue.next_note(project=project, annotator=colleague) == note
    assert [held.note for held in leaver.assignments.all()] == [other]


def test_what_changes_nothing_is_not_recorded():
    project = make_project(guideline="one")
    label = project.labels.first()
    actor = make_user()

    projects.update_project(project=project, actor=actor, name=project.name)
    projects.update_guideline(project=project, actor=actor, guideline="one")
    projects.update_label(label=label, actor=actor, name=label.name)

    assert AuditEntry.objects.count() == 0
