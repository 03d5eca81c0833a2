"""IOB2 export can be read again and compared with what was written."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_engine.data.conll import (
    ConllDocument,
    DocumentLoss,
    parse_conll,
    read_conll,
    write_conll,
)
from ner_engine.data.jsonl import read_documents
from ner_engine.errors import BadInput
from ner_engine.tagging import SpanLoss, TokenIndex, decode_iob2, encode_iob2
from ner_engine.text.tokens import tokenize
from ner_engine.types import Document, Span, Token
from tests.ner_engine.strategies import LABELS, note_text

# Importing spaCy draws random numbers, which hypothesis forbids inside a strategy.
tokenize("l'a", "es")


def parsed(path: Path) -> list[ConllDocument]:
    found = list(parse_conll(path.read_text(encoding="utf-8"), path.stem))
    assert all(isinstance(item, ConllDocument) for item in found)
    return found


@st.composite
def documents_on_tokens(draw):
    """A document with legal spans on the tokens of its text."""
    text = draw(note_text)
    tokens = tokenize(text, "es")
    tag = st.sampled_from(["O", *(f"{p}-{name}" for p in "BI" for name in LABELS)])
    tags = draw(st.lists(tag, min_size=len(tokens), max_size=len(tokens)))
    return Document("d", text, "es", decode_iob2(tokens, tags)), tokens


@given(st.lists(documents_on_tokens(), max_size=3))
def test_write_conll_then_parse_gives_the_same_spans(cases):
    cases = [
        (Document(f"n {index}", case[0].text, "es", case[0].spans), case[1])
        for index, case in enumerate(cases)
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "out.conll"
        assert write_conll(path, cases) == ()
        found = parsed(path)
        again = read_conll(path, language="es")
    assert [item.id for item in found] == [document.id for document, _ in cases]
    for item, (document, tokens) in zip(found, cases, strict=True):
        assert item.spans_over(tokens) == document.spans
        starts = [row.sentence_start for row in item.rows]
        assert starts == [token.sentence_start for token in tokens]
    assert again.problems == ()
    for rebuilt, (document, tokens) in zip(again.documents, cases, strict=True):
        surfaces = [document.text[t.start_char : t.end_char] for t in tokens]
        assert rebuilt.text.split() == surfaces
        assert len(rebuilt.spans) == len(document.spans)


def test_write_conll_reports_losses_and_keeps_the_form(tmp_path):
    text = "Dolor torácico. Toma 500mg"
    inner, outer, part = Span(0, 5, "F"), Span(0, 14, "F"), Span(22, 23, "D")
    document = Document("n1", text, "es", (inner, outer, part))
    path = tmp_path / "out.conll"
    losses = write_conll(path, [(document, tokenize(text, "es"))])
    assert losses == (
        DocumentLoss("n1", SpanLoss(inner, "overlap")),
        DocumentLoss("n1", SpanLoss(part, "misaligned")),
    )
    assert path.read_text() == (
        "# id = n1\nDolor\tB-F\ntorácico\tI-F\n.\tO\n\nToma\tO\n500\tB-D\nmg\tO\n\n"
    )


def test_write_conll_one_label_writes_a_column_of_it(tmp_path):
    document = Document("n1", "a b", "es", (Span(0, 3, "X"), Span(0, 1, "Y")))
    path = tmp_path / "out.conll"
    assert write_conll(path, [(document, tokenize("a b", "es"))], label="Y") == ()
    assert path.read_text() == "# id = n1\na\tB-Y\nb\tO\n\n"


def test_read_conll_without_document_marks_gives_a_document_a_sentence(tmp_path):
    path = tmp_path / "mini.tsv"
    path.write_text("A\tB-X\nb\tI-X\n\n\nc\tO\n")
    documents, problems = read_conll(path, language="en")
    assert problems == ()
    assert documents == (
        Document("mini-1", "A b", "en", (Span(0, 3, "X"),)),
        Document("mini-2", "c", "en", ()),
    )


def test_read_conll_docstart_and_features_before_the_tag(tmp_path):
    path = tmp_path / "mini.conll"
    path.write_text(
        "-DOCSTART- -X- -X- O\n\nEU NNP B-NP B-ORG\nis VB B-VP O\n\nok JJ B-NP O\n"
        "-DOCSTART- -X- -X- O\n\nx NN B-NP I-LOC\n"
    )
    documents, problems = read_conll(path, language="en")
    assert problems == ()
    assert [(d.id, d.text, d.spans) for d in documents] == [
        ("mini-1", "EU is\nok", (Span(0, 2, "ORG"),)),
        ("mini-2", "x", (Span(0, 1, "LOC"),)),
    ]


def test_read_conll_layers_of_tags_overlap(tmp_path):
    path = tmp_path / "nested.conll"
    path.write_text("a B-F B-B\nb I-F\nc I-F B-P\nd O\n")
    (document,) = read_conll(path, language="es").documents
    assert document.spans == (Span(0, 1, "B"), Span(0, 5, "F"), Span(4, 5, "P"))


def test_read_conll_bad_line_costs_its_document_only(tmp_path):
    path = tmp_path / "mini.conll"
    path.write_text(
        "# id = a\nx\tO\n\n# id = b\ny\n\n# id = c\nz\tQ-X\n\n# id = a\nw\tO\n"
        "\n# id = e\n"
    )
    documents, problems = read_conll(path, language="es")
    assert [document.id for document in documents] == ["a"]
    assert [(problem.line, problem.reason) for problem in problems] == [
        (5, "document b: a line holds a token without a tag"),
        (8, "document c: a tag is neither O nor B, E, I, L, S, U and a label"),
        (11, "document id a comes twice, first on line 2"),
    ]


def test_read_conll_text_that_is_refused_costs_its_document(tmp_path):
    path = tmp_path / "mini.conll"
    path.write_text("# id = a\nx\0y\tO\n\n# id = b\nz\tO\n")
    documents, problems = read_conll(path, language="es")
    assert [document.id for document in documents] == ["b"]
    assert [str(problem) for problem in problems] == [
        f"{path}:2: the text holds a NUL character at 1"
    ]


def test_read_conll_file_of_another_encoding_names_it(tmp_path):
    path = tmp_path / "mini.conll"
    path.write_bytes("día\tO\n".encode("cp1252"))
    with pytest.raises(BadInput, match=r"mini\.conll: not utf-8 at byte 1"):
        read_conll(path, language="es")


def test_spans_over_other_tokens_is_refused(tmp_path):
    path = tmp_path / "mini.conll"
    path.write_text("a\tB-X\nb\tO\n")
    (item,) = parsed(path)
    with pytest.raises(ValueError, match="2 tags for 1 tokens"):
        item.spans_over([Token(0, 1)])


@pytest.mark.corpora
@pytest.mark.parametrize("name", ["clinical-cases-sp.es", "e3c.fr", "quaero-emea.fr"])
def test_write_conll_real_corpus_loses_only_what_it_reports(tmp_path, name):
    folder = os.environ.get("GLOSA_CORPORA")
    if not folder:
        pytest.skip("GLOSA_CORPORA is not set")
    documents = list(read_documents(Path(folder) / f"{name}.jsonl"))
    cases = [(d, tokenize(d.text, d.language)) for d in documents]
    path = tmp_path / "out.conll"
    losses = write_conll(path, cases)
    for item, (document, tokens) in zip(parsed(path), cases, strict=True):
        lost = {loss.loss.span for loss in losses if loss.document_id == document.id}
        kept = set(document.spans) - lost
        assert kept <= set(item.spans_over(tokens))
        assert encode_iob2(tokens, sorted(kept)).losses == ()
        index = TokenIndex(tokens)
        assert all(index.is_aligned(s.start_char, s.end_char) for s in kept)
