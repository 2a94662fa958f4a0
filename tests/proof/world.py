"""Both systems, Crossdock between them, a clock that only we move, and what the people on every side do.

What was done is remembered beside the two systems, so that the outcome can be judged without asking Crossdock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import time_machine
from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string
from django_q.models import OrmQ

from integrations.connection_test import check_connection
from integrations.models import Connection, Route, SyncRun
from integrations.sandbox import gecko_parcels
from integrations.sandbox.gecko_values import Invalid, Row
from integrations.sandbox.server import Sandbox
from integrations.transmissions import Transmission
from inventory import alias_file, guarding, outbox
from inventory.alias_import import AliasResource
from inventory.models import GuardedPublish, Publication
from orders import actions, decisions
from orders.models import IllegalTransition, Order
from tests.proof.breaking import Watch

# What the marketplace calls an item → units of which warehouse items make one of it.
GOODS = {
    "MUG-BLK": {"MUG-BLK": 1},
    "TEE-RED-M": {"TEE-RED-M": 1},
    "SIX-PILLOWS": {"PILLOW-DN": 6},
    "DINING-SET": {"CHAIR-ASH": 4, "TABLE-ASH": 1},
    "MYSTERY-9": {"THROW-WL": 1},  # no alias leads there until somebody imports one
}
UNKNOWN = "MYSTERY-9"
KNOWN_CARRIER, UNKNOWN_CARRIER = ("UPS", "Ground"), ("Bob's Van", "fast")
ENDED = ("void", "deleted")
JOBS = tuple(job.name for job in settings.JOBS)
CYCLE = tuple(name for name in JOBS if name != "reconcile")
# Each request takes so long; a step of the machine is a little after the one before.
A_REQUEST, A_STEP = timedelta(milliseconds=40), timedelta(seconds=2)


@dataclass
class Sale:
    """An order as the marketplace's customers and staff made it, and what our staff decided about it."""

    number: str
    skus: dict[str, str]
    said: dict[str, set[int]]
    lacks_city: bool = False
    is_edited: bool = False
    is_held: bool = False
    is_skipped: bool = False
    cancelled: set[str] = field(default_factory=set)

    @property
    def is_cancelled(self) -> bool:
        return self.cancelled == set(self.skus)

    @property
    def open_skus(self) -> set[str]:
        return {sku for line, sku in self.skus.items() if line not in self.cancelled}


