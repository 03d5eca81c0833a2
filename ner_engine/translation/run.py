"""Translates documents: cuts, asks cache and backend, joins, brings spans along."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

from ner_engine.errors import BadInput, NerEngineError
from ner_engine.text.tokens import primary_language
from ner_engine.translation.backends import TextRefused, Translator
from ner_engine.translation.cache import TranslationCache, cache_key
from ner_engine.translation.glossary import (
    Glossary,
    GlossaryTermLost,
    Prepared,
    shield,
    unshield,
)
from ner_engine.translation.marks import mark, read_marks
from ner_engine.translation.segments import cut, join, move_turns
from ner_engine.translation.types import Translation
from ner_engine.types import Document, Span

When = Literal["before", "after"]
# What a run counts; see `TranslationRun`.
COUNTS = (
    "documents",
    "segments",
    "characters",
    "cached",
    "sent_characters",
    "spans",
    "spans_carried",
    "marks_lost",
    "marks_torn",
    "spans_crossing",
    "spans_cut",
    "spans_unmarked",
    "empty",
    "refused",
    "glossary_applied",
    "glossary_skipped",
    "glossary_lost",
)
# Documents are taken until they fill this many batches, then translated together.
_WINDOW_BATCHES = 4


class BudgetSpent(NerEngineError):
    """More characters would be sent than was allowed; what was translated is kept."""


class Refused(NamedTuple):
    """A document that the backend would not translate, and why."""

    document_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a translation would take.

    ``characters`` are code points of the source; ``characters_to_send`` those of the
    pieces that are not in the cache, with marks, each piece once; the price is the
    backend's list price in USD without any free allowance.
    """

    documents: int
    segments: int
    characters: int
    segments_cached: int
    characters_to_send: int
    price_usd: float


class _Piece(NamedTuple):
    """A range of a document, and the text that stands for it before the backend."""

    text: str
    spans: tuple[Span, ...]
    sent: str | None  # None: nothing to translate
    carried: tuple[Span, ...]
    prepared: Prepared | None


class _Work(NamedTuple):
    document: Document
    ranges: list[tuple[int, int]]
    pieces: list[_Piece]


