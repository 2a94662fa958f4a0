"""After PERSONAL_DATA_DAYS nothing here says who the customer of an order was; what was done stays, and nothing comes back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.apps import apps
from django.core.management import CommandError
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ

from integrations.dispatch import forget_old
from integrations.models import Connection, Exchange, SyncRun
from integrations.sandbox.server import Sandbox
from orders import actions, decisions, edits, forgetting, personal_data, search, tasks
from orders.bulk_actions import BY_NAME
from orders.models import IllegalTransition, Order, OrderEvent, ReconciledOrder, UnreadableRecord, WarehouseSubmission
from tests.admin.pages import address_of
from tests.admin.test_exports import rows_of
from tests.orders.test_after_the_end import reopen
from tests.orders.test_changes import Run, Told, address, again, goods, set_rule
from tests.orders.world import holds, placed, ship

FIRST = {
    "contactName": "Quirinia Zauberwald", "address1": "77 Vexelberg Lane", "address2": "Flat Ypsilon", "city": "Krumbach",
    "postalCode": "98765-4321", "phone": "555-019-7733",
}  # fmt: skip
SECOND = {
    "contactName": "Balthasar O'Xnard", "address1": '12 "Dove" Mewsgate', "address2": "Rear Gublet", "city": "Wolkersdorf",
    "postalCode": "87654", "phone": "5550194488",
}  # fmt: skip
THIRD = {"contactName": "Hieronyma Quack", "address1": "9 Tintagel Rise", "city": "Zwettl"}
TYPED = {"ship_phone": "555 111 2299"}
NOTES = "Engrave: Forever Zauberwald"
COMMON = ("Lane", "Flat", "Rear", "Rise")
HALF_A_YEAR = timedelta(days=183)
DENVER = ZoneInfo("America/Denver")


@pytest.fixture(autouse=True)
def kept_for_a_time(settings: Any) -> None:
    settings.PERSONAL_DATA_DAYS = 90


def forget() -> int:
    """What the hourly pass does half a year from now."""
    forget_old(timezone.now() + HALF_A_YEAR)
    return forgetting.redact_old(timezone.now() + HALF_A_YEAR)


def dump() -> Iterator[tuple[str, str]]:
    """Every column of every row of every table, as text."""
    for model in apps.get_models(include_auto_created=True):
        for row in model._default_manager.values():
            yield from ((f"{model.__name__}.{name}", str(value)) for name, value in row.items())


def places(*more: str) -> dict[str, str]:
    """Where any of the customers' values, or a word of them, stands: the column, and one of its texts."""
    values = (*FIRST.values(), *SECOND.values(), *THIRD.values(), *TYPED.values(), NOTES, *more)
    words = {word for value in values for word in (value, *value.split()) if len(word) > 3} - {*COMMON}
    # The digits of a time may hold those of a phone.
    found = re.compile("|".join(rf"(?<!\d){re.escape(word)}(?!\d)" for word in words))
    return {where: text for where, text in dump() if found.search(text)}


def order(number: str) -> Order:
    return Order.objects.get(full_number=number)


def add(box: Sandbox, **values: Any) -> str:
    lines = [{"partner_sku": "MUG-BLK", "quantity": 2, "notes": NOTES}, {"partner_sku": "TEE-RED-M", "quantity": 1}]
    return box.oasis.add_order(*lines, address=FIRST, **values)


def confirmed(box: Sandbox, manage: Run) -> str:
    number = add(box)
    manage("run", "all")
    ship(box, number, tracking="1ZKEPT")
    manage("run", "all")
    assert order(number).status == "confirmed"
    return number


def cancelled(box: Sandbox, manage: Run) -> str:
    """It was never sent."""
    number = add(box)
    manage("run", "pull_orders")
    box.oasis.cancel(number)
    manage("run", "revisit_orders")
    assert order(number).status == "cancelled"
    return number


def decide(client: Client, number: str, what: str) -> None:
    mine = order(number)
    client.post(reverse(f"admin:orders_order_{what}", args=[mine.pk]), {"seen": decisions.state_of(mine)})


