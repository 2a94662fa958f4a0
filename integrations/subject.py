"""What the requests that are made now are about: kept with each exchange, so that an order's page can list its own."""

from __future__ import annotations

from contextvars import ContextVar

_subject: ContextVar[str] = ContextVar("subject", default="")


def now(about: str) -> None:
    """From here on, requests of this thread are about that record; empty: about many or none."""
    _subject.set(about)


def current() -> str:
    return _subject.get()


def of_order(pk: int) -> str:
    return f"order {pk}"
