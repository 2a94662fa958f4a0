"""What the start page's tiles say, each figure with the list that shows what it counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Count, Min, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from integrations.admin.connections import HEALTH_COLOURS
from integrations.admin_base import ago
from integrations.circuit import pause_text
from integrations.models import Connection
from integrations.shared_state import RateWindow
from integrations.wording import moment
from orders import figures, ship_dates, trials, worklists
from orders.admin import labels
from orders.admin.labels import Label
from orders.alarms import LOOKED_FOR
from orders.figures import Day, Leg, Standing
from orders.models import Alert, AlertKind, Hold, Order, UnreadableRecord
from orders.worklists import MAPPING, Tally

LEFT_BEHIND = "submission__is_test__exact=1&route__state__exact=live"
H = Connection.Health


@dataclass(frozen=True, slots=True)
class Counted:
    """How many there are of something, since when, and the list that shows them."""

    title: str
    number: int
    url: str
    since: str = ""
    icon: str = ""


def waiting(may: Callable[[str], bool], tallies: Mapping[str, Tally]) -> dict[str, list[Counted]]:
    """The worklists and other lists that are not empty, and the causes of the holds."""
    lists = [*_mapping(may, tallies), *_worklists(may, tallies), *_other_lists()]
    return {
        "lists": [one for one in lists if one.number],
        "causes": list(_hold_kinds()) if may("orders.view_hold") else [],
    }


def _mapping(may: Callable[[str], bool], tallies: Mapping[str, Tally]) -> Iterator[Counted]:
    if may("orders.view_hold"):
        one = tallies[MAPPING]
        title, url = "To map: SKUs and shipping codes", reverse("admin:orders_needs_mapping")
        yield Counted(title, one.number, url, ago(one.oldest), "alt_route")


def _worklists(may: Callable[[str], bool], tallies: Mapping[str, Tally]) -> Iterator[Counted]:
    for one in worklists.ALL:
        if may(one.permission):
            found = tallies[one.name]
            yield Counted(one.title, found.number, reverse(f"admin:worklist_{one.name}"), ago(found.oldest), one.icon)


def _other_lists() -> Iterator[Counted]:
    tests = f"{list_url('orders_order')}?{LEFT_BEHIND}"
    yield Counted("Test orders of live routes", trials.left_behind().count(), tests, icon="science")
    unreadable = UnreadableRecord.objects.filter(resolved_at=None).aggregate(n=Count("pk"), since=Min("first_seen_at"))
    url = list_url("orders_unreadablerecord")
    yield Counted("Records that could not be read", unreadable["n"], url, ago(unreadable["since"]), "broken_image")


def _hold_kinds() -> Iterator[Counted]:
    holds = Hold.objects.filter(resolved_at=None).order_by().values_list("kind")
    counted = holds.annotate(orders=Count("order", distinct=True), since=Min("opened_at")).order_by("-orders", "kind")
    for kind, number, since in counted:
        url = f"{list_url('orders_order')}?held={kind}"
        yield Counted(str(Hold.Kind(kind).label), number, url, ago(since))


@dataclass(frozen=True, slots=True)
class Told:
    """An alert in one line, and where it leads."""

    text: str
    url: str
    icon: str


TOLD = {AlertKind.CREDENTIAL: "key", AlertKind.SILENCE: "hourglass_empty", AlertKind.DELIVERY: "outgoing_mail"}


def told(now: datetime) -> list[Told]:
    """Alerts that somebody muted, with the end of that, and those of no other part of the page. One query."""
    shown = Q(kind__in=LOOKED_FOR) | Q(muted_until__gt=now)
    found = Alert.objects.filter(shown, closed_at=None).select_related("muted_by").order_by("muted_until", "opened_at")
    return [_told(one, now) for one in found]


def _told(alert: Alert, now: datetime) -> Told:
    page = reverse("admin:orders_alert_change", args=[alert.pk])
    if alert.muted_until and alert.muted_until > now:
        text = f"Muted until {moment(alert.muted_until)} by {alert.muted_by or 'somebody'}: {alert.text}"
        return Told(text, page, "notifications_off")
    return Told(alert.text, alert.path or page, TOLD[AlertKind(alert.kind)])


@dataclass(frozen=True, slots=True)
class Status:
    """The orders of a status, and of those still under way how many are older than each of the ages."""

    label: Label
    all: Counted
    older: tuple[Counted, ...]


def standings(now: datetime) -> list[Status]:
    return [_standing(one, now) for one in figures.standings(now)]


def _standing(one: Standing, now: datetime) -> Status:
    status = Order.Status(one.status)
    url, text = f"{list_url('orders_order')}?status__exact={one.status}", str(status.label)
    under_way = status in (*Order.UNSHIPPED, Order.Status.SHIPPED)
    older = [
        Counted(text, number, f"{url}&{urlencode({'ordered_at__lt': (now - age).isoformat(timespec='seconds')})}")
        for age, number in zip(figures.AGES, one.older, strict=True)
    ]
    return Status(Label(labels.ORDER[status], text), Counted(text, one.number, url), tuple(older) if under_way else ())


def risk() -> list[Counted]:
    """Unshipped orders by ship date."""
    found, orders = ship_dates.risk(), list_url("orders_order")
    since = f"ordered since {found.oldest:%Y-%m-%d}" if found.oldest else ""
    return [
        Counted("Late", found.late, reverse("admin:worklist_late"), since, "running_with_errors"),
        Counted("To ship today", found.today, f"{orders}?ship=today", icon="today"),
        Counted("To ship on the next business day", found.next, f"{orders}?ship=next", icon="event"),
    ]


@dataclass(frozen=True, slots=True)
class Wellbeing:
    """A connection's health, and what is left of its calls (`share` in per cent, None where none are counted)."""

    connection: Connection
    label: Label
    url: str
    since: str
    pause: str
    calls: str
    share: int | None


