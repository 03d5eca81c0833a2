"""What models propose, and what each annotator decided about it."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from annotator.enums import DecisionKind, Source
from annotator.models.annotations import AnnotationSet
from annotator.models.notes import Note


class Suggestion(models.Model):
    """A proposed span, stored apart from annotations."""

    note = models.ForeignKey(Note, on_delete=models.CASCADE, related_name="suggestions")
    source = models.CharField(max_length=12, choices=Source, default=Source.MODEL)
    model_version = models.ForeignKey(
        "annotator.ModelVersion",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="suggestions",
    )
    start_char = models.PositiveIntegerField()
    end_char = models.PositiveIntegerField()
    label = models.ForeignKey(
        "annotator.Label", on_delete=models.CASCADE, related_name="suggestions"
    )
    confidence = models.FloatField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["start_char", "end_char"]
        constraints = [
            models.CheckConstraint(
                condition=Q(start_char__gte=0) & Q(start_char__lt=F("end_char")),
                name="suggestion_range_not_empty",
            ),
            models.CheckConstraint(
                condition=Q(confidence__gte=0) & Q(confidence__lte=1),
                name="suggestion_confidence_is_probability",
            ),
            models.CheckConstraint(
                condition=~Q(source="model") | Q(model_version__isnull=False),
                name="suggestion_of_model_names_version",
            ),
            models.UniqueConstraint(
                fields=["note", "source", "start_char", "end_char", "label"],
                name="suggestion_once_per_source",
            ),
        ]

    def __str__(self) -> str:
        return f"suggestion [{self.start_char}, {self.end_char})"


class SuggestionDecision(models.Model):
    """An annotator's verdict on a suggestion: with overlap, each has their own."""

    annotation_set = models.ForeignKey(
        AnnotationSet, on_delete=models.CASCADE, related_name="decisions"
    )
    suggestion = models.ForeignKey(
        Suggestion, on_delete=models.CASCADE, related_name="decisions"
    )
    kind = models.CharField(max_length=12, choices=DecisionKind)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["annotation_set", "suggestion"],
                name="decision_once_per_set",
            ),
        ]

    def __str__(self) -> str:
        return f"suggestion {self.suggestion_id}: {self.kind}"
