"""A listing's page says why it shows what it shows; what was refused is taken up again by those who may."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError
from django.test import Client
from django.urls import reverse

from integrations.models import Route
from integrations.sandbox.server import Sandbox
from inventory.explanation import in_words
from inventory.models import Listing, Publication, SkuAlias
from inventory.outbox import MOST_TIMES_PARKED

Run = Callable[..., str]
DC = "Riverside DC"


def page_of(client: Client, listing: Listing) -> str:
    return client.get(reverse("admin:inventory_listing_change", args=[listing.pk])).content.decode()


def text_of(page: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page)).split())


@pytest.fixture
def pack(shop: Sandbox, manage: Run) -> Listing:
    """A pack of six mugs, of which two single ones are on their way."""
    route = Route.objects.get()
    shop.oasis.add_listing("PACK")
    SkuAlias.objects.create(connection=route.marketplace, marketplace_sku="PACK", warehouse_sku="MUG-BLK", units=6)
    Route.objects.update(minimum_level=2, max_online=50, location_name="Main DC")
    shop.oasis.add_order({"partner_sku": "MUG-BLK", "quantity": 2})
    for job in ("pull_orders", "pull_levels", "publish_inventory"):
        manage("run", job)
    return Listing.objects.get(marketplace_sku="PACK")


def test_the_quantity_is_reckoned_up_in_words(pack: Listing, admin_client: Client) -> None:
    text = text_of(page_of(admin_client, pack))
    assert re.search(
        r"6 × MUG-BLK Available at Main DC \(observed [\d :-]+ UTC\) 120 Order that the warehouse has not counted yet: \S+ "
        r"− 2 Left, never below 0 118 Enough for, at 6 each 19 What is shown Can be sold 19 Cap: never more than 50 "
        r"Minimum level 2 Quantity 19",
        text,
    )


def test_what_is_below_the_minimum_level_says_so(pack: Listing, shop: Sandbox, manage: Run) -> None:
    shop.tradegecko.set_stock("MUG-BLK", 9)
    manage("run", "pull_levels")
    manage("run", "publish_inventory")
    pack.refresh_from_db()
    assert in_words(pack.explanation)[-1] == ("Shown", "sells 1; cap 50; minimum level 2, which it is below → 0")


def test_a_listing_of_which_nobody_knows_what_it_is_says_why(pack: Listing, manage: Run, admin_client: Client) -> None:
    SkuAlias.objects.update(warehouse_sku="<b>GONE</b>")
    manage("run", "all")
    manage("run", "all")
    page = page_of(admin_client, pack)
    assert "does not carry it" in text_of(page)
    assert "<b>GONE</b>" not in page
    unresolved = admin_client.get(reverse("admin:inventory_listing_changelist"), {"state": "problem"})
    assert list(unresolved.context["cl"].queryset) == [pack]


def test_a_listings_names_are_what_orders_taught_us(pack: Listing, admin_client: Client) -> None:
    form = admin_client.get(reverse("admin:inventory_listing_change", args=[pack.pk])).context["adminform"].form
    assert set(form.fields) - {"shown"} == {"is_active"}


@pytest.fixture
def refused(shop: Sandbox, manage: Run) -> Publication:
    route = Route.objects.get()
    SkuAlias.objects.create(connection=route.marketplace, marketplace_sku="X", warehouse_sku="MUG-BLK")
    with pytest.raises(CommandError, match="does not take 1 quantity, see"):
        manage("run", "all")
    Publication.objects.update(times_parked=MOST_TIMES_PARKED)
    shop.oasis.add_listing("X", warehouse=DC)
    return Publication.objects.get()


def retry(client: Client, row: Publication) -> Any:
    action = {"action": "retry_selected", "_selected_action": [row.pk]}
    return client.post(reverse("admin:inventory_publication_changelist"), action, follow=True)


def test_a_refused_quantity_is_retried_as_it_is_by_then(
    shop: Sandbox, manage: Run, refused: Publication, admin_client: Client
) -> None:
    shop.tradegecko.set_stock("MUG-BLK", 120)
    assert "1 are taken up again" in text_of(retry(admin_client, refused).content.decode())
    shop.tradegecko.set_stock("MUG-BLK", 7)
    manage("run", "pull_levels")
    manage("run", "publish_inventory")
    assert shop.oasis.quantities == {("X", DC): 7}
    assert "0 are taken up again" in text_of(retry(admin_client, refused).content.decode())


@pytest.mark.parametrize(
    ("listing", "route", "why"),
    [
        ({"is_active": False}, {}, "X is switched off"),
        ({}, {"state": "paused"}, "Route Main is paused"),
        ({}, {"publish_by": "file"}, "Route Main publishes by file"),
    ],
)
def test_what_would_not_be_published_is_left_and_says_why(
    refused: Publication, admin_client: Client, listing: dict[str, Any], route: dict[str, Any], why: str
) -> None:
    Listing.objects.update(**listing)
    Route.objects.update(**{"state": "live", **route})
    text = text_of(retry(admin_client, refused).content.decode())
    assert f"1 left as refused: {why}" in text
    assert "0 are taken up again" in text
    refused.refresh_from_db()
    assert refused.status == "parked"


def test_who_may_only_look_retries_nothing(refused: Publication, client: Client) -> None:
    user = User.objects.create_user("viewer", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_publication"))
    client.force_login(user)
    retry(client, refused)
    refused.refresh_from_db()
    assert refused.status == "parked"


def test_a_figure_that_a_rule_made_names_the_rule(pack: Listing) -> None:
    rules = {"reserve": {"rule": 7, "note": "Black Friday", "of": "route"}}
    part = {"sku": "V", "units": 1, "tracked": True, "place": "Main DC + East Store", "available": "5", "pending": 1,
            "reserve": 2, "left": 2, "sells": 2, "places": [["Main DC", "2", None], ["East Store", "3", None]]}  # fmt: skip
    told = dict(in_words({"components": [part], "rules": rules, "sells": 2, "quantity": 2}))
    assert "(2 at Main DC + 3 at East Store)" in told["1 × V"]
    assert "− 2 reserve (rule 7 of the route: Black Friday) = 2" in told["1 × V"]
    fixed = {"fixed_quantity": 9, "rules": {"fixed_quantity": {"rule": 8, "note": "", "of": "listing"}}}
    assert in_words(fixed) == [("Shown", "fixed quantity 9 (rule 8 of the listing)")]
