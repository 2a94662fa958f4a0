"""Rules and route settings are tried before they are saved, keep who changed them and why, and can be put back."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integrations.models import Connection, Route
from integrations.sandbox.server import Sandbox
from inventory.models import InventoryLevel, Listing, SkuAlias, WarehouseItem
from inventory.rules import InventoryRule
from orders import route_states

ADD = "/admin/inventory/inventoryrule/add/"


@pytest.fixture
def route(db: None) -> Route:
    """A live route whose three listings have 10, 20 and 30 in the warehouse."""
    overstock = Connection.objects.create(name="Overstock", provider="supplier_oasis", username="x")
    gecko = Connection.objects.create(name="Gecko", provider="tradegecko")
    made = Route.objects.create(
        name="Main", state="live", marketplace=overstock, warehouse=gecko, marketplace_warehouse_name="Riverside DC",
        location_name="Main DC", location_id="1",
    )  # fmt: skip
    now = timezone.now()
    for place in (1, 2, 3):
        SkuAlias.objects.create(connection=overstock, marketplace_sku=f"M{place}", warehouse_sku=f"V{place}")
        WarehouseItem.objects.create(connection=gecko, sku=f"V{place}", matches=1, remote_id=str(place), checked_at=now)
        InventoryLevel.objects.create(
            connection=gecko, item_id=str(place), location_id="1", on_hand=place * 10, committed=0,
            available=place * 10, observed_at=now,
        )  # fmt: skip
        Listing.objects.create(route=made, marketplace_sku=f"M{place}")
    return made


def text_of(answer: Any) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", answer.content.decode())).split())


def hidden(answer: Any) -> dict[str, str]:
    """What the page's form would post, as a browser would."""
    found = re.findall(r"<input[^>]*>", answer.content.decode())
    fields = {
        name[1]: unescape(value[1]) if (value := re.search(r'value="([^"]*)"', one)) else ""
        for one in found
        if 'type="hidden"' in one and (name := re.search(r'name="([^"]*)"', one))
    }
    return {name: value for name, value in fields.items() if name != "csrfmiddlewaretoken"}


def agreed(client: Client, address: str, page: Any, reason: str = "") -> Any:
    fingerprint = re.search(r'name="_agreed" value="(\w+)"', page.content.decode())
    assert fingerprint
    return client.post(address, {**hidden(page), "_agreed": fingerprint[1], "_reason": reason})


def rule_form(route: Route, **values: Any) -> dict[str, Any]:
    empty = dict.fromkeys(("listing", "reserve", "max_online", "minimum_level", "fixed_quantity", "note"), "")
    times = dict.fromkeys(("starts_at_0", "starts_at_1", "ends_at_0", "ends_at_1"), "")
    return {**empty, **times, "do_not_publish": "unknown", "route": route.pk, "_save": "Save", **values}


def route_form(client: Client, route: Route, **values: Any) -> dict[str, Any]:
    """What the route's page would post, with some of it changed."""
    form = client.get(reverse("admin:integrations_route_change", args=[route.pk])).context["adminform"].form
    shown = {name: form.get_initial_for_field(field, name) for name, field in form.fields.items()}
    plain = {name: "" if value is None else value for name, value in shown.items() if value is not False}
    return {**plain, "_save": "Save", **values}


@pytest.mark.parametrize("name", ["full_publish_hours", "inventory_file_hours", "stale_after_hours"])
def test_hours_that_no_calendar_has_are_refused(route: Route, admin_client: Client, name: str) -> None:
    page = reverse("admin:integrations_route_change", args=[route.pk])
    for wrong in ("0", "99999999"):
        answer = admin_client.post(page, route_form(admin_client, route, **{name: wrong}))
        assert "From 1 to 8760 hours" in text_of(answer)
    admin_client.post(page, route_form(admin_client, route, **{name: "8760"}))
    route.refresh_from_db()
    assert getattr(route, name) == 8760


def test_a_rule_is_saved_only_once_what_it_would_do_was_seen(route: Route, admin_client: Client) -> None:
    page = admin_client.post(ADD, rule_form(route, max_online="15", note="Clearance"))
    assert "2 of 3 quantities would change 2 down 0 to 0 0 up" in text_of(page)
    assert re.search(r"M3 30 15 -15.*M2 20 15 -5", text_of(page))
    assert not InventoryRule.objects.exists()
    assert not InventoryRule.history.exists()
    assert agreed(admin_client, ADD, page, "Spring sale").status_code == 302
    rule = InventoryRule.objects.get()
    assert (rule.max_online, rule.listing, rule.note) == (15, None, "Clearance")
    kept = rule.history.get()
    assert (kept.history_change_reason, kept.history_user.username) == ("Spring sale", "admin")


