"""The records before and after in the list that somebody came from."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import reverse

from integrations.models import Connection
from integrations.walking import LIST, WORKLIST
from inventory.models import SkuAlias


@pytest.fixture(autouse=True)
def aliases(db: None) -> None:
    overstock = Connection.objects.create(name="Overstock", provider="supplier_oasis")
    for sku, units in (("A", 3), ("B", 1), ("C", 2)):
        SkuAlias.objects.create(connection=overstock, marketplace_sku=sku, warehouse_sku="V1", units=units)


def test_one_goes_through_a_list_in_the_order_in_which_it_was_sorted(admin_client: Client) -> None:
    address = reverse("admin:inventory_skualias_changelist")
    asked = f"o={admin_client.get(address).context['cl'].list_display.index('units')}"  # as the head of the column does
    by_units = admin_client.get(f"{address}?{asked}")
    shown = [row.marketplace_sku for row in by_units.context["cl"].result_list]
    walk = admin_client.get(page_of("B", asked)).context["walk"]
    assert (shown, walk.place) == (["B", "C", "A"], "1 of 3 in SKU aliases")


def test_a_record_opens_also_where_its_address_names_a_list_that_nobody_may_ask_for(admin_client: Client) -> None:
    for asked in ("connection__encrypted_secret__startswith=a", "nothing=1", "units=x", "p=x"):
        assert admin_client.get(page_of("A", asked)).status_code == 200


@pytest.mark.parametrize(("came_from", "asked"), [(LIST, "q=%00"), (WORKLIST, "holds?q=%00")])
def test_where_one_came_from_by_a_nul_character_is_not_asked_for(
    came_from: str, asked: str, admin_client: Client
) -> None:
    assert admin_client.get(page_of("A", asked.replace("%00", "%2500"), came_from)).context["way"]
    assert not admin_client.get(page_of("A", asked, came_from)).context["way"]


def page_of(sku: str, asked: str, came_from: str = LIST) -> str:
    """The address of an alias for who came from its list, filtered and sorted as was asked."""
    alias = SkuAlias.objects.get(marketplace_sku=sku)
    address = reverse("admin:inventory_skualias_change", args=[alias.pk])
    return f"{address}?{urlencode({came_from: asked})}"
