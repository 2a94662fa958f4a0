"""Without DEBUG, what goes wrong is said on a page of Crossdock, with a way back and nothing that is secret.

A test that asks for no database also shows that its page needs none.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import connection
from django.http import HttpRequest
from django.test import Client
from django.urls import reverse
from lxml import html

from config import failures
from orders.admin import finding
from tests.access import one_of_each

SECRET = "password-of-the-database"
# None of these is on a page that a stranger may see.
INNER = (SECRET, "Traceback", "Exception", "/config/", "DEBUG = ", "site-packages")


@pytest.fixture(autouse=True)
def in_use(settings: Any) -> None:
    settings.DEBUG = False
    settings.ALLOWED_HOSTS = ["testserver"]


@pytest.fixture
def visitor() -> Client:
    return Client(raise_request_exception=False)


def failing(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def view(*_args: Any) -> None:
        raise error

    monkeypatch.setattr(finding, "find", view)


def shown(answer: Any) -> tuple[int, str, str]:
    """Its status and title, and where its one button leads to."""
    page = answer.content.decode()
    assert [word for word in INNER if word in page] == []
    tree: Any = html.fromstring(page)
    assert tree.xpath("//link[contains(@href, '/static/')]")
    [back] = tree.xpath("//*[self::main or self::section][.//p]//a/@href[. = '/admin/']")
    [title] = [one.text.partition("|")[0].strip() for one in tree.xpath("//title")]
    return answer.status_code, title, back


def test_an_error_of_ours_says_what_to_do_and_when_it_was(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, RuntimeError(SECRET))
    admin_client.raise_request_exception = False
    answer = admin_client.get(reverse("admin:orders_find"))
    assert shown(answer) == (500, "Something went wrong", "/admin/")
    assert "look before you enter it again" in " ".join(answer.content.decode().split())
    assert "UTC</time>" in answer.content.decode()


def test_an_error_of_ours_is_told_while_the_database_is_gone(visitor: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr(connection, "cursor", gone)
    assert shown(visitor.get("/healthz")) == (500, "Something went wrong", "/admin/")


def test_an_error_page_comes_also_where_no_static_files_were_collected(settings: Any, tmp_path: Path) -> None:
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = {
        **configured.STORAGES,
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    }
    assert "/static/integrations/failed.css" in failures.failed(HttpRequest()).content.decode()


def test_what_cannot_be_answered_says_why_in_words(
    admin_client: Client, visitor: Client, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    answer = visitor.get("/admin/login/", headers={"host": "evil.example"})
    assert shown(answer) == (400, "Not known by this name", "/admin/")
    assert "evil.example" not in answer.content.decode()
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 2
    values = {str(number): "x" for number in range(9)}
    assert shown(admin_client.post("/admin/orders/order/", values)) == (400, "Too much at once", "/admin/")
    failing(monkeypatch, SuspiciousOperation(SECRET))
    assert shown(admin_client.get(reverse("admin:orders_find"))) == (400, "This cannot be answered", "/admin/")


def test_what_is_not_allowed_not_there_out_of_date_or_only_sent_to_leads_back(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = one_of_each.make()
    order = next(record for model, record in records.items() if model.__name__ == "Order")
    failing(monkeypatch, PermissionDenied(SECRET))
    assert shown(admin_client.get(reverse("admin:orders_find"))) == (403, "Not allowed", "/admin/")
    assert shown(admin_client.get(f"/admin/{SECRET[:3]}/")) == (404, "Page not found", "/admin/")
    answer = admin_client.get(reverse("admin:orders_order_comment", args=[order.pk]))
    assert shown(answer) == (405, "Nothing to be seen here", "/admin/")
    assert answer.headers["Allow"] == "POST"
    assert f'href="{reverse("admin:orders_order_change", args=[order.pk])}"' in answer.content.decode()
    strict = Client(enforce_csrf_checks=True)
    assert shown(strict.post("/admin/login/", {"username": SECRET})) == (403, "This form is out of date", "/admin/")
