"""Every option of a recipe does what it says, resumes exactly and repeats itself."""

from __future__ import annotations

import math

import pytest
import torch
from transformers import BertConfig, BertModel

from ner_engine.errors import TrainingError
from ner_engine.labels import LabelScheme
from ner_engine.models.calibration import Calibration
from ner_engine.models.emissions import decode_documents, emit
from ner_engine.models.pieces import PieceEncoder
from ner_engine.models.tagger import MultiHeadTagger
from ner_engine.training.averaging import WeightAverage
from ner_engine.training.events import CheckpointSaved, StepDone
from ner_engine.training.loop import Trainer
from ner_engine.training.optimiser import encoder_layers, freeze_layers, rates_by_layer
from ner_engine.types import Document, Span
from tests.tiny import one_thread, tiny_documents, tiny_encoder_parts, tiny_recipe

LONG = Document(
    "long",
    " ".join(document.text for document in tiny_documents(30)),
    "es",
    tuple(
        Span(offset + span.start_char, offset + span.end_char, span.label)
        for offset, document in zip(
            [sum(len(d.text) + 1 for d in tiny_documents(30)[:n]) for n in range(30)],
            tiny_documents(30),
            strict=True,
        )
        for span in document.spans
    ),
)
OPTIONS = {
    "crf": {"heads": "multi_crf"},
    "joint": {"heads": "joint", "label_smoothing": 0.1},
    "joint crf": {"heads": "joint_crf"},
    "consistency": {"r_drop": 1.0, "entity_weight": 3.0},
    "average": {"ema_decay": 0.9, "layer_decay": 0.8},
    "context": {"context_tokens": 8, "max_pieces": 40},
    "frozen": {"frozen_layers": "intermediate", "freeze_embeddings": True},
}


@pytest.fixture(autouse=True)
def _one_thread():
    with one_thread():
        yield


def make_trainer(train, dev=(), *, scheme=None, seed=0, **options):
    recipe = options.pop("recipe")
    parts = tiny_encoder_parts()
    torch.manual_seed(seed)
    tagger = MultiHeadTagger(
        parts.model, scheme or LabelScheme(), heads=recipe.heads or "multi"
    )
    encoder = PieceEncoder(parts.tokenizer)
    options.setdefault("bfloat16", False)
    return Trainer(tagger, encoder, train, dev, recipe, seed=seed, **options)


def mark(trainer, documents):
    encoded = [trainer.encoder.encode(d, max_pieces=128) for d in documents]
    return decode_documents(
        encoded,
        emit(trainer.tagger, trainer.encoder, encoded),
        trainer.tagger.scheme,
        Calibration(),
        transitions=trainer.tagger.learned_transitions,
    )


def same_weights(one, other):
    states = one.tagger.state_dict(), other.tagger.state_dict()
    return all(torch.equal(states[0][name], states[1][name]) for name in states[0])


@pytest.mark.parametrize("name", OPTIONS)
def test_resume_equals_an_uninterrupted_run_and_repeats_itself(tmp_path, name):
    documents, dev = [*tiny_documents(12), LONG], tiny_documents(6, seed=5)
    settings = {"epochs": 2, "dropout": 0.2, "checkpoint_seconds": 0.0, **OPTIONS[name]}
    recipe = tiny_recipe(min_dev_spans=1, **settings)

    def run(**options):
        return make_trainer(documents, dev, recipe=recipe, **options)

    whole = run()
    end = list(whole.run())[-1]
    interrupted = run(checkpoints=tmp_path)
    for event in interrupted.run():
        if isinstance(event, CheckpointSaved) and event.step == 2:
            break
    resumed = run(checkpoints=tmp_path, resume=True)
    rest = list(resumed.run())
    assert rest[1].step == 3
    assert same_weights(whole, resumed)
    assert rest[-1].metrics == end.metrics


@pytest.mark.parametrize("heads", ["multi_crf", "joint", "joint_crf"])
def test_every_kind_of_heads_learns_eight_sentences_by_heart(heads):
    documents = tiny_documents(8)
    recipe = tiny_recipe(epochs=40, batch_size=4, heads=heads)
    trainer = make_trainer(documents, recipe=recipe)
    losses = [e.loss for e in trainer.run() if isinstance(e, StepDone)]
    assert losses[-1] < losses[0] / 20
    assert mark(trainer, documents) == [document.spans for document in documents]


def test_learned_transitions_move_and_only_where_they_are_legal():
    recipe = tiny_recipe(epochs=2, heads="multi_crf")
    trainer = make_trainer(tiny_documents(16), recipe=recipe)
    list(trainer.run())
    learned = trainer.tagger.learned_transitions
    assert learned[:, 0, 2].tolist() == [0.0] * 5
    assert (learned[:, 1, 2] != 0).all()


def test_of_overlapping_spans_a_joint_head_learns_the_longest():
    text = "Refiere dolor abdominal agudo"
    spans = (Span(8, 29, "FINDING"), Span(14, 23, "DURATION"))
    documents = [Document(f"d{n}", text, "es", spans) for n in range(8)]
    recipe = tiny_recipe(epochs=30, heads="joint")
    trainer = make_trainer(documents, recipe=recipe)
    list(trainer.run())
    assert mark(trainer, documents[:1]) == [(spans[0],)]


