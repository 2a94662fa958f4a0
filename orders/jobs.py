"""Every job by name, each as a function of its connection: the queue, the command line and the admin all call these."""

from __future__ import annotations

from collections.abc import Callable

from integrations import registry
from integrations.models import Connection, Route
from integrations.runs import Outcome, Run, perform
from inventory import files, publishing, refreshing
from inventory.tasks import run_check_inventory, run_pull_levels
from orders import backfill, confirmation, demand, intake, revisit, shipping, submission
from orders.reconciliation import job as reconciliation


def pull_orders(connection: Connection) -> Outcome:
    return perform(connection, "pull_orders", _pull)


def submit_orders(connection: Connection) -> Outcome:
    return perform(connection, "submit_orders", submission.submit)


def pull_shipments(connection: Connection) -> Outcome:
    return perform(connection, "pull_shipments", shipping.pull)


def confirm_shipments(connection: Connection) -> Outcome:
    return perform(connection, "confirm_shipments", confirmation.confirm)


def refresh_levels(connection: Connection) -> Outcome:
    return perform(connection, "refresh_levels", _refresh)


def revisit_orders(connection: Connection) -> Outcome:
    return perform(connection, "revisit_orders", revisit.revisit)


def publish_inventory(connection: Connection) -> Outcome:
    return perform(connection, "publish_inventory", _publish)


def write_inventory_files(connection: Connection) -> Outcome:
    return perform(connection, "write_inventory_files", _write_files)


def reconcile(connection: Connection) -> Outcome:
    return perform(connection, "reconcile", reconciliation.last_days)


def reconcile_asked(connection: Connection) -> Outcome:
    """Only the periods that people asked for."""
    return perform(connection, "reconcile", reconciliation.asked_for)


def _pull(run: Run) -> None:
    intake.pull(run)
    if not run.hands_over():
        backfill.asked_for(run)


def _publish(run: Run) -> None:
    by_api = [route for route in _told(run.connection) if route.publish_by == Route.PublishBy.API]
    publishing.publish(run, by_api, demand.pending)


def _write_files(run: Run) -> None:
    files.make_due(run, _told(run.connection), demand.pending)


def _told(marketplace: Connection) -> list[Route]:
    """The routes whose quantities the marketplace is told."""
    return [route for route in intake.active_routes(marketplace) if registry.may_reach(route, marketplace)]


def _refresh(run: Run) -> None:
    refreshing.refresh(run, demand.items_on_their_way)


BY_NAME: dict[str, Callable[[Connection], Outcome]] = {
    "pull_orders": pull_orders,
    "submit_orders": submit_orders,
    "pull_shipments": pull_shipments,
    "confirm_shipments": confirm_shipments,
    "pull_levels": run_pull_levels,
    "refresh_levels": refresh_levels,
    "revisit_orders": revisit_orders,
    "publish_inventory": publish_inventory,
    "write_inventory_files": write_inventory_files,
    "check_inventory": run_check_inventory,
    "reconcile": reconcile,
}
