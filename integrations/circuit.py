"""The circuit of a connection: after failures in a row its calls are paused, and one process alone tries again.

Shared by all processes through one row per connection, like the rate budget. While the other side answers, nothing is
written. The pause lasts as long again as the trouble has lasted, from RETRY_BASE_SECONDS to a quarter of an hour, so
a short outage is over soon and a long one costs few calls. RETRY_BASE_SECONDS=0 (at once) means that nothing is paused.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce, Greatest
from django.utils import timezone

from integrations import processes
from integrations.errors import Unavailable
from integrations.models import Connection, Route
from integrations.shared_state import Outage
from integrations.transmissions import Transmission, transmission_models

FAILURES_UNTIL_PAUSED = 5
LONGEST_PAUSE = timedelta(minutes=15)
# Longer than any request may take (http.Door): then the process that tried is hung or gone.
PROBE_LEASE = timedelta(minutes=4)


class SharedCircuit:
    """What `http.Door` asks before each call to one connection, and tells after it. For one call at a time."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: Outage | None = None
        self._is_probe = False

    def enter(self) -> bool:
        """Whether this call is the one that tries again. Raises Unavailable(throttled) while calls are paused."""
        self._is_probe, self._known = False, Outage.objects.filter(connection=self._connection).first()
        outage, now = self._known, timezone.now()
        if outage is None or outage.paused_until is None or _is_disabled():
            return False
        if _holds(outage, now) or not self._claim(outage, now):
            raise self._refusal(outage, now)
        self._is_probe = True
        return True

    def give_back(self) -> None:
        """The call that was to try again did not leave: another one may."""
        own = self._mine().filter(prober=processes.own_name())
        own.update(paused_until=timezone.now(), prober="")
        self._is_probe = False

    def succeeded(self) -> None:
        """A clear answer, whatever it says: the count starts anew, and what waited for this may go."""
        known, self._known = self._known, None
        if known is None or not (known.failures or self._is_probe):
            return
        self._mine().update(failures=0, since=None, paused_until=None, prober="", last_error="")
        if known.paused_until is not None:
            _let_go(self._connection)

    def failed(self, error: str, wait_asked: timedelta | None = None) -> timedelta:
        """No clear answer. Returns how long calls are paused now; zero while they are not."""
        now, wait = timezone.now(), wait_asked or timedelta(0)
        if wait:
            self.asked_to_wait(wait)
        if _is_disabled():
            return timedelta(0)
        Outage.objects.get_or_create(connection=self._connection)
        self._mine().update(
            failures=F("failures") + 1, since=Coalesce(F("since"), now), last_error=error[:2000]
        )  # fmt: skip
        outage = Outage.objects.get(connection=self._connection)
        is_due = outage.paused_until is None and outage.failures >= FAILURES_UNTIL_PAUSED
        if is_due or self._is_probe:
            pause = max(_pause(now - (outage.since or now)), wait)
            self._mine().update(paused_until=now + pause, prober="")
            return pause
        return timedelta(0)

    def asked_to_wait(self, wait: timedelta) -> None:
        """The other side named the time before which it wants no more: kept even when a person asks."""
        Outage.objects.get_or_create(connection=self._connection)
        self._mine().update(asked_until=timezone.now() + wait)

    def _mine(self) -> models.QuerySet[Outage]:
        return Outage.objects.filter(connection=self._connection)

    def _claim(self, outage: Outage, now: datetime) -> bool:
        """Take the one try, by compare-and-set; given up when this process dies or its lease ends."""
        free = Outage.objects.filter(pk=outage.pk, paused_until=outage.paused_until, prober=outage.prober)
        return free.update(paused_until=now + PROBE_LEASE, prober=processes.own_name()) == 1

    def _refusal(self, outage: Outage, now: datetime) -> Unavailable:
        wait = timedelta(seconds=5) if outage.prober else (outage.paused_until or now) - now
        return Unavailable(
            pause_text(self._connection, outage),
            retry_after=max(wait, timedelta(seconds=1)),
            throttled=True,
            unsent=True,
        )


