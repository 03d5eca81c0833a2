"""Translation by Apertium, the rule-based translator that Debian packages.

Runs as a child process on this host: no text leaves it. Marks travel through its HTML
mode, which keeps inline tags with the words they stood around.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ner_engine.errors import NerEngineError
from ner_engine.translation.backends import (
    Traits,
    TranslatorMissing,
    fingerprint,
    read_options,
)
from ner_engine.translation.run import TranslationRun
from ner_engine.types import Document

# (source, target) -> modes to go through.
PAIRS: dict[tuple[str, str], tuple[str, ...]] = {
    ("en", "es"): ("eng-spa",),
    ("es", "en"): ("spa-eng",),
    ("es", "fr"): ("es-fr",),
    ("fr", "es"): ("fr-es",),
    ("fr", "en"): ("fr-es", "spa-eng"),
    ("en", "fr"): ("eng-spa", "es-fr"),
}
# Debian's package of each mode.
PACKAGES = {
    "eng-spa": "apertium-eng-spa",
    "spa-eng": "apertium-eng-spa",
    "es-fr": "apertium-fr-es",
    "fr-es": "apertium-fr-es",
}
# Sentences a child process: its start costs about 0.3 s, as much as 1,000 words.
BATCH_TEXTS = 2000
BATCH_CHARS = 200_000
# Stands between texts; what comes back has lost the slash and the line breaks.
_RULE = '<hr id="glosa"/>'
_RULE_BACK = re.compile(r'\s*<hr id="glosa" ?/?>\s*')
_MODES = Path("/usr/share/apertium/modes")
_DATA_FILE = re.compile(r"'(/[^']+)'")


@dataclass(frozen=True, slots=True)
class ApertiumOptions:
    """Settings: ``directory`` with pairs of one's own (``apertium -d``)."""

    directory: str = ""


class ApertiumTranslator:
    """Spanish and English directly, French with Spanish, and both through Spanish.

    Raises
    ------
    NerEngineError
        For a direction that it does not have.
    """

    def __init__(
        self, source: str, target: str, options: ApertiumOptions | None = None
    ) -> None:
        if (source, target) not in PAIRS:
            known = ", ".join(f"{a}-{b}" for a, b in PAIRS)
            raise NerEngineError(f"apertium: no pair {source}-{target}; known: {known}")
        self.modes = PAIRS[source, target]
        self.counts: Counter[str] = Counter()
        self._options = options or ApertiumOptions()
        self._direction = (source, target)

    @classmethod
    def from_options(
        cls, *, source: str, target: str, options: Mapping[str, str]
    ) -> ApertiumTranslator:
        """Make it with settings as a user writes them."""
        settings = read_options(ApertiumOptions, options, backend="apertium")
        return cls(source, target, settings)

    @cached_property
    def traits(self) -> Traits:
        """What it is and what it takes."""
        return Traits(
            name="apertium",
            version=fingerprint(*(self._mode_state(mode) for mode in self.modes)),
            source=self._direction[0],
            target=self._direction[1],
            takes_html=True,
            unit="sentence",
            max_chars=5_000,
            batch_texts=BATCH_TEXTS,
            batch_chars=BATCH_CHARS,
            shield="word",
        )

    def translate(self, texts: Sequence[str]) -> list[str]:
        """Translate one batch through every mode of the direction.

        Raises
        ------
        TranslatorMissing
            When apertium or the pair is not installed, with the packages to install.
        NerEngineError
            When it fails, or gives back another number of texts.
        """
        joined = f"\n{_RULE}\n".join(texts)
        for mode in self.modes:
            joined = self._run(mode, joined)
            self.counts["processes"] += 1
        pieces = _RULE_BACK.split(joined.strip())
        if len(pieces) == len(texts):
            return pieces
        if len(texts) == 1:
            raise NerEngineError("apertium gave back more than one text for one")
        # A text that swallowed the rule after it: ask for the halves.
        middle = len(texts) // 2
        return self.translate(texts[:middle]) + self.translate(texts[middle:])

    def _run(self, mode: str, text: str) -> str:
        program = shutil.which("apertium")
        if program is None:
            packages = " ".join(sorted({PACKAGES[mode] for mode in self.modes}))
            raise TranslatorMissing(
                "apertium is not installed; on Debian:"
                f" apt-get install apertium {packages}"
            )
        directory = self._options.directory
        # -u leaves unknown words unmarked.
        done = subprocess.run(  # noqa: S603 - fixed arguments, text on stdin
            [
                program,
                "-u",
                "-f",
                "html",
                *(["-d", directory] if directory else []),
                mode,
            ],
            input=text,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        )
        if done.returncode != 0:
            if "does not exist" in done.stderr or "is not installed" in done.stderr:
                raise TranslatorMissing(
                    f"apertium has no pair {mode}; on Debian:"
                    f" apt-get install {PACKAGES[mode]}"
                )
            raise NerEngineError(f"apertium {mode} ended with status {done.returncode}")
        return done.stdout

    def _mode_state(self, mode: str) -> list[object]:
        """Return what changes when the pair is upgraded: its files, sizes and times."""
        directory = self._options.directory
        path = (Path(directory) / "modes" if directory else _MODES) / f"{mode}.mode"
        if not path.is_file():
            return [mode]
        steps = path.read_text(encoding="utf-8")
        files = []
        for name in sorted(set(_DATA_FILE.findall(steps))):
            if Path(name).is_file():
                found = Path(name).stat()
                files.append([name, found.st_size, found.st_mtime_ns])
        return [mode, steps, files]


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
    remaining = iter(documents)
    for first in remaining:
        run = TranslationRun(ApertiumTranslator(first.language, target))
        for translation in run.translate(_chain(first, remaining)):
            yield translation.document()


def _chain(first: Document, rest: Iterator[Document]) -> Iterator[Document]:
    yield first
    yield from rest
