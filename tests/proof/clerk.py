"""The person in the office: what they find on the worklists, and the one button that each row offers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from integrations.connection_test import check_connection
from integrations.models import Connection
from integrations.sandbox.server import Sandbox
from integrations.transmissions import Transmission
from inventory import outbox
from inventory.models import Publication
from orders import actions, decisions
from orders.models import Hold, ShipmentConfirmation, UnreadableRecord, WarehouseChange, WarehouseSubmission

# What no clerk should have to read.
NONSENSE = re.compile(r"unexpected|Traceback|Error\b|<\w+|object at 0x|None\b")
T, H = Transmission.Status, Connection.Health


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a worklist: the record that it is about, its text, and what a person does about it."""

    about: str
    text: str
    press: Callable[[], object]

    @property
    def is_sensible(self) -> bool:
        return len(self.text) > 20 and not NONSENSE.search(self.text)


def worklist(box: Sandbox) -> list[Row]:
    """Everything that waits for a person. `box` is where they do what is to be done outside."""
    return [*_connections(), *_holds(box), *_sent(), *_quantities()]


def _connections() -> Iterator[Row]:
    for one in Connection.objects.filter(health__in=(H.STOPPED, H.TROUBLED)):
        yield Row(str(one), one.health_message, partial(check_connection, one))


def _holds(box: Sandbox) -> Iterator[Row]:
    for hold in Hold.objects.filter(resolved_at=None).select_related("order"):
        yield Row(str(hold.order), hold.message, partial(_mend, hold, box))
    for record in UnreadableRecord.objects.filter(resolved_at=None):
        yield Row(str(record), record.reason, partial(actions.dismiss, record, "looked at", None))


def _mend(hold: Hold, box: Sandbox) -> None:
    """Do what its text asks for: cancel there what the marketplace no longer wants, leave in what it changed."""
    if hold.kind == Hold.Kind.CHANGED_ORDER:
        decisions.keep(hold.order, None)
        return
    assert hold.kind == Hold.Kind.CANCELLED_LATE, hold.message
    [order] = box.tradegecko.by_reference(hold.order.full_number)
    box.tradegecko.void(order)
    actions.resolve(hold, "cancelled there", None)


def _sent() -> Iterator[Row]:
    for model in (WarehouseSubmission, WarehouseChange, ShipmentConfirmation):
        for row in model._default_manager.filter(status=T.PARKED).select_related("order"):
            yield Row(str(row.order), row.last_error, partial(actions.retry_sending, row.order, None))


def _quantities() -> Iterator[Row]:
    for row in Publication.objects.filter(status=T.PARKED):
        yield Row(str(row.listing), row.last_error, partial(outbox.retry, [row]))
