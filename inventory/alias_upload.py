"""The life of an alias import: uploaded, planned, confirmed, stored, perhaps undone; what a dead process left goes on.

Each step is one transaction that ends by moving the record's state on, so that it is done once, whoever repeats it.
"""

from __future__ import annotations

import hashlib
import logging
import zlib
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import PurePath
from threading import Event, Thread
from typing import Any

from django.conf import settings
from django.db import IntegrityError, OperationalError, connections, transaction
from django.db.models import F
from django.utils import timezone
from django_q.tasks import async_task

from integrations import processes
from integrations.models import Connection
from integrations.processes import RunLost
from integrations.redaction import named
from inventory import alias_file, alias_import, alias_plan, alias_report, alias_undo, changed
from inventory.alias_file import FileProblem
from inventory.alias_import import AliasResource, AliasResult
from inventory.alias_plan import LONGEST_REASON, By
from inventory.models import AliasImport

# Longer files are left to a worker, so that no request has to wait for them.
AT_ONCE_ROWS = 2_000
MOST_ATTEMPTS = 3
BEAT_EVERY_SECONDS = 1.0
LOST_AFTER = timedelta(minutes=2)  # a task may get lost with the worker that took it
PREVIEW_FOR, UNDO_FOR = timedelta(days=1), timedelta(days=90)
S = AliasImport.State

logger = logging.getLogger(__name__)


def keep(connection: Connection, user: Any, name: str, content: bytes, *, encoding: str, mode: str) -> AliasImport:
    """A new import of this file; nothing of it is read yet."""
    return AliasImport.objects.create(
        connection=connection,
        user=user,
        user_name=_name_of(user),
        file_name=alias_file.visible(PurePath(name).name)[-200:] or "file",
        sha256=hashlib.sha256(content).hexdigest(),
        encoding=encoding,
        mode=mode,
        content=zlib.compress(content, 1),
        counts={"is_long": alias_file.is_longer(content, AT_ONCE_ROWS)},
    )


def go_on(record: AliasImport, *, at_once: bool = False) -> None:
    """Do the next step now, or have a worker do it if it is long, unless it must be done `at_once`."""
    if record.counts.get("is_long") and not at_once:
        _enqueue(record)
    else:
        carry_on(record.pk)
    record.refresh_from_db()


def confirm(record: AliasImport, fingerprint: str, user: Any, *, at_once: bool = False) -> bool:
    """Have stored what was shown; False when that is no longer what the file would do, or it was confirmed already."""
    shown = AliasImport.objects.filter(pk=record.pk, state=S.PLANNED, fingerprint=fingerprint)
    if not shown.update(state=S.CONFIRMED, user=user, user_name=_name_of(user)):
        return False
    record.refresh_from_db()
    go_on(record, at_once=at_once)
    return True


def undo(record: AliasImport, fingerprint: str, user: Any) -> bool:
    """Have the whole import undone, as it was shown; False when it cannot be any more."""
    done = AliasImport.objects.filter(pk=record.pk, state=S.DONE).exclude(changes=None)
    who = {"undone_by": user, "undone_by_name": _name_of(user)}
    if not done.update(state=S.UNDOING, fingerprint=fingerprint, **who):
        return False
    record.refresh_from_db()
    go_on(record)
    return True


def carry_on(pk: int, *, in_background: bool = False) -> str:
    """Do the step that the record waits for, unless a living process is at it. Returns a line on how it went."""
    record = _claim(pk)
    if record is None:
        return "nothing to do"
    beat = _Beat(record)
    if in_background:
        beat.start()
    try:
        _step(record, beat)
    except RunLost as exc:
        return str(exc)
    except OperationalError as exc:  # a deadlock, say; the record still waits for the step, and is taken up again
        logger.warning("alias import %s is tried again: %s", pk, named(exc))
        return f"{record} is tried again"
    finally:
        beat.stop()
        AliasImport.objects.filter(pk=pk, owner=record.owner).update(owner="")
    record.refresh_from_db()
    return f"{record}: {record.get_state_display()}"


