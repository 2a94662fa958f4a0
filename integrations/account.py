"""What an adapter is given: who to be where, the shared call limit and tokens, and where to keep what was said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol


class Budget(Protocol):
    """A rate limit shared by every process that uses one account."""

    def take(self) -> None:
        """Spend one call, or raise Unavailable(throttled) with the time to wait."""

    def learn(self, *, limit: int, remaining: int, resets_at: datetime) -> None:
        """Adopt what the other side's headers said after a call."""

    def block(self, until: datetime) -> None:
        """The other side said no more calls until then."""


class Circuit(Protocol):
    """Keeps every process from calling a system that does not answer; one alone tries again."""

    def enter(self) -> bool:
        """Whether this call is the one that tries again. Raises Unavailable(throttled) while calls are paused."""

    def give_back(self) -> None:
        """The call that was to try again did not leave: another one may."""

    def succeeded(self) -> None:
        """The other side gave a clear answer, be it yes or no."""

    def asked_to_wait(self, wait: timedelta) -> None:
        """The other side named the time before which it wants no more: kept even when a person asks."""

    def failed(self, error: str, wait_asked: timedelta | None = None) -> timedelta:
        """It gave none. Returns how long calls are paused now; zero while they are not."""


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


class Tokens(Protocol):
    """An account's OAuth tokens, shared by every process that uses it.

    Both raise Unavailable when no token is to be had now, and Misconfigured when a person has to authorize again.
    """

    def access(self) -> str:
        """An access token that is good for a while, renewed early."""

    def renew(self, refused: str) -> str:
        """Another one than this, which the other side refused; renewed unless somebody else has done that."""


@dataclass(frozen=True, slots=True)
class Application:
    """Who Crossdock is to an OAuth server. `redirect_uri` is where its browser comes back, as registered there."""

    identity: str
    secret: str = field(repr=False)
    redirect_uri: str = ""


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What an OAuth server gave. `refresh` is good once; empty: the one that was used stays good."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    expires_at: datetime


class Lease(Protocol):
    """The right to work for this account, which others take over from a process that shows no sign of life."""

    def check(self) -> None:
        """Raises when the work was, or may have been, taken over: then nothing more may be sent."""


@dataclass(frozen=True, slots=True)
class Account:
    """Everything an adapter needs to work for one connection. `secret` never shows in a repr.

    With `tokens` there is no secret: each call is made with the token that is good at that time.
    """

    name: str
    base_url: str
    username: str = ""
    secret: str = field(default="", repr=False)
    options: Mapping[str, object] = field(default_factory=dict)
    budget: Budget | None = None
    journal: Journal | None = None
    tokens: Tokens | None = None
    circuit: Circuit | None = None
    lease: Lease | None = None
