"""A client of the simulated Overstock."""

from __future__ import annotations

import pytest

from integrations.sandbox.server import Sandbox
from tests.sandbox.supplier import Supplier


@pytest.fixture
def supplier(box: Sandbox) -> Supplier:
    return Supplier(box)
