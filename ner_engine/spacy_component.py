"""A bundle as a spaCy component: ``nlp.add_pipe("glosa_ner", config={"bundle": …})``.

Once the package is installed, spaCy finds the factory by its entry point; in a checkout
``import ner_engine.spacy_component`` registers it. The bundle reads the text with its
own tokens: spans are laid on spaCy's, widened to whole tokens where the two differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc, SpanGroup
from spacy.util import filter_spans

from ner_engine.inference import Predictor
from ner_engine.types import Document

FACTORY = "glosa_ner"


class GlosaNer:
    """Marks spans in spaCy documents.

    All spans, overlapping ones too, go into ``doc.spans[spans_key]``, their confidences
    into the group's ``attrs["scores"]`` as spaCy's own span categoriser has it. The
    longest of those that overlap go into ``doc.ents``, beside what was there.

    Parameters
    ----------
    bundle : Path or str
    language : str
        ISO code that the calibration is chosen by.
    spans_key : str
    threads : int, optional
        Of the numerical library.
    """

    def __init__(
        self,
        bundle: Path | str,
        *,
        language: str,
        spans_key: str = "glosa",
        threads: int | None = None,
    ) -> None:
        self._predictor = Predictor.load(bundle, threads=threads)
        self._language = language
        self._spans_key = spans_key

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the labels."""
        return self._predictor.labels

    def __call__(self, doc: Doc) -> Doc:
        """Mark one document."""
        return next(self.pipe([doc]))

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        """Mark documents, *batch_size* at a time."""
        docs = iter(stream)
        while chunk := list(islice(docs, batch_size)):
            rows = [
                Document(str(index), doc.text, self._language)
                for index, doc in enumerate(chunk)
            ]
            answers = self._predictor.predict(rows)
            for doc, answer in zip(chunk, answers, strict=True):
                yield self._mark(doc, answer)

    def _mark(self, doc: Doc, answer: Document) -> Doc:
        found: dict[Any, float] = {}
        for span in answer.spans or ():
            laid = doc.char_span(
                span.start_char, span.end_char, span.label, alignment_mode="expand"
            )
            if laid is not None:
                # two spans may widen to one
                confidence = span.confidence or 0.0
                found[laid] = max(confidence, found.get(laid, 0.0))
        group = SpanGroup(doc, name=self._spans_key, spans=list(found))
        group.attrs["scores"] = list(found.values())
        doc.spans[self._spans_key] = group
        taken = {token.i for entity in doc.ents for token in entity}
        free = [span for span in found if taken.isdisjoint(token.i for token in span)]
        doc.set_ents([*doc.ents, *filter_spans(free)])
        return doc

    def to_disk(self, path: Path | str, *, exclude: Iterable[str] = ()) -> None:
        """Write nothing: the pipeline's configuration names the bundle."""

    def from_disk(self, path: Path | str, *, exclude: Iterable[str] = ()) -> GlosaNer:
        """Read nothing; the bundle was loaded from where the configuration says."""
        return self


@Language.factory(  # type: ignore[untyped-decorator] # spaCy is untyped here
    FACTORY,
    assigns=["doc.ents", "doc.spans"],
    default_config={"language": None, "spans_key": "glosa", "threads": None},
)
def make_glosa_ner(
    nlp: Language,
    name: str,
    bundle: str,
    language: str | None,
    spans_key: str,
    threads: int | None,
) -> GlosaNer:
    """Make the component; without *language* the pipeline's own is taken."""
    return GlosaNer(
        bundle, language=language or nlp.lang, spans_key=spans_key, threads=threads
    )
