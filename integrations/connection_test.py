"""Test a connection: say exactly what was tried and answered, and wake it up again when all is well."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.utils import timezone

from integrations import places
from integrations.budget import RunJournal, SharedBudget
from integrations.errors import IntegrationError, Misconfigured
from integrations.models import Connection, Route
from integrations.ports import CheckStep, Marketplace, MarketplaceOrder, Warehouse
from integrations.registry import base_url_of, marketplace_for, warehouse_for

RECENT = timedelta(days=1)


def check_connection(connection: Connection) -> list[CheckStep]:
    """Try the credentials, then what the routes name. Notes the connection's health; a stopped one resumes."""
    try:
        steps = [_address(connection), *_steps(connection)]
    except IntegrationError as exc:
        stopped = isinstance(exc, Misconfigured) and exc.credentials
        connection.note_health(Connection.Health.STOPPED if stopped else Connection.Health.TROUBLED, str(exc))
        return [CheckStep("credentials and address", str(exc), ok=False)]
    connection.note_health(Connection.Health.WORKING)
    return steps


def _address(connection: Connection) -> CheckStep:
    return CheckStep("address", base_url_of(connection))


def _steps(connection: Connection) -> Iterator[CheckStep]:
    journal = RunJournal(connection)
    if connection.is_marketplace:
        market = marketplace_for(connection, journal=journal)
        yield from market.check()
        yield from _warehouse_names(connection, market)
        return
    warehouse = warehouse_for(connection, budget=SharedBudget(connection, urgent=True), journal=journal)
    yield from warehouse.check()
    yield from _route_names(connection, warehouse)


def _warehouse_names(connection: Connection, market: Marketplace) -> Iterator[CheckStep]:
    """Does each route's warehouse name occur in the orders of the last day? Near misses are shown."""
    routes = list(Route.objects.filter(marketplace=connection))
    if not routes:
        return
    now = timezone.now()
    told = [one for one in market.orders(now - RECENT, now) if isinstance(one, MarketplaceOrder)]
    seen = sorted({order.warehouse_name for order in told})
    for route in routes:
        name = route.marketplace_warehouse_name
        tried = f"warehouse name {name!r} of route {route} in the last day's {len(told)} orders"
        if name in seen:
            yield CheckStep(tried, "occurs")
        elif not seen:
            yield CheckStep(tried, "no orders in that time, so it cannot be checked")
        else:
            near = [other for other in seen if _plain(other) == _plain(name)] or seen
            yield CheckStep(tried, f"does not occur; seen were {', '.join(map(repr, near))}", ok=False)


def _route_names(connection: Connection, warehouse: Warehouse) -> Iterator[CheckStep]:
    known = {place.name.strip() for place in warehouse.locations()}
    for route in Route.objects.filter(warehouse=connection):
        places.forget(route)
        tried = f"location {route.location_name!r} of route {route}"
        if route.location_name.strip() in known:
            yield CheckStep(tried, "found")
        else:
            yield CheckStep(tried, f"not found; there are {', '.join(map(repr, sorted(known)))}", ok=False)
        company = warehouse.find_company(route.company_name)
        yield CheckStep(
            f"company {route.company_name!r} of route {route}",
            "found" if company else "not there yet; it is created with the first order",
        )
    yield CheckStep("currency USD", "found" if warehouse.has_currency("USD") else "not found; orders carry none")


def _plain(name: str) -> str:
    return "".join(name.split()).casefold()
