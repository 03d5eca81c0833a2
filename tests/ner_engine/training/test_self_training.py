"""Self-training: only what the teacher is sure of becomes silver, and it resumes."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from ner_engine.bundle import load_bundle
from ner_engine.labels import LabelScheme
from ner_engine.models.calibration import Calibration
from ner_engine.models.emissions import decode_documents, emit
from ner_engine.models.pieces import PieceEncoder
from ner_engine.models.tagger import MultiHeadTagger
from ner_engine.training.events import BundleSaved, CheckpointSaved, Started, StepDone
from ner_engine.training.loop import Trainer
from ner_engine.training.run import TrainingPlan, train_bundle
from ner_engine.training.self_training import make_silver
from ner_engine.types import Document
from tests.tiny import one_thread, tiny_documents, tiny_encoder_parts, tiny_recipe


@pytest.fixture(autouse=True)
def _one_thread():
    with one_thread():
        yield


@pytest.fixture(scope="module", params=["multi_crf", "joint"])
def teacher(request):
    parts = tiny_encoder_parts()
    torch.manual_seed(0)
    tagger = MultiHeadTagger(parts.model, LabelScheme(), heads=request.param)
    encoder = PieceEncoder(parts.tokenizer)
    trainer = Trainer(
        tagger, encoder, tiny_documents(90), (), tiny_recipe(), bfloat16=False
    )
    with one_thread():
        list(trainer.run())
    return trainer


def bare(n_documents, seed):
    return [replace(d, spans=None) for d in tiny_documents(n_documents, seed=seed)]


def test_silver_is_sure_and_doubt_is_masked(teacher):
    documents = [*bare(8, seed=4), Document("blank", "", "es")]

    def silver(threshold):
        return make_silver(
            teacher, documents, threshold=threshold, calibration=Calibration()
        )

    # Half of what it finds is not sure enough for the strict one.
    encoded = [teacher.encoder.encode(d, max_pieces=128) for d in documents]
    answers = decode_documents(
        encoded,
        emit(teacher.tagger, teacher.encoder, encoded),
        teacher.tagger.scheme,
        Calibration(),
        transitions=teacher.tagger.learned_transitions,
    )
    confidences = sorted(span.confidence for spans in answers for span in spans)
    strict, lenient = silver(confidences[len(confidences) // 2]), silver(1e-6)
    assert 0 < strict.n_spans < lenient.n_spans == len(confidences)
    for document in strict.documents:
        assert document.id.startswith("silver:")
        assert all(span.confidence is None for span in document.spans)
        for doubtful in strict.unsure[document.id]:
            assert doubtful.start_char < doubtful.end_char <= len(document.text)
            assert not any(
                doubtful.overlaps(span)
                for span in document.spans
                if teacher.tagger.is_joint or span.label == doubtful.label
            )
    n_doubtful = {
        name: sum(map(len, made.unsure.values()))
        for name, made in (("strict", strict), ("lenient", lenient))
    }
    assert n_doubtful["strict"] > n_doubtful["lenient"]


def test_a_teacher_sure_of_nothing_makes_no_silver():
    parts = tiny_encoder_parts()
    tagger = MultiHeadTagger(parts.model, LabelScheme())
    trainer = Trainer(
        tagger,
        PieceEncoder(parts.tokenizer),
        tiny_documents(4),
        (),
        tiny_recipe(epochs=1),
        bfloat16=False,
    )
    list(trainer.run())
    silver = make_silver(
        trainer, bare(4, seed=4), threshold=1.0, calibration=Calibration()
    )
    assert silver.documents == []


def plan(tiny_bundle, out, **options):
    return TrainingPlan(
        init=str(tiny_bundle),
        train=tiny_documents(24),
        dev=(),
        recipe=tiny_recipe(epochs=2, checkpoint_seconds=0.0),
        out=out,
        unlabelled=bare(6, seed=4),
        self_training_threshold=0.6,
        **options,
    )


def test_the_bundle_learns_gold_and_silver_and_resumes_after_the_teacher(
    tiny_bundle, tmp_path
):
    events = list(train_bundle(plan(tiny_bundle, tmp_path / "whole")))
    starts = [event for event in events if isinstance(event, Started)]
    assert (starts[0].stage, starts[0].n_train) == ("teacher", 24)
    assert starts[1].n_train > 24
    whole = events[-1]
    assert isinstance(whole, BundleSaved)
    summary = whole.metrics["training"]
    assert summary["n_silver_notes"] == starts[1].n_train - 24
    assert summary["n_silver_spans"] > 0
    assert summary["peak_rss_mb"] > 0
    assert summary["n_processes"] == 1
    assert load_bundle(tmp_path / "whole").info.data["n_unlabelled"] == 6

    checkpoints = tmp_path / "checkpoints"
    n_starts = 0
    for event in train_bundle(
        plan(tiny_bundle, tmp_path / "none", checkpoints=checkpoints)
    ):
        n_starts += isinstance(event, Started)
        if n_starts == 2 and isinstance(event, CheckpointSaved):
            break
    resumed = list(
        train_bundle(
            plan(tiny_bundle, tmp_path / "again", checkpoints=checkpoints, resume=True)
        )
    )
    steps = [event for event in resumed if isinstance(event, StepDone)]
    assert steps[0].step == 2  # the teacher is not trained again
    one = load_bundle(tmp_path / "whole").tagger.state_dict()
    other = load_bundle(tmp_path / "again").tagger.state_dict()
    assert all(torch.equal(one[name], other[name]) for name in one)
