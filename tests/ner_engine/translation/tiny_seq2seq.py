"""Tiny Marian and NLLB models that translate five sentences, made in seconds."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

from tests.tiny import one_thread

PAIRS = {
    "El paciente tiene fiebre.": "The patient has fever.",
    "El paciente tiene tos.": "The patient has cough.",
    "La paciente toma aas.": "The patient takes aspirin.",
    "No tiene dolor.": "She has no pain.",
    "Alta a domicilio.": "Discharged home.",
}
POSITIONS = 64
_SIZES = {
    "d_model": 48,
    "encoder_layers": 1,
    "decoder_layers": 1,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 96,
    "decoder_ffn_dim": 96,
    "max_position_embeddings": POSITIONS,
    "dropout": 0.0,
    "attention_dropout": 0.0,
}


def make_marian(folder: Path) -> Path:
    """Write a Marian model's folder as the hub has them: two spm files and a vocab."""
    import sentencepiece
    from transformers import MarianConfig, MarianMTModel, MarianTokenizer

    folder.mkdir(parents=True)
    pieces = {"</s>": 0, "<unk>": 1}
    for name, lines in (("source", list(PAIRS)), ("target", list(PAIRS.values()))):
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(lines * 20),
            model_prefix=str(folder / name),
            vocab_size=90,
            hard_vocab_limit=False,
            minloglevel=2,
        )
        (folder / f"{name}.model").rename(folder / f"{name}.spm")
        processor = sentencepiece.SentencePieceProcessor(
            model_file=str(folder / f"{name}.spm")
        )
        for number in range(processor.get_piece_size()):
            pieces.setdefault(processor.id_to_piece(number), len(pieces))
        (folder / f"{name}.vocab").unlink()
    pieces["<pad>"] = len(pieces)
    (folder / "vocab.json").write_text(json.dumps(pieces))
    with warnings.catch_warnings():
        # sacremoses would only normalise punctuation.
        warnings.simplefilter("ignore")
        tokenizer = MarianTokenizer(
            source_spm=str(folder / "source.spm"),
            target_spm=str(folder / "target.spm"),
            vocab=str(folder / "vocab.json"),
        )
        tokenizer.save_pretrained(folder)
    model = MarianMTModel(
        _config(
            MarianConfig,
            len(pieces),
            pad_token_id=pieces["<pad>"],
            eos_token_id=0,
            decoder_start_token_id=pieces["<pad>"],
            forced_eos_token_id=0,
        )
    )
    _fit(model, tokenizer)
    model.save_pretrained(folder)
    return folder


def make_nllb(folder: Path) -> Path:
    """Write an NLLB model's folder: one tokenizer, languages as tokens."""
    from transformers import M2M100Config, M2M100ForConditionalGeneration, NllbTokenizer

    words = sorted({w for text in (*PAIRS, *PAIRS.values()) for w in text.split()})
    names = ["<s>", "<pad>", "</s>", "<unk>", *sorted({c for w in words for c in w})]
    vocab = {name: number for number, name in enumerate([*names, "▁"])}
    tokenizer = NllbTokenizer(
        vocab=vocab, merges=[], extra_special_tokens=["spa_Latn", "eng_Latn"]
    )
    tokenizer.src_lang, tokenizer.tgt_lang = "spa_Latn", "eng_Latn"
    model = M2M100ForConditionalGeneration(
        _config(
            M2M100Config,
            len(tokenizer),
            pad_token_id=1,
            eos_token_id=2,
            decoder_start_token_id=2,
        )
    )
    _fit(model, tokenizer)
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)
    return folder


def _config(kind, n_pieces, **tokens):
    return kind(vocab_size=n_pieces, **_SIZES, **tokens)


def _fit(model, tokenizer) -> None:
    """Learn the pairs by heart."""
    import torch

    with one_thread(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for name, parameter in model.named_parameters():
            if parameter.dim() > 1 and "embed_positions" not in name:
                torch.nn.init.normal_(parameter, std=0.08)
        batch = tokenizer(
            list(PAIRS),
            text_target=list(PAIRS.values()),
            padding=True,
            return_tensors="pt",
        )
        labels = batch["labels"]
        labels[labels == tokenizer.pad_token_id] = -100
        optimiser = torch.optim.AdamW(model.parameters(), lr=5e-3)
        model.train()
        for _ in range(300):
            loss = model(**batch).loss
            loss.backward()
            optimiser.step()
            optimiser.zero_grad()
            if loss.item() < 0.02:
                break
        model.eval()