def live(box: Sandbox, manage: Run, client: Client) -> str:
    """A whole life: held with a reason, changed before and after sending, corrected, talked about, shipped, confirmed."""
    set_rule(changes_before_sending="ask", order_status="finalized")
    number = add(box)
    manage("run", "pull_orders")
    pk = order(number).pk
    client.post(reverse("admin:orders_order_hold", args=[pk]), {"reason": "Quirinia Zauberwald rang"})
    box.oasis.edit(number, address=SECOND)
    manage("run", "revisit_orders")
    decide(client, number, "apply")
    client.post(reverse("admin:orders_order_comment", args=[pk]), {"text": "Her nephew rang: leave it at the shed"})
    Order.objects.filter(pk=pk).update(**TYPED)
    client.post(reverse("admin:orders_order_release", args=[pk]))
    manage("run", "submit_orders")
    assert address(box, number)["phone_number"] == TYPED["ship_phone"]
    box.oasis.edit(number, address=THIRD)
    with pytest.raises(CommandError, match=r"was changed on Overstock after it was sent: name \(redacted\); address"):
        manage("run", "reconcile")  # its text goes to logs and to the queue's results
    manage("run", "revisit_orders")
    decide(client, number, "amend")
    again(manage)
    assert address(box, number)["address1"] == THIRD["address1"]
    ship(box, number, tracking="1ZKEPT")
    manage("run", "pull_shipments")
    box.oasis.edit(number, address={**FIRST, "postalCode": "11111-2222"})
    manage("run", "revisit_orders")
    manage("run", "confirm_shipments")
    WarehouseSubmission.objects.update(last_error="Gecko says: Wolkersdorf is not in 87654")
    UnreadableRecord.objects.create(
        connection=order(number).connection, digest="x", reason="no quantity", raw=str(FIRST),
        resolved_at=timezone.now(),
    )  # fmt: skip
    return number


def test_no_table_says_who_the_customer_was_after_a_whole_life(
    shop: Sandbox, manage: Run, admin_client: Client, told: Told
) -> None:
    number = live(shop, manage, admin_client)
    before = told(number)
    assert before["status"] == "confirmed"
    assert {*places()} >= {
        "Exchange.response_body", "Hold.message", "Hold.resolution", "LogEntry.change_message", "Order.raw",
        "Order.ship_name", "Order.told", "Order.told_now", "OrderEvent.text", "OrderLine.notes", "ReconciledOrder.text",
        "UnreadableRecord.raw", "WarehouseChange.told", "WarehouseChange.request", "WarehouseSubmission.request",
        "WarehouseSubmission.last_error",
    }  # fmt: skip

    assert forget() == 1

    assert places("11111-2222", "nephew") == {}
    after = told(number)
    for kept in ("full_number", "short_reference", "status", "lines", "shipments", "confirmations"):
        assert after[kept] == before[kept]
    assert [one["at"] for one in after["events"][:-1]] == [one["at"] for one in before["events"]]
    assert "changed on the marketplace after it was sent: name (redacted); address line 1 (redacted)" in str(after)
    assert after["events"][-1]["text"] == "Personal data was redacted, as PERSONAL_DATA_DAYS says"
    assert (order(number).ship_state, order(number).ship_country_code) == ("ID", "US")
    assert holds(after) == []  # nothing is left to be decided


def test_what_is_told_of_a_redacted_order_brings_nothing_back_and_is_no_change(
    shop: Sandbox, manage: Run, told: Told
) -> None:
    shipped, gone = confirmed(shop, manage), cancelled(shop, manage)
    assert forget() == 2
    Exchange.objects.all().delete()
    stories = [told(number)["events"] for number in (shipped, gone)]

    shop.oasis.edit(shipped, address=SECOND)
    day = str(datetime.now(DENVER).date())
    for _ in range(2):
        manage("run", "revisit_orders")
        manage("backfill", "Overstock", "--from", day, "--to", day)
        manage("run", "reconcile")

    Exchange.objects.all().delete()
    assert places() == {}
    assert [told(number)["events"] for number in (shipped, gone)] == stories
    assert {*ReconciledOrder.objects.values_list("bucket", "text")} == {("sent", ""), ("cancelled", "")}
    assert forget() == 0


def test_more_of_a_redacted_order_is_a_hold_that_does_not_say_for_whom(shop: Sandbox, manage: Run, told: Told) -> None:
    number = confirmed(shop, manage)
    forget()
    shop.oasis.edit(number, address=SECOND, status="PROCESSING")
    shop.oasis.add_line(number, {"partner_sku": "TEE-RED-M", "quantity": 4, "notes": NOTES})
    manage("run", "revisit_orders")
    Exchange.objects.all().delete()
    assert holds(told(number)) == ["changed_order"]
    assert places() == {}
    decisions.keep(order(number), None)
    assert holds(told(number)) == []


