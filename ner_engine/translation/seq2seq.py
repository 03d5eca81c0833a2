"""Translation by Marian and NLLB models, through transformers, on this machine.

A model is a folder or a hub name; only the model comes over the network, and never in
the other direction. No marks travel: spans are left to projection.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ner_engine.errors import BadInput, NerEngineError
from ner_engine.translation.backends import (
    Traits,
    TranslatorMissing,
    fingerprint,
    folder_fingerprint,
    read_options,
)

# One checkpoint a direction: https://huggingface.co/Helsinki-NLP
MARIAN_MODEL = "Helsinki-NLP/opus-mt-{source}-{target}"
NLLB_MODEL = "facebook/nllb-200-distilled-600M"
# FLORES-200 codes of the languages we work with; others by the options.
NLLB_CODES = {
    "ca": "cat_Latn",
    "de": "deu_Latn",
    "en": "eng_Latn",
    "es": "spa_Latn",
    "eu": "eus_Latn",
    "fr": "fra_Latn",
    "gl": "glg_Latn",
    "it": "ita_Latn",
    "pt": "por_Latn",
}
MAX_CHARS = 400  # these models learned from single sentences
_POSITIONS = 512  # of both families, where the folder does not say
# A text has at most a piece a character, and the blank before it, language and end.
_SPARE_POSITIONS = 4
# Output pieces: so many times the input's, and so many more.
_MOST_GROWTH, _GROWTH = 3, 20


@dataclass(frozen=True, slots=True)
class MarianOptions:
    """Settings.

    Parameters
    ----------
    model : str
        Folder or hub name; empty: the direction's OPUS-MT model.
    revision : str
        Of a hub name.
    prefix : str
        Put before each text, such as ``>>fra<<`` for a model of several targets.
    beams : int
        0: as the model's own configuration says.
    batch : int
        Texts computed at once.
    device : str
        Empty: a GPU where there is one.
    """

    model: str = ""
    revision: str = ""
    prefix: str = ""
    beams: int = 0
    batch: int = 16
    device: str = ""


@dataclass(frozen=True, slots=True)
class NllbOptions:
    """Settings, as `MarianOptions`; ``source_code`` and ``target_code`` are FLORES-200
    codes of languages that `NLLB_CODES` does not have.
    """

    model: str = NLLB_MODEL
    revision: str = ""
    source_code: str = ""
    target_code: str = ""
    beams: int = 0
    batch: int = 16
    device: str = ""


@dataclass(frozen=True, slots=True)
class _Plan:
    """What differs between the two families."""

    name: str
    model: str
    revision: str
    prefix: str = ""
    source_code: str = ""
    target_code: str = ""


class Seq2SeqTranslator:
    """A sequence-to-sequence model; loaded by the first translation."""

    def __init__(
        self,
        source: str,
        target: str,
        plan: _Plan,
        options: MarianOptions | NllbOptions,
    ) -> None:
        if options.batch < 1:
            raise BadInput(f"backend {plan.name}: batch is 1 or more")
        self.counts: Counter[str] = Counter()
        self._plan = plan
        self._options = options
        self._direction = (source, target)

    @classmethod
    def marian(
        cls, *, source: str, target: str, options: Mapping[str, str]
    ) -> Seq2SeqTranslator:
        """Make a Marian model's translator with settings as a user writes them."""
        settings = read_options(MarianOptions, options, backend="marian")
        default = MARIAN_MODEL.format(source=source, target=target)
        plan = _Plan(
            "marian", settings.model or default, settings.revision, settings.prefix
        )
        return cls(source, target, plan, settings)

    @classmethod
    def nllb(
        cls, *, source: str, target: str, options: Mapping[str, str]
    ) -> Seq2SeqTranslator:
        """Make an NLLB model's translator with settings as a user writes them.

        Raises
        ------
        BadInput
            For a language whose code is not known.
        """
        settings = read_options(NllbOptions, options, backend="nllb")
        source_code = settings.source_code or NLLB_CODES.get(source, "")
        target_code = settings.target_code or NLLB_CODES.get(target, "")
        if not source_code or not target_code:
            missing = "source_code" if not source_code else "target_code"
            raise BadInput(f"backend nllb: name the language by the option {missing}")
        plan = _Plan(
            "nllb",
            settings.model,
            settings.revision,
            source_code=source_code,
            target_code=target_code,
        )
        return cls(source, target, plan, settings)

    @cached_property
    def traits(self) -> Traits:
        """What it is and what it takes."""
        plan = self._plan
        folder = Path(plan.model)
        model = folder_fingerprint(folder) if folder.is_dir() else plan.model
        version = fingerprint(
            model,
            plan.revision,
            plan.prefix,
            plan.source_code,
            plan.target_code,
            self._options.beams,
        )
        room = _positions(folder) - _SPARE_POSITIONS - len(plan.prefix)
        return Traits(
            name=plan.name,
            version=version,
            source=self._direction[0],
            target=self._direction[1],
            takes_html=False,
            unit="sentence",
            max_chars=max(min(MAX_CHARS, room), 1),
            batch_texts=4 * self._options.batch,
            batch_chars=4 * self._options.batch * MAX_CHARS,
        )

    def translate(self, texts: Sequence[str]) -> list[str]:
        """Translate texts; those that the model left without an end are counted.

        Raises
        ------
        TranslatorMissing
            Without the model, or without the package that its tokenizer needs.
        """
        # Texts of like length share a batch.
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        answers = [""] * len(texts)
        for start in range(0, len(order), self._options.batch):
            some = order[start : start + self._options.batch]
            translated = self._translate([texts[index] for index in some])
            for index, answer in zip(some, translated, strict=True):
                answers[index] = answer
        return answers

    def _translate(self, texts: Sequence[str]) -> list[str]:
        import torch

        tokenizer, model = self._loaded
        plan = self._plan
        prefixed = [f"{plan.prefix} {text}" if plan.prefix else text for text in texts]
        inputs = tokenizer(prefixed, padding=True, return_tensors="pt")
        n_pieces = inputs["input_ids"].shape[1]
        most = int(model.config.max_position_embeddings)
        if n_pieces > most:
            return self._in_parts(texts)
        choices: dict[str, Any] = {
            "max_new_tokens": min(most - 1, _MOST_GROWTH * n_pieces + _GROWTH),
            "do_sample": False,
        }
        if self._options.beams:
            choices["num_beams"] = self._options.beams
        if plan.target_code:
            code = tokenizer.convert_tokens_to_ids(plan.target_code)
            choices["forced_bos_token_id"] = code
        with torch.inference_mode():
            outputs = model.generate(**inputs.to(model.device), **choices)
        if outputs.shape[1] > choices["max_new_tokens"]:
            # At the limit an end is forced; a real one comes before it.
            ends = (outputs[:, 1:-1] == model.config.eos_token_id).any(dim=1)
            self.counts["unfinished"] += int((~ends).sum())
        decoded: list[str] = tokenizer.batch_decode(outputs, skip_special_tokens=True)
        return decoded

    def _in_parts(self, texts: Sequence[str]) -> list[str]:
        """Translate texts of which one is too long, which signs that unfold may be.

        Never cut off: a text that cannot be halved at a blank is an error.
        """
        if len(texts) > 1:
            return [answer for text in texts for answer in self._translate([text])]
        words = texts[0].split()
        if len(words) < 2:
            raise NerEngineError(f"{self._plan.name}: a word is too long for the model")
        middle = len(words) // 2
        halves = (" ".join(words[:middle]), " ".join(words[middle:]))
        return [" ".join(self._translate([half])[0] for half in halves)]

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        """Return tokenizer and model."""
        plan = self._plan
        if plan.name == "marian" and importlib.util.find_spec("sentencepiece") is None:
            raise TranslatorMissing(
                "the backend marian needs a package: pip install sentencepiece"
            )
        import torch

        transformers = importlib.import_module("transformers")
        where = {"revision": plan.revision} if plan.revision else {}
        codes = {"src_lang": plan.source_code} if plan.source_code else {}
        try:
            with warnings.catch_warnings():
                # It recommends a package for a function that tokenizing never calls.
                warnings.filterwarnings("ignore", message="Recommended: pip install")
                tokenizer = transformers.AutoTokenizer.from_pretrained(
                    plan.model, **where, **codes
                )
            model = transformers.AutoModelForSeq2SeqLM.from_pretrained(
                plan.model, **where
            )
        except (OSError, ValueError) as error:
            raise TranslatorMissing(
                f"backend {plan.name}: {plan.model} is no folder of a model here and"
                " cannot be had from the hub; where there is a network, run"
                f" `hf download {plan.model} --local-dir DIR`, then name DIR by the"
                " option model"
            ) from error
        device = self._options.device or (
            "cuda" if torch.cuda.is_available() else "cpu"
        )
        return tokenizer, model.to(device).eval()


def _positions(folder: Path) -> int:
    """Return how many pieces a model takes."""
    path = folder / "config.json"
    if not path.is_file():
        return _POSITIONS
    try:
        return int(json.loads(path.read_bytes())["max_position_embeddings"])
    except (ValueError, KeyError, TypeError):
        return _POSITIONS
