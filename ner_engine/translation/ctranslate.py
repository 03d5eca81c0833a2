"""Translation by converted models: CTranslate2 folders and Argos packages.

Both run on this machine and from local folders alone. No marks travel: spans are left
to projection.
"""

from __future__ import annotations

import importlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from ner_engine.errors import BadInput
from ner_engine.translation.backends import (
    Traits,
    TranslatorMissing,
    fingerprint,
    folder_fingerprint,
    read_options,
)
from ner_engine.translation.seq2seq import MAX_CHARS, NLLB_CODES

ARGOS_FOLDER = Path("~/.local/share/argos-translate/packages")
_END = "</s>"
# Output pieces: so many times the input's, and so many more.
_MOST_GROWTH, _GROWTH = 3, 20


@dataclass(frozen=True, slots=True)
class CTranslate2Options:
    """Settings.

    Parameters
    ----------
    model : str
        Folder that a converter of CTranslate2 wrote, with the tokenizer beside it:
        ``source.spm`` and ``target.spm`` (Marian), ``tokenizer.json`` (NLLB and
        others), or ``sentencepiece.model``.
    source_prefix, target_prefix : str
        Language tokens of models of several languages; NLLB's are known.
    beams : int
    batch : int
        Texts computed at once.
    compute_type : str
        Such as ``int8``; ``default`` keeps the model's.
    device : str
        cpu, cuda or auto.
    threads : int
        0: CTranslate2 chooses.
    """

    model: str = ""
    source_prefix: str = ""
    target_prefix: str = ""
    beams: int = 4
    batch: int = 32
    compute_type: str = "default"
    device: str = "auto"
    threads: int = 0


@dataclass(frozen=True, slots=True)
class ArgosOptions:
    """Settings: ``packages`` is a package's folder or one that holds several; the rest
    as `CTranslate2Options`.
    """

    packages: str = str(ARGOS_FOLDER)
    beams: int = 4
    batch: int = 32
    compute_type: str = "default"
    device: str = "auto"
    threads: int = 0


class _Pieces(NamedTuple):
    """A tokenizer: text to pieces, and back."""

    split: Callable[[str], list[str]]
    join: Callable[[list[str]], str]


class _Package(NamedTuple):
    """An Argos package: its folder, direction and target prefix."""

    folder: Path
    source: str
    target: str
    prefix: str


class _Engine:
    """A model with its tokenizer."""

    def __init__(
        self,
        folder: Path,
        pieces: _Pieces,
        prefix: str,
        options: CTranslate2Options | ArgosOptions,
        counts: Counter[str],
    ) -> None:
        ctranslate2 = _package("ctranslate2", "ctranslate2")
        try:
            self._model = ctranslate2.Translator(
                str(folder),
                device=options.device,
                compute_type=options.compute_type,
                intra_threads=options.threads,
            )
        except (RuntimeError, ValueError) as error:
            raise TranslatorMissing(
                f"{folder} holds no model that CTranslate2 can run here"
            ) from error
        self._pieces = pieces
        self._prefix = prefix
        self._options = options
        self._counts = counts

    def translate(self, texts: Sequence[str]) -> list[str]:
        inputs = [self._pieces.split(text) for text in texts]
        most = _MOST_GROWTH * max(map(len, inputs)) + _GROWTH
        results = self._model.translate_batch(
            inputs,
            target_prefix=[[self._prefix]] * len(inputs) if self._prefix else None,
            beam_size=self._options.beams,
            max_batch_size=self._options.batch,
            max_input_length=0,  # never cut off
            max_decoding_length=most,
            replace_unknowns=True,
        )
        answers = []
        for result in results:
            pieces = result.hypotheses[0]
            self._counts["unfinished"] += len(pieces) >= most
            if self._prefix and pieces[:1] == [self._prefix]:
                pieces = pieces[1:]
            answers.append(self._pieces.join(pieces))
        return answers


