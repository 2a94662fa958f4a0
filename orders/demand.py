"""Units in orders that the warehouse had not counted when its stock was observed. Handed down to publishing.

An order that is on its way counts as what was sent, whether or not it arrived: until that is known, too little is shown
rather than too much. Reading the stock of its items again right after it was accepted ends that.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from integrations.models import Connection, Route
from integrations.transmissions import Transmission
from inventory import bundles, readings, sold
from inventory.aliases import Resolver, Wanted
from inventory.models import InventoryLevel
from inventory.on_their_way import Counted, Units
from orders import parcels, told_lines
from orders.models import Hold, Order, Shipment, ShipmentLine, SubmittedLine, WarehouseSubmission
from orders.settling import open_lines, wanted

S, T = Order.Status, Transmission.Status
# It may be there, though nobody has seen it yet.
IN_DOUBT = Q(Q(sent_at__isnull=False) | ~Q(remote_id=""), status__in=(T.IN_FLIGHT, T.UNCONFIRMED, T.PARKED))
ITEMS_AT_ONCE = 5_000
LACKS = (Hold.Kind.VOIDED_ORDER, Hold.Kind.DIFFERENT_THERE)
LATELY, LONGEST = timedelta(hours=6), timedelta(days=7)  # longer than a publish is put off, as a rule, and at all

# Warehouse item, order number, units, id of the location that ships it.
Taken = tuple[str, str, int, str]
# Id of the location that ships it, order number, marketplace SKU, units.
Wants = tuple[str, str, Wanted, int]


def pending(route: Route) -> Units:
    """Per warehouse item, the units of each order on its way to a location that counts, from whatever route.

    An order for a bundle takes units of its components too; each figure has its own time, and may know it or not.
    """
    found, made = Units(), bundles.of(route.warehouse_id)
    for item, order, number, place in (*_unsent(route), *_in_doubt(route), *_undecided(route)):
        for part, units in bundles.taken(made, item, number):
            found.add(part, order, units, place)
    since = list(_sent_since(route, made))
    for taken in since:
        found.add(*taken)
    unknown = {(item, order) for item, order, _, _ in since}
    for item, order, units, at in _sent_lately(route, made):
        if (item, order) not in unknown:
            found.note_counted(item, Counted(at, order, units))
    return found


def items_on_their_way(warehouse: Connection) -> set[str]:
    """The items of a warehouse whose figures do not know all orders yet."""
    routes = Route.objects.filter(warehouse=warehouse).exclude(state=Route.State.PAUSED).exclude(location_id="")
    return {item for route in routes.select_related("marketplace", "warehouse") for item in pending(route)}


def _unsent(place: Route) -> Iterator[Taken]:
    """Orders that we hold, whatever for: they will take stock. Lines whose SKU is unknown cannot be counted."""
    ids, names = list(place.places), list(place.places.values())
    here = Q(route__location_id__in=ids) | Q(route__location_id="", route__location_name__in=names)
    in_doubt = WarehouseSubmission.objects.filter(IN_DOUBT, order=OuterRef("pk"))
    orders = Order.objects.filter(
        ~Exists(in_doubt), here, status__in=Order.UNSENT, route__warehouse=place.warehouse_id, cancel_requested_at=None
    )
    by_route: dict[Route, list[Order]] = defaultdict(list)
    for order in orders.select_related("route__warehouse").prefetch_related("lines").defer("raw"):
        if order.route is not None:
            by_route[order.route].append(order)
    known = {name: location for location, name in place.places.items()}
    for route, group in by_route.items():
        location = route.location_id or known[route.location_name]
        yield from _resolved(route, [
            (location, order.full_number, wanted(line), line.quantity_to_ship)
            for order in group for line in open_lines(order) if line.quantity_to_ship
        ])  # fmt: skip


def _undecided(place: Route) -> Iterator[Taken]:
    """What waits for a person and will take stock, though no figure will know it: what the marketplace has sold more
    of orders that we have, and what it wants still of those that the warehouse has voided, or took out of its order.

    Of orders that were not sent, at the location that ships their route; of others, where they were sent to.
    """
    waits = Hold.objects.filter(order=OuterRef("pk"), kind__in=(*Hold.UNTIL_DECIDED, *LACKS), resolved_at=None)
    orders = Order.objects.filter(Exists(waits), route__warehouse=place.warehouse_id, cancel_requested_at=None)
    by_route: dict[Route, list[Wants]] = defaultdict(list)
    with_parts = orders.select_related("route__warehouse", "submission").defer("raw")
    for order in with_parts.prefetch_related("lines__order__short_ships", "submission__lines"):
        location = _ships_from(order, place)
        if not location or order.route is None:
            continue
        for sku, units in (*_raised(order), *_voided(order)):
            by_route[order.route].append((location, order.full_number, sku, units))
        yield from ((item, order.full_number, units, location) for item, units in _taken_out(order))
    for route, lines in by_route.items():
        yield from _resolved(route, lines)


def _raised(order: Order) -> Iterator[tuple[Wanted, int]]:
    for told, units in told_lines.raised(order) if order.status not in Order.UNWANTED else ():
        yield Wanted(partner_sku=told["partner_sku"], option_sku=told["option_sku"]), units


def _voided(order: Order) -> Iterator[tuple[Wanted, int]]:
    """What has not shipped of an order that ended there: it is to be shipped some other way, or cancelled."""
    submission = getattr(order, "submission", None)
    if submission is None or submission.remote_status not in submission.ENDED:
        return
    now, gone = (order.told_now or order.told or {"lines": {}})["lines"], _gone(order)
    for line in order.lines.all():
        told = now.get(line.number)
        wants = min(line.quantity_to_ship, told_lines.to_ship(line, told)) if told else line.quantity_to_ship
        if wants > gone[line.pk] and not line.is_cancelled:
            yield wanted(line), wants - gone[line.pk]


def _gone(order: Order) -> Counter[int]:
    """By order line, the units that left, or that the marketplace took for shipped and wants no more.

    A parcel that was voided after it was to be told of, and is not taken, is none of them: its goods are back.
    """
    found = Counter[int]()
    taken = Q(shipment__state=Shipment.State.SHIPPED) | Q(confirmed__confirmation__status=T.ACCEPTED)
    rows = ShipmentLine.objects.filter(taken, order_line__order=order)
    for line, units in rows.values_list("order_line", "quantity"):
        found[line] += units
    return found


def _taken_out(order: Order) -> Iterator[tuple[str, int]]:
    """Items that are to ship and that staff took out of the warehouse's order, which has given up their stock."""
    submission = getattr(order, "submission", None)
    if submission is None or submission.remote_status in submission.ENDED or order.status not in Order.SENT:
        return
    for parts in parcels.astray(order.lines.all(), submission.lines.all()).values():
        yield from (
            (part.item_id, part.wanted - part.there) for part in parts if part.item_id and part.wanted > part.there
        )


