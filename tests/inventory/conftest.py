"""What inventory tests share: aliases in one line, and a command that is allowed to fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError

from integrations.models import Connection
from integrations.sandbox.server import Sandbox
from inventory.models import SkuAlias


@pytest.fixture
def tried(manage: Callable[..., str]) -> Callable[..., str]:
    """Run a management command; what it said on its way out if it failed, else nothing."""

    def run(*args: str) -> str:
        try:
            manage(*args)
        except CommandError as exc:
            return str(exc)
        return ""

    return run


@pytest.fixture
def alias(shop: Sandbox, overstock: Connection) -> Callable[..., SkuAlias]:
    """An alias of a SKU that the marketplace lists."""

    def make(marketplace_sku: str, warehouse_sku: str, units: int = 1, **values: Any) -> SkuAlias:
        shop.oasis.add_listing(marketplace_sku)
        return SkuAlias.objects.create(
            connection=overstock, marketplace_sku=marketplace_sku, warehouse_sku=warehouse_sku, units=units, **values
        )

    return make
