"""Is a route ready to go live? Each point is answered from what is known now, so that it ticks itself.

What the marketplace and the warehouse were seen to have comes from the last preview and from the orders that came in
since; nothing here asks them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from django.db.models import Count, QuerySet
from django.utils import timezone

from integrations import workers
from integrations.connection_test import check_route, plain_name
from integrations.models import Connection, Route
from integrations.ports import MarketplaceOrder
from integrations.wording import moment
from inventory.aliases import Resolver, Wanted
from orders.models import Order, OrderLine, RouteLook, ShippingMethod, WarehouseSubmission

if TYPE_CHECKING:
    from django.contrib.auth.models import User

RECENT = timedelta(days=30)
MOST_SKUS, MOST_NAMED = 5_000, 5


class State(StrEnum):
    DONE = "done"
    OPEN = "open"
    UNKNOWN = "unknown"  # nothing to judge it by yet


@dataclass(frozen=True, slots=True)
class Point:
    """One point of the list. What `is_needed` must be done before the route goes live; the others are advice.

    `place` names where it is mended: marketplace, warehouse, route, test, preview, mapping, shipping or workers.
    """

    title: str
    state: State
    answer: str
    place: str
    is_needed: bool = False

    @property
    def is_in_the_way(self) -> bool:
        return self.is_needed and self.state != State.DONE


def points(route: Route) -> list[Point]:
    """The whole list, in the order in which a person goes through it."""
    look = look_at(route)
    return [
        _credentials(route.marketplace, "marketplace"),
        _credentials(route.warehouse, "warehouse"),
        _previewed(look),
        *_steps(look),
        _warehouse_name(route, look),
        _skus(route, look),
        _shipping_codes(route, look),
        _tested(route, look),
        _workers(),
    ]


def missing(route: Route) -> list[Point]:
    """What keeps the route from going live."""
    return [point for point in points(route) if point.is_in_the_way]


def unnamed(route: Route) -> list[Point]:
    """What the route names and the warehouse has not: without that no order of it can be sent, not even as a test."""
    return [point for point in _steps(look_at(route)) if point.is_in_the_way]


def look_at(route: Route) -> RouteLook | None:
    """The last preview, if it was of what the route names now."""
    return RouteLook.objects.filter(route=route, subject=_subject(route)).first()


def remember(route: Route, told: Sequence[MarketplaceOrder], by: User | None) -> None:
    """Keep what a preview saw. Raises IntegrationError when the warehouse cannot be asked what the route names."""
    steps = [[step.tried, step.answered, step.ok, step.is_open] for step in check_route(route)]
    own = [one for one in told if one.warehouse_name.strip() == route.marketplace_warehouse_name.strip()]
    skus = sorted({(line.partner_sku.strip(), line.option_sku.strip()) for one in own for line in one.lines})
    seen = {
        "subject": _subject(route), "at": timezone.now(), "by": by, "steps": steps,
        "warehouse_names": dict(Counter(one.warehouse_name for one in told)),
        "skus": skus[:MOST_SKUS], "shipping_codes": sorted({one.shipping_code for one in own}),
    }  # fmt: skip
    RouteLook.objects.update_or_create(route=route, defaults=seen)


def has_tested(route: Route) -> bool:
    """Whether an order of the route has reached the warehouse, as a test or for real."""
    return _accepted(route).exists() or RouteLook.objects.filter(route=route).exclude(tested_at=None).exists()


def note_tested(route: Route) -> None:
    RouteLook.objects.filter(route=route, tested_at=None).update(tested_at=timezone.now())


def _subject(route: Route) -> str:
    names = (route.marketplace_warehouse_name, route.location_name, route.company_name)
    return "\n".join((str(route.marketplace_id), str(route.warehouse_id), *names))


def _credentials(connection: Connection, place: str) -> Point:
    title = f"{connection} accepts our credentials"
    if connection.health == Connection.Health.UNTESTED:
        return Point(title, State.OPEN, "not tried yet: test the connection", place, is_needed=True)
    works = connection.health == Connection.Health.WORKING and connection.is_active
    said = f"last tried {moment(connection.health_at)}" if works else connection.health_message or "switched off"
    return Point(title, State.DONE if works else State.OPEN, said, place, is_needed=True)


def _previewed(look: RouteLook | None) -> Point:
    title = "Somebody has looked at what it would load"
    if look is None:
        return Point(title, State.OPEN, "open the preview and look; it stores no order", "preview", is_needed=True)
    return Point(title, State.DONE, f"{look.by or 'seen'}, {moment(look.at)}", "preview", is_needed=True)


def _steps(look: RouteLook | None) -> Iterator[Point]:
    """What the route names in the warehouse: location, company, currency."""
    for tried, answered, ok, *is_open in look.steps if look else ():  # one that was kept before there was `is_open`
        is_needed = not any(is_open)
        state = State.DONE if ok and is_needed else State.OPEN
        yield Point(tried[:1].upper() + tried[1:], state, answered, "route", is_needed)


def _warehouse_name(route: Route, look: RouteLook | None) -> Point:
    """Exactly, capitals and blanks included: near misses are shown as they are spelt."""
    wanted = route.marketplace_warehouse_name
    title = f"Orders carry the warehouse name {wanted!r}"
    seen = _names(route.marketplace, look)
    total = sum(seen.values())
    if not total:
        return Point(title, State.UNKNOWN, "no orders seen yet, so it cannot be checked", "route")
    if seen.get(wanted):
        return Point(title, State.DONE, f"{seen[wanted]} of {total} recent", "route", is_needed=True)
    near = [name for name in seen if plain_name(name) == plain_name(wanted)] or sorted(seen, key=lambda n: -seen[n])
    shown = ", ".join(repr(name) for name in near[:MOST_NAMED])
    return Point(title, State.OPEN, f"none of {total} recent; they carry {shown}", "route", True)


def _names(marketplace: Connection, look: RouteLook | None) -> dict[str, int]:
    """How many orders carry each name. Those of a paused route are not stored: only its preview saw them."""
    orders = Order.objects.filter(connection=marketplace, received_at__gt=timezone.now() - RECENT)
    stored = dict(orders.order_by().values_list("warehouse_name").annotate(Count("pk")))
    told = look.warehouse_names if look else {}
    return {name: max(stored.get(name, 0), told.get(name, 0)) for name in {**stored, **told}}


def _skus(route: Route, look: RouteLook | None) -> Point:
    title = "SKUs of recent orders are known in the warehouse"
    lines = OrderLine.objects.filter(order__route=route, order__received_at__gt=timezone.now() - RECENT)
    stored = lines.order_by("partner_sku", "option_sku").values_list("partner_sku", "option_sku").distinct()
    pairs = set(stored[:MOST_SKUS]) | {(partner, option) for partner, option in (look.skus if look else ())}
    wanted = [Wanted(partner, option) for partner, option in sorted(pairs)]
    if not wanted:
        return Point(title, State.UNKNOWN, "no orders seen yet", "mapping")
    resolver = Resolver(route, wanted)
    unknown = sorted({found.sku for found in map(resolver.resolve, wanted) if not found.is_known})
    said = f"{len(wanted) - len(unknown)} of {len(wanted)}"
    if not unknown:
        return Point(title, State.DONE, said, "mapping")
    named = ", ".join(map(repr, unknown[:MOST_NAMED])) + (" …" if len(unknown) > MOST_NAMED else "")
    return Point(title, State.OPEN, f"{said}; their orders would be held: {named}", "mapping")


def _shipping_codes(route: Route, look: RouteLook | None) -> Point:
    title = "Shipping codes of recent orders are mapped"
    orders = Order.objects.filter(route=route, received_at__gt=timezone.now() - RECENT)
    asked = orders.order_by().values_list("shipping_code", "working_shipping_code").distinct()[:MOST_SKUS]
    codes = {working or code for code, working in asked}
    codes |= set(look.shipping_codes if look else ())
    if not codes:
        return Point(title, State.UNKNOWN, "no orders seen yet", "shipping")
    known = ShippingMethod.objects.filter(connection=route.marketplace, code__in=codes).values_list("code", flat=True)
    unmapped = sorted(codes - set(known))
    said = f"{len(codes) - len(unmapped)} of {len(codes)}"
    if not unmapped:
        return Point(title, State.DONE, said, "shipping")
    then = "held" if route.unmapped_shipping == Route.Unmapped.REFUSE else "sent with the code as it is"
    named = ", ".join(map(repr, unmapped[:MOST_NAMED]))
    return Point(title, State.OPEN, f"{said}; orders with {named} would be {then}", "shipping")


def _tested(route: Route, look: RouteLook | None) -> Point:
    title = "A test order has reached the warehouse"
    one = _accepted(route).order_by("-is_test", "-pk").first()
    if one is not None:
        real = "" if one.is_test else ", sent for real"
        return Point(title, State.DONE, f"order {one.remote_number or one.remote_id}{real}", "route")
    if look is not None and look.tested_at:
        return Point(title, State.DONE, f"seen {moment(look.tested_at)}", "route")
    return Point(title, State.OPEN, "none yet: start the test, and let an order come in", "test")


def _accepted(route: Route) -> QuerySet[WarehouseSubmission]:
    mine = WarehouseSubmission.objects.filter(order__route=route, connection=route.warehouse_id)
    return mine.filter(status=WarehouseSubmission.Status.ACCEPTED)


def _workers() -> Point:
    alive = workers.are_seen()
    said = "seen within the last minutes" if alive else "none seen; is `manage.py qcluster` running?"
    return Point("Workers are alive", State.DONE if alive else State.OPEN, said, "workers", is_needed=True)
