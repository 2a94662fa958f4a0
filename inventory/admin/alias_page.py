"""What the page of an alias import shows: how far it is, what it would do or did, and what can be done about it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest
from django.utils import timezone

from integrations import workers
from integrations.admin_forms import ticket_for
from inventory import alias_effects, alias_upload
from inventory.admin.alias_forms import AliasConfirmForm
from inventory.alias_file import ENCODINGS
from inventory.models import AliasImport

S = AliasImport.State
COLOURS = {
    "waiting": "info", S.UPLOADED: "info", S.PLANNED: "warning", S.CONFIRMED: "info", S.DONE: "success",
    S.FAILED: "danger", S.UNDOING: "info", S.UNDONE: "default", "wrong": "danger",
}  # fmt: skip
RELOAD_SECONDS = 2


def state_of(record: AliasImport) -> tuple[str, str]:
    """A key of COLOURS, and what is shown for it."""
    state = S(record.state)
    if state in AliasImport.AT_WORK and alias_upload.is_free(record, timezone.now()):
        return "waiting", "Waiting for a worker"
    if state == S.PLANNED and record.counts.get("wrong"):
        return "wrong", "Has errors"
    return state, str(state.label)


def facts(record: AliasImport, request: HttpRequest) -> dict[str, Any]:
    """Everything that the templates show of it to this person. With a `confirm_form`, they may have it stored."""
    state, text = state_of(record)
    is_planned = record.state == S.PLANNED
    may = request.user.has_perms(["inventory.add_skualias", "inventory.change_skualias"])
    found: dict[str, Any] = {
        "record": record, "counts": record.counts, "report": record.report, "state": text, "colour": COLOURS[state],
        "is_planned": is_planned, "is_confirmed": bool(record.fingerprint) and not is_planned,
        "is_at_work": record.state in AliasImport.AT_WORK,
        "reload": RELOAD_SECONDS, "encoding": ENCODINGS.get(record.encoding, record.encoding),
        "nobody_works": state == "waiting" and not workers.are_seen(),
        "effects": alias_effects.told(record.report.get("effects") or {}),
        "switches_off_most": alias_upload.switches_off_most(record.counts),
        "may_undo": may_undo(record, request),
    }  # fmt: skip
    if is_planned and may and not record.counts["wrong"]:
        ticket = ticket_for(record, record.fingerprint, request.user.pk)
        found["confirm_form"] = AliasConfirmForm(shown=record, user_id=request.user.pk, initial={"ticket": ticket})
    return found


def may_undo(record: AliasImport, request: HttpRequest) -> bool:
    """Whether it can be undone, and by this person."""
    return bool(
        record.state == S.DONE and request.user.has_perm("inventory.change_skualias") and not is_too_old(record)
    )


def why_not_undone(record: AliasImport) -> str:
    """Of one that cannot be undone by anybody."""
    if record.state == S.UNDONE:
        return (
            f"it was undone already, by {record.undone_by_name}" if record.undone_by_name else "it was undone already"
        )
    if record.state == S.UNDOING:
        return "it is being undone"
    return "what it changed is too long ago" if record.state == S.DONE else "it is not stored"


def is_too_old(record: AliasImport) -> bool:
    """Whether what it changed is forgotten by now."""
    return record.finished_at is not None and record.finished_at < timezone.now() - alias_upload.UNDO_FOR


def tell(request: HttpRequest, record: AliasImport) -> None:
    """What became of a confirmed import, in a sentence."""
    if record.state == S.DONE:
        _tell_done(request, record)
    elif record.state == S.PLANNED:
        messages.warning(
            request,
            "Nothing was stored: the aliases have changed since the preview. This is what the file would do now.",
        )
    elif record.state == S.FAILED:
        messages.error(request, f"Nothing was imported. {record.error}")


def _tell_done(request: HttpRequest, record: AliasImport) -> None:
    counts, warned = record.counts, record.report["warnings"]
    off = f", {counts['switched_off']} switched off" if counts["switched_off"] else ""
    text = (
        f"Aliases of {record.connection} imported: {counts['new']} new, {counts['changed']} changed, "
        f"{counts['unchanged']} unchanged{off}."
    )
    if not warned:
        messages.success(request, text)
        return
    more = f" (and {counts['warnings'] - 1} more)" if counts["warnings"] > 1 else ""
    messages.warning(request, f"{text} To check: {warned[0]['cells'][-1]}: {warned[0]['text']}{more}.")
