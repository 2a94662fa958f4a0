"""A process that is told to stop ends at once, however slow the other side is, and the next one goes on from there."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from integrations.sandbox.server import Sandbox
from tests.children import Installed, ended, wait_for

pytestmark = pytest.mark.long

SECONDS = 120  # far less than the answer takes; what remains is for a busy machine
LAST_RUN = "select status, error from integrations_syncrun where job = 'submit_orders' order by id desc limit 1"


@pytest.fixture
def order(box: Sandbox, tmp_path: Path) -> tuple[Installed, str]:
    """An installation with one order that is ready to be sent, and a warehouse that takes orders and answers late."""
    number = box.oasis.add_order({"partner_sku": "MUG-BLK"})
    made = Installed(tmp_path, box, ["run", "pull_orders"])
    box.faults.add("tradegecko", "slow_after_apply", path="/orders", method="POST", seconds=3600)
    return made, number


def is_asked(box: Sandbox) -> bool:
    return ("POST", "/orders") in box.calls("tradegecko")


def children(parent: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def goes_on(made: Installed, box: Sandbox, number: str) -> None:
    """The next process finds what the stopped one had sent, and sends nothing again."""
    [(status, error)] = made.rows(LAST_RUN)
    assert (status, "told to stop" in error) == ("interrupted", True)
    made.run("run", "submit_orders")
    assert len(box.tradegecko.by_reference(number)) == 1
    assert made.rows("select status from orders_warehousesubmission") == [("accepted",)]


@pytest.mark.parametrize(("number_of_signal", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_command_that_is_stopped_says_so_in_one_line(
    order: tuple[Installed, str], box: Sandbox, number_of_signal: signal.Signals, code: int
) -> None:
    made, number = order
    with ended(made.start("run", "submit_orders")) as process:
        wait_for(lambda: is_asked(box), "the order is sent")
        process.send_signal(number_of_signal)
        _, err = process.communicate(timeout=SECONDS)
    assert process.returncode == code
    assert [line for line in err.splitlines() if line] == [
        "CommandError: stopped; what was under way is looked up by the next run before anything is sent again"
    ]
    if number_of_signal == signal.SIGTERM:
        goes_on(made, box, number)


FOR_EVER = """
from django.core.management import CommandError, call_command
while True:
    try:
        call_command("run", "submit_orders")
    except CommandError:
        pass
"""


@pytest.mark.parametrize("number_of_signal", [signal.SIGTERM, signal.SIGINT])
def test_a_script_that_calls_commands_one_after_the_other_ends_with_the_one_that_is_stopped(
    order: tuple[Installed, str], box: Sandbox, number_of_signal: signal.Signals
) -> None:
    made, number = order
    with ended(made.start("shell", "-c", FOR_EVER)) as process:
        wait_for(lambda: is_asked(box), "the order is sent")
        process.send_signal(number_of_signal)
        process.communicate(timeout=SECONDS)
    assert process.returncode == -number_of_signal
    goes_on(made, box, number)


@pytest.mark.parametrize("told", ["the command", "each of its processes"])
def test_a_cluster_that_is_stopped_hands_back_its_work(order: tuple[Installed, str], box: Sandbox, told: str) -> None:
    made, number = order
    made.run("shell", "-c", "from integrations.dispatch import enqueue; enqueue('submit_orders', 2)")
    with ended(made.start("qcluster")) as cluster:
        wait_for(lambda: is_asked(box), "a worker sends the order")
        (os.kill if told == "the command" else os.killpg)(cluster.pid, signal.SIGTERM)
        cluster.communicate(timeout=SECONDS)
    assert cluster.returncode == 0
    due = made.rows(
        "select next_run_at <= datetime('now', '+1 second') from integrations_jobplan where job = 'submit_orders'"
    )
    assert due in ([], [(1,)])
    goes_on(made, box, number)


@pytest.mark.parametrize("killed", ["the whole", "its guard alone"])
def test_processes_whose_cluster_was_killed_do_not_linger(
    order: tuple[Installed, str], box: Sandbox, killed: str
) -> None:
    """A guard's helpers would go on taking tasks from the queue, for nobody."""
    made, number = order
    made.run("shell", "-c", "from integrations.dispatch import enqueue; enqueue('submit_orders', 2)")
    with ended(made.start("qcluster")) as cluster:
        wait_for(lambda: is_asked(box), "a worker sends the order")
        [owner] = made.rows("select owner from integrations_syncrun where status = 'running'")[0]
        worker = int(owner.split()[-2])
        sentinel = int(Path(f"/proc/{worker}/stat").read_text().rpartition(")")[2].split()[1])
        helpers = children(sentinel)
        assert len(helpers) >= 4  # two workers, what brings tasks and what takes results
        if killed == "the whole":
            cluster.kill()
        subprocess.run(["kill", "-KILL", str(sentinel)], check=True)
        wait_for(lambda: not any(is_alive(helper) for helper in helpers), "all processes end")
    goes_on(made, box, number)
