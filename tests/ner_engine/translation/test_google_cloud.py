"""Google's own client against a server that speaks its wire format."""

from __future__ import annotations

import sys

import pytest

from ner_engine.errors import BadInput
from ner_engine.translation.backends import (
    TextRefused,
    TranslatorMissing,
    TranslatorRefused,
    TranslatorUnavailable,
    make_translator,
)
from ner_engine.translation.cache import TranslationCache
from ner_engine.translation.glossary import Glossary, Term
from ner_engine.translation.google_cloud import PRICE_PER_MILLION
from ner_engine.translation.run import TranslationRun
from ner_engine.types import Document, Span
from tests.ner_engine.translation.translate_server import (
    GrpcTranslateServer,
    TranslateServer,
)


def is_installed():
    try:
        import google.cloud.translate_v3  # noqa: F401
    except ImportError:
        return False
    return True


needs_package = pytest.mark.skipif(
    not is_installed(), reason="google-cloud-translate is not installed"
)
TEXT = "Tos seca & <3.\n\nToma fiebre."
SPANS = (Span(0, 3, "FINDING"), Span(21, 27, "FINDING"))


def google(server, **options):
    values = {
        "project": "clinic",
        "endpoint": server.endpoint,
        "transport": "rest",
        "first_wait_seconds": "0.001",
        **options,
    }
    return make_translator("google", source="es", target="en", options=values)


@needs_package
def test_documents_go_out_as_the_api_wants_them_and_come_back_with_spans():
    with TranslateServer() as server:
        run = TranslationRun(google(server))
        (found,) = run.translate([Document("a", TEXT, "es", SPANS)])

    assert found.target_text == "Cough dry & <3.\n\nTakes fever."
    assert [span.mention(found.target_text) for span in found.carried] == [
        "Cough",
        "fever",
    ]
    assert server.paths == ["/v3/projects/clinic/locations/global:translateText"]
    assert server.requests == [
        {
            "contents": [
                '<b id="0">Tos</b> seca &amp; &lt;3.',
                'Toma <b id="0">fiebre</b>.',
            ],
            "mimeType": "text/html",
            "sourceLanguageCode": "es",
            "targetLanguageCode": "en",
        }
    ]


@needs_package
def test_project_and_location_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "ward")
    monkeypatch.setenv("GOOGLE_CLOUD_LOCATION", "europe-west1")
    with TranslateServer() as server:
        translator = google(server, project="", model="general/nmt", glossary="terms")
        assert translator.translate(["tos"]) == ["COUGH"]

    parent = "projects/ward/locations/europe-west1"
    assert server.paths == [f"/v3/{parent}:translateText"]
    assert server.requests[0]["model"] == f"{parent}/models/general/nmt"
    assert server.requests[0]["glossaryConfig"] == {
        "glossary": f"{parent}/glossaries/terms"
    }


@needs_package
def test_terms_of_the_users_glossary_are_marked_as_not_for_translation():
    with TranslateServer() as server:
        run = TranslationRun(
            google(server), glossary=Glossary("es", "en", (Term("diarios", "daily"),))
        )
        document = Document("a", "Toma diarios.", "es", (Span(5, 12, "FREQUENCY"),))
        (found,) = run.translate([document])

    assert server.requests[0]["contents"] == [
        'Toma <b id="0"><span translate="no">daily</span></b>.'
    ]
    assert found.target_text == "Takes daily."
    assert found.carried[0].mention(found.target_text) == "daily"


@needs_package
def test_requests_stay_under_the_limits():
    lines = "\n".join(f"Tos {number} " + "seca " * 150 for number in range(60))
    with TranslateServer() as server:
        run = TranslationRun(google(server))
        (found,) = run.translate([Document("a", lines, "es")])

    sizes = [sum(map(len, request["contents"])) for request in server.requests]
    assert max(sizes) <= 5000
    assert sum(sizes) == run.counts["sent_characters"]
    assert found.target_text.count("Cough") == 60


@needs_package
@pytest.mark.parametrize("status", [429, 500, 503, 0], ids=str)
def test_a_busy_service_is_asked_again(status):
    with TranslateServer(failures=[status, status]) as server:
        translator = google(server)

        assert translator.translate(["tos"]) == ["cough"]

    assert translator.counts == {"requests": 3, "retries": 2}


@needs_package
def test_a_rate_limit_by_the_minute_is_waited_for_and_one_by_the_day_is_not():
    with TranslateServer(failures=[403], message="User Rate Limit Exceeded") as server:
        assert google(server).translate(["tos"]) == ["cough"]

    with TranslateServer(failures=[403], message="Daily Limit Exceeded") as server:
        with pytest.raises(TranslatorRefused, match="quota is spent"):
            google(server).translate(["tos"])
        assert len(server.requests) == 1


@needs_package
@pytest.mark.parametrize(
    ("status", "message"), [(429, "quota is spent"), (503, "service is not there")]
)
def test_a_service_that_stays_busy_ends_it_and_what_came_is_kept(
    status, message, tmp_path
):
    cache = TranslationCache(tmp_path)
    notes = [Document(str(n), f"Tos {n}.", "es") for n in range(4)]
    with TranslateServer() as server:
        list(TranslationRun(google(server), cache=cache).translate(notes[:2]))
    with TranslateServer(failures=[status] * 3) as server:
        run = TranslationRun(google(server, attempts="3"), cache=cache)
        with pytest.raises(TranslatorUnavailable, match=message) as caught:
            list(run.translate(notes))
        assert "Tos" not in str(caught.value)
        assert server.requests[-1]["contents"] == ["Tos 2.", "Tos 3."]

        # The failures are over: it goes on.
        found = [t.target_text for t in run.translate(notes)]

    assert found == [f"Cough {n}." for n in range(4)]


