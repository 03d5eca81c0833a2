"""Bundles: servable model folders, verified by a manifest of digests.

Light on its own: torch is imported only by `load_bundle` and `save_bundle`. No pickle
anywhere, and loading a bundle runs no code from it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ner_engine.errors import BundleError, BundleMismatch
from ner_engine.labels import LabelScheme
from ner_engine.model_card import write_card

if TYPE_CHECKING:
    from ner_engine.models.calibration import Calibration
    from ner_engine.models.tagger import MultiHeadTagger

FORMAT = "glosa-bundle"
FORMAT_VERSION = 1
MANIFEST = "manifest.json"
CONFIG = "config.json"
WEIGHTS = "model.safetensors"
TOKENIZER = "tokenizer.json"
CALIBRATION = "calibration.json"
METRICS = "metrics.json"
CARD = "README.md"
FILES = (CONFIG, WEIGHTS, TOKENIZER, CALIBRATION, METRICS, CARD)

_CHUNK_BYTES = 1 << 20
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BundleInfo:
    """What a bundle says of itself.

    Parameters
    ----------
    name : str
    languages : tuple of str
        ISO codes it was trained on.
    recipe : dict
        JSON form of the training recipe.
    seed : int
    parent : str, optional
        Digest of the bundle, or name of the encoder, that training started from.
    data : dict
        Numbers and digests of the training and dev data.
    sources : tuple of dict
        Third-party data and weights: ``name``, ``licence`` and what else is known.
    description : str
        A paragraph for the model card.
    """

    name: str = "bundle"
    languages: tuple[str, ...] = ()
    recipe: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    parent: str | None = None
    data: dict[str, Any] = field(default_factory=dict)
    sources: tuple[dict[str, Any], ...] = ()
    description: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the values that ``config.json`` keeps."""
        return {
            "name": self.name,
            "languages": list(self.languages),
            "recipe": self.recipe,
            "seed": self.seed,
            "parent": self.parent,
            "data": self.data,
            "sources": list(self.sources),
            "description": self.description,
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> BundleInfo:
        """Read the values of ``config.json`` back."""
        return cls(
            name=str(values.get("name", "bundle")),
            languages=tuple(values.get("languages", ())),
            recipe=dict(values.get("recipe", {})),
            seed=int(values.get("seed", 0)),
            parent=values.get("parent"),
            data=dict(values.get("data", {})),
            sources=tuple(values.get("sources", ())),
            description=str(values.get("description", "")),
        )


@dataclass(frozen=True, slots=True)
class BundleParts:
    """All of a bundle but its weights: what an engine derived from it needs beside."""

    path: Path
    digest: str
    scheme: LabelScheme
    tokenizer_version: str
    info: BundleInfo
    metrics: dict[str, Any]
    calibration: Calibration
    tokenizer: Any


@dataclass(frozen=True, slots=True)
class Bundle(BundleParts):
    """A loaded bundle: a tagger ready to predict, and what is known of it."""

    tagger: MultiHeadTagger


def digest(path: Path | str) -> str:
    """Return a bundle's digest: the SHA-256 of its manifest."""
    manifest = Path(path) / MANIFEST
    if not manifest.is_file():
        raise BundleError(f"{path}: no bundle here ({MANIFEST} is missing)")
    return _hash_file(manifest)


def is_bundle(path: Path | str) -> bool:
    """Tell whether a folder claims to be a bundle."""
    return (Path(path) / MANIFEST).is_file()


def verify_bundle(path: Path | str, *, expected_digest: str | None = None) -> str:
    """Check that every file is there and as the manifest says; return the digest.

    Raises
    ------
    BundleMismatch
        When the digest is not the one expected.
    BundleError
        When a file is missing, truncated or altered, or the format is another.
    """
    folder = Path(path)
    found = digest(folder)
    if expected_digest is not None and found != expected_digest:
        raise BundleMismatch(
            f"{folder}: digest {found[:12]}, expected {expected_digest[:12]}"
        )
    manifest = _read_json(folder / MANIFEST)
    if manifest.get("format") != FORMAT:
        raise BundleError(f"{folder / MANIFEST}: not a {FORMAT}")
    if manifest.get("version") != FORMAT_VERSION:
        raise BundleError(
            f"{folder}: format version {manifest.get('version')},"
            f" this engine reads {FORMAT_VERSION}"
        )
    entries = manifest.get("files")
    if not isinstance(entries, dict) or set(entries) != set(FILES):
        raise BundleError(f"{folder / MANIFEST}: lists other files than a bundle has")
    for name, entry in entries.items():
        _verify_file(folder / name, entry)
    return found


def _verify_file(path: Path, entry: Any) -> None:
    if not path.is_file():
        raise BundleError(f"{path}: missing")
    if not isinstance(entry, dict) or not {"bytes", "sha256"} <= set(entry):
        raise BundleError(f"{path}: the manifest has no size and digest for it")
    size = path.stat().st_size
    if size != entry["bytes"]:
        raise BundleError(f"{path}: {size} bytes, {entry['bytes']} expected")
    if _hash_file(path) != entry["sha256"]:
        raise BundleError(f"{path}: altered, its digest is not the manifest's")


def read_info(path: Path | str) -> tuple[LabelScheme, BundleInfo, dict[str, Any]]:
    """Return label scheme, description and metrics without loading the model."""
    folder = Path(path)
    config = _read_config(folder)
    return (
        LabelScheme.of(config["labels"]),
        BundleInfo.from_json(config),
        _read_json(folder / METRICS),
    )


def read_encoder_config(path: Path | str) -> dict[str, Any]:
    """Return the encoder's configuration without loading the model."""
    encoder: dict[str, Any] = _read_config(Path(path))["encoder"]
    return encoder


def load_bundle(path: Path | str, *, expected_digest: str | None = None) -> Bundle:
    """Verify and load a bundle; its weights are restored to float32."""
    from ner_engine.models.storage import read_tagger  # noqa: PLC0415 - slow import

    parts = load_parts(path, expected_digest=expected_digest)
    config = _read_config(parts.path)
    return Bundle(
        **{part.name: getattr(parts, part.name) for part in fields(parts)},
        tagger=read_tagger(
            parts.path / WEIGHTS,
            config["encoder"],
            parts.scheme,
            heads=config["heads"],
        ),
    )


def load_parts(path: Path | str, *, expected_digest: str | None = None) -> BundleParts:
    """Verify a bundle and load all of it but the weights; torch stays out."""
    from ner_engine.errors import BadInput  # noqa: PLC0415 - beside the slow ones
    from ner_engine.models.calibration import (  # noqa: PLC0415 - slow import
        Calibration,
    )
    from ner_engine.text.tokens import TOKENIZER_VERSION  # noqa: PLC0415 - slow import

    folder = Path(path)
    found = verify_bundle(folder, expected_digest=expected_digest)
    config = _read_config(folder)
    if config["tokenizer_version"] != TOKENIZER_VERSION:
        logger.warning(
            "%s was trained on tokens of %s, this engine makes %s",
            folder,
            config["tokenizer_version"],
            TOKENIZER_VERSION,
        )
    try:
        calibration = Calibration.from_json(_read_json(folder / CALIBRATION))
    except BadInput as error:
        raise BundleError(f"{folder / CALIBRATION}: {error}") from error
    return BundleParts(
        path=folder,
        digest=found,
        scheme=LabelScheme.of(config["labels"]),
        tokenizer_version=config["tokenizer_version"],
        info=BundleInfo.from_json(config),
        metrics=_read_json(folder / METRICS),
        calibration=calibration,
        tokenizer=_read_tokenizer(folder / TOKENIZER),
    )


def save_bundle(
    path: Path | str,
    tagger: MultiHeadTagger,
    tokenizer: Any,
    *,
    calibration: Calibration,
    info: BundleInfo,
    metrics: dict[str, Any],
) -> str:
    """Write a bundle and return its digest.

    The folder appears complete, by a rename. A bundle or an empty folder of that name
    is replaced; anything else there is left alone.

    Raises
    ------
    BundleError
        When *path* exists and is neither a bundle nor an empty folder; when the bundle
        cannot be written whole (a full disk): what stood there stays.
    """
    from ner_engine.models.encoder import encoder_config  # noqa: PLC0415 - slow import
    from ner_engine.models.storage import write_weights  # noqa: PLC0415 - slow import
    from ner_engine.text.tokens import TOKENIZER_VERSION  # noqa: PLC0415 - slow import

    target = Path(path)
    if target.exists() and not _is_replaceable(target):
        raise BundleError(f"{target}: exists and is not a bundle; will not replace it")
    config = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "labels": list(tagger.scheme.names),
        "tokenizer_version": TOKENIZER_VERSION,
        "encoder": encoder_config(tagger.encoder),
        "heads": tagger.kind,
        **info.to_json(),
    }
    partial = target.with_name(f".{target.name}.partial")
    try:
        if partial.exists():
            shutil.rmtree(partial)
        partial.mkdir(parents=True)
        _write_json(partial / CONFIG, config)
        _write_json(partial / CALIBRATION, calibration.to_json())
        _write_json(partial / METRICS, metrics)
        write_weights(tagger, partial / WEIGHTS)
        # safetensors writes for the owner alone; a bundle is as readable as its folder.
        (partial / WEIGHTS).chmod((partial / CONFIG).stat().st_mode)
        tokenizer_json = tokenizer.to_str(pretty=False)
        (partial / TOKENIZER).write_text(tokenizer_json, encoding="utf-8")
        card = write_card(config, metrics)
        (partial / CARD).write_text(card, encoding="utf-8")
        _write_manifest(partial)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise BundleError(f"{target}: cannot be written: {error}") from error
    if target.exists():
        shutil.rmtree(target)
    partial.rename(target)
    return digest(target)


