"""Every address of the admin as the resolver knows it, asked as a browser would, and what came back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.contrib.auth.models import User
from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.sessions.backends.signed_cookies import SessionStore
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Model
from django.http import HttpResponse
from django.test import RequestFactory
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, resolve, reverse

from orders import worklists
from orders.models import Order

Records = dict[type[Model], Model]
STANDARD = {"changelist": "l", "history": "h", "change": "v", "add": "a", "delete": "d"}
# What belongs to nobody in particular: signing in and out, one's own password and second factor, the theme's own, and
# where other systems tell what changed, which a signature opens (tests/test_webhooks.py).
FREE = {
    "admin:login", "admin:logout", "admin:password_change", "admin:password_change_done", "admin:jsi18n", "admin:index",
    "admin:search", "admin:app_list", "admin:autocomplete", "admin:view_on_site", "second_factor",
    "second_factor_set_up", "second_factor_codes", "second_factor_remove", "password_change", "healthz", "webhooks",
}  # fmt: skip

# What stands in an address after a record's key, and addresses without a record that end in a word.
FURTHER = {
    "admin:inventory_inventoryfile_file": ["csv"],
    "admin:inventory_guardedpublish_rows": ["csv"],
    "admin:inventory_inventorycheck_rows": ["csv"],
    "admin:orders_bulkaction_rows": ["csv"],
    "admin:orders_reconciliation_rows": ["csv"],
    "admin:orders_order_payload": ["raw"],
    "admin:orders_order_look_up": ["submission"],
}  # fmt: skip
EXPORTED = (
    "admin_logentry", "auth_group", "auth_user", "axes_accessattempt", "integrations_connection",
    "integrations_exchange", "integrations_jobplan", "integrations_route", "integrations_syncrun",
    "inventory_aliasimport", "inventory_guardedpublish", "inventory_inventorycheck", "inventory_inventoryfile",
    "inventory_inventorylevel", "inventory_inventoryrule", "inventory_publication", "inventory_warehouseitem",
    "orders_alert", "orders_alertdelivery", "orders_bulkaction", "orders_hold", "orders_order", "orders_reconciliation",
    "orders_shipment", "orders_shipmentconfirmation", "orders_shortship", "orders_unreadablerecord",
    "orders_warehousechange", "orders_warehousesubmission",
)  # fmt: skip
ENDINGS: dict[str, list[str]] = {
    f"admin:{name}_download": ["csv"]
    for name in (*EXPORTED, "orders_needs_mapping", *(f"worklist_{one}" for one in worklists.BY_NAME))
}


@dataclass(frozen=True, slots=True)
class Address:
    """`page` is one of STANDARD for a model's own five pages, else empty."""

    name: str
    url: str
    page: str = ""


def names(patterns: list[URLPattern | URLResolver] | None = None, space: str = "") -> Iterator[str]:
    for one in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(one, URLResolver):
            yield from names(one.url_patterns, f"{space}{one.namespace}:" if one.namespace else space)
        elif one.name:
            yield f"{space}{one.name}"


def addresses(records: Records) -> list[Address]:
    """Those that the table is about."""
    return [one for name in names() if name not in FREE for one in of_name(name, records)]


def of_name(name: str, records: Records) -> list[Address]:
    """One address, or one for each word that it may end in."""
    row, page, model = _row(name)
    if name in ENDINGS:
        return [Address(_ending_in(word, row, name), reverse(name, args=[word])) for word in ENDINGS[name]]
    return [Address(row, _url(name, model, records), page)]


def row_and_page(url: str) -> tuple[str, str]:
    """The row of the table that an address belongs to, empty where the table is not about it, and its page."""
    found = resolve(url)
    if found.view_name in FREE or found.view_name == "admin:None":
        return "", ""
    row, page, _ = _row(found.view_name)
    return (
        (_ending_in([*found.kwargs.values()][-1], row, found.view_name), "")
        if found.view_name in ENDINGS
        else (row, page)
    )


def _ending_in(word: str, row: str, name: str) -> str:
    return f"{row}/{word}" if len(ENDINGS[name]) > 1 else row


def _row(view: str) -> tuple[str, str, type[Model] | None]:
    name = view.removeprefix("admin:")
    by_name = {f"{model._meta.app_label}_{model._meta.model_name}": model for model in admin.site._registry}
    found = max((own for own in by_name if name.startswith(f"{own}_")), key=len, default="")
    page = name.removeprefix(f"{found}_")
    is_standard = bool(found) and page in STANDARD
    return (found, page, by_name[found]) if is_standard else (name, "", by_name.get(found))


def _url(name: str, model: type[Model] | None, records: Records) -> str:
    try:
        url = reverse(name)
    except NoReverseMatch:
        assert model in records, f"{name}: one_of_each.py makes no {model}"
        record: Any = records[model]
        after = [record.history.latest().pk] if name.endswith("_simple_history") else FURTHER.get(name, [])
        url = reverse(name, args=[record.pk, *after])
    if name == "admin:orders_map_cause":
        market = Order.objects.get().connection_id
        url += "?" + urlencode({"kind": "unknown_sku", "marketplace": market, "subject": "X-9"})
    return url


def allows(user: User, one: Address) -> tuple[bool, bool]:
    """Whether GET and POST are answered; lists and histories are only got. Nothing stays of what was done."""
    is_only_got = one.page in ("changelist", "history")
    return _is_answered(user, "get", one.url), not is_only_got and _is_answered(user, "post", one.url)


def _is_answered(user: User, method: str, url: str) -> bool:
    """By the view that the resolver finds, without what comes before it: that is no question of roles, and costs most."""
    request: Any = getattr(RequestFactory(), method)(url)
    request.user, request.session, request._dont_enforce_csrf_checks = user, SessionStore(), True
    request._messages, request.resolver_match = CookieStorage(request), resolve(request.path_info)
    view, args, kwargs = request.resolver_match
    try:
        with transaction.atomic():
            answer: HttpResponse = view(request, *args, **kwargs)
            transaction.set_rollback(True)
    except PermissionDenied:
        return False
    assert answer.status_code in (200, 302, 403, 405), f"{method} {url}: {answer.status_code}"
    assert "/login/" not in answer.headers.get("Location", ""), f"{method} {url} asks to sign in"
    return answer.status_code not in (403, 405)
