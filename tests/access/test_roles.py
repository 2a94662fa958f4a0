"""Every page and action of the admin for every role, compared with the table in `access.txt`."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
import requests
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group, Permission, User
from django.http import HttpResponse
from django.template.response import SimpleTemplateResponse
from django.test import Client, RequestFactory
from lxml import html

from config import refusals
from orders import roles
from tests.access import one_of_each, walk
from tests.access.walk import STANDARD, Address, Records

TABLE = Path(__file__).with_name("access.txt")
PERSONS = ("Nobody", *roles.NAMES)

pytestmark = pytest.mark.django_db


@pytest.fixture
def records() -> Records:
    return one_of_each.make()


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No other system answers."""

    def refuse(*_args: object, **_kwargs: object) -> None:
        raise requests.ConnectionError("nobody is there")

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", refuse)


@pytest.fixture
def unrendered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Who may is decided before a page is drawn; a thousand refusals need no log."""
    monkeypatch.setattr(SimpleTemplateResponse, "rendered_content", "")
    monkeypatch.setattr(admin.site, "each_context", lambda _request: {})
    monkeypatch.setattr(refusals, "refused", lambda _request, status, *_texts: HttpResponse(status=status))
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


def person(name: str) -> User:
    user = User.objects.create_user(name, is_staff=True)
    if name != "Nobody":
        user.groups.add(Group.objects.get(name=name))
    return user


def written() -> dict[str, dict[str, str]]:
    """The table: row → person → what they may."""
    lines = [line for line in TABLE.read_text().splitlines() if line.strip() and not line.startswith("#")]
    head, *rows = (line.split() for line in lines)
    return {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in rows}


def found_by(user: User, addresses: list[Address]) -> Iterator[tuple[str, str]]:
    """A row of the table for each record's own pages, and one for each other page."""
    letters: dict[str, str] = defaultdict(str)
    for one in addresses:
        get, post = walk.allows(user, one)
        if not one.page:
            yield one.name, "w" if post and get else "r" if get else "p" if post else "-"
            continue
        assert get or not post, one
        if one.page in ("add", "delete"):
            assert get is post, one
        letters[one.name] += STANDARD[one.page] * get + ("c" if one.page == "change" and post else "")
    for name in {one.name for one in addresses if one.page}:
        yield name, "".join(sorted(letters[name], key="lvchad".index)) or "-"


def actions_of(user: User) -> Iterator[tuple[str, str]]:
    request = RequestFactory().get("/")
    request.user = user
    for model, page in admin.site._registry.items():
        everything = {name for _, name, _ in page._get_base_actions()}  # type: ignore[attr-defined]
        for name in everything:
            yield f"{model._meta.label_lower}:{name}", "x" if name in page.get_actions(request) else "-"


@pytest.mark.parametrize("name", PERSONS)
def test_every_page_and_action_is_open_to_exactly_those_whom_the_table_names(
    name: str, records: Records, alone: None, unrendered: None
) -> None:
    user = person(name)
    table = {row: cells[name] for row, cells in written().items()}
    offered = {row: cell for row, cell in actions_of(user) if cell != "-" or row in table}
    assert {**dict(found_by(user, walk.addresses(records))), **offered} == table


def test_who_has_not_signed_in_is_sent_to_the_sign_in_from_everywhere(
    records: Records, client: Client, unrendered: None
) -> None:
    for one in walk.addresses(records):
        for method in (client.get, client.post):
            answer = method(one.url)
            if answer.status_code == 405:
                continue
            assert answer.status_code == 302, one
            there = client.get(answer.headers["Location"]) if "/login/" not in answer.headers["Location"] else answer
            assert "/login/" in there.headers["Location"], one


SHOWN = ("admin:index", "orders_order", "orders_hold", "orders_needs_mapping", "integrations_connection",
         "integrations_route", "inventory_skualias", "inventory_guardedpublish", "orders_reconciliation",
         "inventory_listing", "inventory_listing_recalculate", "inventory_inventoryrule", "inventory_inventoryfile",
         "inventory_inventorycheck", "inventory_inventoryrule_simple_history", "orders_bulkaction", "orders_find",
         "orders_alert", "orders_alertsettings", "integrations_syncrun", "worklist_refused", "worklist_holds", "start_stock",
         "admin_logentry", "auth_user", "axes_accessattempt", "integrations_route_set_up")  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("name", roles.NAMES)
