"""Random gestures of every kind against a small model of what they should come to."""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotator.enums import NoteState
from annotator.exceptions import NothingToUndo
from annotator.models import AnnotationSet, Span
from annotator.services import attributes
from annotator.services.annotation_sets import open_set
from tests.annotator.factories import (
    make_member,
    make_note,
    make_project,
    make_suggestion,
)
from tests.annotator.services.test_gestures import send

pytestmark = pytest.mark.django_db

TEXT = "Dolor leve. No refiere dolor ni tos seca. Dolores leves y tos seca ayer."
LABELS = ("FINDING", "DURATION")
ATTRIBUTES = ("negated", "historical")

# start_char, end_char, label, attributes
Entry = tuple[int, int, str, tuple[str, ...]]


@dataclass
class Model:
    """What a set should hold: spans by id and suggestions that still wait."""

    spans: dict[uuid.UUID, Entry] = field(default_factory=dict)
    waiting: dict[int, tuple[int, int, str]] = field(default_factory=dict)
    is_flagged: bool = False

    def has(self, start: int, end: int, label: str) -> bool:
        return any(entry[:3] == (start, end, label) for entry in self.spans.values())

    def shown(self) -> list[int]:
        """Return the suggestions that the page shows: none under a span's range."""
        taken = {entry[:2] for entry in self.spans.values()}
        return sorted(pk for pk, row in self.waiting.items() if row[:2] not in taken)


class Walk:
    """Draws one possible gesture after the other and says what must come of it."""

    def __init__(self, layer: AnnotationSet, seed: int) -> None:
        self.layer, self.random = layer, random.Random(seed)
        self.tokens = [(t[0], t[1]) for t in layer.note.tokens]
        self.model = Model(
            waiting={
                s.pk: (s.start_char, s.end_char, s.label.name)
                for s in layer.note.suggestions.select_related("label")
            }
        )

    def guess(self, start: int, end: int, label: str) -> tuple[str, ...]:
        note = self.layer.note
        return attributes.guess_in(note.text, start, end, label, note.language)

    def step(self) -> dict[str, Any] | None:
        """Return a gesture and bring the model to what it makes, or None."""
        kinds = [
            self.create,
            self.accept,
            self.reject,
            self.relabel,
            self.rebound,
            self.delete,
            self.attribute,
            self.split,
            self.merge,
            self.accept_all,
            self.propagate,
            self.flag,
        ]
        return self.random.choice(kinds)()

    def place(self, start: int, end: int) -> dict[str, Any]:
        surface = self.layer.note.text[start:end]
        return {"start_char": start, "end_char": end, "surface": surface}

    def any_range(self) -> tuple[int, int]:
        first = self.random.randrange(len(self.tokens))
        last = min(first + self.random.randrange(3), len(self.tokens) - 1)
        return self.tokens[first][0], self.tokens[last][1]

    def any_span(self) -> uuid.UUID | None:
        ids = sorted(self.model.spans, key=lambda pk: self.model.spans[pk])
        return self.random.choice(ids) if ids else None

    def create(self) -> dict[str, Any] | None:
        start, end = self.any_range()
        label = self.random.choice(LABELS)
        if self.model.has(start, end, label):
            return None
        span_id = uuid.uuid4()
        self.model.spans[span_id] = (start, end, label, self.guess(start, end, label))
        sent = self.place(start, end)
        return {"action": "create", "span_id": span_id, "label": label, **sent}

    def accept(self) -> dict[str, Any] | None:
        shown = self.model.shown()
        if not shown:
            return None
        pk, span_id = self.random.choice(shown), uuid.uuid4()
        start, end, label = self.model.waiting.pop(pk)
        self.model.spans[span_id] = (start, end, label, self.guess(start, end, label))
        return {"action": "accept", "suggestion_id": pk, "span_id": span_id}

    def reject(self) -> dict[str, Any] | None:
        shown = self.model.shown()
        if not shown:
            return None
        pk = self.random.choice(shown)
        del self.model.waiting[pk]
        return {"action": "reject", "suggestion_id": pk}

    def relabel(self) -> dict[str, Any] | None:
        span_id = self.any_span()
        if span_id is None:
            return None
        start, end, label, held = self.model.spans[span_id]
        new = next(name for name in LABELS if name != label)
        if self.model.has(start, end, new):
            return None
        self.model.spans[span_id] = (start, end, new, held)
        return {"action": "relabel", "span_id": span_id, "label": new}

    def rebound(self) -> dict[str, Any] | None:
        span_id, (start, end) = self.any_span(), self.any_range()
        if span_id is None or self.model.has(start, end, self.model.spans[span_id][2]):
            return None
        _, _, label, held = self.model.spans[span_id]
        self.model.spans[span_id] = (start, end, label, held)
        sent = self.place(start, end)
        return {"action": "rebound", "span_id": span_id, **sent}

    def delete(self) -> dict[str, Any] | None:
        span_id = self.any_span()
        if span_id is None:
            return None
        del self.model.spans[span_id]
        return {"action": "delete", "span_id": span_id}

    def attribute(self) -> dict[str, Any] | None:
        span_id = self.any_span()
        if span_id is None:
            return None
        held = tuple(a for a in ATTRIBUTES if self.random.random() < 0.5)
        self.model.spans[span_id] = (*self.model.spans[span_id][:3], held)
        return {"action": "attribute", "span_id": span_id, "attributes": held}

    def split(self) -> dict[str, Any] | None:
        span_id = self.any_span()
        if span_id is None:
            return None
        start, end, label, held = self.model.spans[span_id]
        inside = [t for t in self.tokens if start <= t[0] and t[1] <= end]
        if len(inside) < 2:
            return None
        cut = self.random.randrange(1, len(inside))
        left, right = (start, inside[cut - 1][1]), (inside[cut][0], end)
        if self.model.has(*left, label) or self.model.has(*right, label):
            return None
        other = uuid.uuid4()
        self.model.spans[span_id] = (*left, label, held)
        self.model.spans[other] = (*right, label, held)
        return {
            "action": "split",
            "span_id": span_id,
            "other_span_id": other,
            "at_char": right[0],
            "surface": self.layer.note.text[start:end],
        }

    def merge(self) -> dict[str, Any] | None:
        ids = list(self.model.spans)
        text = self.layer.note.text
        for one in ids:
            for two in ids:
                first, second = self.model.spans[one], self.model.spans[two]
                gap = text[first[1] : second[0]]
                if one == two or first[2] != second[2] or first[0] > second[0]:
                    continue
                if len(gap) > 3 or any(map(str.isalnum, gap)):
                    continue
                start, end = first[0], max(first[1], second[1])
                others = {
                    k: v for k, v in self.model.spans.items() if k not in (one, two)
                }
                if any(v[:3] == (start, end, first[2]) for v in others.values()):
                    continue
                held = tuple(a for a in _ORDER if a in first[3] or a in second[3])
                self.model.spans = {**others, one: (start, end, first[2], held)}
                sent = self.place(start, end)
                return {
                    "action": "merge",
                    "span_id": one,
                    "other_span_id": two,
                    **sent,
                }
        return None

    def accept_all(self) -> dict[str, Any] | None:
        shown = self.model.shown()
        wanted = [pk for pk in shown if self.model.waiting[pk][2] == "FINDING"]
        if not wanted:
            return None
        made: dict[tuple[int, int], int] = {}
        for pk in wanted:
            made.setdefault(self.model.waiting[pk][:2], pk)
        for pk in made.values():
            start, end, label = self.model.waiting.pop(pk)
            held = self.guess(start, end, label)
            self.model.spans[uuid.uuid4()] = (start, end, label, held)
        return {"action": "accept_all", "label": "FINDING", "threshold": 0.0}

    def propagate(self) -> dict[str, Any] | None:
        places = [(0, 5), (23, 28), (42, 49)]
        assert [TEXT[s:e] for s, e in places] == ["Dolor", "dolor", "Dolores"]
        for start, end in places:
            here = [k for k, v in self.model.spans.items() if v[:2] == (start, end)]
            if any(self.model.spans[pk][2] == "DURATION" for pk in here):
                continue
            if here:
                entry = self.model.spans[here[0]]
                self.model.spans[here[0]] = (start, end, "DURATION", entry[3])
                continue
            over = [
                p
                for p in self.model.shown()
                if self.model.waiting[p][:2] == (start, end)
            ]
            if over:
                del self.model.waiting[over[0]]
            held = self.guess(start, end, "DURATION")
            self.model.spans[uuid.uuid4()] = (start, end, "DURATION", held)
        sent = self.place(0, 5)
        return {
            "action": "propagate",
            "label": "DURATION",
            "places": tuple(places),
            **sent,
        }

    def flag(self) -> dict[str, Any] | None:
        self.model.is_flagged = not self.model.is_flagged
        return {"action": "flag"}


