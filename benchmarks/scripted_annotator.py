"""Corrects notes as a careful clinician would, through the gestures a browser sends.

The gold annotations say what the person would have done; every decision goes through
`services.gestures`, one revision each, so that ledger, undo and statistics are those of
a real session.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from uuid import uuid4

from annotator.enums import Action
from annotator.models import AnnotationSet, Note, Suggestion, User
from annotator.selectors.review import visible_suggestions
from annotator.services.annotation_sets import open_set, submit_set
from annotator.services.gestures import Gesture, apply_gesture

GoldSpan = tuple[int, int, str]


@dataclass
class ScriptedAnnotator:
    """One person; ``gestures`` counts what they did, by action."""

    user: User
    gestures: Counter[str] = field(default_factory=Counter)

    def correct(self, note: Note, gold: set[GoldSpan]) -> AnnotationSet:
        """Bring a note to its gold annotations and submit it.

        Suggestions that are right are accepted; of those that touch a gold span of
        their label the boundary is moved, with another label at the same place the
        label is changed; the others are rejected and what is missing is added.
        """
        annotation_set = open_set(note=note, annotator=self.user)
        waiting = list(
            visible_suggestions(note=note, annotation_set=annotation_set)
            .select_related("label")
            .order_by("start_char", "-end_char")
        )
        missing = set(gold)
        waiting = self._accept_exact(annotation_set, waiting, missing)
        for suggestion in waiting:
            self._correct_or_reject(annotation_set, suggestion, missing)
        for start, end, label in sorted(missing):
            self._send(annotation_set, Action.CREATE, start, end, label)
        submit_set(
            annotation_set=annotation_set,
            actor=self.user,
            base_revision=annotation_set.revision,
        )
        return annotation_set

    def _accept_exact(
        self,
        annotation_set: AnnotationSet,
        waiting: list[Suggestion],
        missing: set[GoldSpan],
    ) -> list[Suggestion]:
        left = []
        for suggestion in waiting:
            place = (suggestion.start_char, suggestion.end_char, suggestion.label.name)
            if place in missing:
                missing.remove(place)
                self._send(annotation_set, Action.ACCEPT, suggestion=suggestion)
            else:
                left.append(suggestion)
        return left

    def _correct_or_reject(
        self,
        annotation_set: AnnotationSet,
        suggestion: Suggestion,
        missing: set[GoldSpan],
    ) -> None:
        start, end, label = (
            suggestion.start_char,
            suggestion.end_char,
            suggestion.label.name,
        )
        touching = [
            span
            for span in sorted(missing)
            if span[2] == label and span[0] < end and start < span[1]
        ]
        same_place = [span for span in sorted(missing) if span[:2] == (start, end)]
        if touching:
            missing.remove(touching[0])
            self._send(
                annotation_set, Action.REBOUND, *touching[0][:2], suggestion=suggestion
            )
        elif same_place:
            missing.remove(same_place[0])
            self._send(
                annotation_set,
                Action.RELABEL,
                label=same_place[0][2],
                suggestion=suggestion,
            )
        else:
            self._send(annotation_set, Action.REJECT, suggestion=suggestion)

    def _send(
        self,
        annotation_set: AnnotationSet,
        action: str,
        start_char: int | None = None,
        end_char: int | None = None,
        label: str | None = None,
        *,
        suggestion: Suggestion | None = None,
    ) -> None:
        surface = None
        if start_char is not None and end_char is not None:
            surface = annotation_set.note.text[start_char:end_char]
        makes_span = action != Action.REJECT
        gesture = Gesture(
            client_event_id=uuid4(),
            base_revision=annotation_set.revision,
            action=action,
            span_id=uuid4() if makes_span else None,
            suggestion_id=suggestion.pk if suggestion else None,
            start_char=start_char,
            end_char=end_char,
            label=label,
            surface=surface,
            exact=True,  # the corpus' own boundaries, also inside a token
        )
        apply_gesture(annotation_set=annotation_set, actor=self.user, gesture=gesture)
        self.gestures[action] += 1
