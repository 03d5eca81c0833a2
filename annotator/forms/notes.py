"""The filters of the queue table."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotator.enums import NoteState, Split
from annotator.models import Label
from annotator.selectors.notes import DEFAULT_SORT, SORTS, NoteFilter


class NoteFilterForm(forms.Form):
    """Narrow the table. The words to search for travel in a POST body, never in a URL:
    they are as private as the notes."""

    text = forms.CharField(
        label=_("Search in notes"),
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off"}),
    )
    state = forms.ChoiceField(
        label=_("State"), required=False, choices=[("", _("All")), *NoteState.choices]
    )
    label = forms.ChoiceField(label=_("Label"), required=False)
    split = forms.ChoiceField(
        label=_("Used for"), required=False, choices=[("", _("All")), *Split.choices]
    )
    flagged = forms.ChoiceField(
        label=_("Flagged"),
        required=False,
        choices=[("", _("All")), ("yes", _("Flagged for a second look"))],
    )
    sort = forms.CharField(required=False, widget=forms.HiddenInput)
    sort_by = forms.CharField(required=False, widget=forms.HiddenInput)
    page = forms.IntegerField(required=False, min_value=1, widget=forms.HiddenInput)

    def __init__(self, data: Any, *, labels: list[Label], language: str) -> None:
        super().__init__(data)
        field = self.fields["label"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - narrows the type
        field.choices = [
            ("", _("All")),
            *((x.name, x.local_names.get(language) or x.name) for x in labels),
        ]

    def clean_text(self) -> str:
        return str(self.cleaned_data["text"]).replace("\0", "")

    def wanted(self) -> tuple[NoteFilter, int]:
        """Return the filter and the page; fields that are not valid narrow nothing."""
        self.is_valid()
        values = self.cleaned_data
        sort = values.get("sort_by") or values.get("sort") or DEFAULT_SORT
        if str(sort).removeprefix("-") not in SORTS:
            sort = DEFAULT_SORT
        names = ("text", "label", "state", "split")
        narrowed = {name: str(values.get(name) or "") for name in names}
        wanted = NoteFilter(
            sort=str(sort), flagged=bool(values.get("flagged")), **narrowed
        )
        return wanted, int(values.get("page") or 1)