def test_a_rule_that_is_not_made_yet_has_no_number(route: Route, admin_client: Client) -> None:
    address = reverse("admin:inventory_inventoryrule_add")
    page = admin_client.post(address, rule_form(route, reserve="1"))
    assert page.context["title"] == f"Before it is saved: new rule of {route}"


def test_what_was_seen_is_what_is_saved(route: Route, admin_client: Client) -> None:
    page = admin_client.post(ADD, rule_form(route, max_online="15"))
    fingerprint = re.search(r'name="_agreed" value="(\w+)"', page.content.decode())
    assert fingerprint
    other = admin_client.post(ADD, rule_form(route, max_online="1", _agreed=fingerprint[1]))
    assert "3 of 3 quantities would change" in text_of(other)
    assert not InventoryRule.objects.exists()


def test_a_rule_for_one_listing_or_for_later_is_tried_as_if_it_held(route: Route, admin_client: Client) -> None:
    one = Listing.objects.get(marketplace_sku="M2")
    page = admin_client.post(
        ADD, rule_form(route, listing=one.pk, fixed_quantity="0", starts_at_0="2199-01-01", starts_at_1="00:00:00")
    )
    assert "1 of 1 quantities would change" in text_of(page)
    assert "as if it held now; it starts 2199-01-01" in text_of(page)


def test_a_wrong_rule_gets_its_error_and_no_dry_run(route: Route, admin_client: Client) -> None:
    assert "Fill in at least one" in text_of(admin_client.post(ADD, rule_form(route)))


def test_who_may_not_change_rules_sees_no_dry_run(route: Route, client: Client) -> None:
    user = User.objects.create_user("viewer", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_inventoryrule"))
    client.force_login(user)
    assert client.post(ADD, rule_form(route, max_online="1")).status_code == 403
    rule = InventoryRule.objects.create(route=route, reserve=1)
    page = f"/admin/inventory/inventoryrule/{rule.pk}/"
    assert client.post(f"{page}change/", rule_form(route, reserve="9")).status_code == 403
    earlier = client.get(f"{page}history/{rule.history.get().pk}/")
    assert earlier.status_code == 200
    assert "Put these back" not in text_of(earlier)


def test_who_may_only_look_sees_what_was_different_and_cannot_put_it_back(route: Route, client: Client) -> None:
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.groups.add(Group.objects.get(name="Viewer"))
    client.force_login(viewer)
    first = route.history.earliest()
    Route.objects.filter(pk=route.pk).update(reserve=7)
    page = text_of(client.get(reverse("admin:integrations_route_simple_history", args=[route.pk, first.pk])))
    assert "Reserve 7 0" in page
    assert "Put these back" not in page


def test_route_settings_are_tried_and_can_be_put_back(route: Route, admin_client: Client) -> None:
    address = reverse("admin:integrations_route_change", args=[route.pk])
    page = admin_client.post(address, route_form(admin_client, route, reserve="12"))
    assert "3 of 3 quantities would change 3 down 1 to 0 0 up" in text_of(page)
    agreed(admin_client, address, page, "Count in doubt")
    route.refresh_from_db()
    assert (route.reserve, route.location_id) == (12, "1")
    history = admin_client.get(reverse("admin:integrations_route_history", args=[route.pk]))
    assert "Count in doubt" in text_of(history)
    first = route.history.earliest()
    earlier = admin_client.get(reverse("admin:integrations_route_simple_history", args=[route.pk, first.pk]))
    assert "Reserve 12 0" in text_of(earlier)
    back = admin_client.post(address, {**hidden(earlier), "_save": "1"})
    assert "3 of 3 quantities would change 0 down 0 to 0 3 up" in text_of(back)
    agreed(admin_client, address, back)
    route.refresh_from_db()
    assert route.reserve == 12  # nobody said why
    agreed(admin_client, address, back, "Counted again")
    route.refresh_from_db()
    assert (route.reserve, route.history.latest().history_change_reason) == (0, "Counted again")


def test_an_earlier_state_sets_no_route_live_and_says_what_it_does_not_bring_back(route: Route, client: Client) -> None:
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename__in=("view_route", "change_route")))
    client.force_login(clerk)
    gecko, old = route.warehouse, Connection.objects.create(name="Old Gecko", provider="tradegecko")
    route.warehouse, route.company_name = old, "Overstock Inc"
    route.save()
    earlier = reverse("admin:integrations_route_simple_history", args=[route.pk, route.history.latest().pk])
    route.warehouse, route.company_name, route.company_id = gecko, "Overstock.com", "77"
    route.save()
    route_states.pause(route, None)
    gone = old.pk
    old.delete()
    page = client.get(earlier)
    told = text_of(page)
    assert "State Paused Live It stays as it is now: Start the test, Go live and Pause change it." in told
    assert f"Warehouse Gecko one that is gone (id {gone}) It was deleted, so what there is now stays." in told
    address = reverse("admin:integrations_route_change", args=[route.pk])
    client.post(address, {**hidden(page), "state": "live", "_reason": "As it was", "_save": "1"})
    route.refresh_from_db()
    assert (route.state, route.warehouse, route.company_name, route.company_id) == (
        "paused",
        gecko,
        "Overstock Inc",
        "",
    )