def test_a_redacted_order_that_is_opened_again_is_sent_to_whom_the_marketplace_names_now(
    shop: Sandbox, manage: Run
) -> None:
    number = cancelled(shop, manage)
    forget()
    shop.oasis.edit(number, address=SECOND)
    reopen(shop, number, "1", "2")
    manage("run", "revisit_orders")
    manage("run", "submit_orders")
    mine = order(number)
    assert (mine.status, mine.redacted_at, mine.ship_name) == ("submitted", None, SECOND["contactName"])
    assert "Mewsgate" in mine.raw
    assert address(shop, number)["address1"] == SECOND["address1"]
    assert NOTES in placed(shop, number)["notes"]
    assert goods(shop, number) == {"MUG-BLK": "2.0", "TEE-RED-M": "1.0"}
    shop.oasis.edit(number, address=THIRD)
    manage("run", "revisit_orders")
    assert {one.what for one in edits.found_in(order(number))} == {"name", "address line 1", "city"}


def test_a_redacted_order_is_not_sent_by_a_person(shop: Sandbox, manage: Run) -> None:
    number = add(shop)
    manage("run", "pull_orders")
    actions.skip(order(number), "Quirinia rang", None)
    forget()
    mine = order(number)
    assert mine.skip_reason == "(redacted) rang"
    parked = WarehouseSubmission.Status.PARKED
    WarehouseSubmission.objects.filter(order=mine).update(status=parked, remote_id="", sent_at=timezone.now())
    submission = WarehouseSubmission.objects.get(order=mine)
    for send in (actions.unskip, actions.retry_sending):
        with pytest.raises(IllegalTransition, match="its personal data was redacted at .* by hand, with the address"):
            send(mine, None)
    with pytest.raises(IllegalTransition, match="its personal data was redacted"):
        BY_NAME["send_again_warehousesubmission"].do(submission, "", None)
    assert "unskip" not in actions.possible(mine)
    assert BY_NAME["unskip"].foresee([mine]) == {mine.pk: "its personal data was redacted"}
    manage("run", "submit_orders")
    assert shop.tradegecko.orders == {}


def test_the_pages_of_a_redacted_order_say_that_it_is(shop: Sandbox, manage: Run, admin_client: Client) -> None:
    number = confirmed(shop, manage)
    forget()
    home = address_of(order(number))
    page = admin_client.get(home).content.decode()
    for shown in ("redacted at 20", "as PERSONAL_DATA_DAYS says", "1ZKEPT", "MUG-BLK"):
        assert shown in page
    assert [*search.find(FIRST["contactName"]).keys] == []
    assert [*search.find(number).keys] == [order(number).pk]
    listed = admin_client.get(reverse("admin:orders_order_changelist"), {"q": number}).content.decode()
    assert number in listed
    [row] = rows_of(admin_client, "orders_order")
    assert (row["full number"], row["ship name"], row["ship country code"]) == (number, "", "US")
    assert admin_client.get(reverse("admin:orders_find"), {"q": "1ZKEPT"}).headers["Location"] == home
    assert manage("order", number)


# --- without a shop -----------------------------------------------------------------------------------------------


@pytest.fixture
def market(db: None) -> Connection:
    return Connection.objects.create(name="Overstock", provider="supplier_oasis")


def ended(market: Connection, number: str, days_ago: int, status: str = "confirmed", **values: Any) -> Order:
    """Its last event was so long ago."""
    at = timezone.now() - timedelta(days=days_ago)
    values = {"ship_name": "Quirinia Zauberwald", "ordered_on": at.date(), **values}
    made = Order.objects.create(
        connection=market, full_number=number, status=status, ordered_at=at, received_at=at, **values
    )
    OrderEvent.objects.create(order=made, new_status=status, at=at)
    return made


def names() -> dict[str, str]:
    return dict(Order.objects.values_list("full_number", "ship_name"))


def test_only_what_ended_long_enough_ago_is_redacted_and_all_of_that_once(market: Connection) -> None:
    for status in Order.Status.values:
        ended(market, status, 91, status)
    ended(market, "recent", 89)
    OrderEvent.objects.create(order=ended(market, "talked about", 91), new_status="confirmed")
    ended(market, "settled", 91, "shipped", cancel_resolved_at=timezone.now())
    assert forgetting.redact_old(timezone.now()) == 4
    assert {number for number, name in names().items() if not name} == {"confirmed", "cancelled", "skipped", "settled"}
    assert forgetting.redact_old(timezone.now()) == 0
    assert OrderEvent.objects.filter(text__startswith="Personal data was redacted").count() == 4


def test_personal_data_is_kept_for_ever_unless_a_time_is_set(market: Connection, settings: Any) -> None:
    settings.PERSONAL_DATA_DAYS = 0
    ended(market, "1", 5000)
    forget_old(timezone.now())
    assert (forgetting.redact_old(timezone.now()), OrmQ.objects.count()) == (0, 0)
    assert names() == {"1": "Quirinia Zauberwald"}


