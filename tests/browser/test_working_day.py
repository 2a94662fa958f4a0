"""The admin in a real browser: from sign-in to an order's story."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support import expected_conditions as seen
from selenium.webdriver.support.ui import WebDriverWait

from integrations.sandbox.server import Sandbox
from orders.models import Order

DRIVER, BROWSER = shutil.which("chromedriver"), shutil.which("chromium")
pytestmark = [
    pytest.mark.skipif(not (DRIVER and BROWSER), reason="Chromium and its driver are not installed"),
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
]


@pytest.fixture
def browser() -> Iterator[webdriver.Chrome]:
    options = Options()
    options.binary_location = BROWSER or ""
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1400,1000"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    driver.set_page_load_timeout(60)
    yield driver
    driver.quit()


@pytest.fixture
def signed_in(transactional_db: None, live_server: Any, browser: webdriver.Chrome) -> webdriver.Chrome:
    User.objects.create_superuser("clerk", password="a-good-password")
    browser.get(f"{live_server.url}/admin/login/")
    browser.find_element(By.NAME, "username").send_keys("clerk")
    browser.find_element(By.NAME, "password").send_keys("a-good-password")
    browser.find_element(By.CSS_SELECTOR, "[type=submit]").click()
    WebDriverWait(browser, 30).until(seen.title_contains("Start |"))
    return browser


def test_staff_find_what_holds_an_order_and_skip_it_with_a_reason(
    live_server: Any, signed_in: webdriver.Chrome, shop: Sandbox, manage: Callable[..., str]
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MYSTERY-9"})
    manage("run", "all")
    browser, wait = signed_in, WebDriverWait(signed_in, 30)

    browser.get(f"{live_server.url}/admin/orders/order/")
    assert "Unknown SKU: MYSTERY-9" in browser.page_source
    browser.find_element(By.LINK_TEXT, number).click()
    wait.until(seen.title_contains(number))
    assert "has no alias" in browser.page_source

    links = browser.find_elements(By.CSS_SELECTOR, "a[href*='/skip']")
    next(link for link in links if link.is_displayed()).click()
    wait.until(seen.presence_of_element_located((By.NAME, "reason"))).send_keys("customer called")
    buttons = browser.find_elements(By.CSS_SELECTOR, "form button[type=submit]")
    next(button for button in buttons if button.is_displayed() and button.text.startswith("Skip")).click()
    wait.until(seen.title_contains("Change order"))

    assert "is skipped" in browser.page_source
    assert Order.objects.get().skip_reason == "customer called"


def test_three_clicks_and_one_typed_value_send_what_waits_for_a_sku(
    live_server: Any, signed_in: webdriver.Chrome, shop: Sandbox, manage: Callable[..., str]
) -> None:
    numbers = [shop.oasis.add_order({"partner_sku": "MYSTERY-9"}) for _ in range(3)]
    manage("run", "all")
    browser, wait = signed_in, WebDriverWait(signed_in, 30)
    browser.get(f"{live_server.url}/admin/")

    browser.find_element(By.PARTIAL_LINK_TEXT, "To map").click()
    wait.until(seen.element_to_be_clickable((By.LINK_TEXT, "Map it"))).click()
    wait.until(seen.presence_of_element_located((By.NAME, "warehouse_sku"))).send_keys("MUG-BLK")
    assert "Frees 3 orders" in browser.page_source
    browser.find_element(By.CSS_SELECTOR, "#map_form button[type=submit]").click()

    wait.until(lambda page: "3 orders are freed and being sent" in page.page_source)
    manage("run", "submit_orders")
    assert [len(shop.tradegecko.by_reference(number)) for number in numbers] == [1, 1, 1]


def test_two_windows_on_one_order_undo_nothing(
    live_server: Any, signed_in: webdriver.Chrome, shop: Sandbox, manage: Callable[..., str]
) -> None:
    shop.oasis.add_order({"partner_sku": "MYSTERY-9"})
    manage("run", "all")
    order, browser, wait = Order.objects.get(), signed_in, WebDriverWait(signed_in, 30)
    address = f"{live_server.url}/admin/orders/order/{order.pk}/change/"

    def enter(field: str, text: str) -> None:
        one = wait.until(seen.presence_of_element_located((By.NAME, field)))
        one.clear()
        one.send_keys(text)

    browser.get(address)
    old = browser.current_window_handle
    browser.switch_to.new_window("tab")
    browser.get(address)
    enter("ship_address1", "99 New Street")
    enter("ship_city", "Reno")
    browser.find_element(By.NAME, "_save").click()
    wait.until(seen.title_contains("Orders |"))

    browser.switch_to.window(old)
    enter("ship_phone", "555-1")
    browser.find_element(By.NAME, "_continue").click()
    wait.until(lambda page: "changed successfully" in page.page_source)
    order.refresh_from_db()
    assert (order.ship_address1, order.ship_city, order.ship_phone) == ("99 New Street", "Reno", "555-1")

    Order.objects.update(ship_city="Sparks")
    enter("ship_city", "Elko")
    browser.find_element(By.NAME, "_save").click()
    wait.until(lambda page: "Somebody else changed this from “Reno” to “Sparks”" in page.page_source)
    assert Order.objects.get().ship_city == "Sparks"