def test_an_earlier_state_that_differs_in_nothing_to_be_put_back_has_no_button(
    route: Route, admin_client: Client
) -> None:
    route_states.pause(route, None)
    first = route.history.earliest()
    page = text_of(admin_client.get(reverse("admin:integrations_route_simple_history", args=[route.pk, first.pk])))
    assert ("State Paused Live" in page, "Nothing differs" in page, "Put these back" in page) == (True, False, False)


def test_the_history_of_a_route_is_told_in_the_words_of_its_page(route: Route, admin_client: Client) -> None:
    route.unmapped_shipping, route.max_online, route.warehouse = Route.Unmapped.REFUSE, 5, route.marketplace
    route.save()
    page = text_of(admin_client.get(reverse("admin:integrations_route_history", args=[route.pk])))
    for told in ("Unmapped shipping: Pass the code through → Hold the order", "nothing → 5", "Warehouse: Gecko → Overstock",
                 "Changed the command line or a job –"):  # fmt: skip
        assert told in page
    assert "None" not in page


def gone(model: Any) -> str:
    """The address where a deleted record is brought back."""
    last = model.history.get(history_type="-")
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_simple_history"
    return reverse(name, args=[last.id, last.pk])


def test_a_deleted_rule_comes_back_after_a_look_at_what_it_would_do(route: Route, admin_client: Client) -> None:
    rule = InventoryRule.objects.create(route=route, reserve=12)
    key = rule.pk
    rule.delete()
    page = admin_client.post(gone(InventoryRule), {"_reason": "By mistake"})
    assert "3 of 3 quantities would change 3 down 1 to 0 0 up" in text_of(page)
    assert not InventoryRule.objects.exists()
    agreed(admin_client, gone(InventoryRule), page, "By mistake")
    back = InventoryRule.objects.get()
    assert (back.pk, back.reserve, back.history.latest().history_change_reason) == (key, 12, "By mistake")


def test_a_deleted_route_comes_back_paused_and_then_its_rule(route: Route, admin_client: Client) -> None:
    InventoryRule.objects.create(route=route, reserve=4).delete()
    route.delete()
    assert admin_client.post(gone(Route), {"_reason": "By mistake"}).status_code == 302
    page = admin_client.post(gone(InventoryRule), {"_reason": "By mistake"})
    agreed(admin_client, gone(InventoryRule), page, "By mistake")
    assert (Route.objects.get().state, InventoryRule.objects.get().reserve) == ("paused", 4)


def test_what_belonged_to_something_that_is_gone_is_told_and_does_not_come_back(
    route: Route, admin_client: Client
) -> None:
    InventoryRule.objects.create(route=route, reserve=4)
    marketplace = route.marketplace
    route.delete()
    marketplace.delete()
    for model in (InventoryRule, SkuAlias):
        gone: Any = model.history.filter(history_type="-").first()
        name = f"admin:inventory_{model._meta.model_name}"
        address = reverse(f"{name}_simple_history", args=[gone.id, gone.pk])
        assert address in admin_client.get(reverse(f"{name}_deleted")).content.decode()
        page = text_of(admin_client.get(address))
        assert ("one that is gone" in page, "Bring it back" in page) == (True, False)
        assert "was deleted too" in text_of(admin_client.post(address, {"_reason": "By mistake"}, follow=True))


def test_taking_skus_without_an_alias_no_more_is_tried_too(route: Route, admin_client: Client) -> None:
    Listing.objects.create(route=route, marketplace_sku="V1")
    address = reverse("admin:integrations_route_change", args=[route.pk])
    form = route_form(admin_client, route)
    del form["allow_identity"]
    page = admin_client.post(address, form)
    assert "1 of 4 quantities would change 1 down 1 to 0 0 up" in text_of(page)


def test_what_touches_no_quantity_is_saved_at_once(route: Route, admin_client: Client) -> None:
    address = reverse("admin:integrations_route_change", args=[route.pk])
    assert admin_client.post(address, route_form(admin_client, route, tag="OSTK")).status_code == 302
    assert Route.objects.get().tag == "OSTK"


