"""What the two systems and Crossdock say of an order, and a parcel on its way, for the tests of this folder."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from integrations.sandbox.server import Sandbox
from integrations.shared_state import RateWindow


def placed(box: Sandbox, number: str) -> dict[str, Any]:
    """The one living order of this reference in the warehouse."""
    [order] = box.tradegecko.by_reference(number)
    return order


def ship(box: Sandbox, number: str, position: int | None = None, units: int = 1, **values: Any) -> int:
    """A parcel with these units of a line, or with everything; returns its id."""
    order = placed(box, number)
    lines = box.tradegecko.lines(order["id"])
    quantities = None if position is None else {lines[position - 1]["id"]: units}
    return box.tradegecko.ship(order["id"], quantities, **values)


def parcels(box: Sandbox, number: str) -> list[tuple[str, str, int]]:
    """(line number, tracking number, units) of what the marketplace was told."""
    return [(line, one.tracking_number, one.quantity) for line, one in box.oasis.shipments(number)]


def holds(report: dict[str, Any]) -> list[str]:
    """The kinds of an order's open holds."""
    return [hold["kind"] for hold in report["holds"]]


def pauses_end() -> None:
    """The time is over for which a system asked to be left alone."""
    RateWindow.objects.update(resets_at=timezone.now())
