"""Where the cause of a hold is mended, with the fields filled in, and how many orders that frees."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Exists, OuterRef
from django.urls import reverse
from django.utils.http import urlencode

from integrations.walking import Way, along
from orders import arrivals, causes, counted_there, decisions, next_step, roles, settling, short_shipping
from orders.admin import mapping
from orders.admin.mapping_forms import PERMISSIONS
from orders.causes import Cause
from orders.mapping import Verdict, judged
from orders.models import Hold, Order

K = Hold.Kind
FOR_SEVERAL = (*causes.MAPPED, K.NO_ROUTE)
# What was done about these is only said.
LOOKED_AT = frozenset(Hold.AFTER_SENDING) - frozenset(causes.MAPPED)
MOST_AT_THE_HEAD = 3  # each reason below it has its own
BLOCKING = [kind for kind in Hold.Kind if kind not in Hold.AFTER_SENDING]


@dataclass(frozen=True, slots=True)
class Shown:
    """A hold with the way out of it, and the (label, address) of other ones, and of what may be done in their place.

    `frees_url` answers what it does for others that wait too: they are judged one by one, so the page is there first.
    """

    hold: Hold
    label: str = ""
    url: str = ""
    frees_url: str = ""
    others: tuple[tuple[str, str], ...] = ()
    instead: tuple[tuple[str, str], ...] = ()


def with_remedies(order: Order, user: Any, way: Way) -> list[Shown]:
    """The open holds of an order; a link only where the person may use it, and it leads back to the same place."""
    possible = decisions.possible(order)
    voidable = decisions.cancellable(order) if "void" in possible else []
    shown = []
    for hold in settling.open_holds(order):
        label, permissions, url = remedy(order, hold)
        may = user.has_perms(permissions)
        mine = possible if hold.subject in voidable else possible - {"void"}
        decide = _decisions(order, hold, mine) if user.has_perm(CHANGE) else ()
        others = tuple((name, along(way, address)) for name, address in decide)
        skip = tuple((name, along(way, address)) for name, address in instead(hold, user))
        link = url if url.startswith("#") or not url else along(way, url)
        frees = reverse("admin:orders_hold_frees", args=[hold.pk]) if hold.kind in FOR_SEVERAL else ""
        shown.append(Shown(hold, label if may else "", link if may else "", frees, others, skip))
    return _each_once(shown)


def first_of(shown: Iterable[Shown]) -> list[tuple[str, str]]:
    """(label, address) of what mends the causes, each once, for the head of the page. A release ends none of the
    others: it comes last.
    """
    mended = [one for one in shown if one.url and Hold.Kind(one.hold.kind) not in LOOKED_AT]
    mended.sort(key=lambda one: one.hold.kind in Hold.UNTIL_RELEASED)
    others = [way_out for one in shown if is_of_line_there(one.hold) for way_out in one.instead]
    found = {url: (label, url) for label, url in [*_told_apart(mended), *others]}
    return list(found.values())[:MOST_AT_THE_HEAD]


def _told_apart(mended: Sequence[Shown]) -> Iterator[tuple[str, str]]:
    """(label, address) of each; with what it is about, where several have the same label."""
    many = Counter(label for label, _ in {(one.label, one.url) for one in mended})
    for one in mended:
        yield f"{one.label}: {one.hold.subject[:40]}" if many[one.label] > 1 else one.label, one.url


def who_mends(order: Order, holds: Iterable[Hold]) -> str:
    """The roles that may, in words."""
    needed = [remedy(order, hold)[1] or (CHANGE,) for hold in holds]
    names = list(dict.fromkeys(filter(None, map(roles.least_with, needed))))
    return f"It waits until what holds it is mended. Who may: {' and '.join(names)}, and roles with all that they may."


def _each_once(shown: list[Shown]) -> list[Shown]:
    """A button that settles several holds at once stands at the first of them, and says so."""
    times = Counter(url for one in shown for _, url in _buttons(one))
    placed: set[str] = set()
    rows = []
    for one in shown:
        mine = {url: _told(label, times[url]) for label, url in _buttons(one) if url not in placed}
        placed.update(mine)
        rows.append(_with(one, mine))
    return rows


def _told(label: str, holds: int) -> str:
    return f"{label} ({holds} reasons at once)" if holds > 1 else label


def _with(one: Shown, mine: Mapping[str, str]) -> Shown:
    """The hold with only these of its buttons, address → label; a link to a place on the same page stays."""
    others = tuple((mine[url], url) for _, url in one.others if url in mine)
    if one.url.startswith("#"):
        return replace(one, others=others)
    url = one.url if one.url in mine else ""
    return replace(one, label=mine.get(url, ""), url=url, others=others)


def _buttons(one: Shown) -> list[tuple[str, str]]:
    """What does something, and is no place on the same page."""
    own = [(one.label, one.url)] if one.url and not one.url.startswith("#") else []
    return [*own, *one.others]


def _decisions(order: Order, hold: Hold, possible: set[str]) -> Iterator[tuple[str, str]]:
    """What a person may decide about what the marketplace cancelled or changed."""
    for name, kinds in DECISIONS:
        if name in possible and hold.kind in kinds:
            yield next_step.label(name, order), reverse(f"admin:orders_order_{name}", args=[order.pk])


def instead(hold: Hold, user: Any) -> Iterator[tuple[str, str]]:
    """The other way out that such a hold's message names."""
    order = hold.order
    if hold.kind in OR_SKIPPED and user.has_perm(CHANGE) and arrivals.may_be_skipped(order):
        yield "Skip the order", reverse("admin:orders_order_skip", args=[order.pk])
    may = is_of_line_there(hold) and user.has_perm(short_shipping.PERMISSION)
    if may and short_shipping.open_lines(order) and counted_there.is_missing(hold):
        asked = urlencode({"line": hold.subject})
        yield "Short ship…", f"{reverse('admin:orders_order_short', args=[order.pk])}?{asked}"


