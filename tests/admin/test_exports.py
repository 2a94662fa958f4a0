"""Every list leaves as CSV and XLSX for who may see it, and takes no secret along."""

from __future__ import annotations

import csv

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integrations.authenticator import AuthenticatorApp
from integrations.exports import is_formula, safe_cell
from integrations.models import Connection, Route
from inventory.checked import DriftedListing, InventoryCheck
from inventory.models import GuardedPublish, GuardedQuantity, Listing
from orders import worklists
from orders.admin import mapping, worklist_page
from orders.models import AlertSettings, BulkAction, BulkItem, Hold, Order, ReconciledOrder, Reconciliation
from tests.access import one_of_each
from tests.admin.pages import address_of, opened

pytestmark = pytest.mark.django_db


def rows_of(
    client: Client, name: str, *, page: str = "download", of: Model | None = None, **asked: str
) -> list[dict[str, str]]:
    answer = client.get(reverse(f"admin:{name}_{page}", args=[*([of.pk] if of else []), "csv"]), asked)
    assert answer["Content-Type"] == "text/csv; charset=utf-8", name
    return list(csv.DictReader(b"".join(answer).decode("utf-8-sig").splitlines()))


def test_every_list_is_exported(admin_client: Client) -> None:
    one_of_each.make()
    for model, page in admin.site._registry.items():
        if model is AlertSettings or hasattr(page, "resource_classes"):  # one row; an export of its own
            continue
        assert rows_of(admin_client, f"{model._meta.app_label}_{model._meta.model_name}"), model


def test_users_are_exported_with_their_roles_and_without_what_they_sign_in_with(admin_client: Client) -> None:
    pat = User.objects.create_user("@pat", password="a-good-password", email="pat@example.test")
    pat.groups.set(Group.objects.filter(name__in=("Mapper", "Viewer")))
    AuthenticatorApp.objects.create(user=pat, name="app", confirmed=True)

    both = rows_of(admin_client, "auth_user")
    [row] = rows_of(admin_client, "auth_user", second_factor="yes", groups__id__exact=str(pat.groups.all()[0].pk))

    assert len(both) == 2
    page = admin_client.get(reverse("admin:auth_user_changelist"), {"is_active__exact": "1"}).content.decode()
    assert "download/xlsx/?is_active__exact=1" in page
    assert row["username"] == "'@pat"
    assert set(row["role names"].split(", ")) == {"Mapper", "Viewer"}
    assert (row["email"], row["has second factor"]) == ("pat@example.test", "yes")
    kept = {pat.password, *AuthenticatorApp.objects.filter(user=pat).values_list("encrypted_key", flat=True)}
    assert not kept & {*row.values()}


