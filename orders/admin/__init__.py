"""The admin's pages of the top layer."""

from orders.admin import holds, maps, orders, reconciliations, routes, sending

__all__ = ["holds", "maps", "orders", "reconciliations", "routes", "sending"]
