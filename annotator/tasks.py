"""Celery tasks, thin: the message carries a job's id, the row everything else."""

from __future__ import annotations

from typing import Any

from celery import shared_task, signals

from annotator import engine
from annotator.dispatch import RUN_JOB
from annotator.services import heartbeats, job_runner, leases

# Of this worker process, from its start to its end.
_beating: list[heartbeats.Beating] = []
_queues: list[str] = []


@shared_task(name=RUN_JOB, ignore_result=True)
def run_job(*, job_id: int) -> None:
    """Run the job if it is there to claim."""
    queue = _queues[0] if _queues else "none"
    job_runner.run_job(job_id=job_id, worker=heartbeats.process_name(queue))


@signals.worker_ready.connect
def start_beating(sender: Any = None, **_: Any) -> None:
    """Report this worker as alive, for each queue that it takes from."""
    _queues.extend(sorted(sender.app.amqp.queues.consume_from))
    for queue in _queues:
        beating = heartbeats.Beating(queue)
        beating.start()
        _beating.append(beating)


@signals.worker_shutting_down.connect
def stop_jobs(**_: Any) -> None:
    """Have the running job give itself back to the queue."""
    leases.stopping.set()


@signals.worker_shutdown.connect
def stop_beating(**_: Any) -> None:
    """Remove the proof of life and end the engine's child."""
    while _beating:
        _beating.pop().stop()
    engine.close()
