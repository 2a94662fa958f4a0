"""The admin's pages of the top layer."""

from orders.admin import alert_settings, alerts, bulk, holds, maps, orders, reconciliations, routes, sending

__all__ = ["alert_settings", "alerts", "bulk", "holds", "maps", "orders", "reconciliations", "routes", "sending"]
