"""Which queues have a living worker, and when each was last heard of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, Max, Q
from django.utils import timezone

from annotator.enums import Queue
from annotator.models import Heartbeat

TICKER = "ticker"
# Two lost beats are a busy database, not a dead process.
N_MISSED_BEATS = 3


@dataclass(frozen=True, slots=True)
class QueueHealth:
    """Living processes of a queue; ``last_beat_at`` is None when none was ever seen."""

    queue: str
    n_alive: int
    last_beat_at: datetime | None

    @property
    def is_alive(self) -> bool:
        return self.n_alive > 0


def worker_health() -> dict[str, QueueHealth]:
    """Return the health of both queues and of the ticker, in one query."""
    beaten_since = timezone.now() - timedelta(
        seconds=N_MISSED_BEATS * max(settings.ANNOTATOR_TICK_SECONDS, 1)
    )
    rows = Heartbeat.objects.values("queue").annotate(
        n_alive=Count("id", filter=Q(beat_at__gte=beaten_since)),
        last_beat_at=Max("beat_at"),
    )
    found = {
        row["queue"]: QueueHealth(row["queue"], row["n_alive"], row["last_beat_at"])
        for row in rows.order_by("queue")
    }
    names = [*Queue.values, TICKER]
    return {name: found.get(name, QueueHealth(name, 0, None)) for name in names}
