"""Two worker processes that reach for the same jobs, on each database."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.services import own_postgres_database

ROOT = Path(__file__).resolve().parent.parent.parent
N_JOBS = 60
# Time for two processes to import Django.
HEAD_START_SECONDS = 8.0

MAKE_JOBS = f"""
from annotator.models import Job, Project
project = Project.objects.create(name="p", slug="p", language="es")
for number in range({N_JOBS}):
    # every third job shares its subject with the one before
    subject = str(number - 1 if number % 3 == 2 else number)
    job = Job.objects.create(kind="predict", project=project, subject=subject)
print(job.pk - {N_JOBS} + 1)
"""
COUNT = """
from annotator.models import Job
from django.db.models import Count
print(list(Job.objects.filter(state="running").values_list("fencing_token", flat=True)))
"""


@contextmanager
def sqlite_database(folder):
    yield f"sqlite:///{folder / 'race.sqlite3'}"


@contextmanager
def postgres_database(folder):
    with own_postgres_database() as url:
        yield url


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "database",
    [
        sqlite_database,
        pytest.param(postgres_database, marks=pytest.mark.services),
    ],
)
def test_two_processes_never_claim_the_same_job_or_subject(database, tmp_path):
    with database(tmp_path) as url:
        environment = {
            **os.environ,
            "ANNOTATOR_DATA_DIR": str(tmp_path),
            "DATABASE_URL": url,
            "DJANGO_SETTINGS_MODULE": "annotator.settings",
            "SECRET_KEY": "tests-only",
        }

        def manage(*arguments: str) -> str:
            done = subprocess.run(
                [sys.executable, "manage.py", *arguments],
                cwd=ROOT,
                env=environment,
                check=True,
                capture_output=True,
                text=True,
            )
            return done.stdout.strip().splitlines()[-1] if done.stdout else ""

        manage("migrate", "--verbosity", "0")
        first = int(manage("shell", "--no-imports", "--command", MAKE_JOBS))
        job_ids = [str(first + number) for number in range(N_JOBS)]
        start_at = str(time.time() + HEAD_START_SECONDS)
        racers = [
            subprocess.Popen(
                [
                    sys.executable,
                    *("-m", "tests.annotator.race_claims", name, start_at, *job_ids),
                ],
                cwd=ROOT,
                env=environment,
                stdout=subprocess.PIPE,
                text=True,
            )
            for name in ("w1", "w2")
        ]
        taken = [json.loads(racer.communicate()[0]) for racer in racers]
        assert [racer.returncode for racer in racers] == [0, 0]
        # each subject once: the third job of every three stays queued
        all_taken = sorted(job_id - first for ids in taken for job_id in ids)
        pairs = [(number, number + 1) for number in range(1, N_JOBS, 3)]
        assert len(all_taken) == len(set(all_taken)) == N_JOBS * 2 // 3
        assert all((a in all_taken) != (b in all_taken) for a, b in pairs)
        tokens = json.loads(manage("shell", "--no-imports", "--command", COUNT))
        assert tokens == [1] * len(all_taken)
