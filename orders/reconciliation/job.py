"""The job: read both sides, put every order into its bucket, keep the report. Nothing else is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from integrations.errors import IntegrationError
from integrations.models import Connection, Exchange, Route
from integrations.ports import Marketplace
from integrations.runs import Run
from inventory import shown
from orders import personal_data
from orders.models import Order, ReconciledOrder, Reconciliation, UnreadableRecord, WarehouseSubmission
from orders.reconciliation import findings, ours, rules
from orders.reconciliation import market as market_side
from orders.reconciliation import warehouse as warehouse_side
from orders.reconciliation.facts import Ours, Seen, There, Told, Verdict
from orders.reconciliation.market import Market
from orders.reconciliation.warehouse import Warehouses

PERIOD = timedelta(days=7)
KEPT = timedelta(days=30)
MOST_NAMED = 20
MOST_QUANTITIES = 1_000
BATCH = 500
REMOTE_CHARS = 300
READ_WELL = "read well later"


def last_days(run: Run) -> None:
    """Compare the last seven days, and what was found wrong before, then whatever a person asked for meanwhile."""
    now = timezone.now().replace(microsecond=0)
    if Route.objects.filter(marketplace=run.connection).exists():
        since = findings.since(run.connection, PERIOD, KEPT, now)
        compare(run, Reconciliation(connection=run.connection, since=since, until=now))
    asked_for(run)


def asked_for(run: Run) -> None:
    """Compare the periods that people asked for, oldest first."""
    waiting = Reconciliation.objects.filter(connection=run.connection, finished_at=None).order_by("asked_at", "pk")
    while (report := waiting.first()) is not None:
        compare(run, report)


def compare(run: Run, report: Reconciliation) -> None:
    """Fill one report. Raises what kept the marketplace from being read, once the report is kept."""
    routes = list(Route.objects.filter(marketplace=run.connection).select_related("warehouse"))
    now = timezone.now()
    report.until = min(report.until, now)
    report.run, report.started_at = run.record, now
    Reconciliation.objects.filter(pk=report.pk).update(run=run.record, started_at=now)
    run.window(report.since, report.until)
    said = len(run.problems)
    port = run.marketplace()
    grace = ours.grace(run.connection)
    market = market_side.read(run, port, routes, report.since, report.until, grace)
    _know_unreadable(run.connection, market)
    warehouses = warehouse_side.read(run, _feeds(run.connection, routes, report), report.since)
    rows = list(Judge(run.connection, market, warehouses, now, grace, report).rows())
    note = "" if market.trouble else _compare_quantities(report, port, routes, now)
    notes = [str(market.trouble or ""), *run.problems[said:], note]
    _keep(run, report, rows, market, warehouses, [one for one in notes if one])
    _tell(run, report, rows)
    if market.trouble is not None:
        raise market.trouble


def _compare_quantities(report: Reconciliation, port: Marketplace, routes: Sequence[Route], now: datetime) -> str:
    """Those that show something else are kept, at most 1,000; a sentence on what was not compared or kept."""
    try:
        read = port.quantities()
    except IntegrationError as exc:
        return f"Quantities are not compared: {exc}"
    if read is None:
        return ""
    differing, compared = shown.compare(routes, shown.by_name(read), now)
    report.read = {"quantities": compared}
    report.quantities = [
        {"sku": one.sku, "warehouse_name": one.place, "published": one.sent.wanted, "shown": one.shown}
        for one in differing[:MOST_QUANTITIES]
    ]
    more = len(differing) > MOST_QUANTITIES
    return f"{len(differing)} SKUs show another quantity; the first {MOST_QUANTITIES} are kept." if more else ""


def _know_unreadable(connection: Connection, market: Market) -> None:
    """An order that is told and could not be stored is on that worklist, or was taken off it by a person."""
    by_number = {told.number: key for key, told in market.told.items() if told.number}
    for numbers in ours.chunks(sorted(by_number)):
        for record in UnreadableRecord.objects.filter(connection=connection, full_number__in=numbers):
            if record.resolution == READ_WELL:
                continue
            key = by_number[record.full_number]
            told = market.told[key]
            if record.resolved_at:
                given_up = f"cannot be read; dismissed: {record.resolution}"
                market.told[key] = replace(told, unreadable="", not_taken=given_up)
            elif not told.unreadable:
                market.told[key] = replace(told, unreadable=record.reason)


def _feeds(connection: Connection, routes: Iterable[Route], report: Reconciliation) -> set[Connection]:
    """The warehouses of the routes, and those that orders of the period were sent to before a route led elsewhere."""
    sent = WarehouseSubmission.objects.filter(
        order__connection=connection, order__ordered_at__gte=report.since - PERIOD
    ).values("connection")
    return {route.warehouse for route in routes} | set(Connection.objects.filter(pk__in=sent))


@dataclass
class Judge:
    """Puts each order that either side has into its bucket, once."""

    connection: Connection
    market: Market
    warehouses: Warehouses
    started: datetime
    grace: timedelta
    report: Reconciliation

    def rows(self) -> Iterator[ReconciledOrder]:
        left = dict(self.market.told)
        pks = ours.in_period(self.connection, self.market, self.report.since, self.report.until)
        told_of = ours.confirmed_lines(pks)
        for order in ours.loaded(pks):
            told = left.pop((order.sales_channel, order.full_number), None)
            told = told or left.pop(("", order.full_number), None)
            there, side = ours.found_there(order, self.warehouses)
            own = ours.facts(order, self.market, side, told_of, self.started, self.grace)
            yield self._row(self._seen(told, own, there), order)
        for told in left.values():
            yield self._row(self._seen(told, None, self._strange(told)), None)

    def _seen(self, told: Told | None, own: Ours | None, there: There) -> Seen:
        return Seen(told, own, there, str(self.connection), self.started, self.grace)

    def _strange(self, told: Told) -> There:
        """What the warehouses hold of an order that is not here."""
        found = self.warehouses.of_number(told.number, None) if told.number else []
        names = ", ".join(sorted(str(side.connection) for side in self.warehouses.sides.values()))
        return There(names or "the warehouse", *ours.alive_and_ended(found))

    def _row(self, seen: Seen, order: Order | None) -> ReconciledOrder:
        verdict: Verdict = rules.judge(seen)
        told, receipts = seen.told, [*seen.there.living, *seen.there.ended]
        return ReconciledOrder(
            report=self.report, bucket=verdict.bucket, text=verdict.text, action=verdict.action, mend=verdict.mend,
            number=order.full_number if order else told.number[:200] if told else "",
            sales_channel=order.sales_channel if order else told.sales_channel[:50] if told else "", order=order,
            created_on_marketplace=order.marketplace_created_at if order else told.created_at if told else None,
            warehouse=ours.warehouse_of(order) if order else None, remote_orders=rules.named(receipts)[:REMOTE_CHARS],
        )  # fmt: skip


def _keep(
    run: Run, report: Reconciliation, rows: list[ReconciledOrder], market: Market, warehouses: Warehouses,
    notes: list[str],
) -> None:  # fmt: skip
    """Store the report with its rows in one go, and forget those of more than a month ago."""
    found = Counter(str(row.bucket) for row in rows)
    sides = warehouses.sides.values()
    report.counts = {bucket.value: found[bucket] for bucket in ReconciledOrder.Bucket if found[bucket]}
    report.read |= {
        "marketplace": len(market.told),
        "here": sum(row.order_id is not None for row in rows),
        "warehouse": sum(len(side.receipts) for side in sides),
        "parcels": sum(len(parcels) for side in sides for parcels in side.parcels.values()),
        "calls": Exchange.objects.filter(run=run.record, at__gte=report.started_at).count(),
    }
    report.is_complete = market.is_complete and not any(side.trouble for side in sides)
    report.notes, report.finished_at = "\n".join(notes)[:10_000], timezone.now()
    with transaction.atomic():
        report.save()
        ReconciledOrder.objects.bulk_create(rows, batch_size=BATCH)
        Reconciliation.objects.filter(finished_at__lt=timezone.now() - KEPT).delete()


def _tell(run: Run, report: Reconciliation, rows: Iterable[ReconciledOrder]) -> None:
    """The counts for the run's line, and the first of what should not be.

    Only the report says which address was changed to which: runs are told in logs.
    """
    without_values = personal_data.remover((), ())
    run.count("orders on the marketplace", report.read["marketplace"])
    run.count("orders in the warehouse", report.read["warehouse"])
    for bucket, number in report.counts.items():
        run.count(str(ReconciledOrder.Bucket(bucket).label).lower(), number)
    wrong = [row for row in rows if row.bucket in ReconciledOrder.EXCEPTIONS]
    for row in wrong[:MOST_NAMED]:
        run.problem(f"order {row.number or 'without a number'} {without_values(row.text)}")
    if len(wrong) > MOST_NAMED:
        run.problem(f"and {len(wrong) - MOST_NAMED} more; the report of this run lists them")
