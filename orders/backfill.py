"""Loading what a person names: the orders of a period, also those too old for the route, or single ones by number."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from django.utils import timezone

from integrations.errors import IntegrationError, Misconfigured, Unavailable
from integrations.models import Connection, Route
from integrations.runs import Run
from integrations.wording import counted
from orders import intake
from orders.models import Backfill

MOST_NUMBERS = 500
MAX_RESULT_CHARS = 2000


def numbers_in(text: str) -> list[str]:
    """Order numbers as people paste them: by line, comma, semicolon or tab; each once."""
    found = (part.strip() for part in re.split(r"[\n\r\t,;]+", text))
    return list(dict.fromkeys(part for part in found if part))


def load(run: Run, *, routes: Sequence[Route], since: datetime, until: datetime, numbers: Collection[str] = ()) -> None:
    """Read a window again; no watermark moves. With `numbers` only these are taken, and those not found are told."""
    until = min(until, timezone.now())
    if run.record.window_since is None:
        run.window(since, until)
    taken = intake.read(run, run.marketplace(), routes, since, until, too_old_too=True, only=frozenset(numbers))
    intake.settle_arrivals(run, routes)
    for number in numbers:
        if number not in taken:
            run.problem(not_found(run.connection, number, since, until))


def not_found(connection: Connection, number: str, since: datetime, until: datetime) -> str:
    return f"order {number}: {connection} tells of none that was created from {since:%Y-%m-%d} to {until:%Y-%m-%d}"


def asked_for(run: Run) -> None:
    """What people asked for in the admin, oldest first.

    While the marketplace gives no answer, it is tried with the next pull; one that cannot be read is over, and says so.
    """
    waiting = Backfill.objects.filter(route__marketplace=run.connection, finished_at=None)
    for one in waiting.select_related("route__warehouse", "route__marketplace").order_by("asked_at", "pk"):
        _do(run, one)


def _do(run: Run, asked: Backfill) -> None:
    before, said = run.counts.copy(), len(run.problems)
    try:
        load(run, routes=[asked.route], since=asked.since, until=asked.until, numbers=asked.numbers)
    except (Unavailable, Misconfigured) as exc:
        Backfill.objects.filter(pk=asked.pk).update(result=f"tried, and tried again: {exc}"[:MAX_RESULT_CHARS])
        raise
    except IntegrationError as exc:
        run.problem(f"not all of what was asked for could be loaded: {exc}")
    counts = {what: number - before[what] for what, number in run.counts.items()}
    result = _in_words(counts, run.problems[said:])
    Backfill.objects.filter(pk=asked.pk).update(finished_at=timezone.now(), result=result[:MAX_RESULT_CHARS])


def _in_words(counts: dict[str, int], problems: Iterable[str]) -> str:
    parts = ", ".join(counted(number, what) for what, number in counts.items() if number)
    return "; ".join([parts or "no order of this route", *problems])
