"""One hostile record among good ones, in the answers of every address that we read, through whole cycles.

No run stops: the neighbours are sent, told and shown. The spoilt one is seen by a person, and once it is told well again
it has its place like any other.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from werkzeug.wrappers import Request, Response

from integrations.models import SyncRun
from integrations.sandbox.faults import Fault
from integrations.sandbox.server import Sandbox
from orders.models import Order, UnreadableRecord
from tests.proof.conftest import Proved
from tests.proof.hostile import CHANGES, MEGABYTE, dumped, nested, spoil
from tests.proof.invariants import place_of
from tests.proof.world import World, opened

pytestmark = pytest.mark.long

START = datetime(2026, 6, 3, 15, tzinfo=UTC)
NEIGHBOURS, VICTIM = ("MUG-BLK", "SIX-PILLOWS"), "TEE-RED-M"
READ = ("/salesorders", "/locations", "/companies", "/currencies", "/variants", "/orders", "/fulfillments",
        "/fulfillment_line_items", "/stock_levels", "/accounts/current")  # fmt: skip
ONE_ORDER = re.compile(rb"<list>(?:(?!<list>).)*?TEE-RED-M.*?</list>", re.S)
Spoil = Callable[[bytes], bytes]


class Spoiling(Sandbox):
    """Changes the answers to reads of one address; `hits` are those that are not what they were."""

    hits = 0
    path, spoil = "", staticmethod(lambda body: body)

    def _answer(
        self, fault: Fault | None, handle: Callable[[Request], Response], request: Request, environ: WSGIEnvironment,
        start_response: StartResponse,
    ) -> Iterable[bytes]:  # fmt: skip
        def spoilt(request: Request) -> Response:
            answer = handle(request)
            if request.method == "GET" and request.path == self.path and answer.status_code == 200:
                before = answer.get_data()
                answer.set_data(self.spoil(before))
                self.hits += answer.get_data() != before
            return answer

        return super()._answer(fault, spoilt, request, environ, start_response)


def in_xml(seed: str) -> Spoil:
    """The victim's order, after a few changes of its bytes."""

    def change(body: bytes) -> bytes:
        rng = random.Random(seed)
        found = ONE_ORDER.search(body)
        if found is None:
            return body
        part = found[0]
        for _ in range(rng.choice([1, 2, 3])):
            part = rng.choice(CHANGES)(rng, part) if part else part
        return body[: found.start()] + part + body[found.end() :]

    return change


def in_json(path: str, seed: str) -> Spoil:
    """A row of the answer: the victim's where there is one, else one more that nobody needs."""

    def change(body: bytes) -> bytes:
        rng, answer = random.Random(seed), json.loads(body)
        root = path.rpartition("/")[2]
        if root == "current":
            return dumped({"account": spoil(rng, answer["account"])})
        rows = answer.get(root, [])
        place = next((place for place, row in enumerate(rows) if _is_victims(row)), None)
        if place is not None:
            rows[place] = _spoilt(rng, rows[place])
        elif rows and root in ("locations", "companies", "currencies"):
            other = {**rows[0], "id": 990_001, "label": "Elsewhere", "name": "Somebody", "iso": "XTS"}
            rows.insert(0, _spoilt(rng, other))
        return dumped(answer)

    return change


def _spoilt(rng: random.Random, row: Any) -> Any:
    """Not one that passes for a neighbour: a lie that is well told cannot be found out."""
    names = ("id", "order_id", "variant_id", "fulfillment_id", "order_line_item_id")
    kept = {name: row[name] for name in names if name in row}
    changed = nested(200) if rng.random() < 0.05 else spoil(rng, row)
    if isinstance(changed, dict):
        for name, value in kept.items():
            if str(changed.get(name)).strip() in {str(number) for number in range(100)} - {str(value)}:
                changed[name] = value
    return changed


VICTIMS: dict[str, set[Any]] = {}


def _is_victims(row: dict[str, Any]) -> bool:
    """Whether the row is the victim's variant, stock, order, parcel or part of a parcel."""
    return any(row.get(name) in ids for name, ids in VICTIMS.items())


def know_victim(world: World, number: str) -> None:
    """What the rows of the victim can be told by, as far as it has come."""
    gecko = world.box.tradegecko
    variant = next(row["id"] for row in gecko.tables["variants"].values() if row["sku"] == VICTIM)
    VICTIMS.clear()
    VICTIMS.update(sku={VICTIM}, variant_id={variant}, reference_number={number})
    VICTIMS["order_id"] = {row["id"] for row in world.placed(number)}


