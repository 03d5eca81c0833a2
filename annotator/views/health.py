"""Whether the installation lives: for supervisors and monitors, without a log-in."""

from __future__ import annotations

import logging

from django.db import DatabaseError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from annotator.selectors.workers import worker_health

logger = logging.getLogger(__name__)


@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """Answer from one query. A silent worker is told, but is no failure of the web."""
    try:
        workers = worker_health()
    except DatabaseError as error:
        logger.exception("health: %s", type(error).__name__)
        return JsonResponse({"status": "failing", "database": False}, status=503)
    body = {
        "status": "ok",
        "database": True,
        "workers": {
            name: {"alive": each.n_alive, "last_beat_at": each.last_beat_at}
            for name, each in workers.items()
        },
    }
    return JsonResponse(body)
