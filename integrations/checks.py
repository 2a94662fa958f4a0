"""System checks: what would make the queue lose or repeat work, found before it starts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning
from django.core.checks import register as register_check
from django.utils.module_loading import import_string


def register() -> None:
    register_check(queue_runs_each_task_once)
    register_check(every_job_has_its_function)
    register_check(mails_can_leave)


def queue_runs_each_task_once(**_kwargs: Any) -> Sequence[CheckMessage]:
    queue = settings.Q_CLUSTER
    found: list[CheckMessage] = []
    if not 0 < queue.get("timeout", 0) < queue.get("retry", 0):
        hint = "A task that outlives `retry` is handed to a second worker: keep `timeout` below `retry`."
        found.append(Error("Q_CLUSTER: timeout must be shorter than retry.", hint=hint, id="crossdock.E001"))
    if queue.get("max_attempts") != 1 or not queue.get("ack_failures") or queue.get("catch_up", True):
        hint = "Retries belong to transmissions: max_attempts 1, ack_failures on, catch_up off."
        found.append(Error("Q_CLUSTER: the queue would repeat tasks by itself.", hint=hint, id="crossdock.E002"))
    return found


def every_job_has_its_function(**_kwargs: Any) -> Sequence[CheckMessage]:
    found: list[CheckMessage] = []
    for job in settings.JOBS:
        try:
            import_string(job.path)
        except ImportError as exc:
            found.append(Error(f"config.schedules: job {job.name}: {exc}", id="crossdock.E003"))
    return found


def mails_can_leave(**_kwargs: Any) -> Sequence[CheckMessage]:
    if not settings.ALERT_RECIPIENTS or not settings.EMAIL_BACKEND.endswith("console.EmailBackend") or settings.DEBUG:
        return []
    hint = "Set EMAIL_URL, for example to smtp+tls://user:password@mail.example.com:587."
    return [CheckWarning("ALERT_RECIPIENTS is set, but no mail can leave.", hint=hint, id="crossdock.W001")]
