"""Forms of the import and the export page."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from annotator.enums import EntityUse, ExportFormat, Split
from annotator.services.imports import SUFFIXES


class ManyFilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class ManyFilesField(forms.FileField):
    """A file field that gives a list."""

    widget = ManyFilesInput

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile[Any]]:
        clean_one = super().clean
        files = data if isinstance(data, list | tuple) else [data]
        return [clean_one(file, initial) for file in files or [None]]


class ImportForm(forms.Form):
    """Files, and what to do with the entities that they hold."""

    uploads = ManyFilesField(
        label=_("Files"),
        # An empty file is a line of the report like any other bad file.
        allow_empty_file=True,
        widget=ManyFilesInput(attrs={"accept": ",".join(SUFFIXES)}),
    )
    entities = forms.ChoiceField(
        label=_("Entities that the files hold"),
        choices=EntityUse.choices,
        initial=EntityUse.GOLD,
        widget=forms.RadioSelect,
    )
    encoding = forms.ChoiceField(
        label=_("Encoding of .txt and .csv files"),
        required=False,
        choices=[
            ("", _("Recognise UTF-8 and UTF-16")),
            ("cp1252", _("Windows (cp1252)")),
            ("latin-1", _("Latin-1 (ISO 8859-1)")),
        ],
        help_text=_("Only needed when the report says that a file is not UTF-8."),
    )


class ExportForm(forms.Form):
    """Format and splits of an export."""

    format = forms.ChoiceField(
        label=_("Format"),
        choices=ExportFormat.choices,
        initial=ExportFormat.CONLL,
        widget=forms.RadioSelect,
    )
    splits = forms.MultipleChoiceField(
        label=_("Notes of"),
        choices=Split.choices,
        initial=list(Split.values),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one part.")},
    )