def test_a_route_without_listings_has_nothing_to_foresee(route: Route, admin_client: Client) -> None:
    route.listings.all().delete()
    address = reverse("admin:integrations_route_change", args=[route.pk])
    assert admin_client.post(address, route_form(admin_client, route, reserve=3)).status_code == 302
    assert Route.objects.get().reserve == 3


def test_a_button_that_moves_a_route_leaves_its_history(route: Route) -> None:
    route_states.pause(route, None)
    assert [kept.state for kept in route.history.all()] == ["paused", "live"]


def test_a_state_that_never_was_is_not_found(route: Route, admin_client: Client) -> None:
    for version in ("999999", "x", "9" * 30):
        address = f"/admin/integrations/route/{route.pk}/history/{version}/"
        assert admin_client.get(address).status_code == 404


def test_stock_is_filtered_by_each_location_that_counts(route: Route, admin_client: Client) -> None:
    Route.objects.update(counted_locations="East", counted_location_ids={"East": "2"})
    listed = text_of(admin_client.get(reverse("admin:inventory_inventorylevel_changelist")))
    assert "Main DC" in listed
    assert "East" in listed


def test_a_rule_is_deleted_after_a_look_at_what_comes_of_it(route: Route, admin_client: Client) -> None:
    rule = InventoryRule.objects.create(route=route, reserve=4)
    address = reverse("admin:inventory_inventoryrule_delete", args=[rule.pk])
    page = admin_client.post(address, {"post": "yes"})
    assert "3 of 3 quantities would change" in text_of(page)
    assert "3 up" in text_of(page)
    assert page.context["back"] == reverse("admin:inventory_inventoryrule_change", args=[rule.pk])
    assert InventoryRule.objects.exists()
    assert InventoryRule.history.count() == 1
    rule.save()
    page = agreed(admin_client, address, page)
    assert InventoryRule.objects.exists()  # somebody changed it since that page was made
    agreed(admin_client, address, page, "season is over\x00")
    assert not InventoryRule.objects.exists()
    assert InventoryRule.history.latest().history_change_reason == "season is over"


def test_a_rule_whose_listing_is_gone_too_is_listed_and_says_why_it_cannot_come_back(
    route: Route, admin_client: Client
) -> None:
    listing = Listing.objects.create(route=route, marketplace_sku="GONE-1")
    InventoryRule.objects.create(route=route, listing=listing, reserve=4)
    listing.delete()
    gone: Any = InventoryRule.history.get(history_type="-")
    address = reverse("admin:inventory_inventoryrule_simple_history", args=[gone.id, gone.pk])
    assert address in admin_client.get(reverse("admin:inventory_inventoryrule_deleted")).content.decode()
    page = admin_client.post(address, {"_reason": "By mistake"}, follow=True)
    assert "It cannot come back: what it belonged to was deleted too." in text_of(page)
    assert not InventoryRule.objects.exists()


def test_publishing_every_warehouse_sku_tells_first_how_many_come_also_on_a_route_without_listings(
    shop: Sandbox, admin_client: Client
) -> None:
    route = Route.objects.get()
    page = reverse("admin:integrations_route_change", args=[route.pk])
    form = route_form(admin_client, route, publish_catalogue="on")
    answer = admin_client.post(page, form)
    items = sum(row["status"] == "active" for row in shop.tradegecko.tables["variants"].values())
    assert f"About {items} listings would come" in text_of(answer)
    assert not Route.objects.get().publish_catalogue
    assert agreed(admin_client, page, answer, "All of it").status_code == 302
    assert Route.objects.get().publish_catalogue
    assert route.history.first().publish_catalogue
    assert "Same SKU without an alias" in text_of(admin_client.post(page, {**form, "allow_identity": ""}))


def test_the_history_of_what_nobody_changed_says_so_and_leads_back(route: Route, admin_client: Client) -> None:
    route.history.all().delete()
    for record, kind in ((route, "route"), (route.marketplace, "connection")):
        answer = admin_client.get(reverse(f"admin:integrations_{kind}_history", args=[record.pk]))
        assert "Nobody has changed this here" in text_of(answer)
        assert f'href="{reverse(f"admin:integrations_{kind}_change", args=[record.pk])}"' in answer.content.decode()


def test_the_history_of_a_connection_says_who_changed_what_and_when_in_utc(route: Route, admin_client: Client) -> None:
    LogEntry.objects.log_actions(
        User.objects.get(username="admin").pk, [route.marketplace], CHANGE, "Options changed"
    )  # fmt: skip
    at = LogEntry.objects.get().action_time
    page = text_of(admin_client.get(reverse("admin:integrations_connection_history", args=[route.marketplace_id])))
    assert f"{at:%Y-%m-%d %H:%M:%S} UTC admin Options changed" in page
