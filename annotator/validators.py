"""Checks of single values, shared by models, forms and serializers. A leaf module."""

from __future__ import annotations

import re

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

# What an id or a number column of any database holds.
MAX_NUMBER = 2**63 - 1
_MAX_DIGITS = len(str(MAX_NUMBER))
_SURROGATE = re.compile("[\ud800-\udfff]")
LABEL_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,39}")


def validate_label_name(value: str) -> None:
    """Allow upper-case ASCII names: they stand in IOB tags and file columns."""
    if not LABEL_NAME.fullmatch(value):
        raise ValidationError(
            _("Use capital letters, digits and underscores, starting with a letter."),
            code="label_name",
        )


def validate_hotkey(value: str) -> None:
    """Allow the digits 1 to 9: letters are the workbench's own keys."""
    if value and value not in "123456789":
        raise ValidationError(_("Use one digit from 1 to 9."), code="hotkey")


def whole_number(text: str) -> int | None:
    """Return a number from 0 to MAX_NUMBER written in ASCII digits, else None.

    ``str.isdigit`` is true of "²", and Python refuses to read thousands of digits.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS):
        return None
    number = int(text)
    return number if number <= MAX_NUMBER else None


def refuse_surrogates(value: str) -> None:
    """Refuse halves of UTF-16 pairs: JSON can spell them, no database stores them."""
    if _SURROGATE.search(value):
        raise ValidationError(_("Enter a valid value."), code="surrogate")
