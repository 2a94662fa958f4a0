"""In a real browser: the field that a page is opened for has the cursor, however late the theme shows the page."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from integrations.models import Route
from orders.models import Hold
from tests.admin.test_mapping import page_of, waiting_orders
from tests.browser.test_working_day import browser as browser
from tests.browser.test_working_day import pytestmark as of_a_browser
from tests.browser.test_working_day import signed_in as signed_in

pytestmark = [*of_a_browser, pytest.mark.long]
OFTEN = 6  # it is a race between the browser and the theme: each was first one time in three
FIELDS = {"unknown_sku": "warehouse_sku", "unknown_carrier": "carrier_code", "unmapped_shipping": "name"}
ACTIVE = "return document.activeElement.name || ''"


def has_cursor(field: str, browser: webdriver.Chrome) -> bool:
    return bool(browser.execute_script(ACTIVE) == field)


def test_the_field_of_a_map_has_the_cursor(live_server: Any, signed_in: webdriver.Chrome, route: Route) -> None:
    waiting_orders(route, 1, lambda _: "MUG-BLK")
    for kind, field in FIELDS.items():
        Hold.objects.update(kind=kind, subject="NEW-9")
        for _ in range(OFTEN):
            signed_in.get(live_server.url + page_of(kind, "NEW-9"))
            WebDriverWait(signed_in, 10).until(partial(has_cursor, field))


def test_the_first_stop_of_the_keyboard_leads_past_the_menu_and_a_chart_is_one_stop(
    live_server: Any, signed_in: webdriver.Chrome, route: Route
) -> None:
    signed_in.get(f"{live_server.url}/admin/")
    chart = "return document.querySelectorAll('.bar-chart a:not([tabindex])').length"
    WebDriverWait(signed_in, 30).until(lambda browser: browser.execute_script(chart) == 2)
    ActionChains(signed_in).send_keys(Keys.TAB, Keys.ENTER).perform()
    assert signed_in.execute_script("return document.activeElement.tagName") == "MAIN"
    signed_in.execute_script("document.querySelector('.bar-chart a:last-of-type').focus()")
    ActionChains(signed_in).send_keys(Keys.ARROW_LEFT).perform()
    told = "return document.activeElement.nextElementSibling === document.querySelector('.bar-chart a:last-of-type')"
    assert signed_in.execute_script(told)
