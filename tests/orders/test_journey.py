"""What may happen to an order on its way, over real HTTP to both systems."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError

from integrations.models import Connection, Exchange, Route, SyncRun
from integrations.sandbox.oasis_state import Line, Parcel
from integrations.sandbox.server import Sandbox
from inventory.models import SkuAlias
from orders.models import Order, UnreadableRecord
from tests.orders.world import pauses_end, placed

Run = Callable[..., str]
Told = Callable[[str], dict[str, Any]]
HOUR_AGO = datetime.now(UTC) - timedelta(hours=1)


def lines_of(box: Sandbox, number: str) -> list[int]:
    return [line["id"] for line in box.tradegecko.lines(placed(box, number)["id"])]


def test_two_parcels_of_one_line_are_told_one_by_one(shop: Sandbox, manage: Run, told: Told) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": 3})
    manage("run", "all")
    [line] = lines_of(shop, number)
    shop.tradegecko.ship(placed(shop, number)["id"], {line: 1}, tracking="1Z1")
    manage("run", "all")
    assert told(number)["status"] == "partly_shipped"
    shop.tradegecko.ship(placed(shop, number)["id"], {line: 2}, tracking="1Z2", carrier="FedEx", service="2Day")
    manage("run", "all")

    parcels = [(p.quantity, p.tracking_number, p.carrier, p.service) for _, p in shop.oasis.shipments(number)]
    assert parcels == [(1, "1Z1", "UPS", "GROUND"), (2, "1Z2", "FEDEX", "TWO_DAY")]
    assert told(number)["status"] == "confirmed"


def test_a_route_may_wait_until_everything_has_shipped(shop: Sandbox, route: Route, manage: Run) -> None:
    Route.objects.update(partial_shipments="when_complete")
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"}, {"partner_sku": "THROW-WL"})
    manage("run", "all")
    first, second = lines_of(shop, number)
    shop.tradegecko.ship(placed(shop, number)["id"], {first: 1}, tracking="1Z1")
    manage("run", "all")
    assert shop.oasis.shipments(number) == []
    shop.tradegecko.ship(placed(shop, number)["id"], {second: 1}, tracking="1Z2")
    manage("run", "all")
    assert len(shop.oasis.shipments(number)) == 2
    assert [path for _, path in shop.calls("oasis")].count("/shipments") == 1


def test_tracking_may_come_later(shop: Sandbox, manage: Run, told: Told) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    parcel = shop.tradegecko.ship(placed(shop, number)["id"])
    manage("run", "all")
    assert (told(number)["status"], shop.oasis.shipments(number)) == ("shipped", [])
    assert json.loads(manage("status", "--json"))["worklists"]["shipped_without_tracking"] == 1
    shop.tradegecko.change(shop.tradegecko.tables["fulfillments"][parcel], tracking_number="1Z1")
    manage("run", "all")
    assert shop.oasis.shipments(number)[0][1].tracking_number == "1Z1"


def test_a_packed_box_has_not_left(shop: Sandbox, manage: Run, told: Told) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    shop.tradegecko.ship(placed(shop, number)["id"], tracking="1Z1", status="packed")
    manage("run", "all")
    assert (told(number)["status"], shop.oasis.shipments(number)) == ("submitted", [])


def test_a_parcel_voided_before_it_was_told_is_taken_back(shop: Sandbox, manage: Run, told: Told) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    parcel = shop.tradegecko.ship(placed(shop, number)["id"])
    manage("run", "all")
    shop.tradegecko.void_parcel(shop.tradegecko.tables["fulfillments"][parcel])
    manage("run", "all")
    assert told(number)["status"] == "submitted"


def test_a_parcel_voided_after_it_was_told_is_a_hold(shop: Sandbox, manage: Run, told: Told) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    parcel = shop.tradegecko.ship(placed(shop, number)["id"], tracking="1Z1")
    manage("run", "all")
    shop.tradegecko.void_parcel(shop.tradegecko.tables["fulfillments"][parcel])
    manage("run", "all")
    assert [hold["kind"] for hold in told(number)["holds"]] == ["voided_shipment"]
    assert len(shop.oasis.shipments(number)) == 1


def test_an_unknown_carrier_is_never_guessed(shop: Sandbox, manage: Run, told: Told, overstock: Connection) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    shop.tradegecko.ship(placed(shop, number)["id"], tracking="X1", carrier="Bob's Van", service=None)
    manage("run", "all")
    assert [hold["subject"] for hold in told(number)["holds"]] == ["Bob's Van"]
    assert shop.oasis.shipments(number) == []

    overstock.carrier_services.create(carrier_text="bob's  VAN", carrier_code="BOBV")
    manage("run", "all")
    assert shop.oasis.shipments(number)[0][1].carrier == "BOBV"
    assert told(number)["holds"] == []


def test_a_kit_goes_as_its_parts_and_ships_when_all_parts_have(
    shop: Sandbox, manage: Run, overstock: Connection
) -> None:
    SkuAlias.objects.create(connection=overstock, marketplace_sku="SET", warehouse_sku="CHAIR-ASH", units=4)
    SkuAlias.objects.create(connection=overstock, marketplace_sku="SET", warehouse_sku="TABLE-ASH", units=1)
    number = shop.oasis.add_order({"partner_sku": "SET", "quantity": 1, "unit_cost": "100.00"})
    manage("run", "all")
    held = [(line["quantity"], line["price"]) for line in shop.tradegecko.lines(placed(shop, number)["id"])]
    assert held == [("4.0", "25.0"), ("1.0", "0.0")]
    chairs, table = lines_of(shop, number)
    shop.tradegecko.ship(placed(shop, number)["id"], {chairs: 4}, tracking="1Z1")
    manage("run", "all")
    assert shop.oasis.shipments(number) == []
    shop.tradegecko.ship(placed(shop, number)["id"], {table: 1}, tracking="1Z2")
    manage("run", "all")
    assert [p.quantity for _, p in shop.oasis.shipments(number)] == [1]


@pytest.mark.parametrize("form", ["M", "D", "N"])
def test_every_form_of_the_message_comes_through(shop: Sandbox, manage: Run, told: Told, form: str) -> None:
    shop.oasis.form = form
    number = shop.oasis.add_order({"partner_sku": "SOFA-3S-GRY"}, is_freight=True, service="THRESHOLD",
                                  address={"contactName": "Žofie Nováková"})  # fmt: skip
    manage("run", "all")
    shop.tradegecko.ship(placed(shop, number)["id"], tracking="PRO1", carrier="FedEx Freight", service=None)
    manage("run", "all")
    assert shop.oasis.shipments(number)[0][1].service == "THRESHOLD"
    assert told(number)["status"] == "confirmed"


def test_first_sight_of_what_is_done_old_or_cancelled_is_kept_as_skipped(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    done = shop.oasis.add_order(
        Line("1", "MUG-BLK", parcels=[Parcel(1, "UPS", "GROUND", "1Z", "")], status="SHIPPED"), status="COMPLETE"
    )
    gone = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    shop.oasis.cancel(gone)
    old = shop.oasis.add_order({"partner_sku": "MUG-BLK"}, ordered_at=HOUR_AGO - timedelta(days=9))
    manage("run", "all")
    assert [told(number)["status"] for number in (done, gone, old)] == ["skipped"] * 3
    assert "earliest order date" in told(old)["skip_reason"]
    assert shop.tradegecko.orders == {}


def test_a_cancel_before_the_send_cancels_and_after_it_is_a_hold(shop: Sandbox, manage: Run, told: Told) -> None:
    early = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    late = shop.oasis.add_order({"partner_sku": "THROW-WL"})
    manage("run", "pull_orders")
    shop.oasis.cancel(early)
    manage("run", "all")
    assert told(early)["status"] == "cancelled"
    assert shop.tradegecko.by_reference(early) == []
    shop.oasis.cancel(late)
    manage("run", "all")
    assert [hold["kind"] for hold in told(late)["holds"]] == ["cancelled_late"]


def test_an_unreadable_order_is_kept_whole_and_its_neighbours_go(shop: Sandbox, manage: Run, told: Told) -> None:
    bad = shop.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": "two"})
    good = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    assert told(bad)["status"] == "unreadable"
    assert "two" in UnreadableRecord.objects.get().raw
    assert told(good)["status"] == "submitted"
    shop.oasis.orders[bad].lines[0].quantity = 2
    manage("run", "all")
    assert told(bad)["status"] == "submitted"
    assert UnreadableRecord.objects.get().resolved_at is not None


def test_an_order_that_is_unreadable_again_is_back_on_the_worklist(shop: Sandbox, manage: Run) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": "two"})
    for quantity in (2, "three"):
        manage("run", "pull_orders")
        shop.oasis.orders[number].lines[0].quantity = quantity
    manage("run", "pull_orders")
    record = UnreadableRecord.objects.get()
    assert (record.resolved_at, record.resolution) == (None, "")


def test_all_reasons_are_told_at_once(shop: Sandbox, manage: Run, told: Told) -> None:
    shop.tradegecko.add_variant("MUG-BLK")
    number = shop.oasis.add_order(
        {"partner_sku": "NOPE"}, {"partner_sku": "MUG-BLK"}, {"partner_sku": "THROW-WL", "quantity": None},
        address={"city": "", "countryCode": "USA"},
    )  # fmt: skip
    manage("run", "all")
    found = {(hold["kind"], hold["subject"]) for hold in told(number)["holds"]}
    assert found == {
        ("unusable_address", "city"), ("unusable_address", "country code"), ("unknown_sku", "NOPE"),
        ("ambiguous_sku", "MUG-BLK"), ("incomplete_line", "3"),
    }  # fmt: skip


def test_a_paused_route_loads_nothing_and_misses_nothing(shop: Sandbox, manage: Run, told: Told) -> None:
    Route.objects.update(state="paused")
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    assert Order.objects.count() == 0
    Route.objects.update(state="live")
    manage("run", "all")
    assert told(number)["status"] == "submitted"


@pytest.mark.parametrize(
    "fault", ["reset_after_apply", "503_after_apply", "html_200_after_apply", "500_html", "truncated"]
)
def test_an_unclear_answer_to_an_order_never_doubles_it(shop: Sandbox, manage: Run, told: Told, fault: str) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    shop.faults.add("tradegecko", fault, path="/orders", method="POST")
    with pytest.raises(CommandError, match=number):
        manage("run", "all")
    for _ in range(3):
        manage("run", "all")
    assert len(shop.tradegecko.by_reference(number)) == 1
    assert told(number)["status"] == "submitted"


@pytest.mark.parametrize("fault", ["reset_after_apply", "500_html_after_apply", "409", "204", "truncated"])
def test_an_unclear_answer_to_a_confirmation_is_read_back_first(
    shop: Sandbox, manage: Run, told: Told, fault: str
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": 2})
    manage("run", "all")
    shop.tradegecko.ship(placed(shop, number)["id"], tracking="1Z1")
    shop.faults.add("oasis", fault, path="/shipments")
    with pytest.raises(CommandError, match=number):
        manage("run", "all")
    for _ in range(2):
        manage("run", "all")
    assert [(p.quantity, p.tracking_number) for _, p in shop.oasis.shipments(number)] == [(2, "1Z1")]
    assert told(number)["status"] == "confirmed"


def test_a_refused_order_is_parked_and_the_others_go(shop: Sandbox, manage: Run, told: Told) -> None:
    first = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    second = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    shop.faults.add("tradegecko", "422", path="/orders", method="POST")
    with pytest.raises(CommandError, match="switched on"):
        manage("run", "all")
    assert (told(first)["warehouse_order"]["status"], told(second)["status"]) == ("parked", "submitted")


def test_a_wrong_password_stops_the_connection_and_changes_nothing(
    shop: Sandbox, manage: Run, told: Told, monkeypatch: pytest.MonkeyPatch, overstock: Connection
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    shop.oasis.password = "changed"
    with pytest.raises(CommandError, match="user name or password"):
        manage("run", "pull_orders")
    overstock.refresh_from_db()
    assert overstock.is_stopped
    with pytest.raises(CommandError):
        manage("check_connection", "Overstock")

    monkeypatch.setenv("NEW", "changed")
    manage("connect", "supplier_oasis", "Overstock", "--username", "demo-supplier", "--password-env", "NEW")
    manage("check_connection", "Overstock")
    manage("run", "all")
    assert told(number)["status"] == "submitted"


@pytest.mark.parametrize("fault", ["html_200", "503", "reset", "empty_200", "truncated", "429"])
def test_a_pull_that_fails_loses_nothing_and_the_next_catches_up(
    shop: Sandbox, manage: Run, told: Told, fault: str
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"}, created_at=HOUR_AGO, ordered_at=HOUR_AGO)
    shop.faults.add("oasis", fault, path="/salesorders", times=1000)
    with pytest.raises(CommandError):
        manage("run", "pull_orders")
    shop.faults.clear()
    pauses_end()
    manage("run", "all")
    assert told(number)["status"] == "submitted"


def test_a_route_in_test_marks_its_orders_as_drafts(shop: Sandbox, manage: Run) -> None:
    Route.objects.update(state="test")
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    order = placed(shop, f"TEST-{number}")
    assert (order["status"], order["order_number"]) == ("draft", f"TEST-{number}")
    assert "TEST" in order["tags"]


def test_no_secret_is_in_what_is_kept_of_requests(shop: Sandbox, manage: Run) -> None:
    shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    kept = "".join("".join(map(str, row)) for row in Exchange.objects.values_list())
    assert Exchange.objects.exists()
    assert shop.tradegecko.token not in kept
    assert shop.oasis.password not in kept
    assert "Authorization" not in kept


def test_a_dead_run_is_closed_and_its_work_picked_up(shop: Sandbox, manage: Run, told: Told, gecko: Connection) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    old = datetime.now(UTC) - timedelta(hours=1)
    dead = SyncRun.objects.create(connection=gecko, job="submit_orders", heartbeat_at=old, owner="elsewhere 1 0 1")
    manage("run", "all")
    dead.refresh_from_db()
    assert dead.status == "interrupted"
    assert told(number)["status"] == "submitted"


def test_a_running_job_is_not_run_twice(shop: Sandbox, manage: Run, gecko: Connection) -> None:
    SyncRun.objects.create(connection=gecko, job="submit_orders", owner="elsewhere 1 0 1")
    assert "running already" in manage("run", "submit_orders")


def test_a_backfill_previews_then_loads_what_is_too_old_for_the_route(shop: Sandbox, manage: Run, told: Told) -> None:
    at = datetime.now(UTC) - timedelta(days=10)
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"}, ordered_at=at, created_at=at)
    days = [(at + timedelta(days=d)).date().isoformat() for d in (-1, 1)]
    assert f"{number}  load" in manage("backfill", "Main", "--from", days[0], "--to", days[1], "--dry-run")
    assert Order.objects.count() == 0
    manage("backfill", "Main", "--from", days[0], "--to", days[1])
    assert told(number)["status"] == "ready"


def test_an_import_with_a_wrong_row_stores_nothing(shop: Sandbox, manage: Run, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("marketplace_sku;warehouse_sku;units\nA;MUG-BLK;1\nB;MUG-BLK;none\n")
    with pytest.raises(CommandError, match="line 3: .*none"):
        manage("import_aliases", "Overstock", str(file))
    assert SkuAlias.objects.count() == 0


def test_reconciliation_names_what_vanished(shop: Sandbox, manage: Run) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    assert "1 order in the warehouse" in manage("run", "reconcile")
    shop.tradegecko.void(placed(shop, number))
    with pytest.raises(CommandError, match=f"order {number} was sent, but Gecko no longer holds it"):
        manage("run", "reconcile")


def test_a_refused_token_stops_the_warehouse_and_not_the_marketplace(
    shop: Sandbox, manage: Run, told: Told, overstock: Connection, gecko: Connection
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    right, shop.tradegecko.token = shop.tradegecko.token, "revoked"
    with pytest.raises(CommandError, match="refused the token"):
        manage("run", "all")
    overstock.refresh_from_db()
    gecko.refresh_from_db()
    assert (overstock.is_stopped, gecko.is_stopped) == (False, True)
    assert told(number)["status"] == "received"

    shop.tradegecko.token = right
    manage("run", "all")
    assert told(number)["status"] == "submitted"


def test_a_parcel_that_cannot_be_read_does_not_hide_the_others(shop: Sandbox, manage: Run, told: Told) -> None:
    numbers = [shop.oasis.add_order({"partner_sku": "MUG-BLK"}) for _ in range(2)]
    manage("run", "all")
    ids = [shop.tradegecko.ship(placed(shop, number)["id"], tracking=number) for number in numbers]
    shop.tradegecko.tables["fulfillments"][ids[0]]["shipped_at"] = "soon"
    with pytest.raises(CommandError, match="cannot be read.*shipped_at 'soon'"):
        manage("run", "all")
    assert [len(shop.oasis.shipments(number)) for number in numbers] == [0, 1]
