"""Every job by name, each as a function of its connection: the queue, the command line and the admin all call these."""

from __future__ import annotations

from collections.abc import Callable

from integrations.models import Connection
from integrations.runs import Outcome, Run, perform
from inventory import publishing, refreshing
from inventory.tasks import run_pull_levels
from orders import backfill, confirmation, demand, intake, revisit, shipping, submission, telling
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


def reconcile(connection: Connection) -> Outcome:
    return perform(connection, "reconcile", reconciliation.last_days)


def reconcile_asked(connection: Connection) -> Outcome:
    """Only the periods that people asked for."""
    return perform(connection, "reconcile", reconciliation.asked_for)


def _pull(run: Run) -> None:
    intake.pull(run)
    backfill.asked_for(run)


def _publish(run: Run) -> None:
    routes = [r for r in intake.active_routes(run.connection) if telling.may_reach(r, run.connection)]
    publishing.publish(run, routes, demand.pending)


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
    "reconcile": reconcile,
}
