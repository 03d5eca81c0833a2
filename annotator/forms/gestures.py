"""The shape of a gesture, checked before it reaches the service."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid5

from django import forms
from django.utils.translation import gettext_lazy as _

from annotator.enums import Action, Attribute
from annotator.services.gestures import Gesture
from annotator.services.ledger_changes import Range
from annotator.services.propagation import MAX_NOTES, MAX_PLACES
from annotator.validators import MAX_NUMBER, refuse_surrogates

_ACTIONS = (
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


_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


# As many marks as one step may change; a note of 120,000 characters has fewer.
_MAX_MARKS = 5_000


class NumberField(forms.IntegerField):
    """A whole number that a column can hold."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_value=MAX_NUMBER, **options)


class WordsField(forms.CharField):
    """Characters that a column can hold, whatever JSON spelled."""

    default_validators = [refuse_surrogates]


class NumbersField(forms.Field):
    """A list of whole numbers from zero up."""

    def clean(self, value: Any) -> tuple[int, ...] | None:
        return None if value is None else _numbers(value)


class AttributesField(forms.Field):
    """A list of attributes."""

    def clean(self, value: Any) -> tuple[str, ...] | None:
        if value is None:
            return None
        names = _list(value, len(Attribute))
        if not all(name in Attribute.values for name in names):
            raise forms.ValidationError(_("Enter a list."), code="invalid")
        return tuple(names)


class PlacesField(forms.Field):
    """A list of ``[start_char, end_char]``."""

    def clean(self, value: Any) -> tuple[Range, ...]:
        return () if value is None else _places(value)


class ElsewhereField(forms.Field):
    """A list of ``{"note": id, "places": [...]}``."""

    def clean(self, value: Any) -> tuple[tuple[int, tuple[Range, ...]], ...]:
        if value is None:
            return ()
        rows = _list(value, MAX_NOTES)
        if not all(isinstance(row, dict) and set(row) == _ELSEWHERE for row in rows):
            raise forms.ValidationError(_("Enter a list."), code="invalid")
        return tuple((_numbers([r["note"]])[0], _places(r["places"])) for r in rows)


_ELSEWHERE = {"note", "places"}


def _list(value: Any, most: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise forms.ValidationError(_("Enter a list."), code="invalid")
    return value


def _numbers(value: Any) -> tuple[int, ...]:
    numbers = _list(value, _MAX_MARKS)
    if not all(type(n) is int and 0 <= n <= MAX_NUMBER for n in numbers):
        raise forms.ValidationError(_("Enter a whole number."), code="invalid")
    return tuple(numbers)


def _places(value: Any) -> tuple[Range, ...]:
    ranges = [_numbers(pair) for pair in _list(value, MAX_PLACES)]
    if not all(len(pair) == 2 and pair[0] < pair[1] for pair in ranges):
        raise forms.ValidationError(_("Enter a list."), code="invalid")
    return tuple((pair[0], pair[1]) for pair in ranges)


class GestureForm(forms.Form):
    """One gesture, as the page's script or the API sends it in JSON."""

    client_event_id = forms.UUIDField()
    base_revision = NumberField(min_value=0)
    action = forms.ChoiceField(choices=[(action, action) for action in _ACTIONS])
    span_id = forms.UUIDField(required=False)
    suggestion_id = NumberField(required=False, min_value=1)
    start_char = NumberField(required=False, min_value=0)
    end_char = NumberField(required=False, min_value=1)
    label = WordsField(required=False, max_length=40)
    surface = WordsField(required=False, strip=False)
    threshold = forms.FloatField(required=False, min_value=0, max_value=1)
    exact = forms.BooleanField(required=False)
    active_seconds = NumberField(required=False, min_value=0)
    at_char = NumberField(required=False, min_value=0)
    other_span_id = forms.UUIDField(required=False)
    other_suggestion_id = NumberField(required=False, min_value=1)
    attributes = AttributesField(required=False)
    suggestion_ids = NumbersField(required=False)
    places = PlacesField(required=False)
    elsewhere = ElsewhereField(required=False)

    def gesture(self) -> Gesture:
        """Return the gesture of a valid form."""
        data = self.cleaned_data
        return Gesture(
            client_event_id=data["client_event_id"],
            base_revision=data["base_revision"],
            action=data["action"],
            span_id=data["span_id"],
            suggestion_id=data["suggestion_id"],
            start_char=data["start_char"],
            end_char=data["end_char"],
            label=data["label"] or None,
            surface=data["surface"],
            threshold=data["threshold"],
            exact=data["exact"],
            active_seconds=data["active_seconds"] or 0,
            at_char=data["at_char"],
            other_span_id=data["other_span_id"],
            other_suggestion_id=data["other_suggestion_id"],
            attributes=data["attributes"],
            suggestion_ids=data["suggestion_ids"],
            places=data["places"],
            elsewhere=data["elsewhere"],
        )


class SameForm(forms.Form):
    """Of which mention the like are looked for; no label means "no entity"."""

    start_char = NumberField(min_value=0)
    end_char = NumberField(min_value=1)
    label = WordsField(required=False, max_length=40)
    scope = forms.ChoiceField(choices=[("note", "note"), ("project", "project")])

    @property
    def place(self) -> dict[str, Any]:
        """Return the mention's range and the label, as the selectors take them."""
        names = ("start_char", "end_char", "label")
        return {name: self.cleaned_data[name] for name in names}


class DecisionForm(forms.Form):
    """The plain form of the review page: one button says what to do.

    ``target`` is the key of a mark ("s12", "a" and a UUID); ``move`` shifts a boundary
    by a token; ``mention`` and ``occurrence`` name words to add.
    """

    client_event_id = forms.UUIDField()
    base_revision = NumberField(min_value=0)
    target = forms.RegexField(rf"^(s\d{{1,18}}|a{_UUID})$", required=False)
    action = forms.ChoiceField(
        choices=[("", ""), *((action, action) for action in _ACTIONS)], required=False
    )
    label = WordsField(required=False, max_length=40)
    move = forms.ChoiceField(
        choices=[
            ("", ""),
            ("start-left", "start-left"),
            ("start-right", "start-right"),
            ("end-left", "end-left"),
            ("end-right", "end-right"),
        ],
        required=False,
    )
    mention = WordsField(required=False, max_length=500)
    occurrence = NumberField(required=False, min_value=1)

    @property
    def new_span_id(self) -> UUID:
        """Name the span that this form may make: the same when it is sent twice."""
        return uuid5(self.cleaned_data["client_event_id"], "span")

    @property
    def suggestion_id(self) -> int | None:
        target = self.cleaned_data["target"]
        return int(target[1:]) if target.startswith("s") else None

    @property
    def span_id(self) -> UUID | None:
        target = self.cleaned_data["target"]
        return UUID(target[1:]) if target.startswith("a") else None
