"""In a real browser: what stands side by side fits a usual screen, however long it is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from selenium import webdriver

from integrations.models import Connection, Exchange, Route, SyncRun
from inventory.models import Listing, Publication
from orders.models import Hold, Order, ShortShip, WarehouseChange, WarehouseSubmission
from tests.access import one_of_each, walk
from tests.browser.test_working_day import browser as browser
from tests.browser.test_working_day import pytestmark as of_a_browser
from tests.browser.test_working_day import signed_in as signed_in

pytestmark = [*of_a_browser, pytest.mark.long]
OVERFLOWING = """
return [...document.querySelectorAll("#main *")].filter(
  one => one.scrollWidth > one.clientWidth + 1 && ["auto", "scroll"].includes(getComputedStyle(one).overflowX)
).map(one => one.innerText.slice(0, 200));
"""

OUTSIDE = """
return [...document.querySelectorAll("#history svg text")].filter(
  one => one.getBoundingClientRect().right > document.querySelector("#history").getBoundingClientRect().right
).map(one => one.textContent);
"""

COVERED = """
const drawing = document.querySelector("#history svg"), buttons = document.querySelector("#submit-row");
drawing.scrollIntoView({block: "end"});
return drawing.getBoundingClientRect().bottom > buttons.getBoundingClientRect().top
  && drawing.getBoundingClientRect().top < buttons.getBoundingClientRect().bottom;
