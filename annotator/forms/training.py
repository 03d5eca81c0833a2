"""The form that starts a retraining."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from annotator.services.training import RECIPES, STARTS

# What each choice is called, and when to take it.
RECIPE_TEXTS: dict[str, tuple[Promise, Promise]] = {
    "adapt": (
        _("Adapt"),
        _("For 5 to 200 corrected notes: minutes on two cores. The usual choice."),
    ),
    "transfer": (
        _("Transfer, as published"),
        _(
            "The settings that the transfer method was published with: smaller steps,"
            " the lowest layers frozen. Slower; for comparison."
        ),
    ),
}
START_TEXTS: dict[str, tuple[Promise, Promise]] = {
    "starter": (
        _("The starter"),
        _("Errors of earlier rounds do not add up. The usual choice."),
    ),
    "active": (
        _("The active model"),
        _("Goes on from what is in use now; learns a new label sooner."),
    ),
}


class TrainingForm(forms.Form):
    """Recipe and starting point; both have a sensible default."""

    recipe = forms.ChoiceField(
        label=_("Recipe"),
        choices=[(name, RECIPE_TEXTS[name][0]) for name in RECIPES],
        widget=forms.RadioSelect,
    )
    start_from = forms.ChoiceField(
        label=_("Start from"),
        choices=[(name, START_TEXTS[name][0]) for name in STARTS],
        widget=forms.RadioSelect,
    )

    def __init__(self, data: Any = None) -> None:
        initial = {"recipe": RECIPES[0], "start_from": STARTS[0]}
        super().__init__(data, initial=initial)

    @property
    def recipes(self) -> list[tuple[Any, Promise]]:
        """Return each radio of the recipe with its explanation."""
        return _explained(self["recipe"], RECIPE_TEXTS)

    @property
    def starts(self) -> list[tuple[Any, Promise]]:
        """Return each radio of the starting point with its explanation."""
        return _explained(self["start_from"], START_TEXTS)


def _explained(
    field: forms.BoundField, texts: dict[str, tuple[Promise, Promise]]
) -> list[tuple[Any, Promise]]:
    return [(radio, texts[str(radio.data["value"])][1]) for radio in field]
