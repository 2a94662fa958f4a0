"""Things done at the same time, each with a database connection of its own (PostgreSQL)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from django.db import connection, connections

from tests.children import PATIENCE

WAITING = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


def at_once(*deeds: Callable[[], Any]) -> list[Any]:
    """What they gave. Raises what the first of them raised."""
    with ThreadPoolExecutor(len(deeds)) as pool:
        return [one.result(PATIENCE) for one in [pool.submit(_apart, deed) for deed in deeds]]


def beside(deed: Callable[[], Any]) -> Future[Any]:
    """It is done while the caller goes on; its result says when it has ended."""
    pool = ThreadPoolExecutor(1)
    done = pool.submit(_apart, deed)
    pool.shutdown(wait=False)
    return done


def somebody_waits() -> bool:
    """Whether anybody waits for a lock of this database."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_stat_clear_snapshot()")  # else a transaction sees what it saw first
        cursor.execute(WAITING)
        return bool(cursor.fetchone()[0])


def _apart(deed: Callable[[], Any]) -> Any:
    try:
        return deed()
    finally:
        connections.close_all()
