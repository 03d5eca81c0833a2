"""``serve``: the protocol, line by line, with a real child process."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_engine.acceleration import read_choice
from ner_engine.active_learning.signals import score_notes
from ner_engine.bundle import digest, load_bundle
from ner_engine.cli.serve import Server
from ner_engine.labels import DEFAULT_LABELS
from ner_engine.text.tokens import TOKENIZER_VERSION, tokenize
from ner_engine.types import Document
from tests.tiny import one_thread

NOTE = {"id": "n1", "text": "Toma ibuprofeno 1 g. Refiere fiebre.", "language": "es"}


@pytest.fixture(autouse=True)
def _one_thread():
    with one_thread():
        yield


def ask(server, **request):
    return server.answer(json.dumps(request).encode())


def test_tokenize_gives_the_projects_tokens():
    answer = ask(Server(), id=1, op="tokenize", documents=[NOTE])
    tokens = tokenize(NOTE["text"], "es")
    assert answer == {
        "id": 1,
        "ok": True,
        "tokenizer": TOKENIZER_VERSION,
        "documents": [
            {
                "id": "n1",
                "tokens": [
                    [t.start_char, t.end_char, int(t.sentence_start)] for t in tokens
                ],
            }
        ],
    }


def test_predict_gives_entities_labels_and_digest(tiny_bundle):
    answer = ask(
        Server(), id=2, op="predict", bundle=str(tiny_bundle), documents=[NOTE, NOTE]
    )
    assert answer["ok"]
    assert answer["digest"] == digest(tiny_bundle)
    assert answer["labels"] == list(DEFAULT_LABELS)
    first, second = answer["documents"]
    assert first == second
    found = {(e["start"], e["end"], e["label"]) for e in first["entities"]}
    assert {(5, 15, "MEDICATION"), (16, 19, "DOSAGE"), (29, 35, "FINDING")} == found
    assert all(0 < e["confidence"] <= 1 for e in first["entities"])


def test_signals_are_those_of_the_library_and_hold_no_text(tiny_bundle):
    answer = ask(
        Server(), op="signals", bundle=str(tiny_bundle), documents=[NOTE], passes=2
    )
    (row,) = answer["documents"]
    note = Document(NOTE["id"], NOTE["text"], NOTE["language"])
    bundle = load_bundle(tiny_bundle)
    (scored,) = score_notes(bundle, [note], dropout_passes=2)
    assert (answer["digest"], answer["labels"]) == (
        bundle.digest,
        list(DEFAULT_LABELS),
    )
    assert row["signals"]["spans"] == scored.signals.to_json()["spans"]
    assert row["signals"]["mutual_information"] > 0
    assert "ibuprofeno" not in json.dumps(answer)


@pytest.mark.parametrize("passes", [1, -1, 51, "2", 2.0])
def test_passes_that_cannot_disagree_are_refused(tiny_bundle, passes):
    answer = ask(
        Server(), op="signals", bundle=str(tiny_bundle), documents=[], passes=passes
    )
    assert answer["error"]["type"] == "BadInput"


def test_a_replaced_bundle_is_noticed_and_two_are_kept(tiny_bundle, tmp_path):
    server = Server()
    paths = [shutil.copytree(tiny_bundle, tmp_path / name) for name in "abc"]
    for path in paths:
        assert ask(server, op="predict", bundle=str(path), documents=[])["ok"]
    kept = list(server._predictors)
    assert [path for path, _ in kept] == [str(paths[1]), str(paths[2])]
    shutil.rmtree(paths[2])
    gone = ask(server, id=7, op="predict", bundle=str(paths[2]), documents=[])
    assert (gone["id"], gone["ok"], gone["error"]["type"]) == (7, False, "BundleError")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"nonsense", "not JSON"),
        (b"[]", "not an object"),
        (b'"\xff"', "not JSON"),
        (b"{}", "op is none of"),
        (b'{"op": "read", "path": "/etc/passwd"}', "op is none of"),
        (b'{"op": ["predict"]}', "op is none of"),
        (b'{"op": "tokenize"}', "documents"),
        (b'{"op": "tokenize", "documents": [1]}', "not an object"),
        (b'{"op": "tokenize", "documents": [{"id": "a"}]}', "text"),
        (b'{"op": "predict", "documents": []}', "bundle"),
        (b'{"op": "predict", "documents": [], "bundle": "/nowhere"}', "no bundle"),
        (b'{"op": "predict", "documents": [], "bundle": "a\\u0000b"}', ""),
    ],
)
def test_bad_requests_get_typed_errors(line, reason):
    answer = Server().answer(line)
    assert answer["ok"] is False
    assert answer["id"] is None
    assert reason in answer["error"]["message"]
    assert answer["error"]["type"] in {"BadInput", "BundleError"}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "text", "language", "entities", "turns", "split"]),
            inner,
        )
    ),
    max_leaves=12,
)


@given(
    st.sampled_from(["tokenize", "predict", "other"]),
    json_values,
    json_values,
)
def test_no_request_ends_the_server(op, documents, bundle):
    request = {"id": 3, "op": op, "documents": documents, "bundle": bundle}
    answer = Server().answer(json.dumps(request).encode())
    assert answer["id"] == 3
    json.dumps(answer)


def test_child_answers_in_order_keeps_stdout_clean_and_ends_with_stdin(tiny_bundle):
    requests = [
        {"id": 1, "op": "tokenize", "documents": [NOTE]},
        {"id": 2, "op": "nonsense"},
        {"id": 3, "op": "predict", "bundle": str(tiny_bundle), "documents": [NOTE]},
    ]
    lines = "".join(json.dumps(request) + "\n" for request in requests)
    done = subprocess.run(
        [sys.executable, "-m", "ner_engine", "serve", "--threads", "1"],
        input=lines + "\n",
        capture_output=True,
        text=True,
        check=True,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(answer["id"], answer["ok"]) for answer in answers] == [
        (1, True),
        (2, False),
        (3, True),
    ]


def test_tokenizing_loads_no_torch():
    code = (
        "import json, sys\n"
        "from ner_engine.cli.main import build_parser\n"
        "from ner_engine.cli.serve import Server\n"
        "build_parser()\n"
        "note = {'id': 'a', 'text': 'Toma 1 g.', 'language': 'es'}\n"
        "request = {'op': 'tokenize', 'documents': [note]}\n"
        "assert Server().answer(json.dumps(request).encode())['ok']\n"
        "heavy = {'torch', 'transformers', 'spacy', 'django'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_faster_engine_is_found_while_another_serves(
    tiny_bundle, tmp_path, monkeypatch
):
    monkeypatch.setattr("ner_engine.acceleration.WORTHWHILE_HIDDEN", 1)
    server = Server(threads=1, cache=tmp_path, accelerate=True)
    try:
        first = ask(server, op="predict", bundle=str(tiny_bundle), documents=[NOTE])
        assert first["ok"]
        found = digest(tiny_bundle)
        child = server._search._child
        assert child.wait() == 0
        choice = read_choice(found, tmp_path)
        again = ask(server, op="predict", bundle=str(tiny_bundle), documents=[NOTE])
        (predictor,) = server._predictors.values()
        assert predictor.engine.name == choice.engine
        places = [
            [(e["start"], e["end"]) for e in answer["documents"][0]["entities"]]
            for answer in (first, again)
        ]
        assert places[0] == places[1]
        assert server._search._child is None
    finally:
        server.close()


def test_small_encoders_are_not_searched_for(tiny_bundle, tmp_path):
    server = Server(threads=1, cache=tmp_path, accelerate=True)
    ask(server, op="predict", bundle=str(tiny_bundle), documents=[])
    assert server._search._child is None
    server.close()
