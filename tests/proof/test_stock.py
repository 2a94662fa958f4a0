"""Whatever is sold, comes, moves or goes wrong: at rest Overstock shows what there is, by a count of its own."""

from __future__ import annotations

import os
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random
from unittest.mock import patch

import pytest

from inventory import changed
from tests.proof.conftest import Proved
from tests.proof.trade import Trade
from tests.proof.world import opened

pytestmark = pytest.mark.long
START = datetime(2026, 6, 3, 15, tzinfo=UTC)
IS_FULL = bool(os.environ.get("PROOF_FULL"))
# At full length more and longer worlds, in parts that several workers of pytest share; else the same one each time.
WORLDS, PARTS, TIMES = (60, 12, 5) if IS_FULL else (1, 1, 1)


def play(seed: int, times: int) -> Counter[str]:
    """One world from its seed; in most, only what changed is decided, and an hourly look at all makes nothing good."""
    luck = Random(seed)
    random.seed(seed)  # how long we wait before another try
    small, full_every = (changed.SMALL, changed.FULL_EVERY) if seed % 3 == 1 else (0, timedelta(days=9))
    with (
        opened(START) as world,
        patch.object(changed, "SMALL", small),
        patch.object(changed, "FULL_EVERY", full_every),
    ):
        trade = Trade(world, luck)
        trade.open_for_business()
        for _ in range(times):
            trade.days()
        trade.calm()
        trade.close_down()
        return trade.tried


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
@pytest.mark.parametrize("part", range(PARTS))
def test_at_rest_every_quantity_is_the_one_that_is_counted(part: int, proved: Proved) -> None:
    tried = Counter[str]()
    for seed in range(part, WORLDS, PARTS):
        try:
            tried += play(seed, TIMES)
        except BaseException as exc:
            exc.add_note(f"world {seed}")
            raise
    for what, count in sorted(tried.items()):
        proved(f"worlds of stock: {what}", count)
    assert tried["quantities compared"] > 20