def take_care() -> None:
    """Have what a dead worker left taken up by another, and forget what nobody needs any more."""
    now = timezone.now()
    waiting = AliasImport.objects.filter(state__in=AliasImport.AT_WORK).defer("content", "changes", "error_file")
    for record in waiting:
        is_lost = record.owner or record.queued_at is None or record.queued_at < now - LOST_AFTER
        if is_lost and is_free(record, now):
            _enqueue(record)
    AliasImport.objects.filter(state=S.PLANNED, uploaded_at__lt=now - PREVIEW_FOR).delete()
    AliasImport.objects.filter(finished_at__lt=now - UNDO_FOR).exclude(changes=None).update(changes=None)


def is_free(record: AliasImport, now: datetime) -> bool:
    """Whether no living process is at it."""
    limit = now - timedelta(seconds=settings.STALE_AFTER_SECONDS)
    if not record.owner or record.heartbeat_at is None:
        return True
    return record.heartbeat_at < limit or processes.is_gone(record.owner)


def switches_off_most(counts: dict[str, Any]) -> bool:
    """Whether more than half of the marketplace's active aliases would be switched off for not being in the file."""
    return bool(2 * counts.get("switched_off", 0) > counts.get("active_before", 0))


def _name_of(user: Any) -> str:
    """Kept beside the user, who may be deleted; empty for the command line."""
    return user.get_username() if user else ""


def _enqueue(record: AliasImport) -> None:
    AliasImport.objects.filter(pk=record.pk).update(queued_at=timezone.now())
    async_task("inventory.tasks.carry_on_import", record.pk, task_name=f"alias import:{record.pk}")


def _claim(pk: int) -> AliasImport | None:
    record = AliasImport.objects.filter(pk=pk, state__in=AliasImport.AT_WORK).first()
    if record is None or not is_free(record, timezone.now()):
        return None
    mine = AliasImport.objects.filter(
        pk=pk, state=record.state, owner=record.owner, heartbeat_at=record.heartbeat_at, attempts=record.attempts
    )
    now = timezone.now()
    if not mine.update(owner=processes.own_name(), heartbeat_at=now, attempts=F("attempts") + 1, progress=0):
        return None
    record.refresh_from_db()
    return record


class _Beat(Thread):
    """Shows that this process lives, and how far it is."""

    def __init__(self, record: AliasImport) -> None:
        super().__init__(daemon=True)
        self._mine = AliasImport.objects.filter(pk=record.pk, owner=record.owner)
        self._ended = Event()
        self.progress = 0

    def run(self) -> None:
        while not self._ended.wait(BEAT_EVERY_SECONDS):
            try:
                self._mine.update(heartbeat_at=timezone.now(), progress=self.progress)
            except Exception:
                logger.info("the progress of an alias import could not be written", exc_info=True)
        connections.close_all()

    def stop(self) -> None:
        self._ended.set()


def _step(record: AliasImport, beat: _Beat) -> None:
    """What goes wrong is kept with the record, which then has changed nothing."""
    if record.attempts > MOST_ATTEMPTS:
        _fail(record, f"it was broken off {MOST_ATTEMPTS} times before it was done; nothing was changed")
        return
    try:
        STEPS[S(record.state)](record, beat)
    except (RunLost, OperationalError, KeyboardInterrupt):
        raise
    except FileProblem as exc:
        _fail(record, str(exc))
    except Exception as exc:
        logger.exception("alias import %s", record.pk)
        _fail(record, f"unexpected {named(exc)}; nothing was changed")


