"""Whatever a person changes in the admin is in the audit log, with their name; nobody edits the log."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from integrations.models import Connection, Route, SyncRun
from inventory.checked import InventoryCheck
from inventory.filed import InventoryFile
from inventory.models import GuardedPublish, Listing, Publication, SkuAlias
from orders.models import (
    Alert,
    AlertDelivery,
    AlertSettings,
    Hold,
    Order,
    Reconciliation,
    UnreadableRecord,
    WarehouseSubmission,
)
from tests.access import one_of_each
from tests.access.test_roles import written
from tests.access.walk import EXPORTED, Records
from tests.admin.pages import address_of, opened

pytestmark = pytest.mark.django_db

REASON, NOTE = {"reason": "customer called"}, {"note": "done by hand"}
# Button → what is sent with it. Of those with a second address, that is done in place of the work itself.
BUTTONS: dict[str, tuple[type[Model], dict[str, str], str]] = {
    "orders_order_hold": (Order, REASON, ""),
    "orders_order_skip": (Order, REASON, ""),
    "orders_order_unskip": (Order, {}, "orders.actions.unskip"),
    "orders_order_release": (Order, {}, ""),
    "orders_order_retry": (Order, {}, ""),
    "orders_order_apply": (Order, {"seen": "x"}, "orders.decisions.apply"),
    "orders_order_amend": (Order, {"seen": "x"}, "orders.decisions.amend"),
    "orders_order_keep": (Order, {"seen": "x"}, "orders.decisions.keep"),
    "orders_order_void": (Order, {"seen": "x"}, "orders.decisions.void"),
    "orders_order_short": (Order, {"reason": "GONE", "typed": "SHORT SHIP"}, "orders.short_shipping.ask"),
    "orders_order_calloff": (Order, {}, "orders.short_shipping.call_off"),
    "orders_hold_resolve": (Hold, NOTE, "orders.actions.resolve"),
    "orders_unreadablerecord_dismiss": (UnreadableRecord, NOTE, ""),
    "integrations_connection_announce": (Connection, {}, "integrations.admin.announcing.ask_for"),
    "integrations_connection_test": (Connection, {}, "integrations.admin.connections._tested"),
    "integrations_connection_run_now": (Connection, {"job": "pull_shipments"}, ""),
    "integrations_syncrun_run_again": (SyncRun, {}, ""),
    "integrations_route_start_test": (Route, {}, ""),
    "integrations_route_pause": (Route, {}, ""),
    "integrations_route_go_live": (Route, {}, "orders.route_states.go_live"),
    "integrations_route_remove_tests": (Route, {}, "orders.trials.ask_to_remove"),
    "integrations_route_inventory_file": (Route, {}, ""),
    "inventory_listing_publish_now": (Listing, {}, "inventory.now.publish"),
    "inventory_inventorycheck_publish_again": (InventoryCheck, {}, ""),
    "inventory_inventoryfile_uploaded": (InventoryFile, {}, ""),
    "inventory_guardedpublish_release": (GuardedPublish, {}, "inventory.guarding.release"),
    "inventory_guardedpublish_discard": (GuardedPublish, {}, "inventory.guarding.discard"),
    "orders_alert_dismiss": (Alert, {}, "orders.admin.alerts.AlertAdmin._dismiss"),
    "orders_alert_mute": (Alert, {"hours": "4", **REASON}, ""),
    "orders_alert_unmute": (Alert, {}, "orders.admin.alerts.AlertAdmin._unmute"),
    "orders_alertdelivery_again": (AlertDelivery, {}, ""),
    "orders_alertsettings_send_test": (AlertSettings, {}, "orders.admin.alert_settings.AlertSettingsAdmin._tested"),
    "auth_user_remove_second_factor": (User, {}, "integrations.second_factor.remove"),
}
# Tested where they have their whole story, or nothing is changed by them.
ELSEWHERE = {
    "auth_user_password_change", "axes_accessattempt_unlock", "integrations_connection_authorize",
    "integrations_connection_authorized", "integrations_route_backfill", "integrations_route_preview",
    "inventory_aliasimport_undo",
    "inventory_inventorycheck_check_now", "inventory_publication_look_up", "inventory_skualias_import", "inventory_skualias_process_import",
    "orders_carrierservice_import", "orders_carrierservice_process_import", "orders_shippingmethod_import",
    "orders_shippingmethod_process_import", "orders_map_cause", "orders_order_comment",
    "orders_order_look_up", "orders_order_take", "orders_reconciliation_reconcile", "sandbox",
}  # fmt: skip
HISTORIES = ("integrations_route", "inventory_inventoryrule", "inventory_skualias", "orders_carrierservice",
             "orders_shippingmethod")  # fmt: skip
CHANGE_NOTHING = {
    "integrations_exchange_request", "integrations_exchange_response", "integrations_syncrun_progress", "orders_hold_frees",
    *(f"{name}_download" for name in EXPORTED), "orders_order_payload", "orders_find",
    "integrations_route_set_up",
    *(f"{name}_{page}" for name in HISTORIES for page in ("deleted", "simple_history")),
    "inventory_aliasimport_errors", "inventory_inventorycheck_csv", "inventory_inventoryfile_file",
    "inventory_listing_export", "inventory_listing_recalculate",
    "inventory_skualias_export", "inventory_skualias_imports", "orders_carrierservice_export", "orders_needs_mapping",
    "orders_needs_mapping_download", "inventory_guardedpublish_rows", "orders_bulkaction_rows",
    "inventory_inventorycheck_rows", "orders_reconciliation_rows",
    "orders_order_by_number", "orders_reconciliation_csv", "orders_shippingmethod_export",
}  # fmt: skip


@pytest.fixture
def records() -> Records:
    return one_of_each.make()


@pytest.fixture
def mia(client: Client) -> Client:
    """An administrator at work."""
    user = User.objects.create_user("mia", is_staff=True)
    user.groups.add(Group.objects.get(name="Administrator"))
    client.force_login(user)
    LogEntry.objects.all().delete()
    return client


def test_every_button_is_looked_at_here() -> None:
    others = {row for row, cells in written().items() if ":" not in row and set("".join(cells.values())) <= set("-wrp")}
    others = {row for row in others if not row.startswith(("start_", "worklist_"))}  # pages that are only looked at
    assert others == {*BUTTONS, *ELSEWHERE, *CHANGE_NOTHING}


@pytest.mark.parametrize("name", BUTTONS)
def test_a_button_leaves_who_did_what(
    name: str, records: Records, mia: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, values, replaced = BUTTONS[name]
    if replaced:
        monkeypatch.setattr(replaced, lambda *_args, **_kwargs: "it is done")
    Route.objects.update(short_ship_reasons="GONE")
    record: Any = records[model]
    lines = {"line": str(record.lines.get().pk)} if name.endswith("_short") else {}
    shorts = {"short_ship": str(record.short_ships.get().pk)} if name.endswith("_calloff") else {}
    given = {**values, **lines, **shorts}

    mia.post(reverse(f"admin:{name}", args=[record.pk]), given)

    [entry] = LogEntry.objects.all()
    assert (entry.user.username, entry.get_edited_object()) == ("mia", record)
    assert entry.change_message
    assert entry.change_message.endswith(tuple(values.get(key, "") for key in ("reason", "note")))


@pytest.mark.parametrize(("model", "action", "values"), [
    (Order, "hold_many", REASON), (Order, "release_many", {}), (Order, "retry_many", {}),
    (UnreadableRecord, "dismiss_many", REASON), (WarehouseSubmission, "send_again_warehousesubmission_many", {}),
    (Alert, "mute_many", {}), (Publication, "retry_selected", {}), (SkuAlias, "delete_selected", {"post": "yes"}),
])  # fmt: skip
def test_an_action_on_a_list_leaves_a_line_for_each_record(
    model: type[Model], action: str, values: dict[str, str], records: Records, mia: Client
) -> None:
    record = records[model]
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    page = mia.post(address, {"action": action, "_selected_action": record.pk, **values})
    if "/bulkaction/" in page.headers.get("Location", ""):
        mia.post(page["Location"], values)
    [entry] = LogEntry.objects.all()
    assert (entry.user.username, entry.object_id) == ("mia", str(record.pk))


def test_asking_for_a_comparison_or_for_orders_is_on_record(records: Records, mia: Client) -> None:
    market = Connection.objects.get(name="Overstock")
    days = {"connection": market.pk, "first": "2026-01-01", "last": "2026-01-02"}
    mia.post(reverse("admin:orders_reconciliation_reconcile"), days)
    entry = LogEntry.objects.get()
    assert entry.get_edited_object() == Reconciliation.objects.get(asked_by__username="mia")


def test_a_look_that_the_checklist_counts_is_on_record(
    records: Records, mia: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("check_route", "preview_first_pull"):
        monkeypatch.setattr(f"orders.admin.set_up.{name}", lambda *_asked: [])
    mia.post(reverse("admin:integrations_route_preview", args=[records[Route].pk]))
    assert LogEntry.objects.get().get_edited_object() == records[Route]


def test_asking_for_a_check_of_quantities_is_on_record(records: Records, mia: Client) -> None:
    market = Connection.objects.get(name="Overstock")
    mia.post(reverse("admin:inventory_inventorycheck_check_now"), {"connection": market.pk})
    assert LogEntry.objects.get().get_edited_object() == market


def test_nobody_adds_changes_or_deletes_a_line_of_the_log(records: Records, mia: Client, admin_client: Client) -> None:
    mia.post(reverse("admin:orders_order_hold", args=[records[Order].pk]), REASON)
    entry = LogEntry.objects.get()
    for client in (mia, admin_client):
        for page, args in (("add", []), ("change", [entry.pk]), ("delete", [entry.pk])):
            assert client.post(reverse(f"admin:admin_logentry_{page}", args=args)).status_code == 403
    page = mia.get(reverse("admin:admin_logentry_changelist")).content.decode()
    assert "customer called" in page
    assert reverse("admin:orders_order_change", args=[records[Order].pk]) in page


def test_who_did_something_is_not_deleted_and_a_superuser_is_not_touched(records: Records, mia: Client) -> None:
    doer, chief = User.objects.get(username="mia"), User.objects.get(username="boss")
    mia.post(reverse("admin:orders_order_hold", args=[records[Order].pk]), REASON)
    for page, user in (("delete", doer), ("delete", chief), ("change", chief)):
        assert mia.post(reverse(f"admin:auth_user_{page}", args=[user.pk]), {"post": "yes"}).status_code == 403
    assert mia.post(reverse("admin:auth_user_password_change", args=[chief.pk])).status_code == 403
    page = mia.get(reverse("admin:auth_user_change", args=[doer.pk])).content.decode()
    assert 'name="is_superuser"' not in page
    assert 'name="user_permissions"' not in page
    assert 'name="groups"' in page


def test_roles_given_and_taken_are_on_record_by_name(records: Records, mia: Client) -> None:
    pat = User.objects.create_user("pat", is_staff=True)
    pat.groups.add(Group.objects.get(name="Viewer"))
    address = reverse("admin:auth_user_change", args=[pat.pk])
    manager = Group.objects.get(name="Manager")
    assert mia.post(address, {**opened(mia, address), "groups": [manager.pk]}).status_code == 302
    assert list(pat.groups.all()) == [manager]
    said = [entry.get_change_message() for entry in LogEntry.objects.filter(object_id=pat.pk)]
    assert "Given: Manager; Taken away: Viewer" in said


def test_nobody_gives_rights_that_they_lack_nor_signs_in_as_who_has_them(records: Records, mia: Client) -> None:
    chiefs, doer = Group.objects.create(name="Chiefs"), User.objects.get(username="mia")
    chiefs.permissions.add(Permission.objects.get(codename="change_group"))
    own = reverse("admin:auth_user_change", args=[doer.pk])
    administrator = Group.objects.get(name="Administrator")

    answer = mia.post(own, {**opened(mia, own), "groups": [administrator.pk, chiefs.pk]})

    assert "Chiefs: this has rights that you lack" in answer.content.decode()
    assert list(doer.groups.all()) == [administrator]
    chief = User.objects.create_user("chief", is_active=False)
    chief.groups.add(chiefs)
    for page in ("change", "delete", "password_change"):
        address = reverse(f"admin:auth_user_{page}", args=[chief.pk])
        assert mia.post(address, {"post": "yes", "is_active": "on"}).status_code == 403
    assert mia.post(reverse("admin:auth_user_remove_second_factor", args=[chief.pk])).status_code == 403


def test_the_groups_of_the_roles_are_nobodys_to_edit_and_others_a_superusers(mia: Client, admin_client: Client) -> None:
    own, role = Group.objects.create(name="Packers"), Group.objects.get(name="Viewer")
    User.objects.get(username="mia").user_permissions.set(Permission.objects.filter(codename__endswith="_group"))
    for client, allowed in ((admin_client, [200, 403]), (mia, [403, 403])):
        changes = [client.post(reverse("admin:auth_group_change", args=[one.pk])).status_code for one in (own, role)]
        assert changes == allowed


def test_without_credentials_a_connection_is_switched_off_and_not_pointed_elsewhere(
    records: Records, client: Client
) -> None:
    keeper = User.objects.create_user("keeper", is_staff=True)
    keeper.user_permissions.set(Permission.objects.filter(codename__in=("view_connection", "change_connection")))
    client.force_login(keeper)
    connection: Any = records[Connection]
    values = opened(client, address_of(connection))
    assert not {"secret", "sign_in", "application", "application_secret", "username", "base_url"} & set(values)
    values.pop("is_active")
    sent = {**values, "base_url": "https://evil.example", "secret": "x"}
    assert client.post(address_of(connection), sent).status_code == 302
    before = connection.encrypted_secret
    connection.refresh_from_db()
    assert (connection.is_active, connection.base_url, connection.encrypted_secret) == (False, "", before)


def test_a_routes_form_only_shows_its_state_so_that_nobody_goes_live_past_the_checklist(
    records: Records, admin_client: Client
) -> None:
    route: Any = records[Route]
    values = opened(admin_client, address_of(route))
    assert "state" not in values
    assert admin_client.post(address_of(route), {**values, "state": "live", "tag": "new"}).status_code == 302
    route.refresh_from_db()
    assert (route.state, route.tag) == ("paused", "new")
