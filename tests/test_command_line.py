"""The command line, as scripts use it."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from integrations.crypto import encrypt
from integrations.errors import Misconfigured
from integrations.models import Connection, Route
from integrations.sandbox.server import Sandbox

Run = Callable[..., str]
KEYS = ("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=", "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXphYmNkZWY=")


def test_connect_and_route_create_or_update(shop: Sandbox, manage: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", StringIO("new & <é> password \n"))
    manage("connect", "supplier_oasis", "Overstock", "--username", "other")
    connection = Connection.objects.get(name="Overstock")
    assert (connection.username, connection.decrypted_secret) == ("other", "new & <é> password ")
    assert connection.base_url == shop.oasis_url
    assert "updated" in manage("route", "Main", "--marketplace", "Overstock", "--warehouse-name", "Riverside DC",
                               "--warehouse", "Gecko", "--location", "East Store")  # fmt: skip
    assert Route.objects.get().state == "live"


def test_a_new_route_is_paused(shop: Sandbox, manage: Run) -> None:
    manage("route", "Two", "--marketplace", "Overstock", "--warehouse-name", "Reno", "--warehouse", "Gecko",
           "--location", "Main DC")  # fmt: skip
    assert Route.objects.get(name="Two").state == "paused"


@override_settings(ALLOW_CUSTOM_ENDPOINTS=False)
@pytest.mark.parametrize("url", ["http://evil.example", "https://api.tradegecko.com.evil.example", "https://a:b@api.tradegecko.com",
                                 "ftp://api.tradegecko.com", "https://api.tradegecko.com/?x=1"])  # fmt: skip
def test_no_connection_points_elsewhere_unless_that_is_allowed(
    db: None, manage: Run, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("T", "token")
    with pytest.raises(CommandError, match="base URL"):
        manage("connect", "tradegecko", "G", "--token-env", "T", "--base-url", url)
    assert not Connection.objects.exists()


@pytest.mark.parametrize("arguments", [
    ("run", "pull_orders", "--connection", "Nobody"), ("order", "1"), ("check_connection", "Nobody"),
    ("import_aliases", "Nobody", "x.csv"), ("import_aliases", "Overstock", "missing.csv"),
    ("backfill", "Overstock", "--from", "2024-02-02", "--to", "2024-02-01"),
    ("run", "submit_orders", "--connection", "Overstock"), ("connect", "tradegecko", "G", "--token-env", "NOT_SET"),
])  # fmt: skip
def test_a_failure_is_one_line_that_says_what(shop: Sandbox, manage: Run, arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError) as caught:
        manage(*arguments)
    assert caught.value.returncode == 1
    assert len(str(caught.value).splitlines()) == 1


def test_order_and_status_have_the_promised_keys(shop: Sandbox, manage: Run) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    order: dict[str, Any] = json.loads(manage("order", number, "--json"))
    assert {
        "full_number",
        "short_reference",
        "status",
        "holds",
        "lines",
        "warehouse_order",
        "shipments",
        "events",
    } <= set(order)
    assert {"remote_id", "status"} <= set(order["warehouse_order"])
    status = json.loads(manage("status", "--json"))
    assert status["orders"]["submitted"] == 1
    assert {"worklists", "runs"} <= set(status)
    assert "submitted" in manage("order", number)
    assert "submitted 1" in manage("status")


def test_a_stopped_connection_is_an_alarm(shop: Sandbox, manage: Run) -> None:
    shop.oasis.password = "changed"
    with pytest.raises(CommandError):
        manage("run", "all")
    assert any("user name or password" in alarm for alarm in json.loads(manage("status", "--json"))["alarms"])


def test_keys_can_be_rotated(shop: Sandbox) -> None:
    connection = Connection.objects.get(name="Gecko")
    with override_settings(CREDENTIALS_KEYS=[KEYS[0]]):
        connection.encrypted_secret = encrypt("token")
    with override_settings(CREDENTIALS_KEYS=[KEYS[1], KEYS[0]]):
        assert connection.decrypted_secret == "token"
    with override_settings(CREDENTIALS_KEYS=[KEYS[1]]), pytest.raises(Misconfigured, match="CREDENTIALS_KEYS"):
        _ = connection.decrypted_secret


def test_wrong_usage_is_status_2() -> None:
    with pytest.raises((SystemExit, CommandError)):
        call_command("run", "no_such_job")
