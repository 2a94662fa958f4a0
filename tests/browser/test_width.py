"""In a real browser: what stands side by side fits a usual screen, however long it is."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from selenium import webdriver

from integrations.models import Connection, Exchange, Route, SyncRun
from orders.models import Hold, Order, ShortShip, WarehouseChange, WarehouseSubmission
from tests.access import one_of_each
from tests.browser.test_working_day import browser as browser
from tests.browser.test_working_day import pytestmark as of_a_browser
from tests.browser.test_working_day import signed_in as signed_in

pytestmark = [*of_a_browser, pytest.mark.long]
OVERFLOWING = """
return [...document.querySelectorAll("#main *")].filter(
  one => one.scrollWidth > one.clientWidth + 1 && ["auto", "scroll"].includes(getComputedStyle(one).overflowX)
).map(one => one.innerText.slice(0, 200));
"""

CUT = """
return [...document.querySelectorAll("#result_list [data-label]")].filter(
  one => one.scrollHeight > one.clientHeight + 1
).map(one => one.innerText.slice(0, 200));
"""


def make_long() -> None:
    one_of_each.make()
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


LISTS = ("orders/order/", "integrations/exchange/", "integrations/syncrun/", "orders/hold/", "orders/shortship/",
         "orders/warehousesubmission/", "orders/warehousechange/")  # fmt: skip


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
