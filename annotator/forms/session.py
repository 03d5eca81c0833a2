"""Forms of the log-in and of people's own settings."""

from __future__ import annotations

from django import forms
from django.conf import settings
from django.contrib.auth.forms import PasswordChangeForm
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from annotator.models import User

# Each language in its own words, so that those who need it can read it.
LANGUAGE_NAMES = {"en": "English", "es": "Español", "fr": "Français"}


class LoginForm(forms.Form):
    """Name and password; says no more than that they do not fit together."""

    username = forms.CharField(
        label=_("User name"),
        max_length=150,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "username",
                "autocapitalize": "none",
                "spellcheck": "false",
                "autofocus": True,
            }
        ),
    )
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=1024,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def refuse(self) -> None:
        self.add_error(None, _("User name and password do not fit together."))

    def refuse_locked(self, minutes: int) -> None:
        self.add_error(
            None,
            ngettext(
                "Too many failed log-ins. Wait %(minutes)d minute and try again.",
                "Too many failed log-ins. Wait %(minutes)d minutes and try again.",
                minutes,
            )
            % {"minutes": minutes},
        )


class ProfileForm(forms.Form):
    """The person's own choices."""

    interface_language = forms.ChoiceField(
        label=_("Language of the pages"), required=False
    )
    theme = forms.ChoiceField(
        label=_("Colours"), choices=User.Theme.choices, widget=forms.RadioSelect
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        field = self.fields["interface_language"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - narrows the type
        field.choices = [
            ("", _("As the browser asks")),
            *((code, LANGUAGE_NAMES[code]) for code, _name in settings.LANGUAGES),
        ]


class NewPasswordForm(PasswordChangeForm):
    """Django's own, without its autofocus: the form is the page's second."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["old_password"].widget.attrs.pop("autofocus", None)
