"""docs/proof.md, composed from what the proofs counted on each database."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

HEAD = """\
# The proof

Crossdock promises that every order is created in the warehouse exactly once, that every parcel is told to the
marketplace exactly once, and that whatever does not come right by itself is on a worklist. This page says how that was
tried, and how often. It is written by `make proof` from what the tests counted, per database; if one test fails on it,
its column stays as it was.

Both systems are simulated and served over HTTP (docs/sandbox.md). What they hold in the end is compared with what they
must hold: each order once with its lines, each parcel once with its units, the right quantities, nothing of what was
cancelled, and void what was voided. Our own records must say the same, with no run left running and nothing left open.
"""
WAYS = """\
## How

- **Killed.** A process that works through a life of three orders (pull, submit, ship in two lots, confirm, publish; one
  is cancelled before it is sent, one is a kit) is ended by SIGKILL before and after every request, every commit and every
  write outside a transaction. The points are found by playing the life once and counting. A new process then takes up the
  same jobs, once, and the life goes on to its end. `tests/proof/test_killed.py`
- **In the life of changes** too, which begins with five orders that are older than an idempotency key lives, one of which
  the warehouse has from a database that is lost. After they were sent, one is cancelled as a whole and one line by line
  (the warehouse's orders are voided, by the route's rule), one loses a line, gets another, more units and a new address
  (the warehouse's order is updated), and a person short ships a line of one and the whole of another. What staff decide
  is a process that is killed like the jobs. Meanwhile OAuth tokens are renewed; killed between the answer with the next
  refresh token and its commit, a person must authorize again, and is told so. `tests/proof/changes_life.py`
- **Suspended.** The same, but by SIGSTOP, before and after every request and before every write outside a transaction. A
  new process takes the jobs over as if long after; then the old one is woken, and goes on with what it was at.
- **Disturbed.** Every fault that the sandbox knows is switched on for every request of that life, told apart by the job
  that makes it: refusals, web pages, empty and cut-off answers, broken connections, slow answers, call limits, and each of
  them after the request took effect. For writes, the latter also hit three times in a row. In the end all is right, or
  there is exactly one row on the worklists, with a text, and what it asks for makes it right. In the life of changes each
  write is disturbed so; a change that the warehouse refused is told as such, and by the hold that it was to close. A row
  that promises something with the next run asks for nothing, and its promise must come true.
  `tests/proof/test_faults.py`
- **Sold from a changing shelf.** Worlds of two routes that share a place, drawn by seed: sales on the marketplace and elsewhere,
  goods that come, go and are carried over, orders that wait for a city or an alias, cancelled, changed, voided and short
  shipped ones, kits, packs and bundles whose parts change, rules; with lost answers, sweeps cut short, ended processes and
  jobs that overtake each other. At each rest every quantity is the one that a count of the two systems gives, also where stock
  was not read again; in between none is above or below what there was, and what is sent after lost answers is right at once. Each
  world has every rule, a lost order, a component sold and a pack changed by itself, a page left out, quantities whose answers are
  lost, a process that ends between deciding and having published, and readings that are empty, a page too short or a third of
  what there is, after which nothing changes until the stock was read whole. `tests/proof/test_stock.py`
"""
TAIL = """\
## What this does not show

- The simulated systems follow docs/contracts.md; where the real ones differ, so may the outcome.
- A request to the marketplace that takes effect later than our time-out plus `LOOKUP_GRACE_SECONDS` is not seen when we
  look, and is sent again. Orders to the warehouse are safe from that by their idempotency key; parcels are not.
- A refresh token is good once. If the answer with the next one is lost, or nobody could store it, the other side must be
  asked for a new one by a person.
- A process that is suspended in the instant between its last look whether its work is still its own and the first byte of
  a parcel's message, and for longer than `STALE_AFTER_SECONDS`, sends that message when it wakes.
- Overstock shows no quantities: two empty answers in a row to a quantity are believed. If they are lies, they are mended when
  all quantities are sent again, once a day.
- An order that was read within 30 minutes goes out even if the marketplace is in trouble when it is asked again, but for
  refused credentials. If it was cancelled in that time, it is on the worklist as cancelled after it was sent.

## Again

    make proof           # everything, on SQLite, and on PostgreSQL if there is one; writes this page
    make proof ON=SQLite # on one of them; the other's column stays
    make test WHOLE=1    # a sample of each part, with all other tests
"""


@dataclass(frozen=True, slots=True)
class Proof:
    """What was tried on one database: `counts` by kind, `of` which commit, when and where."""

    counts: dict[str, int]
    of: str
    made: str


def counted(file: Path) -> dict[str, int]:
    """How often each kind was tried. Raises SystemExit when nothing was."""
    total: Counter[str] = Counter()
    for line in file.read_text(encoding="utf-8").splitlines():
        told = json.loads(line)
        total[told["what"]] += told["count"]
    if not total:
        raise SystemExit(f"{file} holds no counts: the proof did not run, or not to its end")
    return dict(total)


def made_here() -> str:
    machine = f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}"
    return f"on {datetime.now(UTC):%Y-%m-%d} on {platform.system()} {machine}"


def commit() -> str:
    command = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def read(file: Path) -> dict[str, Proof]:
    """The last proof on each database, by its name."""
    known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return {name: Proof(**told) for name, told in known.items()}


def write(file: Path, proofs: dict[str, Proof]) -> None:
    told = {name: asdict(proof) for name, proof in proofs.items()}
    file.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def table(proofs: dict[str, Proof]) -> str:
    """One row per kind, one column per database."""
    columns = [one.counts for one in proofs.values()]
    kinds = list(dict.fromkeys(kind for counts in columns for kind in counts))
    rows = [["tried", *proofs], ["---", *("---:" for _ in proofs)]]
    rows += [[kind, *(f"{counts[kind]:,}" if kind in counts else "–" for counts in columns)] for kind in kinds]
    rows.append(["**violations**", *("**0**" for _ in proofs)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def page(proofs: dict[str, Proof]) -> str:
    made = "\n".join(f"- {name}: commit {one.of}, counted {one.made}." for name, one in proofs.items())
    return "\n".join((HEAD, "## How often\n", table(proofs), f"\n{made}\n", WAYS, TAIL))