def paused(now: datetime) -> models.QuerySet[Outage]:
    """The outages of connections that are left alone now: nobody may try yet."""
    if _is_disabled():
        return Outage.objects.none()
    return Outage.objects.filter(paused_until__gt=now, prober="")


def standing() -> models.QuerySet[Outage]:
    """The outages in which calls are paused, also while one call tries again."""
    return Outage.objects.exclude(paused_until=None).select_related("connection").order_by("connection__name")


def pause_text(connection: Connection, outage: Outage) -> str:
    """Why a call did not leave, and when it will."""
    when = (
        "one call tries again now"
        if outage.prober
        else f"the next one tries again at {outage.paused_until:%H:%M:%S} UTC"
    )
    since = f"{outage.failures} failures in a row since {outage.since:%Y-%m-%d %H:%M} UTC"
    return f"calls to {connection} are paused after {since}; {when}. Last: {outage.last_error}"


def asked_with(connection: Connection) -> list[Connection]:
    """The connections whose answers a job of this one needs: itself, and those that a route joins to it."""
    routes = Route.objects.filter(Q(marketplace=connection) | Q(warehouse=connection))
    return list(
        Connection.objects.filter(
            Q(pk=connection.pk) | Q(routes__in=routes) | Q(warehouse_routes__in=routes)
        ).distinct()
    )


def try_now(connections: Iterable[Connection]) -> None:
    """A person asks: the next call tries at once, and what waited for its turn is due.

    Not while another process is trying, nor before the time that the other side itself asked for.
    """
    now, asked = timezone.now(), list(connections)
    outages = {one.connection_id: one for one in Outage.objects.filter(connection__in=asked)}
    for connection in asked:
        outage = outages.get(connection.pk)
        if outage is not None and not _may_cut_short(outage, now):
            continue
        _put_forward(connection)
        if outage is not None and outage.failures:
            known = Outage.objects.filter(pk=outage.pk, prober=outage.prober)
            known.filter(paused_until__gt=now).update(paused_until=now, prober="")
            _let_go(connection)


def _may_cut_short(outage: Outage, now: datetime) -> bool:
    is_asked = outage.asked_until is not None and outage.asked_until > now
    return not is_asked and not (outage.prober and _holds(outage, now))


def _put_forward(connection: Connection) -> None:
    """What waits for our own back-off is due; a try before its time costs no attempt."""
    for model in transmission_models():
        early = Greatest(F("attempts") - 1, Value(0))
        _put_off(model, connection).update(not_before=None, attempts=early)


def _put_off(model: type[Transmission], connection: Connection) -> models.QuerySet[Transmission]:
    put_off = Q(status__in=Transmission.CLAIMABLE, not_before__gt=timezone.now())
    return model._default_manager.filter(put_off, **{model.connection_path: connection})


def _holds(outage: Outage, now: datetime) -> bool:
    """Whether the pause, or another process's try, still stands."""
    return outage.paused_until is not None and outage.paused_until > now and not processes.is_gone(outage.prober)


def _let_go(connection: Connection) -> None:
    """What was put off because nothing was decided need not wait longer."""
    for model in transmission_models():
        _put_off(model, connection).update(not_before=None)
    frequent = connection.plans.filter(every_minutes__lte=LONGEST_PAUSE.total_seconds() / 60)
    now = timezone.now()
    frequent.filter(next_run_at__gt=now).update(next_run_at=now, expected_since=now)


def _pause(lasted: timedelta) -> timedelta:
    full = min(max(lasted, timedelta(seconds=settings.RETRY_BASE_SECONDS)), LONGEST_PAUSE)
    return full * random.uniform(0.9, 1.1)  # noqa: S311


def _is_disabled() -> bool:
    return settings.RETRY_BASE_SECONDS == 0
