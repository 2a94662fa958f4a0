"""What is done to many records at once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integrations.models import Connection
from orders import bulk, bulk_actions
from orders.models import Order


@pytest.fixture(autouse=True)
def held(db: None) -> None:
    shop = Connection.objects.create(name="Overstock", provider="supplier_oasis")
    today = timezone.now()
    for number in ("1-1", "2-1", "3-1"):
        Order.objects.create(
            connection=shop, full_number=number, short_reference=number, status="on_hold", ordered_at=today,
            ordered_on=today.date(),
        )  # fmt: skip


def test_a_record_that_we_fail_at_is_named_and_keeps_no_other_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    skip = bulk_actions.BY_NAME["skip"]

    def do(order: Order, reason: str, actor: Any) -> str:
        if order.full_number == "2-1":
            raise ValueError("no such thing")
        return skip.do(order, reason, actor)

    monkeypatch.setitem(bulk_actions.BY_NAME, "skip", replace(skip, do=do))
    user = User.objects.create_superuser("boss")
    action = bulk.propose("skip", Order.objects.all(), user)
    assert bulk.confirm(action, "fraud", user)
    assert sorted(Order.objects.values_list("full_number", "status")) == [
        ("1-1", "skipped"), ("2-1", "on_hold"), ("3-1", "skipped"),
    ]  # fmt: skip
    assert action.state == "done"
    assert [one.text for one in action.items.filter(state="refused")] == ["ValueError: no such thing"]


def test_an_order_that_is_sent_while_others_are_done_is_not_released(monkeypatch: pytest.MonkeyPatch) -> None:
    release = bulk_actions.BY_NAME["release"]

    def while_one_is_sent(order: Order, reason: str, actor: Any) -> str:
        text = release.do(order, reason, actor)
        Order.objects.filter(full_number="1-1").update(status="submitted")
        return text

    monkeypatch.setitem(bulk_actions.BY_NAME, "release", replace(release, do=while_one_is_sent))
    user = User.objects.create_superuser("boss")
    action = bulk.propose("release", Order.objects.all(), user)
    assert bulk.confirm(action, "", user)
    [refused] = action.items.filter(state="refused")
    assert (refused.name, "only a held one is released" in refused.text) == ("1-1", True)


def test_a_preview_is_confirmed_only_by_who_chose_its_records(admin_client: Client) -> None:
    action = bulk.propose("skip", Order.objects.all(), User.objects.create_user("mia"))
    address = reverse("admin:orders_bulkaction_change", args=[action.pk])
    assert "it waits for mia, who chose these" in admin_client.get(address).content.decode()
    assert admin_client.post(address, {"reason": "fraud"}).status_code == 403
    assert not Order.objects.filter(status="skipped").exists()