"""

CUT = """
return [...document.querySelectorAll("#result_list [data-label]")].filter(
  one => one.scrollHeight > one.clientHeight + 1
).map(one => one.innerText.slice(0, 200));
"""


def make_long() -> walk.Records:
    now = timezone.now()
    records = one_of_each.make()
    Hold.objects.update(subject="MYSTERY-LONG-SKU-12345678", resolved_at=None)
    Connection.objects.filter(name="Overstock").update(name="Overstock.com (production)")
    Exchange.objects.update(
        url=f"https://api.example.test/orders?{'status[]=finalized&' * 9}", milliseconds=30012,
        error="The connection was closed by the other side before an answer came",
    )  # fmt: skip
    Order.objects.update(
        full_number="RETAIL-7001002091234-1", short_reference="7001002091234-1", status="on_hold",
        ship_name="Maximilian-Alexander Featherstonehaugh", owner=User.objects.create(username="administrator"),
        route=Route.objects.create(
            name="Riverside DC to Main DC", marketplace_warehouse_name="DC", location_name="Main DC",
            marketplace=Connection.objects.get(provider="supplier_oasis"), warehouse=Connection.objects.get(name="Gecko"),
        ),
    )  # fmt: skip

    Listing.objects.update(
        marketplace_sku="RIVERSIDE-MUG-BLACK-OS-1234", published_sku="30012345-000-MUG-BLACK-1234", published_at=now,
        problem="SKU 'RIVERSIDE-MUG-BLACK' has no alias, and the warehouse does not carry it. Add an alias.",
        published_quantity=12345, route=Route.objects.get(name="Riverside DC to Main DC"),
    )  # fmt: skip
    return records


def a_listing_with_a_chart() -> str:
    one_of_each.make()
    listing, now = Listing.objects.earliest("pk"), timezone.now()
    Publication.objects.bulk_create(
        Publication(
            listing=listing, sku="X", quantity=hours * 99, observed_at=now, status="accepted",
            finished_at=now - timedelta(hours=hours),
        )
        for hours in range(40)
    )  # fmt: skip
    return f"inventory/listing/{listing.pk}/change/"


def test_the_drawing_of_a_listing_is_cut_by_no_edge_and_covered_by_no_button(
    live_server: Any, signed_in: webdriver.Chrome
) -> None:
    address = f"{live_server.url}/admin/{a_listing_with_a_chart()}"
    signed_in.set_window_size(500, 900)
    signed_in.get(address)
    assert signed_in.execute_script(OVERFLOWING) == []
    assert signed_in.execute_script(OUTSIDE) == []
    signed_in.set_window_size(1400, 900)
    signed_in.get(address)
    assert not signed_in.execute_script(COVERED)


LISTS = ("orders/order/", "integrations/exchange/", "integrations/syncrun/", "orders/hold/", "orders/shortship/",
         "orders/warehousesubmission/", "orders/warehousechange/", "inventory/listing/")  # fmt: skip


@pytest.mark.parametrize("width", [1280, 1440])
def test_lists_with_long_rows_do_not_scroll_sideways(live_server: Any, signed_in: webdriver.Chrome, width: int) -> None:
    make_long()
    long = "HTTP 422: the order number has been taken already by another order of this account, and nothing was made"
    SyncRun.objects.update(summary=long)
    for model in (WarehouseSubmission, WarehouseChange, ShortShip):
        model.objects.update(last_error=long)
    signed_in.set_window_size(width, 1000)
    for address in LISTS:
        signed_in.get(f"{live_server.url}/admin/{address}")
        assert (address, signed_in.execute_script(OVERFLOWING)) == (address, [])


def test_cards_of_a_narrow_list_cut_nothing_that_they_say(live_server: Any, signed_in: webdriver.Chrome) -> None:
    one_of_each.make()
    SyncRun.objects.update(
        summary="a whole sweep takes no more calls and was asked for; the oldest figure is 1 min old"
    )
    signed_in.set_window_size(500, 1000)
    signed_in.get(f"{live_server.url}/admin/integrations/syncrun/")
    assert "the oldest figure is 1 min old" in signed_in.page_source
    assert signed_in.execute_script(CUT) == []


def test_a_card_goes_on_with_what_the_row_of_a_wide_list_only_begins_to_say(
    live_server: Any, signed_in: webdriver.Chrome
) -> None:
    one_of_each.make()
    whole = "SKU 'MYSTERY-9' has no alias, and the warehouse does not carry it. Correct the alias or add one."
    Hold.objects.update(message=whole, resolved_at=None)
    for width, is_whole in ((820, True), (500, True), (1280, False)):
        signed_in.set_window_size(width, 1000)
        signed_in.get(f"{live_server.url}/admin/orders/hold/")
        said = signed_in.execute_script("return document.querySelector('#result_list').innerText")
        assert (width, whole in " ".join(said.split())) == (width, is_whole)
        assert signed_in.execute_script(CUT) == []


def test_the_buttons_that_save_and_delete_stand_in_one_line_on_a_tablet_and_delete_is_last_on_a_phone(
    live_server: Any, signed_in: webdriver.Chrome
) -> None:
    address = f"{live_server.url}/admin/{a_listing_with_a_chart()}"
    boxes = """return ["[name=_save]", "[href$='/delete/']"].map(
      one => document.querySelector(`#submit-row ${one}`).getBoundingClientRect()).map(one => [one.left, one.top]);"""
    for width, is_in_line in ((820, True), (500, False)):
        signed_in.set_window_size(width, 1000)
        signed_in.get(address)
        (save_left, save_top), (delete_left, delete_top) = signed_in.execute_script(boxes)
        assert (save_top == delete_top, delete_left < save_left) == (is_in_line, is_in_line)
        assert save_top <= delete_top


# What sticks out of the screen, or is cut by what it is in; a table may scroll only where nothing else helps.
STICKS_OUT = """
const width = document.documentElement.clientWidth;
const cut = one => {
  const box = one.getBoundingClientRect();
  for (let around = one.parentElement; around && box.width; around = around.parentElement) {
    if (getComputedStyle(around).overflowX === "visible") continue;
    const outer = around.getBoundingClientRect();
    if (outer.width > 4 && box.left < outer.right && (box.right > outer.right + 2 || box.left < outer.left - 2)) return true;
  }
  return false;
};
const wide = document.documentElement.scrollWidth > width ? ["the page is " + document.documentElement.scrollWidth] : [];
const controls = [...document.querySelectorAll("#main a, #main button, #main input:not([type=hidden]), #main select")];
return [...wide, ...controls.filter(cut).map(one => one.outerHTML.slice(0, 150))];
"""
NO_PAGES = ("_download", "_export", "_csv", "_rows", "_file", "_payload", "_errors", "_request", "_response", "_frees",
            "_progress", "_by_number", "_authorize", "_authorized")  # fmt: skip
ALIKE = ("add", "delete", "history")  # of all records: one model's stand for them


def _is_looked_at(one: walk.Address) -> bool:
    name = one.name.partition("/")[0]
    return not name.endswith(NO_PAGES) and (one.page not in ALIKE or name == "integrations_route")


def test_no_page_is_wider_than_a_tablet_and_none_of_its_buttons_is_cut(
    live_server: Any, signed_in: webdriver.Chrome
) -> None:
    pages = [one for one in walk.addresses(make_long()) if _is_looked_at(one)]
    signed_in.set_window_size(820, 1100)
    found = {}
    for one in pages:
        signed_in.get(f"{live_server.url}{one.url}")
        found[one.url] = [*signed_in.execute_script(STICKS_OUT), *signed_in.execute_script(OVERFLOWING)]
    assert {url: bad for url, bad in found.items() if bad} == {}
