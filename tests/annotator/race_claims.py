"""A process that claims jobs as fast as it can; `test_claims.py` starts two at once.

    python -m tests.annotator.race_claims NAME START_AT JOB_ID...

Waits until the clock shows START_AT, then prints the ids that it got as JSON.
"""

from __future__ import annotations

import json
import sys
import time

import django


def main() -> None:
    name, start_at, *job_ids = sys.argv[1:]
    django.setup()
    from django.db import connection

    from annotator.services.jobs import claim

    connection.ensure_connection()
    time.sleep(max(0.0, float(start_at) - time.time()))
    taken = [
        int(job_id)
        for job_id in job_ids
        if claim(job_id=int(job_id), worker=name) is not None
    ]
    print(json.dumps(taken))


if __name__ == "__main__":
    main()
