"""Doorways of the queue into this layer: a connection's id and the time of asking in, a line on how it went out."""

from __future__ import annotations

from integrations.dispatch import take_up
from integrations.models import Connection
from integrations.runs import Outcome, perform
from inventory import alias_upload, checking, levels


def pull_levels(connection_id: int, asked_at: str = "") -> str:
    return take_up("pull_levels", connection_id, asked_at, run_pull_levels)


def run_pull_levels(connection: Connection) -> Outcome:
    return perform(connection, "pull_levels", levels.pull)


def check_inventory(connection_id: int, asked_at: str = "") -> str:
    return take_up("check_inventory", connection_id, asked_at, run_check_inventory)


def run_check_inventory(connection: Connection) -> Outcome:
    return perform(connection, "check_inventory", checking.check)


def carry_on_import(pk: int) -> str:
    """The next step of an alias import; a second task for it finds nothing to do."""
    return alias_upload.carry_on(pk, in_background=True)


def take_care_of_imports() -> None:
    alias_upload.take_care()
