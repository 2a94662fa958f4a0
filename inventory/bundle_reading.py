"""What the warehouse's bundles consist of, asked once an hour; where it is not told, what is known stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from integrations.errors import Unavailable, Unreadable
from integrations.models import Connection
from integrations.ports import Warehouse
from integrations.runs import Run
from integrations.stock import BundlePart, UnreadableBundlePart
from inventory import bundles, catalogue, changed
from inventory.bundled import BundleComponent, BundleReading

FRESH_FOR = timedelta(hours=1)
COLUMNS = ("bundle_id", "item_id", "sku", "units")


def learn(run: Run, warehouse: Warehouse) -> None:
    """Ask for the bundles, and for the items that they consist of."""
    if BundleReading.objects.filter(connection=run.connection, read_at__gt=timezone.now() - FRESH_FOR).exists():
        return
    try:
        told = warehouse.bundles()
    except (Unavailable, Unreadable) as exc:
        run.problem(f"what bundles consist of was not read and is asked for again with the next run: {exc}")
        return
    if told is not None:
        parts = [part for part in told if isinstance(part, BundlePart)]
        broken = [part for part in told if isinstance(part, UnreadableBundlePart)]
        catalogue.learn(run.connection, warehouse, {part.sku for part in parts})
        _keep(run.connection, bundles.with_earlier(_opened(run, parts), _earlier(run, broken)))
    BundleReading.objects.update_or_create(connection=run.connection, defaults={"read_at": timezone.now()})


def _opened(run: Run, told: Sequence[BundlePart]) -> list[BundlePart]:
    """Down to the last component: a bundle may consist of bundles."""
    parts, circles = bundles.without_circles(told)
    for circle in circles:
        names = ", ".join(sorted({part.sku or part.item_id for part in told if part.item_id in circle}))
        run.problem(f"a bundle is told to be inside itself, by way of {names}; correct it in {run.connection}")
    return bundles.whole(parts)


def _earlier(run: Run, broken: Sequence[UnreadableBundlePart]) -> list[BundlePart]:
    """What was told earlier of the bundles of which a component cannot be read now, and of those that they are in."""
    for part in broken:
        which = f"bundle {part.bundle_id}" if part.bundle_id else "all bundles"
        run.problem(f"{part.reason}; what was told of {which} before stays, and is asked for again in an hour")
    named = {part.bundle_id for part in broken}
    known = BundleComponent.objects.filter(connection=run.connection).order_by("pk")
    rows = [BundlePart(*row) for row in known.values_list(*COLUMNS)] if broken else []
    affected = named | {row.bundle_id for row in rows if row.item_id in named or "" in named}
    return [row for row in rows if row.bundle_id in affected]


@transaction.atomic
def _keep(connection: Connection, parts: Sequence[BundlePart]) -> None:
    """A change has every listing decided anew, since no figure need have changed."""
    known = BundleComponent.objects.filter(connection=connection)
    if set(known.values_list(*COLUMNS)) == {(part.bundle_id, part.item_id, part.sku, part.units) for part in parts}:
        return
    known.delete()
    rows = (BundleComponent(connection=connection, **asdict(part)) for part in parts)
    BundleComponent.objects.bulk_create(rows, batch_size=1_000)
    for marketplace in Connection.objects.filter(routes__warehouse=connection).distinct():
        changed.forget(marketplace)
