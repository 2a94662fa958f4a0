"""Deciding and storing quantities of large shops: all of them, none changed, and a hundred changed.

python -m bench.quantities [--postgres postgres://postgres@127.0.0.1:5432/postgres]

Each measurement is a process of its own, so that its memory is its own. The yardstick is the bare arithmetic and one
INSERT of the same rows, in the same run.
"""

from __future__ import annotations

import os
import tempfile
from argparse import ArgumentParser

import psycopg

from bench.aliases import POSTGRES, child, database_on

LISTINGS, CHANGED = (10_000, 100_000), 100
MODULE = "bench.quantities_child"


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--postgres", default=os.environ.get("BENCH_POSTGRES", POSTGRES), help="a server to measure on")
    parser.add_argument("--listings", type=int, nargs="*", default=LISTINGS)
    given = parser.parse_args()
    measure_all(given.postgres, tuple(given.listings))


def measure_all(postgres: str = POSTGRES, listings: tuple[int, ...] = LISTINGS) -> None:
    for number in listings:
        with tempfile.TemporaryDirectory() as folder:
            measure("SQLite", f"sqlite:///{folder}/bench.sqlite3", number)
        try:
            with database_on(postgres, "crossdock_bench_quantities") as address:
                measure("PostgreSQL", address, number)
        except psycopg.OperationalError:
            print("deciding on PostgreSQL: not measured, no server was reached (BENCH_POSTGRES)")


def measure(name: str, address: str, listings: int) -> None:
    child(address, "prepare", listings, MODULE)
    print(f"{listings} listings, a twentieth of them kits and bundles, 2 locations, {name}:")
    yardstick = child(address, "yardstick", listings, MODULE)["cpu"]
    for what, told in (
        ("sweep", "storing a whole sweep, every figure new"), ("sweep_again", "storing it again, none changed"),
        ("first", "deciding and storing all"), ("nothing", "none changed"), ("some", f"{CHANGED} changed"),
        ("whole", "all decided anew, none changed"),
    ):  # fmt: skip
        found = child(address, what, listings, MODULE)
        print(
            f"  {told}: {found['cpu']:.2f} s of CPU, {found['cpu'] / yardstick:.1f} × the yardstick, "
            f"{found['queries']:.0f} queries, {found['written']:.0f} publications written, peak {found['peak']:.0f} MB",
            flush=True,
        )


if __name__ == "__main__":
    main()
