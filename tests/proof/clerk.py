"""The person in the office: what they find on the worklists, and the one button that each row offers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from urllib.parse import parse_qs, urlsplit

from django.db import transaction

from integrations import oauth_tokens
from integrations.connection_test import check_connection
from integrations.models import Connection
from integrations.sandbox.server import Sandbox
from integrations.transmissions import Transmission
from inventory import outbox
from inventory.models import Publication
from orders import actions, decisions, short_shipping
from orders.models import (
    Hold,
    Order,
    ShipmentConfirmation,
    ShortShip,
    UnreadableRecord,
    WarehouseChange,
    WarehouseSubmission,
)

# What no clerk should have to read.
NONSENSE = re.compile(r"unexpected|Traceback|Error\b|<\w+|object at 0x|None\b")
T, H = Transmission.Status, Connection.Health
COMES_BACK_TO = "https://crossdock.example.com/back"


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a worklist: the record that it is about, its text, and what a person does about it."""

    about: str
    text: str
    press: Callable[[], object]

    @property
    def is_sensible(self) -> bool:
        return len(self.text) > 20 and not NONSENSE.search(self.text)

    @property
    def is_promise(self) -> bool:
        """Whether it asks nothing of anybody, since what it tells is mended by itself."""
        return self.text.endswith("with the next run.")


def worklist(box: Sandbox) -> list[Row]:
    """Everything that waits for a person. `box` is where they do what is to be done outside."""
    return [*_connections(box), *_holds(box), *_sent(), *_quantities()]


def decide(what: str, about: str, line: str = "") -> None:
    """Press this button of an order's page, if it is there: who was broken off looks at the page again."""
    order = Order.objects.get(full_number=about)
    if what == "short ship":
        for one in short_shipping.open_lines(order):
            if one.number == line:
                short_shipping.ask(one, "OUT_OF_STOCK", None)
    elif what in actions.possible(order):
        press: dict[str, Callable[[], object]] = {
            "hold": partial(actions.hold, order, "wait", None),
            "release": partial(actions.release, order, None),
            "amend": partial(decisions.amend, order, None),
        }
        with transaction.atomic():
            press[what]()


def agree(box: Sandbox) -> str:
    """The code with which TradeGecko sends back the browser of a person who presses “Authorize”."""
    application = box.tradegecko.oauth
    asked = {"client_id": application.client_id, "response_type": "code", "redirect_uri": COMES_BACK_TO}
    return parse_qs(urlsplit(application.authorize(asked)).query)["code"][0]


def authorize(code: str) -> None:
    """A browser came back to the page of the warehouse's connection with this code."""
    [gecko] = Connection.objects.filter(provider="tradegecko")
    oauth_tokens.redeem(gecko, None, code, COMES_BACK_TO)
    check_connection(gecko)


def _connections(box: Sandbox) -> Iterator[Row]:
    for one in Connection.objects.filter(health__in=(H.STOPPED, H.TROUBLED)):
        asks = "Authorize again" in one.health_message
        press: Callable[[], object] = partial(_authorize_again, box) if asks else partial(check_connection, one)
        yield Row(str(one), one.health_message, press)


def _authorize_again(box: Sandbox) -> None:
    authorize(agree(box))


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
    for model in (WarehouseSubmission, WarehouseChange, ShipmentConfirmation, ShortShip):
        for row in model._default_manager.filter(status=T.PARKED).select_related("order"):
            yield Row(str(row.order), row.last_error, partial(actions.retry_sending, row.order, None))


def _quantities() -> Iterator[Row]:
    for row in Publication.objects.filter(status=T.PARKED):
        yield Row(str(row.listing), row.last_error, partial(outbox.retry, [row]))
