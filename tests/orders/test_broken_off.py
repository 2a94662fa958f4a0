"""Work that breaks off between two steps, or halves that come apart: nothing is stranded, and nothing is told twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any, NoReturn

import pytest
from django.core.management import CommandError
from django.db import connection
from django_q.exceptions import TimeoutException

from integrations import registry
from integrations.errors import Unavailable
from integrations.models import Connection, Route, SyncRun
from integrations.runs import perform
from integrations.sandbox.server import Sandbox
from orders import actions, readback, settling
from orders.admin import tabs
from orders.models import Hold, Order, ShipmentConfirmation
from tests.orders.world import holds, parcels, pauses_end, placed, ship

Run = Callable[..., str]
Told = Callable[[str], dict[str, Any]]
TWO_HOURS_AGO = datetime.now(UTC) - timedelta(hours=2)


class Killed(BaseException):
    """The process ends here."""


def kill(*_args: object) -> NoReturn:
    raise Killed


@pytest.mark.long
def test_a_kill_while_an_order_is_taken_back_strands_it_nowhere(
    shop: Sandbox, manage: Run, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "pull_orders")
    Order.objects.update(ship_city="")
    real = settling.settle

    def settle(orders: Sequence[Order], *rest: Any) -> int:
        return kill() if orders else real(orders, *rest)

    monkeypatch.setattr(settling, "settle", settle)
    with pytest.raises(Killed):
        manage("run", "submit_orders")
    monkeypatch.undo()
    Order.objects.update(ship_city="Boise")
    manage("run", "submit_orders")
    assert told(number)["status"] == "submitted"


@pytest.mark.long
def test_a_kill_while_an_order_is_found_gone_strands_it_nowhere(
    shop: Sandbox, manage: Run, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"}, ordered_at=TWO_HOURS_AGO, created_at=TWO_HOURS_AGO)
    manage("run", "pull_orders")
    Order.objects.update(last_seen_at=TWO_HOURS_AGO)
    shop.oasis.remove(number)
    monkeypatch.setattr(settling, "open_hold", kill)
    with pytest.raises(Killed):
        manage("run", "submit_orders")
    monkeypatch.undo()
    manage("run", "submit_orders")
    assert holds(told(number)) == ["gone"]


@pytest.mark.long
def test_a_refused_message_whose_read_back_fails_tells_no_parcel_twice(
    shop: Sandbox, manage: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.oasis.switch(atomic=False)
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": 2}, {"partner_sku": "TEE-RED-M"})
    manage("run", "all")
    ship(shop, number, 1, tracking="1Z1")
    ship(shop, number, 2, tracking="1Z2")
    manage("run", "pull_shipments")
    shop.oasis.cancel(number, "2")

    def fail(*_args: object) -> NoReturn:
        raise Unavailable("in trouble")

    monkeypatch.setattr(readback, "missing", fail)
    with pytest.raises(CommandError, match="in trouble"):
        manage("run", "confirm_shipments")
    monkeypatch.undo()
    for _ in range(2):
        ShipmentConfirmation.objects.update(not_before=None)
        with suppress(CommandError):
            manage("run", "confirm_shipments")
    assert parcels(shop, number) == [("1", "1Z1", 1)]


def test_the_parcel_of_a_test_order_is_never_told(
    shop: Sandbox, manage: Run, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "is_sandbox", lambda _connection: False)
    Route.objects.update(state="test")
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    [draft] = shop.tradegecko.by_reference(f"TEST-{number}")
    shop.tradegecko.ship(draft["id"], tracking="TRIED")
    manage("run", "all")
    Route.objects.update(state="live")
    manage("run", "all")
    assert shop.tradegecko.by_reference(number) == []
    assert parcels(shop, number) == []
    assert told(number)["status"] == "shipped"


@pytest.mark.long
def test_an_order_cancelled_while_it_was_skipped_is_not_sent_after_all(shop: Sandbox, manage: Run, told: Told) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "pull_orders")
    actions.skip(Order.objects.get(), "not now", None)
    shop.oasis.cancel(number)
    manage("run", "pull_orders")
    actions.unskip(Order.objects.get(), None)
    shop.faults.add("oasis", "503", path="/salesorders", times=100)
    with pytest.raises(CommandError, match="waits"):
        manage("run", "submit_orders")
    assert shop.tradegecko.by_reference(number) == []


@pytest.mark.long
def test_a_parcel_voided_beside_one_that_waits_takes_its_units_back(shop: Sandbox, manage: Run, told: Told) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"}, {"partner_sku": "TEE-RED-M"})
    manage("run", "all")
    first = ship(shop, number, 1, tracking="1Z1")
    ship(shop, number, 2, tracking="1Z2")
    shop.faults.add("oasis", "429", path="/shipments")
    with pytest.raises(CommandError):
        manage("run", "all")
    shop.tradegecko.void_parcel(shop.tradegecko.tables["fulfillments"][first])
    manage("run", "pull_shipments")
    pauses_end()
    ShipmentConfirmation.objects.update(not_before=None)
    manage("run", "confirm_shipments")
    assert parcels(shop, number) == [("2", "1Z2", 1)]
    assert told(number)["status"] == "partly_shipped"


@pytest.mark.long
def test_an_order_voided_first_and_cancelled_then_is_cancelled(shop: Sandbox, manage: Run, told: Told) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    shop.tradegecko.void(placed(shop, number))
    manage("run", "pull_shipments")
    shop.oasis.cancel(number)
    manage("run", "pull_orders")
    assert (told(number)["status"], holds(told(number))) == ("cancelled", [])


@pytest.mark.long
def test_a_cancelled_line_that_shipped_leaves_the_list_to_confirm(shop: Sandbox, manage: Run, told: Told) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"}, {"partner_sku": "TEE-RED-M"})
    manage("run", "all")
    shop.oasis.cancel(number, "2")
    manage("run", "pull_orders")
    ship(shop, number, tracking="1Z1")
    manage("run", "all")
    actions.resolve(Hold.objects.get(resolved_at=None), "done", None)
    assert (told(number)["status"], tabs.counts()["unconfirmed"]) == ("confirmed", 0)


@pytest.mark.long
def test_a_preview_shows_an_order_that_does_not_fit_and_goes_on(shop: Sandbox, manage: Run) -> None:
    odd = shop.oasis.add_order({"partner_sku": "MUG-BLK", "upc": "9" * 60})
    good = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    days = [(date.today() + timedelta(days=ahead)).isoformat() for ahead in (-1, 1)]
    shown = manage("backfill", "Main", "--from", days[0], "--to", days[1], "--dry-run")
    assert f"{odd}  unreadable" in shown
    assert f"{good}  load" in shown


@pytest.mark.parametrize("fault", ["400_text_after_apply", "409_after_apply", "422_after_apply"])
def test_an_order_that_was_refused_and_is_there_all_the_same_is_found_before_it_is_sent_again(
    shop: Sandbox, manage: Run, told: Told, fault: str
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    shop.faults.add("tradegecko", fault, path="/orders", method="POST")
    with pytest.raises(CommandError, match="refused"):
        manage("run", "all")
    actions.retry_sending(Order.objects.get(), None)
    manage("run", "all")
    assert len(shop.tradegecko.by_reference(number)) == 1
    assert told(number)["status"] == "submitted"


@pytest.mark.parametrize("fault", ["401_after_apply", "404_after_apply", "429_after_apply"])
def test_a_parcel_that_was_taken_and_then_denied_is_read_back_before_it_is_told_again(
    shop: Sandbox, manage: Run, told: Told, fault: str
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": 3})
    manage("run", "all")
    ship(shop, number, 1, tracking="1Z1")
    manage("run", "pull_shipments")
    shop.faults.add("oasis", fault, path="/shipments")
    with pytest.raises(CommandError):
        manage("run", "confirm_shipments")
    pauses_end()
    ShipmentConfirmation.objects.update(not_before=None)
    manage("run", "confirm_shipments")
    assert parcels(shop, number) == [("1", "1Z1", 1)]


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite's queries are not broken off half-way")
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_run_that_the_queue_ends_in_the_middle_of_a_query_is_closed_at_once(overstock: Connection) -> None:
    def work(_run: Any) -> NoReturn:
        connection.connection.pgconn.send_query(b"select 1")
        raise TimeoutException("Task exceeded maximum timeout value (600 seconds)")

    with pytest.raises(TimeoutException):
        perform(overstock, "pull_orders", work)
    run = SyncRun.objects.get()
    assert (run.status, run.error) == ("interrupted", "the process was told to stop; the next run goes on from here")
