"""What the warehouse carries: each SKU is asked for once and remembered, until the answer is old or was refused."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from integrations.models import Connection
from integrations.ports import Item, Warehouse
from inventory.models import WarehouseItem

NEGATIVE_FOR = timedelta(minutes=10)  # an unknown SKU is soon created over there
POSITIVE_FOR = timedelta(hours=24)


def learn(connection: Connection, warehouse: Warehouse, skus: Iterable[str]) -> None:
    """Ask for the SKUs that we do not know, or not freshly enough."""
    wanted = {sku.strip() for sku in skus if sku.strip()}
    now = timezone.now()
    fresh = Q(matches=1, sellable=True, checked_at__gt=now - POSITIVE_FOR) | Q(checked_at__gt=now - NEGATIVE_FOR)
    known = WarehouseItem.objects.filter(fresh, connection=connection, sku__in=wanted)
    unknown = sorted(wanted - set(known.values_list("sku", flat=True)))
    if unknown:
        remember(connection, unknown, warehouse.items(unknown))


def remember(connection: Connection, asked: Iterable[str], answered: Iterable[Item]) -> None:
    """Store one row per SKU asked for, also for those that nothing carries."""
    found: dict[str, list[Item]] = defaultdict(list)
    for item in answered:
        found[item.sku].append(item)
    WarehouseItem.objects.bulk_create(
        [_row(connection, sku, found[sku]) for sku in asked],
        update_conflicts=True,
        unique_fields=["connection", "sku"],
        update_fields=["matches", "remote_id", "title", "sellable", "stock_managed", "max_online", "checked_at"],
    )


def doubt(connection: Connection, skus: Iterable[str]) -> None:
    """Have these asked for again: the warehouse refused one of them, or a person says that it changed."""
    WarehouseItem.objects.filter(connection=connection, sku__in=list(skus)).update(
        checked_at=timezone.now() - POSITIVE_FOR
    )


def _row(connection: Connection, sku: str, items: list[Item]) -> WarehouseItem:
    only = items[0] if len(items) == 1 else None
    return WarehouseItem(
        connection=connection,
        sku=sku,
        matches=len(items),
        remote_id=only.remote_id if only else "",
        title=only.title[:300] if only else "",
        sellable=only.sellable if only else True,
        stock_managed=only.stock_managed if only else True,
        max_online=only.max_online if only else None,
        checked_at=timezone.now(),
    )
