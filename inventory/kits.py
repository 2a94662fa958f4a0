"""The components of one marketplace SKU, put in place by a person who sees what waits for them."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import IntegrityError, transaction

from integrations.errors import IntegrationError
from integrations.models import Connection
from inventory import aliases, catalogue
from inventory.likeness import Parts
from inventory.models import SkuAlias, WarehouseItem


class Changed(Exception):
    """Somebody else gave the SKU other components after the page was shown; the text says which."""


def parts_of(marketplace: Connection, sku: str) -> Parts:
    """What the SKU's active aliases make of it: (warehouse SKU, units) of each component."""
    active = SkuAlias.objects.filter(connection=marketplace, marketplace_sku=sku, is_active=True)
    return tuple(active.order_by("warehouse_sku").values_list("warehouse_sku", "units"))


def put(marketplace: Connection, sku: str, parts: Parts, *, seen: Parts) -> list[SkuAlias]:
    """Make these the components of a SKU; the aliases that changed, switched-off ones included.

    `seen` is what the person saw. Raises Changed when it is something else by now.
    """
    try:
        return _put(marketplace, sku, parts, seen)
    except IntegrityError:  # somebody else made one of them at the same moment, perhaps by the same click; now it shows
        return _put(marketplace, sku, parts, seen)


@transaction.atomic
def _put(marketplace: Connection, sku: str, parts: Parts, seen: Parts) -> list[SkuAlias]:
    aliases.lock(marketplace)
    rows = SkuAlias.objects.select_for_update().filter(connection=marketplace, marketplace_sku=sku).order_by("pk")
    known = {row.warehouse_sku: row for row in rows}
    now = tuple(sorted((row.warehouse_sku, row.units) for row in known.values() if row.is_active))
    if now not in (tuple(sorted(seen)), tuple(sorted(parts))):
        raise Changed(f"Meanwhile somebody else made {sku} {said(now) or 'nothing'}. Nothing was saved; look again.")
    wanted = dict(parts)
    changed = []
    for name in sorted(wanted.keys() | known.keys()):
        row = known.get(name) or SkuAlias(connection=marketplace, marketplace_sku=sku, warehouse_sku=name)
        before = (name in known and row.is_active, row.units)
        row.is_active, row.units = name in wanted, wanted.get(name, row.units)
        if before != (row.is_active, row.units):
            row.save()
            changed.append(row)
    return changed


def said(parts: Parts) -> str:
    return " + ".join(f"{units} × {sku}" for sku, units in parts)


def refusals(marketplace: Connection, skus: Iterable[str]) -> tuple[dict[str, str], str]:
    """Why SKUs cannot be shipped from any warehouse of the marketplace, by SKU; and who could not be asked, if any.

    The warehouses are asked now, again where they said no before: what is typed may just have been created there.
    """
    wanted, problems = sorted(set(skus)), []
    warehouses = list(Connection.objects.filter(warehouse_routes__marketplace=marketplace).distinct())
    for warehouse in warehouses:
        missing = WarehouseItem.objects.filter(connection=warehouse, sku__in=wanted).exclude(matches=1, sellable=True)
        catalogue.doubt(warehouse, list(missing.values_list("sku", flat=True)))
        try:
            catalogue.ask(warehouse, wanted)
        except IntegrationError as exc:
            problems.append(f"{warehouse} could not be asked: {exc}")
    found = WarehouseItem.objects.filter(connection__in=warehouses, sku__in=wanted).select_related("connection")
    good = {item.sku for item in found if item.matches == 1 and item.sellable}
    wrong = {item.sku: _why_not(item) for item in found if item.sku not in good}
    return wrong, "; ".join(problems)


def _why_not(item: WarehouseItem) -> str:
    if not item.matches:
        same = WarehouseItem.objects.filter(connection=item.connection, plain_sku=item.plain_sku, matches=1).first()
        hint = f"It carries “{same.sku}”." if same else "Check its spelling, or create it there first."
        return f"{item.connection} does not carry “{item.sku}”. {hint}"
    if item.matches > 1:
        return f"{item.connection} carries “{item.sku}” {item.matches} times. Make it unique there."
    return f"{item.connection} does not sell “{item.sku}”. Make it sellable there."