@dataclass
class TranslationRun:
    """One pass over documents with one translator.

    Parameters
    ----------
    translator : Translator
    cache : TranslationCache, optional
        What it holds is not translated again; each batch is added as it comes, so a
        run that is broken off goes on where it was when it is started again.
    glossary : Glossary, optional
        Of the translator's direction.
    when : {"before", "after"}
        When the glossary is applied.
    max_characters : int, optional
        Most code points to send.
    progress : callable, optional
        Called with the counts after each batch.

    Attributes
    ----------
    counts : Counter of str
        documents, segments, characters; cached and sent_characters; of a backend that
        carries marks: spans = spans_carried + marks_lost + spans_crossing + spans_cut
        (crossing others or edges of pieces), and marks_torn among the carried;
        spans_unmarked of other backends; empty (texts that came back empty), and
        glossary_applied, glossary_skipped, glossary_lost.
    refused : list of Refused
        Documents that are missing in the result.
    """

    translator: Translator
    cache: TranslationCache | None = None
    glossary: Glossary | None = None
    when: When = "before"
    max_characters: int | None = None
    progress: Callable[[Counter[str]], None] | None = None
    counts: Counter[str] = field(
        default_factory=lambda: Counter(dict.fromkeys(COUNTS, 0))
    )
    refused: list[Refused] = field(default_factory=list)

    def translate(self, documents: Iterable[Document]) -> Iterator[Translation]:
        """Translate documents of the translator's source language, in order.

        Raises
        ------
        BadInput
            For a document in another language.
        BudgetSpent
            Before more than `max_characters` would have been sent.
        NerEngineError
            What the backend or the cache raise.
        """
        for window in self._windows(documents):
            yield from self._translate_window(window)

    def estimate(self, documents: Iterable[Document]) -> Estimate:
        """Say what `translate` would send and cost; nothing is sent."""
        n_documents = n_segments = n_characters = n_cached = 0
        sent: dict[bytes, int] = {}
        for window in self._windows(documents):
            texts = [p.sent for w in window for p in w.pieces if p.sent is not None]
            keys = {self._key(t): t for t in (*texts, *self._terms_alone(window))}
            known = self._known(list(keys))
            n_cached += sum(self._key(text) in known for text in texts)
            sent.update((k, len(t)) for k, t in keys.items() if k not in known)
            n_documents += len(window)
            n_segments += sum(len(work.pieces) for work in window)
            n_characters += sum(len(work.document.text) for work in window)
        to_send = sum(sent.values())
        price = to_send * self.translator.traits.price_per_million / 1e6
        return Estimate(n_documents, n_segments, n_characters, n_cached, to_send, price)

    def _windows(self, documents: Iterable[Document]) -> Iterator[list[_Work]]:
        size = self.translator.traits.batch_chars * _WINDOW_BATCHES
        window: list[_Work] = []
        n_chars = 0
        for document in documents:
            window.append(self._prepare(document))
            n_chars += len(document.text)
            if n_chars >= size:
                yield window
                window, n_chars = [], 0
        if window:
            yield window

    def _prepare(self, document: Document) -> _Work:
        traits = self.translator.traits
        if primary_language(document.language) != primary_language(traits.source):
            raise BadInput(
                f"document {document.id} is in {document.language}, not {traits.source}"
            )
        ranges = cut(document, unit=traits.unit, max_chars=traits.max_chars)
        pieces = [self._piece(document, start, end) for start, end in ranges]
        return _Work(document, ranges, pieces)

    def _piece(self, document: Document, start: int, end: int) -> _Piece:
        text = document.text[start:end]
        spans = tuple(
            replace(
                span, start_char=span.start_char - start, end_char=span.end_char - start
            )
            for span in document.spans or ()
            if start <= span.start_char and span.end_char <= end
        )
        # Numbers and dashes are the same in all our languages.
        if not any(char.isalpha() for char in text):
            return _Piece(text, spans, None, spans, None)
        return self._with_glossary(text, spans) or self._plain(text, spans)

    def _plain(self, text: str, spans: tuple[Span, ...]) -> _Piece:
        if not self.translator.traits.takes_html:
            return _Piece(text, spans, text, (), None)
        sent, carried = mark(text, spans)
        return _Piece(text, spans, sent, carried, None)

    def _with_glossary(self, text: str, spans: tuple[Span, ...]) -> _Piece | None:
        if self.glossary is None or self.when != "before":
            return None
        prepared = self.glossary.prepare(text, spans)
        if not prepared.targets:
            return None
        traits = self.translator.traits
        if traits.takes_html:
            sent, carried = mark(prepared.text, prepared.spans)
        else:
            sent, carried = prepared.text, ()
        sent = shield(sent, prepared.targets, traits.shield, is_html=traits.takes_html)
        return _Piece(text, spans, sent, carried, prepared)

    def _translate_window(self, window: Sequence[_Work]) -> Iterator[Translation]:
        wanted = [p.sent for w in window for p in w.pieces if p.sent is not None]
        answers, refused = self._answer([*wanted, *self._terms_alone(window)])
        window = self._without_lost_terms(window, answers, refused)
        alone = {
            term: [answers[sent]]
            for term, sent in self._alone_by_term(window).items()
            if sent in answers
        }
        for work in window:
            reasons = [refused[p.sent] for p in work.pieces if p.sent in refused]
            if reasons:
                self.counts["refused"] += 1
                self.refused.append(Refused(work.document.id, reasons[0]))
            else:
                yield self._finish(work, answers, alone)

    def _without_lost_terms(
        self,
        window: Sequence[_Work],
        answers: dict[str, str],
        refused: dict[str, str],
    ) -> list[_Work]:
        """Ask again, without the glossary, for what lost a stand-in; add answers."""
        is_html = self.translator.traits.takes_html
        works = []
        for work in window:
            pieces = []
            for piece in work.pieces:
                if piece.prepared is not None and piece.sent in answers:
                    try:
                        self._unshielded(piece, answers[piece.sent], is_html)
                    except GlossaryTermLost:
                        self.counts["glossary_lost"] += len(piece.prepared.targets)
                        piece = self._plain(piece.text, piece.spans)
                pieces.append(piece)
            works.append(_Work(work.document, work.ranges, pieces))
        missing = [
            piece.sent
            for work in works
            for piece in work.pieces
            if piece.sent is not None
            and piece.sent not in answers
            and piece.sent not in refused
        ]
        more, more_refused = self._answer(missing)
        answers.update(more)
        refused.update(more_refused)
        return works

    def _finish(
        self, work: _Work, answers: dict[str, str], alone: dict[str, list[str]]
    ) -> Translation:
        traits = self.translator.traits
        document = work.document
        texts: list[str] = []
        spans: list[tuple[Span, ...]] = []
        for piece in work.pieces:
            text, found = self._piece_back(piece, answers, alone)
            texts.append(text)
            spans.append(found)
        target_text, segments = join(document.text, work.ranges, texts)
        carried = [
            replace(
                span,
                start_char=span.start_char + segment[2],
                end_char=span.end_char + segment[2],
            )
            for found, segment in zip(spans, segments, strict=True)
            for span in found
        ]
        self.counts["documents"] += 1
        self.counts["segments"] += len(work.pieces)
        self.counts["characters"] += len(document.text)
        self._count_spans(work)
        is_marked = traits.takes_html and document.spans is not None
        return Translation(
            source=document,
            target_text=target_text,
            target_language=traits.target,
            carried=tuple(sorted(carried)) if is_marked else None,
            segments=segments,
            turns=move_turns(document.turns, segments),
        )

    def _piece_back(
        self, piece: _Piece, answers: dict[str, str], alone: dict[str, list[str]]
    ) -> tuple[str, tuple[Span, ...]]:
        """Return a piece's translation and its spans in it."""
        is_html = self.translator.traits.takes_html
        if piece.sent is None:
            self.counts["spans_carried"] += len(piece.spans) if is_html else 0
            return piece.text, piece.spans
        answer = self._unshielded(piece, answers[piece.sent], is_html)
        if piece.prepared is not None:
            self.counts["glossary_applied"] += len(piece.prepared.targets)
            self.counts["glossary_skipped"] += piece.prepared.n_skipped
        if is_html:
            traits = self.translator.traits
            found = read_marks(
                answer,
                piece.carried,
                traits.target,
                source=piece.text if piece.prepared is None else piece.prepared.text,
                source_language=traits.source,
            )
            text, spans = found.text, found.spans
            self.counts["spans_carried"] += found.carried
            self.counts["marks_lost"] += found.lost
            self.counts["marks_torn"] += found.torn
        else:
            text, spans = answer, ()
        if self.glossary is not None and self.when == "after":
            text, spans, counts = self.glossary.correct(piece.text, text, spans, alone)
            self.counts.update(counts)
        if not text.strip():
            self.counts["empty"] += 1
        n_leading = len(text) - len(text.lstrip())
        moved = (
            replace(
                span,
                start_char=span.start_char - n_leading,
                end_char=span.end_char - n_leading,
            )
            for span in spans
        )
        return text.strip(), tuple(moved)

    def _count_spans(self, work: _Work) -> None:
        spans = work.document.spans or ()
        self.counts["spans"] += len(spans)
        if not self.translator.traits.takes_html:
            self.counts["spans_unmarked"] += len(spans)
            return
        in_pieces = sum(len(piece.spans) for piece in work.pieces)
        travelled = sum(len(piece.carried) for piece in work.pieces)
        self.counts["spans_cut"] += len(spans) - in_pieces
        self.counts["spans_crossing"] += in_pieces - travelled

    def _unshielded(self, piece: _Piece, answer: str, is_html: bool) -> str:
        if piece.prepared is None or self.translator.traits.shield != "word":
            return answer
        return unshield(answer, piece.prepared.targets, is_html=is_html)

    def _alone_by_term(self, window: Sequence[_Work]) -> dict[str, str]:
        """Return the terms whose wrong translation the file does not name, as sent."""
        if self.glossary is None or self.when != "after":
            return {}
        return {
            hit.term.source: self._plain(hit.term.source, ()).sent or ""
            for work in window
            for piece in work.pieces
            if piece.sent is not None
            for hit in self.glossary.find(piece.text)
            if not hit.term.wrong
        }

    def _terms_alone(self, window: Sequence[_Work]) -> list[str]:
        return list(self._alone_by_term(window).values())

    def _key(self, text: str) -> bytes:
        return cache_key(self.translator.traits, text)

    def _known(self, keys: Sequence[bytes]) -> dict[bytes, str]:
        return {} if self.cache is None else self.cache.get(keys)

    def _answer(self, texts: Sequence[str]) -> tuple[dict[str, str], dict[str, str]]:
        """Return translations and refusals by text; each text is asked for once."""
        by_key = {self._key(text): text for text in texts}
        known = self._known(list(by_key))
        answers = {by_key[key]: answer for key, answer in known.items()}
        self.counts["cached"] += sum(text in answers for text in texts)
        refused: dict[str, str] = {}
        for batch in self._batches([t for t in by_key.values() if t not in answers]):
            self._spend(batch)
            new = self._send(batch, refused)
            if self.cache is not None:
                # What came back empty is asked for again another time.
                full = {self._key(t): a for t, a in new.items() if a.strip()}
                self.cache.put(full)
            answers.update(new)
            if self.progress is not None:
                self.progress(self.counts)
        return answers, refused

    def _batches(self, texts: Sequence[str]) -> Iterator[list[str]]:
        traits = self.translator.traits
        batch: list[str] = []
        n_chars = 0
        for text in texts:
            is_full = len(batch) >= traits.batch_texts
            if batch and (is_full or n_chars + len(text) > traits.batch_chars):
                yield batch
                batch, n_chars = [], 0
            batch.append(text)
            n_chars += len(text)
        if batch:
            yield batch

    def _spend(self, batch: Sequence[str]) -> None:
        n_chars = sum(map(len, batch))
        spent = self.counts["sent_characters"]
        if self.max_characters is not None and spent + n_chars > self.max_characters:
            raise BudgetSpent(
                f"{spent} of at most {self.max_characters} characters were sent and the"
                f" next batch has {n_chars}; run again with more to go on from here"
            )
        self.counts["sent_characters"] += n_chars

    def _send(self, batch: list[str], refused: dict[str, str]) -> dict[str, str]:
        """Translate a batch; one that holds a refused text is divided to find it."""
        try:
            answers = self.translator.translate(batch)
        except TextRefused as error:
            if len(batch) == 1:
                refused[batch[0]] = str(error)
                return {}
            middle = len(batch) // 2
            return {
                **self._send(batch[:middle], refused),
                **self._send(batch[middle:], refused),
            }
        if len(answers) != len(batch):
            raise NerEngineError(
                f"{self.translator.traits.name} gave back {len(answers)} texts"
                f" for {len(batch)}"
            )
        return dict(zip(batch, answers, strict=True))
