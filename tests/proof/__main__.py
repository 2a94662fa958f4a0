"""`python -m tests.proof [SQLite|PostgreSQL]`: every proof at full length on that database, or on each that is there.

Its counts go to docs/proof.json, only when everything passed, and docs/proof.md is composed of them. PostgreSQL is the
one that TEST_DATABASE_URL names, else the one on this machine's usual port, if there is one.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg

from tests.proof import page

ROOT = Path(__file__).parents[2]
COUNTS, PAGE = ROOT / "docs" / "proof.json", ROOT / "docs" / "proof.md"
USUAL = "postgres://postgres@127.0.0.1:5432"


def main(asked: list[str]) -> None:
    there = databases()
    unknown = set(asked) - set(there)
    if unknown:
        raise SystemExit(f"no database {', '.join(unknown)}; there is {', '.join(there)}")
    for name in asked or there:
        prove(name, there[name])


def prove(name: str, address: str) -> None:
    of = page.commit()
    with TemporaryDirectory() as folder:
        counts = page.counted(tried(name, address, Path(folder)))
    proofs = page.read(COUNTS) | {name: page.Proof(counts, of, page.made_here())}
    page.write(COUNTS, proofs)
    PAGE.write_text(page.page(proofs), encoding="utf-8")
    print(f"docs/proof.md tells of {name}", flush=True)


def databases() -> dict[str, str]:
    """Name → address, empty for SQLite in memory."""
    found = {"SQLite": ""}
    address = os.environ.get("TEST_DATABASE_URL") or (f"{USUAL}/crossdock" if _is_there(USUAL) else "")
    if address:
        found["PostgreSQL"] = address
    return found


def tried(name: str, address: str, folder: Path) -> Path:
    """Run all of it there; the file of counts. Raises SystemExit when anything failed."""
    file = folder / name
    print(f"All proofs on {name}:", flush=True)
    environment = {**os.environ, "TEST_DATABASE_URL": address, "PROOF_FULL": "1", "PROOF_FILE": str(file)}
    # A folder of its own: of the usual ones pytest keeps three, and this may last longer than three other runs.
    options = ["-q", "-n", os.environ.get("WORKERS", "auto"), "--maxschedchunk=1", f"--basetemp={folder / 'pytest'}"]
    command = [sys.executable, "-m", "pytest", *options, "tests/proof"]
    ended = subprocess.run(command, cwd=ROOT, env=environment, check=False)
    if ended.returncode:
        raise SystemExit(f"the proof failed on {name}; docs/proof.md stays as it was there")
    return file


def _is_there(server: str) -> bool:
    try:
        psycopg.connect(f"{server}/postgres", connect_timeout=3).close()
    except psycopg.OperationalError:
        return False
    return True


if __name__ == "__main__":
    main(sys.argv[1:])
