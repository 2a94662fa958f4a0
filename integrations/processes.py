"""Names for processes, so that what a killed one left behind is picked up at once and not only when it is stale."""

from __future__ import annotations

import os
import socket
from pathlib import Path


class RunLost(Exception):
    """This process was taken for dead and its work picked up by another; whatever it does now may be done twice."""


def own_name() -> str:
    """Machine, its boot, pid namespace, pid and start time of this process: never the name of another."""
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
    """Machines made from one image may have one host name, and each begins with the same namespace: hence the boot.

    So what ran before a reboot is judged by its silence.
    """
    try:
        namespace = os.readlink("/proc/self/ns/pid")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        namespace, boot = "-", ""
    return f"{socket.gethostname()} {namespace}@{boot[:8]}"


def _started(pid: int) -> str:
    """The start time in clock ticks since boot; “gone” when there is no such process, empty when there is no /proc."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return "gone" if Path("/proc/self/stat").exists() else ""
    return stat.rpartition(")")[2].split()[19]
