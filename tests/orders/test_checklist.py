"""The list of what a route needs before it goes live ticks itself from what is known now."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command
from django_q.models import OrmQ

from integrations.models import Connection, Route
from integrations.sandbox.server import Sandbox
from inventory.models import SkuAlias
from orders import checklist, route_states
from orders.checklist import State
from orders.models import Order, RouteLook, ShippingMethod
from orders.preview import preview_first_pull
from tests.conftest import Run
from tests.orders.workers import workers_alive


@pytest.fixture
def paused(shop: Sandbox, manage: Run) -> Route:
    """A route on its first day: connections tested, nothing pulled, workers at it."""
    Route.objects.update(state="paused")
    for name in ("Overstock", "Gecko"):
        manage("check_connection", name)
    workers_alive()
    return Route.objects.get()


def queued() -> set[str]:
    return {row.task["name"].partition(":")[0] for row in OrmQ.objects.all()}


def point(route: Route, start: str) -> checklist.Point:
    [found] = [one for one in checklist.points(route) if one.title.startswith(start)]
    return found


def test_before_anybody_looked_it_asks_for_the_preview_and_is_not_ready(paused: Route) -> None:
    assert [one.title for one in checklist.missing(paused)] == ["Somebody has looked at what it would load"]
    with pytest.raises(route_states.NotReady, match="open the preview"):
        route_states.go_live(paused, None)
    assert Route.objects.get().state == "paused"


def test_after_the_preview_it_goes_live_and_orders_are_pulled_at_once(paused: Route, shop: Sandbox) -> None:
    shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    preview_first_pull(paused)
    OrmQ.objects.all().delete()
    route_states.go_live(paused, None)
    assert Route.objects.get().state == "live"
    assert queued() == {"pull_orders", "pull_levels", "submit_orders"}


def test_with_the_test_the_stock_is_read_at_once_so_that_no_quantity_rests_on_nothing(
    paused: Route, manage: Run
) -> None:
    OrmQ.objects.all().delete()
    route_states.start_test(paused, None)
    assert "pull_levels" in queued()
    OrmQ.objects.all().delete()
    route_states.pause(paused, None)
    assert queued() == set()
    names = ("--marketplace", "Overstock", "--warehouse-name", "Riverside DC", "--warehouse", "Gecko")
    manage("route", paused.name, *names, "--location", paused.location_name, "--live")
    assert "pull_levels" in queued()


def test_a_near_miss_of_the_warehouse_name_is_shown_as_it_is_spelt(paused: Route, shop: Sandbox) -> None:
    shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    Route.objects.update(marketplace_warehouse_name="riverside dc")
    route = Route.objects.get()
    preview_first_pull(route)
    found = point(route, "Orders carry")
    assert (found.state, found.is_in_the_way) == (State.OPEN, True)
    assert "'Riverside DC'" in found.answer
    Route.objects.update(marketplace_warehouse_name="Riverside DC")
    route = Route.objects.get()
    assert checklist.look_at(route) is None  # what was looked at had another name
    preview_first_pull(route)
    assert point(route, "Orders carry").answer == "1 of 1 recent"


def test_a_second_warehouse_of_a_marketplace_goes_by_its_preview_too(
    paused: Route, shop: Sandbox, overstock: Connection, manage: Run
) -> None:
    shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    Route.objects.update(state="live")
    manage("run", "pull_orders")
    second = Route.objects.create(
        name="Elm", marketplace=overstock, marketplace_warehouse_name="Elm Street", warehouse=paused.warehouse,
        location_name=paused.location_name, company_name=paused.company_name,
    )  # fmt: skip
    shop.oasis.add_order({"partner_sku": "MUG-BLK"}, warehouse="Elm Street")
    preview_first_pull(second)
    assert point(second, "Orders carry").answer == "1 of 2 recent"
    route_states.go_live(second, None)
    Route.objects.filter(pk=second.pk).update(marketplace_warehouse_name="elm street")
    second.refresh_from_db()
    preview_first_pull(second)
    assert point(second, "Orders carry").answer == "none of 2 recent; they carry 'Elm Street'"


def test_an_alias_ticks_the_skus_without_another_look(paused: Route, shop: Sandbox, overstock: Connection) -> None:
    shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    shop.oasis.add_order({"partner_sku": "MYSTERY-9", "option_sku": "3001"})
    preview_first_pull(paused)
    found = point(paused, "SKUs of recent")
    assert (found.state, found.answer) == (State.OPEN, "1 of 2; their orders would be held: 'MYSTERY-9'")
    SkuAlias.objects.create(connection=overstock, marketplace_sku="MYSTERY-9", warehouse_sku="MUG-BLK")
    assert point(paused, "SKUs of recent").state == State.DONE


def test_a_shipping_code_that_is_not_mapped_is_named_with_what_the_route_does(paused: Route, shop: Sandbox) -> None:
    shop.oasis.add_order({"partner_sku": "MUG-BLK"}, service="DRONE")
    preview_first_pull(paused)
    assert point(paused, "Shipping codes").answer == "0 of 1; orders with 'DRONE' would be sent with the code as it is"
    Route.objects.update(unmapped_shipping="refuse")
    assert point(Route.objects.get(), "Shipping codes").answer.endswith("would be held")
    ShippingMethod.objects.create(connection=paused.marketplace, code="DRONE", name="Drone")
    assert point(paused, "Shipping codes").state == State.DONE


def test_an_order_whose_code_staff_corrected_asks_for_the_code_that_it_goes_by(
    paused: Route, shop: Sandbox, manage: Run
) -> None:
    shop.oasis.add_order({"partner_sku": "MUG-BLK"}, service="DRONE")
    Route.objects.update(state=Route.State.LIVE)
    manage("run", "pull_orders")
    assert point(Route.objects.get(), "Shipping codes").answer.startswith("0 of 1")
    Order.objects.update(working_shipping_code="GROUND")
    assert point(Route.objects.get(), "Shipping codes").state == State.DONE


def test_a_location_that_is_not_there_is_in_the_way(paused: Route, shop: Sandbox) -> None:
    Route.objects.update(location_name="Nowhere", location_id="")
    route = Route.objects.get()
    preview_first_pull(route)
    assert "Location 'Nowhere' of route Main" in [one.title for one in checklist.missing(route)]


def test_a_test_order_that_was_accepted_ticks_its_point(paused: Route, shop: Sandbox, manage: Run) -> None:
    assert point(paused, "A test order").state == State.OPEN
    route_states.start_test(paused, None)
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    assert point(paused, "A test order").answer == f"order TEST-{number}"
    Route.objects.update(warehouse=Connection.objects.create(name="Gecko 2", provider="tradegecko"))
    assert point(Route.objects.get(), "A test order").state == State.OPEN  # it was in another one


def test_credentials_that_are_refused_are_in_the_way(paused: Route, overstock: Connection) -> None:
    preview_first_pull(paused)
    assert checklist.missing(paused) == []
    overstock.note_health("stopped", "401: wrong password")
    [found] = checklist.missing(Route.objects.get())
    assert (found.title, found.answer) == ("Overstock accepts our credentials", "401: wrong password")
    assert RouteLook.objects.count() == 1


def test_what_is_not_there_and_need_not_be_is_open_and_not_in_the_way(
    paused: Route, shop: Sandbox, gecko: Connection, manage: Run
) -> None:
    for currency in shop.tradegecko.tables["currencies"].values():
        shop.tradegecko.change(currency, iso="EUR")
    Route.objects.update(company_name="New Company")
    route = Route.objects.get()
    preview_first_pull(route)
    found = {one.answer: one for one in checklist.points(route)}
    for answer in ("not there yet; it is created with the first order", "not found; orders carry none"):
        assert (found[answer].state, found[answer].is_in_the_way) == (State.OPEN, False)
    assert "open currency USD: not found; orders carry none" in manage("check_connection", "Gecko")
    route_states.go_live(route, None)
    assert Route.objects.get().state == "live"


def test_the_command_goes_live_in_spite_of_the_checklist_and_says_what_it_misses(paused: Route) -> None:
    OrmQ.objects.all().delete()
    told = StringIO()
    call_command(
        "route", "Main", "--marketplace", "Overstock", "--warehouse-name", "Riverside DC", "--warehouse", "Gecko",
        "--location", "Main DC", "--live", stdout=StringIO(), stderr=told,
    )  # fmt: skip
    assert Route.objects.get().state == "live"
    assert told.getvalue().splitlines() == [
        "route Main is live, and its checklist misses: Somebody has looked at what it would load: open the preview and "
        "look; it stores no order"
    ]
    newest = Route.history.latest()
    assert (newest.state, newest.history_change_reason) == (
        "live", "manage.py route --live, 1 point of the checklist open"
    )  # fmt: skip
    assert queued() == {"pull_orders", "pull_levels", "submit_orders"}
