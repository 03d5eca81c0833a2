"""Translation by Apertium, the rule-based translator that Debian packages.

Runs as a child process on this host: no text leaves it. Marks travel through its HTML
mode, which keeps inline tags with the words they stood around.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import replace

from ner_engine.errors import NerEngineError
from ner_engine.translation.marks import mark, unmark
from ner_engine.types import Document

# (source, target) -> modes to go through, and the Debian packages that hold them.
PAIRS: dict[tuple[str, str], tuple[str, ...]] = {
    ("en", "es"): ("eng-spa",),
    ("es", "en"): ("spa-eng",),
    ("es", "fr"): ("es-fr",),
    ("fr", "es"): ("fr-es",),
    ("fr", "en"): ("fr-es", "spa-eng"),
    ("en", "fr"): ("eng-spa", "es-fr"),
}
PACKAGES = "apertium apertium-eng-spa apertium-fr-es"
BATCH = 32  # documents a child process: its start costs about 0.1 s
# Stands between documents; what comes back has lost the slash and the line breaks.
_RULE = '<hr id="glosa"/>'
_RULE_BACK = re.compile(r'\s*<hr id="glosa" ?/?>\s*')


class TranslatorMissing(NerEngineError):
    """The translator's program or language pair is not installed."""


def translate_documents(
    documents: Iterable[Document], *, target: str
) -> Iterator[Document]:
    """Translate documents of one language, spans included, in order.

    Spans whose mark does not come back are left out; every other field is kept. Ids
    stay: a file holds either the originals or their translations.

    Raises
    ------
    TranslatorMissing
        When apertium or the pair is not installed, with the packages to install.
    """
    batch: list[Document] = []
    for document in documents:
        batch.append(document)
        if len(batch) >= BATCH:
            yield from _translate_batch(batch, target)
            batch = []
    if batch:
        yield from _translate_batch(batch, target)


def _translate_batch(batch: list[Document], target: str) -> Iterator[Document]:
    source = batch[0].language
    marked = [mark(document.text, document.spans or ()) for document in batch]
    text = f"\n{_RULE}\n".join(html for html, _ in marked)
    for mode in _modes(source, target):
        text = _run(mode, text)
    pieces = _RULE_BACK.split(text.strip())
    if len(pieces) != len(batch):
        raise NerEngineError(
            f"apertium gave back {len(pieces)} texts for {len(batch)} documents"
        )
    for document, (_, carried), piece in zip(batch, marked, pieces, strict=True):
        translated, spans = unmark(piece, carried, target)
        yield replace(
            document,
            text=translated,
            language=target,
            spans=None if document.spans is None else spans,
            turns=(),
        )


def _modes(source: str, target: str) -> tuple[str, ...]:
    if (source, target) not in PAIRS:
        known = ", ".join(f"{a}-{b}" for a, b in PAIRS)
        raise NerEngineError(f"apertium: no pair {source}-{target}; known: {known}")
    return PAIRS[source, target]


def _run(mode: str, text: str) -> str:
    program = shutil.which("apertium")
    if program is None:
        raise TranslatorMissing(
            f"apertium is not installed; on Debian: apt-get install {PACKAGES}"
        )
    # -u leaves unknown words unmarked.
    done = subprocess.run(  # noqa: S603 - fixed arguments, text on stdin
        [program, "-u", "-f", "html", mode],
        input=text,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode != 0:
        if "does not exist" in done.stderr:
            raise TranslatorMissing(
                f"apertium has no pair {mode}; on Debian: apt-get install {PACKAGES}"
            )
        raise NerEngineError(f"apertium {mode} ended with status {done.returncode}")
    return done.stdout
