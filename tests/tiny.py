"""Tiny real models for tests: an encoder made from a configuration, and a bundle.

Nothing is downloaded. The encoder is a random two-layer BERT with a Unigram tokenizer
of characters and common pieces; the bundle is trained on the spot, in seconds, on
sentences written here, until it really finds drugs, doses and the rest in them.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from ner_engine.labels import DEFAULT_LABELS
from ner_engine.types import Document, Span

MAX_POSITIONS = 256

_DRUGS = {
    "es": ("paracetamol", "ibuprofeno", "amoxicilina", "omeprazol", "enalapril"),
    "fr": ("paracétamol", "ibuprofène", "amoxicilline", "oméprazole", "énalapril"),
    "en": ("paracetamol", "ibuprofen", "amoxicillin", "omeprazole", "enalapril"),
}
_FINDINGS = {
    "es": ("cefalea", "dolor abdominal", "fiebre", "tos seca", "disnea"),
    "fr": ("céphalées", "douleur abdominale", "fièvre", "toux sèche", "dyspnée"),
    "en": ("headache", "abdominal pain", "fever", "dry cough", "dyspnoea"),
}
_FREQUENCIES = {
    "es": ("cada 8 horas", "una vez al día", "cada noche"),
    "fr": ("toutes les 8 heures", "une fois par jour", "chaque soir"),
    "en": ("every 8 hours", "once daily", "every night"),
}
_DURATIONS = {
    "es": ("durante 7 días", "durante dos semanas"),
    "fr": ("pendant 7 jours", "pendant deux semaines"),
    "en": ("for 7 days", "for two weeks"),
}
_DOSES = ("500 mg", "1 g", "20 mg", "250 mg")
_TEMPLATES = {
    "es": (
        "Tiene {FINDING}. Se pauta {MEDICATION} {DOSAGE} {FREQUENCY} {DURATION}.",
        "Toma {MEDICATION} {DOSAGE} {FREQUENCY} por {FINDING}.",
        "Acude a la consulta sin cambios. Refiere {FINDING}.",
    ),
    "fr": (
        "Il a {FINDING}. On prescrit {MEDICATION} {DOSAGE} {FREQUENCY} {DURATION}.",
        "Il prend {MEDICATION} {DOSAGE} {FREQUENCY} pour {FINDING}.",
        "Il vient à la consultation sans changement. Il signale {FINDING}.",
    ),
    "en": (
        "Patient with {FINDING}. Started {MEDICATION} {DOSAGE} {FREQUENCY} {DURATION}.",
        "Takes {MEDICATION} {DOSAGE} {FREQUENCY} because of {FINDING}.",
        "Seen in clinic without changes. Reports {FINDING}.",
    ),
}


def tiny_documents(
    n_documents: int = 90,
    *,
    seed: int = 0,
    languages: Sequence[str] = ("es", "fr", "en"),
    labels: Sequence[str] = DEFAULT_LABELS,
    split: str | None = None,
) -> list[Document]:
    """Make short annotated notes from the templates above, always the same."""
    rng = random.Random(seed)
    return [
        _fill(f"tiny-{seed}-{number}", languages[number % len(languages)], rng, labels)
        if split is None
        else _with_split(
            _fill(
                f"tiny-{seed}-{number}", languages[number % len(languages)], rng, labels
            ),
            split,
        )
        for number in range(n_documents)
    ]


def tiny_tokenizer():
    """Return a Unigram tokenizer of single characters and the templates' words."""
    from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers
    from tokenizers.processors import TemplateProcessing

    specials = ["<s>", "<pad>", "</s>", "<unk>"]
    characters = [chr(point) for point in (*range(33, 127), *range(0xA1, 0x180))]
    words = sorted(
        {
            word
            for document in tiny_documents(300, seed=1)
            for word in document.text.replace(".", "").split()
        }
    )
    vocabulary = [(name, 0.0) for name in specials]
    vocabulary += [("▁", -3.0)]
    vocabulary += [(char, -8.0) for char in characters]
    vocabulary += [(f"▁{word}", -5.0) for word in words]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=3))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.add_special_tokens([AddedToken(name, special=True) for name in specials])
    tokenizer.post_processor = TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return tokenizer


