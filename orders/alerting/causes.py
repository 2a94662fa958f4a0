"""Everything that a person must know now, once per cause: what is wrong, what waits, and what will go wrong soon."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo

from django.db.models import Count, Max, Min, Q

from integrations.models import Connection, Route
from integrations.oauth_grant import OAuthGrant
from integrations.transmissions import Transmission
from integrations.wording import counted, moment
from orders.alarms import Alarm, list_of, page_of
from orders.alarms import found as alarms
from orders.alerting import silence, worklists
from orders.models import AlertDelivery, AlertKind, AlertSettings, Order, Severity
from orders.models.alerting import RANK

Causes = dict[tuple[str, str], Alarm]
FAILED_OFTEN = 3
# How many days before a credential ends how loudly that is said.
EXPIRY_STEPS = ((1, Severity.CRITICAL), (3, Severity.WARNING), (14, Severity.INFO))


def causes(rules: AlertSettings, now: datetime) -> Causes:
    """By kind and key. Some forty queries, whatever the number of orders."""
    connections = Connection.objects.in_bulk()
    names = {pk: one.name for pk, one in connections.items()}
    return merged((
        *alarms(now), *worklists.alarms(names), *_credentials(connections.values(), rules.zone, now),
        *_renewals(now), *_silences(connections, rules.zone, now), *_undelivered(now),
    ))  # fmt: skip


def merged(found: Iterable[Alarm]) -> Causes:
    """Two alarms of one cause are one: the graver says what is wrong, and both are counted from the older's time."""
    result: Causes = {}
    for one in found:
        known = result.setdefault((one.kind.value, one.key), one)
        graver = one if RANK[one.severity] > RANK[known.severity] else known
        oldest = min((at for at in (one.oldest, known.oldest) if at), default=None)
        result[one.kind.value, one.key] = replace(graver, oldest=oldest)
    return result


def _credentials(connections: Iterable[Connection], zone: tzinfo, now: datetime) -> Iterator[Alarm]:
    today = now.astimezone(zone).date()
    for one in connections:
        ends = one.credential_expires_on
        left = (ends - today).days if ends and one.is_active else None
        severity = next((how for days, how in EXPIRY_STEPS if left is not None and left <= days), None)
        if left is None or severity is None:
            continue
        when = {1: "ends tomorrow", 0: "ends today"}.get(left, f"ends in {left} days" if left > 0 else "has ended")
        text = f"the credential of connection {one} {when} ({ends}); enter a new one, and its own last day"
        path = page_of("integrations_connection", one.pk)
        yield Alarm(AlertKind.CREDENTIAL, str(one.pk), severity, text, path)


def _renewals(now: datetime) -> Iterator[Alarm]:
    """Access tokens that could not be renewed when they were due, while the old one still lives or after."""
    failing = OAuthGrant.objects.filter(connection__is_active=True, retry_at__isnull=False)
    for grant in failing.select_related("connection"):
        if grant.is_authorized and grant.is_due(now):
            text = (
                f"the access token of {grant.connection} could not be renewed; the one in use ends "
                f"{moment(grant.expires_at)}. It is tried again by itself; if that does not help, press Authorize"
            )
            path = page_of("integrations_connection", grant.connection_id)
            key = f"token:{grant.connection_id}"
            yield Alarm(AlertKind.CREDENTIAL, key, Severity.WARNING, text, path, oldest=grant.retry_at)


def _silences(connections: Mapping[int, Connection], zone: tzinfo, now: datetime) -> Iterator[Alarm]:
    """Marketplaces that read orders, and from which none has come for much longer than usual."""
    reading = Route.objects.exclude(state=Route.State.PAUSED).values_list("marketplace", flat=True)
    for pk in sorted(set(reading)):
        last = _silent_since(pk, zone, now) if connections[pk].is_active else None
        if last is not None:
            text = (
                f"no order has come from {connections[pk]} since {moment(last)}, much longer than usual for this "
                "weekday and hour; look for the last ones on the marketplace itself"
            )
            path = page_of("integrations_connection", pk)
            yield Alarm(AlertKind.SILENCE, str(pk), Severity.CRITICAL, text, path, oldest=last)


def _silent_since(marketplace: int, zone: tzinfo, now: datetime) -> datetime | None:
    """When the last order came, if that is unusually long ago. Each query reads a small part of one index."""
    came = Order.objects.filter(connection=marketplace).order_by("received_at").values_list("received_at", flat=True)
    last = came.last()
    if last is None or now - last < silence.SHORTEST:
        return None
    compared = silence.windows(last, now, came[0], zone)
    if len(compared) < silence.FEWEST_WEEKS:
        return None
    counts = [came.filter(received_at__gt=start, received_at__lte=end).count() for start, end in compared]
    return last if silence.is_silence(counts, now - last) else None


def _undelivered(now: datetime) -> Iterator[Alarm]:
    """Messages of today's matters that failed again and again or were given up: by channel, told by the other one."""
    status = Transmission.Status
    failed = Q(status=status.PARKED) | Q(status__in=Transmission.CLAIMABLE, attempts__gte=FAILED_OFTEN)
    current = Q(alert__isnull=False, alert__closed_at=None) | Q(alert=None, created_at__gt=now - timedelta(days=1))
    rows = AlertDelivery.objects.filter(failed & current).exclude(what=AlertDelivery.What.TEST)
    for row in rows.order_by().values("channel").annotate(number=Count("pk"), oldest=Min("created_at"), last=Max("pk")):
        channel = AlertDelivery.Channel(row["channel"])
        error = AlertDelivery.objects.filter(pk=row["last"]).values_list("last_error", flat=True).first()
        text = f"{counted(row['number'], 'alerts')} could not be delivered by {channel.label.lower()}: {error}"
        path = list_of("orders_alertdelivery", f"channel__exact={channel.value}")
        yield Alarm(
            AlertKind.DELIVERY, channel.value, Severity.WARNING, text, path, row["number"], row["oldest"]
        )  # fmt: skip
