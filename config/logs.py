"""What is kept out of the log, and of the queue's own record of what failed."""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Iterator
from typing import Any

from integrations.redaction import message_of, named

FRAME = re.compile(r'^  File "[^"]+", line \d+, in \S+$', re.MULTILINE)
CODE = re.compile(r"([?&]code=)[^&\s\"']+")


class WithoutCodes(logging.Filter):
    """Takes OAuth codes out of the addresses that the development server logs (docs/contracts.md)."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(CODE.sub(r"\1***", one) if isinstance(one, str) else one for one in record.args)
        return True


class LogFormatter(logging.Formatter):
    """Tracebacks as usual, but with `message_of` each exception."""

    def format(self, record: logging.LogRecord) -> str:
        if isinstance(record.args, tuple):
            record.args = tuple(message_of(one) if isinstance(one, BaseException) else one for one in record.args)
        # Another handler may have written the whole text there already.
        record.exc_text = None
        return super().format(record)

    def formatException(self, ei: Any) -> str:  # noqa: N802
        """The exception with what led to it, the first one first."""
        return "\n\nThen:\n\n".join(map(_traceback, reversed(list(_chain(ei[1])))))


def keep_no_rows(task: dict[str, Any], **_sent: Any) -> None:
    """Of a task that failed: what its exception says first, and where; the queue keeps the whole traceback else.

    That of a time-out, too, may hold what a database's error quoted before.
    """
    if not task["success"]:
        text = str(task["result"])
        said = text.partition(" : Traceback (most recent")[0].strip().partition("\n")[0]
        task["result"] = "\n".join([said, *FRAME.findall(text)])


def _chain(exc: BaseException | None) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    while exc is not None and exc not in seen:
        yield exc
        seen.append(exc)
        exc = exc.__cause__ or (None if exc.__suppress_context__ else exc.__context__)


def _traceback(exc: BaseException) -> str:
    frames = "".join(traceback.format_tb(exc.__traceback__))
    return f"Traceback (most recent call last):\n{frames}{type(exc).__module__}.{named(exc)}"
