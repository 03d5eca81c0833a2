"""Values as they come from requests and file names."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from annotator.validators import MAX_NUMBER, refuse_surrogates, whole_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("007", 7),
        (str(MAX_NUMBER), MAX_NUMBER),
        (str(MAX_NUMBER + 1), None),
        ("9" * 5_000, None),
        ("", None),
        ("-1", None),
        ("1_0", None),
        (" 1", None),
        ("²", None),
        ("٣", None),
    ],
)
def test_whole_number_reads_ascii_digits_that_a_column_holds(text, number):
    assert whole_number(text) == number


def test_refuse_surrogates_lets_whole_characters_pass():
    refuse_surrogates("a😀ñ\ue000")
    for text in ("\ud800", "a\udfff"):
        with pytest.raises(ValidationError):
            refuse_surrogates(text)
