"""What must be true of the outside world and of every order: after each step, and when all has come to rest."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from decimal import Decimal

from integrations.models import Exchange, Route, SyncRun
from integrations.sandbox import gecko_stock
from integrations.transmissions import Transmission
from inventory.models import Listing, Publication
from orders import edits
from orders.models import Hold, Order, ShipmentConfirmation, WarehouseChange, WarehouseSubmission
from orders.settling import open_lines
from tests.proof.world import ENDED, GOODS, KNOWN_CARRIER, UNKNOWN, Sale, World

S, T, K = Order.Status, Transmission.Status, Hold.Kind
UNDERWAY = (T.PENDING, T.IN_FLIGHT, T.UNCONFIRMED)


def always(world: World) -> None:
    """After every step, whatever broke off."""
    _one_order_each(world)
    _nothing_told_twice(world)
    _nothing_told_that_was_known_void(world)
    _nothing_sent_again_that_had_arrived(world)
    assert all(units >= 0 for units in world.box.oasis.quantities.values()), world.box.oasis.quantities
    for order in Order.objects.all():
        assert place_of(order), f"{order} is {order.status} and nobody sees it"
    unexpected = SyncRun.objects.filter(error__contains="unexpected").first()
    assert unexpected is None, f"{unexpected}: {unexpected.error}"


def _one_order_each(world: World) -> None:
    living = Counter(row["reference_number"] for row in world.box.tradegecko.living())
    assert set(living) <= set(world.sales), "TradeGecko has an order that nobody placed"
    assert all(times == 1 for times in living.values()), f"doubled in TradeGecko: {living}"


def _nothing_told_twice(world: World) -> None:
    """Per parcel and item, no more units than it holds; per line, no more than were ever ordered."""
    packed = {row["tracking_number"]: number for number, row in world.parcels.items() if row["tracking_number"]}
    for number, sale in world.sales.items():
        told = world.told(number)
        once = Counter((line, tracking) for line, tracking, _ in told)
        assert all(times == 1 for times in once.values()), f"{number}: told twice: {told}"
        for (sku, tracking), units in _units_by_parcel(sale, told).items():
            held = whole_units(sku, world.contents(packed[tracking]))
            in_parts = sum(GOODS[sku].values()) > 1  # they may come in several parcels: the last completes the unit
            assert units <= held or in_parts, f"{number}: {units} of {sku} told in {tracking}, which holds {held}"
        for line in sale.skus:
            units = sum(quantity for of, _, quantity in told if of == line)
            assert units <= max(sale.said[line]), f"{number}: {units} units of line {line} told, {sale.said[line]} said"


def _units_by_parcel(sale: Sale, told: list[tuple[str, str, int]]) -> Counter[tuple[str, str]]:
    units: Counter[tuple[str, str]] = Counter()
    for line, tracking, quantity in told:
        units[sale.skus[line], tracking] += quantity
    return units


def whole_units(sku: str, parts: dict[str, Decimal]) -> int:
    """How many of a marketplace SKU these units of warehouse SKUs make."""
    return min(int(parts.get(part, Decimal(0)) // units) for part, units in GOODS[sku].items())


def _nothing_told_that_was_known_void(world: World) -> None:
    for parcel in world.known_void:
        tracking = world.parcels[parcel]["tracking_number"]
        assert not tracking or not world.told(tracking=tracking), f"void parcel {tracking} was told"


def _nothing_sent_again_that_had_arrived(world: World) -> None:
    """What may have arrived is looked up first: the other side's own defence against repetition is never needed.

    But for an order that the warehouse voided before anybody knew that it had arrived: it is none that a look-up finds.
    """
    voided = [row["reference_number"] for row in world.box.tradegecko.orders.values() if row["status"] == "void"]
    for refusal in ("ALREADY_SHIPPED", "Duplicate Idempotency Key"):
        for again in Exchange.objects.filter(response_body__contains=refusal):
            is_voided = any(f'"{reference}"' in again.request_body for reference in voided)
            assert is_voided, f"sent again, though it had arrived: {again}"


def place_of(order: Order) -> str:
    """Where a person finds it, or what moves it on by itself. Empty: nowhere."""
    submission = WarehouseSubmission.objects.filter(order=order).first()
    held = order.holds.filter(resolved_at=None).exclude(message="").exists()
    match order.status:
        case S.RECEIVED:
            return "judged by the next run"
        case S.READY:
            if submission is None or submission.status == T.WITHDRAWN:
                return "judged again by the next run"
            return "refused" if submission.status == T.PARKED else _if(submission.status in UNDERWAY, "on its way")
        case S.ON_HOLD:
            return _if(held, "on hold")
        case S.SKIPPED:
            return _if(bool(order.skip_reason), "skipped, with a reason")
        case S.CONFIRMED | S.CANCELLED:
            return "done"
    return _if(submission is not None and submission.status == T.ACCEPTED and bool(submission.remote_id), "followed")


def _if(condition: bool, place: str) -> str:
    return place if condition else ""


def observations() -> dict[str, datetime]:
    """When the stock behind each shown quantity was read."""
    return {
        row.marketplace_sku: row.observed_at for row in Listing.objects.exclude(observed_at=None) if row.observed_at
    }


# --- at rest ----------------------------------------------------------------------------------------------------


def at_rest(world: World) -> None:
    """Without faults, when nothing is sent any more: everything went where it belongs, or says why not."""
    always(world)
    for model in (WarehouseSubmission, WarehouseChange, ShipmentConfirmation, Publication):
        open_ones = list(model._default_manager.filter(status__in=UNDERWAY))
        assert not open_ones, f"still open: {open_ones}"
    assert not SyncRun.objects.filter(status=SyncRun.Status.RUNNING).exists()
    for sale in world.sales.values():
        order = Order.objects.get(full_number=sale.number)
        _sent_or_says_why(world, sale, order)
        _told_or_says_why(world, sale, order)
    _quantities_are_right(world)


def _sent_or_says_why(world: World, sale: Sale, order: Order) -> None:
    placed = world.placed(sale.number)
    seen = f"{sale}, {order.status}: {order.skip_reason}, {[str(hold) for hold in order.holds.all()]}, {placed}"
    if not placed:
        assert order.status == _expected_unsent(world, sale), seen
        return
    assert order.status not in (*Order.UNSENT, S.SKIPPED), seen
    living = [row for row in placed if row["status"] not in ENDED]
    if not living:
        assert order.status == S.CANCELLED or _was_held(order, K.VOIDED_ORDER), seen
    for row in living:
        assert _right_lines(world, sale, row["id"]), f"{seen}: {world.box.tradegecko.lines(row['id'])}"
    untold = sale.cancelled - {line for line, _, _ in world.told(sale.number)}
    if living and order.lines.filter(number__in=untold, submitted_lines__isnull=False).exists():
        assert _was_held(order, K.CANCELLED_LATE), seen


def all_confirmed(world: World) -> None:
    """When the warehouse has shipped everything: an order with which nobody interfered has come to its end."""
    for sale in world.sales.values():
        order = Order.objects.get(full_number=sale.number)
        placed = world.placed(sale.number)
        if sale.is_edited or sale.cancelled or not placed or placed[0]["status"] in ENDED:
            continue
        parcels = [row for row in world.parcels.values() if row["order_id"] == placed[0]["id"]]
        by_unknown = any((row["tracking_company"], row["service"]) != KNOWN_CARRIER for row in parcels)
        if by_unknown or any(row["status"] in ENDED for row in parcels):
            continue
        parked = list(order.confirmations.filter(status=T.PARKED).values_list("last_error", flat=True))
        seen = f"{sale}: {order.status}, {parked}, {[str(hold) for hold in order.holds.all()]}"
        assert order.status == S.CONFIRMED, seen
        assert not parked, seen


def _expected_unsent(world: World, sale: Sale) -> str:
    """The only status that an order may have that the warehouse never had."""
    if sale.is_skipped:
        return S.SKIPPED if not sale.is_cancelled else Order.objects.get(full_number=sale.number).status
    if sale.is_cancelled:
        seen = Order.objects.get(full_number=sale.number).status
        return seen if seen == S.SKIPPED else S.CANCELLED
    unknown = UNKNOWN in sale.open_skus and not world.has_alias
    return S.ON_HOLD if sale.is_held or sale.lacks_city or unknown else "sent"


def _was_held(order: Order, kind: Hold.Kind) -> bool:
    return order.holds.filter(kind=kind).exclude(message="").exists()


def _right_lines(world: World, sale: Sale, order_id: int) -> bool:
    """Per line of the sale, its components in units that the marketplace once said; cancelled lines may be left out."""
    sent = Counter[str]()
    for row in world.box.tradegecko.lines(order_id):
        if row["variant_id"]:
            sent[world.sku_of(row)] += int(Decimal(row["quantity"]))
    least, most = Counter[str](), Counter[str]()
    for line, sku in sale.skus.items():
        for part, units in GOODS[sku].items():
            least[part] += 0 if line in sale.cancelled else min(sale.said[line]) * units
            most[part] += max(sale.said[line]) * units
    return set(sent) <= set(most) and all(least[part] <= sent[part] <= most[part] for part in most)


def _told_or_says_why(world: World, sale: Sale, order: Order) -> None:
    """Every whole unit that left was told once; where it was not, a person sees it."""
    placed = {row["id"] for row in world.placed(sale.number)}
    gone = {number: row for number, row in world.parcels.items() if row["order_id"] in placed}
    shipped = {number: row for number, row in gone.items() if row["status"] == "fulfilled"}
    told = world.told(sale.number)
    voided = {row["tracking_number"] for row in gone.values() if row["status"] in ENDED}
    if voided & {tracking for _, tracking, _ in told}:
        assert _was_held(order, K.VOIDED_SHIPMENT), f"{sale.number}: a parcel was voided after it was told; {told}"
        return
    for sku in set(sale.skus.values()):
        parts = sum((Counter(world.contents(number)) for number in shipped), Counter[str]())
        expected = whole_units(sku, {part: Decimal(units) for part, units in parts.items()})
        units = sum(quantity for line, _, quantity in told if sale.skus[line] == sku)
        assert units <= expected, f"{sale.number}: {units} of {sku} told, {expected} shipped"
        if units < expected:
            unknown = any((row["tracking_company"], row["service"]) != KNOWN_CARRIER for row in shipped.values())
            assert (unknown and _was_held(order, K.UNKNOWN_CARRIER)) or _is_excused(sale, order), (
                f"{sale}: {units} of {sku} told, {expected} shipped; {order.status}, "
                f"{list(order.holds.values_list('kind', 'message'))}"
            )


def _is_excused(sale: Sale, order: Order) -> bool:
    """The route waits for the rest; or the marketplace cancelled or lowered what left, and a person was told."""
    if Route.objects.get().partial_shipments == Route.Partial.WHEN_COMPLETE and order.status == S.PARTLY_SHIPPED:
        return True
    refused = ShipmentConfirmation.objects.filter(order=order, status=T.PARKED).exists()
    late = bool(sale.cancelled) and (refused or _was_held(order, K.CANCELLED_LATE))
    return late or (sale.is_edited and _was_held(order, K.OVER_SHIPPED))


def _quantities_are_right(world: World) -> None:
    """What the marketplace shows is what the warehouse has, less what waits with us or for a person."""
    waiting = _undecided(world)
    for order in Order.objects.filter(status__in=Order.UNSENT, cancel_requested_at=None):
        for line in open_lines(order):
            for part, units in GOODS[line.partner_sku].items():
                waiting[part] += line.quantity_to_ship * units
    for (sku, _), shown in world.box.oasis.quantities.items():
        if sku == UNKNOWN and not world.has_alias:
            continue
        free = {part: Decimal(available(world, part) - waiting[part]) for part in GOODS[sku]}
        assert shown == max(whole_units(sku, free), 0), f"{sku} is shown as {shown}; free are {free}"


def _undecided(world: World) -> Counter[str]:
    """Sold on top of what an order was sent with, and not decided on; or in an order that the warehouse voided."""
    waiting = Counter[str]()
    held = Hold.objects.filter(kind__in=(K.CHANGED_ORDER, K.VOIDED_ORDER), resolved_at=None)
    for order in Order.objects.filter(pk__in=held.values("order"), cancel_requested_at=None):
        is_over = all(row["status"] in ENDED for row in world.placed(order.full_number))
        raised = {one.line for one in edits.found_in(order) if one.field in ("quantity", "reopened")}
        mine = {line.number: line for line in order.lines.all()}
        for line in world.box.oasis.orders[order.full_number].lines:
            ours, units = mine[line.number], 0 if line.is_closed else int(line.quantity or 0)
            wanted = units if line.number in raised else min(units, ours.quantity_to_ship)
            left = ours.shipment_lines.filter(shipment__state="shipped")
            left = left.exclude(confirmed__confirmation__status=T.ACCEPTED)
            gone = line.shipped + sum(left.values_list("quantity", flat=True))
            more = max(wanted - (gone if is_over else ours.quantity_to_ship), 0)
            waiting += Counter({part: more * number for part, number in GOODS[line.partner_sku].items()})
    return waiting


def available(world: World, sku: str) -> int:
    gecko = world.box.tradegecko
    variant = next(row["id"] for row in gecko.tables["variants"].values() if row["sku"] == sku)
    level = gecko_stock.levels(gecko, variant)[gecko.location_id("Main DC")]
    return int(level.on_hand - level.committed)