@needs_package
@pytest.mark.parametrize(
    ("status", "message"),
    [(401, "credentials"), (403, "permission"), (404, "does not exist")],
)
def test_what_waiting_does_not_mend_is_said_at_once_without_text(status, message):
    with TranslateServer(failures=[status]) as server:
        with pytest.raises(TranslatorRefused, match=message) as caught:
            google(server).translate(["tos"])

        assert len(server.requests) == 1
    assert "tos" not in str(caught.value)
    assert caught.value.__cause__ is None


@needs_package
def test_a_refused_text_costs_its_document_only():
    notes = [Document(str(n), f"Tos {n}.\nFiebre {n}.", "es") for n in range(5)]
    with TranslateServer(refuses="Fiebre 3") as server:
        run = TranslationRun(google(server))
        found = [translation.source.id for translation in run.translate(notes)]

    assert found == ["0", "1", "2", "4"]
    assert run.refused == [("3", "google refused the text (status 400)")]


@needs_package
def test_wrong_settings_are_not_taken_for_refused_texts():
    with TranslateServer(failures=[400, 400]) as server:
        with pytest.raises(TranslatorRefused, match="direction, model"):
            google(server).translate(["tos", "fiebre"])

        assert [r["contents"] for r in server.requests] == [["tos", "fiebre"], ["a"]]


@needs_package
def test_a_refused_text_is_its_own_error():
    with TranslateServer(refuses="fiebre") as server, pytest.raises(TextRefused):
        google(server).translate(["fiebre"])


@needs_package
def test_an_answer_with_texts_missing_is_an_error_and_not_a_shift():
    with (
        TranslateServer(drops=True) as server,
        pytest.raises(TranslatorUnavailable, match="1 texts for 2"),
    ):
        google(server).translate(["tos", "fiebre"])


@needs_package
def test_the_other_wire_format_does_the_same():
    """The client's default transport, gRPC."""
    with GrpcTranslateServer(failures=["UNAVAILABLE", "RESOURCE_EXHAUSTED"]) as server:
        translator = google(server, transport="grpc")
        run = TranslationRun(translator)
        (found,) = run.translate([Document("a", TEXT, "es", SPANS)])

    assert found.target_text == "Cough dry & <3.\n\nTakes fever."
    assert len(found.carried) == 2
    assert translator.counts == {"requests": 3, "retries": 2}
    (request,) = server.requests
    assert request.parent == "projects/clinic/locations/global"
    assert request.mime_type == "text/html"


@needs_package
@pytest.mark.parametrize(
    ("failure", "error"),
    [
        ("PERMISSION_DENIED", TranslatorRefused),
        ("UNAUTHENTICATED", TranslatorRefused),
        ("DEADLINE_EXCEEDED", TranslatorUnavailable),
    ],
)
def test_failures_of_the_other_wire_format(failure, error):
    with GrpcTranslateServer(failures=[failure] * 6) as server:
        with pytest.raises(error) as caught:
            google(server, transport="grpc").translate(["tos"])
        assert "tos" not in str(caught.value)


def test_the_price_is_told_before_anything_is_sent():
    translator = make_translator(
        "google", source="es", target="en", options={"project": "clinic"}
    )

    estimate = TranslationRun(translator).estimate([Document("a", TEXT, "es", SPANS)])

    n_chars = len('<b id="0">Tos</b> seca &amp; &lt;3.Toma <b id="0">fiebre</b>.')
    assert estimate.characters_to_send == n_chars
    assert estimate.price_usd == pytest.approx(n_chars * PRICE_PER_MILLION / 1e6)
    assert translator.traits.leaves_host


def test_without_the_package_the_way_to_get_it_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "google.cloud.translate_v3", None)
    translator = make_translator(
        "google", source="es", target="en", options={"project": "clinic"}
    )

    with pytest.raises(TranslatorMissing, match="pip install google-cloud-translate"):
        translator.translate(["tos"])


@needs_package
def test_without_credentials_the_way_to_get_them_is_said(monkeypatch, tmp_path):
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "")
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    translator = make_translator(
        "google", source="es", target="en", options={"project": "clinic"}
    )

    with pytest.raises(TranslatorRefused, match="gcloud auth application-default"):
        translator.translate(["tos"])


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({}, "name the project"),
        ({"project": "p", "glossary": "g"}, "needs the option location"),
        ({"project": "p", "transport": "smoke"}, "grpc or rest"),
        ({"project": "p", "endpoint": "http://example.org"}, "this machine only"),
        ({"project": "p", "attempts": "0"}, "1 or more"),
        ({"project": "p", "attempts": "many"}, "attempts is no number"),
        ({"project": "p", "price": "-1"}, "price must be 0 or more"),
    ],
)
def test_settings_that_cannot_be_are_refused(options, reason, monkeypatch):
    monkeypatch.delenv("GOOGLE_CLOUD_PROJECT", raising=False)
    monkeypatch.delenv("GOOGLE_CLOUD_LOCATION", raising=False)

    with pytest.raises(BadInput, match=reason):
        make_translator("google", source="es", target="en", options=options)
