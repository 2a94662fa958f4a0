"""What the warehouse is asked to create for an order. Pure but for the route's and the maps' settings."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from decimal import Decimal
from hashlib import sha256

from django.core.serializers.json import DjangoJSONEncoder

from integrations.models import Route
from integrations.ports import OrderRequest, RequestedLine
from inventory.aliases import Component
from orders import pricing
from orders.models import Order, OrderLine, ShippingMethod
from orders.references import TEST_MARK, as_sent
from orders.settling import Plan


@dataclass(frozen=True, slots=True)
class Part:
    """One line of the warehouse's order. A component may have two, of different prices."""

    line: OrderLine
    component: Component
    quantity: int
    unit_price: Decimal


def build(
    order: Order, route: Route, plan: Plan, *, generation: int, company_id: str, location_id: str,
    has_currency: Callable[[str], bool],
) -> OrderRequest:  # fmt: skip
    """One request with everything: lines, address, references. A test route's order is marked and a draft.

    Address labels are taken for good, also by an order that was voided since, or a test that was removed: each
    generation has its own, and each test.
    """
    mark = TEST_MARK if route.is_test else ""
    again = f" ({generation})" if generation > 1 else ""
    again = f" {order.pk}{again}" if route.is_test else again
    currency = next((line.currency for line, _ in plan.lines if line.currency), "")
    return OrderRequest(
        idempotency_key=_key(order, f"{mark}{order.full_number}", generation, is_test=route.is_test),
        full_number=f"{mark}{order.full_number}",
        short_reference=as_sent(order, route, is_test=route.is_test),
        company_id=company_id,
        location_id=location_id,
        ship_to=order.address,
        address_label=f"{mark}{order.short_reference or order.full_number}{again}",
        ordered_on=order.ordered_on,
        lines=_lines(plan),
        status=Route.OrderStatus.DRAFT.value if route.is_test else route.order_status,
        currency=currency if currency and has_currency(currency) else "",
        notes=_notes(order),
        tags=tuple(tag for tag in (route.tag, "TEST" if route.is_test else "") if tag),
    )


def _key(order: Order, number: str, generation: int, *, is_test: bool) -> str:
    """The same for the same order, also in a database that was restored or begun anew; never that of another one.

    Not so of tests: one that comes in again after it was removed is another one, and the key of that is used.
    """
    test = [str(order.pk)] if is_test else []
    named = "\n".join((order.connection.name, order.sales_channel, number, str(generation), *test))
    return f"crossdock-{sha256(named.encode()).hexdigest()[:40]}"


def as_json(request: OrderRequest) -> dict[str, object]:
    """The request as plain JSON values, as it is kept with the submission."""
    kept: dict[str, object] = json.loads(json.dumps(asdict(request), cls=DjangoJSONEncoder))
    return kept


def lines_as_json(plan: Plan) -> object:
    """The lines of the request, as it is kept."""
    return json.loads(json.dumps([asdict(line) for line in _lines(plan)], cls=DjangoJSONEncoder))


def _lines(plan: Plan) -> tuple[RequestedLine, ...]:
    return tuple(
        RequestedLine(part.component.item_id, part.component.sku, part.quantity, part.unit_price)
        for part in parts(plan)
    )


def parts(plan: Plan) -> list[Part]:
    """The lines of the warehouse's order, in the order in which they are sent."""
    return [
        Part(line, component, quantity, price)
        for line, found in plan.lines
        for component, priced in zip(
            found.components,
            pricing.split(line.unit_cost or Decimal(0), line.quantity_to_ship, [one.units for one in found.components]),
            strict=True,
        )
        for quantity, price in priced
    ]


def service_note(order: Order, code: str) -> str:
    """The line of the notes that names the service; empty for no code."""
    name = ShippingMethod.objects.filter(connection_id=order.connection_id, code=code).values_list("name", flat=True)
    service = name.first() or code
    return f"Service: {service}" if service else ""


def _notes(order: Order) -> str:
    parts = [
        service_note(order, order.service_code),
        "Freight (LTL)" if order.is_freight else "",
        "Signature required" if order.signature_required else "",
        f"Bill to {order.carrier_code} account {order.billing_account}".replace("  ", " ")
        if order.billing_account
        else "",
        *(f"Line {line.number}: {line.notes}" for line in order.lines.all() if line.notes),
    ]
    return "\n".join(part for part in parts if part)
