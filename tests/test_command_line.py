"""The command line, as scripts use it."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings
from django_q.models import OrmQ

from integrations.crypto import encrypt
from integrations.errors import Misconfigured
from integrations.management.base import Command
from integrations.models import Connection, Route
from integrations.sandbox.server import Sandbox
from orders.models import OrderLine

Run = Callable[..., str]
ROOT = Path(__file__).resolve().parent.parent
KEYS = ("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=", "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXphYmNkZWY=")


def test_connect_and_route_create_or_update(shop: Sandbox, manage: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", StringIO("new & <é> password \n"))
    Connection.objects.update(credential_expires_on="2026-12-01")
    manage("connect", "supplier_oasis", "Overstock", "--username", "other")
    connection = Connection.objects.get(name="Overstock")
    assert (connection.username, connection.decrypted_secret) == ("other", "new & <é> password ")
    assert connection.credential_expires_on is None, "that was the day of the secret before"
    assert connection.base_url == shop.oasis_url
    assert "updated" in manage("route", "Main", "--marketplace", "Overstock", "--warehouse-name", "Riverside DC",
                               "--warehouse", "Gecko", "--location", "East Store")  # fmt: skip
    assert Route.objects.get().state == "live"


def test_a_secret_that_is_typed_is_not_seen_on_the_screen() -> None:
    ask = (
        "import django; django.setup(); from integrations.management.base import Command; "
        "print('heard', len(Command().secret(None, 'token')))"
    )
    screen, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", ask], cwd=ROOT, env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"},
        stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True,
    )  # fmt: skip
    os.close(terminal)
    shown = os.read(screen, 1000)
    os.write(screen, b"t0ken-t0ken\n")
    with suppress(OSError):  # the terminal is gone with its process
        while more := os.read(screen, 1000):
            shown += more
    os.close(screen)
    assert process.wait() == 0
    assert b"heard 11" in shown
    assert b"t0ken" not in shown


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


@pytest.mark.parametrize("job", ["pull_orders", "all"])
def test_where_there_is_nothing_to_run_that_is_said(db: None, manage: Run, job: str) -> None:
    with pytest.raises(CommandError, match="nothing was run: no such connection is switched on"):
        manage("run", job)


def test_a_secret_without_its_application_is_wrong_usage(db: None, manage: Run) -> None:
    with pytest.raises(CommandError, match="add --oauth-application") as caught:
        manage("connect", "tradegecko", "G", "--oauth-secret-env", "S")
    assert caught.value.returncode == 2


def test_wrong_usage_is_status_2() -> None:
    with pytest.raises((SystemExit, CommandError)):
        call_command("run", "no_such_job")


TO_RENO = ("route", "Reno", "--marketplace", "Overstock", "--warehouse-name", "Reno", "--warehouse", "Gecko")


def warned(*args: str) -> str:
    """What a command that goes well says on standard error."""
    errors = StringIO()
    call_command(*args, stdout=StringIO(), stderr=errors)
    return errors.getvalue()


def test_a_route_to_a_location_that_is_not_there_is_saved_and_said_to_be_wrong(shop: Sandbox, manage: Run) -> None:
    with pytest.raises(CommandError) as caught:
        manage(*TO_RENO, "--location", "Nowhere")
    assert "route Reno is saved, but location 'Nowhere' of route Reno: not found; there are" in str(caught.value)
    assert "run this again" in str(caught.value)
    assert caught.value.returncode == 1
    assert (Route.objects.get(name="Reno").location_name, Route.objects.get(name="Reno").state) == ("Nowhere", "paused")
    assert warned(*TO_RENO, "--location", "East Store") == ""


def test_each_problem_of_a_route_is_a_line(shop: Sandbox) -> None:
    shop.tradegecko.add("companies", name="Twice", status="active")
    shop.tradegecko.add("companies", name="Twice", status="active")
    errors = StringIO()
    with pytest.raises(CommandError, match="several active companies named 'Twice'"):
        call_command(*TO_RENO, "--location", "Nowhere", "--company", "Twice", stdout=StringIO(), stderr=errors)
    [line] = errors.getvalue().splitlines()
    assert "location 'Nowhere' of route Reno: not found" in line


def test_a_warehouse_that_cannot_be_asked_keeps_no_route_from_being_saved(shop: Sandbox) -> None:
    shop.faults.add("tradegecko", "503", times=20)
    told = warned(*TO_RENO, "--location", "East Store")
    assert "route Reno is saved, but Gecko could not be asked whether it knows location and company" in told
    assert "manage.py check_connection Gecko" in told
    assert Route.objects.filter(name="Reno").exists()


def test_a_route_that_has_orders_keeps_its_marketplace(shop: Sandbox, manage: Run) -> None:
    """Another one's aliases and shipping codes would send other goods."""
    Connection.objects.create(name="Other", provider="supplier_oasis", username="u")
    shop.oasis.add_order({"partner_sku": "MYSTERY-9"})
    manage("run", "all")
    with pytest.raises(CommandError, match="marketplace: It reads orders of Overstock already.*Add another route"):
        manage("route", "Main", "--marketplace", "Other", "--warehouse-name", "Riverside DC", "--warehouse", "Gecko",
               "--location", "Main DC")  # fmt: skip
    assert Route.objects.get().marketplace.name == "Overstock"


