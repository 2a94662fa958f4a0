"""One measurement of bench.aliases, in a process of its own: python -m bench.aliases_child prepare|ours|stock ROWS."""

from __future__ import annotations

import json
import sys

import django

django.setup()

import tablib  # noqa: E402
from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from import_export import resources  # noqa: E402

from bench.aliases import timed  # noqa: E402
from integrations.models import Connection  # noqa: E402
from inventory import alias_upload  # noqa: E402
from inventory.alias_file import COLUMNS  # noqa: E402
from inventory.models import SkuAlias  # noqa: E402

KEY = ("connection", "marketplace_sku", "warehouse_sku")


class Stock(resources.ModelResource):  # type: ignore[misc]
    """The library as its manual sets it up for many rows."""

    class Meta:
        model = SkuAlias
        fields = (*KEY, "units", "is_active", "note")
        import_id_fields = KEY
        use_bulk, batch_size, skip_unchanged, skip_diff, use_transactions = True, 1000, True, True, True


def prepare(_rows: int) -> dict[str, float]:
    call_command("migrate", verbosity=0)
    Connection.objects.create(name="Bench", provider="supplier_oasis", username="bench")
    return {}


def ours(rows: int) -> dict[str, float]:
    """As a worker does it, from the upload to the stored aliases."""
    lines = [f'M{place},V{place},{place % 9 + 1},yes,"pack, {place}"' for place in range(rows)]
    content = "\n".join([",".join(COLUMNS), *lines]).encode()
    marketplace = Connection.objects.get()
    record = alias_upload.keep(marketplace, None, "bench.csv", content, encoding="utf-8", mode="update")
    taken = timed(
        plan=lambda: alias_upload.go_on(record, at_once=True),
        apply=lambda: alias_upload.confirm(record, record.fingerprint, None, at_once=True),
    )
    check(rows, record.state)
    return taken


def stock(rows: int) -> dict[str, float]:
    marketplace = Connection.objects.get().pk
    lines = [f'{marketplace},M{place},V{place},{place % 9 + 1},1,"pack, {place}"' for place in range(rows)]
    text, read = "\n".join([",".join(("connection", *COLUMNS)), *lines]), tablib.Dataset()
    taken = timed(
        plan=lambda: Stock().import_data(read.load(text, format="csv"), dry_run=True, raise_errors=True),
        apply=lambda: Stock().import_data(read.load(text, format="csv"), raise_errors=True),
    )
    check(rows, "")
    return taken


def check(rows: int, state: str) -> None:
    if SkuAlias.objects.count() != rows:
        raise SystemExit(f"{SkuAlias.objects.count()} aliases are stored, not {rows} {state}")


if __name__ == "__main__":
    settings.DEBUG = False  # else every query is kept
    what, count = sys.argv[1:]
    if what != "prepare":
        SkuAlias.objects.all().delete()
    print(json.dumps({"prepare": prepare, "ours": ours, "stock": stock}[what](int(count))))
