"""The numbers beside the worklists in the menu, by name for `config/navigation.py`."""

from __future__ import annotations

from functools import partial

from orders.admin.worklist_page import badge_of

mapping = partial(badge_of, name="mapping")
refused = partial(badge_of, name="refused")
unknown = partial(badge_of, name="unknown")
cancellations = partial(badge_of, name="cancellations")
changes = partial(badge_of, name="changes")
carriers = partial(badge_of, name="carriers")
late = partial(badge_of, name="late")
holds = partial(badge_of, name="holds")
found = partial(badge_of, name="found")
guarded = partial(badge_of, name="guarded")
connections = partial(badge_of, name="connections")
