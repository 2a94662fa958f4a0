"""manage.py qcluster: django-q2's cluster, whose workers break off and hand back their work when it is told to stop."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable
from multiprocessing.synchronize import Event
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import Error, connection
from django_q.cluster import Cluster
from django_q.signals import post_execute_in_worker

from config.logs import keep_no_rows
from integrations import shutdown
from integrations.clusters import AGAIN_AFTER, BEAT_EVERY, Sign

logger = logging.getLogger(__name__)
# Of the one row that this process writes: a busy or absent database must not keep it from hearing that it is to stop.
PATIENCE = {"sqlite": {"timeout": 1}, "postgresql": {"connect_timeout": 5}}


class Crossdock(Cluster):  # type: ignore[misc]
    """The queue's own shutdown waits for each job to end by itself, however slow the other side's answers are."""

    stop_event: Event | None

    def start(self) -> int:
        shutdown.prepare()
        # The queue tells of a result nowhere else before it is kept; its workers are forked and inherit this.
        post_execute_in_worker.connect(keep_no_rows)
        os.register_at_fork(after_in_child=shutdown.end_with_parent)
        return int(super().start())

    def stop(self) -> bool:
        """As the queue does it, but the word is given by a thread: it waits for ever for a guard that has died.

        A supervisor may send SIGTERM to all processes at once (systemd does), and the guard ends by it.
        """
        if self.stop_event is None or not self.sentinel.is_alive():
            return False
        threading.Thread(target=self.stop_event.set, daemon=True).start()
        self.sentinel.join()
        self.start_event = self.stop_event = None  # ends start()
        return True

    def give_signs(self) -> None:
        """Until it ends, write down that it is there; and in the end that it is not, if it was told to stop."""
        sign = Sign()
        connection.settings_dict["OPTIONS"] |= PATIENCE[connection.vendor]
        while self.sentinel.is_alive():
            pause = BEAT_EVERY if _write(sign.give) else AGAIN_AFTER
            self.sentinel.join(pause.total_seconds())
        if shutdown.is_closing() or self.sentinel.exitcode == -signal.SIGTERM:
            _write(sign.take_back)

    def sig_handler(self, signum: int, frame: FrameType | None) -> None:
        shutdown.announce()
        super().sig_handler(signum, frame)
        shutdown.break_off()


def _write(what: Callable[[], None]) -> bool:
    """Whether the database took it; what it does not take now is left for the next time."""
    try:
        with shutdown.may_break_off():
            what()
        return True
    except (Error, shutdown.Stopped) as exc:
        logger.info("the sign of life of this cluster was not written: %s", type(exc).__name__)
        return False
    finally:
        connection.close()


class Command(BaseCommand):
    help = "Run the background jobs until SIGTERM or Ctrl-C."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--run-once", action="store_true", help="stop as soon as it has started")
        parser.add_argument("-n", "--name", help="another cluster name, for several queues")

    def handle(self, *_args: Any, run_once: bool, name: str | None, **_options: Any) -> None:
        if name:
            os.environ["Q_CLUSTER_NAME"] = name
        cluster = Crossdock()
        cluster.start()
        if run_once:
            cluster.stop()
        else:
            cluster.give_signs()