def _write_manifest(folder: Path) -> None:
    files = {
        name: {
            "bytes": (folder / name).stat().st_size,
            "sha256": _hash_file(folder / name),
        }
        for name in FILES
    }
    manifest = {"format": FORMAT, "version": FORMAT_VERSION, "files": files}
    _write_json(folder / MANIFEST, manifest)


def _read_tokenizer(path: Path) -> Any:
    from tokenizers import Tokenizer  # noqa: PLC0415 - slow import

    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises bare Exception
        raise BundleError(f"{path}: not a tokenizer file") from error


def _is_replaceable(path: Path) -> bool:
    return path.is_dir() and (is_bundle(path) or not any(path.iterdir()))


def _read_config(folder: Path) -> dict[str, Any]:
    # Bundles made before there was a choice do not name their heads.
    config = {"heads": "multi", **_read_json(folder / CONFIG)}
    for key, kind in (
        ("labels", list),
        ("encoder", dict),
        ("tokenizer_version", str),
        ("heads", str),
    ):
        if not isinstance(config.get(key), kind):
            raise BundleError(f"{folder / CONFIG}: no {key}")
    try:
        LabelScheme.of(config["labels"])
    except (ValueError, TypeError, AttributeError) as error:
        raise BundleError(f"{folder / CONFIG}: labels: {error}") from error
    return config


def _read_json(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BundleError(f"{path}: not readable JSON") from error
    if not isinstance(values, dict):
        raise BundleError(f"{path}: not a JSON object")
    return values


def _write_json(path: Path, values: dict[str, Any]) -> None:
    text = json.dumps(values, indent=2, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def _hash_file(path: Path) -> str:
    hasher = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            hasher.update(chunk)
    return hasher.hexdigest()
