"""How the admin is laid out: the sidebar in the order in which the work is done."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy


def _item(title: str, icon: str, model: str, *, seen_with: str = "") -> dict[str, Any]:
    """A list of the admin, for those who may view it, or the model `seen_with` in its place."""
    app, name = model.split(".")
    right = "{}.view_{}".format(*(seen_with or model).split("."))
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{app}_{name}_changelist"),
        "permission": lambda request: request.user.has_perm(right),
    }


def _worklist(title: str, icon: str, name: str, permission: str) -> dict[str, Any]:
    """A worklist (`orders.worklists`) with how many rows it has, for those who may see it."""
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:worklist_{name}"),
        "badge": f"orders.admin.badges.{name}",
        "permission": lambda request: request.user.has_perm(permission),
    }


def _is_on_holds(request: HttpRequest) -> bool:
    """The worklist of what needs mapping lies below the holds, and is an entry of its own."""
    return "/orders/hold/" in request.path and "/needs-mapping/" not in request.path


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Crossdock",
    "SITE_HEADER": "Crossdock",
    "SITE_SUBHEADER": "Orders and inventory",
    "SITE_SYMBOL": "conveyor_belt",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda _request: static("integrations/favicon.svg")}
    ],
    "SITE_URL": None,
    "DASHBOARD_CALLBACK": "orders.admin.start.page",
    "STYLES": [lambda _request: static("integrations/admin.css")],
    "SCRIPTS": [lambda _request: static("integrations/admin.js")],
    "ACCOUNT": {
        "navigation": [
            {"title": "Change password", "link": reverse_lazy("admin:password_change")},
            {"title": "Second factor", "link": reverse_lazy("second_factor_set_up")},
        ],
    },
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SIDEBAR": {
        "show_search": True,
        "navigation": [
            {
                "title": "Worklists",
                "items": [
                    {
                        "title": "Needs mapping",
                        "icon": "alt_route",
                        "link": reverse_lazy("admin:orders_needs_mapping"),
                        "badge": "orders.admin.badges.mapping",
                        "permission": lambda request: request.user.has_perm("orders.view_hold"),
                    },
                    _worklist("Refused", "block", "refused", "orders.view_order"),
                    _worklist("Outcome unknown", "help", "unknown", "orders.view_order"),
                    _worklist("Cancel requests", "cancel", "cancellations", "orders.view_order"),
                    _worklist("Changed after sending", "published_with_changes", "changes", "orders.view_order"),
                    _worklist("Carrier unknown", "local_post_office", "carriers", "orders.view_order"),
                    _worklist("Late to ship", "running_with_errors", "late", "orders.view_order"),
                    _worklist("Other holds", "front_hand", "holds", "orders.view_order"),
                    _worklist("Found by the reconciliation", "balance", "found", "orders.view_order"),
                    _worklist("Guarded inventory", "gpp_maybe", "guarded", "inventory.view_guardedpublish"),
                    _worklist("Connections in trouble", "power_off", "connections", "integrations.view_connection"),
                ],
            },
            {
                "title": "Orders",
                "items": [
                    _item("Orders", "shopping_cart", "orders.order"),
                    {**_item("Holds", "front_hand", "orders.hold"), "active": _is_on_holds},
                    _item("Bulk actions", "checklist", "orders.bulkaction", seen_with="orders.order"),
                    _item("Unreadable records", "broken_image", "orders.unreadablerecord"),
                    _item("Submissions", "outbox", "orders.warehousesubmission"),
                    _item("Warehouse changes", "published_with_changes", "orders.warehousechange"),
                    _item("Shipments", "local_shipping", "orders.shipment"),
                    _item("Confirmations", "mark_email_read", "orders.shipmentconfirmation"),
                    _item("Short ships", "production_quantity_limits", "orders.shortship"),
                    _item("Reconciliation", "balance", "orders.reconciliation"),
                ],
            },
            {
                "title": "Inventory",
                "items": [
                    _item("SKU aliases", "swap_horiz", "inventory.skualias"),
                    _item("Alias imports", "upload_file", "inventory.aliasimport", seen_with="inventory.skualias"),
                    _item("Listings", "sell", "inventory.listing"),
                    _item("Publications", "publish", "inventory.publication"),
                    _item("Inventory rules", "rule", "inventory.inventoryrule"),
                    _item("Inventory files", "table_view", "inventory.inventoryfile"),
                    _item("Inventory checks", "fact_check", "inventory.inventorycheck"),
                    _item("Guarded publishes", "gpp_maybe", "inventory.guardedpublish"),
                    _item("Stock levels", "inventory_2", "inventory.inventorylevel"),
                    _item("Warehouse items", "category", "inventory.warehouseitem"),
                ],
            },
            {
                "title": "Set-up",
                "items": [
                    _item("Connections", "cable", "integrations.connection"),
                    _item("Routes", "route", "integrations.route"),
                    _item("Shipping methods", "conversion_path", "orders.shippingmethod"),
                    _item("Carriers and services", "local_post_office", "orders.carrierservice"),
                    _item("Alert settings", "notification_settings", "orders.alertsettings"),
                ],
            },
            {
                "title": "Background",
                "items": [
                    _item("Alerts", "notifications", "orders.alert"),
                    _item("Alert deliveries", "outgoing_mail", "orders.alertdelivery"),
                    _item("Runs", "play_circle", "integrations.syncrun"),
                    _item("Job plans", "schedule", "integrations.jobplan"),
                    _item("Requests and answers", "swap_vert", "integrations.exchange"),
                    {
                        "title": "Sandbox",
                        "icon": "science",
                        "link": reverse_lazy("admin:sandbox"),
                        "permission": "integrations.admin.sandbox_page.is_offered",
                    },
                ],
            },
            {
                "title": "Access",
                "items": [
                    _item("Users", "person", "auth.user"),
                    _item("Roles", "badge", "auth.group"),
                    _item("Lock-outs", "lock", "axes.accessattempt"),
                    _item("Audit log", "history", "admin.logentry"),
                ],
            },
        ],
    },
}
