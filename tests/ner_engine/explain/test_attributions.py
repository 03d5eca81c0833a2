"""Attributions hold their axioms, and point at what a tiny bundle learned from."""

from __future__ import annotations

import json
import re

import pytest
import torch

from ner_engine.bundle import load_bundle
from ner_engine.cli.main import main
from ner_engine.errors import UnknownLabel
from ner_engine.explain.attributions import Explainer
from ner_engine.inference import Predictor
from ner_engine.types import Document, Span
from tests.tiny import one_thread, tiny_documents, write_jsonl

TEXT = "Tiene fiebre. Toma paracetamol 500 mg cada 8 horas por cefalea."
DOCUMENT = Document("d", TEXT, "es")


@pytest.fixture(scope="module")
def explainer(tiny_bundle):
    with one_thread():
        yield Explainer.load(tiny_bundle)


def test_explainer_predicts_what_the_predictor_does(explainer, tiny_bundle):
    plain = next(Predictor.load(tiny_bundle, bfloat16=False).predict([DOCUMENT]))
    assert explainer.predict(DOCUMENT) == plain.spans
    assert plain.spans


def test_gradients_are_complete(explainer):
    for span in explainer.predict(DOCUMENT):
        found = explainer.explain(DOCUMENT, span)
        change = found.score - found.baseline_score
        assert found.score > 0  # it was predicted: its tags beat O on the whole
        assert abs(found.remainder) <= 0.02 * max(1.0, abs(change))
        assert len(found.gradients) == len(found.tokens)


def test_gradients_more_steps_leave_less_out(tiny_bundle):
    span = Explainer.load(tiny_bundle).predict(DOCUMENT)[0]
    few, many = (
        abs(Explainer.load(tiny_bundle, n_steps=n).explain(DOCUMENT, span).remainder)
        for n in (2, 48)
    )
    assert many < few


def test_attention_rolls_out_to_one_and_by_hand(explainer, tiny_bundle):
    span = explainer.predict(DOCUMENT)[0]
    found = explainer.explain(DOCUMENT, span)
    assert all(value >= 0 for value in found.attention)
    assert 0 < sum(found.attention) <= 1 + 1e-6
    # one layer only: half its mean attention, half itself
    bundle = load_bundle(tiny_bundle)
    bundle.tagger.encoder.encoder.layer = bundle.tagger.encoder.encoder.layer[:1]
    short = Explainer(bundle)
    encoded = short._predictor.encoder.encode(DOCUMENT, max_pieces=96, context=8)
    batch = short._batch(encoded, encoded.windows[0])
    with torch.no_grad():
        (layer,) = bundle.tagger.encoder(
            input_ids=batch.input_ids,
            attention_mask=batch.attention_mask,
            output_attentions=True,
        ).attentions
    piece = int(batch.first_pieces[0, 3])
    expected = layer[0, :, piece].mean(dim=0) / 2
    expected[piece] += 0.5
    assert torch.allclose(short._roll_out(batch, 3, 4), expected, atol=1e-6)


def test_gradients_find_the_words_that_carry_the_label(explainer):
    spans = [s for s in explainer.predict(DOCUMENT) if s.label == "MEDICATION"]
    assert [span.mention(TEXT) for span in spans] == ["paracetamol"]
    found = explainer.explain(DOCUMENT, spans[0])
    top = max(range(len(found.tokens)), key=lambda index: found.gradients[index])
    token = found.tokens[top]
    assert abs(TEXT.index("paracetamol") - token.start_char) <= 12
    shares = found.shares(found.gradients)
    assert shares.inside + shares.near + shares.far == pytest.approx(1)


def test_explain_a_span_far_into_a_long_note(explainer):
    rows = tiny_documents(60, languages=("es",))
    document = Document("long", " ".join(row.text for row in rows), "es")
    span = explainer.predict(document)[-1]
    found = explainer.explain(document, span)
    assert found.tokens[0].start_char > 0
    assert found.tokens[0].start_char <= span.start_char
    assert span.end_char <= found.tokens[-1].end_char
    assert abs(found.remainder) <= 0.02 * max(1.0, abs(found.score))


def test_explain_what_cannot_be_explained_is_refused(explainer):
    with pytest.raises(ValueError, match="no token"):
        explainer.explain(DOCUMENT, Span(5, 6, "FINDING"))  # a blank
    with pytest.raises(UnknownLabel):
        explainer.explain(DOCUMENT, Span(0, 5, "DRUG"))


def test_explain_command_writes_page_and_numbers(tmp_path, tiny_bundle, capsys):
    rows = write_jsonl(tmp_path / "in.jsonl", [DOCUMENT, *tiny_documents(2)])
    page, out = tmp_path / "out.html", tmp_path / "out.json"
    arguments = [str(tiny_bundle), str(rows), str(page), "--json", str(out)]
    limits = ["--limit", "2", "--spans", "2", "--steps", "8"]
    assert main(["explain", *arguments, *limits]) == 0
    html, data = page.read_text(), out.read_text()
    assert "paracetamol" in html
    assert "holds text of notes" in html
    assert "default-src 'none'" in html
    assert not re.search(r"<(script|link|img)|https?://", html)
    assert "paracetamol" not in data
    documents = json.loads(data)["documents"]
    assert [row["id"] for row in documents] == ["d", "tiny-0-0"]
    assert all(1 <= len(row["spans"]) <= 2 for row in documents)
    token = documents[0]["spans"][0]["tokens"][0]
    assert set(token) == {"start", "end", "attention", "gradient"}
    assert "2 documents" in capsys.readouterr().out
    assert main(["explain", *arguments, "--labels", "DRUG"]) == 1
    assert "unknown label DRUG" in capsys.readouterr().err