def connections() -> list[Wellbeing]:
    """One query."""
    return [_wellbeing(one) for one in Connection.objects.select_related("outage", "rate_window")]


def _wellbeing(one: Connection) -> Wellbeing:
    outage = getattr(one, "outage", None)
    calls, share = _calls(getattr(one, "rate_window", None))
    return Wellbeing(
        one, Label(HEALTH_COLOURS[H(one.health)], one.get_health_display()),
        reverse("admin:integrations_connection_change", args=[one.pk]), ago(one.health_at),
        pause_text(one, outage) if outage and outage.paused_until else "", calls, share,
    )  # fmt: skip


def _calls(window: RateWindow | None) -> tuple[str, int | None]:
    if window is None or not window.limit:
        return "", None
    is_open = window.resets_at > timezone.now()
    left = max(window.remaining, 0) if is_open else window.limit
    until = f" until {window.resets_at:%H:%M:%S} UTC" if is_open else ""
    return f"{left} of {window.limit} calls left{until}", min(left * 100 // window.limit, 100)


# Where each step of `figures.latency` ends: a list, the time of that, and what else its rows fulfil.
ENDS: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("order", "received_at", {}),
    ("warehousesubmission", "finished_at", {"status__exact": "accepted"}),
    ("shipment", "shipped_at", {"state__exact": "shipped"}),
    ("shipmentconfirmation", "finished_at", {"status__exact": "accepted"}),
)


def legs(may: Callable[[str], bool], now: datetime) -> Iterator[tuple[Leg, str]]:
    """How long each step takes, with the list of what ended in those days; no address for who may not see it."""
    since = (now - timedelta(days=figures.LATENCY_DAYS)).isoformat(timespec="seconds")
    for one, (model, at, asked) in zip(figures.latency(now), ENDS, strict=True):
        url = f"{list_url(f'orders_{model}')}?{urlencode({**asked, f'{at}__gte': since})}"
        yield one, url if may(f"orders.view_{model}") else ""


def orders_of_day(one: Day) -> str:
    return f"{list_url('orders_order')}?{urlencode({'ordered_on': one.day.isoformat()})}"


def parcels_of_day(one: Day) -> str:
    since, until = _midnight(one.day), _midnight(one.day + timedelta(days=1))
    asked = {"state__exact": "shipped", "shipped_at__gte": since, "shipped_at__lt": until}
    return f"{list_url('orders_shipment')}?{urlencode(asked)}"


def _midnight(day: date) -> str:
    return f"{day.isoformat()} 00:00:00+00:00"


def list_url(name: str) -> str:
    return reverse(f"admin:{name}_changelist")
