"""What a cause was mapped to, by whom and when: for who comes to a page that somebody else has answered meanwhile."""

from __future__ import annotations

from typing import Any

from django.db.models import F

from integrations.wording import moment
from inventory import kits
from inventory.models import SkuAlias
from orders import carriers
from orders.causes import SKU_KINDS, Cause
from orders.models import CarrierService, Hold, ShippingMethod


def in_words(cause: Cause) -> str:
    """A sentence; empty where it is not mapped."""
    rows = _rows(cause)
    if not rows:
        return ""
    history: Any = type(rows[0]).history
    last = history.filter(id__in=[row.pk for row in rows]).order_by("-history_date", "-pk").first()
    by = f" by {last.history_user}" if last and last.history_user else ""
    when = f" at {moment(last.history_date)}" if last else ""
    return f"It is {_said(rows)}, mapped{by}{when}."


def _rows(cause: Cause) -> list[SkuAlias] | list[ShippingMethod] | list[CarrierService]:
    """Those of the map that answer it now."""
    if cause.kind in SKU_KINDS:
        mine = SkuAlias.objects.filter(connection=cause.marketplace, marketplace_sku=cause.subject, is_active=True)
        return list(mine)
    if cause.kind == Hold.Kind.UNMAPPED_SHIPPING:
        return list(ShippingMethod.objects.filter(connection=cause.marketplace, code=cause.subject))
    row = carrier_row(cause)
    return [] if row is None else [row]


def carrier_row(cause: Cause) -> CarrierService | None:
    """The row that its parcels go by, perhaps that of any other service of their carrier."""
    texts = carrier_texts(cause)
    if not texts:
        return None
    return carriers.CarrierMap(cause.marketplace).row(texts["carrier_text"], texts["service_text"])


def carrier_texts(cause: Cause) -> dict[str, str]:
    """What the warehouse calls them, by field of the map; of what waits for it now, or waited last."""
    mine = Hold.objects.filter(order__connection=cause.marketplace, kind=cause.kind, subject=cause.subject)
    hold = mine.order_by(F("resolved_at").desc(nulls_first=True), "-pk").first()
    return carriers.texts_of(hold) if hold else {}


def _said(rows: list[SkuAlias] | list[ShippingMethod] | list[CarrierService]) -> str:
    row = rows[0]
    if isinstance(row, ShippingMethod):
        return f"“{row.name}”"
    if isinstance(row, CarrierService):
        return f"{row.carrier_code} {row.service_code}".strip()
    return kits.said(tuple((one.warehouse_sku, one.units) for one in rows if isinstance(one, SkuAlias)))
