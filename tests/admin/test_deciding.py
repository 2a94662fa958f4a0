"""The buttons for what the marketplace cancelled or changed, and who may press them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.exceptions import ValidationError
from django.core.management import CommandError
from django.db import transaction
from django.test import Client
from django.urls import reverse
from lxml import html

from integrations.models import Connection, Route
from integrations.route_texts import check_reasons
from integrations.sandbox.server import Sandbox
from orders import actions, short_shipping, warehouse_changes
from orders.models import BulkAction, Hold, Order, OrderLine, ShortShip, WarehouseChange, WarehouseSubmission
from tests.admin.pages import address_of, opened
from tests.admin.test_worklists import text_of
from tests.orders.world import placed, ship

Run = Callable[..., str]


@pytest.fixture
def changed(shop: Sandbox, manage: Run) -> Order:
    """An order that was sent, and whose address was changed since, to something ugly."""
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": 2})
    manage("run", "all")
    shop.oasis.edit(number, address={"city": "<b>Nampa</b>"})
    manage("run", "revisit_orders")
    return Order.objects.get(full_number=number)


def button(name: str, order: Order) -> str:
    return reverse(f"admin:orders_order_{name}", args=[order.pk])


def decide(client: Client, name: str, order: Order) -> Any:
    """Press the button on the page that asks, as it was shown."""
    seen = client.get(button(name, order)).context["form"]["seen"].initial
    return client.post(button(name, order), {"seen": seen}, follow=True)


def staff(client: Client, *permissions: str) -> Client:
    user = User.objects.create_user("staff", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    return client


def test_the_page_shows_the_difference_and_both_ways_out(changed: Order, admin_client: Client) -> None:
    page = admin_client.get(address_of(changed)).content.decode()
    assert "Changed on the marketplace" in page
    assert "&lt;b&gt;Nampa&lt;/b&gt;" in page
    assert "<b>Nampa</b>" not in page
    assert button("amend", changed) in page
    assert button("keep", changed) in page


def test_updating_the_warehouse_is_asked_first_and_leaves_who_did_it(changed: Order, admin_client: Client) -> None:
    assert "'Boise' → '<b>Nampa</b>'" in text_of(admin_client.get(button("amend", changed)))
    assert not WarehouseChange.objects.exists()
    decide(admin_client, "amend", changed)
    assert str(WarehouseChange.objects.get().actor) == "admin"
    page = text_of(admin_client.get(address_of(changed))).replace("<em>", "")
    assert "for admin" in page
    assert "Nothing to do: what was decided is done in the warehouse with the next run." in page


def test_what_the_warehouse_was_not_asked_for_is_not_said_to_be_done(
    shop: Sandbox, manage: Run, admin_client: Client
) -> None:
    Route.objects.update(cancels_after_sending=Route.CancelsAfter.NEVER)
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"}, {"partner_sku": "TEE-RED-M"})
    manage("run", "all")
    shop.oasis.cancel(number, "2")
    manage("run", "revisit_orders")
    line = OrderLine.objects.get(number="1")
    with transaction.atomic():
        warehouse_changes.lower(line.order, line, 0, None)
    page = text_of(admin_client.get(address_of(line.order)))
    assert "Cancel it there by hand" in page
    assert "Cancelled after sending: line 2" in page
    assert "Nothing to do" not in page


@pytest.mark.parametrize(("ended", "told"), [
    ("there", "It is void in the warehouse, which a person has settled"),
    ("here", "cancelled it and the warehouse still has it, which a person has settled"),
])  # fmt: skip
def test_what_a_person_settled_is_not_called_nothing_to_do(
    ended: str, told: str, shop: Sandbox, manage: Run, admin_client: Client
) -> None:
    Route.objects.update(cancels_after_sending=Route.CancelsAfter.NEVER)
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    if ended == "there":
        shop.tradegecko.void(placed(shop, number))
    else:
        shop.oasis.cancel(number)
    for job in ("pull_shipments", "revisit_orders"):
        manage("run", job)
    [hold] = Hold.objects.filter(resolved_at=None)
    actions.resolve(hold, "by telephone", None)
    page = text_of(admin_client.get(address_of(hold.order)))
    assert told in page
    assert "Nothing to do" not in page


def test_what_was_opened_again_after_its_void_and_settled_by_a_person_is_not_called_unwanted(
    shop: Sandbox, manage: Run, admin_client: Client
) -> None:
    Route.objects.update(cancels_after_sending=Route.CancelsAfter.DO)
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    shop.oasis.cancel(number)
    for job in ("revisit_orders", "submit_orders"):
        manage("run", job)
    shop.oasis.edit(number, status="PROCESSING")
    shop.oasis.edit(number, "1", status="PROCESSING")
    manage("run", "revisit_orders")
    [hold] = Hold.objects.filter(resolved_at=None)
    actions.resolve(hold, "entered by hand", None)
    page = text_of(admin_client.get(address_of(hold.order)))
    assert "opened it again after it had ended (void) in the warehouse, which a person has settled" in page
    assert "entered there by hand are not told by Crossdock" in page
    assert "void in the warehouse" in page
    assert "wants it no more" not in page


def test_keeping_it_closes_the_hold_with_a_name(changed: Order, admin_client: Client) -> None:
    decide(admin_client, "keep", changed)
    hold = changed.holds.get()
    assert hold.resolved_at is not None
    assert hold.resolution.startswith("admin: kept as it is")
    assert "no change that waits" in text_of(decide(admin_client, "keep", changed))


def test_who_presses_twice_is_not_told_that_the_order_changed(changed: Order, admin_client: Client) -> None:
    seen = {"seen": admin_client.get(button("keep", changed)).context["form"]["seen"].initial}
    first, second = (text_of(admin_client.post(button("keep", changed), seen, follow=True)) for _ in range(2))
    assert "is kept as it is" in first
    assert "no change that waits for a decision any more" in second


@pytest.mark.parametrize("name", ["amend", "keep"])
def test_a_change_that_came_after_the_page_was_opened_is_not_decided_with_it(
    changed: Order, shop: Sandbox, manage: Run, admin_client: Client, name: str
) -> None:
    seen = admin_client.get(button(name, changed)).context["form"]["seen"].initial
    shop.oasis.edit(changed.full_number, address={"city": "Elsewhere"})
    manage("run", "revisit_orders")
    told = text_of(admin_client.post(button(name, changed), {"seen": seen}, follow=True))
    assert f"nothing was done: order {changed} was changed since the page was opened" in told
    assert changed.holds.get().resolved_at is None
    assert not WarehouseChange.objects.exists()


@pytest.mark.parametrize("name", ["amend", "keep", "apply", "void", "short", "calloff"])
def test_who_may_only_look_decides_nothing(changed: Order, client: Client, name: str) -> None:
    viewer = staff(client, "view_order", "view_hold")
    assert button(name, changed) not in text_of(viewer.get(address_of(changed)))
    assert viewer.get(button(name, changed)).status_code == 403
    assert viewer.post(button(name, changed)).status_code == 403


def test_a_short_ship_needs_its_own_permission_a_reason_and_the_typed_words(
    shop: Sandbox, manage: Run, client: Client
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": 2})
    manage("run", "all")
    order, line = Order.objects.get(full_number=number), OrderLine.objects.get()
    person = staff(client, "view_order", "change_order")
    assert button("short", order) not in text_of(person.get(address_of(order)))
    assert person.post(button("short", order)).status_code == 403

    User.objects.get(username="staff").user_permissions.add(Permission.objects.get(codename="short_ship"))
    assert button("short", order) in text_of(person.get(address_of(order)))
    refused = person.get(button("short", order), follow=True)
    assert refused.redirect_chain == [(address_of(order), 302)]
    assert "Enter the codes that Overstock gave you as “short ship reasons” of route Main" in text_of(refused)
    Route.objects.update(short_ship_reasons="OUT_OF_STOCK Out of stock")
    question = text_of(person.get(button("short", order)))
    assert "Overstock fines" in question
    assert "Type SHORT SHIP to confirm the fine, in capitals or not" in question
    said = {"line": str(line.pk), "reason": "OUT_OF_STOCK"}
    assert "Type SHORT SHIP." in text_of(person.post(button("short", order), {**said, "typed": "yes"}))
    assert not ShortShip.objects.exists()
    person.post(button("short", order), {**said, "typed": "short ship"})
    short = ShortShip.objects.get()
    assert (short.quantity, str(short.actor)) == (2, "staff")
    page = text_of(person.get(address_of(order)))
    assert button("calloff", order) in page
    assert "2 to be short shipped" in page
    assert "cancelled" not in page  # the marketplace wants it still
    person.post(button("calloff", order), {"short_ship": str(short.pk)})
    assert ShortShip.objects.get().status == "withdrawn"
    late = person.get(button("calloff", order), follow=True)
    assert late.redirect_chain == [(address_of(order), 302)]
    assert f"No short ship of order {number} can be called off" in text_of(late)


def test_who_enters_the_reasons_for_a_short_ship_comes_back_to_the_order_and_its_worklist(
    shop: Sandbox, manage: Run, admin_client: Client
) -> None:
    shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "pull_orders")
    order, way = Order.objects.get(), "?_worklist=late%3Fq%3D7&_at=2"
    refused = admin_client.get(button("short", order) + way, follow=True)
    page: Any = html.fromstring(refused.content)
    [link] = page.xpath("//a[starts-with(., 'route ')]/@href")
    values = {**opened(admin_client, link), "short_ship_reasons": "GONE Out of stock"}
    assert admin_client.post(link, values)["Location"] == address_of(order) + way
    assert Route.objects.get().short_ship_codes == [("GONE", "Out of stock")]
    elsewhere = admin_client.post(f"{link.partition('?')[0]}?order=//evil.example.com", values)
    assert elsewhere["Location"] == reverse("admin:integrations_route_changelist")


def test_a_short_ship_is_offered_of_what_has_not_left(shop: Sandbox, manage: Run, admin_client: Client) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": 3})
    Route.objects.update(short_ship_reasons="GONE", partial_shipments=Route.Partial.WHEN_COMPLETE)
    manage("run", "all")
    [sent] = shop.tradegecko.by_reference(number)
    [line] = shop.tradegecko.lines(sent["id"])
    shop.tradegecko.ship(sent["id"], {line["id"]: 2}, tracking="1Z1")
    manage("run", "pull_shipments")
    order, known = Order.objects.get(), OrderLine.objects.get()
    form = admin_client.get(button("short", order)).context["form"]
    assert form.fields["line"].choices == [(str(known.pk), "line 1: 3 × MUG-BLK, 1 open")]
    admin_client.post(button("short", order), {"line": str(known.pk), "reason": "GONE", "typed": "short ship"})
    assert ShortShip.objects.get().quantity == 1


def test_a_short_ship_of_one_of_several_lines_is_chosen_and_not_left_to_the_first(
    shop: Sandbox, manage: Run, admin_client: Client
) -> None:
    shop.oasis.add_order({"partner_sku": "MUG-BLK"}, {"partner_sku": "TEE-RED-M"})
    manage("run", "pull_orders")
    order = Order.objects.get()
    Route.objects.update(short_ship_reasons="GONE Out of stock\nLATE Too late")
    form = admin_client.get(button("short", order)).context["form"]
    assert [form.fields[name].choices[0] for name in ("line", "reason")] == [("", "Choose"), ("", "Choose")]
    admin_client.post(button("short", order), {"line": "", "reason": "GONE", "typed": "short ship"})
    assert not ShortShip.objects.exists()


@pytest.mark.parametrize("text", ["A one\nA two", "X" * 61, "OUT=Out of stock", "OUT: out"])
def test_reasons_that_cannot_be_told_apart_or_sent_are_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        check_reasons(text)


def test_the_rules_stand_in_the_routes_form(route: Route, admin_client: Client) -> None:
    page = text_of(admin_client.get(address_of(route)))
    assert "Cancel it in the warehouse too" in page
    assert "Hold the order and ask" in page


def test_lists_of_what_was_changed_open(changed: Order, admin_client: Client) -> None:
    decide(admin_client, "amend", changed)
    for name in ("warehousechange", "shortship"):
        assert admin_client.get(reverse(f"admin:orders_{name}_changelist")).status_code == 200
    row = WarehouseChange.objects.get()
    assert admin_client.get(reverse("admin:orders_warehousechange_change", args=[row.pk])).status_code == 200


@pytest.fixture
def refused_short(shop: Sandbox, manage: Run) -> Order:
    """An order that was never sent, with a short ship that the marketplace refused."""
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"}, {"partner_sku": "TEE-RED-M"})
    Route.objects.update(short_ship_reasons="GONE")
    manage("run", "pull_orders")
    short_shipping.ask(OrderLine.objects.get(number="2"), "GONE", None)
    ShortShip.objects.update(status="parked", last_error="no such reason")
    return Order.objects.get(full_number=number)


def test_a_refused_short_ship_is_not_sent_again_by_who_may_not_short_ship(refused_short: Order, client: Client) -> None:
    operator = staff(client, "view_order", "change_order", "view_shortship", "resend_order", "view_warehousesubmission")
    assert button("retry", refused_short) not in text_of(operator.get(address_of(refused_short)))
    answer = text_of(operator.post(button("retry", refused_short), follow=True))
    assert "a refused short ship costs a fine, and is left to who may short ship" in answer
    worklist = operator.get(reverse("admin:worklist_refused"))
    assert ("no such reason" in text_of(worklist), button("retry", refused_short) in text_of(worklist)) == (True, False)
    listed = reverse("admin:orders_shortship_changelist")
    chosen = {"action": "send_again_shortship_many", "_selected_action": [str(ShortShip.objects.get().pk)]}
    operator.post(listed, chosen)
    assert not BulkAction.objects.exists()
    assert ShortShip.objects.get().status == "parked"


def test_the_rest_of_an_order_is_sent_again_without_its_short_ship(refused_short: Order, client: Client) -> None:
    operator = staff(client, "view_order", "change_order", "resend_order")
    WarehouseSubmission.objects.update_or_create(
        order=refused_short, defaults={"connection": Connection.objects.get(name="Gecko"), "status": "parked"}
    )
    assert "is left to who may short ship" in text_of(operator.get(button("retry", refused_short)))
    told = text_of(operator.post(button("retry", refused_short), follow=True))
    assert "1 sent again; a refused short ship costs a fine" in told
    assert WarehouseSubmission.objects.get().status == "pending"
    assert ShortShip.objects.get().status == "parked"


def test_who_may_short_ship_is_warned_of_the_fine_before_one_goes_again(refused_short: Order, client: Client) -> None:
    manager = staff(client, "view_order", "view_shortship", "change_order", "resend_order", "short_ship")
    assert "Overstock fines a short ship" in text_of(manager.get(button("retry", refused_short)))
    chosen = {"action": "send_again_shortship_many", "_selected_action": [str(ShortShip.objects.get().pk)]}
    preview = manager.post(reverse("admin:orders_shortship_changelist"), chosen, follow=True)
    assert "Overstock fines a short ship" in text_of(preview)
    manager.post(button("retry", refused_short))
    assert ShortShip.objects.get().status == "pending"


def test_what_was_called_settled_too_soon_can_be_cancelled_there_by_who_may_change_orders(
    shop: Sandbox, manage: Run, client: Client
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    shop.oasis.cancel(number)
    manage("run", "revisit_orders")
    [hold] = Hold.objects.filter(resolved_at=None)
    actions.resolve(hold, "by telephone", None)
    clerk = staff(client, "view_order", "change_order", "view_hold")
    page = clerk.get(address_of(hold.order))
    assert "a person has settled: it ships unless it is cancelled there too" in text_of(page)
    assert page.context["facts"]["step"].action == "void"
    assert "the order is voided" in text_of(clerk.get(button("void", hold.order)))
    assert "with the next run, if it is unshipped then" in text_of(decide(clerk, "void", hold.order))
    assert WarehouseChange.objects.get().cancels_order
    User.objects.get().user_permissions.set(Permission.objects.filter(codename="view_order"))
    assert clerk.get(button("void", hold.order)).status_code == 403


def test_the_next_step_of_an_order_is_what_its_hold_offers_under_the_same_name(
    shop: Sandbox, manage: Run, admin_client: Client
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": 2})
    manage("run", "all")
    shop.oasis.edit(number, "1", quantity=5)
    manage("run", "revisit_orders")
    order = Order.objects.get(full_number=number)
    decide(admin_client, "amend", order)
    shop.faults.add("tradegecko", "422", path="/order_line_items/*", method="PUT")
    with suppress(CommandError):
        manage("run", "submit_orders")
    assert "try again, which finds it done; or keep the order as it is" in order.holds.get().message
    ship(shop, number, tracking="1Z1")
    manage("run", "pull_shipments")
    facts = admin_client.get(address_of(order)).context["facts"]
    assert "then keep it as it is" in facts["holds"][0].hold.message
    assert [label for label, _ in facts["holds"][0].others] == [facts["step"].label] == ["Keep as it is"]
    decide(admin_client, "keep", order)
    assert not WarehouseChange.objects.filter(status="parked").exists()
