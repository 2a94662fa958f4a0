"""What a page is called, in the browser's tab and in its heading."""

from __future__ import annotations

import re
from html import unescape

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import Group, User
from django.test import Client

from integrations.models import Connection

pytestmark = pytest.mark.django_db


def called(client: Client, address: str) -> tuple[str, str]:
    """The browser's tab and the page's first heading."""
    page = client.get(f"/admin/{address}").content.decode()
    found = [re.search(rf"<{tag}[^>]*>(.*?)</{tag}>", page, re.DOTALL) for tag in ("title", "h1")]
    tab, heading = (unescape(re.sub("<[^>]+>", " ", one[1])) if one else "" for one in found)
    return " ".join(tab.split()), " ".join(heading.replace("chevron_right", "›").split())


def test_a_list_and_the_pages_that_add_to_it_say_what_they_are(admin_client: Client) -> None:
    assert called(admin_client, "integrations/connection/") == ("Connections | Crossdock", "Connections")
    assert called(admin_client, "auth/user/")[0] == "Users | Crossdock"
    assert called(admin_client, "integrations/connection/add/")[1] == "Connections › Add connection"
    assert called(admin_client, "inventory/skualias/import/")[1] == "SKU aliases › Import"
    assert called(admin_client, "orders/hold/needs-mapping/")[1] == "Holds › Needs mapping"


def test_the_page_that_deletes_a_record_names_it(admin_client: Client) -> None:
    unused = Connection.objects.create(name="Unused", provider="tradegecko")
    tab, _ = called(admin_client, f"integrations/connection/{unused.pk}/delete/")
    assert tab == "Delete connection Unused | Crossdock"


def test_the_menu_is_opened_by_a_button_that_a_keyboard_reaches(admin_client: Client) -> None:
    page = admin_client.get("/admin/").content.decode()
    assert len(re.findall(r'<button [^>]*aria-label="Menu"', page)) == 2  # one for a narrow screen


def test_lock_outs_and_given_roles_are_called_by_whom_they_are_about(admin_client: Client) -> None:
    attempt = AccessAttempt.objects.create(username="boss", ip_address="192.0.2.1", failures_since_start=3)
    assert called(admin_client, f"axes/accessattempt/{attempt.pk}/change/")[1] == "Lock-outs › boss from 192.0.2.1"
    packers = Group.objects.create(name="Packers")
    User.objects.create(username="somebody").groups.add(packers)
    page = admin_client.get(f"/admin/auth/group/{packers.pk}/delete/").content.decode()
    assert "somebody as Packers" in page
    assert "User_groups" not in page
