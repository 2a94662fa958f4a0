"""A warehouse SKU that a person spells otherwise than the warehouse does is offered, and never guessed."""

from __future__ import annotations

from typing import Any

from django.test import Client
from lxml import html

from integrations.sandbox.server import Sandbox
from inventory.models import SkuAlias
from tests.admin.test_mapping import LIST, send, text_of
from tests.admin.test_mapping import held as held


def test_a_sku_typed_in_another_case_is_offered_as_the_warehouse_spells_it(
    shop: Sandbox, held: list[str], admin_client: Client
) -> None:
    [row, _] = admin_client.get(LIST).context["rows"]
    page = send(admin_client, row.url, warehouse_sku=["mug-blk", "", "TEE-RED-M"], units=["2", "", "3"])
    shown: Any = html.fromstring(page.content.decode())
    [button] = shown.xpath("//button[text()='Use MUG-BLK and send']")
    [form] = shown.xpath(f"//form[@id='{button.get('form')}']")
    given = {name: form.xpath(f".//input[@name='{name}']/@value") for name in ("shown", "warehouse_sku", "units")}
    assert not SkuAlias.objects.exists()  # nothing is guessed
    assert "2 orders are freed and being sent" in text_of(admin_client.post(row.url, given, follow=True))
    assert sorted(SkuAlias.objects.values_list("warehouse_sku", "units")) == [("MUG-BLK", 2), ("TEE-RED-M", 3)]
