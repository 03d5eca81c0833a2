"""Rows for tests: plain functions with defaults, each row real and saved.

Tokens come from the product's own tokenizer, so that snapping and export are tested on
the boundaries that users get.
"""

from __future__ import annotations

import hashlib
import itertools
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from django.utils import timezone

from annotator import engine
from annotator.default_labels import DEFAULT_LABELS
from annotator.enums import (
    Genre,
    JobState,
    NoteState,
    Origin,
    Role,
    SetState,
    Source,
    Split,
    VersionState,
)
from annotator.models import (
    AnnotationSet,
    Job,
    Label,
    Membership,
    ModelVersion,
    Note,
    Project,
    Span,
    Suggestion,
    User,
)
from ner_engine.text.dialogue import parse_turns
from ner_engine.text.tokens import TOKENIZER_VERSION, tokenize

PASSWORD = "a-long-password-for-tests"
TEXT = (
    "Varón de 67 años con dolor torácico.\nParacetamol 1 g cada 8 horas durante 7 días."
)
# (start_char, end_char, label) of every mention of TEXT.
SPANS = (
    (21, 35, "FINDING"),
    (37, 48, "MEDICATION"),
    (49, 52, "DOSAGE"),
    (53, 65, "FREQUENCY"),
    (74, 80, "DURATION"),
)

_numbers = itertools.count(1)


def make_user(username: str = "", *, is_staff: bool = False, **fields: Any) -> User:
    """Make a person who logs in with PASSWORD."""
    name = username or f"user{next(_numbers)}"
    fields = {"email": f"{name}@example.org"} | fields
    return User.objects.create_user(
        username=name, password=PASSWORD, is_staff=is_staff, **fields
    )


def make_project(
    slug: str = "",
    *,
    members: Mapping[User, str] | None = None,
    labels: Iterable[Mapping[str, Any]] = DEFAULT_LABELS,
    **fields: Any,
) -> Project:
    """Make a project with the five default labels; *members* maps people to roles."""
    slug = slug or f"project-{next(_numbers)}"
    defaults = {"name": f"Project {slug}", "language": "es", "genre": Genre.NOTE}
    project = Project.objects.create(slug=slug, **(defaults | fields))
    for position, values in enumerate(labels, start=1):
        make_label(project, position=position, **values)
    for user, role in (members or {}).items():
        Membership.objects.create(project=project, user=user, role=role)
    return project


def make_member(
    project: Project, role: str = Role.ANNOTATOR, username: str = "", **fields: Any
) -> User:
    """Make a person with a role in the project."""
    user = make_user(username, **fields)
    Membership.objects.create(project=project, user=user, role=role)
    return user


def make_label(project: Project, name: str = "", **fields: Any) -> Label:
    position = int(fields.get("position", project.labels.count() + 1))
    defaults = {
        "short_name": name[:4] or "LAB",
        "colour_slot": (position - 1) % 12 + 1,
        "hotkey": str(position) if position < 10 else "",
        "position": position,
    }
    name = name or f"LABEL_{next(_numbers)}"
    return Label.objects.create(project=project, name=name, **(defaults | fields))


def make_note(project: Project | None = None, text: str = TEXT, **fields: Any) -> Note:
    """Make a note with its real tokens and, in a dialogue project, its turns.

    A text that the project already holds gets a line of its own added at the end, so
    that several default notes can stand side by side.
    """
    project = project or make_project()
    number = next(_numbers)
    if Note.objects.filter(project=project, sha256=_sha256(text)).exists():
        text = f"{text}\nNota {number}."
    external_id = str(fields.pop("external_id", f"n-{number}"))
    language = str(fields.pop("language", project.language))
    turns: list[dict[str, Any]] = []
    if project.genre == Genre.DIALOGUE:
        turns = [
            {
                "speaker": t.speaker,
                "role": t.role,
                "start": t.start_char,
                "end": t.end_char,
            }
            for t in parse_turns(text)
        ]
    defaults = {
        "group_key": external_id,
        "split": Split.TRAIN,
        "state": NoteState.IMPORTED,
        "turns": turns,
    }
    return Note.objects.create(
        project=project,
        external_id=external_id,
        language=language,
        text=text,
        sha256=_sha256(text),
        n_chars=len(text),
        tokens=[
            [t.start_char, t.end_char, int(t.sentence_start)]
            for t in tokenize(text, language)
        ],
        tokenizer_version=TOKENIZER_VERSION,
        **(defaults | fields),
    )


def make_set(
    note: Note,
    annotator: User | None = None,
    spans: Iterable[tuple[int, int, str]] = (),
    **fields: Any,
) -> AnnotationSet:
    """Make a set with spans; without an annotator it is the gold layer, submitted."""
    is_gold = annotator is None
    state = fields.pop("state", SetState.SUBMITTED if is_gold else SetState.OPEN)
    labels = {label.name: label for label in note.project.labels.all()}
    defaults = {
        "labels_shown": list(labels),
        "submitted_at": timezone.now() if state == SetState.SUBMITTED else None,
    }
    annotation_set = AnnotationSet.objects.create(
        note=note,
        annotator=annotator,
        is_gold=is_gold,
        state=state,
        **(defaults | fields),
    )
    origin = Origin.IMPORTED if is_gold else Origin.MANUAL
    for start_char, end_char, name in spans:
        Span.objects.create(
            id=uuid.uuid4(),
            annotation_set=annotation_set,
            start_char=start_char,
            end_char=end_char,
            label=labels[name],
            origin=origin,
        )
    return annotation_set


def make_version(project: Project | None = None, **fields: Any) -> ModelVersion:
    """Make a version row; its bundle path names a folder only if the test gives one."""
    number = next(_numbers)
    defaults = {
        "name": f"version-{number}",
        "recipe": "adapt",
        "state": VersionState.CANDIDATE,
        "bundle_path": f"/nonexistent/bundle-{number}",
        "bundle_digest": _sha256(f"bundle {number}"),
        "labels": [str(values["name"]) for values in DEFAULT_LABELS],
    }
    path = fields.get("bundle_path")
    if path is not None and engine.is_bundle(path):
        defaults["bundle_digest"] = engine.describe_bundle(path).digest
    return ModelVersion.objects.create(project=project, **(defaults | fields))


def make_suggestion(
    note: Note,
    start_char: int,
    end_char: int,
    label: str,
    *,
    confidence: float = 0.9,
    **fields: Any,
) -> Suggestion:
    """Make a suggestion of a pattern, or of *model_version* when that is given."""
    has_version = fields.get("model_version") is not None
    defaults = {"source": Source.MODEL if has_version else Source.PATTERN}
    return Suggestion.objects.create(
        note=note,
        start_char=start_char,
        end_char=end_char,
        label=note.project.labels.get(name=label),
        confidence=confidence,
        **(defaults | fields),
    )


def make_job(project: Project | None, kind: str, **fields: Any) -> Job:
    return Job.objects.create(
        project=project, kind=kind, **({"state": JobState.QUEUED} | fields)
    )


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