def is_of_line_there(hold: Hold) -> bool:
    """Whether other units of a line are in the warehouse: put right there, or short shipped, it closes by itself."""
    return hold.kind == K.DIFFERENT_THERE and bool(hold.subject)


OR_SKIPPED = (K.UNUSABLE_ADDRESS, K.INCOMPLETE_LINE, K.NO_ROUTE, K.TOO_MANY_LINES, K.REOPENED)
DECISIONS = (
    ("apply", (K.CHANGED,)),
    ("amend", (K.CHANGED_ORDER,)),
    ("keep", Hold.UNTIL_DECIDED),
    ("void", (K.CANCELLED_LATE,)),
)


CHANGE = "orders.change_order"


# What an address lacks → its field, which then has the cursor.
ADDRESS_FIELDS = {
    "name": "#id_ship_name", "first address line": "#id_ship_address1", "city": "#id_ship_city",
    "country code": "#id_ship_country_code", "postal code": "#id_ship_postal_code",
}  # fmt: skip


def remedy(order: Order, hold: Hold) -> tuple[str, tuple[str, ...], str]:
    """Label, the permissions it needs, and address; all empty where the message alone must do."""
    market = order.connection_id
    if hold.kind in causes.MAPPED:
        return "Map it", PERMISSIONS[K(hold.kind)], mapping.address(market, hold.kind, hold.subject, order)
    if hold.kind == K.NO_ROUTE and not hold.subject.strip():
        found = reverse("admin:integrations_connection_change", args=[market])
        return "Name its warehouse", ("integrations.change_connection",), found
    if hold.kind == K.NO_ROUTE:
        values: dict[str, str | int] = {"marketplace": market, "marketplace_warehouse_name": hold.subject}
        found = f"{reverse('admin:integrations_route_add')}?{urlencode(values)}"
        return "Add a route", ("integrations.add_route",), found
    if hold.kind in Hold.UNTIL_RELEASED:
        return "Release", (CHANGE,), reverse("admin:orders_order_release", args=[order.pk])
    if hold.kind in Hold.AFTER_SENDING and hold.kind not in Hold.UNTIL_DECIDED:
        return "Resolve", (CHANGE,), reverse("admin:orders_hold_resolve", args=[hold.pk])
    anchor = {K.INCOMPLETE_LINE: "#lines-group", K.UNUSABLE_ADDRESS: ADDRESS_FIELDS.get(hold.subject, "#ship-to")}.get(
        Hold.Kind(hold.kind), ""
    )
    return ("Correct it", (CHANGE,), anchor) if anchor else ("", (), "")


def frees(hold: Hold) -> str:
    """What mending the cause does for all the orders that wait for it."""
    order = hold.order
    if hold.kind in causes.MAPPED:
        return mapping.in_words(judged(Cause(order.connection, K(hold.kind), hold.subject)))
    return mapping.in_words(_without_route(order, hold.subject)) if hold.kind == K.NO_ROUTE else ""


def _without_route(order: Order, name: str) -> Verdict:
    """How many orders of this warehouse name have no route, and no other reason to wait."""
    same = Hold.objects.filter(
        resolved_at=None, order__connection=order.connection_id, kind=K.NO_ROUTE, subject=name
    )  # fmt: skip
    others = Hold.objects.filter(order=OuterRef("order"), resolved_at=None, kind__in=BLOCKING).exclude(kind=K.NO_ROUTE)
    frees = same.filter(~Exists(others)).count()
    return Verdict(frees, same.count() - frees)
