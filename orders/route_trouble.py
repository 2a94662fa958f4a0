"""Orders that cannot be sent since their warehouse has not what their route names, until a person mends the route."""

from __future__ import annotations

from django.db.models import QuerySet

from integrations.models import Route
from integrations.transmissions import Transmission
from orders.models import Order, WarehouseSubmission

# How the error of such an order begins: it was never tried itself, so it is told apart by nothing else.
BEGINS = "Its route is to be put right first: "


def told(problem: Exception) -> str:
    return f"{BEGINS}{problem}"


def waiting() -> QuerySet[WarehouseSubmission]:
    """Of routes that send: what waits for a paused one waits for that."""
    mine = WarehouseSubmission.objects.filter(status=Transmission.Status.PENDING, last_error__startswith=BEGINS)
    return mine.filter(order__status=Order.Status.READY).exclude(order__route__state=Route.State.PAUSED)


def of(order: Order) -> str:
    """What is wrong with the order's route; empty where nothing is, or another thing comes before it."""
    error = error_of(order)
    return error if error.startswith(BEGINS) and order.route and order.route.state != Route.State.PAUSED else ""


def error_of(order: Order) -> str:
    """Why an order that nothing holds was not sent with the last run, though it waits for that; empty for no error."""
    submission = getattr(order, "submission", None)
    if order.status != Order.Status.READY or submission is None:
        return ""
    return str(submission.last_error) if submission.status == Transmission.Status.PENDING else ""
