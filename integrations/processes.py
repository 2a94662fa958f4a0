"""Names for processes, so that what a killed one left behind is picked up at once and not only when it is stale."""

from __future__ import annotations

import os
import socket
from pathlib import Path


class RunLost(Exception):
    """This process was taken for dead and its work picked up by another; whatever it does now may be done twice."""


def own_name() -> str:
    """Machine, pid namespace, pid and start time of this process: never the name of another, even after a reboot."""
    pid = os.getpid()
    return f"{_machine()} {pid} {_started(pid)}"


def host_of(name: str) -> str:
    """The machine of a process with this name."""
    return name.partition(" ")[0]


def is_near(name: str) -> bool:
    """Whether it can be judged from here whether the process still exists."""
    machine, process, started = _parts(name)
    return machine == _machine() and process.isdigit() and bool(started)


def is_gone(name: str) -> bool:
    """Whether the process certainly no longer exists. False when it ran elsewhere or cannot be judged."""
    _, process, started = _parts(name)
    return is_near(name) and _started(int(process)) != started


def _parts(name: str) -> tuple[str, str, str]:
    rest, _, started = name.rpartition(" ")
    machine, _, process = rest.rpartition(" ")
    return machine, process, started


def _machine() -> str:
    try:
        namespace = os.readlink("/proc/self/ns/pid")
    except OSError:
        namespace = "-"
    return f"{socket.gethostname()} {namespace}"


def _started(pid: int) -> str:
    """The start time in clock ticks since boot, with the boot's id; empty when there is no such process or no /proc."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return "gone" if Path("/proc/self/stat").exists() else ""
    return f"{stat.rpartition(')')[2].split()[19]}@{boot[:8]}"
