"""What holds for every test in a browser."""

from __future__ import annotations

from threading import Lock
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIHandler


@pytest.fixture(autouse=True)
def one_request_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """All threads of the server share one connection to a SQLite in memory, at which two may wait for each other.

    The one is in a function of Python that the database calls, the other waits for the database and lets no Python run.
    """
    answer, turn = WSGIHandler.__call__, Lock()

    def in_turn(handler: WSGIHandler, *request: Any) -> Any:
        with turn:
            return answer(handler, *request)

    monkeypatch.setattr(WSGIHandler, "__call__", in_turn)
