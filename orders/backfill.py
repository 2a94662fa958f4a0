"""Loading what a person names: the orders of a period, also those too old for the route, or single ones by number."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime

from django.utils import timezone

from integrations.errors import IntegrationError, Misconfigured, Unavailable
from integrations.models import Connection, Route
from integrations.runs import Run
from integrations.wording import counted
from orders import intake, periods
from orders.models import Backfill, Order

MOST_NUMBERS = 500
MAX_RESULT_CHARS = 2000


def numbers_in(text: str) -> list[str]:
    """Order numbers as people paste them: by line, comma, semicolon or tab; each once."""
    found = (part.strip() for part in re.split(r"[\n\r\t,;]+", text))
    return list(dict.fromkeys(part for part in found if part))


def load(
    run: Run, *, routes: Sequence[Route], since: datetime, until: datetime, numbers: Collection[str] = (),
    on_read: Callable[[datetime], None] = lambda until: None,
) -> None:  # fmt: skip
    """Read a window again; no watermark moves. With `numbers` only these are taken, and those not found are told.

    `on_read` is told after each slice up to when everything is committed.
    """
    until = min(until, timezone.now())
    if run.record.window_since is None:
        run.window(since, until)
    port, only = run.marketplace(), frozenset(numbers)
    taken = intake.read(run, port, routes, since, until, too_old_too=True, only=only, on_read=on_read)
    intake.settle_arrivals(run, routes)
    here = Order.objects.filter(connection=run.connection, full_number__in=only - taken)
    missing = only - taken - set(here.values_list("full_number", flat=True))
    for number in sorted(missing):
        run.problem(not_found(run.connection, number, since, until))


def not_found(connection: Connection, number: str, since: datetime, until: datetime) -> str:
    days = periods.named(connection, since, until)
    return f"order {number}: {connection} tells of none that was created from {days}"


def asked_for(run: Run) -> None:
    """What people asked for in the admin, oldest first.

    While the marketplace gives no answer, it is tried with the next pull; one that cannot be read is over, and says so.
    """
    waiting = Backfill.objects.filter(route__marketplace=run.connection, finished_at=None)
    for one in waiting.select_related("route__warehouse", "route__marketplace").order_by("asked_at", "pk"):
        _do(run, one)


def _do(run: Run, asked: Backfill) -> None:
    """A long one that is broken off goes on where it was."""
    before, said, mine = run.counts.copy(), len(run.problems), Backfill.objects.filter(pk=asked.pk)

    def note(until: datetime) -> None:
        mine.update(read_until=until)

    try:
        load(
            run, routes=[asked.route], since=asked.read_until or asked.since, until=asked.until, numbers=asked.numbers,
            on_read=note,
        )  # fmt: skip
    except (Unavailable, Misconfigured) as exc:
        mine.update(result=f"tried, and tried again: {exc}"[:MAX_RESULT_CHARS])
        raise
    except IntegrationError as exc:
        run.problem(f"not all of what was asked for could be loaded: {exc}")
    counts = {what: number - before[what] for what, number in run.counts.items()}
    result = _in_words(counts, run.problems[said:])
    mine.update(finished_at=timezone.now(), result=result[:MAX_RESULT_CHARS])


def _in_words(counts: dict[str, int], problems: Iterable[str]) -> str:
    parts = ", ".join(counted(number, what) for what, number in counts.items() if number)
    return "; ".join([parts or "no order of this route", *problems])
