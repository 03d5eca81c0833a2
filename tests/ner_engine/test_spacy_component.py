"""A bundle inside a spaCy pipeline, found by import and by entry point."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import spacy
from spacy import displacy

import ner_engine.spacy_component
from ner_engine.inference import Predictor
from tests.tiny import tiny_documents

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def nlp(tiny_bundle):
    pipeline = spacy.blank("es")
    pipeline.add_pipe("glosa_ner", config={"bundle": str(tiny_bundle)})
    return pipeline


def test_component_marks_what_the_predictor_marks(nlp, tiny_bundle):
    rows = tiny_documents(6, languages=("es",), seed=4)
    expected = list(Predictor.load(tiny_bundle).predict(rows))
    assert sum(len(row.spans) for row in expected) > 6
    for doc, row in zip(nlp.pipe(row.text for row in rows), expected, strict=True):
        group = doc.spans["glosa"]
        found = [(s.start_char, s.end_char, s.label_) for s in group]
        assert found == [(s.start_char, s.end_char, s.label) for s in row.spans]
        assert group.attrs["scores"] == pytest.approx([s.confidence for s in row.spans])
        ents = [(s.start_char, s.end_char, s.label_) for s in doc.ents]
        assert ents == found  # nothing overlaps in these notes


def test_component_leaves_entities_of_others_alone(nlp, tiny_bundle):
    pipeline = spacy.blank("es")
    ruler = pipeline.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": "MINE", "pattern": "Toma"}])
    pipeline.add_pipe("glosa_ner", config={"bundle": str(tiny_bundle)})
    doc = pipeline("Toma paracetamol 500 mg cada 8 horas por fiebre.")
    labels = {span.label_ for span in doc.ents}
    assert "MINE" in labels
    assert "MEDICATION" in labels


def test_component_is_drawn_by_displacy_and_survives_a_round_trip(nlp, tmp_path):
    nlp.to_disk(tmp_path / "pipeline")
    again = spacy.load(tmp_path / "pipeline")
    text = tiny_documents(1, languages=("es",))[0].text
    drawn = displacy.render(again(text), style="ent", page=False, jupyter=False)
    assert "MEDICATION" in drawn
    assert "MEDICATION" in again.get_pipe("glosa_ner").labels
    spans = displacy.render(
        again(text), style="span", options={"spans_key": "glosa"}, jupyter=False
    )
    assert "MEDICATION" in spans


def test_component_empty_text_has_no_spans(nlp):
    assert list(nlp("").spans["glosa"]) == []


def test_component_is_found_by_the_entry_point_of_the_package(tmp_path):
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    entries = project["entry-points"]["spacy_factories"]
    name = ner_engine.spacy_component.FACTORY
    assert list(entries) == [name]
    # what pip writes when it installs the package
    info = tmp_path / "glosa-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: glosa\nVersion: 0.1.0\n"
    )
    (info / "entry_points.txt").write_text(
        f"[spacy_factories]\n{name} = {entries[name]}\n"
    )
    code = (
        "import spacy, sys; assert 'ner_engine' not in sys.modules;"
        f"sys.exit(not spacy.blank('es').has_factory('{name}'))"
    )
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": path},
        cwd=tmp_path,
    )
    assert done.returncode == 0
