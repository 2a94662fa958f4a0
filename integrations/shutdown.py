"""How a process that is told to stop leaves its work: broken off at once, closed as interrupted, and due again.

A job may wait minutes for a slow answer, and the queue's own shutdown waits for it. So the cluster tells its workers
through shared memory, and a thread of each worker breaks off what its main thread is at.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.sharedctypes import RawValue
from types import FrameType
from typing import Any

LOOK_EVERY_SECONDS = 0.2
GRACE_SECONDS = 3.0


class Stopped(KeyboardInterrupt):
    """This process was told to stop. Like Ctrl-C, so that the database driver cancels what it is at."""


class _State:
    closing: Any = None  # shared by a cluster's processes; None in any other process
    is_at_work = False


def is_closing() -> bool:
    return _State.closing is not None and bool(_State.closing.value)


def prepare() -> None:
    """Before the cluster's processes are forked: the word that they are to stop."""
    _State.closing = RawValue("b", 0)


def end_with_parent() -> None:
    """In every process that a cluster forks: none outlives the one that made it, to take tasks that nobody will do."""
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()


def announce() -> None:
    """Tell all workers of this cluster to break off."""
    if _State.closing is not None:
        _State.closing.value = 1


@contextmanager
def may_break_off() -> Iterator[None]:
    """Work that ends with Stopped, once, when the process is told to stop."""
    _State.is_at_work = True
    try:
        yield
    finally:
        _State.is_at_work = False


@contextmanager
def by_sigterm() -> Iterator[None]:
    """SIGTERM breaks the block off with Stopped, as Ctrl-C does with KeyboardInterrupt."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def watch(**_kwargs: object) -> None:
    """In a new worker process: break off when the cluster says so, end when the cluster is gone (`post_spawn`)."""
    if multiprocessing.parent_process() is None:
        return
    signal.signal(signal.SIGTERM, _stop_worker)
    threading.Thread(target=_watch, args=(os.getppid(),), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    time.sleep(GRACE_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        if is_closing() and _State.is_at_work:
            _interrupt()
        time.sleep(LOOK_EVERY_SECONDS)
    _interrupt()  # nobody is left to give it work, or to take a result


def _interrupt() -> None:
    with suppress(ProcessLookupError):
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)


def _stop(_signum: int, _frame: FrameType | None) -> None:
    raise Stopped


def break_off() -> None:
    """End with Stopped, once, the work that this process is at, if it may be broken off."""
    if _State.is_at_work:
        _State.is_at_work = False
        raise Stopped


def _stop_worker(_signum: int, _frame: FrameType | None) -> None:
    """Break off the work, once; an idle worker ends, and lets go of the queue's lock while it does."""
    break_off()
    if not is_closing():
        raise SystemExit(128 + signal.SIGTERM)
