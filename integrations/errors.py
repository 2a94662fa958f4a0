"""What can go wrong between us and another system, named by what to do next.

Adapters raise these and nothing else. The text is shown to a clerk as it is: it says which record, what was
seen and what to do. It never holds a secret or a whole response body.
"""

from __future__ import annotations

from datetime import timedelta


class IntegrationError(Exception):
    """Base of the five answers to "what now?"."""


class Unavailable(IntegrationError):
    """Nothing was decided; the same request may work later (network, 429, 5xx on a read).

    `retry_after` is the wait the other side asked for, if it did. `throttled` marks a rate limit, which
    costs a record no attempt. `unsent` says that the request certainly never left.
    """

    def __init__(
        self, message: str, *, retry_after: timedelta | None = None, throttled: bool = False, unsent: bool = False
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.throttled = throttled
        self.unsent = unsent


class OutcomeUnknown(Unavailable):
    """A write was sent and no clear answer came. Look it up before sending it again."""


class TakenIn(OutcomeUnknown):
    """The other side took the write in and says the result later. Nothing is wrong; it is read back before long."""


class KeyRefused(OutcomeUnknown):
    """The other system has seen this idempotency key before: an earlier attempt may have landed, or burnt the key."""


class Refused(IntegrationError):
    """The other system understood and said no to this one record; a person must act.

    `about_route` says that it is not the record's fault: it names what we remember of its route.
    """

    def __init__(self, message: str, *, about_route: bool = False) -> None:
        super().__init__(message)
        self.about_route = about_route


class Misconfigured(IntegrationError):
    """Credentials or settings are wrong: every record would fail the same way, stop the run.

    `credentials` says that the other side refused who we are: the connection's jobs stop until a test succeeds.
    """

    def __init__(self, message: str, *, credentials: bool = False) -> None:
        super().__init__(message)
        self.credentials = credentials


class Unreadable(IntegrationError):
    """The answer does not match the contract we were written against."""
