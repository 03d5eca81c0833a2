"""Forms of a project's set-up: settings, labels, members, guideline."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from annotator.enums import N_COLOUR_SLOTS, Role
from annotator.exceptions import InvalidValues
from annotator.models import Label, Project, User

if TYPE_CHECKING:
    ProjectModelForm = forms.ModelForm[Project]
    LabelModelForm = forms.ModelForm[Label]
else:  # generic for the type checker only
    ProjectModelForm = LabelModelForm = forms.ModelForm

# What the language field proposes; any other ISO code may be typed.
LANGUAGES = (
    ("es", _("Spanish")),
    ("fr", _("French")),
    ("en", _("English")),
    ("ca", _("Catalan")),
    ("de", _("German")),
    ("it", _("Italian")),
    ("pt", _("Portuguese")),
)
# Interface languages in which a label can have a name.
NAME_LANGUAGES = ("en", "es", "fr")
# A guideline of a hundred pages.
MAX_GUIDELINE_CHARS = 300_000


def add_refusal(form: forms.BaseForm, error: InvalidValues) -> None:
    """Show what a service refused, at the fields it names."""
    for name, messages in error.fields.items():
        form.add_error(name if name in form.fields else None, messages)


class ProjectForm(ProjectModelForm):
    """A project's settings. Bind it to a copy: validation writes on the instance."""

    class Meta:
        model = Project
        fields = (
            "name",
            "slug",
            "language",
            "genre",
            "dev_percent",
            "test_percent",
            "overlap",
            "suggestion_threshold",
        )
        help_texts = {
            "slug": _("Part of the address; left empty, it is made from the name."),
            "language": _("ISO code, such as es, fr or en."),
            "genre": _("Dialogues are shown turn by turn."),
            "dev_percent": _(
                "Their notes choose the best moment of a training. Fixed when a note"
                " is imported."
            ),
            "test_percent": _(
                "Their notes score the models and are annotated without suggestions."
                " Fixed when a note is imported."
            ),
            "overlap": _("With one, a submitted note is settled at once."),
            "suggestion_threshold": _(
                "From 0 (show all) to 1. Hidden ones can be shown on the page."
            ),
        }
        widgets = {
            "language": forms.TextInput(
                attrs={"list": "languages", "autocomplete": "off", "size": 4}
            ),
            "suggestion_threshold": forms.NumberInput(
                attrs={"step": "0.05", "min": "0", "max": "1"}
            ),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["slug"].required = False

    def clean_slug(self) -> str:
        slug = str(self.cleaned_data["slug"] or "")
        if not slug:
            slug = slugify(str(self.cleaned_data.get("name") or ""))[:60].strip("-")
        if not slug:
            raise ValidationError(_("Give an address of letters, digits and hyphens."))
        return slug

    def clean_language(self) -> str:
        language = str(self.cleaned_data["language"]).strip().lower()
        if not re.fullmatch("[a-z]{2,3}", language):
            raise ValidationError(_("Use a code of two or three letters."))
        return language

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        kept = (values.get("dev_percent") or 0) + (values.get("test_percent") or 0)
        if kept > 80:
            self.add_error(
                "test_percent", _("Leave at least a fifth of the patients to train on.")
            )
        return values

    def values(self) -> dict[str, Any]:
        """Return what a service takes."""
        return {name: self.cleaned_data[name] for name in self.Meta.fields}


class LabelForm(LabelModelForm):
    """A label. Bind it to a copy: validation writes on the instance."""

    colour_slot = forms.TypedChoiceField(
        label=_("Colour"),
        coerce=int,
        choices=[(slot, str(slot)) for slot in range(1, N_COLOUR_SLOTS + 1)],
        widget=forms.RadioSelect,
    )
    name_en = forms.CharField(label=_("Name in English"), required=False, max_length=60)
    name_es = forms.CharField(label=_("Name in Spanish"), required=False, max_length=60)
    name_fr = forms.CharField(label=_("Name in French"), required=False, max_length=60)

    class Meta:
        model = Label
        fields = (
            "name",
            "short_name",
            "description",
            "colour_slot",
            "hotkey",
            "position",
        )
        help_texts = {
            "name": _(
                "Capital letters, as files have it: MEDICATION. Fixed once annotation"
                " has begun."
            ),
            "short_name": _("Up to six letters, shown at the end of each mention."),
            "description": _("One sentence: what belongs to it and what does not."),
            "hotkey": _("A digit from 1 to 9."),
            "position": _("Place in lists."),
        }
        widgets = {"description": forms.Textarea(attrs={"rows": 3})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["position"].required = False
        self.initial["description"] = self.instance.shown_description
        for language in NAME_LANGUAGES:
            names: Mapping[str, str] = self.instance.local_names
            self.fields[f"name_{language}"].initial = names.get(language, "")

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"])
        if self._siblings().filter(name=name).exists():
            raise ValidationError(_("The project has a label of this name."))
        return name

    def clean_description(self) -> str:
        """Keep a default description as it is stored when nobody changed its words."""
        written = str(self.cleaned_data["description"])
        is_same = written == self.instance.shown_description
        return self.instance.description if is_same else written

    def clean_hotkey(self) -> str:
        """Refuse a key that is taken; a new label without one gets the first free."""
        hotkey = str(self.cleaned_data["hotkey"])
        if not hotkey and not self.instance.pk:
            used = set(self._siblings().values_list("hotkey", flat=True))
            return next((key for key in "123456789" if key not in used), "")
        taken = self._siblings().filter(hotkey=hotkey).first() if hotkey else None
        if taken is not None:
            raise ValidationError(
                _("This key belongs to %(name)s."), params={"name": taken.name}
            )
        return hotkey

    def _siblings(self) -> QuerySet[Label]:
        return self.instance.project.labels.exclude(pk=self.instance.pk)

    def clean_position(self) -> int:
        position = self.cleaned_data["position"]
        return int(self.instance.position if position is None else position)

    def values(self) -> dict[str, Any]:
        """Return what a service takes."""
        values = {name: self.cleaned_data[name] for name in self.Meta.fields}
        names = dict(self.instance.local_names)
        for language in NAME_LANGUAGES:
            names[language] = self.cleaned_data[f"name_{language}"]
        values["local_names"] = {code: name for code, name in names.items() if name}
        return values


class MemberForm(forms.Form):
    """Give a person, named by user name or e-mail address, a role."""

    username = forms.CharField(
        label=_("User name or e-mail address"),
        max_length=254,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "off",
                "autocapitalize": "none",
                "spellcheck": "false",
            }
        ),
    )
    role = forms.ChoiceField(
        label=_("Role"), choices=Role.choices, initial=Role.ANNOTATOR
    )

    def clean_username(self) -> User:
        wanted = str(self.cleaned_data["username"]).strip()
        found = User.objects.filter(username=wanted, is_active=True)
        if "@" in wanted and not found:
            found = User.objects.filter(email__iexact=wanted, is_active=True)
        people = list(found[:2])
        if len(people) != 1:
            raise ValidationError(
                _(
                    "There is no such person. An administrator of the installation"
                    " can add them."
                )
            )
        return people[0]


class RoleForm(forms.Form):
    """Change a member's role."""

    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)


class GuidelineForm(forms.Form):
    """The guideline's Markdown, and which text the editor started from."""

    guideline = forms.CharField(
        label=_("Guideline"),
        required=False,
        strip=False,
        max_length=MAX_GUIDELINE_CHARS,
        widget=forms.Textarea(attrs={"rows": 28, "spellcheck": "true"}),
    )
    base_digest = forms.CharField(max_length=64, widget=forms.HiddenInput)

    def clean_guideline(self) -> str:
        # A text area sends CRLF.
        return str(self.cleaned_data["guideline"]).replace("\r\n", "\n")
