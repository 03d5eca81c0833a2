"""Term lists from files and from what was annotated."""

from __future__ import annotations

import pytest

from ner_engine.errors import BadInput
from ner_engine.suggesters.terms import Term, grow_terms, read_terms
from ner_engine.types import Document, Span


def write(tmp_path, text, name="terms.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_plain_list_is_of_one_label(tmp_path):
    path = write(tmp_path, "# drugs\nomeprazol\n\n ácido fólico \nomeprazol\n")

    assert read_terms(path, label="MEDICATION") == (
        Term("MEDICATION", "omeprazol"),
        Term("MEDICATION", "ácido fólico"),
    )


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_names_its_labels(tmp_path, delimiter):
    rows = [("Term", "Label"), ("fiebre", "FINDING"), ("1 g", "DOSAGE")]
    path = write(tmp_path, "\n".join(delimiter.join(row) for row in rows))

    assert read_terms(path) == (Term("FINDING", "fiebre"), Term("DOSAGE", "1 g"))


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("name,label\na,B\n", 1, "columns"),
        ("term,label\nfiebre,\n", 2, "without term or label"),
        (f"term,label\nx,A\n{'y' * 300},A\n", 3, "300 characters"),
    ],
)
def test_a_bad_row_is_refused_with_its_line(tmp_path, text, line, reason):
    with pytest.raises(BadInput, match=reason) as caught:
        read_terms(write(tmp_path, text))

    assert caught.value.line == line


def test_what_is_not_utf_8_is_refused(tmp_path):
    path = tmp_path / "terms.txt"
    path.write_bytes("fièvre".encode("latin-1"))

    with pytest.raises(BadInput, match="UTF-8"):
        read_terms(path, label="A")


def note(text, *mentions):
    spans = []
    for mention, label in mentions:
        start = text.index(mention)
        spans.append(Span(start, start + len(mention), label))
    return Document(f"n{hash(text)}", text, "es", tuple(spans))


def test_terms_grow_from_mentions_whatever_their_form():
    documents = [
        note("Dolor torácico intenso.", ("Dolor torácico", "FINDING")),
        note("Refiere dolores torácicos.", ("dolores torácicos", "FINDING")),
        note("Toma omeprazol.", ("omeprazol", "MEDICATION")),
    ]

    # Once is not enough for omeprazol.
    assert [term.label for term in grow_terms(documents)] == ["FINDING"]
    assert len(grow_terms(documents, min_count=1)) == 2


def test_a_word_that_is_seldom_annotated_is_no_term():
    documents = [
        note("Fiebre alta.", ("alta", "FINDING")),
        note("Tos alta.", ("alta", "FINDING")),
        note("Se da de alta. Alta médica y alta voluntaria."),
        note("Recibe el alta.", ("Recibe", "OTHER")),
    ]

    assert Term("FINDING", "alta") not in grow_terms(documents, min_share=0.8)
    assert Term("FINDING", "alta") in grow_terms(documents, min_share=0.5)


def test_numbers_alone_are_no_terms():
    documents = [note("Da 500.", ("500", "DOSAGE")), note("Y 500.", ("500", "DOSAGE"))]

    assert grow_terms(documents) == ()
