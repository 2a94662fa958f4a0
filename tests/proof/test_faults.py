"""Everything that the sandbox can do wrong, at everything that we ask of it: it comes right, or a person is told.

A case is a fault at a place: a request of the life, told apart by the job that makes it. The job meets the fault, then the
act's jobs run again until nothing is open. Then both systems hold exactly what they would hold without the fault; or
there is one row on the worklists about the record, with a text that says what to do, and doing it makes it right.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

from integrations.sandbox import faults
from integrations.sandbox.server import Sandbox
from tests.conftest import Run
from tests.proof import life
from tests.proof.conftest import Proved
from tests.proof.matrix import Case, Matrix

pytestmark = pytest.mark.long

STUBBORN = 3
IS_FULL = bool(os.environ.get("PROOF_FULL"))
PARTS = 12 if IS_FULL else 1  # shared by several workers of pytest


@pytest.fixture
def matrix(db: None, box: Sandbox, manage: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Matrix:
    monkeypatch.setenv("OASIS_PASSWORD", box.oasis.password)
    monkeypatch.setenv("GECKO_TOKEN", box.tradegecko.token)
    for command in life.preparations(box, tmp_path):
        manage(*command)
    return Matrix(box)


def cases_of(fault: str, matrix: Matrix) -> Iterator[Case]:
    """Each request of the life meets it once; writes that take effect and then fail do so in a row, too."""
    for place in matrix.places:
        yield Case(place, fault)
        if place.method != "GET" and fault.endswith(faults.AFTER):
            yield Case(place, fault, STUBBORN)


@pytest.mark.parametrize("part", range(PARTS))
def test_a_fault_anywhere_comes_right_or_is_on_one_worklist(matrix: Matrix, part: int, proved: Proved) -> None:
    cases = [list(cases_of(fault, matrix)) for fault in faults.names()[part::PARTS]]
    if not IS_FULL:  # each fault at another place
        cases = [[some[number * 7 % len(some)]] for number, some in enumerate(cases)]
    chosen = list(chain.from_iterable(cases))
    told = matrix.disturb(chosen)
    proved("faults at a request", len(chosen))
    proved("of these, rows that a person was shown", len(told))


def test_a_fault_that_nothing_could_mend_would_be_noticed(matrix: Matrix, monkeypatch: pytest.MonkeyPatch) -> None:
    """The proof can fail: with a right world that cannot be, every case does."""
    monkeypatch.setitem(life.RIGHT, "customers", [])
    place = matrix.places[0]
    with pytest.raises(AssertionError):
        matrix.disturb([Case(place, "503")])
