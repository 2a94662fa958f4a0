"""Whatever is sold, comes, moves or goes wrong: at rest Overstock shows what there is, by a count of its own."""

from __future__ import annotations

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


def play(seed: int, times: int) -> Counter[str]:
    """One world from its seed; in most, only what changed is decided, and an hourly look at all makes nothing good."""
    luck = Random(seed)
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
        trade.lose_quantities()
        return trade.tried


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_at_rest_every_quantity_is_the_one_that_is_counted(is_full: bool, proved: Proved) -> None:
    """A sample, the same each time; at full length more and longer worlds."""
    tried = Counter[str]()
    for seed in range(60 if is_full else 1):
        try:
            tried += play(seed, 5 if is_full else 1)
        except BaseException as exc:
            exc.add_note(f"world {seed}")
            raise
    for what, count in sorted(tried.items()):
        proved(f"worlds of stock: {what}", count)
    assert tried["quantities compared"] > 20
