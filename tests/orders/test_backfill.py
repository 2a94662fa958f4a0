"""Staff load a period, or single orders by number: with a preview, from the command line and from the admin."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError

from integrations.errors import Unreadable
from integrations.models import Connection, Route
from integrations.ports import MarketplaceOrder, UnreadableOrder
from integrations.sandbox.server import Sandbox
from integrations.supplier_oasis.adapter import SupplierOasis
from orders import backfill
from orders.jobs import pull_orders
from orders.models import Backfill, Order
from tests.conftest import Run


def add(shop: Sandbox, days_ago: int = 0) -> str:
    created = datetime.now(UTC) - timedelta(days=days_ago, minutes=5)
    return str(shop.oasis.add_order({"partner_sku": "MUG-BLK"}, created_at=created, ordered_at=created))


def numbers() -> set[str]:
    return set(Order.objects.values_list("full_number", flat=True))


def test_only_the_named_orders_are_loaded_however_old(shop: Sandbox, manage: Run) -> None:
    old, other = add(shop, 20), add(shop, 20)
    manage("backfill", "Main", "--order", old)
    assert numbers() == {old}
    assert other not in numbers()
    manage("run", "submit_orders")
    assert len(shop.tradegecko.by_reference(old)) == 1


def test_an_order_that_is_not_found_is_said_and_the_others_are_loaded(shop: Sandbox, manage: Run) -> None:
    number = add(shop)
    with pytest.raises(CommandError, match="order NO-1: Overstock tells of none"):
        manage("backfill", "Main", "--order", number, "--order", "NO-1")
    assert numbers() == {number}


def test_the_dry_run_of_named_orders_stores_nothing(shop: Sandbox, manage: Run) -> None:
    number = add(shop, 10)
    add(shop, 10)
    rows = manage("backfill", "Main", "--order", number, "--order", "NO-1", "--dry-run").splitlines()
    assert rows == [f"{number}  load", "NO-1  not found  Overstock tells of none in that time"]
    assert numbers() == set()


def test_what_has_no_route_is_held_as_the_dry_run_says(shop: Sandbox, manage: Run) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"}, warehouse="Reno DC")
    assert f"{number}  hold  No route takes orders" in manage("backfill", "Main", "--order", number, "--dry-run")
    manage("backfill", "Main", "--order", number)
    assert [hold.kind for hold in Order.objects.get().holds.all()] == ["no_route"]


def test_what_belongs_to_another_route_is_left_to_that_one(shop: Sandbox, manage: Run, route: Route) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"}, warehouse="Reno DC")
    other = Route.objects.create(
        name="Reno", marketplace=route.marketplace, marketplace_warehouse_name="Reno DC", warehouse=route.warehouse,
        location_name="East Store", state=Route.State.LIVE,
    )  # fmt: skip
    assert f"{number}  elsewhere" in manage("backfill", "Main", "--order", number, "--dry-run")
    assert "1 of other routes" in manage("backfill", "Main", "--order", number)
    Route.objects.filter(pk=other.pk).update(state=Route.State.PAUSED)
    assert "1 of paused routes" in manage("backfill", "Main", "--order", number)
    assert numbers() == set()


def test_neither_days_nor_numbers_is_wrong_usage(shop: Sandbox, manage: Run) -> None:
    with pytest.raises(CommandError, match="give --from and --to, or --order") as caught:
        manage("backfill", "Main", "--from", "2026-01-01")
    assert caught.value.returncode == 2


def asked(route: Route, *only: str) -> Backfill:
    now = datetime.now(UTC)
    return Backfill.objects.create(route=route, since=now - timedelta(days=25), until=now, numbers=list(only))


def test_what_was_asked_for_is_loaded_by_the_next_pull_and_says_what_came_of_it(
    shop: Sandbox, route: Route, overstock: Connection
) -> None:
    old, other = add(shop, 20), add(shop, 20)
    row = asked(route, old, "NO-1")
    pull_orders(overstock)
    row.refresh_from_db()
    assert row.finished_at is not None
    assert row.result.startswith("1 new, 1 ready; order NO-1: Overstock tells of none")
    assert other not in numbers()
    pull_orders(overstock)
    assert Order.objects.filter(full_number=old).count() == 1


def test_what_cannot_be_read_now_stays_asked_for(shop: Sandbox, route: Route, overstock: Connection) -> None:
    number, row = add(shop, 20), asked(route)
    pull_orders(overstock)
    again = asked(route, number)
    shop.faults.add("oasis", "503", times=1000)
    pull_orders(overstock)
    again.refresh_from_db()
    assert again.finished_at is None
    shop.faults.clear()
    pull_orders(overstock)
    for one in (row, again):
        one.refresh_from_db()
        assert one.finished_at is not None


@pytest.mark.parametrize("text", ["A1, B2", "A1\nB2\nA1", "A1;B2;", " A1\tB2 "])
def test_numbers_are_taken_as_people_paste_them(text: str) -> None:
    assert backfill.numbers_in(text) == ["A1", "B2"]


def test_a_period_that_cannot_be_read_ends_and_keeps_back_neither_the_next_nor_the_pull(
    shop: Sandbox, route: Route, overstock: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, row = add(shop, 20), asked(route)
    real = SupplierOasis.orders

    def read(self: SupplierOasis, since: datetime, until: datetime) -> Iterator[MarketplaceOrder | UnreadableOrder]:
        if since < datetime.now(UTC) - timedelta(days=22):
            raise Unreadable("an answer with an entity in it")
        return real(self, since, until)

    later = Backfill.objects.create(
        route=route, since=datetime.now(UTC) - timedelta(days=21), until=datetime.now(UTC), numbers=[old]
    )
    monkeypatch.setattr(SupplierOasis, "orders", read)
    pull_orders(overstock)
    row.refresh_from_db()
    later.refresh_from_db()
    assert row.finished_at is not None
    assert "an entity in it" in row.result
    assert later.finished_at is not None
    assert numbers() == {old}


def test_a_long_one_that_is_broken_off_goes_on_where_it_was(shop: Sandbox, route: Route, overstock: Connection) -> None:
    first, last = add(shop, 20), add(shop, 1)
    pull_orders(overstock)  # what is within the earliest date
    row = asked(route, first, last)
    Backfill.objects.filter(pk=row.pk).update(read_until=datetime.now(UTC) - timedelta(days=10))
    pull_orders(overstock)
    row.refresh_from_db()
    assert row.finished_at is not None
    assert row.read_until is not None
    assert row.result.startswith("1 seen again; order " + first)


def test_a_dry_run_tells_what_is_here_for_another_route_from_what_this_one_takes_over(
    shop: Sandbox, manage: Run, route: Route
) -> None:
    elsewhere = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    mine = shop.oasis.add_order({"partner_sku": "MUG-BLK"}, warehouse="Reno DC")
    manage("run", "pull_orders")
    Route.objects.create(
        name="Reno", marketplace=route.marketplace, marketplace_warehouse_name="Reno DC", warehouse=route.warehouse,
        location_name="East Store",
    )  # fmt: skip
    said = manage("backfill", "Reno", "--order", elsewhere, "--order", mine, "--dry-run")
    assert f"{elsewhere}  elsewhere" in said
    assert f"{mine}  known  On hold" in said
    assert "it has no route yet: Reno takes it over" in said
