"""A bad answer about stock changes nothing on the marketplace until a person says so, or it is over."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models import F
from django.utils import timezone

from integrations.models import Connection, Route, SyncRun
from integrations.sandbox import gecko as server
from integrations.sandbox import gecko_filters
from integrations.sandbox.server import Sandbox
from inventory import guarding
from inventory.models import (
    GuardedPublish,
    InventoryLevel,
    Listing,
    Publication,
    SkuAlias,
    StockReading,
    StockSweep,
    WarehouseItem,
)
from inventory.rules import InventoryRule

Run = Callable[..., str]
Alias = Callable[..., Any]
DC = "Riverside DC"
GOODS = 40


@pytest.fixture
def goods(shop: Sandbox, alias: Alias, manage: Run) -> None:
    """Forty listings that show 5 each."""
    for place in range(GOODS):
        shop.tradegecko.add_variant(f"V{place}", stock=5)
        alias(f"M{place}", f"V{place}")
    manage("run", "all")


def stock(box: Sandbox, quantity: int, places: range = range(GOODS)) -> None:
    for place in places:
        box.tradegecko.set_stock(f"V{place}", quantity)


def shown(box: Sandbox, warehouse: str = DC) -> set[int]:
    return {quantity for (_, place), quantity in box.oasis.quantities.items() if place == warehouse}


def stock_is_older(**by: int) -> None:
    since = timedelta(**by)
    StockReading.objects.update(began_at=F("began_at") - since)
    Route.history.update(history_date=F("history_date") - since)  # else it was switched on since
    InventoryLevel.objects.update(observed_at=F("observed_at") - since)


def status(manage: Run) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(manage("status", "--json"))
    return found


@pytest.fixture
def waiting(shop: Sandbox, goods: None, tried: Run) -> GuardedPublish:
    """The warehouse answers 0 for everything."""
    stock(shop, 0)
    tried("run", "all")
    return GuardedPublish.objects.get()


def released(record: GuardedPublish) -> None:
    record.refresh_from_db()
    guarding.release(record, record.fingerprint, User.objects.get_or_create(username="keeper")[0])


def test_a_warehouse_that_answers_zeros_for_everything_changes_nothing(
    shop: Sandbox, waiting: GuardedPublish, manage: Run, tried: Run
) -> None:
    assert shown(shop) == {5}
    assert Publication.objects.exclude(status="accepted").count() == 0
    assert (waiting.state, waiting.changed, waiting.zeroed) == ("waiting", GOODS, GOODS)
    assert waiting.quantities.first().why == "V0: 0 available at Main DC − 0 in orders"  # type: ignore[union-attr]
    assert SyncRun.objects.filter(job="publish_inventory").latest("pk").status == "partial"
    told = status(manage)
    assert told["worklists"]["guarded_publishes"] == 1
    assert any("40 of 40 listings in stock would show 0" in text for text in told["alarms"])
    assert "40 quantities held back until a person decides" in tried("run", "publish_inventory")


def test_what_is_released_is_published_once(shop: Sandbox, waiting: GuardedPublish, manage: Run, tried: Run) -> None:
    released(waiting)
    manage("run", "publish_inventory")
    assert shown(shop) == {0}
    manage("run", "publish_inventory")
    waiting.refresh_from_db()
    assert waiting.state == "published"
    stock(shop, 5)
    tried("run", "all")
    released(GuardedPublish.objects.get(state="waiting"))
    manage("run", "publish_inventory")
    assert shown(shop) == {5}
    stock(shop, 0)
    tried("run", "all")
    assert shown(shop) == {5}


@pytest.mark.long
def test_a_release_lasts_until_the_marketplace_has_taken_it(
    shop: Sandbox, waiting: GuardedPublish, manage: Run, tried: Run
) -> None:
    released(waiting)
    shop.faults.add("oasis", "503", path="/inventory")
    tried("run", "publish_inventory")
    assert shown(shop) == {5}
    Publication.objects.update(not_before=None)
    manage("run", "publish_inventory")
    assert shown(shop) == {0}


@pytest.mark.long
def test_a_release_that_nobody_could_use_for_a_day_is_over(shop: Sandbox, waiting: GuardedPublish, tried: Run) -> None:
    released(waiting)
    GuardedPublish.objects.update(decided_at=F("decided_at") - timedelta(hours=25))
    assert "40 quantities held back" in tried("run", "publish_inventory")
    assert shown(shop) == {5}
    waiting.refresh_from_db()
    assert waiting.state == "closed"


@pytest.mark.long
def test_a_release_does_not_cover_what_came_on_top(shop: Sandbox, goods: None, manage: Run, tried: Run) -> None:
    stock(shop, 0, range(20))
    tried("run", "all")
    released(GuardedPublish.objects.get())
    stock(shop, 0, range(20, GOODS))
    tried("run", "all")
    assert sorted(shop.oasis.quantities.values()) == [0] * 20 + [5] * 20
    assert GuardedPublish.objects.get(state="waiting").changed == 20


@pytest.mark.long
def test_a_few_sales_after_a_release_do_not_spoil_it(shop: Sandbox, waiting: GuardedPublish, tried: Run) -> None:
    Route.objects.update(guard_share=90)
    released(waiting)
    stock(shop, 3, range(2))
    tried("run", "all")
    assert sorted(shop.oasis.quantities.values()) == [0] * 38 + [3, 3]


@pytest.mark.long
def test_what_changed_since_it_was_looked_at_is_not_released(
    shop: Sandbox, waiting: GuardedPublish, tried: Run
) -> None:
    stock(shop, 1, range(3))
    tried("run", "all")
    with pytest.raises(guarding.NotReleased):
        guarding.release(waiting, waiting.fingerprint, User.objects.create_user("keeper"))
    waiting.refresh_from_db()
    assert (waiting.state, waiting.zeroed, waiting.quantities.count()) == ("waiting", 37, GOODS)


def test_it_closes_by_itself_when_the_figures_are_back(shop: Sandbox, waiting: GuardedPublish, manage: Run) -> None:
    stock(shop, 5)
    shop.tradegecko.set_stock("V3", 2)
    manage("run", "all")
    waiting.refresh_from_db()
    assert waiting.state == "closed"
    assert shop.oasis.quantities["M3", DC] == 2
    assert status(manage)["worklists"]["guarded_publishes"] == 0


def test_what_is_discarded_is_decided_anew(shop: Sandbox, waiting: GuardedPublish, tried: Run) -> None:
    guarding.discard(waiting, waiting.fingerprint, User.objects.create_user("keeper"))
    tried("run", "publish_inventory")
    assert shown(shop) == {5}
    assert GuardedPublish.objects.filter(state="waiting").count() == 1


@pytest.mark.long
def test_one_sold_out_item_passes(shop: Sandbox, goods: None, manage: Run) -> None:
    shop.tradegecko.set_stock("V3", 0)
    manage("run", "all")
    assert shop.oasis.quantities["M3", DC] == 0
    assert not GuardedPublish.objects.exists()


def test_a_leap_waits_and_the_others_are_published(shop: Sandbox, goods: None, tried: Run) -> None:
    shop.tradegecko.set_stock("V1", 5_000)
    shop.tradegecko.set_stock("V2", 0)
    assert "5 → 5000" in tried("run", "all")
    assert (shop.oasis.quantities["M1", DC], shop.oasis.quantities["M2", DC]) == (5, 0)


def test_what_is_raised_more_than_tenfold_waits_unless_it_showed_as_many_lately(
    shop: Sandbox, goods: None, manage: Run, tried: Run
) -> None:
    for sku in ("V1", "V2"):
        shop.tradegecko.set_stock(sku, 60)
    Publication.objects.filter(listing__marketplace_sku="M2").update(quantity=60)
    assert "5 → 60" in tried("run", "all")
    assert (shop.oasis.quantities["M1", DC], shop.oasis.quantities["M2", DC]) == (5, 60)


@pytest.mark.long
def test_lost_aliases_count_as_zeros(shop: Sandbox, goods: None, tried: Run) -> None:
    SkuAlias.objects.all().delete()
    tried("run", "all")
    assert shown(shop) == {5}
    first = GuardedPublish.objects.get().quantities.first()
    assert first is not None
    assert "has no alias" in first.why


@pytest.mark.long
def test_another_route_goes_on(shop: Sandbox, goods: None, manage: Run, tried: Run) -> None:
    shop.oasis.warehouses.add("Backup DC")
    manage(
        "route", "Backup", "--marketplace", "Overstock", "--warehouse-name", "Backup DC", "--warehouse", "Gecko",
        "--location", "Main DC", "--live",
    )  # fmt: skip
    Route.objects.filter(name="Backup").update(guard_listings=1000)
    manage("run", "all")
    stock(shop, 0)
    tried("run", "all")
    assert (shown(shop), shown(shop, "Backup DC")) == ({5}, {0})


@pytest.mark.long
def test_everything_is_sent_again_daily_without_being_held(
    shop: Sandbox, goods: None, route: Route, manage: Run
) -> None:
    route.listings.update(published_at=F("published_at") - timedelta(hours=25))
    shop.oasis.quantities.clear()
    manage("run", "publish_inventory")
    assert shown(shop) == {5}


# --- readings that are not complete -----------------------------------------------------------------------------


def archive(box: Sandbox, places: range) -> None:
    gone = {f"V{place}" for place in places}
    for row in box.tradegecko.tables["variants"].values():
        if row["sku"] in gone:
            row["status"] = "archived"


def test_a_reading_without_half_the_items_is_partial_and_zeroes_nothing(
    shop: Sandbox, goods: None, manage: Run, tried: Run
) -> None:
    whole = StockReading.objects.get()
    assert (whole.items, whole.partial_reason) == (GOODS, "")
    archive(shop, range(20))
    shop.tradegecko.set_stock("V30", 2)
    assert "covered 20 items where 40 were expected" in tried("run", "pull_levels")
    assert set(InventoryLevel.objects.values_list("available", flat=True)) == {5, 2}
    assert "was not complete" in tried("run", "publish_inventory")
    assert shown(shop) == {5}
    told = status(manage)
    assert "covered 20 items" in told["stock"]["Gecko"]["partial_reason"]
    assert any("covered 20 items" in text for text in told["alarms"])
    for row in shop.tradegecko.tables["variants"].values():
        row["status"] = "active"
    manage("run", "all")
    assert shop.oasis.quantities["M30", DC] == 2
    assert status(manage)["stock"]["Gecko"]["partial_reason"] == ""


@pytest.mark.long
def test_a_reading_that_lacks_a_third_is_complete(shop: Sandbox, goods: None, manage: Run) -> None:
    archive(shop, range(13))
    manage("run", "pull_levels")
    assert StockReading.objects.get().items == GOODS - 13
    assert WarehouseItem.objects.filter(matches=0).count() == 13  # asked for at once: nothing is left to be stale
    assert status(manage)["stock"]["Gecko"]["stale_items"] == 0


@pytest.mark.long
def test_pages_that_were_announced_and_did_not_come_zero_nothing(
    shop: Sandbox, goods: None, manage: Run, tried: Run, gecko: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    Connection.objects.filter(pk=gecko.pk).update(options={"page_size": 10})
    stock(shop, 0, range(3))
    answer = gecko_filters.page

    def cut_short(*args: Any) -> Any:
        rows, paging = answer(*args)
        return rows, {**paging, "last_page": int(args[2].get("page", "1")) >= 2}

    with monkeypatch.context() as broken:
        broken.setattr(gecko_filters, "page", cut_short)
        assert "announced" in tried("run", "pull_levels")
    tried("run", "publish_inventory")
    assert shown(shop) == {5}
    assert not StockSweep.objects.exists()
    manage("run", "all")
    assert sorted(shop.oasis.quantities.values()) == [0] * 3 + [5] * 37


@pytest.mark.parametrize(("rows_sent", "is_believed"), [(20, False), (40, True)])
def test_a_short_page_without_a_word_on_whether_more_follow_zeroes_nothing(
    shop: Sandbox, goods: None, tried: Run, monkeypatch: pytest.MonkeyPatch, rows_sent: int, is_believed: bool
) -> None:
    """Without `X-Pagination` it passes for the last one. What did not come stays as it was; where most came, its SKUs are asked for."""
    page, paged = gecko_filters.page, server._paged

    def cut_short(*args: Any) -> Any:
        rows, paging = page(*args)
        return rows[:rows_sent], paging

    def without_a_word(*args: Any) -> Any:
        answer = paged(*args)
        del answer.headers["X-Pagination"]
        return answer

    monkeypatch.setattr(gecko_filters, "page", cut_short)
    monkeypatch.setattr(server, "_paged", without_a_word)
    said = tried("run", "pull_levels")
    assert said == "" if is_believed else f"items where {GOODS} were expected" in said
    tried("run", "publish_inventory")
    assert shown(shop) == {5}
    assert not WarehouseItem.objects.filter(matches=0).exists()


def test_old_stock_holds_changes_back_but_not_our_own_orders(
    shop: Sandbox, goods: None, manage: Run, tried: Run
) -> None:
    stock_is_older(hours=7)
    listing = Listing.objects.get(marketplace_sku="M2")
    InventoryRule.objects.create(route=listing.route, listing=listing, reserve=2)
    InventoryLevel.objects.filter(item_id=str(_variant(shop, "V1"))).update(available=3)
    told = tried("run", "publish_inventory")
    assert "1 quantity held back" in told
    assert "was last read completely at" in told
    assert shop.oasis.quantities["M1", DC] == 5
    assert shop.oasis.quantities["M2", DC] == 3
    assert any("was last read completely" in text for text in status(manage)["alarms"])


@pytest.mark.long
def test_how_old_the_oldest_figure_is_is_told(shop: Sandbox, goods: None, manage: Run) -> None:
    stock_is_older(hours=2)
    told = status(manage)["stock"]["Gecko"]
    assert 7200 <= told["oldest_figure_seconds"] < 7800
    assert (told["items"], told["stale_items"]) == (GOODS, 0)


@pytest.mark.long
def test_zeros_do_not_slip_in_page_by_page(shop: Sandbox, goods: None, tried: Run, gecko: Connection) -> None:
    """A long reading of which the first pages have come is judged by what they say."""
    Route.objects.update(guard_share=60)
    began = timezone.now()
    StockSweep.objects.create(connection=gecko, next_page=2, started_at=began)
    read = InventoryLevel.objects.filter(item_id__in=[str(_variant(shop, f"V{place}")) for place in range(22)])
    read.update(available=0, observed_at=timezone.now())
    assert "22 of 22 listings in stock would show 0" in tried("run", "publish_inventory")
    assert shown(shop) == {5}


def _variant(box: Sandbox, sku: str) -> int:
    return next(int(row["id"]) for row in box.tradegecko.tables["variants"].values() if row["sku"] == sku)


def test_a_quantity_that_staff_fix_meanwhile_is_shown(shop: Sandbox, waiting: GuardedPublish, tried: Run) -> None:
    listing = Listing.objects.get(marketplace_sku="M7")
    InventoryRule.objects.create(route=listing.route, listing=listing, fixed_quantity=3)
    tried("run", "publish_inventory")
    assert shop.oasis.quantities["M7", DC] == 3
    waiting.refresh_from_db()
    assert (waiting.state, waiting.changed) == (GuardedPublish.State.WAITING, GOODS - 1)
