"""One record of everything that the admin shows, made without any other system."""

from __future__ import annotations

from datetime import timedelta

from axes.models import AccessAttempt
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group, User
from django.db.models import Model
from django.utils import timezone

from integrations.models import Connection, Exchange, JobPlan, Route, SyncRun
from inventory.checked import DriftedListing, InventoryCheck
from inventory.filed import InventoryFile
from inventory.models import (
    AliasImport,
    GuardedPublish,
    InventoryLevel,
    Listing,
    Publication,
    SkuAlias,
    WarehouseItem,
)
from inventory.rules import InventoryRule
from orders.models import (
    Alert,
    AlertDelivery,
    AlertSettings,
    BulkAction,
    BulkItem,
    CarrierService,
    Hold,
    Order,
    OrderLine,
    Reconciliation,
    Shipment,
    ShipmentConfirmation,
    ShippingMethod,
    ShortShip,
    UnreadableRecord,
    WarehouseChange,
    WarehouseSubmission,
)

NOW = timezone.now()


def make() -> dict[type[Model], Model]:
    """Records by model. The connection and the route among them are used by nothing, so that they can be deleted."""
    market = Connection.objects.create(
        name="Overstock", provider="supplier_oasis", username="shop", base_url="http://127.0.0.1:9"
    )
    house = Connection.objects.create(name="Gecko", provider="tradegecko")
    places = {"marketplace": market, "warehouse": house, "location_name": "Main DC"}
    route = Route.objects.create(name="Main", marketplace_warehouse_name="Main", **places)
    listing = Listing.objects.create(route=route, marketplace_sku="A-1")
    made: list[Model] = [
        Connection.objects.create(name="Unused", provider="tradegecko"),
        Route.objects.create(name="Unused", marketplace_warehouse_name="Other", **places),
        SyncRun.objects.create(connection=market, job="pull_orders", status="succeeded", finished_at=NOW),
        JobPlan.objects.create(connection=market, job="pull_orders", every_minutes=1),
        Exchange.objects.create(connection=market, method="GET", url="https://example.test/", request_body="{}", milliseconds=5),
        AliasImport.objects.create(
            connection=market, file_name="a.csv", sha256="0" * 64, encoding="utf-8", state="done", error_file=b"x\x9c\x03\x00\x00\x00\x00\x01",
            finished_at=NOW, changes=b"x\x9c\x8b\x8e\x05\x00\x01\x15\x00\xb9",
        ),
        SkuAlias.objects.create(connection=market, marketplace_sku="A-1", warehouse_sku="B-1"),
        GuardedPublish.objects.create(route=route, reason="a mass", changed=9, zeroed=9, raised=0, fingerprint="f"),
        listing,
        Publication.objects.create(listing=listing, sku="A-1", quantity=3, observed_at=NOW, status="parked"),
        *_about_quantities(market, route, listing),
        InventoryLevel.objects.create(connection=house, item_id="1", location_id="2", on_hand=1, committed=0, available=1, observed_at=NOW),
        WarehouseItem.objects.create(connection=house, sku="B-1", matches=1, checked_at=NOW),
        ShippingMethod.objects.create(connection=market, code="STANDARD", name="Standard"),
        CarrierService.objects.create(connection=market, carrier_text="Brown", carrier_code="UPS"),
        UnreadableRecord.objects.create(connection=market, digest="d", reason="no number", raw="<order/>"),
        Reconciliation.objects.create(connection=market, since=NOW - timedelta(days=1), until=NOW),
        *_about_alerts(),
        *_about_an_order(market, house, route),
        *_about_people(),
    ]  # fmt: skip
    return {type(record): record for record in made}


def _about_quantities(market: Connection, route: Route, listing: Listing) -> list[Model]:
    check = InventoryCheck.objects.create(connection=market, finished_at=NOW, compared=1, counts={"refused": 1})
    DriftedListing.objects.create(inventory_check=check, listing=listing, sku="A-1", cause="refused", wanted=3, shown=4)
    return [
        InventoryRule.objects.create(route=route, reserve=1),
        InventoryFile.objects.create(route=route, state="made", made_at=NOW),
        check,
    ]


def _about_an_order(market: Connection, house: Connection, route: Route) -> list[Model]:
    order = Order.objects.create(
        connection=market, route=route, sales_channel="OSTK", full_number="1001", ordered_at=NOW, ordered_on=NOW.date(),
        status="on_hold", raw="<order/>",
    )  # fmt: skip
    line = OrderLine.objects.create(
        order=order, position=1, number="1", partner_sku="X-9", quantity=2, quantity_to_ship=2
    )
    return [
        order,
        Hold.objects.create(order=order, kind="unknown_sku", subject="X-9", message="X-9 has no alias"),
        WarehouseSubmission.objects.create(order=order, connection=house, status="parked"),
        WarehouseChange.objects.create(order=order, connection=house, status="parked"),
        ShipmentConfirmation.objects.create(order=order, connection=market, status="parked"),
        ShortShip.objects.create(order=order, connection=market, order_line=line, reason_code="GONE", status="parked"),
        _bulk(order),
        Shipment.objects.create(connection=house, remote_id="1", order=order, state="packed"),
    ]


def _bulk(order: Order) -> BulkAction:
    bulk = BulkAction.objects.create(action="release")
    BulkItem.objects.create(bulk=bulk, record_id=order.pk, name="1001")
    return bulk


def _about_alerts() -> list[Model]:
    alert = Alert.objects.create(kind="held", severity="warning", text="1 order waits")
    return [
        alert, AlertSettings.current(),
        AlertDelivery.objects.create(alert=alert, channel="email", what="opened", status="parked"),
    ]  # fmt: skip


def _about_people() -> list[Model]:
    boss = User.objects.create_superuser("boss")
    LogEntry.objects.log_actions(boss.pk, [boss], CHANGE, "Looked at")
    return [
        LogEntry.objects.get(user=boss), Group.objects.create(name="Packers"), User.objects.create_user("somebody"),
        AccessAttempt.objects.create(
            username="boss", ip_address="192.0.2.1", user_agent="x", http_accept="x", path_info="/", get_data="",
            post_data="", failures_since_start=5,
        ),
    ]  # fmt: skip
