"""Clients of the simulated Overstock and the simulated TradeGecko."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from integrations.sandbox.server import Sandbox
from tests.sandbox.supplier import Supplier
from tests.sandbox.warehouse import Client


@pytest.fixture
def supplier(box: Sandbox) -> Supplier:
    return Supplier(box)


@pytest.fixture
def client(box: Sandbox) -> Iterator[Client]:
    with requests.Session() as session:
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {box.tradegecko.token}"
        yield Client(box, session)
