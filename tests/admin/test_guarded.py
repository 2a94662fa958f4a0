"""The page of a guarded publish: what would change, who may say so, and that it is what was shown."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django_q.models import OrmQ
from lxml import html

from integrations.models import Route
from integrations.sandbox.server import Sandbox
from inventory.models import GuardedPublish, GuardedQuantity, Listing, SkuAlias

Run = Callable[..., str]
UGLY = '<script>alert("x")</script>' + "Ω" * 60


@pytest.fixture
def guarded(route: Route) -> GuardedPublish:
    """Two hundred and fifty quantities, an ugly one among them."""
    listings = Listing.objects.bulk_create(
        Listing(route=route, marketplace_sku=f"{UGLY if place == 249 else 'M'}{place}") for place in range(250)
    )
    made = GuardedPublish.objects.create(
        route=route, reason="250 of 250 listings in stock would show 0", changed=250, zeroed=250, raised=0,
        fingerprint="seen",
    )  # fmt: skip
    GuardedQuantity.objects.bulk_create(
        GuardedQuantity(guarded=made, listing=one, sku=one.marketplace_sku, before=place, after=0, why=f"V{place}: 0")
        for place, one in enumerate(listings)
    )
    return made


def page_of(record: GuardedPublish, name: str = "change") -> str:
    return reverse(f"admin:inventory_guardedpublish_{name}", args=[record.pk])


def text_of(answer: Any) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", answer.content.decode())).split())


def person(client: Client, *rights: str) -> Client:
    user = User.objects.create_user("somebody", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    client.force_login(user)
    return client


def test_the_biggest_drops_come_first_a_page_at_a_time(guarded: GuardedPublish, admin_client: Client) -> None:
    first = admin_client.get(page_of(guarded))
    assert "<script>alert" not in first.content.decode()
    assert "250 of 250 listings in stock would show 0" in text_of(first)
    assert "it waits again if it still looks like damage, and is published if it does not" in text_of(first)
    rows = re.findall(r'data-label="Shown">(\d+)<', first.content.decode())
    assert rows == [str(before) for before in range(249, 149, -1)]
    assert "101 to 200 of 250" in text_of(admin_client.get(page_of(guarded), {"page": 2}))
    assert "V7: 0" in text_of(admin_client.get(page_of(guarded), {"q": "M7"}))


def test_who_may_only_look_sees_no_button_and_cannot_post(guarded: GuardedPublish, client: Client) -> None:
    viewer = person(client, "view_guardedpublish")
    page = viewer.get(page_of(guarded))
    assert page.status_code == 200
    assert "Publish all the same" not in text_of(page)
    for what in ("release", "discard"):
        assert viewer.post(page_of(guarded, what), {"fingerprint": "seen"}).status_code == 403
    guarded.refresh_from_db()
    assert guarded.state == "waiting"


def test_who_may_change_routes_and_listings_may_not_release(guarded: GuardedPublish, client: Client) -> None:
    clerk = person(client, "view_guardedpublish", "change_guardedpublish", "change_listing", "change_route")
    assert clerk.post(page_of(guarded, "release"), {"fingerprint": "seen"}).status_code == 403


def test_who_may_see_nothing_of_it_is_refused(guarded: GuardedPublish, client: Client) -> None:
    stranger = person(client, "view_listing")
    assert stranger.get(page_of(guarded)).status_code == 403
    assert stranger.post(page_of(guarded, "release"), {"fingerprint": "seen"}).status_code == 403


def test_looking_at_the_address_of_a_button_does_nothing(guarded: GuardedPublish, admin_client: Client) -> None:
    admin_client.get(page_of(guarded, "release"))
    guarded.refresh_from_db()
    assert guarded.state == "waiting"


def test_who_has_the_permission_releases_what_was_shown(guarded: GuardedPublish, client: Client) -> None:
    keeper = person(client, "release_publish")
    page = keeper.get(page_of(guarded))
    [shown] = set(re.findall(r'name="fingerprint" value="(\w+)"', page.content.decode()))
    answer = keeper.post(page_of(guarded, "release"), {"fingerprint": shown}, follow=True)
    assert "250 quantities of route Main are published with the next run" in text_of(answer)
    assert "Publish all the same" not in text_of(answer)
    guarded.refresh_from_db()
    assert (guarded.state, str(guarded.decided_by)) == ("released", "somebody")
    assert [row.task["func"] for row in OrmQ.objects.all()] == ["orders.tasks.publish_inventory"]


def test_what_would_be_published_is_said_before_it_is(guarded: GuardedPublish, admin_client: Client) -> None:
    page: Any = html.fromstring(admin_client.get(page_of(guarded)).content.decode())
    [link] = page.xpath("//a[normalize-space()='Publish all the same…']/@href")
    asked = admin_client.get(link)
    assert "Overstock is told 250 quantities of route Main: 250 of them 0, 0 of them higher" in text_of(asked)
    assert "The biggest drops:" in text_of(asked)
    assert not OrmQ.objects.exists()
    answered = admin_client.post(link, dict(asked.context["kept"]), follow=True)
    assert "are published with the next run" in text_of(answered)
    assert "Look at them again" in text_of(admin_client.get(link, follow=True))  # it is decided by now


def test_what_went_on_since_the_page_was_shown_is_looked_at_again(
    guarded: GuardedPublish, admin_client: Client
) -> None:
    old = f"{page_of(guarded, 'release')}?fingerprint=older"
    assert "Look at them again" in text_of(admin_client.get(old, follow=True))


def test_what_is_released_of_a_paused_route_is_not_said_to_be_published(
    guarded: GuardedPublish, admin_client: Client
) -> None:
    Route.objects.update(state="paused")
    text = text_of(admin_client.post(page_of(guarded, "release"), {"fingerprint": "seen"}, follow=True))
    assert "published with the next run" not in text
    assert "250 quantities of route Main are released for 24 hours" in text
    assert "Route Main is paused: nothing of it is published" in text


def test_what_was_brought_up_to_date_meanwhile_is_shown_again(guarded: GuardedPublish, admin_client: Client) -> None:
    GuardedPublish.objects.update(fingerprint="newer")
    answer = admin_client.post(page_of(guarded, "release"), {"fingerprint": "seen"}, follow=True)
    assert "not the ones any more that were shown" in text_of(answer)
    guarded.refresh_from_db()
    assert guarded.state == "waiting"


def test_what_was_decided_is_not_decided_again(guarded: GuardedPublish, admin_client: Client) -> None:
    admin_client.post(page_of(guarded, "discard"), {"fingerprint": "seen"})
    admin_client.post(page_of(guarded, "release"), {"fingerprint": "seen"})
    guarded.refresh_from_db()
    assert guarded.state == "discarded"


def test_the_start_page_leads_to_it_and_tells_how_fresh_the_stock_is(
    shop: Sandbox, manage: Run, guarded: GuardedPublish, admin_client: Client
) -> None:
    SkuAlias.objects.create(connection=guarded.route.marketplace, marketplace_sku="M1", warehouse_sku="MUG-BLK")
    manage("run", "pull_levels")
    page = admin_client.get(reverse("admin:index"))
    assert reverse("admin:worklist_guarded") in page.content.decode()
    [row] = admin_client.get(reverse("admin:worklist_guarded")).context["rows"]
    assert row.action_url == reverse("admin:inventory_guardedpublish_change", args=[guarded.pk])
    back = f'rounded-default px-3 py-2" href="{reverse("admin:worklist_guarded")}"'
    assert back in admin_client.get(row.action_url).content.decode()
    text = text_of(admin_client.get(reverse("admin:start_stock")))
    assert re.search(
        r"Gecko : last read completely 0\sminutes ago , 1 items; the oldest figure in use is 0\sminutes old", text
    )
    listed = admin_client.get(reverse("admin:inventory_guardedpublish_changelist"))
    assert "250 of 250 listings in stock" in text_of(listed)


def test_the_routes_page_has_the_guards_settings(route: Route, admin_client: Client) -> None:
    page = text_of(admin_client.get(reverse("admin:integrations_route_change", args=[route.pk])))
    for label in ("Guard: per cent", "Guard: listings", "Stock is stale after"):
        assert label in page
