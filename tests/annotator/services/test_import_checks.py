"""The checks of single documents, also for rows that came by no reader of ours."""

from __future__ import annotations

import pytest

from annotator.services.import_checks import (
    Candidate,
    ProjectFit,
    SourceDocument,
    check_documents,
    split_of_group,
)
from annotator.services.import_problems import DUPLICATES, REASONS, Problem
from tests.annotator.factories import make_project

pytestmark = pytest.mark.django_db


def _check(*rows, project=None, entity_use="gold", max_chars=100):
    project = project or make_project()
    fit = ProjectFit.of(project, entity_use=entity_use, max_chars=max_chars)
    sources = [SourceDocument("f", n, row) for n, row in enumerate(rows, start=1)]
    return list(check_documents(sources, fit))


def _nested(depth):
    value: list = []
    for _ in range(depth - 1):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("changes", "code", "values"),
    [
        ({"text": " \n"}, "empty", {}),
        ({"text": None}, "empty", {}),
        ({"text": "a\0"}, "broken_text", {"at": 1}),
        ({"text": "\ud800"}, "broken_text", {"at": 0}),
        ({"text": "x" * 101}, "too_long", {"n": 101, "limit": 100}),
        ({"id": " "}, "id_missing", {}),
        ({"id": "x" * 201}, "id_too_long", {"n": 201, "limit": 200}),
        ({"id": "a\nb"}, "id_broken", {}),
        ({"group": "x" * 201}, "id_too_long", {"n": 201, "limit": 200}),
        ({"title": "\0"}, "broken_field", {}),
        ({"ward": _nested(101)}, "broken_field", {}),
        ({"ward": {"beds": [float("inf")]}}, "broken_field", {}),
        ({"entities": [{"start": 0}]}, "unexpected", {"kind": "KeyError"}),
        ({"split": "valid"}, "split_unknown", {}),
        (
            {"entities": [{"start": 3, "end": 3, "label": "FINDING"}]},
            "offsets",
            {"start": 3, "end": 3, "n": 7},
        ),
        (
            {"entities": [{"start": 0, "end": 3, "label": f"L{n}"} for n in range(9)]},
            "unknown_label",
            {"labels": "L0, L1, L2, L3, L4"},
        ),
    ],
)
def test_check_documents_refuses(changes, code, values):
    (found,) = _check({"id": "n", "text": "Cefalea"} | changes)

    assert found == Problem("f", 1, code, values)
    assert found.reason


def test_check_documents_refused_row_reserves_neither_id_nor_text():
    bad = {"id": "n", "text": "Cefalea", "split": "valid"}

    _, good = _check(bad, {"id": "n", "text": "Cefalea"})

    assert isinstance(good, Candidate)


def test_check_documents_keeps_fields_of_a_sane_depth():
    (found,) = _check({"id": "n", "text": "Cefalea", "ward": _nested(98)})

    assert isinstance(found, Candidate)
    assert found.metadata == {"ward": _nested(98)}


def test_check_documents_an_unforeseen_error_costs_its_document_only(caplog):
    broken = {"id": "a", "text": "Secreto", "entities": ["Secreto"]}

    problem, good = _check(broken, {"id": "b", "text": "Tos"})

    assert (problem.code, problem.values) == ("unexpected", {"kind": "TypeError"})
    assert isinstance(good, Candidate)
    assert "import_checks.py" in caplog.text
    assert "Secreto" not in caplog.text


def test_check_documents_takes_the_file_s_word_before_the_draw():
    project = make_project(language="es", test_percent=45, dev_percent=45)
    rows = [
        {"id": "a", "text": "Uno", "group": "p", "split": "train", "language": "ca"},
        {"id": "b", "text": "Dos", "group": "p"},
        {"id": "c", "text": "Tres", "group": "p", "split": "test"},
    ]

    first, second, third = _check(*rows, project=project)

    assert (first.split, first.language) == ("train", "ca")
    assert (second.split, second.language) == ("train", "es")
    assert third.code == "split_differs"


@pytest.mark.parametrize(
    ("dev", "test", "wanted"),
    [(0, 0, {"train"}), (45, 45, {"train", "dev", "test"}), (0, 45, {"train", "test"})],
)
def test_split_of_group_keeps_to_the_project_s_shares(dev, test, wanted):
    project = make_project(dev_percent=dev, test_percent=test)
    drawn = [split_of_group(project, f"p{n}") for n in range(400)]

    assert set(drawn) == wanted
    assert abs(drawn.count("test") - 4 * test) < 40
    assert abs(drawn.count("dev") - 4 * dev) < 40


def test_reasons_name_known_duplicates():
    assert set(REASONS) > DUPLICATES
