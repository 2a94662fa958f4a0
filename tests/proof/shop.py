"""A shop with two outlets, and what must hold of every quantity: at any time, and when all has come to rest."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from django.db.models import Model, QuerySet

from integrations.models import Connection, Route
from integrations.transmissions import transmission_models
from inventory import kits
from inventory.models import InventoryLevel, Listing
from orders.models import Order
from tests.proof.shelves import ALIASES, BUNDLES, EAST, GOODS, MAIN, SHELVED, Count, Outlet, reckoned
from tests.proof.world import CYCLE, World

READING = ("pull_levels", "refresh_levels")
AT_REST = tuple(job for job in CYCLE if job not in ("write_inventory_files", "check_inventory"))
A_WHILE = timedelta(minutes=6)  # in which TradeGecko's calls are counted anew
MOST_CALLS, MOST_ROUNDS = 60, 12
Key = tuple[str, str]


class Shop:
    """One world and its two outlets, of which the second sells from the place that also counts for the first.

    `is_lower`: goods went without Crossdock's doing since the last rest. `is_unclear`: so did anything that may make it
    show less than there is until stock is read again.
    """

    def __init__(self, world: World, luck: Random) -> None:
        self.world, self.luck, self.box = world, luck, world.box
        self.happened, self.tried = list[str](), Counter[str]()
        self.aliases = {"SIX-PILLOWS": {"PILLOW-DN": 6}, "DINING-SET": {"CHAIR-ASH": 4, "TABLE-ASH": 1}}
        self.main, self.reno = Outlet("Riverside DC", (MAIN, EAST)), Outlet("Reno DC", (EAST,))
        self.outlets = (self.main, self.reno)
        self.high, self.low, self.most = dict[Key, int](), dict[Key, int](), dict[Key, Decimal]()
        self.unsettled, self.learned, self.seen_at = set[str](), set[str](), dict[int, datetime]()
        self.silent = dict[Key, int | None]()
        self.is_lower = self.is_unclear = False
        self._open()

    def _open(self) -> None:
        gecko = self.box.tradegecko
        gecko.add_variant("GIFT-CARD", manage_stock=False)
        for bundle, parts in BUNDLES.items():
            gecko.add_bundle(bundle, parts)
        for sku in SHELVED:
            for place in (MAIN, EAST):
                gecko.set_stock(sku, self.luck.choice([0, 3, 8, 20, 40]), location=place)
        self.box.oasis.warehouses.add(self.reno.name)
        for sku in GOODS:
            self.box.oasis.add_listing(sku)
        self._set_up_routes()
        for sku, parts in ALIASES.items():
            self.alias(sku, parts)

    def _set_up_routes(self) -> None:
        status = self.luck.choice([Route.OrderStatus.DRAFT, Route.OrderStatus.ACTIVE, Route.OrderStatus.FINALIZED])
        rules: dict[str, object] = {"order_status": status, "cancels_after_sending": self.luck.choice(Route.CancelsAfter.values),
                 "short_ship_reasons": "OUT Out of stock", "untracked_quantity": 50}  # fmt: skip
        first = Route.objects.get()
        Route.objects.create(
            name="Second", marketplace=first.marketplace, marketplace_warehouse_name=self.reno.name,
            warehouse=first.warehouse, location_name=EAST, state=Route.State.LIVE,
            earliest_order_date=first.earliest_order_date,
        )  # fmt: skip
        Route.objects.update(**rules)
        Route.objects.filter(pk=first.pk).update(counted_locations=EAST)
        options = {"page_size": self.luck.choice([4, 4, 9]), "sku_batch": self.luck.choice([3, 50])}
        Connection.objects.filter(pk=self.world.stock.pk).update(options=options)
        Connection.objects.filter(pk=self.world.market.pk).update(older_slice_hours=168, recent_slice_minutes=1440)

    def alias(self, sku: str, parts: dict[str, int]) -> None:
        if parts and self.aliases.get(sku, {}).keys() <= parts.keys() and self.luck.random() < 0.3:
            self.world.import_aliases({sku: parts})
        else:
            kits.put(self.world.market, sku, tuple(parts.items()), seen=kits.parts_of(self.world.market, sku))
        self.aliases[sku] = parts
        self.is_lower |= not self._skus_of(sku) <= self.learned  # what was never read is not guessed
        self.count()

    def _skus_of(self, sku: str) -> set[str]:
        """What the warehouse is asked for; without an alias, whether it knows the SKU itself."""
        return set(self.aliases[sku] or [GOODS[sku][0]])

    # --- what must hold --------------------------------------------------------------------------------------

    def now(self) -> Count:
        return Count(self.box, self.outlets, self.aliases)

    def count(self) -> None:
        """Remember the most and the least that may be shown until everything comes to rest.

        Of what was sold and not pulled yet, or went and was not read again, Crossdock cannot know, and takes off nothing.
        """
        now, doubtful = self.now(), {one for one in self.unsettled if one in self.box.oasis.orders}
        known = Count(self.box, self.outlets, self.aliases, self._not_pulled(), self._not_read(now), is_noticed=False)
        for outlet in self.outlets:
            for sku in GOODS:
                most, least = known.quantity(outlet, sku), now.quantity(outlet, sku, doubtful)
                key = outlet.name, sku
                self.high[key] = max(self.high.get(key, 0), 10**9 if most is None else most)
                self.low[key] = min(self.low.get(key, 10**9), 0 if least is None else least)

    def _not_pulled(self) -> set[str]:
        return {*self.box.oasis.orders} - set(Order.objects.values_list("full_number", flat=True))

    def _not_read(self, now: Count) -> dict[Key, Decimal]:
        """What went since the last rest and not for an order."""
        supplied = {(sku, place): now.supplied(sku, place) for sku in SHELVED for place in (MAIN, EAST)}
        self.most = {key: max(units, self.most.get(key, units)) for key, units in supplied.items()}
        return {key: self.most[key] - units for key, units in supplied.items()}

    def look(self) -> None:
        """Nothing is shown that there never was since the last rest, and nothing is withheld without a reason."""
        self.count()
        doubled = {one: times for one, times in self._references().items() if times > 1}
        assert not doubled, f"doubled in TradeGecko: {doubled}"
        for outlet in self.outlets:
            for sku in GOODS:
                shown, key = self.shown(outlet, sku), (outlet.name, sku)
                assert shown is None or shown <= self.high[key], self._told(outlet, sku, f"at most {self.high[key]}")
                assert shown is None or shown >= self.low[key], self._told(outlet, sku, f"at least {self.low[key]}")
        seen = dict(InventoryLevel.objects.values_list("pk", "observed_at"))
        assert all(at >= self.seen_at.get(pk, at) for pk, at in seen.items()), "an older figure went before a newer one"
        self.seen_at = seen

    def _move(self, sku: str, place: str, units: Decimal | int) -> None:
        self.box.tradegecko.set_stock(sku, str(self.now().on_hand(sku, place) + units), location=place)
        self.is_lower = True
        self.count()

    def calm(self, *, by_reading: bool = True) -> None:
        """Work until nothing changes any more, and compare all; without reading, only where the figures suffice."""
        if not by_reading and self.is_lower:
            return
        if self.is_unclear:
            self.world.test_connections()
        calls = self._come_to_rest([job for job in AT_REST if by_reading or job not in READING])
        self.look()
        self.compare_all(exactly=by_reading or not self.is_unclear)
        assert calls <= MOST_CALLS, f"{calls} calls though nothing changed"
        if by_reading:
            self._settle()

    def compare_all(self, *, exactly: bool = True) -> None:
        for outlet in self.outlets:
            for sku in GOODS:
                self._compare(outlet, sku, exactly=exactly)

    def _settle(self) -> None:
        self.is_lower = self.is_unclear = False
        self.learned |= {name for sku in self.aliases for name in self._skus_of(sku)}
        placed = self.now().placed
        self.unsettled = {number for number in self.unsettled if number not in placed}
        self.high.clear()
        self.low.clear()
        self.most.clear()
        self.count()

    def _come_to_rest(self, jobs: list[str]) -> int:
        """The calls of the last round, which changed nothing."""
        for number in range(MOST_ROUNDS):
            before, calls = self.world.writes(), len(self.box.log)
            self.world.wait(A_WHILE)
            for job in jobs:
                self.world.work(job)
            if self.world.writes() == before and not self.world.release_guarded() and not self._open_rows():
                return len(self.box.log) - calls
            if number < 3 and self.is_unclear:
                self.world.retry_everything()
        raise AssertionError(f"after {MOST_ROUNDS} rounds there is still something to do: {self._open_rows()}")

    def _compare(self, outlet: Outlet, sku: str, *, exactly: bool) -> None:
        want, shown = self.now().quantity(outlet, sku), self.shown(outlet, sku)
        if want is None:
            before = self.silent.setdefault((outlet.name, sku), shown)
            assert shown == before, self._told(outlet, sku, f"{before}, as it was when nothing more was to be sent")
        if want is None or (shown is None and not self.aliases.get(sku)):
            return
        self.tried["quantities compared"] += 1
        right = shown is not None and (shown == want if exactly else shown <= want)
        assert right, self._told(outlet, sku, str(want))
        for row in self._listings(outlet, sku).exclude(published_quantity=None):
            assert reckoned(row.explanation) == row.published_quantity, f"{sku}: {row.explanation} does not make it"

    def shown(self, outlet: Outlet, sku: str) -> int | None:
        """Under the option SKU, once an order taught it."""
        taught = self.box.oasis.quantities.get((GOODS[sku][1], outlet.name))
        return self.box.oasis.quantities.get((sku, outlet.name)) if taught is None else taught

    def _told(self, outlet: Outlet, sku: str, wanted: str) -> str:
        now = self.now()
        parts = {
            part: (units, *(str(now.available(part, place)) for place in outlet.places))
            for part, units in now.parts(*GOODS[sku]).items()
        }
        why = [row.explanation for row in self._listings(outlet, sku)]
        seen = f"{sku} at {outlet.name} shows {self.shown(outlet, sku)}, not {wanted}"
        return f"{seen}: {parts}, {outlet.terms_of(sku)}; {why}; {self.happened}"

    def _listings(self, outlet: Outlet, sku: str) -> QuerySet[Listing]:
        return Listing.objects.filter(route__marketplace_warehouse_name=outlet.name, marketplace_sku=sku)

    def _figures(self) -> dict[int, Decimal]:
        return dict(InventoryLevel.objects.values_list("pk", "available"))

    def _references(self) -> Counter[str]:
        return Counter(row["reference_number"] for row in self.box.tradegecko.living())

    def _open_rows(self) -> list[Model]:
        found: list[Model] = []
        for model in transmission_models():
            found += model._default_manager.filter(status__in=("pending", "in_flight", "unconfirmed"))
        return found