def test_a_routes_guard_and_reasons_are_set_there_and_stay_until_others_are_given(shop: Sandbox, manage: Run) -> None:
    route = ("route", "Main", "--marketplace", "Overstock", "--warehouse-name", "Riverside DC", "--warehouse", "Gecko",
             "--location", "Main DC")  # fmt: skip
    manage(*route, "--guard-share", "15", "--guard-listings", "5", "--stale-after-hours", "2", "--short-ship-reason",
           "OOS=Out of stock", "--short-ship-reason", "GONE = Not made any more")  # fmt: skip
    manage(*route)
    made = Route.objects.get()
    assert (made.guard_share, made.guard_listings, made.stale_after_hours) == (15, 5, 2)
    assert made.short_ship_codes == [("OOS", "Out of stock"), ("GONE", "Not made any more")]
    with pytest.raises(CommandError, match="guard: per cent|guard share"):
        manage(*route, "--guard-share", "0")
    with pytest.raises(CommandError, match="stale after hours: From 1 to 8760"):
        manage(*route, "--stale-after-hours", "99999999")
    with pytest.raises(CommandError, match="is there 2 times"):
        manage(*route, "--short-ship-reason", "A=x", "--short-ship-reason", "A=y")
    for wrong in ("OOS", "=x", "A B=x", "A="):
        with pytest.raises(CommandError, match="is not CODE=text"):
            manage(*route, "--short-ship-reason", wrong)
    assert Route.objects.get().guard_share == 15


def test_importing_aliases_tells_what_the_admin_shows(shop: Sandbox, manage: Run, tmp_path: Path) -> None:
    shop.oasis.add_order({"partner_sku": "MYSTERY-9"})
    shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    file = tmp_path / "a.csv"
    file.write_text("marketplace_sku,warehouse_sku\nOLD,MUG-BLK\n")
    manage("import_aliases", "Overstock", str(file))
    file.write_text("marketplace_sku,warehouse_sku\nMYSTERY-9,MUG-BLK\nZ,NOPE\n")
    told = manage("import_aliases", "Overstock", str(file), "--replace", "--switch-off-most").splitlines()
    assert "switched off: OLD → MUG-BLK" in told
    assert [line for line in told if line.startswith("to check: line 3: NOPE: ")]
    assert [line for line in told if line.startswith("effect: it frees 1 waiting order")]


def test_a_dry_run_tells_what_is_wrong_with_the_set_up(shop: Sandbox, manage: Run) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    Route.objects.update(location_name="Nowhere", location_id="")
    day = shop.oasis.orders[number].created_at.date()
    dry_run = ("backfill", "Main", "--from", str(day - timedelta(days=1)), "--to", str(day), "--dry-run")
    Route.objects.update(earliest_order_date="2024-01-01")
    first, *rows = manage(*dry_run).splitlines()
    assert first.startswith("put right first: location 'Nowhere' of route Main: not found; there are")
    assert rows == [f"{number}  load"]
    Route.objects.update(location_name="Main DC")
    assert manage(*dry_run).splitlines() == rows