def test_worklists_leave_as_they_are_searched_with_all_their_pages(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_of_each.make()
    monkeypatch.setattr(mapping, "TOGETHER", 1)
    for kind, subject in (("unknown_sku", "=X-10"), ("manual", "")):
        Hold.objects.create(order=Order.objects.get(), kind=kind, subject=subject, message="=stock count")
    waiting = rows_of(admin_client, "orders_needs_mapping")
    assert [(one["what is not known"], one["orders"]) for one in waiting] == [("'=X-10", "1"), ("X-9", "1")]
    [row] = rows_of(admin_client, "worklist_holds", q="1001")
    assert (row["what"], row["where"]) == ("1001", "Overstock")
    assert "=stock count" in row["what is wrong"]
    assert not rows_of(admin_client, "worklist_holds", q="nothing")
    page = admin_client.get(reverse("admin:worklist_holds"), {"q": "1001"}).content.decode()
    assert f"{reverse('admin:worklist_holds_download', args=['xlsx'])}?q=1001" in page


def test_a_worklist_that_is_cut_says_that_its_export_is_too(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_of_each.make()
    for subject in ("a", "b"):
        Hold.objects.create(order=Order.objects.get(), kind="manual", subject=subject, message="wait")
    said = "1 that have waited longest are looked at here, and exported"
    page = reverse("admin:worklist_holds")
    assert said not in admin_client.get(page).content.decode()
    monkeypatch.setattr(worklists, "MOST", 1)
    monkeypatch.setattr(worklist_page, "MOST", 1)
    assert said in admin_client.get(page).content.decode()
    assert len(rows_of(admin_client, "worklist_holds")) == 1


def test_the_rows_of_a_guarded_publish_and_of_a_bulk_action_are_exported_as_they_are_shown(
    admin_client: Client,
) -> None:
    one_of_each.make()
    guarded, bulk, route = GuardedPublish.objects.get(), BulkAction.objects.get(), Route.objects.get(name="Main")
    for sku, before in (("=A-7", 1), ("A-8", 9), ("B-1", None)):
        listing = Listing.objects.create(route=route, marketplace_sku=sku)
        GuardedQuantity.objects.create(guarded=guarded, listing=listing, sku=sku, before=before, after=0, why="gone")
    BulkItem.objects.create(bulk=bulk, record_id=0, name="1002", state="left_out", text="it is shipped")

    held = rows_of(admin_client, "inventory_guardedpublish", page="rows", of=guarded, q="A-")
    left = rows_of(admin_client, "orders_bulkaction", page="rows", of=bulk)

    assert [(row["sku"], row["before"], row["after"]) for row in held] == [("A-8", "9", "0"), ("'=A-7", "1", "0")]
    assert [(row["name"], row["state"]) for row in left] == [("1001", "Will be done"), ("1002", "Will not")]
    shown = admin_client.get(f"{address_of(guarded)}?q=A-").content.decode()
    assert f"{reverse('admin:inventory_guardedpublish_rows', args=[guarded.pk, 'xlsx'])}?q=A-" in shown
    shown = admin_client.get(f"{address_of(bulk)}?of=left_out").content.decode()
    assert f"{reverse('admin:orders_bulkaction_rows', args=[bulk.pk, 'csv'])}?of=left_out" in shown


def test_the_rows_of_a_reconciliation_and_of_a_check_are_exported_as_they_are_shown(admin_client: Client) -> None:
    one_of_each.make()
    report, check, route = Reconciliation.objects.get(), InventoryCheck.objects.get(), Route.objects.get(name="Main")
    Reconciliation.objects.update(finished_at=timezone.now())
    InventoryCheck.objects.update(compared=2)
    for bucket, number in (("sent", "=1001"), ("gone", "1002")):
        ReconciledOrder.objects.create(report=report, bucket=bucket, number=number)
    for cause, sku in (("changed_there", "=A-7"), ("never_sent", "A-8")):
        listing = Listing.objects.create(route=route, marketplace_sku=sku)
        DriftedListing.objects.create(inventory_check=check, listing=listing, sku=sku, cause=cause, wanted=2)

    sent = rows_of(admin_client, "orders_reconciliation", page="rows", of=report, bucket="sent")
    wrong = rows_of(admin_client, "orders_reconciliation", page="rows", of=report)
    changed = rows_of(admin_client, "inventory_inventorycheck", page="rows", of=check, cause="changed_there")

    assert [(row["bucket"], row["number"]) for row in sent] == [("Sent", "'=1001")]
    assert [row["number"] for row in wrong] == ["1002"]
    assert [(row["sku"], row["cause"], row["wanted"]) for row in changed] == [("'=A-7", "Changed over there", "2")]
    shown = admin_client.get(f"{address_of(report)}?bucket=sent").content.decode()
    assert f"{reverse('admin:orders_reconciliation_rows', args=[report.pk, 'xlsx'])}?bucket=sent" in shown
    shown = admin_client.get(f"{address_of(check)}?cause=changed_there").content.decode()
    assert f"{reverse('admin:inventory_inventorycheck_rows', args=[check.pk, 'xlsx'])}?cause=changed_there" in shown


def test_the_audit_log_leaves_in_words(admin_client: Client) -> None:
    connection = Connection.objects.create(name="Gecko", provider="tradegecko")
    values = opened(admin_client, address_of(connection))
    LogEntry.objects.all().delete()
    admin_client.post(address_of(connection), {**values, "name": "Warehouse"})
    [row] = rows_of(admin_client, "admin_logentry")
    assert (row["object repr"], row["change message"]) == ("Warehouse", "Changed Name.")


def test_nobody_finds_out_what_is_stored_encrypted_by_filtering_for_it(admin_client: Client) -> None:
    Connection.objects.create(name="Gecko", provider="tradegecko", encrypted_secret="gAAAA")
    for page in ("changelist", "download"):
        address = reverse(f"admin:integrations_connection_{page}", args=["csv"] if page == "download" else [])
        assert admin_client.get(address, {"encrypted_secret__startswith": "g"}).status_code == 400


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_no_spreadsheet_takes_a_cell_for_a_formula(start: str) -> None:
    assert safe_cell(f"{start}1+1") == f"'{start}1+1"
    assert is_formula(f"{start}1+1")
    assert safe_cell(f"1{start}1") == f"1{start}1"
