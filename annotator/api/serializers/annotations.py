"""Annotation sets, gestures and the ledger."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rest_framework import serializers

from annotator.enums import Action, Attribute, NoteState, Origin, SetState
from annotator.models import Span, SpanEvent
from annotator.services.gestures import Gesture
from annotator.services.ledger_changes import Range
from annotator.services.propagation import MAX_NOTES, MAX_PLACES
from annotator.validators import MAX_NUMBER

# The verbs that people have; the ledger knows some more.
GESTURE_ACTIONS = (
    Action.CREATE,
    Action.ACCEPT,
    Action.REJECT,
    Action.RELABEL,
    Action.REBOUND,
    Action.DELETE,
    Action.ACCEPT_ALL,
    Action.SPLIT,
    Action.MERGE,
    Action.ATTRIBUTE,
    Action.PROPAGATE,
    Action.FLAG,
    Action.UNDO,
    Action.REDO,
)
# A day: nobody was at one note for longer.
MAX_ACTIVE_SECONDS = 86_400


class SetChoice(serializers.Serializer[Any]):
    set = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=MAX_NUMBER,
        help_text="Another person's set, for reviewers; one's own otherwise.",
    )


class SpanSerializer(serializers.ModelSerializer[Span]):
    """A labelled range. The mention is ``text[start_char:end_char]`` of the note."""

    label = serializers.SlugRelatedField[Any](slug_field="name", read_only=True)  # type: ignore[assignment]
    attributes = serializers.DictField()

    class Meta:
        model = Span
        fields = (
            "id",
            "start_char",
            "end_char",
            "label",
            "origin",
            "suggestion",
            "attributes",
        )


class AnnotationSetSerializer(serializers.Serializer[Any]):
    """A layer of a note. Before the first gesture ``id`` is null, the revision 0."""

    id = serializers.IntegerField(allow_null=True)
    note = serializers.IntegerField()
    note_state = serializers.ChoiceField(NoteState.choices)
    annotator = serializers.CharField(
        allow_null=True, help_text="User name; null for the gold layer."
    )
    is_mine = serializers.BooleanField()
    is_gold = serializers.BooleanField()
    state = serializers.ChoiceField(SetState.choices)
    revision = serializers.IntegerField()
    labels_shown = serializers.ListField(child=serializers.CharField())
    active_seconds = serializers.IntegerField()
    submitted_at = serializers.DateTimeField(allow_null=True)
    is_flagged = serializers.BooleanField(
        help_text="The annotator asks for a second look."
    )
    can_undo = serializers.BooleanField()
    can_redo = serializers.BooleanField()
    spans = SpanSerializer(many=True)


class SnapshotSerializer(serializers.Serializer[Any]):
    """A span as it was before or after a gesture."""

    id = serializers.UUIDField()
    start_char = serializers.IntegerField()
    end_char = serializers.IntegerField()
    label = serializers.CharField()  # type: ignore[assignment]
    origin = serializers.ChoiceField(Origin.choices)
    suggestion = serializers.IntegerField(allow_null=True)
    attributes = serializers.DictField()


class EventSerializer(serializers.ModelSerializer[SpanEvent]):
    """A row of the ledger; a gesture that changed several spans left several."""

    actor = serializers.SlugRelatedField[Any](
        slug_field="username", read_only=True, allow_null=True
    )
    before = SnapshotSerializer(allow_null=True)
    after = SnapshotSerializer(allow_null=True)

    class Meta:
        model = SpanEvent
        fields = (
            "revision",
            "ordinal",
            "client_event_id",
            "actor",
            "action",
            "target_revision",
            "span_id",
            "before",
            "after",
            "suggestion",
            "decision_before",
            "decision_after",
            "confidence",
            "model_version",
            "at",
        )


class PlaceField(serializers.ListField):
    """``[start_char, end_char]``."""

    child = serializers.IntegerField(min_value=0, max_value=MAX_NUMBER)

    def __init__(self, **options: Any) -> None:
        super().__init__(min_length=2, max_length=2, **options)


class ElsewhereSerializer(serializers.Serializer[Any]):
    """Places of another note."""

    note = serializers.IntegerField(min_value=1, max_value=MAX_NUMBER)
    places = serializers.ListField(child=PlaceField(), max_length=MAX_PLACES)


class GestureSerializer(serializers.Serializer[Any]):
    """One decision. The client makes ``client_event_id`` and, for new spans,
    ``span_id``; ``surface`` is the text that it saw in the range."""

    client_event_id = serializers.UUIDField()
    user = serializers.IntegerField(
        required=False,
        allow_null=True,
        max_value=MAX_NUMBER,
        help_text="Whose gesture it is; refused in the session of anybody else.",
    )
    base_revision = serializers.IntegerField(min_value=0, max_value=MAX_NUMBER)
    action = serializers.ChoiceField([(action, action) for action in GESTURE_ACTIONS])
    span_id = serializers.UUIDField(required=False, allow_null=True)
    suggestion_id = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=MAX_NUMBER
    )
    start_char = serializers.IntegerField(
        required=False, allow_null=True, min_value=0, max_value=MAX_NUMBER
    )
    end_char = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=MAX_NUMBER
    )
    label = serializers.CharField(  # type: ignore[assignment]
        required=False, allow_null=True, allow_blank=True, max_length=40
    )
    surface = serializers.CharField(
        required=False, allow_null=True, allow_blank=True, trim_whitespace=False
    )
    threshold = serializers.FloatField(
        required=False, allow_null=True, min_value=0, max_value=1
    )
    exact = serializers.BooleanField(
        default=False, help_text="Allow edges inside a token."
    )
    active_seconds = serializers.IntegerField(
        default=0, min_value=0, max_value=MAX_ACTIVE_SECONDS
    )

    at_char = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=0,
        max_value=MAX_NUMBER,
        help_text="split: where the right part begins.",
    )
    other_span_id = serializers.UUIDField(
        required=False,
        allow_null=True,
        help_text="split: names the right part. merge: the span that is merged in.",
    )
    other_suggestion_id = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=MAX_NUMBER
    )
    attributes = serializers.ListField(
        child=serializers.ChoiceField(Attribute.choices),
        required=False,
        allow_null=True,
        help_text="All that hold; left out, rules guess those of a new span.",
    )
    suggestion_ids = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=MAX_NUMBER),
        required=False,
        allow_null=True,
        max_length=5_000,
        help_text="accept_all: only these.",
    )
    places = serializers.ListField(
        child=PlaceField(),
        required=False,
        max_length=MAX_PLACES,
        help_text="propagate: ranges of this note that read as the mention.",
    )
    elsewhere = serializers.ListField(
        child=ElsewhereSerializer(),
        required=False,
        max_length=MAX_NOTES,
        help_text="propagate: ranges of the person's other open notes.",
    )

    def gesture(self) -> Gesture:
        """Return the gesture of valid data."""
        sent = dict(self.validated_data)
        sent.pop("user", None)
        for name in ("attributes", "suggestion_ids"):
            if sent.get(name) is not None:
                sent[name] = tuple(sent[name])
        sent["places"] = _ranges(sent.get("places", ()))
        sent["elsewhere"] = tuple(
            (row["note"], _ranges(row["places"])) for row in sent.get("elsewhere", ())
        )
        return Gesture(**(sent | {"label": sent.get("label") or None}))


def _ranges(places: Iterable[list[int]]) -> tuple[Range, ...]:
    return tuple((start, end) for start, end in places)


class OutcomeSerializer(serializers.Serializer[Any]):
    """What a gesture came to; sent twice, what it came to the first time."""

    revision = serializers.IntegerField()
    events = EventSerializer(many=True)
    can_undo = serializers.BooleanField()
    can_redo = serializers.BooleanField()
    is_flagged = serializers.BooleanField()
    n_elsewhere = serializers.IntegerField(
        help_text="In how many other notes something changed; a replay says 0."
    )


class SubmitSerializer(serializers.Serializer[Any]):
    base_revision = serializers.IntegerField(
        min_value=0,
        max_value=MAX_NUMBER,
        help_text="The revision that was looked at; another is refused.",
    )
    active_seconds = serializers.IntegerField(
        default=0, min_value=0, max_value=MAX_ACTIVE_SECONDS
    )


class SkipSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=200, allow_blank=True, default="")