def test_no_page_shows_a_link_or_button_that_the_person_may_not_use(
    name: str, records: Records, client: Client, alone: None
) -> None:
    client.force_login(person(name))
    table, addresses = written(), walk.addresses(records)
    pages = [one.url for one in addresses if one.name in SHOWN and one.page in ("", "changelist", "change")]
    for url in ["/admin/", *pages]:
        answer = client.get(url)
        if answer.status_code == 200:
            for link in _links(answer.content.decode()):
                assert _may(table, link, name), f"{url} shows {link} to the {name.lower()}"


def _links(page: str) -> set[str]:
    found = [str(one.get("href")) for one in html.fromstring(page).iter("a")]
    return {link.partition("#")[0].partition("?")[0] for link in found if link.startswith("/admin/")}


def _may(table: dict[str, dict[str, str]], link: str, name: str) -> bool:
    """Whether the table lets this person open the page that a link leads to."""
    row, page = walk.row_and_page(link)
    if not row:
        return True
    cell = table[row][name]
    return STANDARD[page] in cell if page else cell != "-"


def test_each_role_has_exactly_what_the_table_of_roles_says() -> None:
    for role in roles.ROLES:
        given = Group.objects.get(name=role.name).permissions.values_list("content_type__app_label", "codename")
        assert {".".join(one) for one in given} == set(role.every_permission())


def test_a_change_of_the_table_of_roles_comes_with_a_migration() -> None:
    files = sorted((Path(roles.__file__).parent / "migrations").glob("0*.py"))
    granted = [getattr(import_module(f"orders.migrations.{one.stem}").Migration, "TABLE", "") for one in files]
    last = [one for one in granted if one][-1]
    assert last == roles.fingerprint(), "add a migration that calls roles.grant, with TABLE = this fingerprint"


def test_permissions_that_do_not_exist_yet_are_made_as_django_would_and_granting_again_changes_nothing() -> None:
    before = set(Permission.objects.values_list("content_type__model", "codename", "name"))
    Permission.objects.filter(content_type__app_label__in=("orders", "axes")).delete()
    Group.objects.get(name="Viewer").permissions.add(Permission.objects.get(codename="add_connection"))

    roles.grant(apps)
    roles.grant(apps)

    made = set(Permission.objects.values_list("content_type__model", "codename", "name"))
    assert made <= before
    assert not Group.objects.get(name="Viewer").permissions.filter(codename="add_connection").exists()
    assert Group.objects.get(name="Operator").permissions.filter(codename="resend_order").exists()


def test_a_group_of_the_same_name_that_was_there_before_keeps_its_people_and_permissions() -> None:
    Group.objects.filter(name="Manager").delete()
    old = Group.objects.create(name="Manager")
    old.permissions.add(Permission.objects.get(codename="view_order"))
    User.objects.create_user("mia").groups.add(old)

    roles.set_aside(apps)
    roles.grant(apps)

    old.refresh_from_db()
    assert (old.name, old.user_set.get().username) == ("Manager (before roles)", "mia")
    assert list(old.permissions.values_list("codename", flat=True)) == ["view_order"]


def test_who_was_given_a_permission_that_is_several_now_keeps_all_that_it_allowed() -> None:
    mia, packers = User.objects.create_user("mia"), Group.objects.create(name="Packers")
    mia.user_permissions.add(Permission.objects.get(codename="change_connection"))
    packers.permissions.add(Permission.objects.get(codename="change_order"))

    import_module("orders.migrations.0014_roles").carry_over(apps)

    assert mia.has_perms(["integrations.change_credentials", "integrations.run_job"])
    assert packers.permissions.filter(codename="resend_order").exists()
    assert not Group.objects.get(name="Mapper").permissions.filter(codename="resend_order").exists()


def test_the_documentation_shows_the_table_of_roles() -> None:
    shown = (Path(roles.__file__).parent.parent / "docs" / "roles.md").read_text()
    assert roles.in_words() in shown, "put the output of `manage.py roles` into docs/roles.md"
