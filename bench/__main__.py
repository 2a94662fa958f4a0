"""Measure the parts that grow with the shop: reading orders, importing aliases, and deciding quantities."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable
from decimal import Decimal

from lxml import etree

from bench import aliases as import_aliases
from bench import quantities
from integrations.sandbox.oasis_orders import Writer
from integrations.sandbox.oasis_state import OasisState
from integrations.supplier_oasis import reading
from integrations.supplier_oasis.options import Options
from inventory import alias_file
from inventory.availability import Part, Rules, offer

ORDERS, LISTINGS, ALIASES = 5_000, 100_000, 20_000


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def answer() -> bytes:
    """A large answer, as the sandbox writes it."""
    state = OasisState()
    root = etree.Element("processedSalesOrderTypeList", nsmap={"ns2": "api.supplieroasis.com"})
    for _ in range(ORDERS):
        number = state.add_order({"partner_sku": "MUG-BLK", "quantity": 2}, {"partner_sku": "THROW-WL"})
        Writer("M").order(root, state.orders[number])
    return etree.tostring(root)


def decide() -> int:
    rules = Rules(reserve=1, minimum_level=2, max_online=50)
    parts = [Part("A", 1, Decimal(40), 3), Part("B", 2, Decimal(90), 1)]
    return sum(offer(parts, rules).quantity or 0 for _ in range(LISTINGS))


def aliases() -> str:
    rows = [f'M{place},V{place},{place % 9 + 1},yes,"pack, {place}"' for place in range(ALIASES)]
    return "\n".join([",".join(alias_file.COLUMNS), *rows])


def main() -> None:
    body = answer()
    plain = seconds(lambda: etree.fromstring(body))
    read = seconds(lambda: list(reading.orders(body, Options())))
    print(f"reading {ORDERS} orders ({len(body) / 1e6:.1f} MB): {read:.2f} s, {read / plain:.1f} × lxml's bare parsing")
    baseline = seconds(lambda: sum(min(40 - 3, (90 - 1) // 2, 50) for _ in range(LISTINGS)))
    decided = seconds(decide)
    print(
        f"deciding {LISTINGS} listings: {decided:.2f} s, {decided / baseline:.0f} × bare arithmetic, with explanations"
    )
    text = aliases()
    bare = seconds(lambda: list(csv.reader(io.StringIO(text))))
    taken = seconds(lambda: alias_file.read(text.encode()))
    print(f"reading {ALIASES} aliases: {taken:.2f} s, {taken / bare:.1f} × the csv module")
    import_aliases.measure_all()
    quantities.measure_all()


if __name__ == "__main__":
    main()
