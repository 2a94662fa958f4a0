"""manage.py order NUMBER: everything known about one order, by full number or short reference."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder

from integrations.management.base import Command as Base
from orders.models import UnreadableRecord
from orders.report import find_orders, order_report, unreadable_report


class Command(Base):
    help = "Everything known about one order, by full number or short reference."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("number")
        parser.add_argument("--json", action="store_true", dest="as_json")

    def handle(self, *_args: Any, number: str, as_json: bool, **_options: Any) -> None:
        number = number.strip()
        reports = [order_report(order) for order in find_orders(number)]
        if not reports:
            reports = [unreadable_report(one) for one in UnreadableRecord.objects.filter(full_number=number)[:1]]
        if not reports:
            self.fail(f"there is no order {number!r}; backfill its day if the marketplace has it")
        if as_json:
            told: Any = reports[0] if len(reports) == 1 else reports
            self.stdout.write(json.dumps(told, cls=DjangoJSONEncoder, indent=2, ensure_ascii=False))
            return
        for report in reports:
            self._print(report)

    def _print(self, report: dict[str, Any]) -> None:
        short = report["short_reference"] or "no short reference yet"
        self.stdout.write(f"{report['full_number']} ({short}): {report['status']}")
        for hold in report["holds"]:
            self.stdout.write(f"  held, {hold['kind']}: {hold['message']}")
        for change in report.get("changes", ()):
            self.stdout.write(f"  changed, {change['what']}: {change['before'] or '-'} → {change['after'] or '-'}")
        for line in report["lines"]:
            self.stdout.write(f"  line {line['number']}: {_goods(line)}")
        placed = report["warehouse_order"]
        if placed:
            self.stdout.write(
                f"  warehouse order {placed['remote_id'] or '-'}: {placed['status']} {placed['last_error']}"
            )
        for parcel in report["shipments"]:
            self.stdout.write(f"  parcel {parcel['tracking_number'] or parcel['remote_id']}: {parcel['state']}")
        for event in report["events"]:
            self.stdout.write(f"  {event['at']:%Y-%m-%d %H:%M:%S} UTC {event['status']} {event['text']}")


def _goods(line: dict[str, Any]) -> str:
    """How many of what, by both its names where they differ: a hold may name either."""
    option, partner = line["option_sku"], line["partner_sku"]
    sku = f"{option} (partner SKU {partner})" if option and partner and option != partner else option or partner
    quantity = "an unknown quantity" if line["quantity"] is None else line["quantity"]
    done = f"{line['quantity_shipped']} shipped, {line['quantity_confirmed']} confirmed"
    return f"{quantity} × {sku or '(no SKU)'}, {done}"
