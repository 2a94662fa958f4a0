"""Aliases and code maps keep who changed them, when and why, and are put back, also when they were deleted."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse

from integrations.models import Connection, Route
from inventory import alias_undo, alias_upload
from inventory.models import Listing, SkuAlias
from orders.models import ShippingMethod
from tests.admin.test_settings_history import hidden, text_of


@pytest.fixture
def overstock(db: None) -> Connection:
    return Connection.objects.create(name="Overstock", provider="supplier_oasis", username="x")


@pytest.fixture
def alias(overstock: Connection) -> SkuAlias:
    return SkuAlias.objects.create(connection=overstock, marketplace_sku="M1", warehouse_sku="V1", units=2)


def version(row: Any, place: int) -> str:
    """The address of a state of a record, the newest one first."""
    of = f"admin:{row._meta.app_label}_{row._meta.model_name}_simple_history"
    return reverse(of, args=[row.pk, type(row).history.filter(id=row.pk)[place].pk])


def imported(overstock: Connection, lines: str, user: User | None = None) -> Any:
    content = f"marketplace_sku,warehouse_sku,units\n{lines}".encode()
    record = alias_upload.keep(overstock, user, "spring.csv", content, encoding="utf-8", mode="update")
    alias_upload.go_on(record, at_once=True)
    assert alias_upload.confirm(record, record.fingerprint, user, at_once=True)
    return record


def kept(**of: str) -> list[tuple[Any, ...]]:
    rows = SkuAlias.history.filter(**of).order_by("history_id")
    return list(rows.values_list("history_type", "units", "history_change_reason", "history_user__username"))


def test_an_alias_says_what_putting_it_back_would_do_and_asks_why(alias: SkuAlias, admin_client: Client) -> None:
    change = reverse("admin:inventory_skualias_change", args=[alias.pk])
    form = admin_client.get(change).context["adminform"].form
    values = {name: form.get_initial_for_field(field, name) for name, field in form.fields.items()}
    admin_client.post(change, {**values, "units": "3", "_reason": "Packs of three", "_save": "1"})
    assert "Packs of three" in text_of(admin_client.get(reverse("admin:inventory_skualias_history", args=[alias.pk])))

    page = admin_client.get(version(alias, 1))
    assert "Units 3 2" in text_of(page)
    assert "touches no waiting order and no published quantity" in text_of(page)
    admin_client.post(change, {**hidden(page), "_save": "1"})
    assert SkuAlias.objects.get().units == 3  # nobody said why
    admin_client.post(change, {**hidden(page), "_save": "1", "_reason": "Two after all"})
    assert SkuAlias.objects.get().units == 2
    assert kept()[-1] == ("~", 2, "Two after all", "admin")


def test_what_an_import_changes_is_in_the_history_and_so_is_its_undo(alias: SkuAlias, overstock: Connection) -> None:
    mia = User.objects.create_user("mia")
    record = imported(overstock, "M1,V1,5\nM2,V2,1\n", mia)
    assert kept(marketplace_sku="M1")[1:] == [("~", 5, "Import of spring.csv", "mia")]
    assert kept(marketplace_sku="M2") == [("+", 1, "Import of spring.csv", "mia")]
    assert alias_upload.undo(record, alias_undo.plan(record).fingerprint(), mia)
    assert kept(marketplace_sku="M1")[2:] == [("~", 2, "Undone: the import of spring.csv", "mia")]
    assert kept(marketplace_sku="M2")[1:] == [("-", 1, "Undone: the import of spring.csv", "mia")]
    assert [str(one) for one in SkuAlias.objects.all()] == ["M1 → 2 × V1"]


def test_what_was_deleted_is_listed_and_brought_back_for_a_reason(alias: SkuAlias, admin_client: Client) -> None:
    key, listed = alias.pk, reverse("admin:inventory_skualias_deleted")
    admin_client.post(reverse("admin:inventory_skualias_delete", args=[key]), {"post": "yes"})
    address = version(SkuAlias(pk=key), 0)
    assert address in admin_client.get(listed).content.decode()
    assert "Bring it back" in text_of(admin_client.get(address))
    assert "say why first" in text_of(admin_client.post(address, {"_reason": " "}, follow=True))
    admin_client.post(address, {"_reason": "It is sold again"})
    back = SkuAlias.objects.get()
    assert (back.pk, str(back), back.plain_sku) == (key, "M1 → 2 × V1", alias.plain_sku)
    assert kept()[-1] == ("+", 2, "It is sold again", "admin")
    assert address not in admin_client.get(listed).content.decode()


def test_what_is_there_anew_is_not_brought_back_a_second_time(
    alias: SkuAlias, overstock: Connection, admin_client: Client
) -> None:
    key = alias.pk
    alias.delete()
    SkuAlias.objects.create(connection=overstock, marketplace_sku="M1", warehouse_sku="V1")
    gecko = Connection.objects.create(name="Gecko", provider="tradegecko")
    route = Route.objects.create(
        name="Main", state="live", marketplace=overstock, warehouse=gecko, location_name="Main DC", location_id="1"
    )  # fmt: skip
    Listing.objects.create(route=route, marketplace_sku="M1")
    page = admin_client.post(version(SkuAlias(pk=key), 0), {"_reason": "again"}, follow=True)
    assert "already exists" in text_of(page)
    assert SkuAlias.objects.count() == 1


def test_who_may_not_change_a_map_cannot_put_anything_back(overstock: Connection, client: Client) -> None:
    row = ShippingMethod.objects.create(connection=overstock, code="GROUND", name="Ground")
    ShippingMethod.objects.filter(pk=row.pk).update(name="Surface")
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.groups.add(Group.objects.get(name="Viewer"))
    client.force_login(viewer)
    address = version(row, 0)
    page = text_of(client.get(address))
    assert ("Name Surface Ground" in page, "Put these back" in page) == (True, False)
    assert "concerns 0 orders with code GROUND" in page
    row.delete()
    assert "Bring it back" not in text_of(client.get(address))
    assert client.post(address, {"_reason": "x"}).status_code == 403