class World:
    """One example: `sales` by number. `known_void` are parcels that we read to be void before they were told."""

    def __init__(self, box: Sandbox, clock: time_machine.Traveller) -> None:
        self.box, self._clock = box, clock
        self.watch = Watch(lambda: clock.shift(A_REQUEST))
        self.sales: dict[str, Sale] = {}
        self.known_void: set[int] = set()
        self.has_alias = False
        self._trackings = 0
        self._is_nested = False
        self._connect()

    def _connect(self) -> None:
        """As staff would: two connections, a live route, aliases by CSV."""
        self.market = Connection(name="Overstock", provider="supplier_oasis", base_url=self.box.oasis_url)
        self.market.username, self.market.recent_slice_minutes = self.box.oasis.username, 8 * 60
        self.market.set_secret(self.box.oasis.password)
        self.stock = Connection(name="Gecko", provider="tradegecko", base_url=self.box.tradegecko_url)
        self.stock.set_secret(self.box.tradegecko.token)
        self.market.save()
        self.stock.save()
        self.route = Route.objects.create(
            name="Main", marketplace=self.market, marketplace_warehouse_name="Riverside DC", warehouse=self.stock,
            location_name="Main DC", state=Route.State.LIVE, cancels_after_sending=Route.CancelsAfter.ASK,
            earliest_order_date=(datetime.now(UTC) - timedelta(days=4)).date(),
        )  # fmt: skip
        self.box.tradegecko.limit = 1_000_000
        for sku in GOODS:
            self.box.oasis.add_listing(sku)
        self.import_aliases({sku: parts for sku, parts in GOODS.items() if sku not in (UNKNOWN, *parts)})

    # --- the clock, and the jobs -----------------------------------------------------------------------------

    def wait(self, time: timedelta) -> None:
        self._clock.shift(time)

    def work(self, job: str) -> None:
        """Run a job as the queue does, or a full cycle of them."""
        if job == "cycle":
            self.cycle()
            return
        known = next(one for one in settings.JOBS if one.name == job)
        connection = self.market if known.kind == "marketplace" else self.stock
        ended = {one for one, row in self.parcels.items() if row["status"] in ENDED}
        text = import_string(known.path)(connection.pk)
        assert text, f"{job} said nothing"
        run = SyncRun.objects.filter(job=job).order_by("pk").last()
        if job == "pull_shipments" and run and run.status == "succeeded" and not self._is_nested:
            self.known_void |= {one for one in ended if not self.told(tracking=self.parcels[one]["tracking_number"])}

    def work_off(self, tasks: int, *, twice: bool) -> None:
        """A worker takes waiting tasks from the queue; the broker may deliver one to it twice."""
        for row in OrmQ.objects.order_by("pk")[:tasks]:
            task = row.task
            OrmQ.objects.filter(pk=row.pk).delete()
            job = str(task["func"]).rpartition(".")[2]
            for _ in range(2 if twice else 1):
                self.work(job)

    def cycle(self) -> None:
        for job in CYCLE:
            self.work(job)

    @contextmanager
    def nested(self) -> Iterator[None]:
        """What happens while another job waits for an answer."""
        before, self._is_nested = self._is_nested, True
        yield
        self._is_nested = before

    # --- the retailer ----------------------------------------------------------------------------------------

    def sell(self, lines: list[tuple[str, int]], *, age: timedelta, lacks_city: bool) -> None:
        at = datetime.now(UTC) - age
        number = self.box.oasis.add_order(
            *({"partner_sku": sku, "quantity": units} for sku, units in lines), ordered_at=at, created_at=at,
            address={"city": ""} if lacks_city else {},
        )  # fmt: skip
        numbered = {str(place): line for place, line in enumerate(lines, start=1)}
        said = {line: {units} for line, (_, units) in numbered.items()}
        self.sales[number] = Sale(number, {line: sku for line, (sku, _) in numbered.items()}, said, lacks_city)

    def edit(self, sale: Sale, line: str, units: int) -> None:
        self.box.oasis.edit(sale.number, line, quantity=units)
        self.box.oasis.edit(sale.number, address={"address2": f"Apt {units}"})
        sale.said[line].add(units)
        sale.is_edited = True

    def cancel(self, sale: Sale, line: str) -> None:
        """One line, or with an empty `line` all; what is shipped stays so."""
        self.box.oasis.cancel(sale.number, line)
        gone = [one.number for one in self.box.oasis.orders[sale.number].lines if one.is_cancelled]
        sale.cancelled |= set(gone)

    def told(self, number: str = "", tracking: str | None = None) -> list[tuple[str, str, int]]:
        """(line, tracking number, units) that the marketplace was told."""
        numbers = [number] if number else list(self.sales)
        rows = [(line, one) for known in numbers for line, one in self.box.oasis.shipments(known)]
        return [
            (line, one.tracking_number, one.quantity)
            for line, one in rows
            if tracking is None or one.tracking_number == tracking
        ]

    # --- the warehouse ---------------------------------------------------------------------------------------

    @property
    def parcels(self) -> dict[int, Row]:
        return self.box.tradegecko.tables["fulfillments"]

    def placed(self, number: str) -> list[Row]:
        """Every order of this reference that the warehouse ever had."""
        return [row for row in self.box.tradegecko.orders.values() if row["reference_number"] == number]

    def contents(self, parcel: int) -> dict[str, Decimal]:
        """Units per warehouse SKU."""
        found: dict[str, Decimal] = {}
        for row in self.box.tradegecko.children("fulfillment_line_items", "fulfillment_id", parcel):
            sku = self.sku_of(self.box.tradegecko.tables["order_line_items"][row["order_line_item_id"]])
            found[sku] = found.get(sku, Decimal(0)) + Decimal(row["quantity"])
        return found

    def sku_of(self, line: Row) -> str:
        return str(self.box.tradegecko.tables["variants"][line["variant_id"]]["sku"])

    def left_to_ship(self) -> list[int]:
        """Living orders with units in no parcel."""
        gecko = self.box.tradegecko
        return [row["id"] for row in gecko.living() if gecko_parcels.left(gecko, row)]

    def ship(self, order_id: int, *, part: int, has_tracking: bool, carrier: tuple[str, str], leaves: bool) -> None:
        """A parcel with everything that is left, or with at most `part` units of the first line that is open."""
        left = gecko_parcels.left(self.box.tradegecko, self.box.tradegecko.orders[order_id])
        line, units = next(iter(left.items()))
        some = {line: str(min(units, Decimal(part)))} if part else None
        tracking = self._next_tracking() if has_tracking else None
        self.box.tradegecko.ship(
            order_id, some, tracking=tracking, carrier=carrier[0], service=carrier[1],
            status="fulfilled" if leaves else "packed",
        )  # fmt: skip

    def finish_parcel(self, parcel: int) -> None:
        """It leaves, and gets its tracking number if it has none."""
        row = self.parcels[parcel]
        values = {} if row["tracking_number"] else {"tracking_number": self._next_tracking()}
        if row["status"] not in ENDED:
            self.box.tradegecko.change_parcel(row, status="fulfilled", **values)

    def _next_tracking(self) -> str:
        self._trackings += 1
        return f"1Z{self._trackings:06}"

    def void_parcel(self, parcel: int) -> None:
        self.box.tradegecko.void_parcel(self.parcels[parcel])

    def void_order(self, order_id: int) -> None:
        with suppress(Invalid):  # goods have left
            self.box.tradegecko.void(self.box.tradegecko.orders[order_id])

    # --- our staff -------------------------------------------------------------------------------------------

    def decide(self, sale: Sale, what: str) -> None:
        """Hold, release, skip, un-skip, retry, correct, or decide about a change, if the order allows it now."""
        if what == "correct city":
            self.correct_city(sale)
        order = Order.objects.filter(full_number=sale.number).first()
        if order is None or what not in actions.possible(order):
            return
        do: dict[str, Callable[[Order], str]] = {
            "hold": lambda one: actions.hold(one, "wait", None),
            "release": lambda one: actions.release(one, None),
            "skip": lambda one: actions.skip(one, "not ours", None),
            "unskip": lambda one: actions.unskip(one, None),
            "retry": lambda one: actions.retry_sending(one, None),
            "amend": lambda one: decisions.amend(one, None),
            "keep": lambda one: decisions.keep(one, None),
            "void": lambda one: decisions.void(one, None),
        }
        try:
            do[what](order)
        except IllegalTransition:
            return  # it is being sent right now
        sale.is_held = {"hold": True, "release": False, "skip": False}.get(what, sale.is_held)
        sale.is_skipped = {"skip": True, "unskip": False}.get(what, sale.is_skipped)

    def correct_city(self, sale: Sale) -> None:
        mine = Order.objects.filter(full_number=sale.number, status__in=Order.UNSENT)
        if mine.update(ship_city="Boise"):
            sale.lacks_city = False

    def import_aliases(self, goods: dict[str, dict[str, int]]) -> None:
        rows = [f"{sku},{part},{units},yes" for sku, parts in goods.items() for part, units in parts.items()]
        content = "\n".join(["marketplace_sku,warehouse_sku,units,is_active", *rows]).encode()
        resource = AliasResource(connection=self.market)
        with transaction.atomic():
            resource.import_data(alias_file.read(content), dry_run=False, use_transactions=True)
        self.has_alias = self.has_alias or UNKNOWN in goods

    def test_connections(self) -> None:
        for connection in Connection.objects.all():
            check_connection(connection)

    def retry_everything(self) -> None:
        """What was refused or given up is sent again by hand."""
        for order in Order.objects.all():
            with suppress(IllegalTransition):
                actions.retry_sending(order, None)
        outbox.retry(list(Publication.objects.filter(status=Transmission.Status.PARKED)))

    def release_guarded(self) -> int:
        """What looks like damage is meant here: staff say so. How many publishes that frees."""
        waiting = list(GuardedPublish.objects.filter(state=GuardedPublish.State.WAITING))
        for one in waiting:
            guarding.release(one, one.fingerprint, None)
        return len(waiting)

    # --- the end ---------------------------------------------------------------------------------------------

    def come_to_rest(self) -> None:
        """No more faults; staff test, retry and finish what is theirs; then cycles until nothing is sent any more."""
        self.box.faults.clear()
        self.wait(timedelta(hours=2))
        self.test_connections()
        for parcel in self.parcels:
            self.finish_parcel(parcel)
        self._cycle_until_quiet()

    def ship_everything(self) -> None:
        """The warehouse ships all that is left."""
        for order_id in self.left_to_ship():
            self.ship(order_id, part=0, has_tracking=True, carrier=KNOWN_CARRIER, leaves=True)
        self._cycle_until_quiet()

    def _cycle_until_quiet(self, rounds: int = 12) -> None:
        for number in range(rounds):
            before = self.writes()
            self.wait(timedelta(minutes=61))
            self.cycle()
            if self.writes() == before and not self.release_guarded():
                return
            if number < 3:  # what is refused then too, stays so
                self.retry_everything()
        raise AssertionError(f"after {rounds} cycles without a fault there is still something to send")

    def writes(self) -> tuple[list[tuple[str, str, str]], dict[tuple[str, str], int]]:
        """What was sent, and is shown: after a time in which nobody worked, quantities are sent again as they are."""
        sent = [call for call in self.box.log if call[1] != "GET" and call[2] != "/inventory"]
        return sent, dict(self.box.oasis.quantities)


@contextmanager
def opened(start: datetime, made: type[Sandbox] = Sandbox) -> Iterator[World]:
    """A world in one transaction, which is rolled back at the end."""
    with time_machine.travel(start, tick=False) as clock, made() as box, transaction.atomic():
        world = World(box, clock)
        with world.watch.watching():
            yield world
        transaction.set_rollback(True)
