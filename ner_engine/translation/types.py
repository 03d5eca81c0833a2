"""What a translation is, whoever made it. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ner_engine.errors import BadInput
from ner_engine.types import Document, Span, Turn

# Key of a translated document's row; see `Translation.document`.
METADATA_KEY = "translation"


@dataclass(frozen=True, slots=True)
class Translation:
    """A document in another language, with what is known of how the two match.

    Parameters
    ----------
    source : Document
        The original, untouched.
    target_text : str
        The translation.
    target_language : str
        ISO 639-1 code of `target_text`.
    carried : tuple of Span, optional
        The source's spans in `target_text`, where the backend carried their marks;
        spans whose mark it lost are missing. None when it carries no marks at all, or
        when the source has no spans (was never annotated).
    segments : tuple of (int, int, int, int)
        (source start, source end, target start, target end) of the pieces that were
        translated one by one, in order, as half-open code points of ``source.text``
        and `target_text`. What lies between segments is the same in both texts: white
        space, and in a dialogue the speakers' prefixes.
    turns : tuple of Turn
        The source's turns in `target_text`.
    """

    source: Document
    target_text: str
    target_language: str
    carried: tuple[Span, ...] | None = None
    segments: tuple[tuple[int, int, int, int], ...] = ()
    turns: tuple[Turn, ...] = ()

    def document(self, *, backend: str | None = None) -> Document:
        """Return the translation as a document of its own, with the carried spans.

        Id, split, group, metadata and what the spans are exhaustive for stay. With the
        name of a *backend* the metadata gain ``translation``: backend, source language
        and segments, from which `translation_of` makes the translation again.
        """
        metadata = dict(self.source.metadata)
        if backend is not None:
            metadata[METADATA_KEY] = {
                "backend": backend,
                "source_language": self.source.language,
                "segments": [list(segment) for segment in self.segments],
            }
        return replace(
            self.source,
            text=self.target_text,
            language=self.target_language,
            spans=self.carried,
            turns=self.turns,
            metadata=metadata,
            place=None,
        )


def translation_of(source: Document, translated: Document) -> Translation:
    """Make a translation of a document and of what `Translation.document` returned.

    Raises
    ------
    BadInput
        When the ids differ, or a segment lies outside one of the texts.
    """
    if source.id != translated.id:
        raise BadInput(f"document {translated.id} is no translation of {source.id}")
    details = translated.metadata.get(METADATA_KEY)
    rows = details.get("segments", ()) if isinstance(details, dict) else ()
    segments = []
    for row in rows:
        if not _is_segment(row, len(source.text), len(translated.text)):
            raise BadInput(f"document {source.id}: a segment lies outside its text")
        segments.append((row[0], row[1], row[2], row[3]))
    return Translation(
        source=source,
        target_text=translated.text,
        target_language=translated.language,
        carried=translated.spans,
        segments=tuple(segments),
        turns=translated.turns,
    )


def _is_segment(row: object, source_chars: int, target_chars: int) -> bool:
    return (
        isinstance(row, list | tuple)
        and len(row) == 4
        and all(isinstance(value, int) for value in row)
        and 0 <= row[0] <= row[1] <= source_chars
        and 0 <= row[2] <= row[3] <= target_chars
    )
