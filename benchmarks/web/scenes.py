"""The notes of the benchmark and what is done with them; Django is set up before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from django.test import Client
from measures import edits, heap_and_find, median, new_context, open_once, p95
from notes import InventedNote, invent
from player import Task, correct, make_task
from playwright.sync_api import Browser
from soak import soak

from annotator.enums import NoteState, Role
from annotator.models import Note, Project, Suggestion, User
from tests.annotator.factories import make_note, make_project, make_user

WAYS = ("one by one", "same mention", "bulk and same mention")
TASK_SEEDS = (21, 22, 23)
_TIMES = ("ready_ms", "first_byte_ms", "app_ms", "cpu_ms", "db_ms")


@dataclass
class Stage:
    """Rows that the scenes use: a note of each size, one to correct in each way."""

    session: str
    sizes: dict[str, Note]
    tasks: dict[str, list[tuple[Note, Task]]]
    long: Note


def set_up(sizes: Sequence[tuple[str, int, int]]) -> Stage:
    """Fill the database."""
    user = make_user("bench")
    project = make_project("bench", members={user: Role.ANNOTATOR})
    notes = {
        name: _suggested(project, invent(n_chars, n_spans))
        for name, n_chars, n_spans in sizes
    }
    tasks: dict[str, list[tuple[Note, Task]]] = {way: [] for way in WAYS}
    for number, (way, seed) in enumerate(product(WAYS, TASK_SEEDS)):
        invented = invent(2_000, 30, seed=seed, is_complete=True)
        # A line more each: a project holds a text once.
        text = f"{invented.text}\n{number}"
        note = make_note(project, text, state=NoteState.SUGGESTED)
        task = make_task(invented, note.tokens, seed=seed)
        for span, confidence in task.suggestions:
            _suggest(note, span, confidence)
        tasks[way].append((note, task))
    long = _suggested(project, invent(25_000, 250, seed=8))
    return Stage(_session(user), notes, tasks, long)


def _suggested(project: Project, invented: InventedNote) -> Note:
    note = make_note(project, invented.text, state=NoteState.SUGGESTED)
    labels = {label.name: label for label in project.labels.all()}
    Suggestion.objects.bulk_create(
        Suggestion(
            note=note,
            start_char=start,
            end_char=end,
            label=labels[label],
            confidence=0.5 + (index % 50) / 100,
            source="pattern",
        )
        for index, (start, end, label) in enumerate(invented.spans)
    )
    return note


def _suggest(note: Note, span: tuple[int, int, str], confidence: float) -> None:
    start, end, label = span
    Suggestion.objects.create(
        note=note,
        start_char=start,
        end_char=end,
        label=note.project.labels.get(name=label),
        confidence=confidence,
        source="pattern",
    )


def _session(user: User) -> str:
    client = Client()
    client.force_login(user)
    return client.cookies["sessionid"].value


@dataclass
class Scene:
    """A browser before the served application."""

    browser: Browser
    address: str
    stage: Stage

    def openings(self, n_times: int) -> dict[str, Any]:
        """Open each note *n_times* with a cold cache, in turns."""
        place = (self.browser, self.address, self.stage.session)
        for note in self.stage.sizes.values():
            for _ in range(2):  # both workers have their templates
                open_once(*place, note)
        seen: dict[str, list[dict[str, Any]]] = {name: [] for name in self.stage.sizes}
        for _ in range(n_times):
            for name, note in self.stage.sizes.items():
                seen[name].append(open_once(*place, note))
        result = {}
        for name, rows in seen.items():
            note = self.stage.sizes[name]
            result[name] = {
                "n": n_times,
                "n_chars": note.n_chars,
                "n_marks": rows[0]["n_marks"],
                **{key: median([row[key] for row in rows]) for key in _TIMES},
                "ready_ms_worst": round(max(row["ready_ms"] for row in rows), 1),
                "queries": rows[0]["queries"],
                "received_kib": round(rows[0]["received"] / 1024, 1),
                "n_requests": rows[0]["n_requests"],
                "keys_alive": all(row["keys_alive"] for row in rows),
                **heap_and_find(*place, note),
            }
            result[name]["heap_mb"] = round(result[name]["heap_mb"], 2)
        return result

    def edits(self, n_rounds: Mapping[str, int]) -> dict[str, Any]:
        """Edit each note; all kinds of edits together, and the median of each kind."""
        place = (self.browser, self.address, self.stage.session)
        result = {}
        for name, note in self.stage.sizes.items():
            rows = edits(*place, note, n_rounds=n_rounds[name])
            kinds = sorted({row["action"] for row in rows})
            result[name] = {
                "n": len(rows),
                "first_frame_ms": median([row["first"] for row in rows]),
                "painted_ms": median([row["painted"] for row in rows]),
                "painted_ms_p95": p95([row["painted"] for row in rows]),
                "acknowledged_ms": median([row["acknowledged"] for row in rows]),
                "acknowledged_ms_p95": p95([row["acknowledged"] for row in rows]),
                "requests_most": max(row["n_requests"] for row in rows),
                "bytes_median": int(median([row["n_bytes"] for row in rows])),
                "bytes_most": max(row["n_bytes"] for row in rows),
                "server_ms": median([row["app"] for row in rows]),
                "server_ms_p95": p95([row["app"] for row in rows]),
                "server_cpu_ms": median([row["cpu"] for row in rows]),
                "server_cpu_ms_p95": p95([row["cpu"] for row in rows]),
                "server_db_ms": median([row["db"] for row in rows]),
                "queries_median": int(median([row["queries"] for row in rows])),
                "queries_most": int(max(row["queries"] for row in rows)),
                "painted_ms_of": {
                    kind: median([r["painted"] for r in rows if r["action"] == kind])
                    for kind in kinds
                },
                "server_ms_of": {
                    kind: median([r["app"] for r in rows if r["action"] == kind])
                    for kind in kinds
                },
            }
        return result

    def corrections(self) -> dict[str, Any]:
        """Correct thirty suggestions in three ways, in a few notes each."""
        result = {}
        for way, tasks in self.stage.tasks.items():
            rows = []
            for note, task in tasks:
                context = new_context(self.browser, self.address, self.stage.session)
                options = {"bulk": "bulk" in way, "alike": "same" in way}
                rows.append(correct(context, self.address, note, task, **options))
                context.close()
            n_presses = [row.n_presses for row in rows]
            n_handled = sum(task.n_handled for _, task in tasks)
            result[way] = {
                "n_presses": n_presses,
                "presses_per_entity": round(sum(n_presses) / n_handled, 3),
                "presses": [dict(row.presses) for row in rows],
                "is_right": all(row.is_right for row in rows),
            }
        return result

    def soak(self, n_gestures: int) -> dict[str, Any]:
        """Make many gestures in a row."""
        context = new_context(self.browser, self.address, self.stage.session)
        result = soak(context, self.address, self.stage.long, n_gestures=n_gestures)
        context.close()
        return result
