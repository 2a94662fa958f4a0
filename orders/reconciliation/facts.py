"""What each side says of one order, reduced to what its bucket depends on. Plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from integrations.ports import MarketplaceLine, SaleState
from integrations.sent_orders import Receipt
from orders.models import Order, ReconciledOrder

S = Order.Status

# What is younger is on its way: the jobs run every minute, and this covers two rounds of them and a first retry.
SHORTEST_GRACE = timedelta(minutes=5)
READ_AGAIN_FOR = timedelta(days=30)  # as far back as `revisit` reads


@dataclass(frozen=True, slots=True)
class Told:
    """An order as the marketplace shows it. `not_taken` and `not_yet` say why a pull has not stored it.

    `facts` are what `orders.changes` keeps of it.
    """

    number: str
    sales_channel: str = ""
    created_at: datetime | None = None
    unreadable: str = ""
    state: SaleState = SaleState.OPEN
    lines: tuple[MarketplaceLine, ...] = ()
    facts: Mapping[str, Any] | None = None
    not_taken: str = ""
    not_yet: str = ""


@dataclass(frozen=True, slots=True)
class OurLine:
    """Marketplace units of one line.

    `confirmed` was accepted before the grace: (tracking number, units); `fresh` since then, so it need not be shown
    yet; `underway` is in other confirmations. `known` is what we know to have left the warehouse; `shipped` and
    `untracked` are what it says itself left it before the grace, with and without a tracking number, and `leaving`
    what has left it since, with one. `before` was shipped without us; None: all of it.
    """

    number: str
    to_ship: int = 0
    before: int | None = 0
    is_cancelled: bool = False
    confirmed: tuple[tuple[str, int], ...] = ()
    fresh: int = 0
    underway: int = 0
    known: int = 0
    shipped: int = 0
    untracked: int = 0
    leaving: int = 0

    @property
    def told(self) -> int:
        return sum(units for _, units in self.confirmed)


@dataclass(frozen=True, slots=True)
class Ours:
    """An order as it is here.

    `must_show`: the marketplace's answer for the time of its creation was complete, and the order was here before.
    `sent_before`: it was sent long enough before both sides were read to be in the warehouse's lists.
    `cancel_settled`: a person settled its cancellation. `void_resolved`: what one did about its end in the warehouse.
    `left_at`: when the last parcel within the grace left. `last_told`: what the marketplace said that was followed, or
    left by a decision.
    """

    number: str
    status: str
    skip_reason: str = ""
    cancel_requested: bool = False
    cancel_settled: bool = False
    holds: tuple[str, ...] = ()
    paused_route: str = ""
    submission: str = ""
    last_error: str = ""
    remote_id: str = ""
    is_test: bool = False
    waits_for_all: bool = False
    sent_before: bool = False
    refused_confirmation: str = ""
    refused_short_ship: str = ""
    void_resolved: str = ""
    moved_at: datetime | None = None
    left_at: datetime | None = None
    must_show: bool = False
    last_told: Mapping[str, Any] | None = None
    lines: tuple[OurLine, ...] = ()

    @property
    def is_sent(self) -> bool:
        return self.status in Order.SENT


@dataclass(frozen=True, slots=True)
class There:
    """What the warehouses hold under the order's number or id. `trouble`: why its own could not be read."""

    name: str = "the warehouse"
    living: tuple[Receipt, ...] = ()
    ended: tuple[Receipt, ...] = ()
    trouble: str = ""
    unreadable_parcel: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """All that is known of one order. At least one of `told` and `ours` is there.

    What is younger than `grace` may still be on its way.
    """

    told: Told | None
    ours: Ours | None
    there: There = field(default_factory=There)
    market: str = "the marketplace"
    now: datetime = datetime.min
    grace: timedelta = SHORTEST_GRACE

    def __post_init__(self) -> None:
        if self.told is None and self.ours is None:
            raise ValueError("an order that neither side has is in no bucket")


@dataclass(frozen=True, slots=True)
class Verdict:
    """`text` completes "order 700 …"; `action` is what mends it, empty where nothing is to be done."""

    bucket: ReconciledOrder.Bucket
    text: str = ""
    action: str = ""
    mend: str = ""
