"""axe-core finds nothing serious on any page, by day and by night.

What a machine can tell of WCAG 2.2 AA; focus, names and zoom have tests of their own.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect

from annotator.enums import (
    ExportFormat,
    Genre,
    JobKind,
    JobState,
    NoteState,
    Role,
    VersionState,
)
from annotator.models import Export, Note, Project, User
from tests.annotator.factories import (
    make_job,
    make_note,
    make_project,
    make_suggestion,
    make_user,
    make_version,
)
from tests.e2e.review_page import TEXT, OpenPage, open_note, suggest

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]

AXE = Path(__file__).parents[1] / "vendored" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
THEMES = ["light", "dark"]
WIDE = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}


def findings(page: Page) -> list[str]:
    """Return what axe calls serious or critical: rule, place and reason."""
    if not page.evaluate("() => Boolean(window.axe)"):
        page.evaluate(AXE.read_text("utf-8"))
    results = page.evaluate(
        "(tags) => axe.run(document, {runOnly: {type: 'tag', values: tags}})", RULES
    )
    return [
        f"{rule['id']} at {node['target']}: {node['failureSummary']}"
        for rule in results["violations"]
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]


@pytest.fixture
def admin() -> User:
    return make_user("ana", is_staff=True, is_superuser=True)


@pytest.fixture
def project(admin: User) -> Project:
    made = make_project(
        "alta", members={admin: Role.ADMIN}, guideline="# Guía\n\n## FINDING\n\nTos."
    )
    for state in (NoteState.SUGGESTED, NoteState.SUBMITTED, NoteState.SKIPPED):
        make_note(made, f"Tos seca, {state}.", state=state)
    return made


@pytest.fixture
def busy_note(project: Project) -> Note:
    note = make_note(project, TEXT, state=NoteState.SUGGESTED)
    suggest(note, "cardiópata", "FINDING", 0.4)
    suggest(note, "Amoxicilina 1 g cada 8 h", "MEDICATION")
    suggest(note, "1 g", "DOSAGE")
    suggest(note, "cada 8 h", "FREQUENCY")
    suggest(note, "7 días", "DURATION")
    suggest(note, "500 mg", "DOSAGE")
    return note


@pytest.mark.parametrize("theme", THEMES)
def test_pages_of_the_house_have_no_serious_finding(
    open_page: OpenPage, admin: User, project: Project, theme: str
) -> None:
    job = make_job(
        project, JobKind.IMPORT, state=JobState.FAILED, error_message="Row 3."
    )
    running = make_job(
        project,
        JobKind.TRAIN,
        state=JobState.RUNNING,
        started_at=timezone.now(),
        lease_until=timezone.now() + timedelta(minutes=5),
        fencing_token=1,
        attempt=1,
    )
    active = make_version(project, state=VersionState.ACTIVE)
    make_version(project, parent=active)
    Project.objects.filter(pk=project.pk).update(active_version=active)
    export = Export.objects.create(
        project=project,
        format=ExportFormat.JSONL,
        created_by=admin,
        path="nowhere.jsonl",
        sha256="0" * 64,
        size_bytes=10,
        n_notes=1,
        n_spans=1,
        verification={"notes": 1, "spans": 1, "n_differences": 0, "differences": []},
    )
    label = project.labels.all()[0]
    paths = {
        name: reverse(name, args=arguments)
        for name, arguments in {
            "home": [],
            "project_create": [],
            "people": [],
            "person_edit": [admin.pk],
            "profile": [],
            "key_map": [],
            "note_list": ["alta"],
            "project_edit": ["alta"],
            "label_edit": ["alta", label.pk],
            "project_guideline": ["alta"],
            "guideline_edit": ["alta"],
            "project_import": ["alta"],
            "project_export": ["alta"],
            "project_training": ["alta"],
            "export_detail": [export.pk],
            "job_detail": [job.pk],
        }.items()
    }
    paths["running job"] = reverse("job_detail", args=[running.pk])
    page = open_page(admin, paths["home"], viewport=WIDE, color_scheme=theme)
    address = page.url.removesuffix("/")
    found = {}
    for name, path in paths.items():
        page.goto(f"{address}{path}")
        if problems := findings(page):
            found[name] = problems
    assert found == {}


@pytest.mark.parametrize("theme", THEMES)
def test_log_in_and_a_missing_page_have_no_serious_finding(
    open_page: OpenPage, admin: User, theme: str
) -> None:
    page = open_page(
        admin, "/nowhere/", ignore_errors=True, viewport=WIDE, color_scheme=theme
    )
    assert findings(page) == []
    page.context.clear_cookies()
    page.goto(page.url.replace("/nowhere/", reverse("login")))
    expect(page.locator("input[name=username]")).to_be_visible()
    assert findings(page) == []


@pytest.mark.parametrize("theme", THEMES)
def test_review_page_and_its_dialogs_have_no_serious_finding(
    open_page: OpenPage, admin: User, busy_note: Note, theme: str
) -> None:
    page = open_note(open_page, admin, busy_note, viewport=WIDE, color_scheme=theme)
    found = {"suggestion in hand": findings(page)}
    page.keyboard.press("a")
    expect(page.locator(".is-annotation.is-first")).to_have_count(1)
    page.keyboard.press("e")
    expect(page.locator("#label-bar")).to_be_visible()
    found["words selected"] = findings(page)
    page.keyboard.press("Escape")
    for tab in ("guide", "history", "comments"):
        page.locator(f"#tab-{tab}").click()
        page.wait_for_load_state("networkidle")
        found[tab] = findings(page)
    page.locator("#tab-marks").click()
    for key, dialog in (
        ("?", "help"),
        ("Shift+A", "several-dialog"),
        ("s", "skip-dialog"),
        ("g", "same-dialog"),
        ("Enter", "ask-submit"),
    ):
        page.locator("body").click(position={"x": 5, "y": 450})
        page.keyboard.press("j")
        page.keyboard.press(key)
        expect(page.locator(f"#{dialog}")).to_be_visible()
        page.wait_for_load_state("networkidle")
        found[dialog] = findings(page)
        page.keyboard.press("Escape")
        expect(page.locator(f"#{dialog}")).to_be_hidden()
    assert {name: rows for name, rows in found.items() if rows} == {}


@pytest.mark.parametrize("theme", THEMES)
def test_review_page_of_a_dialogue_on_a_phone_has_no_serious_finding(
    open_page: OpenPage, admin: User, theme: str
) -> None:
    project = make_project(
        "consulta", members={admin: Role.ADMIN}, genre=Genre.DIALOGUE
    )
    text = "Médico: ¿Tiene tos?\nPaciente: Sí, tos seca.\nMédico: ¿Fuma?\nPaciente: No."
    note = make_note(project, text, state=NoteState.SUGGESTED)
    start = text.index("tos seca")
    make_suggestion(note, start, start + 8, "FINDING")
    page = open_note(
        open_page,
        admin,
        note,
        viewport=PHONE,
        has_touch=True,
        is_mobile=True,
        color_scheme=theme,
    )
    assert findings(page) == []
