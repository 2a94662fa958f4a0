"""What holds of every page of the admin: one heading, and the words of people for what a record has."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from lxml import html

from tests.access import one_of_each
from tests.access.walk import Address, addresses, of_name

pytestmark = pytest.mark.django_db

# What the code calls it, and nobody else.
RAW = ("Is ", "Remote ", "Claimed ", "Generation", "Key ", "Times ", "Committed ", "Matches", "Owner", "Removal ",
       "Max ", "Allow ", "Actor", "Dedupe ", "Answered ")  # fmt: skip
RAW_VALUES = ("", "None", "True", "False", "null null", "{} {}", "[] []")  # JSON is there twice, for light and dark


@pytest.fixture
def found(admin_client: Client) -> list[tuple[Address, Any]]:
    """Every page that shows something, with its address."""
    pages = []
    for one in [*addresses(one_of_each.make()), *of_name("admin:index", {}), *of_name("second_factor_set_up", {})]:
        answer = admin_client.get(one.url)
        if answer.status_code == 200 and b"<html" in (answer.content if not answer.streaming else b""):
            pages.append((one, html.fromstring(answer.content.decode())))
    return pages


@pytest.mark.long
def test_every_page_has_one_heading_and_calls_what_it_shows_as_people_do(found: list[tuple[Address, Any]]) -> None:
    assert [one.url for one, page in found if len(page.xpath("//h1")) != 1] == []
    assert len(found) > 90
    records = [(one.name, page) for one, page in found if one.page in ("change", "changelist", "add")]
    assert [(name, word) for name, page in records for word in labels(page) if word.startswith(RAW)] == []
    assert [(name, word) for name, page in records for word in values(page) if word in RAW_VALUES] == []


def test_who_is_refused_or_not_signed_in_sees_one_heading(client: Client) -> None:
    client.force_login(User.objects.create_user("nobody", is_staff=True))
    refused = [client.get(f"/admin/{where}") for where in ("orders/order/", "nowhere/")]
    client.logout()
    for answer in (*refused, client.get("/admin/login/"), client.get("/nowhere/")):
        page: Any = html.fromstring(answer.content.decode())
        assert len(page.xpath("//h1")) == 1


def labels(page: Any) -> list[str]:
    """Of the facts and fields of a record, and the heads of a list."""
    hidden = "not(ancestor::*[contains(concat(' ', @class, ' '), ' hidden ')])"
    there = f"//*[@id='content-main']//form//label[{hidden}] | //*[@id='result_list']//thead//th"
    return [text(one) for one in page.xpath(there)]


def values(page: Any) -> list[str]:
    """Of what nobody edits, and of the cells of a list but for the box that chooses a row."""
    cells = "//*[@id='result_list']/tbody//td[not(.//input)]"
    return [text(one) for one in page.xpath(f"//*[contains(@class, 'readonly break')] | {cells}")]


def text(one: Any) -> str:
    return " ".join(one.text_content().split())
