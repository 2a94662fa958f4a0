"""How a row of a worklist reads: what it is, what is wrong in words, and the next action as a button."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Prefetch
from django.urls import reverse
from django.utils.http import urlencode

from integrations.admin.waiting import Waits
from integrations.admin_base import ago
from integrations.circuit import pause_text
from integrations.models import Connection
from integrations.transmissions import Transmission
from integrations.walking import coming_back
from integrations.wording import counted
from inventory.admin import looking_up
from inventory.models import GuardedPublish, Publication
from orders import next_step, route_trouble, ship_dates, short_shipping
from orders.admin import labels, remedies
from orders.admin.reconciliation_page import way_to_mend
from orders.models import OUTBOXES, Hold, Order, ReconciledOrder, ShortShip, WarehouseSubmission
from orders.worklists import CAUSE_IN_SUBJECT, Entry

K, T = Hold.Kind, Transmission.Status
CHANGE_ORDER, RESEND, RUN = "orders.change_order", "orders.resend_order", "integrations.run_job"
WHERE = {
    Order.Status.READY: "it is sent with the next run",
    Order.Status.SUBMITTED: "the warehouse has it, and has shipped none of it",
    Order.Status.PARTLY_SHIPPED: "the warehouse has shipped a part of it",
}
LOOK_UP = "Look it up now"
ASKED_FOR = (LOOK_UP, "Map it", "Resolve", "Retry", "Release", "Test")  # on a page that does it and is left then
DECIDED = (*Hold.UNTIL_DECIDED, K.CANCELLED_LATE)
Key = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Row:
    """`permissions` are what the action needs; without an action there is nothing to do but to look."""

    title: str
    url: str
    where: str
    cause: str
    wrong: str
    action: str = ""
    action_url: str = ""
    permissions: tuple[str, ...] = ()
    ship_date: str = ""
    since: str = ""


def rows_of(entries: Iterable[Entry], user: Any) -> Mapping[Key, Row]:
    """By source and key; one or two queries per source that has some, and an action only for who may do it."""
    asked: dict[str, list[int]] = defaultdict(list)
    since = {}
    for one in entries:
        asked[one.source].append(one.pk)
        since[one.source, one.pk] = one.since
    found = {(name, row.pk): ROWS[name](row) for name, pks in asked.items() for row in RECORDS[name](pks)}
    return {key: _for(user, row, ago(since[key])) for key, row in found.items()}


def waits(source: str, record: Any, user: Any) -> Waits:
    """What a record's row says and leads to, for the record's own page."""
    row = _for(user, ROWS[source](record), "")
    own = reverse(f"admin:{record._meta.app_label}_{record._meta.model_name}_change", args=[record.pk])
    return Waits(row.wrong, row.action, returning(row, own).action_url)


def returning(row: Row, to: str) -> Row:
    """The row; who does what its button says on a page of its own comes back to this address."""
    return replace(row, action_url=coming_back(row.action_url, to)) if row.action in ASKED_FOR else row


def _for(user: Any, row: Row, since: str) -> Row:
    may = user.has_perms(row.permissions)
    return replace(row, since=since, action=row.action if may else "", action_url=row.action_url if may else "")


def _of_hold(hold: Hold) -> Row:
    order, kind = hold.order, Hold.Kind(hold.kind)
    label, permissions, url = remedies.remedy(order, hold)
    page = _page(order)
    if kind in DECIDED or remedies.is_of_line_there(hold):
        label, permissions, url = "Decide", (CHANGE_ORDER,), page
    elif not url:
        label, permissions, url = "Open", (), page
    subject = f": {hold.subject or '(none)'}" if kind in CAUSE_IN_SUBJECT else ""
    return Row(
        str(order), page, str(order.connection), f"{kind.label}{subject}", f"{hold}. {hold.message}", label,
        page + url if url.startswith("#") else url, permissions, _ship_date(order),
    )  # fmt: skip


def _of_sent(what: str, source: str) -> Callable[[Any], Row]:
    """Rows of what was sent for an order."""

    def row(sent: Any) -> Row:
        order, error = sent.order, sent.last_error or "no clear answer came"
        action, url, permissions = _again(sent, source)
        return Row(
            str(order), _page(order), str(sent.connection), f"{what}: {error}", _tried(sent, what, error), action, url,
            permissions, _ship_date(order),
        )  # fmt: skip

    return row


def _of_route(sent: Any) -> Row:
    """An order that waits until its route is mended."""
    order, error = sent.order, sent.last_error
    route = reverse("admin:integrations_route_change", args=[order.route_id])
    return Row(
        str(order), _page(order), str(sent.connection), error, error, "Open the route", route,
        ("integrations.change_route",), _ship_date(order),
    )  # fmt: skip


def _of_publication(one: Publication) -> Row:
    error, what = one.last_error or "no clear answer came", f"Quantity {one.quantity}"
    listing = reverse("admin:inventory_listing_change", args=[one.listing_id])
    market = one.listing.route.marketplace
    permissions: tuple[str, ...]
    if one.status == T.PARKED:
        action, url, permissions = "Look at the listing", listing, ("inventory.view_listing",)
    else:
        action, url, permissions = LOOK_UP, looking_up.address_of(one), (RUN, "inventory.view_publication")
    return Row(one.sku, listing, str(market), f"Quantity: {error}", _tried(one, what, error), action, url, permissions)


def _again(sent: Any, source: str) -> tuple[str, str, tuple[str, ...]]:
    if sent.status == T.PARKED:
        fined = (short_shipping.PERMISSION,) if isinstance(sent, ShortShip) else ()
        return "Retry", reverse("admin:orders_order_retry", args=[sent.order_id]), (RESEND, *fined)
    return LOOK_UP, reverse("admin:orders_order_look_up", args=[sent.order_id, source]), (RUN,)


def _tried(sent: Transmission, what: str, error: str) -> str:
    tried = f", {counted(sent.attempts, 'attempts')}" if sent.attempts else ""  # a part of what was tried has none
    return f"{what}{tried}: {error}"


def _of_late(order: Order) -> Row:
    days = ship_dates.days_late(order)
    holds = [str(hold) for hold in getattr(order, "open_holds", [])]
    waits = f"it waits for: {', '.join(holds)}" if holds else _where_it_is(order)
    ago_text = "yesterday" if days == 1 else f"{days} days ago"
    return Row(
        str(order), _page(order), str(order.connection), str(order.get_status_display()),
        f"Its ship date was {ago_text}; {waits}.",
        "See what holds it" if holds else "Open", _page(order), (), _ship_date(order),
    )  # fmt: skip


def _where_it_is(order: Order) -> str:
    if route_trouble.of(order):
        return "its route is to be put right first, and Other holds says how"
    if labels.what_waits(order):
        return "its sending has stopped, and Refused says why"
    if next_step.waits_for_route(order):
        return f"route {order.route} is paused, so it is not sent"
    status = Order.Status(order.status)
    return WHERE.get(status, f"it is {status.label.lower()}")


def _of_guarded(one: GuardedPublish) -> Row:
    url = reverse("admin:inventory_guardedpublish_change", args=[one.pk])
    wrong = f"{counted(one.changed, 'quantities')} held back, {one.zeroed} of them set to 0: {one.reason}"
    return Row(str(one.route), url, str(one.route.marketplace), one.reason, wrong, "Decide", url)


def _of_finding(one: ReconciledOrder) -> Row:
    report, bucket = one.report, ReconciledOrder.Bucket(one.bucket)
    page = _page(one.order) if one.order else ""
    permission, url = way_to_mend(one, report)
    action = one.get_mend_display()
    if not url:
        found = urlencode({"bucket": "all", "q": one.number})
        url = f"{reverse('admin:orders_reconciliation_change', args=[report.pk])}?{found}#orders"
        action, permission = "See the report", "orders.view_reconciliation"
    return Row(
        one.number or "without a number", page or url, str(report.connection), bucket.label, one.in_words, action, url,
        (permission,), _ship_date(one.order) if one.order else "",
    )  # fmt: skip


def _of_connection(one: Connection) -> Row:
    outage = getattr(one, "outage", None)
    paused = pause_text(one, outage) if outage and outage.paused_until else ""
    wrong = " ".join(text for text in (one.health_message, paused) if text) or "no answer is known"
    test = reverse("admin:integrations_connection_test", args=[one.pk])
    page = reverse("admin:integrations_connection_change", args=[one.pk])
    return Row(
        str(one), page, str(one.get_provider_display()), str(one.get_health_display()), wrong, "Test", test, (RUN,)
    )


def _page(order: Order) -> str:
    return reverse("admin:orders_order_change", args=[order.pk])


def _ship_date(order: Order) -> str:
    """With what it means today: words, since colour alone says nothing to some."""
    day = ship_dates.of_order(order)
    if day is None or order.status not in Order.UNSHIPPED:
        return f"{day}" if day else ""
    late = (ship_dates.today() - day).days
    return f"{day} (late)" if late > 0 else f"{day} (today)" if late == 0 else f"{day}"


def _sent_rows(model: Any) -> Callable[[list[int]], Iterable[Any]]:
    return lambda pks: model.objects.filter(pk__in=pks).select_related("order__route", "connection")


def _late_rows(pks: list[int]) -> Iterable[Order]:
    held = Prefetch("holds", Hold.objects.filter(resolved_at=None), to_attr="open_holds")
    known = Order.objects.filter(pk__in=pks).select_related("route", "connection", "submission")
    return known.prefetch_related(held, "shipments")


def _hold_rows(pks: list[int]) -> Iterable[Hold]:
    known = Hold.objects.filter(pk__in=pks).select_related("order__route", "order__connection")
    return known.prefetch_related("order__shipments")


RECORDS: Mapping[str, Callable[[list[int]], Iterable[Any]]] = {
    "hold": _hold_rows, "of_route": _sent_rows(WarehouseSubmission),
    **{box.name: _sent_rows(box.model) for box in OUTBOXES},
    "publication": lambda pks: Publication.objects.filter(pk__in=pks).select_related("listing__route__marketplace"),
    "order": _late_rows,
    "guarded": lambda pks: GuardedPublish.objects.filter(pk__in=pks).select_related("route__marketplace"),
    "finding": lambda pks: ReconciledOrder.objects.filter(pk__in=pks).select_related(
        "report__connection", "order__route", "warehouse"
    ),
    "connection": lambda pks: Connection.objects.filter(pk__in=pks).select_related("outage"),
}  # fmt: skip
ROWS: Mapping[str, Callable[[Any], Row]] = {
    "hold": _of_hold, "of_route": _of_route, "submission": _of_sent("Order", "submission"),
    "change": _of_sent("Change", "change"), "confirmation": _of_sent("Confirmation", "confirmation"),
    "short_ship": _of_sent("Short ship", "short_ship"), "publication": _of_publication, "order": _of_late,
    "guarded": _of_guarded, "finding": _of_finding, "connection": _of_connection,
}  # fmt: skip
