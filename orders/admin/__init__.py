"""The admin's pages of the top layer."""

from orders.admin import holds, maps, orders, routes, sending

__all__ = ["holds", "maps", "orders", "routes", "sending"]
