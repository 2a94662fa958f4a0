"""Test a connection: say exactly what was tried and answered, and wake it up again when all is well."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from django.utils import timezone

from integrations import circuit, places
from integrations.budget import RunJournal, SharedBudget
from integrations.errors import IntegrationError, Misconfigured, Refused
from integrations.models import Connection, Route
from integrations.ports import CheckStep, Location, Marketplace, MarketplaceOrder, Warehouse
from integrations.registry import base_url_of, marketplace_for, warehouse_for
from integrations.wording import counted

RECENT = timedelta(days=1)


def check_connection(connection: Connection) -> list[CheckStep]:
    """Try the credentials, then what the routes name. Notes the connection's health; a stopped one resumes."""
    circuit.try_now([connection])
    try:
        steps = [_address(connection), *_steps(connection)]
    except IntegrationError as exc:
        _note_failure(connection, exc)
        return [CheckStep("credentials and address", str(exc), ok=False)]
    connection.note_health(Connection.Health.WORKING)
    return steps


def check_route(route: Route) -> list[CheckStep]:
    """Does the warehouse know what the route names? Raises IntegrationError when it cannot be asked."""
    budget, journal = SharedBudget(route.warehouse), RunJournal(route.warehouse)
    port = warehouse_for(route.warehouse, budget=budget, journal=journal)
    return [*_named(route.warehouse, [route], port), *_unreadable(journal)]


def problems_of(route: Route) -> list[str]:
    """What `check_route` found wrong, as sentences. Raises IntegrationError when the warehouse cannot be asked."""
    return [f"{step.tried}: {step.answered}" for step in check_route(route) if not step.ok]


def _note_failure(connection: Connection, exc: IntegrationError) -> None:
    """One that was stopped stays so, with the reason why, until a test says that its credentials are accepted."""
    connection.refresh_from_db(fields=["health", "health_message"])
    if isinstance(exc, Misconfigured) and exc.credentials:
        connection.note_health(Connection.Health.STOPPED, str(exc))
    elif not connection.is_stopped:
        connection.note_health(Connection.Health.TROUBLED, str(exc))


def _address(connection: Connection) -> CheckStep:
    return CheckStep("address", base_url_of(connection))


def _steps(connection: Connection) -> Iterator[CheckStep]:
    journal = RunJournal(connection)
    if connection.is_marketplace:
        market = marketplace_for(connection, journal=journal)
        yield from market.check()
        yield from _warehouse_names(connection, market)
        return
    warehouse = warehouse_for(connection, budget=SharedBudget(connection), journal=journal)
    yield from warehouse.check()
    yield from _named(connection, list(Route.objects.filter(warehouse=connection)), warehouse)
    yield from _unreadable(journal)


def _unreadable(journal: RunJournal) -> Iterator[CheckStep]:
    for text in journal.problems:
        yield CheckStep("reading every record of the answers", text, ok=False)


def _named(connection: Connection, routes: list[Route], warehouse: Warehouse) -> Iterator[CheckStep]:
    """What the routes name in the warehouse, and the currency of their orders."""
    yield from _locations(routes, warehouse)
    for name in sorted({route.company_name.strip() for route in routes}):
        yield _company(name, [route for route in routes if route.company_name.strip() == name], warehouse)
    known = places.learn_currencies(connection, warehouse).ids
    yield _found("currency USD", "USD" in known, "not found; orders carry none")


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
        tried = f"warehouse name {name!r} of route {route} in the last day's {counted(len(told), 'orders')}"
        if name in seen:
            yield CheckStep(tried, "occurs")
        elif not seen:
            yield CheckStep(tried, "no orders in that time, so it cannot be checked")
        else:
            near = [other for other in seen if plain_name(other) == plain_name(name)] or seen
            yield CheckStep(tried, f"does not occur; seen were {', '.join(map(repr, near))}", ok=False)


def _locations(routes: list[Route], warehouse: Warehouse) -> Iterator[CheckStep]:
    known = warehouse.locations()
    for route in routes:
        places.remember(route, location_id=places.named(route, route.location_name.strip(), known)[0])
        places.learn_counted(route, known)
        for name in (route.location_name, *route.counted_names):
            yield _location(route, name, known)


def _location(route: Route, name: str, known: Sequence[Location]) -> CheckStep:
    same = [place for place in known if place.name.strip() == name.strip()]
    holding = [place for place in same if place.holds_stock]
    if len(holding) == 1:
        answered = "found"
    elif len(holding) > 1:
        answered = f"there are {len(holding)} active locations of this name; keep one"
    elif same:
        answered = "found, but it holds no stock"
    else:
        names = ", ".join(sorted({repr(place.name.strip()) for place in known})) or "none at all"
        answered = f"not found; there are {names}"
    return CheckStep(f"location {name!r} of route {route}", answered, ok=len(holding) == 1)


def _company(name: str, routes: list[Route], warehouse: Warehouse) -> CheckStep:
    tried = f"company {name!r} of route {', '.join(map(str, routes))}"
    try:
        found = warehouse.find_company(name)
    except (Refused, Misconfigured) as exc:
        if isinstance(exc, Misconfigured) and exc.credentials:
            raise
        return CheckStep(tried, str(exc), ok=False)
    for route in routes:
        places.remember(route, company_id=found or "")
    return _found(tried, bool(found), "not there yet; it is created with the first order")


def _found(tried: str, found: bool, otherwise: str) -> CheckStep:
    return CheckStep(tried, "found" if found else otherwise, is_open=not found)


def plain_name(name: str) -> str:
    """A name without blanks and capitals: two that are alike in this are taken for one by people."""
    return "".join(name.split()).casefold()
