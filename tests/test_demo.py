"""The demo ends when it is asked to, at whatever step it is, and takes everything along that it started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.conf import settings

pytestmark = pytest.mark.long


def started_in(folder: Path) -> list[str]:
    """Command lines of living processes whose environment names the folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if str(folder).encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="There is no /proc to see the processes in")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_demo_that_is_broken_off_leaves_nothing_running(number: int, status: int, tmp_path: Path) -> None:
    demo = subprocess.Popen(
        [sys.executable, "manage.py", "demo", "--once"], cwd=settings.BASE_DIR, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, start_new_session=True, env={**os.environ, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert demo.stdout is not None
    next(line for line in demo.stdout if line.startswith("ok   web server"))
    assert len(started_in(tmp_path)) > 1

    demo.send_signal(number)
    _, errors = demo.communicate(timeout=60)

    assert (demo.returncode, errors) == (status, "")
    deadline = time.monotonic() + 10
    while started_in(tmp_path) and time.monotonic() < deadline:
        pass  # what was killed disappears once it is reaped
    assert started_in(tmp_path) == []
    assert list(tmp_path.iterdir()) == []
