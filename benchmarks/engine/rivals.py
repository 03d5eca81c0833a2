"""Other trainers on the same notes: spaCy's, and Hugging Face's plain token head.

Both get the notes in our tokens and one tag a token (of overlapping spans the longest
stays: neither can hold two), train on all notes that were drawn and keep their last
weights, as our recipes do without dev notes. What they predict is decoded to spans by
the same function.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ner_engine.tagging import decode_iob2, encode_iob2
from ner_engine.text.tokens import tokenize
from ner_engine.types import Document, Span, Token

WINDOW_PIECES = 128
IGNORED = -100


def train_huggingface(
    train: Sequence[Document],
    test: Sequence[Document],
    *,
    labels: Sequence[str],
    seed: int,
    learning_rate: float,
    epochs: int,
) -> list[tuple[Span, ...]]:
    """Train ``BertForTokenClassification`` on the default encoder; mark the test notes.

    One softmax over the tags, the first piece of a word carries its tag, Hugging Face's
    own ``Trainer`` with its defaults but for rate, epochs and batches of 8. Notes are
    cut before sentences into windows of at most 128 pieces, in training and after.
    """
    import torch
    from transformers import (
        BertForTokenClassification,
        PreTrainedTokenizerFast,
        Trainer,
        TrainingArguments,
        set_seed,
    )

    from ner_engine.models.encoder import EMBEDDED, load_encoder

    set_seed(seed)
    parts = load_encoder(EMBEDDED, texts=[document.text for document in train])
    pad = {"pad_token": "<pad>"}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=parts.tokenizer, **pad)
    tags = ["O", *(f"{prefix}-{label}" for label in labels for prefix in "BI")]
    config = parts.model.config
    config.id2label = dict(enumerate(tags))
    config.label2id = {tag: index for index, tag in enumerate(tags)}
    config.num_labels = len(tags)
    model = BertForTokenClassification(config)
    model.bert.load_state_dict(parts.model.state_dict(), strict=False)
    rows = [
        _encode(tokenizer, words, [config.label2id[tag] for tag in word_tags])
        for words, word_tags in _training_windows(tokenizer, train, labels)
    ]

    def collate(some: list[dict[str, list[int]]]) -> dict[str, Any]:
        width = max(len(row["input_ids"]) for row in some)
        filler = {"input_ids": tokenizer.pad_token_id, "attention_mask": 0}
        return {
            name: torch.tensor(
                [
                    row[name] + [filler.get(name, IGNORED)] * (width - len(row[name]))
                    for row in some
                ]
            )
            for name in some[0]
        }

    with tempfile.TemporaryDirectory(prefix="glosa-rival-") as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            learning_rate=learning_rate,
            num_train_epochs=epochs,
            per_device_train_batch_size=8,
            warmup_steps=0.1,
            weight_decay=0.01,
            seed=seed,
            use_cpu=True,
            save_strategy="no",
            logging_strategy="no",
            report_to=[],
            disable_tqdm=True,
        )
        trainer = Trainer(
            model=model, args=arguments, train_dataset=rows, data_collator=collate
        )
        trainer.train()
    model.eval()
    return [_mark(model, tokenizer, tags, document) for document in test]


def _training_windows(
    tokenizer: Any, documents: Sequence[Document], labels: Sequence[str]
) -> Iterator[tuple[list[str], list[str]]]:
    for document in documents:
        tokens = tokenize(document.text, document.language)
        tags = encode_iob2(tokens, _wanted(document, labels)).tags
        words = [document.text[token.start_char : token.end_char] for token in tokens]
        for start, end in _windows(tokenizer, words, tokens):
            yield words[start:end], list(tags[start:end])


def _wanted(document: Document, labels: Sequence[str]) -> list[Span]:
    return [span for span in document.spans or () if span.label in labels]


def _windows(
    tokenizer: Any, words: list[str], tokens: Sequence[Token]
) -> Iterator[tuple[int, int]]:
    """Cut before sentences where that keeps a window at most 128 pieces long."""
    if not words:
        return
    pieces = [len(tokenizer.tokenize(word)) or 1 for word in words]
    starts = [i for i, token in enumerate(tokens) if token.sentence_start or not i]
    start, room = 0, WINDOW_PIECES - 2
    last_cut = 0
    used = 0
    for index, n_pieces in enumerate(pieces):
        if index in starts:
            last_cut = index
        if used + n_pieces > room and index > start:
            end = last_cut if last_cut > start else index
            yield start, end
            used = sum(pieces[end:index])
            start = end
        used += n_pieces
    yield start, len(words)


def _encode(tokenizer: Any, words: list[str], tags: list[int]) -> dict[str, list[int]]:
    encoded = tokenizer(words, is_split_into_words=True, truncation=False)
    owners = encoded.word_ids()
    labels = [
        IGNORED if word is None or (at and owners[at - 1] == word) else tags[word]
        for at, word in enumerate(owners)
    ]
    return {
        "input_ids": encoded["input_ids"],
        "attention_mask": encoded["attention_mask"],
        "labels": labels,
    }


def _mark(
    model: Any, tokenizer: Any, tags: list[str], document: Document
) -> tuple[Span, ...]:
    import torch

    tokens = tokenize(document.text, document.language)
    words = [document.text[token.start_char : token.end_char] for token in tokens]
    found = ["O"] * len(words)
    for start, end in _windows(tokenizer, words, tokens):
        encoded = tokenizer(words[start:end], is_split_into_words=True)
        ids = torch.tensor([encoded["input_ids"]])
        with torch.inference_mode():
            best = model(input_ids=ids).logits[0].argmax(dim=-1).tolist()
        owners = encoded.word_ids()
        for at, word in enumerate(owners):
            if word is not None and not (at and owners[at - 1] == word):
                found[start + word] = tags[best[at]]
    return decode_iob2(tokens, found)


def train_spacy(
    train: Sequence[Document],
    test: Sequence[Document],
    *,
    labels: Sequence[str],
    seed: int,
    max_steps: int,
    dropout: float,
    vectors: str | None = None,
) -> list[tuple[Span, ...]]:
    """Train by ``spacy train``: tok2vec and ner as ``spacy init config`` writes them.

    ``vectors`` names a package whose static vectors are features too, with the larger
    network that ``--optimize accuracy`` gives; None takes ``--optimize efficiency``.
    """
    import spacy
    from spacy.cli.init_config import init_config
    from spacy.cli.train import train as spacy_train
    from spacy.tokens import Doc, DocBin

    language = train[0].language
    random.seed(seed)
    blank = spacy.blank(language)

    def make_doc(document: Document, tokens: Sequence[Token], tags: Any = None) -> Doc:
        words = [document.text[token.start_char : token.end_char] for token in tokens]
        starts = [token.sentence_start or not i for i, token in enumerate(tokens)]
        return Doc(blank.vocab, words=words, sent_starts=starts, ents=tags)

    docs = DocBin()
    for document in train:
        tokens = tokenize(document.text, document.language)
        tags = encode_iob2(tokens, _wanted(document, labels)).tags
        docs.add(make_doc(document, tokens, list(tags)))
    with tempfile.TemporaryDirectory(prefix="glosa-rival-") as name:
        folder = Path(name)
        docs.to_disk(folder / "train.spacy")
        config = init_config(
            lang=language,
            pipeline=["ner"],
            optimize="accuracy" if vectors else "efficiency",
            silent=True,
        )
        config.to_disk(folder / "config.cfg")
        overrides: dict[str, Any] = {
            "paths.train": str(folder / "train.spacy"),
            # No notes are set aside: the last weights are kept, as ours are.
            "paths.dev": str(folder / "train.spacy"),
            "training.max_steps": max_steps,
            "training.max_epochs": 0,
            "training.patience": 0,
            "training.eval_frequency": max_steps,
            "training.dropout": dropout,
            "training.seed": seed,
            "system.seed": seed,
        }
        if vectors:
            overrides["paths.vectors"] = vectors
        spacy_train(folder / "config.cfg", folder / "out", overrides=overrides)
        nlp = spacy.load(folder / "out" / "model-last")
    marked = []
    for document in test:
        tokens = tokenize(document.text, document.language)
        words = [document.text[token.start_char : token.end_char] for token in tokens]
        doc = Doc(nlp.vocab, words=words)
        for _, component in nlp.pipeline:
            doc = component(doc)
        tags = [f"{t.ent_iob_}-{t.ent_type_}" if t.ent_type_ else "O" for t in doc]
        marked.append(decode_iob2(tokens, tags))
    return marked
