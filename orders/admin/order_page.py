"""What the page of an order tells: where it stands, what holds it and where that is mended, and what happened."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode

from integrations.admin.legible import legible
from integrations.transmissions import Transmission
from orders import edits
from orders.admin import labels, remedies
from orders.admin.labels import Label
from orders.models import Order, Shipment, ShipmentLine, WarehouseSubmission


@dataclass(frozen=True, slots=True)
class Parcel:
    """A parcel with what is inside, and what the marketplace was told of it, line by line."""

    shipment: Shipment
    label: Label
    contents: str
    told: list[tuple[Label | None, str]]


def facts(order: Order, user: Any) -> dict[str, Any]:
    """Everything that the template of the page shows."""
    submission = WarehouseSubmission.objects.filter(order=order).first()
    return {
        "order": order,
        "label": labels.of_order(order),
        "holds": remedies.with_remedies(order, user),
        "submission": submission,
        "submission_label": labels.of_transmission(submission) if submission else None,
        "submitted": submission.lines.select_related("order_line") if submission else [],
        "changes": edits.found_in(order),
        "done": _done(order),
        "parcels": _parcels(order),
        "refused": [
            (labels.of_transmission(one), one.last_error) for one in order.confirmations.all() if one.last_error
        ],
        "events": order.events.select_related("actor").order_by("pk"),
        "exchanges": _exchanges(order) if user.has_perm("integrations.view_exchange") else "",
    }


@dataclass(frozen=True, slots=True)
class Done:
    """Something that was changed after sending: how it is going, and for whom."""

    label: Label
    what: str
    actor: object
    row: Transmission


def _done(order: Order) -> list[Done]:
    there = [Done(labels.of_transmission(one), str(one), one.actor, one) for one in
             order.warehouse_changes.select_related("actor", "connection")]  # fmt: skip
    short = order.short_ships.select_related("actor", "order_line")
    return there + [
        Done(labels.of_transmission(one), f"{one}: {one.quantity} units, {one.reason_code}", one.actor, one)
        for one in short
    ]


def corrections(form: Any, formsets: Iterable[Any]) -> list[str]:
    """What a person corrected, in words for the order's story; quantities tell that themselves."""
    changed = [str(form.fields[name].label).lower() for name in form.changed_data]
    return changed + [text for formset in formsets for one in formset.forms for text in _of_line(one)]


def raw_message(order: Order) -> str:
    return legible(order.raw)


def sent_request(order: Order) -> str:
    submission = WarehouseSubmission.objects.filter(order=order).first()
    if submission is None or not submission.request:
        return "nothing"
    text = json.dumps(submission.request, indent=2, ensure_ascii=False)
    return format_html('<pre class="legible text-xs">{}</pre>', text)


def _exchanges(order: Order) -> str:
    return reverse("admin:integrations_exchange_changelist") + "?" + urlencode({"q": order.full_number})


def _parcels(order: Order) -> list[Parcel]:
    rows = Shipment.objects.filter(order=order).prefetch_related("lines__order_line", "lines__confirmed__confirmation")
    return [_parcel(shipment, list(shipment.lines.all())) for shipment in rows]


def _parcel(shipment: Shipment, lines: list[ShipmentLine]) -> Parcel:
    contents = ", ".join(f"line {row.order_line.number}: {row.quantity}" for row in lines) or "–"
    return Parcel(shipment, labels.of_parcel(shipment), contents, list(dict.fromkeys(map(_told, lines))))


def _told(row: ShipmentLine) -> tuple[Label | None, str]:
    told = getattr(row, "confirmed", None)
    if told is None:
        return None, "not yet"
    return labels.of_transmission(told.confirmation), f"as {told.carrier_code} {told.service_code}"


def _of_line(form: Any) -> Iterator[str]:
    name = form.instance.number or form.instance.position
    for field in form.changed_data:
        if field != "quantity":
            old, new = form.initial.get(field) or "none", form.cleaned_data[field] or "none"
            yield f"line {name} {form.fields[field].label} {old} → {new}"
