"""Whether a process is gone is judged only where it ran: on this machine, since it was booted."""

from __future__ import annotations

import subprocess

import pytest

from integrations import processes
from integrations.models import Connection, SyncRun
from integrations.runs import reap

NO_PID = "999999999"


def name_of(pid: str, *, boot: str = "") -> str:
    """As a process of this machine, or of another one with the same host name, would be called."""
    machine = processes.own_name().rsplit(" ", 2)[0]
    return f"{machine.rpartition('@')[0]}@{boot} {pid} 1" if boot else f"{machine} {pid} 1"


@pytest.mark.parametrize(("boot", "expected"), [("", True), ("0a1b2c3d", False)], ids=["here", "another machine"])
def test_a_pid_that_is_free_says_nothing_of_another_machine_with_our_host_name(boot: str, expected: bool) -> None:
    name = name_of(NO_PID, boot=boot)
    assert (processes.is_near(name), processes.is_gone(name)) == (expected, expected)


def test_a_process_is_gone_once_it_has_ended_and_not_before() -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        machine = processes.own_name().rsplit(" ", 2)[0]
        name = f"{machine} {other.pid} {processes._started(other.pid)}"
        assert [processes.is_gone(one) for one in (processes.own_name(), name)] == [False, False]
        other.kill()
    assert processes.is_gone(name)
    assert processes.is_gone(name_of(str(other.pid)))


@pytest.mark.django_db
def test_the_run_of_another_machine_with_our_host_name_goes_on(overstock: Connection) -> None:
    far, near = name_of(NO_PID, boot="0a1b2c3d"), name_of(NO_PID)
    SyncRun.objects.create(connection=overstock, job="pull_orders", owner=far)
    SyncRun.objects.create(connection=overstock, job="confirm_shipments", owner=near)
    assert reap() == 1
    assert SyncRun.objects.get(status=SyncRun.Status.RUNNING).owner == far
