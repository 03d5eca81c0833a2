"""Notes through the API: rows without text, one with it, suggestions, imports."""

from __future__ import annotations

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from annotator.enums import Genre, JobState, NoteState, Split
from annotator.models import AuditEntry, Job, Note
from annotator.services.job_runner import run_job
from tests.annotator.factories import (
    SPANS,
    TEXT,
    make_member,
    make_note,
    make_project,
    make_set,
    make_suggestion,
    make_user,
)

pytestmark = [pytest.mark.django_db, pytest.mark.integration]
URL = "/api/projects/alta/notes/"
JSONL = {"content_type": "application/jsonl"}


def rows(answer):
    return [row["external_id"] for row in answer.json()["results"]]


@pytest.mark.parametrize("n_notes", [1, 3])
def test_list_asks_the_same_queries_for_one_and_three_notes(
    project, annotator, n_notes, django_assert_num_queries
):
    for _ in range(n_notes):
        make_suggestion(make_note(project), *SPANS[0], confidence=0.4)
    # token with person, project, role twice, notes counted, notes
    with django_assert_num_queries(6):
        answer = annotator.get(URL)
    assert len(rows(answer)) == n_notes


def test_list_says_what_is_known_but_not_the_text(project, annotator):
    note = make_note(project, external_id="a", group_key="p1", title="Alta")
    make_suggestion(note, *SPANS[0], confidence=0.4)
    answer = annotator.get(URL)
    (row,) = answer.json()["results"]
    assert row.pop("imported_at")
    assert row.pop("uncertainty") == pytest.approx(0.6)
    assert row == {
        "id": note.pk,
        "external_id": "a",
        "title": "Alta",
        "group_key": "p1",
        "language": "es",
        "split": "train",
        "state": "imported",
        "is_blind": False,
        "n_chars": len(TEXT),
        "n_suggestions": 1,
        "n_unsure": 1,
        "is_mine": False,
        "is_flagged": False,
    }
    assert "torácico" not in answer.content.decode()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["a", "b", "c"]),
        ("?state=submitted", ["b"]),
        ("?split=test", ["c"]),
        ("?label=DURATION", ["b"]),
        ("?sort=-note", ["c", "b", "a"]),
        ("?sort=-note&limit=1&offset=1", ["b"]),
    ],
)
def test_list_is_filtered_and_sorted(project, annotator, query, expected):
    make_note(project, external_id="a")
    second = make_note(project, external_id="b", state=NoteState.SUBMITTED)
    make_set(second, make_user(), SPANS, state="submitted")
    make_note(project, external_id="c", split=Split.TEST)
    assert rows(annotator.get(f"{URL}{query}")) == expected


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("?text=dolor", "text"),
        ("?state=lost", "state"),
        ("?sort=secret_key", "sort"),
        ("?project__slug=other", "project__slug"),
    ],
)
def test_other_filters_are_refused(annotator, query, field):
    answer = annotator.get(f"{URL}{query}")
    assert answer.status_code == 422
    assert list(answer.json()["details"]["fields"]) == [field]


def test_detail_holds_text_tokens_and_is_written_down(project, annotator):
    note = make_note(project, metadata={"corpus": "mine"})
    body = annotator.get(f"/api/notes/{note.pk}/").json()
    assert (body["text"], body["sha256"], body["project"]) == (
        TEXT,
        note.sha256,
        "alta",
    )
    assert body["tokens"] == note.tokens
    assert (body["turns"], body["metadata"]) == ([], {"corpus": "mine"})
    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.subject) == ("note.open", f"note:{note.pk}")
    assert entry.actor is not None
    assert entry.actor.username == "ana"


def test_turns_name_their_offsets_as_all_do(api):
    project = make_project("talk", genre=Genre.DIALOGUE)
    text = "Doctor: ¿Tos? 🙂\nPatient: No.\n"
    note = make_note(project, text)
    body = api(make_member(project)).get(f"/api/notes/{note.pk}/").json()
    words = [text[t["start_char"] : t["end_char"]].strip() for t in body["turns"]]
    assert words == ["¿Tos? 🙂", "No."]
    assert [turn["role"] for turn in body["turns"]] == ["doctor", "patient"]


# Suggestions ------------------------------------------------------------------------


@pytest.mark.parametrize("n_suggestions", [1, 3])
def test_suggestions_ask_the_same_queries_for_one_and_three(
    project, annotator, n_suggestions, django_assert_num_queries
):
    note = make_note(project)
    for span in SPANS[:n_suggestions]:
        make_suggestion(note, *span)
    # token with person, note, role (2), own set, suggestions counted, suggestions
    with django_assert_num_queries(6):
        answer = annotator.get(f"/api/notes/{note.pk}/suggestions/")
    found = answer.json()["results"]
    assert [(s["start_char"], s["end_char"], s["label"]) for s in found] == list(
        SPANS[:n_suggestions]
    )


