"""A system that does not answer is left alone for a while; whoever asks for it is answered at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integrations import processes
from integrations.account import Account
from integrations.budget import SharedBudget
from integrations.circuit import FAILURES_UNTIL_PAUSED, SharedCircuit
from integrations.dispatch import dispatch
from integrations.errors import Unavailable
from integrations.http import Door
from integrations.models import Connection, JobPlan
from integrations.processes import RunLost
from integrations.sandbox.server import Sandbox
from integrations.shared_state import Outage, RateWindow
from integrations.tradegecko.client import BearerAuth
from inventory.tasks import run_pull_levels
from orders import jobs
from orders.models import WarehouseSubmission

Run = Callable[..., str]
T = WarehouseSubmission.Status


@pytest.fixture(autouse=True)
def unhurried(settings: Any) -> None:
    settings.RETRY_BASE_SECONDS = 30


@pytest.fixture
def sent_once(shop: Sandbox, manage: Run) -> None:
    """One order all the way to the warehouse, so that its SKUs and places are known."""
    shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")


def fail(connection: Connection, times: int = FAILURES_UNTIL_PAUSED) -> None:
    circuit = SharedCircuit(connection)
    for _ in range(times):
        circuit.enter()
        circuit.failed("no answer")


def later(connection: Connection) -> None:
    """The pause of this connection is over."""
    Outage.objects.filter(connection=connection).update(paused_until=timezone.now() - timedelta(seconds=1))


def trouble(shop: Sandbox, system: str = "tradegecko") -> None:
    shop.faults.add(system, "503", times=10**6)


def try_to_run(manage: Run, job: str) -> str:
    with suppress(CommandError):
        return manage("run", job)
    return ""


@pytest.mark.long
def test_a_connection_that_answers_has_no_row_to_write(shop: Sandbox, manage: Run) -> None:
    shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    assert not Outage.objects.exists()


def test_after_failures_in_a_row_nothing_is_sent_any_more(shop: Sandbox, gecko: Connection) -> None:
    trouble(shop)
    for _ in range(20):
        run_pull_levels(gecko)
    assert len(shop.calls("tradegecko")) == FAILURES_UNTIL_PAUSED


@pytest.mark.long
@pytest.mark.parametrize("fault", ["503", "500_html", "html_200", "reset"])
def test_whatever_the_trouble_looks_like(shop: Sandbox, gecko: Connection, fault: str) -> None:
    shop.faults.add("tradegecko", fault, times=10**6)
    for _ in range(20):
        run_pull_levels(gecko)
    assert len(shop.calls("tradegecko")) == FAILURES_UNTIL_PAUSED


@pytest.mark.long
@pytest.mark.parametrize("fault", ["422", "429", "404", "400_text"])
def test_a_clear_no_pauses_nothing(shop: Sandbox, gecko: Connection, fault: str) -> None:
    shop.faults.add("tradegecko", fault, times=10**6, retry_after="1")
    for _ in range(10):
        run_pull_levels(gecko)
    assert shop.calls("tradegecko")
    assert not Outage.objects.exclude(paused_until=None).exists()


def test_an_open_circuit_costs_an_order_no_attempt_and_changes_nothing_of_it(
    shop: Sandbox, manage: Run, gecko: Connection, sent_once: None
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "pull_orders")
    fail(gecko)
    for _ in range(60):
        jobs.submit_orders(gecko)
    row = WarehouseSubmission.objects.get(order__full_number=number)
    assert (row.status, row.attempts) == (T.PENDING, 0)
    assert "paused" in row.last_error


def test_one_process_alone_tries_when_the_pause_is_over(gecko: Connection) -> None:
    fail(gecko)
    first, second = SharedCircuit(gecko), SharedCircuit(gecko)
    with pytest.raises(Unavailable) as caught:
        first.enter()
    assert caught.value.throttled
    assert caught.value.retry_after
    later(gecko)
    assert first.enter() is True
    with pytest.raises(Unavailable, match="one call tries again now"):
        second.enter()
    first.succeeded()
    assert second.enter() is False


@pytest.mark.long
def test_a_process_that_died_while_it_tried_keeps_nobody_waiting(gecko: Connection) -> None:
    fail(gecko)
    later(gecko)
    SharedCircuit(gecko).enter()
    machine = processes.own_name().rpartition(" ")[0].rpartition(" ")[0]
    Outage.objects.update(prober=f"{machine} 999999999 1@boot")
    assert SharedCircuit(gecko).enter() is True


@pytest.mark.long
def test_a_pause_lasts_as_long_again_as_the_trouble_did_but_no_longer_than_a_quarter_of_an_hour(
    gecko: Connection,
) -> None:
    pauses = []
    for minutes in (0, 4, 60 * 24):
        fail(gecko)
        Outage.objects.update(since=timezone.now() - timedelta(minutes=minutes))
        later(gecko)
        circuit = SharedCircuit(gecko)
        circuit.enter()
        pauses.append(circuit.failed("no answer").total_seconds() / 60)
        circuit = SharedCircuit(gecko)
        later(gecko)
        circuit.enter()
        circuit.succeeded()
    assert pauses[0] == pytest.approx(0.5, rel=0.2)
    assert pauses[1] == pytest.approx(4, rel=0.2)
    assert pauses[2] == pytest.approx(15, rel=0.2)


def test_a_pause_is_as_long_as_the_other_side_asks(gecko: Connection) -> None:
    fail(gecko, FAILURES_UNTIL_PAUSED - 1)
    circuit = SharedCircuit(gecko)
    circuit.enter()
    assert circuit.failed("no answer", timedelta(minutes=40)) == timedelta(minutes=40)


def test_what_was_sent_while_others_failed_keeps_its_outcome(
    shop: Sandbox, manage: Run, gecko: Connection, sent_once: None
) -> None:
    """The one call that tries again may be a write: whether it arrived is for the look-up to say."""
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "pull_orders")
    fail(gecko)
    later(gecko)
    shop.faults.add("tradegecko", "reset_after_apply", path="/orders", method="POST")
    jobs.submit_orders(gecko)
    row = WarehouseSubmission.objects.get(order__full_number=number)
    assert (row.status, row.attempts) == (T.UNCONFIRMED, 1)
    manage("run", "submit_orders")
    assert len(shop.tradegecko.by_reference(number)) == 1
    row.refresh_from_db()
    assert row.status == T.ACCEPTED


@pytest.mark.long
@pytest.mark.parametrize("rounds", [1, 2, 5])
@pytest.mark.parametrize("down", ["tradegecko", "oasis", "both"])
def test_whoever_ran_it_in_vain_from_the_command_line_catches_up_with_the_first_run_after(
    shop: Sandbox, manage: Run, sent_once: None, rounds: int, down: str
) -> None:
    numbers = [shop.oasis.add_order({"partner_sku": "MUG-BLK"}) for _ in range(3)]
    manage("run", "pull_orders")
    shop.tradegecko.set_stock("PILLOW-DN", 7)
    for system in ("tradegecko", "oasis") if down == "both" else (down,):
        shop.faults.add(system, "reset", times=10**6)
    for _ in range(rounds):
        for job in ("submit_orders", "pull_orders", "pull_shipments", "confirm_shipments", "pull_levels"):
            try_to_run(manage, job)
    shop.faults.clear()
    manage("run", "all")
    assert [len(shop.tradegecko.by_reference(number)) for number in numbers] == [1, 1, 1]


@pytest.mark.long
def test_a_wait_that_the_other_side_asked_for_is_kept_whoever_asks(
    shop: Sandbox, manage: Run, gecko: Connection
) -> None:
    fail(gecko, FAILURES_UNTIL_PAUSED - 1)
    circuit = SharedCircuit(gecko)
    circuit.enter()
    circuit.failed("no answer", timedelta(minutes=40))
    before = len(shop.calls("tradegecko"))
    with pytest.raises(CommandError, match="paused"):
        manage("run", "pull_levels")
    assert len(shop.calls("tradegecko")) == before


def test_a_test_by_a_person_tries_at_once_and_ends_the_pause(shop: Sandbox, manage: Run, gecko: Connection) -> None:
    fail(gecko)
    manage("check_connection", "Gecko")
    assert Outage.objects.get(connection=gecko).failures == 0


@pytest.mark.long
def test_run_now_in_the_admin_tries_at_once(shop: Sandbox, gecko: Connection, admin_client: Client) -> None:
    fail(gecko)
    address = reverse("admin:integrations_connection_run_now", args=[gecko.pk])
    admin_client.post(address, {"job": "pull_levels"})
    assert run_pull_levels(gecko).failed is False


def test_what_waited_for_the_outage_to_end_goes_as_soon_as_it_has(
    shop: Sandbox, manage: Run, gecko: Connection, sent_once: None
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "pull_orders")
    hour = timezone.now() + timedelta(hours=1)
    WarehouseSubmission.objects.filter(order__full_number=number).update(not_before=hour, attempts=20)
    fail(gecko)
    later(gecko)
    jobs.pull_shipments(gecko)
    jobs.submit_orders(gecko)
    assert len(shop.tradegecko.by_reference(number)) == 1


@pytest.mark.long
def test_while_calls_are_paused_no_job_of_the_connection_is_queued_and_all_are_due_afterwards(
    shop: Sandbox, gecko: Connection
) -> None:
    dispatch()
    JobPlan.objects.update(queued_at=None, next_run_at=timezone.now() - timedelta(minutes=1))
    fail(gecko)
    assert dispatch() == sum(job.kind == "marketplace" for job in settings.JOBS)
    later(gecko)
    assert dispatch() == sum(job.kind == "warehouse" for job in settings.JOBS)


@pytest.mark.long
def test_a_job_that_was_refused_comes_back_with_the_end_of_the_pause(shop: Sandbox, gecko: Connection) -> None:
    dispatch()
    fail(gecko)
    JobPlan.objects.filter(connection=gecko).update(next_run_at=timezone.now() + timedelta(hours=9))
    run_pull_levels(gecko)
    plan = JobPlan.objects.get(connection=gecko, job="pull_levels")
    assert plan.next_run_at < timezone.now() + timedelta(minutes=1)


def test_it_is_said_on_the_page_and_in_status(
    shop: Sandbox, manage: Run, gecko: Connection, admin_client: Client
) -> None:
    fail(gecko)
    alarms = json.loads(manage("status", "--json"))["alarms"]
    assert any("calls to Gecko are paused after 5 failures" in text for text in alarms)
    page = admin_client.get(reverse("admin:integrations_connection_change", args=[gecko.pk])).content.decode()
    assert "5 failures" in page


@pytest.mark.long
def test_at_once_means_that_nothing_is_paused(shop: Sandbox, gecko: Connection, settings: Any) -> None:
    settings.RETRY_BASE_SECONDS = 0
    trouble(shop)
    for _ in range(10):
        run_pull_levels(gecko)
    assert shop.calls("tradegecko").count(("GET", "/locations")) == 10


class Taken:
    """A lease that another process has taken over."""

    def check(self) -> None:
        raise RunLost("another one does it")


class UsedUp(SharedBudget):
    def take(self) -> None:
        raise Unavailable("used up", retry_after=timedelta(minutes=1), throttled=True, unsent=True)


def door(shop: Sandbox, gecko: Connection, budget: SharedBudget, **values: Any) -> Door:
    account = Account("Gecko", shop.tradegecko_url, budget=budget, circuit=SharedCircuit(gecko), **values)
    return Door(account, BearerAuth("t"))


@pytest.mark.long
def test_whoever_may_try_again_and_is_replaced_before_that_leaves_it_to_the_next(
    shop: Sandbox, gecko: Connection
) -> None:
    fail(gecko)
    later(gecko)
    with pytest.raises(RunLost):
        door(shop, gecko, SharedBudget(gecko), lease=Taken()).send("POST", "/orders", writes=True)
    assert SharedCircuit(gecko).enter() is True


@pytest.mark.long
def test_whoever_may_try_again_and_has_no_call_left_leaves_it_to_the_next(shop: Sandbox, gecko: Connection) -> None:
    fail(gecko)
    later(gecko)
    with pytest.raises(Unavailable, match="used up"):
        door(shop, gecko, UsedUp(gecko)).send("GET", "/orders")
    assert SharedCircuit(gecko).enter() is True


def test_while_calls_are_paused_none_is_spent(shop: Sandbox, gecko: Connection) -> None:
    fail(gecko)
    for _ in range(3):
        with pytest.raises(Unavailable, match="paused"):
            door(shop, gecko, SharedBudget(gecko)).send("GET", "/orders")
    assert not RateWindow.objects.exists()
