"""An import whose process is killed, or that two processes want at once, is stored once and whole."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.conf import settings
from django.db import connection

from integrations.models import Connection, Route
from inventory import alias_upload
from inventory.models import AliasImport

ROWS = 300
pytestmark = [pytest.mark.long, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


@pytest.fixture
def confirmed(db: None) -> list[AliasImport]:
    """Two imports whose plans were shown and are to be stored."""
    marketplace = Connection.objects.create(name="Overstock", provider="supplier_oasis", username="x")
    warehouse = Connection.objects.create(name="Gecko", provider="tradegecko")
    Route.objects.create(
        name="Main", marketplace=marketplace, warehouse=warehouse, marketplace_warehouse_name="DC", location_name="DC"
    )
    made = []
    for letter in "AB":
        lines = "".join(f"{letter}{number:03},W{number}\n" for number in range(ROWS))
        content = f"marketplace_sku,warehouse_sku\n{lines}".encode()
        record = alias_upload.keep(marketplace, None, "a.csv", content, encoding="utf-8", mode="update")
        alias_upload.go_on(record)
        made.append(record)
    AliasImport.objects.update(state=AliasImport.State.CONFIRMED)
    return made


def database(folder: Path) -> str:
    """The address of what is in the test's own database: that one, or a copy of it if it lives in this process only."""
    if connection.vendor == "postgresql":
        return urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}"))
    file = folder / "imports.sqlite3"
    connection.ensure_connection()
    file.write_bytes(connection.connection.serialize())
    return f"sqlite:///{file}"


def test_an_import_that_is_killed_or_wanted_twice_is_stored_once(confirmed: list[AliasImport], tmp_path: Path) -> None:
    told = run(tmp_path, *(str(record.pk) for record in confirmed))

    assert told["killed"][0] == -9
    assert told["after the kill"][1] == {"aliases": [], "states": ["confirmed", "confirmed"], "wakes": 0}
    status, done = told["taken over"]
    assert (status, [text.rpartition(": ")[2] for text in done]) == (0, ["Done"])
    assert [status for status, _ in told["raced"]] == [0, 0]
    assert sorted(text.rpartition(": ")[2] for _, text in told["raced"]) == ["Done", "nothing to do"]
    assert told["in the end"][1] == {
        "aliases": [f"{letter}{number:03}" for letter in "AB" for number in range(ROWS)], "states": ["done", "done"],
        "wakes": 2,
    }  # fmt: skip


def run(folder: Path, *args: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-m", "tests.inventory.importers", *args], cwd=settings.BASE_DIR, check=False, text=True,
        capture_output=True, env={**os.environ, "DEBUG": "1", "DATABASE_URL": database(folder),
                                  "DJANGO_SETTINGS_MODULE": "config.settings"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