def test_a_joint_head_does_not_unlearn_labels_a_note_was_not_annotated_for():
    both = tiny_documents(12)
    drugs = [
        Document(
            f"only-{d.id}",
            d.text,
            d.language,
            tuple(s for s in d.spans if s.label == "MEDICATION"),
            exhaustive_for=frozenset({"MEDICATION"}),
        )
        for d in both
    ]
    recipe = tiny_recipe(epochs=30, heads="joint")
    trainer = make_trainer([*both, *drugs, *drugs], recipe=recipe)
    list(trainer.run())
    found = mark(trainer, both)
    assert found == [document.spans for document in both]


@pytest.mark.parametrize("setting", [{"entity_weight": 2.0}, {"label_smoothing": 0.1}])
def test_token_weights_are_refused_for_whole_paths(setting):
    recipe = tiny_recipe(heads="multi_crf", **setting)
    with pytest.raises(TrainingError, match="whole paths"):
        list(make_trainer(tiny_documents(4), recipe=recipe).run())


def test_with_context_each_token_is_still_learned_from_once():
    plain = make_trainer([LONG], recipe=tiny_recipe(max_pieces=40))
    shared = make_trainer([LONG], recipe=tiny_recipe(max_pieces=40, context_tokens=8))
    for trainer in (plain, shared):
        trainer._prepare()
    n_tokens = sum(example.n_learned for example in plain.examples)
    assert all(example.n_context == 0 for example in plain.examples)
    assert sum(example.n_context for example in shared.examples) > 8
    assert sum(example.n_learned for example in shared.examples) == n_tokens
    assert sum(int(example.weights[:, 0].sum()) for example in shared.examples) == (
        n_tokens
    )


def test_entity_weight_weighs_the_tokens_inside_spans():
    trainer = make_trainer(tiny_documents(4), recipe=tiny_recipe(entity_weight=3.0))
    trainer._prepare()
    for example in trainer.examples:
        assert ((example.weights == 3.0) == (example.targets != 0)).all()
        assert ((example.weights == 1.0) == (example.targets == 0)).all()


def test_unsure_ranges_teach_their_head_nothing():
    document = tiny_documents(1)[0]
    unsure = document.spans[0]
    trainer = make_trainer(
        [document], recipe=tiny_recipe(), unsure={document.id: (unsure,)}
    )
    trainer._prepare()
    (example,) = trainer.examples
    head = trainer.tagger.scheme.index(unsure.label)
    assert not example.weights[example.targets[:, head] != 0, head].any()
    others = [h for h in range(5) if h != head]
    assert example.weights[:, others].all()


def four_layers():
    return BertModel(
        BertConfig(
            vocab_size=20,
            hidden_size=8,
            num_hidden_layers=4,
            num_attention_heads=2,
            intermediate_size=8,
        ),
        add_pooling_layer=False,
    )


def test_a_rate_falls_from_the_top_layer_to_the_embeddings():
    encoder = four_layers()
    groups = rates_by_layer(encoder, 1.0, 0.5)
    assert [rate for _, rate in groups] == [1.0, 0.5, 0.25, 0.125, 0.0625]
    top = list(encoder_layers(encoder)[-1].parameters())
    assert all(a is b for a, b in zip(groups[0][0], top, strict=True))
    assert encoder.get_input_embeddings().weight in set(groups[-1][0])
    n_parameters = sum(len(members) for members, _ in groups)
    assert n_parameters == len(list(encoder.parameters()))


@pytest.mark.parametrize(
    ("settings", "trained", "embeddings"),
    [
        ({}, [True] * 4, True),
        ({"frozen_proportion": 0.2}, [False, True, True, True], False),
        ({"frozen_layers": "intermediate"}, [True, False, False, True], True),
        (
            {"frozen_layers": "intermediate", "freeze_embeddings": True},
            [True, False, False, True],
            False,
        ),
    ],
)
def test_each_way_of_freezing_freezes_its_layers(settings, trained, embeddings):
    encoder = four_layers()
    n_frozen = freeze_layers(encoder, tiny_recipe(**settings))
    assert n_frozen == trained.count(False)
    for layer, is_trained in zip(encoder_layers(encoder), trained, strict=True):
        assert {p.requires_grad for p in layer.parameters()} == {is_trained}
    assert encoder.get_input_embeddings().weight.requires_grad == embeddings


def test_the_average_follows_at_the_stated_distance():
    tagger = MultiHeadTagger(tiny_encoder_parts().model, LabelScheme())
    with torch.no_grad():
        tagger.heads.bias.fill_(0.0)
    average = WeightAverage(tagger, 0.5)
    for step in (1, 2, 3, 40):
        with torch.no_grad():
            tagger.heads.bias.fill_(float(step))
        average.update(step)
    # decays 2/11, 3/12, 4/13, then 0.5
    expected = 0.0
    for step, decay in ((1, 2 / 11), (2, 3 / 12), (3, 4 / 13), (40, 0.5)):
        expected = decay * expected + (1 - decay) * step
    assert average.values["heads.bias"][0].item() == pytest.approx(expected)
    with average.used():
        assert tagger.heads.bias[0].item() == pytest.approx(expected)
    assert tagger.heads.bias[0].item() == 40.0


def test_training_ends_with_the_average():
    recipe = tiny_recipe(epochs=2, ema_decay=0.9)
    trainer = make_trainer(tiny_documents(16), recipe=recipe)
    list(trainer.run())
    for name, value in trainer.tagger.named_parameters():
        assert torch.equal(value, trainer.average.values[name])


def test_peak_memory_is_reported():
    trainer = make_trainer(tiny_documents(8), recipe=tiny_recipe(epochs=1))
    end = list(trainer.run())[-1]
    assert math.isfinite(end.peak_rss_mb)
    assert end.peak_rss_mb > 50
    assert (end.peak_cuda_mb is None) == (not torch.cuda.is_available())
