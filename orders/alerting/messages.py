"""What a message says, in a line, in full, and as fields for programs. Written when it leaves, from what holds then."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.conf import settings
from django.urls import reverse

from integrations.wording import counted, moment
from orders.alerting import rules
from orders.alerting.channels import Message
from orders.alerting.watch import in_digest
from orders.models import Alert, AlertDelivery, AlertSettings

What = AlertDelivery.What
SUBJECT_CHARS = 150
SHOWN = 40


def of(delivery: AlertDelivery, how: AlertSettings) -> Message:
    """The message of this delivery."""
    if delivery.alert is not None:
        return _of_alert(delivery, delivery.alert)
    if delivery.what == What.DIGEST:
        return _digest(delivery, how)
    text = "This is a test. Whoever reads it is told of alerts on this channel."
    fields: dict[str, object] = {"event": What.TEST.value, "url": absolute(reverse("admin:index"))}
    return _message(delivery, "Test", f"{text}\n\n{_link('Crossdock', reverse('admin:index'))}", fields)


def absolute(path: str) -> str:
    """A page of the admin as an address that works in a message; empty while SITE_URL is not set."""
    return f"{settings.SITE_URL}{path}" if settings.SITE_URL and path else ""


def _of_alert(delivery: AlertDelivery, alert: Alert) -> Message:
    page = reverse("admin:orders_alert_change", args=[alert.pk])
    is_over = delivery.what == What.CLOSED
    facts = [f"{alert.get_severity_display()}: {alert.get_kind_display()}.", f"Since {moment(alert.opened_at)}"]
    facts[1] += f", until {moment(alert.closed_at)}." if is_over else "."
    if alert.oldest and alert.count > 1:
        facts.append(f"It concerns {alert.count}, the oldest since {moment(alert.oldest)}.")
    links = [_link("The alert", page)]
    if not is_over:
        links = [_link("Where it is mended", alert.path), _link("The alert, to mute it", page)]
    prefix = _prefix(delivery, alert)
    text = "\n".join((f"{prefix}: {_one_line(alert.text, 2000)}", "", *facts, "", *links))
    return _message(delivery, f"{prefix}: {alert.text}", text, _fields(delivery.what, alert))


def _prefix(delivery: AlertDelivery, alert: Alert) -> str:
    if delivery.what == What.CLOSED:
        return "Over"
    if delivery.what == What.OPENED:
        return str(alert.get_severity_display())
    has_ended = alert.deliveries.filter(what=What.CLOSED, pk__lt=delivery.pk).exists()
    return f"{'Again' if has_ended else 'Still'} {alert.get_severity_display().lower()}"


def _fields(event: str, alert: Alert) -> dict[str, object]:
    return {
        "event": event,
        "alert": alert.pk,
        "kind": alert.kind,
        "key": alert.key,
        "severity": alert.severity,
        "title": alert.text,
        "count": alert.count,
        "oldest": _iso(alert.oldest),
        "opened_at": _iso(alert.opened_at),
        "closed_at": _iso(alert.closed_at),
        "url": absolute(alert.path),
        "alert_url": absolute(reverse("admin:orders_alert_change", args=[alert.pk])),
    }


def _digest(delivery: AlertDelivery, how: AlertSettings) -> Message:
    alerts = in_digest(how, rules.time_of(delivery.number, how))
    there, over = [one for one in alerts if not one.closed_at], [one for one in alerts if one.closed_at]
    parts = [*_section("There", there), *_section("Over since the last digest", over)]
    path = reverse("admin:orders_alert_changelist")
    subject = f"Digest: {counted(len(there), 'alerts')}, {len(over)} over"
    fields: dict[str, object] = {
        "event": What.DIGEST.value, "open": len(there), "over": len(over), "url": absolute(path),
        "alerts": [_fields(What.DIGEST, one) for one in alerts[:SHOWN]],
    }  # fmt: skip
    return _message(delivery, subject, "\n".join((*parts, _link("All alerts", path))), fields)


def _section(title: str, alerts: list[Alert]) -> Iterable[str]:
    if not alerts:
        return []
    more = [f"… and {len(alerts) - SHOWN} more"] if len(alerts) > SHOWN else []
    return [f"{title}:", *(f"- {_one_line(one.text, 300)}" for one in alerts[:SHOWN]), *more, ""]


def _message(delivery: AlertDelivery, subject: str, text: str, fields: dict[str, object]) -> Message:
    thread = f"crossdock-alert-{delivery.alert_id}" if delivery.alert_id else delivery.identity
    title = f"[Crossdock] {_one_line(subject, SUBJECT_CHARS)}"
    return Message(delivery.identity, thread, title, text, {**fields, "delivery": delivery.identity})


def _link(title: str, path: str) -> str:
    """With SITE_URL an address; without it the place in the admin."""
    return f"{title}: {absolute(path) or f'{path} of the admin (SITE_URL is not set)'}"


def _one_line(text: str, limit: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
