"""Tables of the top layer: orders as the marketplace has them, and everything sent for them."""

from orders.models.alerting import Alert, AlertDelivery, AlertKind, AlertSettings, Severity
from orders.models.bulk import BulkAction, BulkItem
from orders.models.changing import ShortShip, WarehouseChange
from orders.models.order import (
    SHIPPED_UNTOLD,
    TO_CONFIRM,
    WANTED,
    Hold,
    IllegalTransition,
    Order,
    OrderEvent,
    OrderLine,
    UnreadableRecord,
)
from orders.models.outboxes import OUTBOXES, Outbox, Sent, parked_for
from orders.models.reconciliation import ReconciledOrder, Reconciliation
from orders.models.sending import (
    NOT_SENT,
    CarrierService,
    ConfirmedLine,
    Shipment,
    ShipmentConfirmation,
    ShipmentLine,
    ShippingMethod,
    SubmittedLine,
    WarehouseSubmission,
)
from orders.models.set_up import Backfill, MapUpload, RouteLook

__all__ = [
    "NOT_SENT",
    "OUTBOXES",
    "SHIPPED_UNTOLD",
    "TO_CONFIRM",
    "WANTED",
    "Alert",
    "AlertDelivery",
    "AlertKind",
    "AlertSettings",
    "Backfill",
    "BulkAction",
    "BulkItem",
    "CarrierService",
    "ConfirmedLine",
    "Hold",
    "IllegalTransition",
    "MapUpload",
    "Order",
    "OrderEvent",
    "OrderLine",
    "Outbox",
    "ReconciledOrder",
    "Reconciliation",
    "RouteLook",
    "Sent",
    "Severity",
    "Shipment",
    "ShipmentConfirmation",
    "ShipmentLine",
    "ShippingMethod",
    "ShortShip",
    "SubmittedLine",
    "UnreadableRecord",
    "WarehouseChange",
    "WarehouseSubmission",
    "parked_for",
]
