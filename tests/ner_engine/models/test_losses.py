"""The losses against enumeration and hand counts."""

from __future__ import annotations

import math
from itertools import pairwise, product

import pytest
import torch

from ner_engine.models.losses import (
    allowed_tags,
    chain_loss,
    consistency_loss,
    partial_loss,
)
from ner_engine.models.tagger import masked_loss

LEGAL = {
    path
    for path in product(range(3), repeat=3)
    if all(not (a == 0 and b == 2) for a, b in pairwise(path))
}


def chain_by_enumeration(logits, allowed, transitions):
    """Negative log-share of the allowed ones among legal paths of three tokens."""

    def total(paths):
        return sum(
            math.exp(
                sum(float(logits[at, tag]) for at, tag in enumerate(path))
                + sum(float(transitions[a, b]) for a, b in pairwise(path))
            )
            for path in paths
        )

    kept = [p for p in LEGAL if all(allowed[at, tag] for at, tag in enumerate(p))]
    return math.log(total(LEGAL)) - math.log(total(kept))


@pytest.mark.parametrize("known", [(1, 1, 1), (0, 1, 1), (1, 0, 1), (0, 0, 0)])
def test_chain_loss_equals_enumeration_also_when_tokens_are_unknown(known):
    torch.manual_seed(0)
    logits = torch.randn(1, 3, 1, 3)
    transitions = torch.randn(1, 3, 3)
    targets = torch.tensor([[[1], [2], [0]]])
    weights = torch.tensor(known, dtype=torch.float32).view(1, 3, 1)
    allowed = allowed_tags(targets, weights, 3)
    mask = torch.ones(1, 3, dtype=torch.bool)
    loss = chain_loss(logits, allowed, transitions, mask)
    expected = chain_by_enumeration(logits[0, :, 0], allowed[0, :, 0], transitions[0])
    assert loss.item() == pytest.approx(expected, abs=1e-5)


def test_chain_loss_adds_up_over_windows_and_ignores_padding():
    torch.manual_seed(1)
    logits = torch.randn(2, 3, 2, 3)
    transitions = torch.randn(2, 3, 3)
    targets = torch.zeros(2, 3, 2, dtype=torch.int64)
    weights = torch.ones(2, 3, 2)
    mask = torch.tensor([[True, True, True], [True, False, False]])
    weights[1, 1:] = 0
    allowed = allowed_tags(targets, weights, 3)
    whole = chain_loss(logits, allowed, transitions, mask)
    parts = [
        chain_loss(logits[:1], allowed[:1], transitions, mask[:1]),
        chain_loss(logits[1:, :1], allowed[1:, :1], transitions, mask[1:, :1]),
    ]
    assert whole.item() == pytest.approx(sum(part.item() for part in parts), rel=1e-5)


def test_a_chain_may_begin_inside_a_span():
    allowed = allowed_tags(torch.tensor([[[2], [0]]]), torch.ones(1, 2, 1), 3)
    mask = torch.ones(1, 2, dtype=torch.bool)
    loss = chain_loss(torch.zeros(1, 2, 1, 3), allowed, torch.zeros(1, 3, 3), mask)
    # 8 of the 9 paths of two tokens are legal.
    assert loss.item() == pytest.approx(math.log(8))


def test_chain_loss_teaches_the_transitions():
    transitions = torch.zeros(1, 3, 3, requires_grad=True)
    allowed = allowed_tags(torch.tensor([[[1], [2]]]), torch.ones(1, 2, 1), 3)
    mask = torch.ones(1, 2, dtype=torch.bool)
    chain_loss(torch.zeros(1, 2, 1, 3), allowed, transitions, mask).backward()
    assert transitions.grad[0, 1, 2] < 0
    assert transitions.grad[0, 1, 1] > 0
    assert transitions.grad[0, 0, 2] == 0  # illegal: never part of a path


def test_partial_loss_with_all_tags_known_is_the_masked_loss():
    torch.manual_seed(2)
    logits, targets = torch.randn(2, 4, 2, 3), torch.randint(0, 3, (2, 4, 2))
    weights = torch.rand(2, 4, 2)
    allowed = allowed_tags(targets, weights, 3)
    for smoothing in (0.0, 0.2):
        assert partial_loss(
            logits, allowed, weights, label_smoothing=smoothing
        ).item() == pytest.approx(
            masked_loss(logits, targets, weights, label_smoothing=smoothing).item(),
            rel=1e-5,
        )


def test_outside_of_a_joint_head_may_be_a_label_that_was_not_annotated():
    # Five tags; the second label was not annotated for.
    open_tags = torch.tensor([[False, False, False, True, True]])
    targets = torch.tensor([[[0], [1]]])
    allowed = allowed_tags(targets, torch.ones(1, 2, 1), 5, open_tags)
    assert allowed[0, :, 0].tolist() == [
        [True, False, False, True, True],
        [False, True, False, False, False],
    ]
    loss = partial_loss(torch.zeros(1, 2, 1, 5), allowed, torch.ones(1, 2, 1))
    assert loss.item() == pytest.approx(math.log(5 / 3) + math.log(5))


def test_consistency_is_the_mean_of_both_divergences():
    one = torch.tensor([[[[math.log(0.8), math.log(0.2)]]]])
    other = torch.tensor([[[[math.log(0.5), math.log(0.5)]]]])
    there = 0.8 * math.log(0.8 / 0.5) + 0.2 * math.log(0.2 / 0.5)
    back = 0.5 * math.log(0.5 / 0.8) + 0.5 * math.log(0.5 / 0.2)
    mask = torch.tensor([[True]])
    loss = consistency_loss(one, other, mask)
    assert loss.item() == pytest.approx((there + back) / 2, rel=1e-5)
    assert consistency_loss(one, one, mask).item() == 0
    assert consistency_loss(one, other, ~mask).item() == 0
