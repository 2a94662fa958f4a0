"""Real processes that need a new token at the same time, and one that is killed while it renews. No token is lost."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from django.conf import settings
from django.db import connection as database

from integrations.sandbox import gecko_oauth
from integrations.sandbox.server import Sandbox
from tests.tradegecko.application import renewals

pytestmark = [pytest.mark.long, pytest.mark.django_db(transaction=True, serialized_rollback=True)]
Start = Callable[..., "subprocess.Popen[str]"]


def address_of_database(folder: Path) -> str:
    """PostgreSQL's test database; for SQLite, whose own is in this process's memory, one in a file."""
    if database.vendor != "postgresql":
        return f"sqlite:///{folder}/db.sqlite3"
    known = database.settings_dict
    return f"postgres://{known['USER']}:{known['PASSWORD']}@{known['HOST']}:{known['PORT']}/{known['NAME']}"


@pytest.fixture
def start(box: Sandbox, tmp_path: Path) -> Iterator[Start]:
    """Start a management command as a process of its own, on a database with the connection."""
    begun: list[subprocess.Popen[str]] = []
    known = box.tradegecko.oauth
    env = {**os.environ, "DATABASE_URL": address_of_database(tmp_path), "SECRET": known.client_secret}
    env["REFRESH"] = known.refresh_token

    def run(*args: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "manage.py", *args], cwd=settings.BASE_DIR, env=env, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        begun.append(process)
        return process

    if database.vendor != "postgresql":
        ended(run("migrate", "-v0"))
    ended(run(
        "connect", "tradegecko", "Gecko", "--oauth-application", known.client_id, "--oauth-secret-env", "SECRET",
        "--refresh-token-env", "REFRESH", "--base-url", box.tradegecko_url,
    ))  # fmt: skip
    yield run
    for process in begun:
        if process.poll() is None:
            process.kill()
            process.communicate()


def ended(process: subprocess.Popen[str], status: int = 0) -> str:
    told, _ = process.communicate(timeout=120)
    assert process.returncode == status, told
    return told


def test_of_processes_that_need_a_token_one_renews_it_and_all_go_on(box: Sandbox, start: Start) -> None:
    box.faults.add("tradegecko", "slow", path="/oauth/token", seconds=3)
    for process in [start("check_connection", "Gecko") for _ in range(3)]:
        ended(process)
    assert renewals(box) == 1
    assert len(box.tradegecko.oauth.access) == 1


@pytest.mark.parametrize("is_used_up", [False, True])
def test_a_process_that_is_killed_while_it_renews_is_taken_over_from(
    box: Sandbox, start: Start, monkeypatch: pytest.MonkeyPatch, is_used_up: bool
) -> None:
    asked, killed, real = Event(), Event(), box.tradegecko.oauth.grant

    def grant(*args: Any, **values: Any) -> dict[str, object]:
        asked.set()
        assert killed.wait(60)
        if not is_used_up:
            raise gecko_oauth.Refused
        return real(*args, **values)

    monkeypatch.setattr(box.tradegecko.oauth, "grant", grant)
    victim = start("check_connection", "Gecko")
    assert asked.wait(60)
    victim.kill()
    victim.communicate()
    monkeypatch.undo()
    killed.set()
    told = ended(start("check_connection", "Gecko"), status=int(is_used_up))
    assert ("Authorize again" in told) is is_used_up
    assert renewals(box) == 2
