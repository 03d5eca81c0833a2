"""The tagger: shapes, the masked loss against hand counts, and changing labels."""

from __future__ import annotations

import math

import pytest
import torch

from ner_engine.labels import LabelScheme
from ner_engine.models.tagger import (
    MultiHeadTagger,
    change_labels,
    collate,
    masked_loss,
)
from tests.tiny import tiny_encoder_parts

SCHEME = LabelScheme.of(["A", "B"])


@pytest.fixture(scope="module")
def tagger():
    torch.manual_seed(0)
    return MultiHeadTagger(tiny_encoder_parts().model, SCHEME).eval()


def batch_of(*windows, limit=256):
    return collate(windows, prefix=[0], suffix=[2], pad_id=1, limit=limit)


def test_collate_pads_pieces_and_points_at_first_pieces():
    batch = batch_of([(10, 11), (12,)], [(13,)], limit=5)
    assert batch.input_ids.tolist() == [[0, 10, 11, 12, 2], [0, 13, 2, 1, 1]]
    assert batch.attention_mask.tolist() == [[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]
    assert batch.first_pieces.tolist() == [[1, 3], [1, 0]]
    assert batch.token_mask.tolist() == [[True, True], [True, False]]
    assert batch.n_pieces == 10


def test_widths_are_rounded_up_but_not_beyond_the_encoders_positions():
    window = [(number,) for number in range(10, 19)]  # 9 pieces and 2 special ones
    widths = [
        batch_of(window, limit=limit).input_ids.shape[1] for limit in (256, 13, 11)
    ]
    assert widths == [16, 13, 11]


def test_logits_have_a_row_a_token_label_and_tag(tagger):
    with torch.inference_mode():
        logits = tagger(batch_of([(10, 11), (12,)], [(13,)]))
    assert logits.shape == (2, 2, 2, 3)
    assert logits.dtype == torch.float32


def test_padding_does_not_change_an_answer(tagger):
    short, long = [(10, 11), (12,)], [(number,) for number in range(10, 40)]
    with torch.inference_mode():
        alone = tagger(batch_of(short))[0]
        padded = tagger(batch_of(short, long))[0, :2]
    assert torch.allclose(alone, padded, atol=1e-5)


def test_masked_loss_counts_only_what_may_be_learned():
    # One window, two tokens, two labels; uniform logits cost log 3 each.
    logits = torch.zeros(1, 2, 2, 3)
    targets = torch.zeros(1, 2, 2, dtype=torch.int64)
    weights = torch.tensor([[[1.0, 0.0], [1.0, 1.0]]])
    loss = masked_loss(logits, targets, weights)
    assert loss.item() == pytest.approx(3 * math.log(3))


def test_masked_places_get_no_gradient():
    logits = torch.randn(1, 2, 2, 3, requires_grad=True)
    weights = torch.tensor([[[1.0, 0.0], [0.0, 0.0]]])
    masked_loss(logits, torch.zeros(1, 2, 2, dtype=torch.int64), weights).backward()
    assert logits.grad is not None
    assert logits.grad[0, 0, 0].abs().sum() > 0
    assert logits.grad.abs().sum() == logits.grad[0, 0, 0].abs().sum()


def test_changing_labels_keeps_the_answers_of_known_heads(tagger):
    changed = change_labels(tagger, LabelScheme.of(["NEW", "B"])).eval()
    batch = batch_of([(10,), (11,)])
    with torch.inference_mode():
        before, after = tagger(batch), changed(batch)
    assert torch.equal(before[:, :, 1], after[:, :, 1])
    assert not torch.equal(before[:, :, 0], after[:, :, 0])


def test_a_new_head_mostly_says_outside(tagger):
    with torch.inference_mode():
        tags = tagger(batch_of([(number,) for number in range(10, 40)])).argmax(-1)
    assert (tags == 0).float().mean() > 0.9


@pytest.mark.parametrize(
    ("heads", "shape"),
    [
        ("multi", (1, 2, 2, 3)),
        ("multi_crf", (1, 2, 2, 3)),
        ("joint", (1, 2, 1, 5)),
        ("joint_crf", (1, 2, 1, 5)),
    ],
)
def test_each_kind_of_heads_scores_its_own_tags(heads, shape):
    tagger = MultiHeadTagger(tiny_encoder_parts().model, SCHEME, heads=heads)
    with torch.inference_mode():
        logits = tagger(batch_of([(10,), (11,)]))
        tags = tagger(batch_of([(number,) for number in range(10, 40)])).argmax(-1)
    assert logits.shape == shape
    assert (tags == 0).float().mean() > 0.9
    learned = tagger.learned_transitions
    if heads.endswith("_crf"):
        assert learned.shape == (shape[2], shape[3], shape[3])
    else:
        assert learned is None


def test_an_unknown_kind_of_heads_is_refused():
    with pytest.raises(ValueError, match="multi_crf"):
        MultiHeadTagger(tiny_encoder_parts().model, SCHEME, heads="nonsense")


def test_a_joint_head_keeps_the_tags_and_transitions_of_known_labels():
    tagger = MultiHeadTagger(tiny_encoder_parts().model, SCHEME, heads="joint_crf")
    with torch.no_grad():
        tagger.transitions.copy_(torch.randn(1, 5, 5))
    changed = change_labels(tagger.eval(), LabelScheme.of(["NEW", "B"])).eval()
    batch = batch_of([(10,), (11,)])
    with torch.inference_mode():
        before, after = tagger(batch)[:, :, 0], changed(batch)[:, :, 0]
    # O, then B and I of the label B: tags 3 and 4 in both schemes
    kept = [0, 3, 4]
    assert torch.equal(before[..., kept], after[..., kept])
    assert torch.equal(
        tagger.transitions[0][kept][:, kept], changed.transitions[0][kept][:, kept]
    )
    assert not changed.transitions[0, 1:3].any()


def test_learning_transitions_later_keeps_the_heads(tagger):
    changed = change_labels(tagger, SCHEME, heads="multi_crf").eval()
    batch = batch_of([(10,), (11,)])
    with torch.inference_mode():
        assert torch.equal(tagger(batch), changed(batch))
    assert not changed.transitions.any()
    assert change_labels(tagger, SCHEME, heads="joint").n_tags == 5


def test_label_smoothing_spreads_a_share_over_the_tags():
    logits = torch.tensor([[[[2.0, 0.0, 0.0]]]])
    targets = torch.zeros(1, 1, 1, dtype=torch.int64)
    logs = logits.log_softmax(-1).flatten()
    loss = masked_loss(logits, targets, torch.ones(1, 1, 1), label_smoothing=0.3)
    assert loss.item() == pytest.approx((-0.7 * logs[0] - 0.1 * logs.sum()).item())
