"""An order that is found in the warehouse is taken as ours, and what is in it is compared with what was sent."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import CommandError

from integrations.models import SyncRun
from integrations.sandbox.server import Sandbox
from integrations.sent_orders import Receipt, ReceiptLine
from orders.receipts import difference
from tests.orders.world import holds, placed

Run = Callable[..., str]
Told = Callable[[str], dict[str, Any]]
SENT = {"lines": [{"item_id": "1", "sku": "MUG", "quantity": 2}, {"item_id": "2", "sku": "LID", "quantity": 1},
                  {"item_id": "1", "sku": "MUG", "quantity": 1}]}  # fmt: skip


def found(*lines: tuple[str, str]) -> Receipt:
    return Receipt("9", "700", "700-1", "active", lines=tuple(ReceiptLine(item, Decimal(n)) for item, n in lines))


@pytest.mark.parametrize(("receipt", "expected"), [
    (found(("1", "3"), ("2", "1.0")), ""),
    (found(("2", "1"), ("1", "1"), ("1", "2")), ""),
    (Receipt("9", "700", "700-1", "active"), ""),
    (found(("1", "2"), ("2", "1")), "2 of MUG, sent were 3"),
    (found(("1", "3")), "0 of LID, sent were 1"),
    (found(("1", "3"), ("2", "1"), ("7", "0.5")), "0.5 of item 7, sent were 0"),
    (found(), "0 of MUG, sent were 3, 0 of LID, sent were 1"),
])  # fmt: skip
def test_items_are_compared_by_their_sums(receipt: Receipt, expected: str) -> None:
    assert difference(SENT, receipt) == expected


@pytest.fixture
def unanswered(shop: Sandbox, manage: Run) -> str:
    """The warehouse created the order, and its answer got lost."""
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": 2})
    manage("run", "pull_orders")
    shop.faults.add("tradegecko", "reset_after_apply", path="/orders", method="POST")
    with suppress(CommandError):
        manage("run", "submit_orders")
    return number


def test_one_that_is_as_it_was_sent_is_simply_ours(shop: Sandbox, manage: Run, told: Told, unanswered: str) -> None:
    manage("run", "submit_orders")
    assert (told(unanswered)["status"], holds(told(unanswered))) == ("submitted", [])


def test_one_whose_lines_differ_is_ours_and_held_with_the_difference(
    shop: Sandbox, manage: Run, told: Told, unanswered: str
) -> None:
    [line] = shop.tradegecko.lines(placed(shop, unanswered)["id"])
    shop.tradegecko.change_line(line, quantity="1")
    with pytest.raises(CommandError, match="1 of MUG-BLK, sent were 2"):
        manage("run", "submit_orders")
    report = told(unanswered)
    assert (report["status"], holds(report)) == ("submitted", ["different_there"])
    assert len(shop.tradegecko.by_reference(unanswered)) == 1


@pytest.mark.parametrize("fault", ["404", "422", "403"])
def test_lines_that_cannot_be_read_keep_nobody_from_taking_it(
    shop: Sandbox, manage: Run, told: Told, unanswered: str, fault: str
) -> None:
    shop.faults.add("tradegecko", fault, path="/order_line_items")
    manage("run", "submit_orders")
    assert (told(unanswered)["status"], holds(told(unanswered))) == ("submitted", [])


def test_lines_that_do_not_answer_are_asked_for_again(shop: Sandbox, manage: Run, told: Told, unanswered: str) -> None:
    shop.faults.add("tradegecko", "503", path="/order_line_items")
    with suppress(CommandError):
        manage("run", "submit_orders")
    manage("run", "submit_orders")
    assert told(unanswered)["status"] == "submitted"
    assert SyncRun.objects.filter(job="submit_orders").latest("pk").status == "succeeded"
    assert len(shop.tradegecko.by_reference(unanswered)) == 1
