"""What the page of an order tells: where it stands, what holds it and where that is mended, and what happened."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, Prefetch, Subquery, Value
from django.db.models.functions import Coalesce, Trim
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode

from integrations.admin.legible import indented, legible
from integrations.admin_base import found_or_404
from integrations.transmissions import Transmission
from integrations.walking import Way
from integrations.wording import counted, moment
from inventory.models import SkuAlias
from orders import edits, next_step, route_trouble, side_by_side
from orders.admin import found_wrong, labels, remedies, story, walking
from orders.admin.labels import Label
from orders.models import Order, OrderLine, Shipment, ShipmentLine, ShortShip, WarehouseChange, WarehouseSubmission


@dataclass(frozen=True, slots=True)
class Parcel:
    """A parcel with what is inside, and what the marketplace was told of it, line by line."""

    shipment: Shipment
    label: Label
    contents: str
    told: list[tuple[Label | None, str]]


def _name_of_alias(field: str) -> Subquery:
    mine = SkuAlias.objects.filter(connection=OuterRef("order__connection"), is_active=True)
    return Subquery(mine.filter(marketplace_sku=Trim(OuterRef(field))).values("marketplace_sku")[:1])


# In the order in which they are looked for.
ALIAS_NAME = Coalesce(_name_of_alias("option_sku"), _name_of_alias("partner_sku"), Value(""))
# What the page shows of an order, each read with one query.
PARTS: tuple[str | Prefetch[Any], ...] = (
    Prefetch("lines", OrderLine.objects.annotate(alias_name=ALIAS_NAME)),
    "submission__lines", "shipments", "confirmations",
    Prefetch("shipments__lines", ShipmentLine.objects.select_related("order_line", "confirmed__confirmation")),
    Prefetch("warehouse_changes", WarehouseChange.objects.select_related("actor", "connection")),
    Prefetch("short_ships", ShortShip.objects.select_related("actor", "order_line")),
)  # fmt: skip


def facts(admin: Any, request: HttpRequest, order: Order, allowed: Collection[str], way: Way) -> dict[str, Any]:
    """Everything that the template of the page shows. `allowed` are the buttons that this person may use now.

    Links to what may be done lead back on the `way` that somebody came.
    """
    user: Any = request.user
    submission = _submission(order)
    parcels = _parcels(order)
    holds = remedies.with_remedies(order, user, way)
    step = next_step.of(order, allowed, [one.hold for one in holds])
    mends = remedies.first_of(holds) if step == next_step.MEND else []
    if step == next_step.MEND and not any(one.url or one.others or one.instead for one in holds):
        step = next_step.Step(remedies.who_mends(order, [one.hold for one in holds]))
    found = found_wrong.of(order, user, way)
    if found and not (holds or step.action):
        step = found_wrong.STEP
    if route_trouble.of(order) and not holds and user.has_perm("integrations.change_route"):
        mends = [("Open the route", walking.to_route(request, order))]
    return {
        "order": order,
        "label": labels.of_order(order),
        "step": step,
        "mends": mends,
        "holds": holds,
        "found": found,
        "may_say": admin.has_change_permission(request, order),
        "columns": side_by_side.COLUMNS,
        "rows": _rows(order, submission, parcels, user),
        "submission": submission,
        "submission_label": labels.of_transmission(submission) if submission else None,
        "changes": edits.found_in(order),
        "done": _done(order),
        "parcels": parcels,
        "refused": [
            (labels.of_transmission(one), one.last_error) for one in order.confirmations.all() if one.last_error
        ],
        "exchanges": _exchanges(order) if user.has_perm("integrations.view_exchange") else "",
        "story": story.of(order, request),
    }


def _rows(
    order: Order, submission: WarehouseSubmission | None, parcels: list[Parcel], user: Any
) -> list[tuple[side_by_side.Row, str, str]]:  # fmt: skip
    """Each line with the name by which aliases make it a warehouse SKU now, and where those are listed."""
    rows = side_by_side.rows(order, submission, [one.shipment for one in parcels])
    if not user.has_perm("inventory.view_skualias"):
        return [(row, "", "") for row in rows]
    return [(row, name, _aliases_url(order, name)) for row in rows for name in [getattr(row.line, "alias_name", "")]]


def _aliases_url(order: Order, name: str) -> str:
    asked: dict[str, str | int] = {"connection__id__exact": order.connection_id, "marketplace_sku__exact": name}
    return f"{reverse('admin:inventory_skualias_changelist')}?{urlencode(asked)}"


@dataclass(frozen=True, slots=True)
class Done:
    """Something that was changed after sending: how it is going, and for whom."""

    label: Label
    what: str
    actor: object
    row: Transmission


def _done(order: Order) -> list[Done]:
    there = [Done(labels.of_transmission(one), str(one), one.actor, one) for one in order.warehouse_changes.all()]
    return there + [
        Done(labels.of_transmission(one), f"{one}: {counted(one.quantity, 'units')}, {one.reason_code}", one.actor, one)
        for one in order.short_ships.all()
    ]


def corrections(form: Any, formsets: Iterable[Any]) -> list[str]:
    """What a person corrected, in words for the order's story; quantities tell that themselves."""
    changed = [str(form.fields[name].label).lower() for name in form.changed_data]
    return changed + [text for formset in formsets for one in formset.forms for text in _of_line(one)]


