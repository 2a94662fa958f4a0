"""What the pages that staff have open all day ask of the database: few queries, however much there is to show."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from integrations import subject
from integrations.models import Connection, Exchange, Route, SyncRun
from inventory.models import Listing, Publication
from orders import worklists
from orders.models import (
    ConfirmedLine,
    Hold,
    Order,
    OrderEvent,
    OrderLine,
    Shipment,
    ShipmentConfirmation,
    ShipmentLine,
    SubmittedLine,
    WarehouseChange,
    WarehouseSubmission,
)
from tests.access import one_of_each
from tests.access.walk import Records

MOST = 12
# Who somebody is and what they may do: session, user, second factor, their own permissions and those of their roles.
SIGNING_IN = ("django_session", "auth_user", "integrations_authenticatorapp", "auth_permission", "auth_permission")
LISTS = (
    "orders_order", "orders_hold", "orders_bulkaction", "orders_unreadablerecord", "orders_warehousesubmission",
    "orders_warehousechange", "orders_shipment", "orders_shipmentconfirmation", "orders_shortship",
    "orders_reconciliation", "inventory_skualias", "inventory_aliasimport", "inventory_listing",
    "inventory_publication", "inventory_inventoryrule", "inventory_inventoryfile", "inventory_inventorycheck",
    "inventory_guardedpublish", "inventory_inventorylevel", "inventory_warehouseitem", "integrations_connection",
    "integrations_route", "orders_shippingmethod", "orders_carrierservice", "orders_alert", "orders_alertdelivery",
    "integrations_syncrun", "integrations_jobplan", "integrations_exchange", "auth_user", "auth_group",
    "axes_accessattempt", "admin_logentry",
)  # fmt: skip
PAGES = (Order, SyncRun, Exchange, Listing, Publication, Route, Connection, Hold, User)


def test_no_page_asks_more_than_twelve_queries_of_its_own(
    db: None, client: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ALLOW_CUSTOM_ENDPOINTS = False  # where it is on, the menu looks for a sandbox
    for one in admin.site._registry.values():
        monkeypatch.setattr(one, "list_per_page", 1)  # a list of several pages asks for the keys of one first
    made = one_of_each.make()
    _fill(made)
    user = User.objects.create_user("mia", is_staff=True)
    user.groups.set(Group.objects.filter(name="Administrator"))
    client.force_login(user)

    asked = {address: _asked(client, address) for address in _addresses(made)}
    assert {address: number for address, number in asked.items() if number > MOST} == {}


def _addresses(made: Records) -> list[str]:
    names = ["index", *(f"start_{one}" for one in ("wrong", "figures", "stock", "jobs"))]
    names += [f"worklist_{one}" for one in worklists.BY_NAME] + ["orders_needs_mapping"]
    names += [f"{one}_changelist" for one in LISTS]
    found = [
        ("orders_find", "?q=X-9"),
        ("orders_find", "?q=100"),
        ("orders_order_changelist", "?q=X-9"),
        ("orders_order_changelist", "?list=held"),
    ]
    pages = [reverse(f"admin:{one._meta.label_lower.replace('.', '_')}_change", args=[made[one].pk]) for one in PAGES]
    return [*(reverse(f"admin:{one}") for one in names), *(reverse(f"admin:{one}") + q for one, q in found), *pages]


def _asked(client: Client, address: str) -> int:
    """The page's queries but those of signing in. Savepoints, which only a test has, count too."""
    client.get(address)
    with CaptureQueriesContext(connection) as queries:
        assert client.get(address).status_code == 200, address
    own = [one["sql"] for one in queries]
    for table in SIGNING_IN:
        own.remove(next(sql for sql in own if f'FROM "{table}"' in sql))
    return len(own)


def _fill(made: Records) -> None:
    """Several of everything that an order may have."""
    order, sent = made[Order], made[WarehouseSubmission]
    assert isinstance(order, Order)
    assert isinstance(sent, WarehouseSubmission)
    boss = User.objects.get(username="boss")
    other = Order.objects.create(
        connection=order.connection, full_number="1002", ordered_at=order.ordered_at, ordered_on=order.ordered_on
    )
    OrderLine.objects.create(order=other, position=1, partner_sku="X-9")
    for place in range(2, 6):
        _ship_a_line(order, sent, place)
        WarehouseChange.objects.create(order=order, connection=sent.connection, status="accepted", actor=boss)
        OrderEvent.objects.create(order=order, new_status=order.status, text="seen", actor=boss)
        order.comment("Customer called", boss)
        Exchange.objects.create(
            connection=sent.connection, method="GET", url="https://example.test/", milliseconds=5,
            about=subject.of_order(order.pk),
        )  # fmt: skip
    for kind in ("unusable_address", "cancelled_late", "changed_order", "unknown_carrier", "no_route", "manual"):
        Hold.objects.create(order=order, kind=kind, subject="X", message="Something is to be done.")


def _ship_a_line(order: Order, sent: WarehouseSubmission, place: int) -> None:
    now = timezone.now()
    line = OrderLine.objects.create(
        order=order, position=place, number=str(place), partner_sku=f"X-{place}", quantity=3, quantity_to_ship=3
    )
    SubmittedLine.objects.create(submission=sent, order_line=line, position=place, item_id="1", sku="X", quantity=3)
    parcel = Shipment.objects.create(
        connection=sent.connection, remote_id=f"p{place}", order=order, state="shipped", tracking_number=f"1Z{place}",
        shipped_at=now,
    )  # fmt: skip
    told = ShipmentConfirmation.objects.create(order=order, connection=order.connection, status="accepted")
    ConfirmedLine.objects.create(
        confirmation=told, shipment_line=ShipmentLine.objects.create(shipment=parcel, order_line=line, quantity=1),
        quantity=1, carrier_code="UPS", service_code="GROUND", tracking_number=f"1Z{place}", shipped_at=now,
    )  # fmt: skip


pytestmark = pytest.mark.long