def test_imported_aliases_have_the_waiting_orders_judged_again(shop: Sandbox, manage: Run, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("marketplace_sku,warehouse_sku\nA,MUG-BLK\n")
    gecko = Connection.objects.get(name="Gecko")
    OrmQ.objects.all().delete()
    manage("import_aliases", "Overstock", str(file), "--dry-run")
    assert not OrmQ.objects.exists()
    manage("import_aliases", "Overstock", str(file))
    assert [row.task["name"] for row in OrmQ.objects.all()] == [f"submit_orders:{gecko.pk}"]
    manage("import_aliases", "Overstock", str(file))
    assert OrmQ.objects.count() == 1


@pytest.mark.parametrize(
    ("name", "says"), [("", "needs a user name"), ("  ", "needs a user name"), ("a:b", "no colon")]
)
def test_a_marketplace_connection_has_a_user_name(db: None, manage: Run, name: str, says: str) -> None:
    with pytest.raises(CommandError, match=says) as caught:
        manage("connect", "supplier_oasis", "Overstock", "--username", name)
    assert caught.value.returncode == 1
    assert not Connection.objects.exists()


@pytest.mark.parametrize("port", ["99999", "65536", "-1", "x", "1e3"])
def test_a_port_that_there_is_not_is_wrong_usage(port: str) -> None:
    with pytest.raises(CommandError, match="is no port"):
        call_command("sandbox", f"--oasis-port={port}")


def test_an_order_is_told_with_both_skus_and_without_a_quantity_that_is_not_known(shop: Sandbox, manage: Run) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK", "option_sku": "1234-5"}, {"partner_sku": "THROW-WL"})
    manage("run", "pull_orders")
    OrderLine.objects.filter(partner_sku="THROW-WL").update(quantity=None, quantity_to_ship=0)
    told = manage("order", number)
    assert "line 1: 1 × 1234-5 (partner SKU MUG-BLK), 0 shipped" in told
    assert "line 2: an unknown quantity × THROW-WL, 0 shipped" in told


def test_one_of_a_kind_is_said_in_the_singular(shop: Sandbox, manage: Run) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    shop.tradegecko.ship(shop.tradegecko.by_reference(number)[0]["id"], tracking="1Z1")
    assert "1 parcel\n" in manage("run", "pull_shipments")
    assert "1 order on the marketplace, 1 order in the warehouse" in manage("run", "reconcile")


def test_a_stopped_connection_says_once_what_to_do(shop: Sandbox, manage: Run) -> None:
    shop.oasis.password = "changed"
    for _ in range(2):
        with pytest.raises(CommandError) as caught:
            manage("run", "pull_orders")
    assert str(caught.value).count("test") == 1


def managed(database: str, *args: str, stdout: int = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DATABASE_URL": database}
    command = [sys.executable, "manage.py", *args]
    return subprocess.run(
        command, cwd=ROOT, env=environment, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=60, check=False
    )


@pytest.mark.long
@pytest.mark.parametrize(("database", "says"), [
    ("sqlite:///{folder}/new.sqlite3", "Run `manage.py migrate`"),
    ("sqlite:///{folder}/nowhere/new.sqlite3", "Check DATABASE_URL"),
    ("postgres://clerk:s3cret-word@127.0.0.1:1/crossdock", "Check DATABASE_URL"),
    ("postgres://clerk:s3cret-word@localhost:1/crossdock", "Check DATABASE_URL"),
])  # fmt: skip
def test_a_database_that_cannot_be_used_is_one_line(tmp_path: Path, database: str, says: str) -> None:
    done = managed(database.format(folder=tmp_path), "status")
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert says in line
    assert "s3cret-word" not in line


def test_a_reader_that_goes_away_is_no_fault() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = managed("sqlite://:memory:", "sandbox", stdout=writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize(
    "given", [("supplier_oasis", "O", "--username", "u", "--password"), ("tradegecko", "G", "--token")]
)
def test_a_secret_given_as_an_argument_is_wrong_usage_and_not_told(
    db: None, given: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises((SystemExit, CommandError)) as caught:
        call_command("connect", *given, "se-cr-et")
    assert "holds no" not in str(caught.value)
    assert not Connection.objects.exists()


@pytest.mark.parametrize(("name", "says"), [("N" * 61, "name: .*60 characters"), ("", "name: .*blank")])
def test_a_connection_with_an_impossible_name_is_refused(
    db: None, monkeypatch: pytest.MonkeyPatch, name: str, says: str
) -> None:
    monkeypatch.setenv("PW", "x")
    with pytest.raises(CommandError, match=says):
        call_command("connect", "supplier_oasis", name, "--username", "u", "--password-env", "PW")
    assert not Connection.objects.exists()


def test_a_dry_run_that_finds_nothing_says_so(shop: Sandbox, manage: Run) -> None:
    assert "nothing: Overstock tells of no order" in manage(
        "backfill", "Main", "--from", "2026-01-01", "--to", "2026-01-02", "--dry-run"
    )


def test_an_order_is_found_with_blanks_around_its_number(shop: Sandbox, manage: Run) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    assert manage("order", f" {number} ") == manage("order", number)


def test_a_script_that_calls_a_command_hears_of_the_signal_that_broke_it_off() -> None:
    class Stopped(Command):
        def handle(self, *_args: Any, **_options: Any) -> None:
            signal.raise_signal(signal.SIGTERM)

    heard: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _frame: heard.append(number))
    try:
        with pytest.raises(CommandError, match="stopped"):
            call_command(Stopped(), stdout=StringIO())
    finally:
        signal.signal(signal.SIGTERM, before)
    assert heard == [signal.SIGTERM]
