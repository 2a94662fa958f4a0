"""What an adapter is given: who to be where, the shared call limit, and where to keep what was said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


class Budget(Protocol):
    """A rate limit shared by every process that uses one account."""

    def take(self) -> None:
        """Spend one call, or raise Unavailable(throttled) with the time to wait."""

    def learn(self, *, limit: int, remaining: int, resets_at: datetime) -> None:
        """Adopt what the other side's headers said after a call."""

    def block(self, until: datetime) -> None:
        """The other side said no more calls until then."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer, already free of secrets. `status` is None when no answer came."""

    method: str
    url: str
    request_body: str
    status: int | None
    response_body: str
    milliseconds: int
    error: str = ""


class Journal(Protocol):
    """Where requests and answers are kept for staff to read, and what was wrong with the answers."""

    def record(self, exchange: Exchange) -> None: ...

    def problem(self, text: str) -> None:
        """Something in an answer that could not be read, and did not stop the rest."""


class Lease(Protocol):
    """The right to work for this account, which others take over from a process that shows no sign of life."""

    def beat(self) -> None:
        """Show a sign of life. Raises when the work was taken over: then nothing more may be sent."""


@dataclass(frozen=True, slots=True)
class Account:
    """Everything an adapter needs to work for one connection. `secret` never shows in a repr."""

    name: str
    base_url: str
    username: str = ""
    secret: str = field(default="", repr=False)
    options: Mapping[str, object] = field(default_factory=dict)
    budget: Budget | None = None
    journal: Journal | None = None
    lease: Lease | None = None
