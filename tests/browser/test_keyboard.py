"""In a real browser, whole tasks without a mouse: every stop of the keyboard is seen, and the way there is not long."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from integrations.models import Route
from integrations.sandbox.server import Sandbox
from orders.models import Hold
from tests.browser.test_working_day import browser as browser
from tests.browser.test_working_day import pytestmark as of_a_browser
from tests.browser.test_working_day import signed_in as signed_in

pytestmark = [*of_a_browser, pytest.mark.long]
MOST_STOPS = 40
# What has the focus: its words, its name, and whether one sees that it has it.
FOCUSED = """
const one = document.activeElement, style = getComputedStyle(one), box = one.getBoundingClientRect();
const isMarked = style.outlineStyle !== 'none' || style.boxShadow !== 'none' || one.id === 'main';
return [(one.innerText || one.value || '').trim(), one.name || '', isMarked && box.width > 0 && box.height > 0];
"""
READY = "return document.readyState === 'complete' && !document.querySelector('[x-cloak]')"


class Keyboard:
    """Somebody who has only that."""

    def __init__(self, browser: webdriver.Chrome) -> None:
        self.browser = browser

    def press(self, *keys: str) -> None:
        ActionChains(self.browser).send_keys(*keys).perform()

    def past_the_menu(self) -> None:
        """The first stop of every page leads there."""
        WebDriverWait(self.browser, 30).until(lambda page: page.execute_script(READY))
        self.press(Keys.TAB, Keys.ENTER)

    def go_to(self, words: str) -> None:
        """Tab until what shows these words, or has this name, is reached. Each stop on the way must be seen."""
        passed = []
        for _ in range(MOST_STOPS):
            self.press(Keys.TAB)
            text, name, is_seen = self.browser.execute_script(FOCUSED)
            assert is_seen, f"the stop “{text or name}” of {self.browser.title} is not seen"
            if words in (text, name):
                return
            passed.append(text or name)
        raise AssertionError(f"no “{words}” within {MOST_STOPS} stops of {self.browser.title}: {passed}")

    def back_to(self, words: str) -> None:
        """What shows these words is the stop before this one."""
        ActionChains(self.browser).key_down(Keys.SHIFT).send_keys(Keys.TAB).key_up(Keys.SHIFT).perform()
        assert self.browser.execute_script(FOCUSED)[::2] == [words, True]

    def sees(self, text: str) -> None:
        WebDriverWait(self.browser, 30).until(lambda page: text in page.page_source, text)

    def has_cursor(self, name: str) -> None:
        WebDriverWait(self.browser, 30).until(lambda page: page.execute_script(FOCUSED)[1] == name, name)


def test_an_unknown_sku_is_mapped_and_sent(
    live_server: Any, signed_in: webdriver.Chrome, shop: Sandbox, manage: Callable[..., str]
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MYSTERY-9"})
    manage("run", "all")
    keyboard = Keyboard(signed_in)
    signed_in.get(f"{live_server.url}/admin/orders/hold/needs-mapping/")
    keyboard.past_the_menu()
    keyboard.go_to("Map it")
    keyboard.press(Keys.ENTER)
    keyboard.has_cursor("warehouse_sku")
    keyboard.press("mug-blk", Keys.ENTER)
    keyboard.sees("Use MUG-BLK and send")
    keyboard.has_cursor("warehouse_sku")
    keyboard.back_to("Use MUG-BLK and send")
    keyboard.press(Keys.ENTER)
    keyboard.sees("1 order is freed and being sent")
    manage("run", "submit_orders")
    assert len(shop.tradegecko.by_reference(number)) == 1


def test_a_cancelled_order_is_decided_and_settled(
    live_server: Any, signed_in: webdriver.Chrome, shop: Sandbox, manage: Callable[..., str]
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    shop.oasis.cancel(number)
    Route.objects.update(cancels_after_sending="ask")
    manage("run", "revisit_orders")
    keyboard = Keyboard(signed_in)
    signed_in.get(f"{live_server.url}/admin/worklists/cancellations/")
    keyboard.past_the_menu()
    keyboard.go_to("Decide")
    keyboard.press(Keys.ENTER)
    keyboard.sees("What holds it")
    keyboard.past_the_menu()
    keyboard.go_to("Resolve")
    keyboard.press(Keys.ENTER)
    keyboard.has_cursor("note")
    keyboard.press("it ships all the same")
    keyboard.go_to("Resolve")
    keyboard.press(Keys.ENTER)
    keyboard.sees("is resolved")
    assert Hold.objects.get().resolution == "clerk: it ships all the same"