def _ships_from(order: Order, place: Route) -> str:
    """The id of the location that takes an order's units, if it is one that counts there; else empty."""
    submission = getattr(order, "submission", None)
    route, here = order.route, ""
    if submission is not None and not submission.is_not_sent:
        here = str(submission.request.get("location_id", ""))
    if not here and route is not None:
        named = {name: location for location, name in place.places.items()}
        here = route.location_id or named.get(route.location_name, "")
    return here if here in place.places else ""


def _resolved(route: Route, lines: Sequence[Wants]) -> Iterator[Taken]:
    resolver = Resolver(route, [sku for _, _, sku, _ in lines])
    for location, order, sku, units in lines:
        for part in resolver.resolve(sku).components:
            yield part.item_id, order, units * part.units, location


def _in_doubt(route: Route) -> Iterator[Taken]:
    """What was sent and may have arrived, also of an order that is to be cancelled: it takes stock until it is void."""
    doubtful = WarehouseSubmission.objects.filter(
        IN_DOUBT, connection=route.warehouse_id, order__status__in=Order.UNSENT
    )
    lines = SubmittedLine.objects.filter(
        submission__in=doubtful, submission__request__location_id__in=list(route.places)
    )
    for line in lines.select_related("submission__order"):
        placed = line.submission
        yield line.item_id, placed.order.full_number, line.quantity, str(placed.request["location_id"])


