"""What a cause was mapped to, by whom and when: for who comes to a page that somebody else has answered meanwhile."""

from __future__ import annotations

from typing import Any

from integrations.wording import moment
from inventory import kits
from inventory.models import SkuAlias
from orders import carriers
from orders.causes import SKU_KINDS, Cause
from orders.models import CarrierService, Hold, ShippingMethod


def in_words(cause: Cause) -> str:
    """A sentence with a blank before it, to be put behind another one; empty where it is not mapped."""
    rows: list[Any] = list(_rows(cause))
    if not rows:
        return ""
    last = type(rows[0]).history.filter(id__in=[row.pk for row in rows]).order_by("-history_date", "-pk").first()
    by = f" by {last.history_user}" if last and last.history_user else ""
    when = f" at {moment(last.history_date)}" if last else ""
    return f" It is {_said(cause, rows)}, mapped{by}{when}."


def _rows(cause: Cause) -> Any:
    """Those of the map that answer it now."""
    if cause.kind in SKU_KINDS:
        return SkuAlias.objects.filter(connection=cause.marketplace, marketplace_sku=cause.subject, is_active=True)
    if cause.kind == Hold.Kind.UNMAPPED_SHIPPING:
        return ShippingMethod.objects.filter(connection=cause.marketplace, code=cause.subject)
    row = carrier_row(cause)
    return [] if row is None else [row]


def carrier_row(cause: Cause) -> CarrierService | None:
    mine = Hold.objects.filter(order__connection=cause.marketplace, kind=cause.kind, subject=cause.subject)
    hold = mine.order_by("-pk").first()
    texts = carriers.texts_of(hold) if hold else {}
    if not texts:
        return None
    known = carriers.CarrierMap(cause.marketplace)
    return known.row(texts["carrier_text"], texts["service_text"])


def _said(cause: Cause, rows: list[Any]) -> str:
    if cause.kind in SKU_KINDS:
        return kits.said(tuple((row.warehouse_sku, row.units) for row in rows))
    row = rows[0]
    return f"“{row.name}”" if isinstance(row, ShippingMethod) else f"{row.carrier_code} {row.service_code}".strip()
