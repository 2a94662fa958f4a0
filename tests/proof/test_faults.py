"""Everything that the sandbox can do wrong, at everything that we ask of it: it comes right, or a person is told.

A case is a fault at a place: a request of the life, told apart by the job that makes it. The job meets the fault, then the
act's jobs run again until nothing is open. Then both systems hold exactly what they would hold without the fault; or
there is one row on the worklists about the record, with a text that says what to do, and doing it makes it right.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

import pytest

from integrations.sandbox import faults
from integrations.sandbox.server import Sandbox
from tests.conftest import Run
from tests.proof import clerk, life
from tests.proof.changes_life import CHANGES
from tests.proof.conftest import Proved
from tests.proof.life import ORDERS, Life
from tests.proof.matrix import Case, Matrix, to_press

pytestmark = pytest.mark.long

STUBBORN = 3
IS_FULL = bool(os.environ.get("PROOF_FULL"))
PARTS = 12 if IS_FULL else 1  # shared by several workers of pytest


@pytest.fixture
def play(
    db: None, box: Sandbox, manage: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[[Life], Matrix]:
    """A life with its preparations done."""
    for name, secret in life.secrets(box).items():
        monkeypatch.setenv(name, secret)

    def prepared(played: Life) -> Matrix:
        for command in played.prepare(box, tmp_path):
            manage(*command)
        for decision in played.decided:
            clerk.decide(*decision)
        return Matrix(box, played)

    return prepared


def cases_of(fault: str, matrix: Matrix, *, writes_only: bool) -> Iterator[Case]:
    """Each request of the life meets it once; writes that take effect and then fail do so in a row, too."""
    for place in matrix.places:
        if writes_only and place.method == "GET":
            continue
        yield Case(place, fault)
        if place.method != "GET" and fault.endswith(faults.AFTER):
            yield Case(place, fault, STUBBORN)


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("played", [ORDERS, CHANGES], ids=["orders", "changes"])
def test_a_fault_anywhere_comes_right_or_is_on_one_worklist(
    play: Callable[[Life], Matrix], played: Life, part: int, proved: Proved
) -> None:
    """The reads of the second life are those of the first."""
    matrix, is_second = play(played), played is CHANGES
    cases = [list(cases_of(fault, matrix, writes_only=is_second)) for fault in faults.names()[part::PARTS]]
    if not IS_FULL:  # each fault at another place
        cases = [[some[number * 7 % len(some)]] for number, some in enumerate(cases)]
    chosen = list(chain.from_iterable(cases))
    told = matrix.disturb(chosen)
    where = " in the life of changes" if is_second else ""
    proved(f"faults at a request{where}", len(chosen))
    proved(f"of these, rows that a person was shown{where}", len(told))


def test_what_asks_for_nothing_is_left_out_and_what_is_said_twice_in_the_same_words_is_not() -> None:
    refused, why = [clerk.Row("800-1", "the warehouse refused to void it", print) for _ in range(2)]
    quoting = clerk.Row("800-1", f"It was cancelled; {why.text}", print)
    promise = clerk.Row("801-1", "It is cancelled there too, with the next run.", print)
    other = clerk.Row("802-1", why.text, print)
    assert to_press([quoting, refused, promise, other]) == [refused, other]
    assert to_press([refused, why]) == [refused, why]


def test_a_fault_that_nothing_could_mend_would_be_noticed(
    play: Callable[[Life], Matrix], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proof can fail: with a right world that cannot be, every case does."""
    matrix = play(ORDERS)
    monkeypatch.setitem(life.RIGHT, "customers", [])
    place = matrix.places[0]
    with pytest.raises(AssertionError):
        matrix.disturb([Case(place, "503")])
