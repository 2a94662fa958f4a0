"""The admin of the top layer."""

from orders.admin import orders, routes, sending

__all__ = ["orders", "routes", "sending"]
