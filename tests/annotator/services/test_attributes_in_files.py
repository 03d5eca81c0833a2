"""Clinical context in files: out with Document JSONL, and in again."""

from __future__ import annotations

import json

import pytest

from annotator.models import Note, Span
from annotator.selectors.training import training_plan
from annotator.services import export_files, exports
from annotator.services.imports import import_paths
from ner_engine.data.jsonl import read_documents
from tests.annotator.factories import SPANS, TEXT, make_note, make_project, make_set

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def data_dir(settings, tmp_path):
    settings.ANNOTATOR_DATA_DIR = tmp_path / "data"
    settings.ANNOTATOR_DATA_DIR.mkdir()
    return settings.ANNOTATOR_DATA_DIR


def import_row(folder, attributes):
    """Import TEXT with its gold, of which the first mention has *attributes*."""
    entities = [{"start": s, "end": e, "label": name} for s, e, name in SPANS]
    entities[0]["attributes"] = attributes
    path = folder / "notes.jsonl"
    path.write_text(json.dumps({"id": "n1", "text": TEXT, "entities": entities}))
    return import_paths(project=make_project(), actor=None, paths=[path])


def test_an_import_keeps_the_attributes_of_gold(tmp_path):
    import_row(tmp_path, ["family", "negated"])

    spans = Span.objects.order_by("start_char")
    assert [span.attributes for span in spans] == [
        {"family": True, "negated": True},
        *[{}] * 4,
    ]


@pytest.mark.parametrize(
    ("attributes", "code"),
    [(["past"], "unknown_attribute"), ("negated", "unreadable"), ([1], "unreadable")],
)
def test_an_import_refuses_attributes_that_are_none(tmp_path, attributes, code):
    report = import_row(tmp_path, attributes)

    assert [(p.line, p.code) for p in report.problems] == [(1, code)]
    assert not Note.objects.exists()


def test_attributes_are_no_new_data_to_a_training():
    project = make_project()
    gold = make_set(make_note(project), None, SPANS)
    before = training_plan(project=project).digest

    gold.spans.update(attributes={"negated": True})

    assert training_plan(project=project).digest == before


def test_attributes_go_out_with_jsonl_and_come_back_in(data_dir, tmp_path):
    project = make_project()
    note = make_note(project, external_id="es-1")
    gold = make_set(note, None, SPANS)
    gold.spans.filter(start_char=21).update(
        attributes={"historical": True, "negated": True, "family": False}
    )
    said = {(21, 35, "FINDING"): ("negated", "historical")}

    export = exports.make_export(project=project, actor=None, format="jsonl")
    path = data_dir / export.path
    copy = tmp_path / "copy.jsonl"
    copy.write_bytes(path.read_bytes())
    other = make_project()
    import_paths(project=other, actor=None, paths=[copy])

    (document,) = read_documents(path)
    found = {(s.start_char, s.end_char, s.label): s.attributes for s in document.spans}
    assert found == {span: said.get(span, ()) for span in SPANS}
    assert export.is_verified
    again = Span.objects.get(annotation_set__note__project=other, start_char=21)
    assert again.attributes == {"negated": True, "historical": True}
    second = exports.make_export(project=other, actor=None, format="jsonl")
    assert (data_dir / second.path).read_bytes() == path.read_bytes()


def test_attributes_that_a_file_lost_are_a_difference(data_dir):
    project = make_project()
    gold = make_set(make_note(project, external_id="es-1"), None, SPANS)
    gold.spans.filter(start_char=21).update(attributes={"negated": True})
    path = data_dir / "x.jsonl"
    written = export_files.write_file(path, project, "jsonl", ["train"], None)
    path.write_text(path.read_text().replace('"negated"', '"family"'))

    found = export_files.verify_file(path, project, "jsonl", written)

    (difference,) = found["differences"]
    assert difference["missing"] == [(21, 35, "FINDING", "negated")]


def test_conll_lists_the_attributes_that_it_has_no_place_for():
    project = make_project()
    gold = make_set(make_note(project, external_id="es-1"), None, SPANS)
    gold.spans.filter(start_char=21).update(
        attributes={"historical": True, "negated": True, "family": False}
    )

    export = exports.make_export(project=project, actor=None, format="conll")

    assert export.losses == [
        {
            "note": "es-1",
            "start_char": 21,
            "end_char": 35,
            "label": "FINDING",
            "reason": "attributes",
            "attributes": ["negated", "historical"],
        }
    ]
    assert export.is_verified
    assert export.n_spans == len(SPANS)


def test_conll_says_of_a_span_that_it_left_out_only_that():
    project = make_project()
    spans = [(21, 35, "FINDING"), (21, 26, "FINDING")]
    make_set(make_note(project), None, spans).spans.update(attributes={"family": True})

    losses = exports.make_export(project=project, actor=None, format="conll").losses

    assert [(loss["end_char"], loss["reason"]) for loss in losses] == [
        (26, "overlap"),
        (35, "attributes"),
    ]


def test_conll_lists_the_labels_that_a_note_is_not_settled_for():
    project = make_project()
    shown = ["MEDICATION", "DOSAGE", "FREQUENCY", "FINDING"]
    make_set(
        make_note(project, external_id="es-1"),
        None,
        SPANS,
        labels_shown=shown,
        labels_undecided=["FINDING"],
    )

    conll = exports.make_export(project=project, actor=None, format="conll")
    jsonl = exports.make_export(project=project, actor=None, format="jsonl")

    assert [tuple(loss.values()) for loss in conll.losses] == [
        ("es-1", None, None, "DURATION", "undecided"),
        ("es-1", None, None, "FINDING", "undecided"),
    ]
    assert conll.is_verified
    assert jsonl.losses == []
