"""Tables of what is changed after an order was sent: in the warehouse, and at the marketplace by a short ship."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from integrations.models import Connection
from integrations.transmissions import Transmission
from orders.models.order import Order, OrderLine

T = Transmission.Status


class WarehouseChange(Transmission):
    """The intent to bring the warehouse's order to what the marketplace wants now: cancelled, or changed.

    Every step says how it shall be in the end, so that it may be repeated once the order was read. `lines` are the
    units that order lines (by their id) are lowered to. `told` is what the marketplace said, as `orders.changes` keeps
    it. While one is open, what is asked for later is added to it.
    """

    order = models.ForeignKey(Order, models.CASCADE, related_name="warehouse_changes")
    connection = models.ForeignKey(
        Connection, models.PROTECT, related_name="warehouse_changes", verbose_name="warehouse"
    )
    cancels_order = models.BooleanField(default=False)
    lines = models.JSONField(default=dict)
    told = models.JSONField(null=True)
    generation = models.PositiveIntegerField(default=1)
    request = models.JSONField(default=dict, help_text="What was sent last.")
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [models.Index(fields=["connection", "status"], name="warehouse_change_due")]
        constraints = [
            models.UniqueConstraint(
                fields=["order"], condition=~Q(status__in=(T.ACCEPTED, T.WITHDRAWN)), name="one_open_warehouse_change"
            )
        ]

    def __str__(self) -> str:
        return f"{'cancellation' if self.cancels_order else 'change'} of {self.order} in {self.connection}"


class ShortShip(Transmission):
    """The intent to tell the marketplace that what is open of a line will not ship. `quantity` is then kept from it."""

    order = models.ForeignKey(Order, models.CASCADE, related_name="short_ships")
    connection = models.ForeignKey(Connection, models.PROTECT, related_name="short_ships", verbose_name="marketplace")
    order_line = models.ForeignKey(OrderLine, models.CASCADE, related_name="short_ships")
    quantity = models.PositiveIntegerField(default=0)
    reason_code = models.CharField(max_length=60)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [models.Index(fields=["connection", "status"], name="short_ship_due")]
        constraints = [
            models.UniqueConstraint(
                fields=["order_line"], condition=~Q(status=T.WITHDRAWN), name="short_shipped_once_per_line"
            )
        ]

    def __str__(self) -> str:
        return f"short ship of line {self.order_line.number} of {self.order}"
