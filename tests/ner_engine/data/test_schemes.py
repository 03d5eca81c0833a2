"""Tag schemes against seqeval's strict reading, and there and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval import scheme as seqeval_scheme

from ner_engine.data.conll import read_conll, write_conll
from ner_engine.data.schemes import SCHEMES, from_iob2, split_prefix, to_iob2
from ner_engine.text.tokens import tokenize
from ner_engine.types import Document, Span

THEIRS = {
    "iob1": seqeval_scheme.IOB1,
    "iob2": seqeval_scheme.IOB2,
    "ioe2": seqeval_scheme.IOE2,
    "iobes": seqeval_scheme.IOBES,
    "bilou": seqeval_scheme.BILOU,
}


@st.composite
def iob2_tags(draw):
    """Legal tags: entities of two labels with any gaps, neighbours included."""
    tags = []
    for _ in range(draw(st.integers(0, 6))):
        label = draw(st.sampled_from(["A", "B-C"]))
        n_inside = draw(st.integers(0, 2))
        tags += ["O"] * draw(st.integers(0, 1))
        tags += [f"B-{label}", *([f"I-{label}"] * n_inside)]
    return tags


def entities(tags):
    """Entities of IOB2 tags as (label, first, last + 1), read by hand."""
    found = []
    for index, tag in enumerate(tags):
        if tag.startswith("B-"):
            end = index + 1
            while end < len(tags) and tags[end] == f"I-{tag[2:]}":
                end += 1
            found.append((tag[2:], index, end))
    return found


@pytest.mark.parametrize("scheme", sorted(THEIRS))
@given(tags=iob2_tags())
def test_from_iob2_is_what_seqeval_reads_in_strict_mode(scheme, tags):
    written = from_iob2(tags, scheme)
    read = seqeval_scheme.Entities([written], THEIRS[scheme]).entities[0]
    assert [(e.tag, e.start, e.end) for e in read] == entities(tags)


@given(st.sampled_from(sorted(SCHEMES)), iob2_tags())
def test_to_iob2_reads_back_what_was_written(scheme, tags):
    written = from_iob2(tags, scheme)
    assert to_iob2(written, scheme=scheme) == tags
    assert to_iob2(written) == tags


def test_schemes_by_hand():
    tags = ["B-A", "I-A", "B-A", "O", "B-B", "B-A", "I-A", "I-A"]
    rows = {scheme: " ".join(from_iob2(tags, scheme)) for scheme in SCHEMES}
    assert rows == {
        "iob1": "I-A I-A B-A O I-B I-A I-A I-A",
        "iob2": "B-A I-A B-A O B-B B-A I-A I-A",
        "ioe2": "I-A E-A E-A O E-B I-A I-A E-A",
        "iobes": "B-A E-A S-A O S-B B-A I-A E-A",
        "bilou": "B-A L-A U-A O U-B B-A I-A L-A",
    }


@pytest.mark.parametrize("tag", ["", "B", "B-", "X-A", "b-A", "-A"])
def test_split_prefix_of_what_is_no_tag_is_refused(tag):
    with pytest.raises(ValueError, match="neither O nor"):
        split_prefix(tag)


@pytest.mark.parametrize("scheme", sorted(SCHEMES))
def test_conll_file_in_every_scheme_there_and_back(tmp_path, scheme):
    text = "Dolor torácico. Toma paracetamol paracetamol 1 g."
    spans = (
        Span(0, 20, "A"),  # over the end of a sentence
        Span(21, 32, "M"),
        Span(33, 44, "M"),  # neighbours of one label
        Span(45, 48, "D"),
    )
    document = Document("n1", text, "es", spans)
    path = tmp_path / "out.conll"
    tokens = tokenize(text, "es")
    assert write_conll(path, [(document, tokens)], scheme=scheme) == ()
    for named in (scheme, None):
        (found,) = read_conll(path, language="es", scheme=named).documents
        mentions = [s.mention(found.text).split() for s in found.spans]
        assert mentions == [s.mention(text).replace(".", " .").split() for s in spans]


def test_conll_sentence_ends_an_entity_of_iob1(tmp_path):
    path = tmp_path / "in.conll"
    path.write_text("# id = a\nx\tI-A\n\ny\tI-A\n")
    (found,) = read_conll(path, language="es").documents
    assert found.spans == (Span(0, 1, "A"), Span(2, 3, "A"))


def test_conll_tag_of_another_scheme_names_the_line(tmp_path):
    path = tmp_path / "in.conll"
    path.write_text("# id = a\nx\tB-A\ny\tL-A\n")
    (problem,) = read_conll(path, language="es", scheme="iob2").problems
    assert (
        str(problem) == f"{path}:3: document a: a tag is neither O nor B, I and a label"
    )