def test_the_pass_that_forgets_has_a_worker_redact_what_is_due(market: Connection) -> None:
    forget_old(timezone.now())
    assert OrmQ.objects.count() == 0
    ended(market, "1", 91)
    forget_old(timezone.now())
    assert [row.task["func"] for row in OrmQ.objects.all()] == ["orders.tasks.redact_personal_data"]
    assert tasks.redact_personal_data() == "1 order redacted"
    assert names() == {"1": ""}


def test_an_order_that_cannot_be_redacted_keeps_no_other_from_it(market: Connection) -> None:
    ended(market, "odd", 91, told={"ship_to": "no address at all"})
    ended(market, "good", 91)
    assert forgetting.redact_old(timezone.now()) == 1
    assert names() == {"odd": "Quirinia Zauberwald", "good": ""}


def test_a_text_that_grows_longer_than_its_column_is_cut(market: Connection) -> None:
    ended(market, "1", 91, "skipped", ship_name="Joe", skip_reason="Joe " * 50)
    assert forgetting.redact_old(timezone.now()) == 1
    assert Order.objects.get().skip_reason == ("(redacted) " * 50)[:200]


def test_what_one_pass_leaves_over_is_redacted_by_the_next(market: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forgetting, "MOST_IN_A_PASS", 2)
    monkeypatch.setattr(forgetting, "TOGETHER", 1)
    for number in ("1", "2", "3"):
        ended(market, number, 91)
    assert [forgetting.redact_old(timezone.now()) for _ in range(3)] == [2, 1, 0]
    assert {*names().values()} == {""}


def test_a_record_on_the_worklist_or_told_still_keeps_what_came(market: Connection) -> None:
    long_ago = timezone.now() - timedelta(days=91)
    for digest, resolved_at, seen in (("done", long_ago, long_ago), ("open", None, long_ago), ("told", long_ago, None)):
        UnreadableRecord.objects.create(
            connection=market, digest=digest, reason="no quantity", raw="Zauberwald", resolved_at=resolved_at,
            last_seen_at=seen or timezone.now(),
        )  # fmt: skip
    assert forgetting.is_due(timezone.now())
    forgetting.redact_old(timezone.now())
    assert dict(UnreadableRecord.objects.values_list("digest", "raw")) == {
        "done": "(redacted)", "open": "Zauberwald", "told": "Zauberwald",
    }  # fmt: skip
    assert not forgetting.is_due(timezone.now())


def test_requests_that_quote_customers_are_kept_no_longer_than_their_data(market: Connection, settings: Any) -> None:
    settings.PERSONAL_DATA_DAYS = 10
    for days in (9, 11):
        at = timezone.now() - timedelta(days=days)
        Exchange.objects.create(connection=market, at=at, method="GET", url=f"/{days}", milliseconds=1)
        SyncRun.objects.create(connection=market, job="pull_orders", status="failed", started_at=at, error=f"{days}")
    forget_old(timezone.now())
    assert [*Exchange.objects.values_list("url", flat=True)] == ["/9"]
    assert [*SyncRun.objects.values_list("error", flat=True)] == ["9"]


@pytest.mark.parametrize(("text", "left"), [
    ("phone 5550194488 → 5550194499. Apply that", "phone (redacted). Apply that"),
    ("line 1 quantity 1 → 2; city (none) → 'Zwettl'", "line 1 quantity 1 → 2; city (redacted)"),
    ("name 'Old' → 'cut of", "name (redacted)"), ("name \"O'Old\" →", "name (redacted)"), ("name 'cut o", "name (redacted)"),
    ("warehouse order 10001 of QUIRINIA ZAUBERWALD", "warehouse order 10001 of (redacted)"),
    ("Zauberwald rang, about 98765-4321", "(redacted) rang, about (redacted)"),
    ("order 98765-43210 has no name. Correct the address", "order 98765-43210 has no name. Correct the address"),
    ("for another address than the marketplace's: 9 Rise, Zwettl. Put that right there",
     "for another address than the marketplace's: (redacted). Put that right there"),
    ("goes to an address there that is not the one we sent ('Jo\\'s'), and", "goes to an address there that is not the one we sent (redacted), and"),
    ("Line 1 of 10 has Al's 42", "Line 1 of 10 has Al's 42"),
])  # fmt: skip
def test_a_text_keeps_all_but_the_customer(text: str, left: str) -> None:
    kept = {
        "ship_to": {
            "name": "Quirinia Zauberwald",
            "postal_code": "98765-4321",
            "address1": "42",
            "address2": "10001",
            "city": "Al",
        }
    }
    assert personal_data.remover(personal_data.values_of(kept), ["10001"])(text) == left
