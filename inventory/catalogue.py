"""What the warehouse carries: each SKU is asked for once and remembered, until the answer is old or was refused."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from integrations.budget import RunJournal, SharedBudget
from integrations.models import Connection
from integrations.ports import Item, Warehouse
from integrations.registry import warehouse_for
from integrations.stock import ItemPage
from integrations.wording import moment
from inventory.models import WarehouseItem

NEGATIVE_FOR = timedelta(minutes=10)  # an unknown SKU is soon created over there
POSITIVE_FOR = timedelta(hours=24)
KNOWN_PER_QUERY = 1000
HIGHEST_CAP = 999_999_999
FACTS = ("matches", "remote_id", "title", "upc", "sellable", "stock_managed", "keep_selling", "max_online")


def learn(connection: Connection, warehouse: Warehouse, skus: Iterable[str]) -> None:
    """Ask for the SKUs that we do not know, or not freshly enough.

    What each request answered is kept at once: when the call limit breaks this off, the next call goes on from there.
    """
    ask_anew(connection, warehouse, _unknown(connection, sorted({sku.strip() for sku in skus if sku.strip()})))


def ask_anew(connection: Connection, warehouse: Warehouse, skus: Iterable[str]) -> None:
    """Whatever is known of them, which stays until there is another answer."""
    asked, size = sorted(skus), warehouse.item_batch_size
    for start in range(0, len(asked), size):
        batch = asked[start : start + size]
        remember(connection, batch, warehouse.items(batch))


def remember(connection: Connection, asked: Iterable[str], answered: Iterable[Item]) -> None:
    """Store one row per SKU asked for, also for those that nothing carries."""
    found: dict[str, list[Item]] = defaultdict(list)
    for item in answered:
        found[item.sku].append(item)
    in_turn = sorted(asked)  # the same for all, so that no two processes wait for each other
    rows = [_row(connection, sku, found[sku]) for sku in in_turn]
    _note_unchanged(connection, rows)
    WarehouseItem.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["connection", "sku"],
        update_fields=[*FACTS, "checked_at", "changed_at", "plain_title"],
    )


def _note_unchanged(connection: Connection, rows: list[WarehouseItem]) -> None:
    """An answer like the one before changed nothing."""
    known = {one.sku: one for one in WarehouseItem.objects.filter(connection=connection, sku__in=[r.sku for r in rows])}
    for row in rows:
        before = known.get(row.sku)
        if before and _is_same(before, row):
            row.changed_at = before.changed_at


def named_otherwise(connection: Connection, page: ItemPage) -> set[str]:
    """The SKUs that we know these items by and that they do not go by any more."""
    now_called = {item.remote_id: item.sku for item in page.items}
    known = WarehouseItem.objects.filter(connection=connection, matches=1, remote_id__in=now_called)
    return {sku for sku, remote_id in known.values_list("sku", "remote_id") if now_called[remote_id] != sku}


def told_otherwise(connection: Connection, page: ItemPage) -> set[str]:
    """The SKUs that we know of which these items tell something else than was answered last."""
    told: dict[str, list[Item]] = defaultdict(list)
    for item in page.items:
        told[item.sku].append(item)
    now_called = {item.remote_id: item.sku for item in page.items}
    known = WarehouseItem.objects.filter(
        Q(sku__in=[*told, *page.spoilt]) | Q(matches=1, remote_id__in=now_called), connection=connection
    )
    return {
        row.sku for row in known
        if row.sku in page.spoilt or now_called.get(row.remote_id, row.sku) != row.sku
        or (row.sku in told and not _is_same(row, _row(connection, row.sku, told[row.sku])))
    }  # fmt: skip


def _is_same(one: WarehouseItem, other: WarehouseItem) -> bool:
    return all(getattr(one, name) == getattr(other, name) for name in FACTS)


def ask(connection: Connection, skus: Iterable[str]) -> None:
    """The same, now, for a person who waits for the answer. Raises IntegrationError when the warehouse cannot."""
    learn(connection, port(connection), skus)


def look_for(connection: Connection, skus: Iterable[str]) -> None:
    """Ask which of these SKUs there are, now; only those that are found are remembered."""
    warehouse = port(connection)
    found = warehouse.items(sorted(skus)[: warehouse.item_batch_size])
    remember(connection, {item.sku for item in found}, found)


def port(connection: Connection) -> Warehouse:
    """To ask for a person who waits."""
    return warehouse_for(connection, budget=SharedBudget(connection), journal=RunJournal(connection))


def doubt(connection: Connection, skus: Iterable[str]) -> None:
    """Have these asked for again: the warehouse refused one of them, or a person says that it changed."""
    WarehouseItem.objects.filter(connection=connection, sku__in=list(skus)).update(
        checked_at=timezone.now() - POSITIVE_FOR
    )


def _unknown(connection: Connection, wanted: list[str]) -> list[str]:
    now = timezone.now()
    fresh = Q(matches=1, sellable=True, checked_at__gt=now - POSITIVE_FOR) | Q(checked_at__gt=now - NEGATIVE_FOR)
    known: set[str] = set()
    for start in range(0, len(wanted), KNOWN_PER_QUERY):
        asked = WarehouseItem.objects.filter(
            fresh, connection=connection, sku__in=wanted[start : start + KNOWN_PER_QUERY]
        )
        known.update(asked.values_list("sku", flat=True))
    return [sku for sku in wanted if sku not in known]


def _row(connection: Connection, sku: str, items: list[Item]) -> WarehouseItem:
    only = items[0] if len(items) == 1 else None
    cap = only.max_online if only else None
    return WarehouseItem(
        connection=connection,
        sku=sku,
        matches=len(items),
        remote_id=only.remote_id if only else "",
        title=only.title[:300] if only else "",
        upc=only.upc.strip()[:40] if only else "",
        sellable=only.sellable if only else True,
        stock_managed=only.stock_managed if only else True,
        keep_selling=only.keep_selling if only else False,
        max_online=max(min(cap, HIGHEST_CAP), 0) if cap is not None else None,
        checked_at=timezone.now(),
    )


def doubts(marketplace: Connection, skus: Iterable[str]) -> dict[str, str]:
    """What is known against these warehouse SKUs in the warehouses that the marketplace's routes lead to.

    Nobody is asked. A SKU that any of them carries is not in doubt, and a warehouse that was never asked for anything
    says nothing.
    """
    said: dict[str, list[str]] = defaultdict(list)
    carried: set[str] = set()
    wanted = sorted(set(skus))
    was_asked = Exists(WarehouseItem.objects.filter(connection=OuterRef("pk")))
    for warehouse in Connection.objects.filter(was_asked, warehouse_routes__marketplace=marketplace).distinct():
        known = _answers(warehouse, wanted)
        carried.update(sku for sku, (matches, _) in known.items() if matches == 1)
        for sku in wanted:
            if sku not in carried:
                said[sku].append(_doubt(str(warehouse), known.get(sku)))
    return {sku: "; ".join(texts) for sku, texts in said.items() if sku not in carried}


def _answers(warehouse: Connection, skus: list[str]) -> dict[str, tuple[int, datetime]]:
    """Per SKU that was asked for, how many items carry it and when that was answered."""
    return {
        sku: (matches, at)
        for start in range(0, len(skus), KNOWN_PER_QUERY)
        for sku, matches, at in WarehouseItem.objects.filter(
            connection=warehouse, sku__in=skus[start : start + KNOWN_PER_QUERY]
        ).values_list("sku", "matches", "checked_at")
    }


def _doubt(warehouse: str, answer: tuple[int, datetime] | None) -> str:
    if answer is None:
        return f"{warehouse} was not asked for this SKU yet; check its spelling"
    matches, at = answer
    if matches > 1:
        return f"{matches} items of {warehouse} carry this SKU; orders for it are held"
    return f"{warehouse} did not have this SKU at {moment(at)}; orders for it are held"
