"""Tables of the top layer: orders as the marketplace has them, and everything sent for them."""

from orders.models.changing import ShortShip, WarehouseChange
from orders.models.order import (
    Hold,
    IllegalTransition,
    Order,
    OrderEvent,
    OrderLine,
    UnreadableRecord,
)
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

__all__ = [
    "NOT_SENT",
    "CarrierService",
    "ConfirmedLine",
    "Hold",
    "IllegalTransition",
    "Order",
    "OrderEvent",
    "OrderLine",
    "ReconciledOrder",
    "Reconciliation",
    "Shipment",
    "ShipmentConfirmation",
    "ShipmentLine",
    "ShippingMethod",
    "ShortShip",
    "SubmittedLine",
    "UnreadableRecord",
    "WarehouseChange",
    "WarehouseSubmission",
]
