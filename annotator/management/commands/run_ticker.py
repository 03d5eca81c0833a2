"""The ticker: proof of life and the reaper, every few seconds, until told to stop."""

from __future__ import annotations

import logging
import signal
import threading
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from annotator.selectors.workers import TICKER
from annotator.services import heartbeats
from annotator.services.job_reaper import reap

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Re-queue expired jobs, send lost messages again, sweep what was left over."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="do one round and end")

    def handle(self, *args: Any, **options: Any) -> None:
        ended = threading.Event()

        def end(number: int, frame: FrameType | None) -> None:
            ended.set()

        if not options["once"]:
            signal.signal(signal.SIGTERM, end)
            signal.signal(signal.SIGINT, end)
        started_at = timezone.now()
        while True:
            try:
                heartbeats.beat(queue=TICKER, started_at=started_at)
                report = reap(now=timezone.now())
                if not report.is_empty:
                    logger.info("ticker: %s", report)
            except (OperationalError, InterfaceError) as error:
                logger.warning("ticker: no database (%s)", type(error).__name__)
            connection.close()
            if options["once"] or ended.wait(settings.ANNOTATOR_TICK_SECONDS):
                break
        heartbeats.forget(queue=TICKER)
