"""A cluster that ends without being told to is missed, also while others do its work, until another takes its place."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integrations import processes
from integrations.clusters import Cluster, Sign
from orders.alarms import found
from orders.alerting.watch import look
from orders.models import Alert, Severity

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)


def started(name: str, *, seen: timedelta = SECOND) -> Cluster:
    """A cluster's row that it wrote so long ago."""
    at = timezone.now() - seen
    return Cluster.objects.create(name=name, started_at=at, seen_at=at)


def killed(pid: int = 999999999) -> Cluster:
    """A cluster of this machine whose process does not exist any more."""
    machine = processes.own_name().rsplit(" ", 2)[0]
    return started(f"{machine} {pid} 1@boot")


def missed() -> list[str]:
    alarms = [one for one in found(timezone.now()) if one.key and one.kind == "workers"]
    assert {one.severity for one in alarms} <= {Severity.WARNING}
    return [one.text for one in alarms]


def test_one_that_was_killed_on_this_machine_is_missed_at_once() -> None:
    Sign().give()
    assert missed() == []
    one = killed()
    assert [f"process 999999999 on {one.host}" in text for text in missed()] == [True]


def test_one_on_another_machine_is_missed_after_two_minutes_of_silence_and_for_a_day() -> None:
    one = started("dock-2 pid:[1] 77 5@boot", seen=115 * SECOND)
    assert missed() == []
    for silent, number in ((120, 1), (24 * 3600 - 60, 1), (24 * 3600, 0)):
        Cluster.objects.update(seen_at=timezone.now() - silent * SECOND)
        assert len(missed()) == number, silent
    Sign().give()
    assert not Cluster.objects.filter(pk=one.pk).exists()


def test_one_that_starts_takes_the_place_of_one_that_is_gone_from_its_machine() -> None:
    killed(999999998)
    killed(999999999)
    started("dock-2 pid:[1] 77 5@boot", seen=300 * SECOND)
    first = Sign()
    for _ in range(2):
        first.give()
    assert len(missed()) == 2
    Sign().give()
    assert ["dock-2" in text for text in missed()] == [True]


def test_one_that_is_killed_just_after_another_started_is_missed() -> None:
    with subprocess.Popen(["sleep", "600"]) as neighbour:
        machine = processes.own_name().rsplit(" ", 2)[0]
        started(f"{machine} {neighbour.pid} {processes._started(neighbour.pid)}")
        sign = Sign()
        sign.give()
        neighbour.kill()
    sign.give()
    assert len(missed()) == 1


def test_one_that_starts_anew_in_another_container_of_the_same_name_is_never_missed() -> None:
    host = processes.host_of(processes.own_name())
    started(f"{host} pid:[1] 1 5@boot", seen=70 * SECOND)
    sign = Sign()
    sign.give()
    assert Cluster.objects.count() == 2
    Cluster.objects.filter(name__contains="pid:[1] 1 ").update(seen_at=timezone.now() - 80 * SECOND)
    sign.give()
    assert Cluster.objects.get().name == processes.own_name()


def test_one_that_is_told_to_stop_is_not_missed() -> None:
    sign = Sign()
    sign.give()
    sign.take_back()
    assert not Cluster.objects.exists()


def test_status_shows_the_clusters(manage: Callable[..., str]) -> None:
    Sign().give()
    killed()
    told = json.loads(manage("status", "--json"))
    assert sorted(one["gone"] for one in told["workers"]["clusters"]) == [False, True]
    assert any("process 999999999" in text for text in told["alarms"])
    assert "process 999999999" in manage("status")


def test_a_person_dismisses_one_that_is_not_to_come_back(admin_client: Client) -> None:
    killed()
    look(by_worker=True)
    alert = Alert.objects.get(kind="workers", key__gt="")
    page = reverse("admin:orders_alert_change", args=[alert.pk])
    dismiss = reverse("admin:orders_alert_dismiss", args=[alert.pk])
    assert dismiss in admin_client.get(page).content.decode()
    assert "process 999999999" in admin_client.get(reverse("admin:start_wrong")).content.decode()
    admin_client.post(dismiss)
    assert missed() == []
    look(by_worker=True)
    alert.refresh_from_db()
    assert alert.closed_at


def test_no_other_alert_can_be_dismissed(admin_client: Client) -> None:
    one = killed()
    alert = Alert.objects.create(kind="connection", key=str(one.pk), severity="warning", text="in trouble")
    dismiss = reverse("admin:orders_alert_dismiss", args=[alert.pk])
    assert dismiss not in admin_client.get(reverse("admin:orders_alert_change", args=[alert.pk])).content.decode()
    admin_client.post(dismiss)
    assert Cluster.objects.filter(pk=one.pk).exists()
