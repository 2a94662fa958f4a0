"""Importing aliases, planned and applied, beside django-import-export as it comes with bulk writing: speed and memory.

python -m bench.aliases [--postgres postgres://postgres@127.0.0.1:5432/postgres]

Each measurement is a process of its own. The library's are of fewer rows, scaled up: it asks the database for each row.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

ROOT = Path(__file__).resolve().parent.parent
ROWS, STOCK_ROWS = (10_000, 50_000, 100_000), 2_000
DATABASE, POSTGRES = "crossdock_bench_aliases", "postgres://postgres@127.0.0.1:5432/postgres"
MEGABYTE = 1024  # of ru_maxrss, which is in kilobytes


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--postgres", default=os.environ.get("BENCH_POSTGRES", POSTGRES), help="a server to measure on")
    measure_all(parser.parse_args().postgres)


def measure_all(postgres: str = POSTGRES) -> None:
    with tempfile.TemporaryDirectory() as folder:
        measure("SQLite", f"sqlite:///{folder}/bench.sqlite3")
    try:
        with database_on(postgres) as address:
            measure("PostgreSQL", address)
    except psycopg.OperationalError:
        print("importing aliases on PostgreSQL: not measured, no server was reached (BENCH_POSTGRES)")


def measure(name: str, address: str) -> None:
    child(address, "prepare", 0)
    taken = {rows: child(address, "ours", rows) for rows in ROWS}
    for rows, one in taken.items():
        print(
            f"importing {rows} aliases on {name}: planned {one['plan']:.1f} s, applied {one['apply']:.1f} s "
            f"({1e6 * (one['plan'] + one['apply']) / rows:.0f} µs a row), peak memory {one['peak']:.0f} MB", flush=True,
        )  # fmt: skip
    most, stock = max(ROWS), child(address, "stock", STOCK_ROWS)
    scaled = (stock["plan"] + stock["apply"]) * most / STOCK_ROWS
    ours = taken[most]["plan"] + taken[most]["apply"]
    print(
        f"  django-import-export (use_bulk), {STOCK_ROWS} aliases: {stock['plan']:.1f} s and {stock['apply']:.1f} s; "
        f"at that rate {most} take {scaled:.0f} s, {scaled / ours:.0f} × as long", flush=True,
    )  # fmt: skip


@contextmanager
def database_on(server: str, name: str = DATABASE) -> Iterator[str]:
    """A database of our own on this server, dropped at the end."""
    with psycopg.connect(server, autocommit=True, connect_timeout=3) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name}")
        connection.execute(f"CREATE DATABASE {name}")
    try:
        yield urlsplit(server)._replace(path=f"/{name}").geturl()
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def child(address: str, what: str, rows: int, module: str = "bench.aliases_child") -> dict[str, float]:
    """What a process of its own measured."""
    environment = {**os.environ, "DEBUG": "1", "DATABASE_URL": address, "DJANGO_SETTINGS_MODULE": "config.settings"}
    command = [sys.executable, "-m", module, what, str(rows)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise RuntimeError(done.stderr)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def timed(**steps: Callable[[], Any]) -> dict[str, float]:
    """Seconds per step, and this process's peak memory in megabytes."""
    found = {}
    for name, step in steps.items():
        started = time.perf_counter()
        step()
        found[name] = time.perf_counter() - started
    return {**found, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MEGABYTE}


if __name__ == "__main__":
    main()
