"""Which spans are legal, and what is said of the others."""

from __future__ import annotations

import pytest

from ner_engine.errors import SpanOutOfRange
from ner_engine.offsets import check_spans
from ner_engine.types import Span


def test_check_spans_inside_the_text_pass():
    check_spans("abc", [Span(0, 3, "X"), Span(1, 2, "Y"), Span(0, 3, "X")])


@pytest.mark.parametrize("ends", [(-1, 2), (2, 2), (3, 1), (0, 4)])
def test_check_spans_illegal_range_names_document_and_bounds(ends):
    with pytest.raises(SpanOutOfRange) as caught:
        check_spans("abc", [Span(*ends, "X")], document_id="n7")
    assert str(caught.value) == (
        f"document n7: span [{ends[0]}, {ends[1]}) outside a text of 3 characters"
    )
