"""CoNLL form: ``token TAB tag``, a blank line between sentences.

Tags are read in any scheme of `ner_engine.data.schemes` and written in the one named,
IOB2 unless told otherwise. A comment ``# id = ...`` opens each document. The form keeps
tokens and tags only: white space, overlapping spans and confidences are lost, and the
writer says which spans were. Standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ner_engine.data.checks import check_id, check_text, read_bytes
from ner_engine.data.problems import Outcome, ReadResult, collect, refuse_repeats
from ner_engine.data.schemes import (
    Scheme,
    begins_entity,
    from_iob2,
    split_prefix,
)
from ner_engine.data.text_files import decode_text
from ner_engine.errors import BadInput
from ner_engine.tagging import (
    OUTSIDE,
    OverlapPolicy,
    SpanLoss,
    decode_iob2,
    encode_iob2,
    split_tag,
)
from ner_engine.types import Document, Span, Token

_ID_COMMENT = re.compile(r"#\s+(?:newdoc\s+)?id\s*=\s*(.*\S)")
_DOCUMENT_MARK = "-DOCSTART-"


@dataclass(frozen=True, slots=True)
class DocumentLoss:
    """What the export of one document could not hold of a span."""

    document_id: str
    loss: SpanLoss


@dataclass(frozen=True, slots=True)
class ConllRow:
    """A token with its IOB2 tags: one, or several where layers stand side by side."""

    token: str
    tags: tuple[str, ...]
    sentence_start: bool


@dataclass(frozen=True, slots=True)
class ConllDocument:
    """The rows of one document, and the line of the file where they begin."""

    id: str
    line: int
    rows: tuple[ConllRow, ...]

    def spans_over(self, tokens: Sequence[Token]) -> tuple[Span, ...]:
        """Lay the tags on tokens, one a row: the original ones or rebuilt ones.

        Every label is read by itself, so that layers may overlap.

        Raises
        ------
        ValueError
            When there are not as many tokens as rows.
        """
        labels = {split_tag(tag)[1] for row in self.rows for tag in row.tags}
        spans: list[Span] = []
        for label in labels - {None}:
            column = [_tag_of(row, label) for row in self.rows]
            spans.extend(decode_iob2(tokens, column))
        return tuple(sorted(spans))

    def to_document(self, *, language: str) -> Document:
        """Rebuild a document: a blank between tokens, a line a sentence."""
        text = ""
        tokens: list[Token] = []
        for row in self.rows:
            if text:
                text += "\n" if row.sentence_start else " "
            tokens.append(Token(len(text), len(text) + len(row.token)))
            text += row.token
        return Document(
            id=check_id(self.id),
            text=check_text(text),
            language=language,
            spans=self.spans_over(tokens),
        )


def write_conll(
    path: Path,
    documents: Iterable[tuple[Document, Sequence[Token]]],
    *,
    label: str | None = None,
    policy: OverlapPolicy = "longest",
    scheme: Scheme = "iob2",
) -> tuple[DocumentLoss, ...]:
    """Write documents over their tokens and return what was lost.

    Parameters are those of `conll_text`.
    """
    text, losses = conll_text(documents, label=label, policy=policy, scheme=scheme)
    path.write_text(text, encoding="utf-8", newline="\n")
    return losses


def conll_text(
    documents: Iterable[tuple[Document, Sequence[Token]]],
    *,
    label: str | None = None,
    policy: OverlapPolicy = "longest",
    scheme: Scheme = "iob2",
) -> tuple[str, tuple[DocumentLoss, ...]]:
    """Return documents over their tokens, and what was lost.

    Parameters
    ----------
    documents : iterable of (Document, sequence of Token)
        A document that was never annotated is written as all outside.
    label, policy
        As `ner_engine.tagging.encode_iob2` takes them.
    scheme : str
        In any but IOB2 a sentence ends an entity, so that no blank line is written
        inside one.
    """
    losses: list[DocumentLoss] = []
    blocks: list[str] = []
    for document, tokens in documents:
        encoded = encode_iob2(tokens, document.spans or (), label=label, policy=policy)
        losses.extend(DocumentLoss(document.id, loss) for loss in encoded.losses)
        blocks.append(_block_text(document, tokens, encoded.tags, scheme))
    return "".join(blocks), tuple(losses)


def _block_text(
    document: Document,
    tokens: Sequence[Token],
    iob2_tags: Sequence[str],
    scheme: Scheme,
) -> str:
    tags = iob2_tags if scheme == "iob2" else from_iob2(iob2_tags, scheme)
    lines = [f"# id = {check_id(document.id)}\n"]
    for index, token in enumerate(tokens):
        is_inside = scheme != "iob2" and iob2_tags[index].startswith("I-")
        if token.sentence_start and index > 0 and not is_inside:
            lines.append("\n")
        surface = document.text[token.start_char : token.end_char]
        lines.append(f"{surface}\t{tags[index]}\n")
    lines.append("\n")
    return "".join(lines)


def read_conll(
    path: Path, *, language: str, scheme: Scheme | None = None
) -> ReadResult:
    """Read a file whole; documents are rebuilt from their tokens.

    A file that marks no documents (neither ``# id =`` nor ``-DOCSTART-``) gives one
    document a sentence, named by stem and number. With *scheme* a tag that is none of
    its own is an error; without it every scheme is read.

    Raises
    ------
    BadInput
        When the file cannot be read or is not UTF-8.
    """
    data = read_bytes(path)
    try:
        outcomes = conll_outcomes(data, path.stem, language=language, scheme=scheme)
    except BadInput as error:
        raise BadInput(error.reason, path=path) from error
    return collect(outcomes, str(path))


def conll_outcomes(
    data: bytes, stem: str, *, language: str, scheme: Scheme | None = None
) -> Iterator[Outcome]:
    """Read the documents of a file's bytes: a document or an error each.

    A line that is no token with tags costs its document, and is reported.
    """
    return refuse_repeats(_outcomes(decode_text(data), stem, language, scheme))


def parse_conll(
    text: str, stem: str, *, scheme: Scheme | None = None
) -> Iterator[ConllDocument | Outcome]:
    """Cut a file's text into documents; a bad line is an error instead of one."""
    lines = text.split("\n")
    is_marked = any(_is_mark(line) for line in lines)
    n_columns = _constant_columns(lines)
    form = _Form(n_columns, scheme, _ends_at_sentences(lines, n_columns))
    block: list[tuple[int, str]] = []
    name: str | None = None
    n_documents = 0
    for line, content in enumerate([*lines, None], start=1):
        if content is None or _is_mark(content) or not (is_marked or content.strip()):
            if any(row.strip() for _, row in block):
                n_documents += 1
                yield _block(name or f"{stem}-{n_documents}", block, form)
            block = []
            name = None if content is None else _name(content)
        else:
            block.append((line, content))


class _Form(NamedTuple):
    """How the rows of a file are to be read."""

    n_columns: int | None
    scheme: Scheme | None
    ends_at_sentences: bool


def _outcomes(
    text: str, stem: str, language: str, scheme: Scheme | None
) -> Iterator[Outcome]:
    for item in parse_conll(text, stem, scheme=scheme):
        if isinstance(item, Outcome):
            yield item
            continue
        try:
            yield Outcome(item.line, item.to_document(language=language))
        except BadInput as error:
            yield Outcome(item.line, error)


def _block(
    name: str, block: list[tuple[int, str]], form: _Form
) -> ConllDocument | Outcome:
    """Read the lines of one document."""
    rows: list[ConllRow] = []
    sentence_start = True
    before: dict[str, str] = {}  # prefix of each label on the row before
    for line, content in block:
        if not content.strip():
            sentence_start = True
            continue
        if sentence_start and form.ends_at_sentences:
            before = {}
        columns = content.split()
        try:
            parts = _tag_parts(columns, form)
        except ValueError as error:
            return Outcome(line, BadInput(f"document {name}: {error}"))
        tags = tuple(_iob2_tag(before, prefix, label) for prefix, label in parts)
        rows.append(ConllRow(columns[0], tags, sentence_start))
        before = {label: prefix for prefix, label in parts if label is not None}
        sentence_start = False
    return ConllDocument(name, block[0][0], tuple(rows))


def _iob2_tag(before: dict[str, str], prefix: str, label: str | None) -> str:
    """Rewrite a tag in IOB2; every label is read by itself, as layers may overlap."""
    if label is None:
        return OUTSIDE
    last_label = label if label in before else None
    begins = begins_entity(before.get(label, OUTSIDE), last_label, prefix, label)
    return f"{'B' if begins else 'I'}-{label}"


def _tag_parts(columns: list[str], form: _Form) -> list[tuple[str, str | None]]:
    """Return prefix and label of the tags of a row.

    Columns of a constant number are features, of which the last is the tag, as in
    CoNLL-2003; a number that varies means layers of tags behind the token.
    """
    if len(columns) < 2:
        raise ValueError("a line holds a token without a tag")
    tags = columns[-1:] if form.n_columns is not None else columns[1:]
    return [split_prefix(tag, form.scheme) for tag in tags]


def _ends_at_sentences(lines: list[str], n_columns: int | None) -> bool:
    """Tell whether a blank line ends an entity.

    It does in every scheme but IOB2, whose B tells two entities apart: our own exports
    carry an entity over a sentence end that was set wrongly. Another scheme shows in
    its letters, or in an I that continues nothing.
    """
    before: set[str] = set()
    for line in lines:
        if _is_mark(line):
            before = set()
        elif line.strip():
            now: set[str] = set()
            for tag in line.split()[1 if n_columns is None else -1 :]:
                prefix, _, label = tag.partition("-")
                if label and prefix in {"E", "L", "S", "U"}:
                    return True
                if label and prefix == "I" and label not in before:
                    return True
                now.add(label)
            before = now
    return False


def _constant_columns(lines: list[str]) -> int | None:
    """Return the number of columns when every row has as many, else None."""
    counts = {len(row.split()) for row in lines if row.strip() and not _is_mark(row)}
    return counts.pop() if len(counts) == 1 else None


def _is_mark(line: str) -> bool:
    # A token may be "#", but then a tab follows; no token holds a blank.
    return line.startswith(("# ", _DOCUMENT_MARK))


def _name(line: str) -> str | None:
    match = _ID_COMMENT.match(line)
    return None if match is None else match[1]


def _tag_of(row: ConllRow, label: str | None) -> str:
    """Return the row's tag of one label."""
    for tag in row.tags:
        if split_tag(tag)[1] == label:
            return tag
    return OUTSIDE
