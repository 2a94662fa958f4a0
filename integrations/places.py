"""What a route's names are in the warehouse: the location's and the company's ids, asked for once and remembered."""

from __future__ import annotations

from integrations.errors import Refused
from integrations.models import Route
from integrations.ports import Warehouse


def location_id(route: Route, warehouse: Warehouse) -> str:
    """The id of the route's location. Raises Refused when the warehouse has no such one."""
    if not route.location_id:
        wanted = route.location_name.strip()
        known = warehouse.locations()
        ids = [place.remote_id for place in known if place.name.strip() == wanted]
        if len(ids) != 1:
            names = ", ".join(repr(place.name) for place in known) or "none at all"
            what = "no" if not ids else "more than one"
            raise Refused(
                f"route {route}: {route.warehouse} has {what} active location {wanted!r}; it has {names}. "
                "Correct the route's location name."
            )
        _remember(route, location_id=ids[0])
    return route.location_id


def company_id(route: Route, warehouse: Warehouse) -> str:
    """The id of the customer that orders are booked on; created when there is none. Raises Refused if several."""
    if not route.company_id:
        name = route.company_name.strip()
        found = warehouse.find_company(name)
        if found is None:
            found = warehouse.create_company(name, idempotency_key=f"crossdock-company-{route.pk}-{name}")
        _remember(route, company_id=found)
    return route.company_id


def forget(route: Route) -> None:
    """Ask again next time: the route's names changed, or the warehouse refused an id."""
    _remember(route, location_id="", company_id="")


def _remember(route: Route, **ids: str) -> None:
    for name, value in ids.items():
        setattr(route, name, value)
    Route.objects.filter(pk=route.pk).update(**ids)
