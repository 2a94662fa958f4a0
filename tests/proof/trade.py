"""A shop's days as its stock sees them: sales here and elsewhere, goods that come, go and move, and what may go wrong.

Each event is drawn by a seeded die, so that a world can be played again.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product
from typing import Any

from integrations.models import Route
from integrations.sandbox.gecko_values import Invalid
from inventory.models import Listing
from inventory.rules import InventoryRule
from orders import short_shipping
from orders.models import IllegalTransition, OrderLine
from tests.proof.breaking import ANSWER, READ, REQUEST, WRITE, Moment
from tests.proof.misread import NOT_DONE, Misread
from tests.proof.shelves import BUNDLES, EAST, GOODS, MAIN, SHELVED, Outlet, Terms
from tests.proof.shop import READING
from tests.proof.world import JOBS, KNOWN_CARRIER, Sale

STOCK_JOBS = ("pull_levels", "pull_levels", "refresh_levels", "publish_inventory", "publish_inventory")
ORDER_JOBS = ("pull_orders", "submit_orders", "pull_shipments")
# (system, method, path) and what may befall it: not done, or done and unheard.
READS = (("tradegecko", "GET", "/stock_levels"), ("tradegecko", "GET", "*"), ("oasis", "GET", "*"))
WRITES = (("tradegecko", "POST", "/orders"), ("oasis", "POST", "/inventory"), ("oasis", "POST", "/inventory"))
UNHEARD = ("reset_after_apply", "503_after_apply", "html_200_after_apply", "truncated", "empty_200_after_apply")
RULES = (Terms(), Terms(reserve=2), Terms(cap=3), Terms(minimum=4), Terms(fixed=7), Terms(is_silent=True))
UNREADABLE = ("truncated", "empty_200", "204", "error_in_200")


class Trade(Misread):
    """What happens to it."""

    def open_for_business(self) -> None:
        """What a few days may miss: each rule where it tells, a held order whose answer is lost, a sweep that ends early."""
        lines = [{"partner_sku": sku, "quantity": 2} for sku in ("MUG-BLK", "TEE-RED-M")]  # no alias lists them
        self._order(self.main, lines, held=True)
        for sku in ("MUG-BLK", "THROW-WL"):  # of both enough for a tea box, so that it is the mugs that decide
            self.box.tradegecko.set_stock(sku, 20, location=MAIN)
        self.count()
        self.calm()
        self._one("sell_a_component")
        self._one("pack_anew")
        self._rule_all()
        self.calm(by_reading=False)
        self._move("MUG-BLK", EAST, 3)  # which SILENT must not show
        self._one("lose_an_order")
        self._one("leave_out_a_page")
        self.calm()

    def days(self) -> None:
        """A few things in a row, then a rest; where nothing disturbs, orders and rules must do without new figures."""
        is_quiet = self.luck.random() < 0.4
        for _ in range(THINGS):
            self._one(self.luck.choice(QUIET if is_quiet else EVENTS))
        self.calm(by_reading=not is_quiet)
        self._one(self.luck.choice(["change_alias", "change_alias", "change_rules"]))  # nothing else brings it up again
        self.calm(by_reading=False)

    def close_down(self) -> None:
        """From a rest, what a few days may miss, too: each thing goes on from where the one before ended."""
        for name in ("lose_quantities", "end_while_publishing", "misread"):
            self._one(name)

    def _one(self, name: str) -> None:
        """One thing of the many, and what must hold after it."""
        self.happened.append(name)
        self.tried[name] += 1
        getattr(self, name)()
        self.world.wait(timedelta(seconds=2))
        self.look()

    def sell(self) -> None:
        """Two orders, of which some wait for their city."""
        for outlet in (self.main, self.luck.choice(self.outlets)):
            self._order(outlet)
        self.count()

    def sell_a_component(self) -> None:
        """Mugs, to an order that waits: no figure changes, and of the tea box nothing but what is in it."""
        self._order(self.main, [{"partner_sku": "MUG-BLK", "quantity": 4}], held=True)
        self.count()
        self.world.work("pull_orders")
        self.world.work("publish_inventory")
        self.compare_all()

    def pack_anew(self) -> None:
        """A pack takes one more, and nothing else changes."""
        self.alias("THREE-MUGS", {"MUG-BLK": 4})
        self.world.work("publish_inventory")
        self.compare_all()

    def _order(self, outlet: Outlet, lines: list[dict[str, Any]] | None = None, *, held: bool | None = None) -> None:
        lines = lines or [self._line() for _ in range(self.luck.choice([1, 1, 2]))]
        held = self.luck.random() < 0.35 if held is None else held
        at = datetime.now(UTC) - timedelta(minutes=1)
        number = self.box.oasis.add_order(
            *lines, ordered_at=at, created_at=at, warehouse=outlet.name, address={"city": ""} if held else {}
        )
        numbered = {str(place): line for place, line in enumerate(lines, start=1)}
        self.world.sales[number] = Sale(
            number, {one: line["partner_sku"] for one, line in numbered.items()},
            {one: {line["quantity"]} for one, line in numbered.items()}, held,
        )  # fmt: skip
        self.unsettled.add(number)

    def _line(self) -> dict[str, Any]:
        partner, option = GOODS[self.luck.choice([*GOODS])]
        return {"partner_sku": partner, "option_sku": option, "quantity": self.luck.randint(1, 3)}

    def stock(self) -> None:
        """Goods come, are sold elsewhere, are counted, or are carried to the other place."""
        sku, place, units = self.luck.choice(SHELVED), self.luck.choice([MAIN, EAST]), self.luck.randint(1, 12)
        here = self.now().on_hand(sku, place)
        what = self.luck.choice(["comes", "comes", "goes", "goes", "counted", "moved"])
        if what == "moved":
            other = EAST if place == MAIN else MAIN
            self.box.tradegecko.set_stock(sku, str(self.now().on_hand(sku, other) + units), location=other)
        after: Decimal = {"comes": here + units, "counted": Decimal(units * 2 - 4)}.get(what, here - units)
        self.box.tradegecko.set_stock(sku, str(after), location=place)
        self.is_lower |= after < here
        self.is_unclear = True
        self.count()

    def change_order(self) -> None:
        """The customer cancels or changes it, the warehouse voids it, or our staff short ship a line."""
        sale = self._sale()
        if sale is None:
            return
        self.unsettled.add(sale.number)
        self.is_unclear = True
        line = self.luck.choice([*sale.skus])
        match self.luck.choice(["cancel", "cancel", "cancel line", "edit", "void", "short", "mend"]):
            case "edit":
                self.world.edit(sale, line, self.luck.randint(1, 4))
            case "void":
                for row in self.world.placed(sale.number):
                    self.world.void_order(row["id"])
            case "short":
                self._short_ship(sale, line)
            case "mend":
                self.world.correct_city(sale)
            case what:
                self.world.cancel(sale, line if what == "cancel line" else "")
        self.count()

    def _short_ship(self, sale: Sale, number: str) -> None:
        for line in OrderLine.objects.filter(order__full_number=sale.number, number=number):
            with suppress(IllegalTransition):
                short_shipping.ask(line, "OUT", None)

    def ship(self) -> None:
        """A parcel with all or a part; the shelf holds less, and as much less is sold."""
        orders = self.world.left_to_ship()
        if orders:
            order = self.luck.choice(orders)
            self._leave_draft(order)
            with suppress(Invalid):
                self.world.ship(
                    order, part=self.luck.choice([0, 1, 2]), has_tracking=True, carrier=KNOWN_CARRIER,
                    leaves=self.luck.random() < 0.8,
                )  # fmt: skip
        self.count()

    def _leave_draft(self, order_id: int) -> None:
        """A draft that ships commits its goods from now on: no figure that was read before it is noticed tells of that."""
        row = self.box.tradegecko.orders[order_id]
        if row["status"] == "draft":
            self.unsettled.add(row["reference_number"])
            self.is_unclear = True

    def change_alias(self) -> None:
        """A kit gets other parts, a pack more units, or one is taken out; MYSTERY-9 is mapped, which frees its orders."""
        sku = self.luck.choice(["MYSTERY-9", "MYSTERY-9", "THREE-MUGS", "DINING-SET", "TEA", "HAMPER-ETC"])
        others = [*SHELVED, *BUNDLES]
        parts = {self.luck.choice(others): self.luck.randint(1, 4) for _ in range(self.luck.choice([1, 1, 2, 3]))}
        self.alias(sku, {} if self.luck.random() < 0.15 else parts)

    def change_rules(self) -> None:
        """Of a route, or of a listing on it."""
        outlet, sku = self.luck.choice(self.outlets), self.luck.choice([*GOODS])
        what = self.luck.choice(["reserve", "minimum", "cap"])
        route = Route.objects.get(marketplace_warehouse_name=outlet.name)
        if self.luck.random() < 0.4:
            value = self.luck.choice([0, 1, 3]) if what != "cap" else self.luck.choice([None, 2, 10])
            outlet.terms = Terms(**{**vars(outlet.terms), what: value})
            setattr(route, {"minimum": "minimum_level", "cap": "max_online"}.get(what, what), value)
            route.save()
        else:
            self._rule(route, outlet, sku, self.luck.choice(RULES))
        self.count()

    def _rule_all(self) -> None:
        """At the first outlet a listing gets a reserve, one a cap and so on; the other keeps back a reserve of all."""
        now, route = self.now(), Route.objects.get(marketplace_warehouse_name=self.main.name)
        shown = {sku: now.quantity(self.main, sku) or 0 for sku in self.luck.sample(TRACKED, len(TRACKED))}
        plenty_first = sorted(shown, key=lambda sku: shown[sku] < 2)
        for sku, kind in zip(plenty_first, ("minimum", "cap", "reserve", "fixed"), strict=False):
            told: dict[str, Any] = {
                "minimum": shown[sku] + 1,
                "cap": max(shown[sku] - 1, 0),
                "reserve": 10,
                "fixed": shown[sku] + 2,
            }
            self._rule(route, self.main, sku, Terms(**{kind: told[kind]}))
        self._rule(route, self.main, SILENT, Terms(is_silent=True))
        self.reno.terms = Terms(reserve=2)
        Route.objects.filter(marketplace_warehouse_name=self.reno.name).update(reserve=2)
        self.count()

    def _rule(self, route: Route, outlet: Outlet, sku: str, terms: Terms) -> None:
        listing = Listing.objects.filter(route=route, marketplace_sku=sku).first()
        if listing is None:
            return
        InventoryRule.objects.filter(listing=listing).delete()
        outlet.own.pop(sku, None)
        self.silent.pop((outlet.name, sku), None)
        if terms != Terms():
            InventoryRule.objects.create(
                route=route, listing=listing, reserve=terms.reserve, minimum_level=terms.minimum, max_online=terms.cap,
                fixed_quantity=terms.fixed, do_not_publish=terms.is_silent,
            )  # fmt: skip
            outlet.own[sku] = terms

    # --- Crossdock at work, in quiet and in trouble ----------------------------------------------------------

    def work(self) -> None:
        for _ in range(self.luck.randint(1, 3)):
            self.world.work(self.luck.choice([*STOCK_JOBS, *ORDER_JOBS, *ORDER_JOBS, *JOBS]))

    def work_in_trouble(self) -> None:
        """Answers are lost, refused or unreadable; what no request met is over after it."""
        self.is_unclear = True
        for _ in range(self.luck.randint(1, 2)):
            writes = self.luck.random() < 0.6
            system, method, path = self.luck.choice(WRITES if writes else READS)
            name = self.luck.choice([*NOT_DONE, *(UNHEARD * 2 if writes else UNREADABLE)])
            self.box.faults.add(system, name, method=method, path=path, times=self.luck.randint(1, 3))
        for job in self.luck.choice([("pull_orders", "submit_orders", "publish_inventory"), READING, STOCK_JOBS]):
            self.world.work(job)
        self.box.faults.clear()
        self.world.test_connections()

    def lose_an_order(self) -> None:
        """A held order is put right, and its answer is lost on the way; then quantities are sent."""
        held = [one for one in self.world.sales.values() if one.lacks_city]
        if held:
            self.unsettled.add(held[0].number)
            self.world.correct_city(held[0])
        self._lose("/orders", "submit_orders")
        self.world.work("publish_inventory")

    def lose_a_quantity(self) -> None:
        """Goods go, which Overstock is told and does not answer; then they may come back."""
        self.is_lower = True
        sku, place = self.luck.choice(SHELVED), self.luck.choice([MAIN, EAST])
        here = self.now().on_hand(sku, place)
        for units in (here - self.luck.randint(2, 9), here)[: self.luck.randint(1, 2)]:
            self.box.tradegecko.set_stock(sku, str(units), location=place)
            self.count()
            self.world.work("pull_levels")
            if units != here:
                self._lose("/inventory", "publish_inventory")

    def lose_quantities(self) -> None:
        """From a rest: one answer is lost and nothing done, the next is lost and all done; then what is sent is right.

        Mugs go once and stay away, vases go twice, tees go and come back. No rule hides it.
        """
        self._lift_rules()
        for sku, place in product(("MUG-BLK", "VASE-BLU", "TEE-RED-M"), (MAIN, EAST)):
            self._move(sku, place, 9 - self.now().available(sku, place))
        self._publish_anew("")
        if self.world.release_guarded():  # without its rule one may rise more than tenfold
            self._publish_anew("")
        for fault, moved in (("reset", {"MUG-BLK": -2, "VASE-BLU": -2}), ("reset_after_apply", {"VASE-BLU": -1, "TEE-RED-M": -2}),
                             ("", {"TEE-RED-M": 2})):  # fmt: skip
            for sku, units in moved.items():
                self._move(sku, EAST, units)
            self._publish_anew(fault)
        self.compare_all()

    def _publish_anew(self, fault: str) -> None:
        self.world.work("pull_levels")
        self._lose("/inventory", "publish_inventory", fault)
        self.look()

    def _lift_rules(self) -> None:
        InventoryRule.objects.all().delete()
        Route.objects.update(reserve=0, minimum_level=0, max_online=None)
        for outlet in self.outlets:
            outlet.terms = Terms()
            outlet.own.clear()
        self.silent.clear()

    def _lose(self, path: str, job: str, fault: str | None = None) -> None:
        self.is_unclear = True
        system = "tradegecko" if path == "/orders" else "oasis"
        name = self.luck.choice([*UNHEARD, "reset", "reset", "html_200"]) if fault is None else fault
        if name:
            self.box.faults.add(system, name, method="POST", path=path)
        self.world.work(job)
        self.box.faults.clear()

    def end_process(self) -> None:
        self.is_unclear = True
        job, kind = self.luck.choice([*STOCK_JOBS, *ORDER_JOBS]), self.luck.choice([WRITE, WRITE, REQUEST, ANSWER])
        moment = Moment(kind, self.luck.randint(1, 40 if kind == WRITE else 6))
        self.world.watch.end_at(moment, lambda: self.world.work(job), elsewhere=False)

    def end_while_publishing(self) -> None:
        """The process ends between deciding and having published; what it decided from is not new to the next one."""
        for number in self.luck.sample(range(14, 26), 3):
            self._move("MUG-BLK", EAST, -1)
            self.world.work("pull_levels")
            self.world.wait(timedelta(minutes=1))
            publish = Moment(WRITE, number)
            self.world.watch.end_at(publish, lambda: self.world.work("publish_inventory"), elsewhere=False)
            self.world.work("publish_inventory")
            self.compare_all()

    def work_side_by_side(self) -> None:
        """While a job waits for an answer or has it in hand, something happens, and another worker does another job."""
        self.is_unclear = True
        job, other = self.luck.choice([*STOCK_JOBS, "submit_orders"]), self.luck.choice([*STOCK_JOBS, *ORDER_JOBS])
        event: Callable[[], None] = self.luck.choice([self.stock, self.stock, self.ship, self.sell, self.change_alias])

        def act() -> None:
            with self.world.nested():
                event()
                self.world.work(other)
            self.look()

        moment = Moment(self.luck.choice([READ, REQUEST, ANSWER]), self.luck.randint(1, 4))
        self.world.watch.meanwhile(moment, lambda: self.world.work(job), act)

    def be_overtaken(self) -> None:
        """A page of a sweep is answered, and stored only after something on it was sold and read again."""
        self.is_unclear = self.is_lower = True

        def act() -> None:
            with self.world.nested():
                for sku in SHELVED:
                    self.box.tradegecko.set_stock(sku, str(self.now().on_hand(sku, MAIN) - 2), location=MAIN)
                self.alias(
                    "THREE-MUGS", dict.fromkeys(SHELVED, self.luck.randint(1, 9))
                )  # what changed is read at once
                self.world.work("refresh_levels")
            self.look()

        moment = Moment(ANSWER, self.luck.randint(2, 5))
        self.world.watch.meanwhile(moment, lambda: self.world.work("pull_levels"), act)

    def wait(self) -> None:
        self.world.wait(timedelta(minutes=self.luck.choice([1, 4, 20, 65, 7 * 60, 26 * 60])))
        self.is_unclear = self.is_lower = True

    def _sale(self) -> Sale | None:
        return self.luck.choice([*self.world.sales.values()]) if self.world.sales else None


SILENT = "THREE-MUGS"
TRACKED = tuple(sku for sku in GOODS if sku not in ("CARD", "MYSTERY-9", SILENT))
THINGS = 6
QUIET = (*("sell",) * 4, *("work",) * 2, "ship", "change_alias", "change_alias", "change_rules")
EVENTS = (
    *("sell",) * 5, *("stock",) * 4, *("change_order",) * 2, *("ship",) * 2, "change_alias", "change_alias",
    "change_rules", *("work",) * 5, *("work_in_trouble",) * 2, "lose_an_order", "lose_a_quantity", "sweep_cut_short",
    "end_process", "work_side_by_side", *("be_overtaken",) * 2, "wait",
)  # fmt: skip
