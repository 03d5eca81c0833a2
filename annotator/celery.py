"""The Celery application. Tasks live in annotator/tasks.py."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from celery.signals import celeryd_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "annotator.settings")

app = Celery("annotator")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["annotator"])


@celeryd_init.connect
def keep_files_private(**_: Any) -> None:
    """Have a worker, however it was started, make files that its user alone reads."""
    os.umask(0o077)