def cycle(world: World) -> None:
    """All jobs, and the connections' test; none of them fails otherwise than it says."""
    world.cycle()
    world.test_connections()
    failed = SyncRun.objects.filter(error__contains="unexpected").first()
    assert failed is None, f"{failed}: {failed.error}"


def check_neighbours(world: World, numbers: list[str], *, told: bool) -> None:
    for number in numbers:
        assert len(world.placed(number)) == 1, f"{number} was not sent"
        assert bool(world.told(number)) == told, f"{number}: told {world.told(number)}"
    shown = {sku for sku, _ in world.box.oasis.quantities}
    assert shown >= set(NEIGHBOURS), f"only {shown} are shown"


def live_through(world: World, path: str, change: Spoil) -> bool:
    """Sale, sending and parcels while the answers are spoilt; then all is told well again. Whether any was spoilt."""
    box = world.box
    assert isinstance(box, Spoiling)
    for sku in (NEIGHBOURS[0], VICTIM, NEIGHBOURS[1]):
        world.sell([(sku, 2)], age=timedelta(minutes=1), lacks_city=False)
    first, victim, last = world.sales
    know_victim(world, victim)
    box.path, box.spoil = path, change  # type: ignore[assignment]
    cycle(world)
    know_victim(world, victim)
    check_neighbours(world, [first, last], told=False)
    for order in world.left_to_ship():
        world.ship(order, part=0, has_tracking=True, carrier=("UPS", "Ground"), leaves=True)
    world.wait(timedelta(minutes=30))
    cycle(world)
    cycle(world)
    check_neighbours(world, [first, last], told=True)
    assert _is_seen(victim), "nobody sees the spoilt order"
    box.path = ""
    world.come_to_rest()
    world.ship_everything()
    check_neighbours(world, [first, last], told=True)
    check_victim(world, victim)
    return box.hits > 0


def _is_seen(number: str) -> bool:
    """By its own number, as unreadable, or by a number that it was read under."""
    order = Order.objects.filter(full_number=number).first()
    return bool(order and place_of(order)) or UnreadableRecord.objects.exists() or Order.objects.count() > 2


def check_victim(world: World, number: str) -> None:
    """Sent once and told, unless it was read as something that a person, or its status, now explains."""
    order = Order.objects.get(full_number=number)
    assert len(world.placed(number)) <= 1
    if order.status in (Order.Status.CONFIRMED, Order.Status.CANCELLED):
        return
    explained = order.holds.exclude(message="").exists() or order.status == Order.Status.SKIPPED
    refused = order.confirmations.filter(status="parked").exists()
    assert place_of(order), order.status
    assert explained or refused, f"{number} is {order.status} and says nothing"


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
@pytest.mark.parametrize("path", READ)
def test_a_hostile_record_harms_no_neighbour_and_is_seen(path: str, is_full: bool, proved: Proved) -> None:
    spoilt = 0
    for number in range(15 if is_full else 1):
        seed = f"{path} {number}"
        change = in_xml(seed) if path == "/salesorders" else in_json(path, seed)
        try:
            with opened(START, Spoiling) as world:
                if path == "/fulfillment_line_items":
                    world.box.tradegecko.switch(sideload_lines="never")
                spoilt += live_through(world, path, change)
        except AssertionError as exc:
            raise AssertionError(f"case {seed!r}: {exc}") from exc
    assert spoilt
    proved("lives of orders beside a hostile record", spoilt)


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
@pytest.mark.parametrize("value", ["x" * MEGABYTE, "&" * MEGABYTE, "<a>" * 10_000, "\x00" * 1000, "&a;" * 1000])
def test_a_monster_in_an_order_harms_no_neighbour_and_is_seen(value: str, proved: Proved) -> None:
    with opened(START, Spoiling) as world:
        assert live_through(world, "/salesorders", lambda body: _with_city(body, value.encode()))
    proved("lives of orders beside a hostile record", 1)


def _with_city(body: bytes, value: bytes) -> bytes:
    found = ONE_ORDER.search(body)
    if found is None:
        return body
    part = found[0].replace(b">Boise<", b">" + value + b"<")
    return body[: found.start()] + part + body[found.end() :]
