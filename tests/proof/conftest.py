"""What the proofs of this folder count, for `docs/proof.md`; how long they run, and on which databases."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.proof.databases import Databases, PostgresDatabases, SqliteFiles

Proved = Callable[[str, int], None]


@pytest.fixture
def is_full() -> bool:
    """Whether everything is tried (`make proof`) or a sample of it (`make test WHOLE=1`)."""
    return bool(os.environ.get("PROOF_FULL"))


@pytest.fixture
def proved() -> Proved:
    """Note that so many cases of a kind were tried and came out right; one JSON line each in the file PROOF_FILE."""
    path = os.environ.get("PROOF_FILE")

    def note(what: str, count: int) -> None:
        if path:
            with Path(path).open("a", encoding="utf-8") as lines:
                lines.write(json.dumps({"what": what, "count": count}) + "\n")

    return note


@pytest.fixture
def databases(tmp_path: Path) -> Iterator[Databases]:
    address = os.environ["DATABASE_URL"]
    found = SqliteFiles(tmp_path) if address.startswith("sqlite") else PostgresDatabases(address)
    yield found
    found.drop_all()
