"""Importing and exporting aliases in the admin: who may, what is seen first, and that only that is stored."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from lxml import html

from integrations.models import Connection, Route
from inventory.models import SkuAlias, WarehouseItem
from tests.admin.pages import work_off_imports

IMPORT, CONFIRM, EXPORT, LIST = (
    f"admin:inventory_skualias_{what}" for what in ("import", "process_import", "export", "changelist")
)
GOOD = b"marketplace_sku,warehouse_sku,units\nA,MUG-BLK,2\n"


def upload(client: Client, marketplace: Connection, content: bytes = GOOD, name: str = "a.csv") -> Any:
    file = SimpleUploadedFile(name, content)
    kind = "1" if name.endswith("xlsx") else "0"
    return client.post(reverse(IMPORT), {"connection": marketplace.pk, "format": kind, "import_file": file})


def ticket(page: Any) -> dict[str, str]:
    return {"ticket": page.context_data["confirm_form"]["ticket"].value()}


def text_of(answer: Any) -> str:
    plain = re.sub(r"<(script|style).*?</\1>|<[^>]*>", " ", answer.content.decode(), flags=re.S)
    return " ".join(unescape(plain).split())


def person(client: Client, *rights: str) -> Client:
    user = User.objects.create_user("clerk", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=[f"{right}_skualias" for right in rights]))
    client.force_login(user)
    return client


@pytest.mark.parametrize("rights", [(), ("view",), ("add",), ("change",), ("view", "add")])
def test_who_may_not_add_and_change_imports_nothing(
    overstock: Connection, client: Client, admin_client: Client, rights: tuple[str, ...]
) -> None:
    seen = ticket(upload(admin_client, overstock))
    person(client, *rights)
    assert client.get(reverse(IMPORT)).status_code == 403
    assert upload(client, overstock).status_code == 403
    assert client.post(reverse(CONFIRM), seen).status_code == 403
    assert client.get(reverse(CONFIRM)).status_code == 403
    assert not SkuAlias.objects.exists()


@pytest.mark.parametrize(("rights", "may"), [((), False), (("add",), False), (("view",), True), (("change",), True)])
def test_who_may_not_view_exports_nothing(
    overstock: Connection, client: Client, rights: tuple[str, ...], may: bool
) -> None:
    SkuAlias.objects.create(connection=overstock, marketplace_sku="A", warehouse_sku="B")
    person(client, *rights)
    expected = 200 if may else 403
    assert client.get(reverse(EXPORT)).status_code == expected
    answer = client.post(reverse(EXPORT), {"format": "0", "resource": "0"})
    assert answer.status_code == expected
    assert (b"A,B,1" in answer.content) == may


def test_the_buttons_are_there_for_those_who_may(overstock: Connection, client: Client) -> None:
    person(client, "view")
    page = client.get(reverse(LIST)).content.decode()
    assert reverse(EXPORT) in page
    assert reverse(IMPORT) not in page
    user = User.objects.get(username="clerk")
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="inventory"))
    assert reverse(IMPORT) in client.get(reverse(LIST)).content.decode()


def test_what_was_previewed_is_stored_once(overstock: Connection, client: Client) -> None:
    person(client, "view", "add", "change")
    seen = ticket(upload(client, overstock))
    assert not SkuAlias.objects.exists()
    assert client.post(reverse(CONFIRM), seen).status_code == 302
    assert SkuAlias.objects.get().units == 2
    assert "no preview to confirm" in text_of(client.post(reverse(CONFIRM), seen, follow=True))


def test_nothing_else_than_the_preview_can_be_confirmed(
    overstock: Connection, gecko: Connection, client: Client, admin_client: Client
) -> None:
    seen = ticket(upload(admin_client, overstock))
    person(client, "view", "add", "change")
    forged = {"import_file_name": "x", "original_file_name": "x", "format": "0", "connection": str(gecko.pk)}
    for posted in ({}, forged, {**forged, "ticket": "x"}, {"ticket": seen["ticket"][:-2] + "xx"}, seen):
        assert "no preview to confirm" in text_of(client.post(reverse(CONFIRM), posted, follow=True))
    assert not SkuAlias.objects.exists()
    admin_client.post(reverse(CONFIRM), {**seen, "connection": str(gecko.pk), "import_file_name": "/etc/passwd"})
    assert SkuAlias.objects.get().connection == overstock


def test_aliases_belong_to_marketplaces_only(overstock: Connection, gecko: Connection, admin_client: Client) -> None:
    assert "confirm_form" not in upload(admin_client, gecko).context_data
    add = admin_client.get(reverse("admin:inventory_skualias_add"))
    assert list(add.context["adminform"].form.fields["connection"].queryset) == [overstock]


def test_the_preview_shows_totals_and_what_changes_into_what(overstock: Connection, admin_client: Client) -> None:
    SkuAlias.objects.create(connection=overstock, marketplace_sku="A", warehouse_sku="MUG-BLK", units=1)
    SkuAlias.objects.create(connection=overstock, marketplace_sku="S", warehouse_sku="SAME")
    page = text_of(upload(admin_client, overstock, GOOD + b"S,SAME,1\nN,NEW,3\n"))
    assert "1 new 1 changed 1 unchanged" in page
    assert "2 changed A MUG-BLK 1 → 2" in page


def test_a_large_file_makes_a_small_page(overstock: Connection, admin_client: Client) -> None:
    rows = b"".join(b"M%d,V%d,1\n" % (place, place) for place in range(2500))

    def shown(content: bytes) -> Any:
        address = upload(admin_client, overstock, b"marketplace_sku,warehouse_sku,units\n" + content).url
        assert work_off_imports() == 1
        return admin_client.get(address)

    page = shown(rows)
    assert "2500 new" in text_of(page)
    assert "The first 100 of 2500 are shown" in text_of(page)
    assert len(page.content) < 500_000
    assert admin_client.post(reverse(CONFIRM), ticket(page)).status_code == 302
    assert work_off_imports() == 1
    assert SkuAlias.objects.count() == 2500
    bad = shown(rows.replace(b",1\n", b",0\n"))
    assert "2500 wrong" in text_of(bad)
    assert "The first 200 of 2500 are shown" in text_of(bad)


@pytest.mark.parametrize(("content", "name", "said"), [
    (b"sku,other\n1,2\n", "a.csv", "The file's first line must name the columns marketplace_sku, warehouse_sku"),
    (b"marketplace_sku,warehouse_sku\nA,\xe9\n", "a.csv", "The file is not UTF-8 (line 2)"),
    (b'marketplace_sku,warehouse_sku\nA,"B\n', "a.csv", "Line 2: a quotation mark opens here"),
    (b"PK\x03\x04nothing", "a.xlsx", "The XLSX workbook is broken"),
    (b"marketplace_sku,warehouse_sku,units\nA,B,<b>x</b>\n", "a.csv", "units is '<b>x</b>'; it must be a whole number"),
])  # fmt: skip
def test_what_is_wrong_is_said_plainly(
    overstock: Connection, admin_client: Client, content: bytes, name: str, said: str
) -> None:
    page = upload(admin_client, overstock, content, name)
    assert said in unescape(page.content.decode())
    assert "Traceback" not in page.content.decode()
    assert "<b>x</b>" not in page.content.decode()
    assert "encountered" not in page.content.decode()


def test_a_csv_that_is_named_xlsx_is_read_as_what_it_is(overstock: Connection, admin_client: Client) -> None:
    assert "1 new" in text_of(upload(admin_client, overstock, GOOD, "a.xlsx"))


def choices(client: Client) -> tuple[list[str], str]:
    """The marketplaces that the import page offers, the empty answer included, and what it has chosen."""
    page: Any = html.fromstring(client.get(reverse(IMPORT)).content.decode())
    [select] = page.xpath("//select[@name='connection']")
    return [" ".join(one.text_content().split()) for one in select.iter("option")], select.value or ""


def test_a_marketplace_is_chosen_for_nobody_unless_there_is_only_one(
    overstock: Connection, admin_client: Client
) -> None:
    assert choices(admin_client) == (["Overstock"], str(overstock.pk))
    Connection.objects.create(name="Another", provider="supplier_oasis", username="x")
    offered, chosen = choices(admin_client)
    assert chosen == ""
    assert offered == ["Choose the marketplace of this file", "Another", "Overstock"]
    file = SimpleUploadedFile("a.csv", GOOD)
    answer: Any = admin_client.post(reverse(IMPORT), {"format": "0", "import_file": file})
    assert "confirm_form" not in answer.context_data
    assert "This field is required" in text_of(answer)


def test_the_preview_and_the_result_name_the_marketplace(overstock: Connection, admin_client: Client) -> None:
    other = Connection.objects.create(name="<i>Another</i>", provider="supplier_oasis", username="x")
    page = upload(admin_client, other)
    assert "Aliases of <i>Another</i> 1 new" in text_of(page)
    assert "<i>Another" not in page.content.decode()
    done = admin_client.post(reverse(CONFIRM), ticket(page), follow=True)
    assert "Aliases of <i>Another</i> imported: 1 new, 0 changed, 0 unchanged." in text_of(done)
    assert overstock.aliases.count() == 0


def test_a_sku_that_the_warehouse_does_not_have_is_warned_of_and_imported(
    overstock: Connection, gecko: Connection, admin_client: Client
) -> None:
    asked = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
    for sku, matches in (("MUG-BLK", 1), ("GONE", 0), ("TWICE", 2)):
        WarehouseItem.objects.create(connection=gecko, sku=sku, matches=matches, checked_at=asked)
    rows = b"B,GONE,1\nC,GONE,2\nD,TWICE,1\nE,TYPO,1\n"
    page = upload(admin_client, overstock, GOOD + rows)
    text = text_of(page)
    assert "5 new 0 changed 0 unchanged 3 to check" in text
    assert "3 Gecko did not have this SKU at 2026-03-01 09:30:00 UTC; orders for it are held B · GONE" in text
    assert "5 2 items of Gecko carry this SKU; orders for it are held D · TWICE" in text
    assert "6 Gecko was not asked for this SKU yet; check its spelling E · TYPO" in text
    done = text_of(admin_client.post(reverse(CONFIRM), ticket(page), follow=True))
    assert "5 new, 0 changed, 0 unchanged. To check: GONE: Gecko did not have this SKU" in done
    assert "(and 2 more)" in done
    assert SkuAlias.objects.count() == 5


def test_nothing_is_warned_of_while_no_warehouse_was_asked_or_one_of_two_has_it(
    overstock: Connection, gecko: Connection, admin_client: Client
) -> None:
    assert "to check" not in text_of(upload(admin_client, overstock))
    second = Connection.objects.create(name="Second", provider="tradegecko")
    Route.objects.create(name="East", marketplace=overstock, marketplace_warehouse_name="East", warehouse=second)
    for warehouse, matches in ((gecko, 0), (second, 1)):
        WarehouseItem.objects.create(connection=warehouse, sku="MUG-BLK", matches=matches, checked_at=timezone.now())
    assert "to check" not in text_of(upload(admin_client, overstock))