def tiny_encoder_parts(
    *, seed: int = 0, hidden: int = 48, positions: int = MAX_POSITIONS
):
    """Return a random two-layer BERT with its tokenizer, the same for the same seed."""
    import torch
    from transformers import BertConfig, BertModel

    from ner_engine.models.encoder import EncoderParts

    tokenizer = tiny_tokenizer()
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=hidden,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=2 * hidden,
        max_position_embeddings=positions,
        pad_token_id=1,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = BertModel(config, add_pooling_layer=False)
    return EncoderParts(model.eval(), tokenizer)


def make_tiny_encoder(path: Path, *, seed: int = 0) -> Path:
    """Write a tiny encoder's folder, as ``train --init`` takes it."""
    from ner_engine.models.encoder import save_encoder

    save_encoder(tiny_encoder_parts(seed=seed), path)
    return path


def tiny_recipe(**changes):
    """Return a recipe that fits a tiny encoder in a few seconds."""
    from ner_engine.training.recipes import Recipe

    values = {
        "name": "tiny",
        "learning_rate": 3e-3,
        "head_learning_rate": 1e-2,
        "batch_size": 8,
        "max_pieces": 96,
        "epochs": 8,
        "dropout": 0.0,
        "weight_decay": 0.0,
    }
    return Recipe(**{**values, **changes})


def make_tiny_bundle(
    path: Path,
    *,
    labels: Sequence[str] = DEFAULT_LABELS,
    fit: Sequence[Document] | None = None,
    dev: Sequence[Document] = (),
    seed: int = 0,
    epochs: int = 8,
) -> Path:
    """Train a tiny bundle and return its path.

    Parameters
    ----------
    labels
        Heads of the bundle; those without a span to learn from find nothing.
    fit
        What it learns; by default the templates' notes in all three languages.
    """
    import tempfile

    from ner_engine.training.run import TrainingPlan, train_bundle

    with one_thread(), tempfile.TemporaryDirectory() as folder:
        encoder = make_tiny_encoder(Path(folder) / "encoder", seed=seed)
        plan = TrainingPlan(
            init=str(encoder),
            train=list(fit) if fit is not None else tiny_documents(labels=labels),
            dev=dev,
            recipe=tiny_recipe(epochs=epochs),
            out=path,
            labels=tuple(labels),
            seed=seed,
            name="tiny",
        )
        for _ in train_bundle(plan):
            pass
    return path


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread: on matrices this small, threads only wait for another."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def write_jsonl(path: Path, documents: Sequence[Document]) -> Path:
    """Write Document JSONL without going through the engine's own writer."""
    rows = []
    for document in documents:
        row = {
            "id": document.id,
            "text": document.text,
            "language": document.language,
        }
        if document.split is not None:
            row["split"] = document.split
        if document.spans is not None:
            row["entities"] = [
                {"start": span.start_char, "end": span.end_char, "label": span.label}
                for span in document.spans
            ]
        rows.append(json.dumps(row, ensure_ascii=False) + "\n")
    path.write_text("".join(rows), encoding="utf-8")
    return path


def _with_split(document: Document, split: str) -> Document:
    return replace(document, split=split)


def _fill(
    document_id: str, language: str, rng: random.Random, labels: Sequence[str]
) -> Document:
    template = rng.choice(_TEMPLATES[language])
    values = {
        "MEDICATION": rng.choice(_DRUGS[language]),
        "DOSAGE": rng.choice(_DOSES),
        "FREQUENCY": rng.choice(_FREQUENCIES[language]),
        "DURATION": rng.choice(_DURATIONS[language]),
        "FINDING": rng.choice(_FINDINGS[language]),
    }
    text = ""
    spans: list[Span] = []
    for part in template.replace("{", "\0").replace("}", "\0").split("\0"):
        if part in values:
            if part in labels:
                spans.append(Span(len(text), len(text) + len(values[part]), part))
            text += values[part]
        else:
            text += part
    return Document(document_id, text, language, tuple(sorted(spans)))