def test_suggestions_of_held_out_notes_stay_secret(project, annotator, reviewer):
    for split in (Split.DEV, Split.TEST):
        note = make_note(project, split=split)
        make_suggestion(note, *SPANS[0])
        for client in (annotator, reviewer):
            answer = client.get(f"/api/notes/{note.pk}/suggestions/")
            assert (answer.status_code, answer.json()["results"]) == (200, [])


def test_suggestions_below_the_threshold_are_left_out(project, annotator):
    note = make_note(project)
    make_suggestion(note, *SPANS[0], confidence=0.29)
    shown = make_suggestion(note, *SPANS[1], confidence=0.31)
    answer = annotator.get(f"/api/notes/{note.pk}/suggestions/").json()
    assert answer["results"] == [
        {
            "id": shown.pk,
            "start_char": 37,
            "end_char": 48,
            "label": "MEDICATION",
            "confidence": 0.31,
            "source": "pattern",
            "model_version": None,
        }
    ]


# Imports ----------------------------------------------------------------------------


def document(**fields):
    entities = [{"start": s, "end": e, "label": name} for s, e, name in SPANS]
    return {"id": "n1", "text": TEXT, "language": "es", "entities": entities} | fields


@pytest.mark.django_db(transaction=True)
def test_jsonl_body_becomes_notes(project, admin, own_engine):
    body = "\n".join(
        json.dumps(document(**fields))
        for fields in ({"split": "train"}, {"id": "n2", "text": ""})
    )
    answer = admin.post(f"{URL}?entities=gold", body, **JSONL)
    assert answer.status_code == 202
    job_url = answer.headers["Location"]
    assert job_url.endswith(reverse("api:job", kwargs={"job_id": answer.json()["id"]}))
    assert answer.json()["state"] == JobState.QUEUED

    run_job(job_id=answer.json()["id"], worker="test")

    job = admin.get(job_url).json()
    assert (job["state"], job["result"]["created"]) == ("succeeded", 1)
    (problem,) = job["result"]["problems"]
    assert (problem["file"], problem["line"]) == ("body.jsonl", 2)
    note = Note.objects.get()
    assert (note.text, note.annotation_sets.get().spans.count()) == (TEXT, 5)


def test_files_are_imported_too(project, admin, own_data):
    files = [SimpleUploadedFile(name, b"Tos seca.") for name in ("a.txt", "b.txt")]
    url = f"{URL}?entities=ignore&encoding=cp1252"
    answer = admin.post(url, {"uploads": files})
    assert answer.status_code == 202
    job = Job.objects.get()
    assert (job.parameters["entities"], job.parameters["encoding"]) == (
        "ignore",
        "cp1252",
    )
    kept = sorted(path.name for path in own_data.rglob("*.txt"))
    assert kept == ["a.txt", "b.txt"]
    assert job.created_by is not None
    assert job.created_by.username == "ada"


@pytest.mark.parametrize(
    ("url", "body", "kwargs", "expected"),
    [
        (URL, "", JSONL, (422, "invalid_values")),
        (f"{URL}?entities=maybe", "{}", JSONL, (422, "invalid_values")),
        (f"{URL}?splits=test", "{}", JSONL, (422, "invalid_values")),
        (f"{URL}?encoding=utf-7", "{}", JSONL, (422, "invalid_values")),
        (
            URL,
            "{}",
            {"content_type": "application/json"},
            (415, "unsupported_media_type"),
        ),
        (
            URL,
            {"uploads": SimpleUploadedFile("a.exe", b"x")},
            {},
            (422, "import_refused"),
        ),
        (URL, b"x", {"content_type": "multipart/form-data"}, (400, "parse_error")),
    ],
)
def test_bad_uploads_are_refused(project, admin, own_data, url, body, kwargs, expected):
    answer = admin.post(url, body, **kwargs)
    assert (answer.status_code, answer.json()["code"]) == expected
    assert not Job.objects.exists()
    assert not [path for path in own_data.rglob("*") if path.is_file()]


def test_body_past_the_limit_is_refused_before_it_is_read(project, admin, settings):
    settings.ANNOTATOR_MAX_UPLOAD_BYTES = 100
    answer = admin.post(URL, "x" * 101, **JSONL)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    ("size", "expected"),
    [(101, (422, "import_refused")), (1_100_000, (413, "too_large"))],
)
def test_form_past_the_limit_is_refused_too(
    project, admin, settings, own_data, size, expected
):
    settings.ANNOTATOR_MAX_UPLOAD_BYTES = 100
    upload = SimpleUploadedFile("a.txt", b"x" * size)
    answer = admin.post(URL, {"uploads": upload})
    assert (answer.status_code, answer.json()["code"]) == expected
    assert not [path for path in own_data.rglob("*") if path.is_file()]


def test_list_of_flagged_notes(project, reviewer):
    make_note(project, external_id="a")
    make_set(make_note(project, external_id="b"), make_user(), is_flagged=True)

    assert rows(reviewer.get(f"{URL}?flagged=true")) == ["b"]
    assert rows(reviewer.get(URL)) == ["a", "b"]
    assert reviewer.get(f"{URL}?flagged=maybe").status_code == 422
