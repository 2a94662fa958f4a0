"""What tests of orders share: a route that lets persons short ship."""

from __future__ import annotations

import pytest

from integrations.models import Route
from tests.orders.test_changes import set_rule


@pytest.fixture
def reasons(route: Route) -> None:
    set_rule(short_ship_reasons="OUT_OF_STOCK Out of stock\nDISCONTINUED", order_status="finalized")
