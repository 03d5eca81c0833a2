"""The training loop: it learns, it repeats itself exactly, it goes on where it was."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from ner_engine.errors import TrainingError
from ner_engine.labels import LabelScheme
from ner_engine.models.calibration import Calibration
from ner_engine.models.emissions import decode_documents, emit
from ner_engine.models.pieces import PieceEncoder
from ner_engine.models.tagger import MultiHeadTagger
from ner_engine.training.checkpoints import latest_checkpoint
from ner_engine.training.events import (
    CheckpointSaved,
    EvalDone,
    Finished,
    Started,
    StepDone,
)
from ner_engine.training.loop import Trainer
from ner_engine.types import Document, Span
from tests.tiny import one_thread, tiny_documents, tiny_encoder_parts, tiny_recipe


@pytest.fixture(autouse=True)
def _one_thread():
    with one_thread():
        yield


def make_trainer(train, dev=(), *, seed=0, scheme=None, **options):
    recipe = options.pop("recipe", None) or tiny_recipe()
    parts = tiny_encoder_parts()
    torch.manual_seed(seed)
    tagger = MultiHeadTagger(parts.model, scheme or LabelScheme())
    return Trainer(
        tagger,
        PieceEncoder(parts.tokenizer),
        train,
        dev,
        recipe,
        seed=seed,
        bfloat16=options.pop("bfloat16", False),
        **options,
    )


def weights(trainer):
    return {name: value.clone() for name, value in trainer.tagger.state_dict().items()}


def same_weights(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def mark(trainer, documents):
    encoded = [trainer.encoder.encode(d, max_pieces=128) for d in documents]
    emissions = emit(trainer.tagger, trainer.encoder, encoded)
    return decode_documents(encoded, emissions, trainer.tagger.scheme, Calibration())


def test_eight_sentences_are_learned_by_heart():
    documents = tiny_documents(8)
    trainer = make_trainer(documents, recipe=tiny_recipe(epochs=40, batch_size=4))
    losses = [e.loss for e in trainer.run() if isinstance(e, StepDone)]
    assert losses[-1] < losses[0] / 50
    assert mark(trainer, documents) == [document.spans for document in documents]


@pytest.mark.parametrize("bfloat16", [False, True])
def test_same_seed_same_weights_and_another_seed_others(bfloat16):
    documents = tiny_documents(12)
    recipe = tiny_recipe(epochs=2, dropout=0.2, encoder_dropout=0.1)
    runs = []
    for seed in (3, 3, 4):
        trainer = make_trainer(documents, seed=seed, recipe=recipe, bfloat16=bfloat16)
        torch.rand(7)  # what others draw does not matter
        list(trainer.run())
        runs.append(weights(trainer))
    assert same_weights(runs[0], runs[1])
    assert not same_weights(runs[0], runs[2])


@pytest.mark.parametrize("stop_after", [1, 4, 7])
def test_resume_equals_an_uninterrupted_run(tmp_path, stop_after):
    documents, dev = tiny_documents(20), tiny_documents(6, seed=5)
    recipe = tiny_recipe(
        epochs=4, dropout=0.2, checkpoint_seconds=0.0, min_dev_spans=1, patience=3
    )

    def run(**options):
        return make_trainer(documents, dev, recipe=recipe, **options)

    whole = run()
    events = list(whole.run())

    interrupted = run(checkpoints=tmp_path)
    for event in interrupted.run():
        if isinstance(event, CheckpointSaved) and event.step == stop_after:
            break
    resumed = run(checkpoints=tmp_path, resume=True)
    rest = list(resumed.run())

    assert same_weights(weights(whole), weights(resumed))
    steps = [e.step for e in rest if isinstance(e, StepDone)]
    assert steps == list(range(stop_after + 1, whole.steps + 1))
    assert rest[-1].best_epoch == events[-1].best_epoch
    assert rest[-1].metrics == events[-1].metrics


def test_resume_with_other_data_is_refused(tmp_path):
    recipe = tiny_recipe(epochs=2, checkpoint_seconds=0.0)
    first = make_trainer(tiny_documents(12), recipe=recipe, checkpoints=tmp_path)
    for event in first.run():
        if isinstance(event, CheckpointSaved):
            break
    other = make_trainer(
        tiny_documents(12, seed=1), recipe=recipe, checkpoints=tmp_path, resume=True
    )
    with pytest.raises(TrainingError, match="other data"):
        list(other.run())


def test_resume_without_a_checkpoint_starts_at_the_beginning(tmp_path):
    trainer = make_trainer(
        tiny_documents(8),
        recipe=tiny_recipe(epochs=1),
        checkpoints=tmp_path / "none",
        resume=True,
    )
    events = list(trainer.run())
    assert events[1].step == 1
    assert latest_checkpoint(tmp_path / "none") is None


def test_one_checkpoint_is_kept_and_it_is_complete(tmp_path):
    recipe = tiny_recipe(epochs=2, checkpoint_seconds=0.0)
    trainer = make_trainer(tiny_documents(16), recipe=recipe, checkpoints=tmp_path)
    saved = [e for e in trainer.run() if isinstance(e, CheckpointSaved)]
    assert [path.name for path in tmp_path.iterdir()] == [saved[-1].path.name]


def test_events_come_in_order_and_count_right():
    documents, dev = tiny_documents(20), tiny_documents(5, seed=5)
    events = list(make_trainer(documents, dev, recipe=tiny_recipe(epochs=2)).run())
    # 20 short notes are 20 windows: 3 batches of at most 8, twice
    assert events[0] == Started(steps=6, epochs=2, n_train=20, n_dev=5)
    steps = [e for e in events if isinstance(e, StepDone)]
    assert [(e.step, e.epoch) for e in steps] == [
        (1, 1),
        (2, 1),
        (3, 1),
        (4, 2),
        (5, 2),
        (6, 2),
    ]
    assert [e.epoch for e in events if isinstance(e, EvalDone)] == [1, 2]
    assert isinstance(events[-1], Finished)
    assert all(e.rss_mb > 10 and e.eta_seconds >= 0 for e in steps)


def test_best_weights_are_kept_when_dev_is_large_enough():
    documents, dev = tiny_documents(40), tiny_documents(20, seed=5)
    # A rate that wrecks the model later on: the best epoch is not the last.
    recipe = tiny_recipe(epochs=6, learning_rate=0.02, warmup=0.0, min_dev_spans=10)
    trainer = make_trainer(documents, dev, recipe=recipe)
    events = list(trainer.run())
    scores = [e.f1 for e in events if isinstance(e, EvalDone)]
    finished = events[-1]
    assert scores[finished.best_epoch - 1] == max(scores)
    final = trainer.score(trainer.predict_dev(Calibration()))
    assert final["f1"] == max(scores)
    assert finished.metrics["f1"] == max(scores)


def test_patience_ends_training_early():
    documents, dev = tiny_documents(30), tiny_documents(20, seed=5)
    recipe = tiny_recipe(
        epochs=30, learning_rate=1e-12, head_learning_rate=1e-12, patience=2
    )
    events = list(make_trainer(documents, dev, recipe=recipe).run())
    assert sum(isinstance(e, EvalDone) for e in events) == 3


def test_piece_budget_bounds_epochs_but_not_below_the_least():
    documents = tiny_documents(20)
    unbounded = make_trainer(documents, recipe=tiny_recipe(epochs=9))
    next(unbounded.run())
    n_pieces = sum(example.n_pieces for example in unbounded.examples)
    for budget, expected in ((3 * n_pieces, 3), (1, 2), (100 * n_pieces, 9)):
        recipe = tiny_recipe(epochs=9, min_epochs=2, max_total_pieces=budget)
        assert next(make_trainer(documents, recipe=recipe).run()).epochs == expected


def test_an_encoder_of_few_positions_trains_and_is_scored_on_long_notes():
    text = " ".join(document.text for document in tiny_documents(12))
    long = Document("long", text, "es", (Span(0, 5, "FINDING"),))
    parts = tiny_encoder_parts(positions=40)
    trainer = Trainer(
        MultiHeadTagger(parts.model, LabelScheme()),
        PieceEncoder(parts.tokenizer),
        [long],
        [long],
        tiny_recipe(epochs=1),
        bfloat16=False,
    )
    events = list(trainer.run())
    assert any(isinstance(event, EvalDone) for event in events)


def test_a_loss_that_is_not_finite_stops_with_step_and_rate():
    trainer = make_trainer(tiny_documents(8), recipe=tiny_recipe(learning_rate=0.5))
    events = trainer.run()
    next(events)
    with torch.no_grad():
        trainer.tagger.heads.weight[0, 0] = float("nan")
    with pytest.raises(TrainingError, match=r"step 1, learning rate 0\.5"):
        next(events)


@pytest.mark.parametrize(
    "documents",
    [
        [],
        [Document("a", "Sin datos.", "es", ())],
        [Document("a", "Sin datos.", "es", None)],
        [Document("a", "Toma agua.", "es", (Span(5, 9, "OTHER"),))],
        [Document("a", "Toma  agua.", "es", (Span(4, 6, "FINDING"),))],  # blanks
    ],
)
def test_nothing_to_learn_is_an_error(documents):
    with pytest.raises(TrainingError, match="no usable entities"):
        list(make_trainer(documents).run())


def test_a_head_without_annotation_does_not_move():
    documents = [
        replace(document, exhaustive_for=frozenset({"MEDICATION"}), spans=kept)
        for document in tiny_documents(16)
        if (kept := tuple(s for s in document.spans if s.label == "MEDICATION"))
    ]
    trainer = make_trainer(documents, recipe=tiny_recipe(epochs=2))
    before = weights(trainer)
    list(trainer.run())
    after = weights(trainer)
    # MEDICATION's three rows come first.
    assert not torch.equal(after["heads.weight"][:3], before["heads.weight"][:3])
    assert torch.equal(after["heads.weight"][3:], before["heads.weight"][3:])


def test_frozen_layers_and_embeddings_stay_and_the_rest_moves():
    recipe = tiny_recipe(epochs=1, frozen_proportion=0.5)
    trainer = make_trainer(tiny_documents(16), recipe=recipe)
    before = weights(trainer)
    list(trainer.run())
    after = weights(trainer)
    for name, value in after.items():
        is_frozen = ".embeddings." in f".{name}" or ".layer.0." in name
        # attention keys' biases have no gradient: softmax cancels them
        if not name.endswith("key.bias"):
            assert torch.equal(value, before[name]) == is_frozen, name