def _sent_since(place: Route, made: bundles.Bundles) -> Iterator[Taken]:
    """Sent orders that the figures of their items do not know, shipped or not; an unshipped draft commits nothing.

    They count where they were sent to, even if their route leads elsewhere by now.
    """
    oldest = readings.oldest_figure(place.warehouse, place.places)
    if oldest is None:
        return
    draft = Q(submission__remote_status="draft", submission__order__status=S.SUBMITTED)
    since = Q(submission__committed_at__gte=oldest)
    since |= Q(submission__committed_at=None, submission__finished_at__gte=oldest)
    sent = SubmittedLine.objects.filter(
        draft | since, submission__connection=place.warehouse_id, submission__status=T.ACCEPTED,
        submission__request__location_id__in=list(place.places),
    ).exclude(submission__order__status=S.CANCELLED)  # fmt: skip
    rows = [
        (line.submission, item, units)
        for line in sent.select_related("submission__order")
        for item, units in bundles.taken(made, line.item_id, line.quantity)
    ]
    seen = _observed(place, {item for _, item, _ in rows})
    for placed, item, units in rows:
        location = str(placed.request["location_id"])
        at = seen.get((item, location))
        if at is None or _is_unknown_to(placed, at):
            yield item, placed.order.full_number, units, location


def _lately(place: Route) -> datetime:
    """Longer ago than what is shown there, as a rule: also from one file to the next, or where it waits for long."""
    now, by_file = timezone.now(), place.publish_by == Route.PublishBy.FILE
    since = now - LATELY - timedelta(hours=(place.inventory_file_hours or 24) if by_file else 0)
    return max(min(since, sold.reaches_back_to(place) or since), now - LONGEST)


def _sent_lately(place: Route, made: bundles.Bundles) -> Iterator[tuple[str, str, int, datetime]]:
    """Item, order number, units and time of what was sent lately, or of which more was."""
    since = _lately(place)
    lines = SubmittedLine.objects.filter(
        Q(submission__committed_at__gte=since) | Q(submission__committed_at=None, submission__finished_at__gte=since),
        submission__connection=place.warehouse_id, submission__status=T.ACCEPTED,
        submission__request__location_id__in=list(place.places),
    ).exclude(submission__order__status=S.CANCELLED)  # fmt: skip
    at = Coalesce("submission__committed_at", "submission__finished_at")
    for item, quantity, number, sent_at in lines.values_list(
        "item_id", "quantity", "submission__order__full_number", at
    ):
        for part, units in bundles.taken(made, item, quantity):
            yield part, number, units, sent_at


def _is_unknown_to(placed: WarehouseSubmission, at: datetime) -> bool:
    """Whether a figure of that time does not have this order's units taken off."""
    if placed.remote_status == "draft" and placed.order.status == S.SUBMITTED:
        return True
    committed_at = placed.committed_at or placed.finished_at
    return committed_at is None or committed_at >= at


def _observed(place: Route, items: Iterable[str]) -> dict[tuple[str, str], datetime]:
    """When each item was counted, by item and location."""
    wanted_items = sorted(items)
    levels = InventoryLevel.objects.filter(connection=place.warehouse_id, location_id__in=place.places)
    return {
        (item, location): at
        for start in range(0, len(wanted_items), ITEMS_AT_ONCE)
        for item, location, at in levels.filter(
            item_id__in=wanted_items[start : start + ITEMS_AT_ONCE]
        ).values_list("item_id", "location_id", "observed_at")
    }  # fmt: skip