def raw_message(order: Order) -> str:
    return _with_download(order, "raw", legible(order.raw)) if order.raw else redacted(order) or "nothing"


def redacted(order: Order) -> str:
    """What stands in the place of what is not kept any more; empty for an order that was not redacted."""
    return f"redacted at {moment(order.redacted_at)}, as PERSONAL_DATA_DAYS says" if order.redacted_at else ""


def sent_request(order: Order) -> str:
    text = _request(order)
    shown = format_html('<pre class="legible text-xs">{}</pre>', text)
    return _with_download(order, "request", shown) if text else "nothing"


def payload(admin: Any, request: HttpRequest, object_id: str, which: str) -> HttpResponse:
    """The message of the marketplace (`raw`) or what was sent (`request`) as a file; neither ever holds a secret."""
    order = found_or_404(admin, request, object_id)
    if not admin.has_view_permission(request, order):
        raise PermissionDenied
    text = {"raw": indented(order.raw) if order.raw else "", "request": _request(order)}.get(which, "")
    if not text:
        raise Http404(f"order {order} has no {which!r} to download")
    return _as_file(text, f"{order.full_number}-{which}")


def _as_file(text: str, name: str) -> HttpResponse:
    """As plain text whatever it holds: a browser shall run none of it."""
    endings = {"<": "xml", "{": "json", "[": "json"}
    answer = HttpResponse(text, content_type="text/plain; charset=utf-8")
    safe = re.sub(r"[^\w.-]+", "_", name, flags=re.ASCII)[:100]
    answer["Content-Disposition"] = f'attachment; filename="{safe}.{endings.get(text.lstrip()[:1], "txt")}"'
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


def _request(order: Order) -> str:
    submission = _submission(order)
    return json.dumps(submission.request, indent=2, ensure_ascii=False) if submission and submission.request else ""


def _submission(order: Order) -> WarehouseSubmission | None:
    found: WarehouseSubmission | None = getattr(order, "submission", None)
    return found


def _with_download(order: Order, which: str, shown: str) -> str:
    address = reverse("admin:orders_order_payload", args=[order.pk, which])
    link = '<a class="text-primary-600 dark:text-primary-500 underline" href="{}">Download</a>{}'
    return format_html(link, address, shown)


def _exchanges(order: Order) -> str:
    return reverse("admin:integrations_exchange_changelist") + "?" + urlencode({"q": order.full_number})


def _parcels(order: Order) -> list[Parcel]:
    shipments, lines = list(order.shipments.all()), {line.pk: line for line in order.lines.all()}
    not_told = side_by_side.not_told(order, _submission(order), shipments)
    return [_parcel(one, lines, [more for more in not_told if more.parcel == one]) for one in shipments]


def _parcel(shipment: Shipment, lines: Mapping[int, OrderLine], not_told: list[side_by_side.NotTold]) -> Parcel:
    rows, units = list(shipment.lines.all()), Counter[str]()
    told = [_told(row, lines[row.order_line_id]) for row in rows]
    for line, inside in [
        *((row.order_line, row.quantity) for row in rows),
        *((one.line, one.units) for one in not_told),
    ]:
        units[line.number] += inside
    contents = ", ".join(f"line {number}: {inside}" for number, inside in units.items()) or "–"
    told.extend((None, str(one)) for one in not_told)
    return Parcel(shipment, labels.of_parcel(shipment), contents, list(dict.fromkeys(told)))


def _told(row: ShipmentLine, line: OrderLine) -> tuple[Label | None, str]:
    told = getattr(row, "confirmed", None)
    if told is None:
        is_never = side_by_side.never_ships(line)
        return None, str(side_by_side.NotTold(row.shipment, line, row.quantity)) if is_never else "not yet"
    return labels.of_transmission(told.confirmation), f"as {told.carrier_code} {told.service_code}"


def _of_line(form: Any) -> Iterator[str]:
    name = form.instance.number or form.instance.position
    for field in form.changed_data:
        if field != "quantity":
            old, new = form.initial.get(field) or "none", form.cleaned_data[field] or "none"
            yield f"line {name} {form.fields[field].label} {old} → {new}"
