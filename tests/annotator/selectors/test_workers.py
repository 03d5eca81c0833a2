"""Which queues are alive."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from annotator.models import Heartbeat
from annotator.selectors.workers import worker_health
from annotator.services import heartbeats


@pytest.mark.django_db
def test_health_counts_recent_beats_per_queue(django_assert_num_queries):
    now = timezone.now()
    heartbeats.beat(queue="quick", started_at=now)
    for name, queue, age in (("a", "quick", 5), ("b", "quick", 60), ("c", "train", 60)):
        Heartbeat.objects.create(
            name=name,
            queue=queue,
            pid=1,
            started_at=now,
            beat_at=now - timedelta(seconds=age),
        )
    with django_assert_num_queries(1):
        health = worker_health()
    assert list(health) == ["quick", "train", "ticker"]
    assert (health["quick"].n_alive, health["quick"].is_alive) == (2, True)
    assert (health["train"].n_alive, health["train"].is_alive) == (0, False)
    assert health["train"].last_beat_at is not None
    assert (health["ticker"].n_alive, health["ticker"].last_beat_at) == (0, None)


@pytest.mark.django_db
def test_a_process_has_one_row_until_it_ends():
    now = timezone.now()
    for _ in range(2):
        heartbeats.beat(queue="quick", started_at=now)
    assert Heartbeat.objects.count() == 1
    heartbeats.forget(queue="quick")
    assert Heartbeat.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_the_beating_thread_writes_and_removes_its_row():
    beating = heartbeats.Beating("quick")
    beating.start()
    for _ in range(100):
        if Heartbeat.objects.exists():
            break
        beating._ended.wait(0.05)
    assert Heartbeat.objects.get().queue == "quick"
    beating.stop()
    assert not Heartbeat.objects.exists()
