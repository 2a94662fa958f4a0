"""What a route's names are in the warehouse: location, company and currency, asked for once and remembered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256

from django.conf import settings
from django.utils import timezone

from integrations.errors import IntegrationError, KeyRefused, OutcomeUnknown, Refused
from integrations.models import Connection, Route
from integrations.ports import Location, Warehouse
from integrations.sent_orders import Receipt
from integrations.warehouse_facts import AccountCurrencies, CompanyRequest

CURRENCY_FOR = timedelta(days=1)
NO_CURRENCY_FOR = timedelta(minutes=10)  # one that is missed is soon made over there


def location_id(route: Route, warehouse: Warehouse) -> str:
    """The id of the route's location. Raises Refused when the warehouse has no such one."""
    if not route.location_id:
        found, problem = named(route, route.location_name.strip(), warehouse.locations())
        if problem:
            raise Refused(f"{problem} Correct the route's location name.")
        remember(route, location_id=found)
    return route.location_id


def learn_counted(route: Route, known: Sequence[Location]) -> list[str]:
    """Remember the ids of the further locations that count; what is wrong with one, which then counts nothing.

    Its id is remembered as empty.
    """
    found = {name: named(route, name, known) for name in route.counted_names}
    ids = {name: place for name, (place, _) in found.items()}
    if ids != route.counted_location_ids:
        remember(route, counted_location_ids=ids)
    return [f"{problem} Until then it counts nothing." for _, problem in found.values() if problem]


def named(route: Route, wanted: str, known: Sequence[Location]) -> tuple[str, str]:
    """The id of the one location with this name that holds stock; else what is wrong, in words."""
    same = [place for place in known if place.name.strip() == wanted]
    ids = [place.remote_id for place in same if place.holds_stock]
    if len(ids) == 1:
        return ids[0], ""
    if same and not ids:
        return "", f"route {route}: location {wanted!r} of {route.warehouse} holds no stock."
    names = ", ".join(repr(place.name) for place in known) or "none at all"
    what = "no" if not ids else "more than one"
    return "", f"route {route}: {route.warehouse} has {what} active location {wanted!r}; it has {names}."


def company_id(route: Route, warehouse: Warehouse) -> str:
    """The id of the customer that orders are booked on; created when there is none.

    Raises Refused if there are several, OutcomeUnknown while it is not clear whether one was created.
    """
    if not route.company_id:
        name = route.company_name.strip()
        found = warehouse.find_company(name) or _create_company(route.warehouse, warehouse, name)
        remember(route, company_id=found)
    return route.company_id


def has_currency(connection: Connection, warehouse: Warehouse, iso: str) -> bool:
    """Whether orders in this currency can be created in the account."""
    known = AccountCurrencies.objects.filter(connection=connection).first()
    if known is None or known.read_at < timezone.now() - (CURRENCY_FOR if iso in known.ids else NO_CURRENCY_FOR):
        known = learn_currencies(connection, warehouse)
    return iso in known.ids


def learn_currencies(connection: Connection, warehouse: Warehouse) -> AccountCurrencies:
    facts = {"ids": dict(warehouse.currencies()), "read_at": timezone.now()}
    return AccountCurrencies.objects.update_or_create(connection=connection, defaults=facts)[0]


def currency_problem(connection: Connection, asked: str, receipt: Receipt) -> str:
    """How a created order's currency differs from the one asked for; empty when it does not, or nobody can tell."""
    known = AccountCurrencies.objects.filter(connection=connection).first()
    codes = {number: code for code, number in known.ids.items() if number} if known else {}
    told = codes.get(receipt.currency_id) or receipt.currency
    if not asked or told in ("", asked):
        return ""
    return (
        f"{connection} booked it in {told}, though its prices are in {asked}. Correct the currency there before it is "
        "invoiced."
    )


def forget(route: Route) -> None:
    """Ask again next time: the route's names changed, or the warehouse refused one of them."""
    remember(route, location_id="", company_id="", counted_location_ids={})
    AccountCurrencies.objects.filter(connection=route.warehouse).delete()


def remember(route: Route, **ids: str | dict[str, str]) -> None:
    for name, value in ids.items():
        setattr(route, name, value)
    Route.objects.filter(pk=route.pk).update(**ids)


def _create_company(connection: Connection, warehouse: Warehouse, name: str) -> str:
    """Create it once: nobody found it, and what was asked for before would have been found by now."""
    request, _ = CompanyRequest.objects.get_or_create(connection=connection, name=name)
    now, grace = timezone.now(), timedelta(seconds=settings.LOOKUP_GRACE_SECONDS)
    if request.asked_at and now < request.asked_at + grace:
        text = f"it is not known yet whether company {name!r} was created in {connection}; it is looked for again"
        raise OutcomeUnknown(text, retry_after=request.asked_at + grace - now)
    CompanyRequest.objects.filter(pk=request.pk).update(asked_at=now)
    try:
        created = warehouse.create_company(name, idempotency_key=_key(request))
    except OutcomeUnknown as exc:
        if isinstance(exc, KeyRefused):
            _next_key(request, asked_at=now)
        raise
    except IntegrationError:
        _next_key(request, asked_at=None)
        raise
    _next_key(request, asked_at=None)
    return created


def _key(request: CompanyRequest) -> str:
    digest = sha256(request.name.encode()).hexdigest()[:16]
    return f"crossdock-company-{request.connection_id}-{digest}-{request.generation}"


def _next_key(request: CompanyRequest, *, asked_at: datetime | None) -> None:
    CompanyRequest.objects.filter(pk=request.pk).update(generation=request.generation + 1, asked_at=asked_at)