class CTranslate2Translator:
    """A converted model; loaded by the first translation.

    Raises
    ------
    BadInput
        When no folder is named.
    """

    def __init__(self, source: str, target: str, options: CTranslate2Options) -> None:
        if not options.model:
            raise BadInput("backend ctranslate2: name the folder by the option model")
        _check(options, "ctranslate2")
        self.counts: Counter[str] = Counter()
        self._folder = Path(options.model).expanduser()
        self._options = options
        self._direction = (source, target)

    @classmethod
    def from_options(
        cls, *, source: str, target: str, options: Mapping[str, str]
    ) -> CTranslate2Translator:
        """Make it with settings as a user writes them."""
        settings = read_options(CTranslate2Options, options, backend="ctranslate2")
        return cls(source, target, settings)

    @cached_property
    def traits(self) -> Traits:
        """What it is and what it takes."""
        options = self._options
        version = fingerprint(
            folder_fingerprint(self._folder),
            options.source_prefix,
            options.target_prefix,
            options.beams,
            options.compute_type,
        )
        return _traits("ctranslate2", version, self._direction, options.batch)

    def translate(self, texts: Sequence[str]) -> list[str]:
        """Translate texts.

        Raises
        ------
        TranslatorMissing
            Without the package, the model or its tokenizer.
        """
        return self._engine.translate(texts)

    @cached_property
    def _engine(self) -> _Engine:
        folder = self._folder
        if not (folder / "model.bin").is_file():
            raise TranslatorMissing(
                f"{folder} holds no converted model; make one by"
                " `ct2-transformers-converter --model NAME --output_dir DIR"
                " --copy_files source.spm target.spm`"
            )
        prefix = self._options.target_prefix
        if (folder / "source.spm").is_file():
            pieces = _spm_pieces(
                folder / "source.spm", folder / "target.spm", self._ending
            )
        elif (folder / "sentencepiece.model").is_file():
            path = folder / "sentencepiece.model"
            pieces = _spm_pieces(path, path, self._ending)
        elif (folder / "tokenizer.json").is_file():
            pieces, code = self._tokenizer_pieces(folder / "tokenizer.json")
            prefix = prefix or code
        else:
            raise TranslatorMissing(
                f"{folder} holds no tokenizer: source.spm and target.spm,"
                " tokenizer.json or sentencepiece.model"
            )
        return _Engine(folder, pieces, prefix, self._options, self.counts)

    @property
    def _ending(self) -> list[str]:
        """Return what stands behind the pieces, where the model does not add it."""
        path = self._folder / "config.json"
        config = json.loads(path.read_bytes()) if path.is_file() else {}
        return [] if config.get("add_source_eos") else [_END]

    def _tokenizer_pieces(self, path: Path) -> tuple[_Pieces, str]:
        """Return a tokenizer, and the target language's token if it has one."""
        from tokenizers import Tokenizer  # noqa: PLC0415 - slow import

        tokenizer = Tokenizer.from_file(str(path))
        codes = [NLLB_CODES.get(language, "") for language in self._direction]
        source, target = (
            code if code and tokenizer.token_to_id(code) is not None else ""
            for code in codes
        )
        source = self._options.source_prefix or source
        before = [source] if source else []
        ending = self._ending

        def split(text: str) -> list[str]:
            tokens = tokenizer.encode(text, add_special_tokens=False).tokens
            return [*before, *tokens, *ending]

        def join(pieces: list[str]) -> str:
            ids = [tokenizer.token_to_id(piece) for piece in pieces]
            known = [number for number in ids if number is not None]
            return str(tokenizer.decode(known))

        return _Pieces(split, join), target


