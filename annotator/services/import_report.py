"""What an import did: counts, and every document that was left out with its reason."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from annotator.enums import EntityUse
from annotator.services.import_checks import Candidate, ProjectFit
from annotator.services.import_problems import DUPLICATES, RETRIABLE, Problem
from annotator.services.import_rows import has_gold, shows_suggestions

# Their texts are put together anew from tokens: the white space is ours.
REJOINED = (".conll", ".iob", ".iob2", ".bio")
# A file of another kind may be wrong on every line: the rest is counted, not listed.
MAX_PROBLEMS = 1000
MAX_UNKNOWN_NAMES = 20


@dataclass(slots=True)
class ImportReport:
    """Counts of an import. Read it with ``as_json``, the form of ``job.result``."""

    created: int = 0
    with_gold: int = 0
    n_spans: int = 0
    n_suggestions: int = 0
    # Notes of files that hold tokens and no text.
    n_rejoined: int = 0
    by_split: Counter[str] = field(default_factory=Counter)
    # Names in ``exhaustive_for`` that are no labels of the project: in how many notes.
    unknown_exhaustive: Counter[str] = field(default_factory=Counter)
    files: list[dict[str, Any]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    n_problems: int = 0
    # Of these, the ones that another run of the same files may mend.
    n_retriable: int = 0
    prediction_job: int | None = None
    # Notes that went in and that nobody settled: the model is to read them.
    open_ids: list[int] = field(default_factory=list)
    # In which order the files came.
    places: dict[str, int] = field(default_factory=dict)

    def count(self, candidate: Candidate, fit: ProjectFit) -> None:
        """Count a note that went in."""
        self.created += 1
        self.by_split[candidate.split] += 1
        self.n_rejoined += PurePosixPath(candidate.source.file).suffix in REJOINED
        self.unknown_exhaustive.update(candidate.unknown_exhaustive)
        n_entities = len(candidate.entities or ())
        if has_gold(candidate, fit):
            self.with_gold += 1
            self.n_spans += n_entities
        elif fit.entity_use == EntityUse.SUGGESTIONS and shows_suggestions(candidate):
            self.n_suggestions += n_entities

    def add_problem(self, problem: Problem) -> None:
        """Count what was left out and list the first thousand."""
        self.n_problems += 1
        self.n_retriable += problem.code in RETRIABLE
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(problem)

    def sort_problems(self) -> None:
        """Put them in the order of files and lines; readers find theirs before us."""
        last = len(self.places)
        self.problems.sort(key=lambda p: (self.places.get(p.file, last), p.line or 0))

    @property
    def n_duplicates(self) -> int:
        return sum(problem.code in DUPLICATES for problem in self.problems)

    def as_json(self) -> dict[str, Any]:
        return {
            "created": self.created,
            "with_gold": self.with_gold,
            "spans": self.n_spans,
            "suggestions": self.n_suggestions,
            "rejoined": self.n_rejoined,
            "by_split": dict(self.by_split),
            "unknown_exhaustive": dict(
                self.unknown_exhaustive.most_common(MAX_UNKNOWN_NAMES)
            ),
            "files": self.files,
            "duplicates": self.n_duplicates,
            "n_problems": self.n_problems,
            "retriable": self.n_retriable,
            "problems": [problem.as_json() for problem in self.problems],
            "prediction_job": self.prediction_job,
        }
