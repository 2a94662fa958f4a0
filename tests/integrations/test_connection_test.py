"""Testing a connection: what is tried is said, what was found is kept, and only a success wakes a stopped one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core.management import CommandError

from integrations.connection_test import check_connection
from integrations.models import Connection, Route
from integrations.sandbox.server import Sandbox

Run = Callable[..., str]


def unwell(connection: Connection) -> list[str]:
    return [f"{step.tried}: {step.answered}" for step in check_connection(connection) if not step.ok]


@pytest.mark.parametrize(("system", "name"), [("oasis", "Overstock"), ("tradegecko", "Gecko")])
def test_a_test_that_fails_otherwise_leaves_a_stopped_connection_stopped(
    shop: Sandbox, manage: Run, system: str, name: str
) -> None:
    connection = Connection.objects.get(name=name)
    connection.note_health(Connection.Health.STOPPED, "the password was refused")
    shop.faults.add(system, "503")
    with pytest.raises(CommandError):
        manage("check_connection", name)
    connection.refresh_from_db()
    assert connection.is_stopped
    assert connection.health_message == "the password was refused"
    manage("check_connection", name)
    connection.refresh_from_db()
    assert connection.health == Connection.Health.WORKING


def test_what_a_test_finds_need_not_be_asked_for_again(shop: Sandbox, manage: Run, gecko: Connection) -> None:
    assert unwell(gecko) == []
    before = len(shop.calls("tradegecko"))
    shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "pull_orders")
    manage("run", "submit_orders")
    assert shop.calls("tradegecko")[before:] == [("GET", "/variants"), ("POST", "/orders")]


def test_one_question_serves_all_routes_with_one_company(shop: Sandbox, manage: Run, gecko: Connection) -> None:
    for name in ("East", "West"):
        manage(
            "route", name, "--marketplace", "Overstock", "--warehouse-name", name, "--warehouse", "Gecko",
            "--location", "Main DC",
        )  # fmt: skip
    before = len(shop.calls("tradegecko"))
    check_connection(gecko)
    calls = shop.calls("tradegecko")[before:]
    assert calls.count(("GET", "/companies")) == 1
    assert calls.count(("GET", "/locations")) == 1
    assert all(Route.objects.values_list("company_id", flat=True))


def test_what_is_wrong_with_the_names_is_said_step_by_step(shop: Sandbox, gecko: Connection) -> None:
    shop.tradegecko.add("companies", name="Overstock.com", status="active")
    Route.objects.update(location_name="Nowhere", location_id="5", company_id="6")
    location, company = unwell(gecko)
    assert "location 'Nowhere' of route Main: not found; there are" in location
    assert "several active companies named 'Overstock.com'" in company
    assert Route.objects.get().location_id == ""
    gecko.refresh_from_db()
    assert not gecko.is_stopped


def test_a_missing_right_to_companies_is_a_step_that_failed(shop: Sandbox, gecko: Connection) -> None:
    shop.faults.add("tradegecko", "403", path="/companies")
    [step] = unwell(gecko)
    assert "company 'Overstock.com'" in step
    assert "HTTP 403" in step