class ArgosTranslator:
    """Installed Argos packages: a direct one, or two by way of a third language."""

    def __init__(self, source: str, target: str, options: ArgosOptions) -> None:
        _check(options, "argos")
        self.counts: Counter[str] = Counter()
        self._folder = Path(options.packages).expanduser()
        self._options = options
        self._direction = (source, target)

    @classmethod
    def from_options(
        cls, *, source: str, target: str, options: Mapping[str, str]
    ) -> ArgosTranslator:
        """Make it with settings as a user writes them."""
        settings = read_options(ArgosOptions, options, backend="argos")
        return cls(source, target, settings)

    @cached_property
    def traits(self) -> Traits:
        """What it is and what it takes."""
        packages = [folder_fingerprint(package.folder) for package in self._route]
        options = self._options
        version = fingerprint(packages, options.beams, options.compute_type)
        return _traits("argos", version, self._direction, options.batch)

    def translate(self, texts: Sequence[str]) -> list[str]:
        """Translate texts through each package of the way.

        Raises
        ------
        TranslatorMissing
            Without ctranslate2 or sentencepiece, or packages of the direction.
        """
        answers = list(texts)
        for engine in self._engines:
            # Nothing came back of a text: there is nothing to go on with.
            full = [index for index, text in enumerate(answers) if text.strip()]
            if full:
                translated = engine.translate([answers[index] for index in full])
                for index, answer in zip(full, translated, strict=True):
                    answers[index] = answer
        return answers

    @cached_property
    def _route(self) -> list[_Package]:
        """Return the packages to go through; none when there is no way."""
        source, target = self._direction
        packages = _packages(self._folder)
        direct = [p for p in packages if (p.source, p.target) == (source, target)]
        if direct:
            return direct[:1]
        ways = [
            (first, second)
            for first in packages
            for second in packages
            if first.source == source
            and second.target == target
            and first.target == second.source
        ]
        # English has the best models.
        ways.sort(key=lambda way: way[0].target != "en")
        return list(ways[0]) if ways else []

    @cached_property
    def _engines(self) -> list[_Engine]:
        if not self._route:
            source, target = self._direction
            raise TranslatorMissing(
                f"{self._folder} holds no Argos packages from {source} to {target};"
                " fetch one where there is a network (https://www.argosopentech.com/"
                "argospm/index/), unpack it there (it is a zip archive) and name the"
                " folder by the option packages"
            )
        engines = []
        for package in self._route:
            path = package.folder / "sentencepiece.model"
            if not path.is_file():
                raise TranslatorMissing(
                    f"{package.folder} has no sentencepiece.model; packages with other"
                    " tokenizers cannot be used"
                )
            # As Argos joins them: a piece that the tokenizer has not stays readable.
            pieces = _spm_pieces(path, path, [])._replace(join=_join_pieces)
            model = package.folder / "model"
            engines.append(
                _Engine(model, pieces, package.prefix, self._options, self.counts)
            )
        return engines


def _packages(folder: Path) -> list[_Package]:
    found = []
    paths = [folder / "metadata.json", *sorted(folder.glob("*/metadata.json"))]
    for path in paths:
        if not path.is_file():
            continue
        try:
            row = json.loads(path.read_bytes())
            package = _Package(
                path.parent,
                str(row["from_code"]),
                str(row["to_code"]),
                str(row.get("target_prefix", "")),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadInput("is no description of a package", path=path) from error
        found.append(package)
    return found


def _spm_pieces(source: Path, target: Path, ending: list[str]) -> _Pieces:
    """Return the tokenizer of two SentencePiece models."""
    sentencepiece = _package("sentencepiece", "sentencepiece")
    try:
        before, after = (
            sentencepiece.SentencePieceProcessor(model_file=str(path))
            for path in (source, target)
        )
    except (OSError, RuntimeError) as error:
        raise TranslatorMissing(
            f"{source.parent} holds no SentencePiece model"
        ) from error
    return _Pieces(
        lambda text: [*before.encode(text, out_type=str), *ending],
        lambda pieces: str(after.decode(pieces)),
    )


def _join_pieces(pieces: list[str]) -> str:
    return "".join(pieces).replace("▁", " ").strip()


def _package(module: str, name: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise TranslatorMissing(
            f"this backend needs a package: pip install {name}"
        ) from error


def _check(options: CTranslate2Options | ArgosOptions, backend: str) -> None:
    if options.beams < 1 or options.batch < 1:
        raise BadInput(f"backend {backend}: beams and batch are 1 or more")
    if options.device not in ("cpu", "cuda", "auto"):
        raise BadInput(f"backend {backend}: device is cpu, cuda or auto")


def _traits(name: str, version: str, direction: tuple[str, str], batch: int) -> Traits:
    return Traits(
        name=name,
        version=version,
        source=direction[0],
        target=direction[1],
        takes_html=False,
        unit="sentence",
        max_chars=MAX_CHARS,
        batch_texts=4 * batch,
        batch_chars=4 * batch * MAX_CHARS,
    )
