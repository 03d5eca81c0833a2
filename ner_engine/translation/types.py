"""What a translation is, whoever made it. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ner_engine.types import Document, Span


@dataclass(frozen=True, slots=True)
class Translation:
    """A document in another language, with what is known of how the two match.

    Parameters
    ----------
    source : Document
        The original, untouched.
    target_text : str
        The translation, exactly as the backend gave it.
    target_language : str
        ISO 639-1 code of `target_text`.
    carried : tuple of Span, optional
        The source's spans in `target_text`, where the backend carried their marks;
        spans whose mark it lost are missing. None when it carries no marks at all, or
        when the source has no spans (was never annotated).
    segments : tuple of (int, int, int, int)
        (source start, source end, target start, target end) of the pieces that were
        translated one by one, in order, as half-open code points of ``source.text``
        and `target_text`. What lies between segments is white space, and is the same
        in both texts.
    """

    source: Document
    target_text: str
    target_language: str
    carried: tuple[Span, ...] | None = None
    segments: tuple[tuple[int, int, int, int], ...] = ()

    def document(self) -> Document:
        """Return the translation as a document of its own, with the carried spans.

        Id, split, group, metadata and what the spans are exhaustive for stay; turns do
        not, since they are offsets into the original.
        """
        return replace(
            self.source,
            text=self.target_text,
            language=self.target_language,
            spans=self.carried,
            turns=(),
            place=None,
        )
