"""A small translator for tests: word by word, in either form, and how one fails."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from ner_engine.translation.backends import TextRefused, Traits

WORDS = {
    "tos": "cough",
    "seca": "dry",
    "fiebre": "fever",
    "diarios": "newspapers",
    "toma": "takes",
    "y": "and",
    "no": "not",
}


class WordTranslator:
    """Translates the words above and keeps all others.

    Texts that hold *refuses* are refused with the batch they are in; *fails_after* so
    many batches it raises KeyboardInterrupt, as a person does.
    """

    def __init__(
        self,
        *,
        takes_html: bool = True,
        words: dict[str, str] | None = None,
        refuses: str | None = None,
        fails_after: int | None = None,
        version: str = "1",
        **traits,
    ) -> None:
        values = {
            "unit": "sentence",
            "max_chars": 200,
            "batch_texts": 2,
            "batch_chars": 500,
            "shield": "word",
        }
        self.traits = Traits(
            name="words",
            version=version,
            source="es",
            target="en",
            takes_html=takes_html,
            **{**values, **traits},
        )
        self.counts: Counter[str] = Counter()
        self.batches: list[list[str]] = []
        self._words = {**WORDS, **(words or {})}
        self._refuses = refuses
        self._fails_after = fails_after

    def translate(self, texts: Sequence[str]) -> list[str]:
        if self._fails_after is not None and len(self.batches) >= self._fails_after:
            raise KeyboardInterrupt
        self.batches.append(list(texts))
        if self._refuses is not None and any(self._refuses in t for t in texts):
            raise TextRefused("the text was refused (400)")
        return [self._translate(text) for text in texts]

    def _translate(self, text: str) -> str:
        def put(match: re.Match[str]) -> str:
            word = match[0]
            new = self._words.get(word.lower(), word)
            return new.capitalize() if word[0].isupper() and word != new else new

        return re.sub(r"(?<![<&/\w])\w+(?![\w>=;])", put, text)
