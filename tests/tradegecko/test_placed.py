"""An order of the warehouse read whole, changed and ended, over real HTTP."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from integrations.account import Account
from integrations.errors import OutcomeUnknown, Refused
from integrations.sandbox.server import Sandbox
from integrations.sent_orders import LineChange, OrderChange, PlacedLine, Rounding
from integrations.tradegecko.adapter import TradeGecko, connect
from tests.tradegecko.test_adapter import TO, request


@pytest.fixture
def gecko(box: Sandbox) -> TradeGecko:
    return connect(Account("Gecko", box.tradegecko_url, secret=box.tradegecko.token))


@pytest.mark.parametrize("sideload", ["always", "on request", "never"])
def test_an_order_is_read_with_its_address_and_what_left_or_lies_packed(
    box: Sandbox, gecko: TradeGecko, sideload: str
) -> None:
    box.tradegecko.switch(sideload_lines=sideload)
    receipt = gecko.create_order(request(box))
    [line] = receipt.line_ids
    box.tradegecko.ship(int(receipt.remote_id), {int(line): 1}, tracking="1Z")
    packed = box.tradegecko.ship(int(receipt.remote_id), {int(line): 1}, status="packed")
    placed = gecko.order(receipt.remote_id)
    assert placed is not None
    item = placed.lines[0].item_id
    assert placed.lines == (PlacedLine(line, item, Decimal(2), Decimal(1), Decimal(1), Decimal("4.25")),)
    assert (placed.ship_to, placed.address_label, placed.notes) == (TO, "label k1", "Service: GROUND")
    assert dict(placed.packed) == {str(packed): (line,)}
    assert (placed.has_shipped, placed.is_ended, placed.status) == (True, False, "finalized")


def test_an_order_that_is_not_there_is_none(gecko: TradeGecko) -> None:
    assert gecko.order("999999") is None


def test_an_order_is_changed_as_a_whole(box: Sandbox, gecko: TradeGecko) -> None:
    receipt = gecko.create_order(request(box))
    placed = gecko.order(receipt.remote_id)
    assert placed is not None
    line = placed.lines[0]
    to = replace(TO, address2="Apt 4", phone="", name="Cher")
    more = LineChange("", line.item_id, 3, Decimal("1.5"))
    change = OrderChange((LineChange(line.remote_id, line.item_id, 5), more), to, "Service: Two day")
    gecko.change_order(placed, change, idempotency_key="k2")
    now = gecko.order(receipt.remote_id)
    assert now is not None
    assert sorted(one.quantity for one in now.lines) == [3, 5]
    assert (now.ship_to, now.notes) == (to, "Service: Two day")
    with pytest.raises(OutcomeUnknown):  # the same lines are not added twice under one key
        gecko.change_order(now, OrderChange((more,)), idempotency_key="k2")
    gecko.change_order(now, OrderChange((LineChange(line.remote_id, line.item_id, 0),)), idempotency_key="k3")
    assert [one["quantity"] for one in box.tradegecko.lines(int(receipt.remote_id))] == ["3.0"]


def test_a_new_line_without_a_price_is_refused_before_anything_is_changed(box: Sandbox, gecko: TradeGecko) -> None:
    receipt = gecko.create_order(request(box))
    placed = gecko.order(receipt.remote_id)
    assert placed is not None
    line = placed.lines[0]
    change = OrderChange((LineChange(line.remote_id, line.item_id, 5), LineChange("", line.item_id, 3)))
    with pytest.raises(Refused, match=f"3 of item {line.item_id} are to be added without a price"):
        gecko.change_order(placed, change, idempotency_key="k2")
    assert gecko.order(receipt.remote_id) == placed


def test_a_rounding_is_a_line_of_text_that_is_put_in_changed_and_taken_out(box: Sandbox, gecko: TradeGecko) -> None:
    receipt = gecko.create_order(request(box))
    placed = now = gecko.order(receipt.remote_id)
    assert placed is not None
    for amount in ("-0.02", "0.03", "0"):
        assert now is not None
        known = now.roundings[0] if now.roundings else Rounding("Rounding of line 1")
        change = OrderChange(roundings=(replace(known, amount=Decimal(amount)),))
        gecko.change_order(now, change, idempotency_key="k2")
        now = gecko.order(receipt.remote_id)
        lines = box.tradegecko.lines(int(receipt.remote_id))
        texts = [(row["label"], Decimal(row["price"])) for row in lines if row["line_type"] == "rounding"]
        assert texts == [("Rounding of line 1", Decimal(amount))] * (amount != "0")
    assert now == placed


@pytest.mark.parametrize(("status", "then"), [("draft", "deleted"), ("active", "void"), ("finalized", "void")])
def test_an_order_is_ended_with_its_boxes_taken_apart(box: Sandbox, gecko: TradeGecko, status: str, then: str) -> None:
    receipt = gecko.create_order(replace(request(box), status=status))
    if status == "finalized":
        box.tradegecko.ship(int(receipt.remote_id), status="packed")
    placed = gecko.order(receipt.remote_id)
    assert placed is not None
    gecko.cancel_order(placed)
    ended = gecko.order(receipt.remote_id)
    assert ended is not None
    assert (ended.status, ended.is_ended) == (then, True)
    assert all(row["status"] == "deleted" for row in box.tradegecko.tables["fulfillments"].values())


def test_an_order_with_shipped_goods_is_not_ended(box: Sandbox, gecko: TradeGecko) -> None:
    receipt = gecko.create_order(request(box))
    placed = gecko.order(receipt.remote_id)
    assert placed is not None
    box.tradegecko.ship(int(receipt.remote_id), tracking="1Z")
    with pytest.raises(Refused, match="shipped goods"):
        gecko.cancel_order(placed)
