"""What an import of aliases would do, told before it is confirmed; and that telling it changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError
from django.utils import timezone

from integrations.models import Connection, Route
from integrations.sandbox.server import Sandbox
from inventory.alias_effects import told
from inventory.alias_plan import Change
from inventory.models import Listing, SkuAlias, WarehouseItem
from orders import actions
from orders.foresight import foresee
from orders.models import Order

Run = Callable[..., str]


def made(*rows: tuple[str, str, int]) -> list[Change]:
    return [Change(line, (sku, of), None, (units, True, "")) for line, (sku, of, units) in enumerate(rows, start=2)]


@pytest.fixture
def waiting(shop: Sandbox, manage: Run) -> list[str]:
    """Two orders for a SKU that nobody knows, and one for two such."""
    numbers = [shop.oasis.add_order({"partner_sku": "MYSTERY-9"}) for _ in range(2)]
    numbers.append(shop.oasis.add_order({"partner_sku": "MYSTERY-9"}, {"partner_sku": "OTHER"}))
    shop.oasis.add_order({"partner_sku": "MUG-BLK"})  # so that the warehouse was asked for a SKU that it has
    manage("run", "all")
    return numbers


def test_the_orders_that_an_alias_frees_are_counted_and_named(waiting: list[str], overstock: Connection) -> None:
    found = foresee(overstock, made(("MYSTERY-9", "MUG-BLK", 1)))
    assert (found["frees"], found["may_free"], found["holds"]) == (2, 0, 0)
    assert [number for number, _ in found["orders"]] == waiting[:2]
    assert not SkuAlias.objects.exists()
    assert Order.objects.filter(status="on_hold").count() == 3
    assert foresee(overstock, made(("MYSTERY-9", "MUG-BLK", 1), ("OTHER", "MUG-BLK", 2)))["frees"] == 3


def test_a_sku_that_the_warehouse_was_never_asked_for_may_free_them(waiting: list[str], overstock: Connection) -> None:
    found = foresee(overstock, made(("MYSTERY-9", "THROW-WL", 1)))
    assert (found["frees"], found["may_free"]) == (0, 2)


def test_an_order_that_is_held_by_hand_as_well_is_not_freed(
    waiting: list[str], overstock: Connection, manage: Run
) -> None:
    actions.hold(Order.objects.get(full_number=waiting[0]), "wait", None)
    assert foresee(overstock, made(("MYSTERY-9", "MUG-BLK", 1)))["frees"] == 1


def test_orders_of_a_paused_route_are_not_freed(waiting: list[str], overstock: Connection) -> None:
    Route.objects.update(state="paused")
    assert foresee(overstock, made(("MYSTERY-9", "MUG-BLK", 1)))["frees"] == 0


def test_the_quantities_that_change_are_told(shop: Sandbox, overstock: Connection, manage: Run) -> None:
    shop.oasis.add_listing("PACK")
    SkuAlias.objects.create(connection=overstock, marketplace_sku="PACK", warehouse_sku="MUG-BLK", units=1)
    shop.oasis.add_order({"partner_sku": "PACK"})
    manage("run", "all")
    manage("run", "all")
    shown = Listing.objects.get(marketplace_sku="PACK").published_quantity
    assert shown
    change = Change(2, ("PACK", "MUG-BLK"), (1, True, ""), (2, True, ""))
    found = foresee(overstock, [change, *made(("FRESH", "MUG-BLK", 1))])
    assert found["quantities"] == 1
    assert found["listings"] == [["PACK", shown, shown // 2]]
    assert found["new_listings"] == 1
    assert SkuAlias.objects.get().units == 1


def test_a_quantity_that_the_warehouse_must_be_asked_for_is_told(
    shop: Sandbox, overstock: Connection, manage: Run
) -> None:
    shop.oasis.add_listing("PACK")
    SkuAlias.objects.create(connection=overstock, marketplace_sku="PACK", warehouse_sku="MUG-BLK", units=1)
    shop.oasis.add_order({"partner_sku": "PACK"})
    manage("run", "all")
    manage("run", "all")
    found = foresee(overstock, [Change(0, ("PACK", "MUG-BLK"), (1, True, ""), (1, False, ""))])
    assert (found["quantities"], found["may_change"]) == (0, 1)
    [effect] = told(found)
    assert (
        effect.text == "may change or set to 0 the quantity of 1 listing, once the warehouse was asked for their SKUs"
    )
    SkuAlias.objects.update(is_active=False)
    manage("run", "all")
    assert Listing.objects.get(marketplace_sku="PACK").published_quantity == 0


def test_an_alias_that_is_switched_off_holds_what_could_be_sent(
    shop: Sandbox, overstock: Connection, gecko: Connection, manage: Run
) -> None:
    WarehouseItem.objects.create(connection=gecko, sku="PACK", matches=0, checked_at=timezone.now())
    SkuAlias.objects.create(connection=overstock, marketplace_sku="PACK", warehouse_sku="MUG-BLK")
    shop.oasis.add_order({"partner_sku": "PACK"})
    manage("run", "pull_orders")
    found = foresee(overstock, [Change(0, ("PACK", "MUG-BLK"), (1, True, ""), (1, False, ""))])
    assert Order.objects.get().status == "ready"
    assert (found["holds"], found["frees"]) == (1, 0)
    assert SkuAlias.objects.get().is_active


def test_nothing_is_foreseen_where_nothing_is_touched(waiting: list[str], overstock: Connection) -> None:
    found = foresee(overstock, made(("ELSE", "MUG-BLK", 1)))
    assert {name: found[name] for name in ("frees", "may_free", "holds", "quantities", "left_out")} == {
        "frees": 0, "may_free": 0, "holds": 0, "quantities": 0, "left_out": [],
    }  # fmt: skip


def test_the_command_line_tells_it_in_a_dry_run(waiting: list[str], manage: Run, tmp_path: Any) -> None:
    file = tmp_path / "a.csv"
    file.write_text("marketplace_sku,warehouse_sku\nMYSTERY-9,MUG-BLK\n")
    said = manage("import_aliases", "Main", str(file), "--dry-run")
    assert f"effect: it frees 2 waiting orders: {waiting[0]}, {waiting[1]}" in said
    assert "1 new, 0 changed, 0 unchanged (dry run: nothing was stored)" in said
    assert not SkuAlias.objects.exists()


def test_the_command_line_replaces_only_most_when_told_so(
    shop: Sandbox, overstock: Connection, manage: Run, tmp_path: Any
) -> None:
    for sku in ("A", "B", "C"):
        SkuAlias.objects.create(connection=overstock, marketplace_sku=sku, warehouse_sku="MUG-BLK")
    file = tmp_path / "a.csv"
    file.write_bytes("marketplace_sku,warehouse_sku,note\nA,MUG-BLK,Café\n".encode("latin-1"))
    given = ("import_aliases", "Overstock", str(file), "--encoding", "latin-1", "--replace")
    with pytest.raises(CommandError, match="would switch off 2 of 3 aliases. Nothing was imported"):
        manage(*given)
    assert SkuAlias.objects.filter(is_active=True).count() == 3
    assert "0 new, 1 changed, 0 unchanged, 2 switched off" in manage(*given, "--switch-off-most")
    assert list(SkuAlias.objects.filter(is_active=True).values_list("marketplace_sku", "note")) == [("A", "Café")]