def _plan(record: AliasImport, _beat: _Beat, *, changed_since: bool = False) -> None:
    file = alias_file.read(zlib.decompress(record.content or b""), record.encoding)
    result = AliasResource(record.connection, record.mode).import_data(file, dry_run=True)
    wrong = result.plan.problems
    _close(
        record, S.PLANNED, fingerprint=result.plan.fingerprint(), counts=_counts(result),
        report=alias_report.of_plan(result, changed_since=changed_since),
        error_file=zlib.compress(alias_report.error_file(file, wrong)) if wrong else None,
    )  # fmt: skip


def _store(record: AliasImport, beat: _Beat) -> None:
    """Store what was confirmed; if the aliases have changed so that it would be something else, plan anew."""
    file = alias_file.read(zlib.decompress(record.content or b""), record.encoding)
    total = max(record.counts["new"] + record.counts["changed"] + record.counts["switched_off"], 1)
    by = _by(record.user_id, f"Import of {record.file_name}")
    resource = AliasResource(
        record.connection, record.mode, expected=record.fingerprint, by=by, tick=_percent(beat, total),
        close=lambda result: _done(record, result),
    )  # fmt: skip
    try:
        is_stored = resource.import_data(file, use_transactions=True).is_stored
    except IntegrityError:  # somebody else made one of the new aliases
        is_stored = False
    if not is_stored:
        _plan(record, beat, changed_since=True)


def _done(record: AliasImport, result: AliasResult) -> None:
    changes = zlib.compress(alias_plan.packed(result.plan.changes), 1)
    report = {**record.report, "changed_since": False}
    _close(record, S.DONE, content=None, changes=changes, finished_at=timezone.now(), report=report)


def _take_back(record: AliasImport, beat: _Beat) -> None:
    """Undo what was shown; if the aliases have changed since it was shown, nothing."""
    with transaction.atomic():
        found = alias_undo.plan(record, keep=True)
        if found.fingerprint() != record.fingerprint:
            _close(record, S.DONE, error="The aliases changed after the preview of the undo; look at it again.")
            return
        by = _by(record.undone_by_id, f"Undone: the import of {record.file_name}")
        alias_plan.store(record.connection, found.changes, _percent(beat, len(found.changes)), by)
        changed.forget(record.connection)
        undone = {"changed": len(found.changes), "left": len(found.left), "rows": alias_report.rows(found.left)}
        report = {**record.report, "undone": undone}
        _close(record, S.UNDONE, report=report, undone_at=timezone.now(), changes=None, error="")
    alias_import.wake(record.connection)


STEPS: dict[AliasImport.State, Callable[[AliasImport, _Beat], None]] = {
    S.UPLOADED: _plan, S.CONFIRMED: _store, S.UNDOING: _take_back,
}  # fmt: skip


def _by(user_id: int | None, reason: str) -> By:
    return By(user_id, reason[:LONGEST_REASON])


def _percent(beat: _Beat, total: int) -> Callable[[int], None]:
    def tick(stored: int) -> None:
        beat.progress = 100 * stored // max(total, 1)

    return tick


def _counts(result: AliasResult) -> dict[str, Any]:
    counts = result.plan.counts()
    rows = counts["new"] + counts["changed"] + counts["unchanged"] + counts["switched_off"] + counts["wrong"]
    return {**counts, "is_long": rows > AT_ONCE_ROWS}


def _fail(record: AliasImport, text: str) -> None:
    back = S.DONE if record.state == S.UNDOING else S.FAILED
    kept = {} if record.state == S.UNDOING else {"content": None, "finished_at": timezone.now()}
    _close(record, back, error=f"{text[:1].upper()}{text[1:]}."[:4000], **kept)


def _close(record: AliasImport, state: AliasImport.State, **values: Any) -> None:
    """Move on from the step that we claimed. Raises RunLost when another process has taken it over."""
    mine = AliasImport.objects.filter(pk=record.pk, state=record.state, owner=record.owner)
    if not mine.update(state=state, owner="", attempts=0, queued_at=None, progress=0, **values):
        raise RunLost(f"another process has taken over the import of {record}; it is left to that one")