_ORDER = ("negated", "hypothetical", "family", "historical")


def of_model(model: Model) -> tuple[list[Entry], bool]:
    return sorted(model.spans.values()), model.is_flagged


def of_database(layer: AnnotationSet) -> tuple[list[Entry], bool]:
    layer.refresh_from_db(fields=["is_flagged"])
    rows = [
        (s.start_char, s.end_char, s.label.name, tuple(s.attributes))
        for s in layer.spans.select_related("label")
    ]
    return sorted(rows), layer.is_flagged


def whole(layer: AnnotationSet) -> Any:
    """Return all that gestures change, ids and origins included."""
    spans = list(Span.objects.filter(annotation_set=layer).order_by("pk").values())
    said = layer.decisions.order_by("suggestion").values_list("suggestion", "kind")
    return spans, list(said), of_database(layer)[1]


def fresh_layer() -> AnnotationSet:
    project = make_project()
    note = make_note(project, TEXT, state=NoteState.SUGGESTED)
    for mention, label in (
        ("Dolor leve", "FINDING"),
        ("dolor", "FINDING"),
        ("tos seca", "FINDING"),
        ("tos", "FINDING"),
        ("ayer", "DURATION"),
    ):
        start = TEXT.index(mention)
        make_suggestion(note, start, start + len(mention), label)
    return open_set(note=note, annotator=make_member(project))


@settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 2**32))
def test_any_gestures_come_to_what_the_model_says(db: None, seed: int) -> None:
    layer = fresh_layer()
    walk = Walk(layer, seed)
    seen = [whole(layer)]
    while len(seen) < 16:
        sent = walk.step()
        if sent is None:
            continue
        made = send(layer, **sent)
        # Spans that the server names have their ids there; the model takes them over.
        known = {pk for pk in walk.model.spans if layer.spans.filter(pk=pk).exists()}
        for pk in set(walk.model.spans) - known:
            entry = walk.model.spans.pop(pk)
            named = [e.after for e in made.events if e.after]
            place = {
                (a["start_char"], a["end_char"], a["label"]): a["id"] for a in named
            }
            walk.model.spans[uuid.UUID(place[entry[:3]])] = entry
        assert of_database(layer) == of_model(walk.model)
        seen.append(whole(layer))
    for expected in reversed(seen[:-1]):
        send(layer, "undo")
        assert whole(layer) == expected
    with pytest.raises(NothingToUndo):
        send(layer, "undo")
    for expected in seen[1:]:
        send(layer, "redo")
        assert whole(layer) == expected
    with pytest.raises(NothingToUndo):
        send(layer, "redo")
