"""Where the cause of a hold is mended, with the fields filled in, and how many orders that frees."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.http import urlencode

from inventory.models import SkuAlias
from orders import carriers, decisions
from orders.models import Hold, Order

K = Hold.Kind
BLOCKING = [kind for kind in Hold.Kind if kind not in Hold.AFTER_SENDING]


@dataclass(frozen=True, slots=True)
class Shown:
    """A hold with the way out of it, and the (label, address) of other ones. `frees` says what it does for others."""

    hold: Hold
    label: str = ""
    url: str = ""
    frees: str = ""
    others: tuple[tuple[str, str], ...] = ()


def with_remedies(order: Order, user: Any) -> list[Shown]:
    """The open holds of an order; a link only where the person may use it."""
    holds = list(order.holds.filter(resolved_at=None))
    frees = _frees(order, [hold for hold in holds if hold.kind in SHARED])
    aliased, possible = _aliased(order, holds), decisions.possible(order)
    shown = []
    for hold in holds:
        label, permission, url = _remedy(order, hold, is_aliased=hold.subject in aliased)
        may = not permission or user.has_perm(permission)
        others = tuple(_decisions(order, hold, possible)) if user.has_perm(CHANGE) else ()
        freed = frees.get((hold.kind, hold.subject), "")
        shown.append(Shown(hold, label if may else "", url if may else "", freed, others))
    return shown


def _decisions(order: Order, hold: Hold, possible: set[str]) -> Iterator[tuple[str, str]]:
    """What a person may decide about what the marketplace cancelled or changed."""
    for name, label, kinds in DECISIONS:
        if name in possible and hold.kind in kinds:
            yield label, reverse(f"admin:orders_order_{name}", args=[order.pk])


DECISIONS = (
    ("apply", "Apply the change", (K.CHANGED,)),
    ("amend", "Update the warehouse order", (K.CHANGED_ORDER,)),
    ("keep", "Keep as it is", Hold.UNTIL_DECIDED),
    ("void", "Cancel it in the warehouse", (K.CANCELLED_LATE,)),
)


SHARED = (K.UNKNOWN_SKU, K.NO_ROUTE, K.UNMAPPED_SHIPPING, K.UNKNOWN_CARRIER)
CHANGE = "orders.change_order"


def _remedy(order: Order, hold: Hold, *, is_aliased: bool) -> tuple[str, str, str]:
    """Label, the permission it needs, and address; all empty where the message alone must do."""
    market = order.connection_id
    if hold.kind == K.UNKNOWN_SKU and is_aliased:
        found = reverse("admin:inventory_skualias_changelist") + "?" + urlencode({"q": hold.subject})
        return "Correct the alias", "inventory.change_skualias", found
    if hold.kind == K.UNKNOWN_SKU:
        return _add("inventory", "skualias", "an alias", connection=market, marketplace_sku=hold.subject)
    if hold.kind == K.NO_ROUTE:
        return _add("integrations", "route", "a route", marketplace=market, marketplace_warehouse_name=hold.subject)
    if hold.kind == K.UNMAPPED_SHIPPING:
        return _add("orders", "shippingmethod", "it to the shipping methods", connection=market, code=hold.subject)
    if hold.kind == K.UNKNOWN_CARRIER:
        texts = carriers.texts_of(hold)
        return _add("orders", "carrierservice", "it to the carriers and services", connection=market, **texts)
    if hold.kind in Hold.UNTIL_RELEASED:
        return "Release", CHANGE, reverse("admin:orders_order_release", args=[order.pk])
    if hold.kind in Hold.AFTER_SENDING and hold.kind not in Hold.UNTIL_DECIDED:
        return "Resolve", CHANGE, reverse("admin:orders_hold_resolve", args=[hold.pk])
    anchor = {K.INCOMPLETE_LINE: "#lines-group", K.UNUSABLE_ADDRESS: "#ship-to"}.get(Hold.Kind(hold.kind), "")
    return ("Correct it below", CHANGE, anchor) if anchor else ("", "", "")


def _add(app: str, model: str, what: str, **values: str | int) -> tuple[str, str, str]:
    return f"Add {what}", f"{app}.add_{model}", reverse(f"admin:{app}_{model}_add") + "?" + urlencode(values)


def _aliased(order: Order, holds: list[Hold]) -> set[str]:
    skus = [hold.subject for hold in holds if hold.kind == K.UNKNOWN_SKU]
    mine = SkuAlias.objects.filter(connection=order.connection_id, marketplace_sku__in=skus, is_active=True)
    return set(mine.values_list("marketplace_sku", flat=True))


def _frees(order: Order, holds: list[Hold]) -> dict[tuple[str, str], str]:
    """Per cause, how many orders wait for it and for how many of those it is the only one."""
    if not holds:
        return {}
    same = Hold.objects.filter(
        resolved_at=None, order__connection=order.connection_id, kind__in={hold.kind for hold in holds},
        subject__in={hold.subject for hold in holds},
    )  # fmt: skip
    waiting: dict[tuple[str, str], list[int]] = defaultdict(list)
    for kind, subject, pk in same.values_list("kind", "subject", "order_id"):
        waiting[kind, subject].append(pk)
    causes = Counter(
        Hold.objects.filter(resolved_at=None, order__in=same.values("order"), kind__in=[*BLOCKING, K.UNKNOWN_CARRIER])
        .order_by().values_list("order_id", flat=True)
    )  # fmt: skip
    return {cause: _in_words(len(pks), sum(causes[pk] == 1 for pk in pks)) for cause, pks in waiting.items()}


def _in_words(waiting: int, frees: int) -> str:
    if waiting == 1 and not frees:
        return ""
    orders = f"{waiting} order{'' if waiting == 1 else 's'}"
    if frees == waiting:
        return f"frees {orders}"
    return f"{orders} wait{'s' if waiting == 1 else ''} for it" + (f", frees {frees}" if frees else "")
