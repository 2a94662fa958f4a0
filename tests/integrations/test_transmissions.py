"""Pauses between attempts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from integrations.transmissions import pause_after


def test_the_longest_pause_is_an_hour_and_no_two_are_the_same(settings: Any) -> None:
    settings.RETRY_BASE_SECONDS = 30
    pauses = {pause_after(attempts) for attempts in (8, 12, 48) for _ in range(50)}
    assert max(pauses) <= timedelta(hours=1)
    assert len(pauses) > 100
    assert timedelta(seconds=48) <= pause_after(2) <= timedelta(seconds=60)
