"""Whatever happens, in whatever order: each order becomes exactly one, each parcel is told exactly once, none is lost.

Hypothesis puts the rules below together: customers order, change and cancel; both systems fail, refuse and lose
answers; our processes are ended before any write or around any request, or overtaken while they wait; the warehouse
ships, voids and corrects; staff hold, skip and retry; time passes. After every step `invariants.always` holds. At the
end the faults stop, and `invariants.at_rest` holds after a few cycles. `make soak` looks longer.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from integrations.models import Route
from tests.proof import invariants
from tests.proof.breaking import ANSWER, READ, REQUEST, WRITE, Moment
from tests.proof.conftest import Proved
from tests.proof.world import A_STEP, CYCLE, GOODS, JOBS, KNOWN_CARRIER, UNKNOWN, UNKNOWN_CARRIER, Sale, World, opened

pytestmark = pytest.mark.long

# An ordinary day, and the two nights at whose end the clocks of Utah change.
STARTS = [datetime(2026, 6, 3, 15, tzinfo=UTC), datetime(2026, 3, 8, 8, 30, tzinfo=UTC), datetime(2026, 11, 1, 7, 30, tzinfo=UTC)]  # fmt: skip
DECISIONS = ("hold", "release", "skip", "unskip", "retry", "correct city", "amend", "keep", "void")
# What a system answers without having done what was asked, and how an answer is lost to something that was done.
NOT_DONE = ("reset", "500_html", "503", "html_200", "429", "429_no_retry_after", "400_text", "401", "403", "404")
DONE_UNHEARD = (
    "reset_after_apply", "500_html_after_apply", "503_after_apply", "html_200_after_apply", "truncated",
    "202_empty_after_apply", "204_after_apply", "empty_200_after_apply",
)  # fmt: skip
UNREADABLE = ("truncated", "empty_200", "204", "202_empty", "error_in_200")
LATER_WRITES = (("POST", "/orders/*/actions/void"), ("DELETE", "/order_line_items/*"), ("PUT", "/order_line_items/*"),
                ("PUT", "/addresses/*"), ("DELETE", "/fulfillments/*"))  # fmt: skip
WRITES = (("tradegecko", "/orders", "422"), ("oasis", "/shipments", "400_xml"), ("oasis", "/shipments", "400_xml"),
          ("tradegecko", "/companies", "422"), ("oasis", "/inventory", "400_xml"))  # fmt: skip


@dataclass(frozen=True)
class Trouble:
    """A fault that the next requests of a kind meet."""

    system: str
    method: str
    path: str
    name: str
    times: int


reads_fail = st.builds(
    Trouble, st.sampled_from(["oasis", "tradegecko"]), st.just("GET"), st.just("*"),
    st.sampled_from([*NOT_DONE, *UNREADABLE]), st.integers(1, 3),
)  # fmt: skip
writes_fail = st.sampled_from(WRITES).flatmap(
    lambda at: st.builds(
        Trouble, st.just(at[0]), st.just("POST"), st.just(at[1]),
        st.sampled_from([*DONE_UNHEARD, *DONE_UNHEARD, *NOT_DONE, at[2]]), st.integers(1, 2),
    )
)  # fmt: skip
later_writes_fail = st.sampled_from(LATER_WRITES).flatmap(
    lambda at: st.builds(
        Trouble, st.just("tradegecko"), st.just(at[0]), st.just(at[1]),
        st.sampled_from([*DONE_UNHEARD, *NOT_DONE, "422"]), st.integers(1, 2),
    )
)  # fmt: skip
troubles = st.lists(st.one_of(writes_fail, writes_fail, later_writes_fail, reads_fail), max_size=2)
some = st.integers(min_value=0, max_value=50)
jobs = st.sampled_from(["cycle"] * 5 + [*CYCLE])
rarely = st.sampled_from([False] * 5 + [True])
kinds = st.sampled_from(sorted(GOODS))
# Of a multi-pack or a kit one line at most, so that whole units can be counted per SKU.
lines = st.lists(
    st.tuples(kinds, st.integers(1, 3)), min_size=1, max_size=3,
    unique_by=lambda line: line[0] if sum(GOODS[line[0]].values()) > 1 else object(),
)  # fmt: skip
# The counts of what was tried, for the proof's report.
TRIED = Counter[str]()


class Machine(RuleBasedStateMachine):
    """One world. Rules that name an order or a parcel take the one at a drawn place, modulo how many there are."""

    def __init__(self) -> None:
        super().__init__()
        self._stack = ExitStack()
        self._shown: dict[str, datetime] = {}
        TRIED["runs"] += 1

    @initialize(
        start=st.sampled_from(STARTS), atomic=st.booleans(), form=st.sampled_from("MDN"), shuffled=st.booleans(),
        inclusive=st.booleans(), sideload=st.sampled_from(["always", "on request", "never"]), mixed=st.booleans(),
        ended=st.booleans(), free_keys=st.booleans(), whole=st.booleans(),
    )  # fmt: skip
    def begin(
        self, start: datetime, atomic: bool, form: str, shuffled: bool, inclusive: bool, sideload: str, mixed: bool,
        ended: bool, free_keys: bool, whole: bool,
    ) -> None:  # fmt: skip
        """Two systems that differ in what their contracts leave open, and a route with its rules."""
        self.world: World = self._stack.enter_context(opened(start))
        box = self.world.box
        box.oasis.switch(atomic=atomic, form=form, shuffled=shuffled, inclusive=inclusive)
        box.tradegecko.switch(
            sideload_lines=sideload, mix_line_ids=mixed, list_ended=ended, refused_keys_stay_free=free_keys
        )
        cancels = Route.CancelsAfter.ASK if free_keys else Route.CancelsAfter.DO
        status = Route.OrderStatus.FINALIZED if ended else Route.OrderStatus.ACTIVE
        Route.objects.update(cancels_after_sending=cancels, order_status=status)
        if whole:
            Route.objects.update(partial_shipments=Route.Partial.WHEN_COMPLETE)

    # --- customers, the retailer and the warehouse ------------------------------------------------------------

    @rule(orders=st.lists(lines, min_size=1, max_size=3), hours=st.sampled_from([0, 0, 0, 3, 30]), lacks_city=rarely)
    def sell(self, orders: list[list[tuple[str, int]]], hours: int, lacks_city: bool) -> None:
        """New orders; with some hours of age they were created before what was read last."""
        for one in orders:
            self.world.sell(one, age=timedelta(hours=hours, minutes=1), lacks_city=lacks_city)

    @precondition(lambda self: self.has_sales)
    @rule(which=some, what=st.sampled_from(["edit", "cancel line", "cancel"]), units=st.integers(1, 4))
    def change_order(self, which: int, what: str, units: int) -> None:
        sale = self.sale(which)
        if what == "edit":
            self.world.edit(sale, line_of(sale, which), units)
        else:
            self.world.cancel(sale, line_of(sale, which) if what == "cancel line" else "")

    @precondition(lambda self: self.world.left_to_ship())
    @rule(which=some, part=st.sampled_from([0, 0, 0, 1, 2, 5]), lacks_tracking=rarely, is_unknown=rarely, stays=rarely)
    def ship(self, which: int, part: int, lacks_tracking: bool, is_unknown: bool, stays: bool) -> None:
        """A parcel with all or a part; without tracking yet, by a carrier that is in no map, or only packed."""
        orders = self.world.left_to_ship()
        self.world.ship(
            orders[which % len(orders)], part=part, has_tracking=not lacks_tracking,
            carrier=UNKNOWN_CARRIER if is_unknown else KNOWN_CARRIER, leaves=not stays,
        )  # fmt: skip

    @precondition(lambda self: self.world.parcels)
    @rule(which=some, what=st.sampled_from(["finish", "void"]))
    def change_parcel(self, which: int, what: str) -> None:
        parcel = list(self.world.parcels)[which % len(self.world.parcels)]
        self.world.finish_parcel(parcel) if what == "finish" else self.world.void_parcel(parcel)

    @rule(sku=st.sampled_from(["MUG-BLK", "PILLOW-DN", "TABLE-ASH"]), units=st.sampled_from([0, 1, 7, 500]), which=some,
          voids=rarely)  # fmt: skip
    def keep_warehouse(self, sku: str, units: int, which: int, voids: bool) -> None:
        """Stock is counted; an order is voided, or deleted."""
        orders = list(self.world.box.tradegecko.orders)
        if voids and orders:
            self.world.void_order(orders[which % len(orders)])
        else:
            self.world.box.tradegecko.set_stock(sku, units)

    # --- our staff -------------------------------------------------------------------------------------------

    @precondition(lambda self: self.has_sales)
    @rule(which=some, what=st.sampled_from(DECISIONS))
    def decide(self, which: int, what: str) -> None:
        self.world.decide(self.sale(which), what)

    @rule()
    def import_alias(self) -> None:
        self.world.import_aliases({UNKNOWN: GOODS[UNKNOWN]})

    @rule(jobs=st.lists(st.sampled_from(JOBS), max_size=3))
    def pause_route(self, jobs: list[str]) -> None:
        """For a while, in which the jobs go on; stopped connections are tested after it."""
        Route.objects.update(state=Route.State.PAUSED)
        for job in jobs:
            self.world.work(job)
        Route.objects.update(state=Route.State.LIVE)
        self.world.test_connections()

    # --- our processes, in quiet and in trouble --------------------------------------------------------------

    @rule(trouble=troubles, parcels=st.integers(0, 2))
    def cycle(self, trouble: list[Trouble], parcels: int) -> None:
        """A full cycle with news of the warehouse, while some requests fail; what none of them met is over after it."""
        for order in self.world.left_to_ship()[:parcels]:
            self.world.ship(order, part=0, has_tracking=True, carrier=KNOWN_CARRIER, leaves=True)
        for one in trouble:
            self.world.box.faults.add(one.system, one.name, method=one.method, path=one.path, times=one.times)
        self.world.cycle()
        self.world.box.faults.clear()
        self.world.test_connections()

    @rule(jobs=st.lists(st.sampled_from(JOBS), min_size=1, max_size=5), twice=st.booleans())
    def work(self, jobs: list[str], twice: bool) -> None:
        """Jobs in any order, an unfinished cycle among them; a task may be delivered twice."""
        for job in jobs:
            for _ in range(2 if twice else 1):
                self.world.work(job)

    @rule(tasks=st.integers(1, 4), twice=st.booleans())
    def work_off(self, tasks: int, twice: bool) -> None:
        self.world.work_off(tasks, twice=twice)

    @rule(job=jobs, kind=st.sampled_from([WRITE, WRITE, REQUEST, ANSWER]), number=st.integers(1, 100), elsewhere=rarely)
    def end_process(self, job: str, kind: str, number: int, elsewhere: bool) -> None:
        """Before a write, before a request leaves, or when its answer has come and nothing was made of it yet."""
        moment = Moment(kind, number if kind == WRITE else 1 + number % 12)
        ended = self.world.watch.end_at(moment, lambda: self.world.work(job), elsewhere=elsewhere)
        TRIED["processes ended"] += ended

    @rule(job=jobs, other=jobs, number=st.integers(1, 12))
    def work_side_by_side(self, job: str, other: str, number: int) -> None:
        """A second worker does another job, or tries the same, while the first waits for an answer."""
        self.beside(job, Moment(REQUEST, number), lambda: self.world.work(other))

    @rule(job=jobs, number=st.integers(1, 12))
    def be_taken_for_dead(self, job: str, number: int) -> None:
        """A process sleeps over a read for so long that another does its job; then it wakes up and goes on.

        Over a read: one that sleeps between the commit of its intent and the request itself cannot be stopped by
        anybody but the other side.
        """

        def overtake() -> None:
            self.world.wait(timedelta(seconds=200))
            self.world.work(job)

        self.beside(job, Moment(READ, number), overtake)

    @precondition(lambda self: self.has_sales)
    @rule(job=jobs, number=st.integers(1, 12), which=some,
          what=st.sampled_from(["cancel", "void", *DECISIONS]))  # fmt: skip
    def decide_meanwhile(self, job: str, number: int, which: int, what: str) -> None:
        """A person acts while a job waits for an answer."""

        def act() -> None:
            if what == "cancel":
                self.world.cancel(self.sale(which), "")
            elif what == "void":
                for parcel in list(self.world.parcels)[:1]:
                    self.world.void_parcel(parcel)
            else:
                self.world.decide(self.sale(which), what)

        self.beside(job, Moment(REQUEST, number), act)

    @rule(minutes=st.sampled_from([1, 4, 20, 65, 6 * 60, 26 * 60]))
    def wait(self, minutes: int) -> None:
        self.world.wait(timedelta(minutes=minutes))

    # --- what holds ------------------------------------------------------------------------------------------

    @invariant()
    def holds(self) -> None:
        TRIED["steps"] += 1
        self.world.wait(A_STEP)
        invariants.always(self.world)
        now = invariants.observations()
        older = {sku for sku, at in now.items() if at < self._shown.get(sku, at)}
        assert not older, f"{older} show stock that is older than what they showed before"
        self._shown = {**self._shown, **now}

    def teardown(self) -> None:
        try:
            if hasattr(self, "world"):
                self.world.come_to_rest()
                invariants.at_rest(self.world)
                self.world.ship_everything()
                invariants.at_rest(self.world)
                invariants.all_confirmed(self.world)
                TRIED["orders"] += len(self.world.sales)
                TRIED["orders sent"] += len(self.world.box.tradegecko.orders)
                TRIED["parcels told"] += len(self.world.told())
        finally:
            self._stack.close()

    # --- helpers ---------------------------------------------------------------------------------------------

    @property
    def has_sales(self) -> bool:
        return bool(self.world.sales)

    def sale(self, which: int) -> Sale:
        return list(self.world.sales.values())[which % len(self.world.sales)]

    def beside(self, job: str, moment: Moment, then: Callable[[], None]) -> None:
        def act() -> None:
            with self.world.nested():
                then()

        self.world.watch.meanwhile(moment, lambda: self.world.work(job), act)


def line_of(sale: Sale, which: int) -> str:
    return list(sale.skus)[which % len(sale.skus)]


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_whatever_happens_every_order_is_sent_once_and_every_parcel_told_once(is_full: bool, proved: Proved) -> None:
    """A sample, the same each time; at full length with new examples for SOAK_MINUTES."""
    sample = settings(
        max_examples=5, stateful_step_count=25, derandomize=True, database=None, deadline=None,
        phases=(Phase.generate, Phase.shrink), suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    more = settings(sample, derandomize=False, max_examples=10, stateful_step_count=50, print_blob=True)
    until = monotonic() + 60 * float(os.environ.get("SOAK_MINUTES", "5"))
    run_state_machine_as_test(Machine, settings=sample)
    while is_full and monotonic() < until:
        run_state_machine_as_test(Machine, settings=more)
    assert TRIED["orders sent"] > 5
    assert TRIED["parcels told"] > 5
    for what, count in sorted(TRIED.items()):
        proved(f"state machine: {what}", count)
