"""The components of a SKU are put in place once, however many people do it at the same moment."""

from __future__ import annotations

from threading import Thread

import pytest
from django.db import connection, connections, transaction

from integrations.models import Connection
from inventory import kits
from inventory.models import SkuAlias
from tests.children import PATIENCE, wait_for
from tests.threads import somebody_waits


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
@pytest.mark.parametrize(
    ("goods", "said"),
    [(("V", 1), "done"), (("V", 2), "else made S 1 × V"), (("W", 1), "else made S 1 × V")],
)
def test_two_at_the_same_moment_make_one_alias(goods: tuple[str, int], said: str) -> None:
    marketplace = Connection.objects.create(name="Shop", provider="supplier_oasis")
    heard: list[str] = []

    def second() -> None:
        try:
            kits.put(marketplace, "S", (goods,), seen=())
            heard.append("done")
        except Exception as exc:
            heard.append(str(exc))
        connections.close_all()

    thread = Thread(target=second)
    with transaction.atomic():
        kits.put(marketplace, "S", (("V", 1),), seen=())
        thread.start()
        wait_for(somebody_waits, "the second one waits for the first")
    thread.join(PATIENCE)
    assert said in heard[0]
    assert list(SkuAlias.objects.values_list("warehouse_sku", "units", "is_active")) == [("V", 1, True)]
