"""Hundreds of parcels to be told, and who tells them is killed again and again in the middle of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from signal import SIGKILL
from typing import Any

import pytest

from bench.installation import set_up
from integrations.sandbox.server import Sandbox
from tests.proof import life
from tests.proof.databases import Databases
from tests.proof.nursery import Nursery

pytestmark = pytest.mark.long
PARCELS, KILLS = 300, 10
FURTHEST = 300  # points until the next kill: about twenty parcels
MOST_RUNS = 20  # each has its turn, which ends after minutes


class Workers:
    """One after the other, each a process of its own."""

    def __init__(self, nursery: Nursery, database: str) -> None:
        self._nursery, self._database = nursery, database

    def work(self, *jobs: str, **how: Any) -> dict[str, Any]:
        """How we stand when one has done these jobs."""
        ended = self._nursery.raise_one(self._database, jobs=jobs, **how)
        assert ended.status == 0, ended
        return ended.answer["ours"]  # type: ignore[no-any-return]

    def work_until(self, job: str, status: str) -> dict[str, Any]:
        """The same, when all orders have this status."""
        for _ in range(MOST_RUNS):
            ours = self.work(job)
            if set(ours["statuses"].values()) == {status}:
                return ours
        raise AssertionError(f"not all {status}: {ours}")

    def be_killed_in(self, job: str, point: int) -> None:
        assert self._nursery.raise_one(self._database, jobs=(job,), fatal=point).status == -SIGKILL


def test_each_of_hundreds_of_parcels_is_told_once_though_their_tellers_are_killed(
    box: Sandbox, databases: Databases
) -> None:
    """Half of each order is left open: the marketplace would take a parcel once more."""
    box.tradegecko.limit = 10**6
    at = datetime.now(UTC) - timedelta(minutes=1)
    mugs = {"partner_sku": "MUG-BLK", "quantity": 2}
    numbers = [box.oasis.add_order(mugs, ordered_at=at, created_at=at) for _ in range(PARCELS)]
    box.tradegecko.set_stock("MUG-BLK", 2 * PARCELS)
    with Nursery(databases.address, **life.secrets(box)) as nursery:
        workers = Workers(nursery, databases.create("now"))
        workers.work("pull_orders", manage=[["migrate", "--verbosity", "0"], *set_up(box)])
        workers.work_until("submit_orders", "submitted")
        for number in numbers:
            life.ship(box, number, f"1Z{number}", {"MUG-BLK": 1})
        workers.work_until("pull_shipments", "partly_shipped")
        luck = Random(300)
        for _ in range(KILLS):
            workers.be_killed_in("confirm_shipments", luck.randint(1, FURTHEST))
        for _ in range(MOST_RUNS):
            ours = workers.work("confirm_shipments")
            if not ours["open"]:
                break
    told = {
        number: [(one.tracking_number, one.quantity) for _, one in box.oasis.shipments(number)] for number in numbers
    }
    assert told == {number: [(f"1Z{number}", 1)] for number in numbers}
    assert (ours["open"], ours["running"], ours["held"]) == ([], [], [])
