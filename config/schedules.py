"""The job table: every background job, what it works on, and how often it runs unless a connection says otherwise.

Pure data: settings hand it down as `settings.JOBS`. The order is the order of one full cycle.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Job:
    """`path` is called with a connection's id; `kind` is the kind of connection that it belongs to."""

    name: str
    path: str
    kind: str
    every_minutes: int


JOBS = (
    Job("pull_orders", "orders.tasks.pull_orders", "marketplace", 1),
    Job("submit_orders", "orders.tasks.submit_orders", "warehouse", 1),
    Job("pull_shipments", "orders.tasks.pull_shipments", "warehouse", 1),
    Job("confirm_shipments", "orders.tasks.confirm_shipments", "marketplace", 1),
    Job("revisit_orders", "orders.tasks.revisit_orders", "marketplace", 60),
    Job("pull_levels", "inventory.tasks.pull_levels", "warehouse", 10),
    Job("refresh_levels", "orders.tasks.refresh_levels", "warehouse", 2),
    Job("publish_inventory", "orders.tasks.publish_inventory", "marketplace", 5),
    Job("write_inventory_files", "orders.tasks.write_inventory_files", "marketplace", 60),
    Job("check_inventory", "inventory.tasks.check_inventory", "marketplace", 24 * 60),
    Job("reconcile", "orders.tasks.reconcile", "marketplace", 24 * 60),
)

# Called by the dispatcher every minute, for what belongs to no job: they look, and enqueue what takes long.
CARETAKERS = (
    "inventory.tasks.take_care_of_imports",
    "orders.tasks.forget_map_previews",
    "orders.tasks.take_care_of_bulk_actions",
    "orders.tasks.send_alerts",
)

# Called with all that is forgotten after its time, every hour: what only a layer above knows to be old.
FORGETTERS = ("orders.tasks.forget_personal_data",)
