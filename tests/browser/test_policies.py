"""In a real browser: the second factor is set up by its picture, and the browser complains of no page."""

from __future__ import annotations

import re
import time
from typing import Any

from django.contrib.auth.models import User
from django_otp.oath import TOTP
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support import expected_conditions as seen
from selenium.webdriver.support.ui import WebDriverWait

from integrations.authenticator import AuthenticatorApp
from tests.access import one_of_each, walk
from tests.browser.test_working_day import browser as browser
from tests.browser.test_working_day import pytestmark as pytestmark
from tests.browser.test_working_day import signed_in as signed_in

# A page of each kind: start, list with filters and actions, record with rows below, plain form, import, export,
# question, deletion, history.
KINDS = (
    "/admin/", "orders_order/changelist", "orders_order/change", "integrations_route/add", "inventory_skualias_import",
    "inventory_skualias_export", "orders_order_hold", "orders_shippingmethod/delete", "integrations_connection/history",
    "integrations_connection/change", "orders_needs_mapping", "orders_map_cause",
)  # fmt: skip


def addresses() -> list[str]:
    known = {f"{one.name}/{one.page}".rstrip("/"): one.url for one in walk.addresses(one_of_each.make())}
    return [known.get(name, name) for name in KINDS]


def complaints(browser: webdriver.Chrome) -> list[str]:
    """What the browser says of a page: broken policies, failed scripts, files that are not there."""
    logged: list[dict[str, Any]] = browser.get_log("browser")  # type: ignore[no-untyped-call]
    is_bad = re.compile("Content.Security|Permissions.Policy")
    return [str(one["message"]) for one in logged if one["level"] == "SEVERE" or is_bad.search(one["message"])]


def test_a_second_factor_is_set_up_and_the_browser_complains_of_no_page(
    live_server: Any, signed_in: webdriver.Chrome
) -> None:
    browser, wait = signed_in, WebDriverWait(signed_in, 30)
    browser.get(f"{live_server.url}/admin/second-factor/set-up/")
    assert browser.find_element(By.CSS_SELECTOR, "[role=img] svg").size["width"] > 150
    app = TOTP(AuthenticatorApp.objects.get(user=User.objects.get(username="clerk")).bin_key)
    app.time = time.time()
    browser.find_element(By.NAME, "code").send_keys(f"{app.token():06}")
    browser.find_element(By.CSS_SELECTOR, "form button[type=submit]").click()
    wait.until(seen.presence_of_element_located((By.LINK_TEXT, "I have kept them"))).click()
    wait.until(seen.title_contains("Start |"))
    for address in addresses():
        browser.get(f"{live_server.url}{address}")
        assert complaints(browser) == [], address
