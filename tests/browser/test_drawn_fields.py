"""In a real browser: pages whose fields and buttons the libraries draw themselves are judged by the rules of accessibility."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from selenium import webdriver

from tests.browser import accessible
from tests.browser.test_working_day import browser as browser
from tests.browser.test_working_day import pytestmark as of_a_browser
from tests.browser.test_working_day import signed_in as signed_in

pytestmark = [*of_a_browser, pytest.mark.long]


def test_lists_with_files_and_forms_with_drawn_fields_can_be_used_by_everybody(
    live_server: Any, signed_in: webdriver.Chrome
) -> None:
    user = User.objects.get(username="clerk")
    found = []
    for page in (
        "inventory/skualias/",
        "inventory/inventoryrule/add/",
        f"auth/user/{user.pk}/change/",
        "auth/group/add/",
    ):
        signed_in.get(f"{live_server.url}/admin/{page}")
        found += [f"{page}: {fault}" for fault in accessible.faults(signed_in)]
    assert found == []


def test_the_box_above_the_menu_says_that_it_finds_pages(live_server: Any, signed_in: webdriver.Chrome) -> None:
    signed_in.get(f"{live_server.url}/admin/")
    box = signed_in.find_element("id", "nav-filter")
    assert box.get_attribute("placeholder") == "Find a page"
    assert box.accessible_name == "Find a page of the menu"
