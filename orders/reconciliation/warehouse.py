"""The warehouses' side: every order created since, whatever its status, and what has left them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from integrations.errors import IntegrationError
from integrations.models import Connection
from integrations.ports import Parcel, Warehouse
from integrations.runs import Run
from integrations.sent_orders import Receipt
from orders import by_hand
from orders.models import WarehouseSubmission

# Their clock may be behind ours, and an order may be sent the moment it is created.
MARGIN = timedelta(days=1)
LEFT_OUT = "some of its orders could not be read"


@dataclass
class Side:
    """One warehouse. `trouble` says why it, or a part of it, could not be read."""

    connection: Connection
    receipts: dict[str, Receipt] = field(default_factory=dict)
    parcels: dict[str, list[Parcel]] = field(default_factory=lambda: defaultdict(list))
    unreadable: dict[str, tuple[str, str]] = field(default_factory=dict)  # parcel → its order and what is wrong
    trouble: str = ""


@dataclass
class Warehouses:
    """All warehouses that a marketplace feeds, and whose orders of ours theirs are: (connection, id) → order."""

    sides: dict[int, Side]
    by_number: dict[str, list[tuple[int, Receipt]]]
    owners: dict[tuple[int, str], int]

    def of_number(self, number: str, order_id: int | None) -> list[Receipt]:
        """Those with this number that no other order of ours became."""
        found = self.by_number.get(number, [])
        return [one for place, one in found if self.owners.get((place, one.remote_id), order_id) == order_id]


def read(run: Run, connections: Iterable[Connection], since: datetime) -> Warehouses:
    """Read each of them: a call per 250 orders and per 250 parcels since a day before the period."""
    sides = {one.pk: _read(run, one, since - MARGIN) for one in sorted(connections, key=lambda one: one.pk)}
    by_number: dict[str, list[tuple[int, Receipt]]] = defaultdict(list)
    for place, side in sides.items():
        for receipt in side.receipts.values():
            by_number[receipt.full_number].append((place, receipt))
    return Warehouses(sides, by_number, _owners(sides, since - MARGIN))


def _read(run: Run, connection: Connection, since: datetime) -> Side:
    side = Side(connection)
    if connection.is_stopped or not connection.is_active:
        side.trouble = connection.health_message or "its connection is switched off"
        run.problem(f"{connection}: {side.trouble}")
        return side
    said = len(run.problems)
    try:
        warehouse = run.other_warehouse(connection)
        _read_orders(run, side, warehouse, since)
        if len(run.problems) > said:
            side.trouble = LEFT_OUT
        _read_parcels(run, side, warehouse, since)
    except IntegrationError as exc:  # the warehouse's trouble is not this marketplace's
        side.trouble = str(exc)
        run.trouble_with(connection, exc)
    return side


def _read_orders(run: Run, side: Side, warehouse: Warehouse, since: datetime) -> None:
    """Those whose lines are others than we knew are read with the next look at what has changed."""
    for receipt in warehouse.orders_since(since):
        run.beat()
        side.receipts[receipt.remote_id] = receipt
    by_hand.note_all(side.connection, side.receipts)


def _read_parcels(run: Run, side: Side, warehouse: Warehouse, since: datetime) -> None:
    """Nothing is left out as known: what we stored of parcels is not believed here."""
    latest: dict[str, Parcel] = {}
    for parcel in warehouse.parcels(since, {}):
        run.beat()
        if isinstance(parcel, Parcel):
            latest[parcel.remote_id] = parcel
            side.unreadable.pop(parcel.remote_id, None)
        else:
            side.unreadable[parcel.remote_id] = parcel.order_id, parcel.reason
    for parcel in latest.values():
        side.parcels[parcel.order_id].append(parcel)


def _owners(sides: dict[int, Side], since: datetime) -> dict[tuple[int, str], int]:
    ours = WarehouseSubmission.objects.filter(connection__in=sides, finished_at__gte=since).exclude(remote_id="")
    rows = ours.values_list("connection_id", "remote_id", "order_id")
    return {(place, remote_id): order_id for place, remote_id, order_id in rows}
