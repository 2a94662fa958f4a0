"""The marketplace's side: every order created in a period, as it shows it now, and which of that time is certain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.utils import timezone

from integrations.errors import IntegrationError
from integrations.models import Route
from integrations.ports import Marketplace, MarketplaceOrder, UnreadableOrder
from integrations.runs import Run
from orders import changes, settling
from orders.models import Order
from orders.readback import GUESS, MARGIN
from orders.reconciliation.facts import Told
from orders.windows import joined, slices

SLICE = timedelta(hours=24)

Key = tuple[str, str]


@dataclass
class Market:
    """What the marketplace told: orders by channel and number, and the windows for which that is certainly all."""

    name: str
    told: dict[Key, Told] = field(default_factory=dict)
    certain: list[tuple[datetime, datetime]] = field(default_factory=list)
    trouble: IntegrationError | None = None
    has_gaps: bool = False

    @property
    def is_complete(self) -> bool:
        return self.trouble is None and not self.has_gaps

    def must_show(self, order: Order) -> bool:
        """Whether the order would have been told, were it there."""
        created = order.marketplace_created_at
        first, last = (created, created) if created else (order.ordered_at - MARGIN, order.ordered_at + GUESS)
        return any(since <= first and last <= until for since, until in joined(self.certain))


def read(
    run: Run, market: Marketplace, routes: Sequence[Route], since: datetime, until: datetime, grace: timedelta
) -> Market:  # fmt: skip
    """Read the period in slices of a day, a call each. The first that cannot be read is the last one asked for.

    What a pull should have stored since `grace` ago may not be here yet.
    """
    seen, late = Market(str(run.connection)), timezone.now() - grace
    for start, end in slices(since, until, recent=SLICE, older=SLICE):
        run.beat()
        certain, whole = market.certain_until(end), True
        try:
            # Whether the ends of a window belong to it is not known (supplier-oasis 1.2).
            for told in market.orders(start - MARGIN, end + MARGIN):
                whole &= _keep(seen, told, routes, since, until, late)
        except IntegrationError as exc:
            seen.trouble = exc
            break
        if whole:
            seen.certain.append((start, min(end, certain)))
        else:
            seen.has_gaps = True
            run.problem(
                f"{run.connection}: the answer for {start:%Y-%m-%d %H:%M} UTC and the day after lacks orders, or holds "
                "one without a number, which may be any; none of that day counts as missing over there"
            )
    _drop_read_well(seen)
    return seen


def _drop_read_well(seen: Market) -> None:
    """What could not be read in one window, and could in another."""
    for number in {number for channel, number in seen.told if channel}:
        seen.told.pop(("", number), None)


def _keep(
    seen: Market, told: MarketplaceOrder | UnreadableOrder, routes: Sequence[Route], since: datetime, until: datetime,
    late: datetime,
) -> bool:  # fmt: skip
    """Whether the answer can still be all of its window: a record without a number may be any order."""
    if isinstance(told, UnreadableOrder):
        key = ("", told.number or told.raw)
        seen.told[key] = Told(told.number, unreadable=told.reason)
        return bool(told.number)
    if told.created_at is None or since <= told.created_at <= until:
        seen.told[told.sales_channel, told.number] = Told(
            told.number, told.sales_channel, told.created_at, state=told.state, lines=told.lines,
            facts=changes.facts(told), **_why_not_here(told, routes, late),
        )  # fmt: skip
    return True


def _why_not_here(told: MarketplaceOrder, routes: Sequence[Route], late: datetime) -> dict[str, str]:
    """What explains that it is not stored, should it not be."""
    active = [route for route in routes if route.state != Route.State.PAUSED]
    route = settling.match_route(told.warehouse_name, active)
    paused = None if route else settling.match_route(told.warehouse_name, routes)
    if paused:
        return {"not_taken": f"not taken: route {paused} is paused"}
    if not active:
        return {"not_taken": "not taken: every route is paused" if routes else "not taken: no route leads anywhere yet"}
    earliest = min((route,) if route else active, key=lambda one: one.earliest_order_date)
    if told.ordered_at.date() < earliest.earliest_order_date:
        day = earliest.earliest_order_date
        return {"not_taken": f"ordered before {day}, the earliest order date of route {earliest}"}
    return _not_pulled(told, [route] if route else active, late)


def _not_pulled(told: MarketplaceOrder, routes: Sequence[Route], late: datetime) -> dict[str, str]:
    behind = [one for one in routes if one.read_until is None or (told.created_at or timezone.now()) > one.read_until]
    if not behind:
        return {}
    route = behind[0]
    if max(told.created_at or timezone.now(), route.read_until or route.created_at) < late:
        return {}
    until = f"{route.read_until:%Y-%m-%d %H:%M} UTC" if route.read_until else ""
    what = f"has been pulled up to {until}" if until else "has not been pulled yet"
    return {"not_yet": f"comes with the next pull: route {route} {what}"}
