"""Forms of the pages of people, for administrators of the installation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotator.models import User

if TYPE_CHECKING:
    PersonModelForm = forms.ModelForm[User]
else:  # generic for the type checker only
    PersonModelForm = forms.ModelForm


class PersonForm(PersonModelForm):
    """A new person; the password is generated. Bind it to a copy."""

    is_admin = forms.BooleanField(
        label=_("Administrator of the installation"),
        required=False,
        help_text=_("Sees every project, makes projects and adds people."),
    )

    class Meta:
        model = User
        fields: tuple[str, ...] = ("username", "first_name", "last_name", "email")
        labels = {"username": _("User name"), "is_active": _("May log in")}
        help_texts = {
            "username": "",
            "is_active": _("Without it the annotations stay and the log-in ends."),
        }
        widgets = {
            "username": forms.TextInput(
                attrs={
                    "autocomplete": "off",
                    "autocapitalize": "none",
                    "spellcheck": "false",
                }
            )
        }

    def values(self) -> dict[str, Any]:
        """Return what a service takes."""
        return dict(self.cleaned_data)


class PersonEditForm(PersonForm):
    """A person that exists: may also be locked out, and let in again."""

    class Meta(PersonForm.Meta):
        fields = (*PersonForm.Meta.fields, "is_active")
