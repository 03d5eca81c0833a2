"""Comments: who may write and remove them; what a replay does; what stands beside."""

from __future__ import annotations

import uuid

import pytest
from django.urls import reverse
from django.utils import timezone

from annotator.enums import NoteState, Role, SetState, Split
from annotator.exceptions import InvalidValues, NotAllowed, TargetGone
from annotator.models import AnnotationSet, AuditEntry, Comment
from annotator.selectors.beside import (
    comments_of,
    guideline_section,
    history_of,
    label_examples,
)
from annotator.services.comments import MAX_CHARS, add_comment, set_comment_removed
from tests.annotator.factories import (
    SPANS,
    make_member,
    make_note,
    make_project,
    make_set,
)
from tests.annotator.services.test_gestures import send

pytestmark = pytest.mark.django_db


@pytest.fixture
def layer():
    note = make_note()
    return make_set(note, make_member(note.project), SPANS)


def test_comment_on_span_and_note_and_its_replay(layer):
    span, sent = layer.spans.first(), {"note": layer.note, "author": layer.annotator}
    made = add_comment(
        **sent,
        body="  ¿Seguro?\x00 ",
        comment_id=uuid.uuid4(),
        annotation_set=layer,
        span_id=span.pk,
    )
    add_comment(**sent, body="¿Seguro?", comment_id=made.pk)
    add_comment(**sent, body="Difícil.", comment_id=uuid.uuid4())
    assert [c.body for c in comments_of(layer.note, layer)] == ["¿Seguro?", "Difícil."]
    assert [c.body for c in comments_of(layer.note, None)] == ["Difícil."]
    assert AuditEntry.objects.filter(action="comment.add").count() == 2
    assert "Seguro" not in str(list(AuditEntry.objects.values()))
    span.delete()
    assert Comment.objects.count() == 2


@pytest.mark.parametrize("body", ["", "  \x00", "x" * (MAX_CHARS + 1)])
def test_empty_and_endless_comments_are_refused(layer, body):
    with pytest.raises(InvalidValues):
        add_comment(
            note=layer.note,
            author=layer.annotator,
            body=body,
            comment_id=uuid.uuid4(),
        )


def test_others_spans_are_for_reviewers_to_comment_on(layer):
    project, span = layer.note.project, layer.spans.first()
    sent = {
        "note": layer.note,
        "body": "Mire otra vez.",
        "annotation_set": layer,
        "span_id": span.pk,
    }
    with pytest.raises(NotAllowed):
        add_comment(**sent, author=make_member(project), comment_id=uuid.uuid4())
    reviewer = make_member(project, Role.REVIEWER)
    comment = add_comment(**sent, author=reviewer, comment_id=uuid.uuid4())
    with pytest.raises(NotAllowed):
        set_comment_removed(comment=comment, actor=layer.annotator, is_removed=True)
    set_comment_removed(comment=comment, actor=reviewer, is_removed=True)
    assert comment.removed_at is not None
    set_comment_removed(comment=comment, actor=reviewer, is_removed=False)
    assert comment.removed_at is None
    with pytest.raises(NotAllowed):
        add_comment(
            note=layer.note,
            author=layer.annotator,
            body="x",
            comment_id=comment.pk,
        )
    with pytest.raises(TargetGone):
        add_comment(
            **(sent | {"span_id": uuid.uuid4()}),
            author=reviewer,
            comment_id=uuid.uuid4(),
        )


def test_history_tells_what_stands_and_what_was_taken_back(layer):
    span = layer.spans.get(label__name="FINDING")
    send(layer, "relabel", span_id=span.pk, label="DURATION")
    send(layer, "delete", span_id=span.pk)
    send(layer, "undo")
    rows = history_of(layer)
    assert [(row.target, row.is_undone) for row in rows] == [
        ("undo", False),
        ("delete", True),
        ("relabel", False),
    ]
    assert (rows[1].mention, rows[1].label) == ("dolor torácico", "DURATION")
    assert history_of(None) == []


def test_guideline_of_a_label_is_its_section_alone(layer):
    label = layer.note.project.labels.get(name="DOSAGE")
    label.local_names = {"es": "Dosis"}
    text = "# G\n\n## Medicamento\n\nA.\n\n## Dosis (2)\n\nB.\n\n### E\n\nC.\n\n## D"
    assert guideline_section(text, label) == "B.\n\n### E\n\nC."
    assert guideline_section("Nothing of it.", label) == ""


def examples_for(note, person):
    label = note.project.labels.get(name="MEDICATION")
    return label_examples(label, note=note, person=person)


def test_examples_are_of_finished_work(layer):
    project = layer.note.project
    note, person = make_note(project), make_member(project)
    assert examples_for(note, person) == []
    make_set(make_note(project, state=NoteState.ADJUDICATED), None, SPANS)
    assert examples_for(note, person) == [("paracetamol", 1)]


def test_examples_never_tell_what_others_marked_on_the_same_note(layer):
    project = layer.note.project
    layer.note.state = NoteState.SUBMITTED
    layer.note.save()
    AnnotationSet.objects.filter(pk=layer.pk).update(
        state=SetState.SUBMITTED, submitted_at=timezone.now()
    )
    assert examples_for(make_note(project), make_member(project)) != []
    for role in (Role.ANNOTATOR, Role.REVIEWER):
        assert examples_for(layer.note, make_member(project, role)) == []


def test_examples_never_tell_of_held_out_notes(layer):
    project = layer.note.project
    held_out = make_note(project, split=Split.TEST, state=NoteState.ADJUDICATED)
    make_set(held_out, None, SPANS)
    assert examples_for(layer.note, make_member(project, Role.REVIEWER)) == []


def test_examples_of_others_are_for_reviewers_where_several_annotate(layer):
    project = layer.note.project
    project.overlap = 2
    project.save()
    done = make_note(project, state=NoteState.SUBMITTED)
    author = make_member(project)
    make_set(done, author, SPANS, state=SetState.SUBMITTED)
    assert examples_for(layer.note, make_member(project)) == []
    assert examples_for(layer.note, author) == [("paracetamol", 1)]
    reviewer = make_member(project, Role.REVIEWER)
    assert examples_for(layer.note, reviewer) == [("paracetamol", 1)]


def test_the_page_shows_no_mark_of_another_annotator_of_the_note(client):
    project = make_project(overlap=2)
    note = make_note(project, split=Split.TEST, state=NoteState.IN_PROGRESS)
    make_set(note, make_member(project), SPANS, state=SetState.SUBMITTED)
    client.force_login(make_member(project))

    page = client.get(reverse("note_guide", args=[note.pk]), {"label": "FINDING"})

    assert page.status_code == 200
    assert "dolor" not in page.content.decode()
