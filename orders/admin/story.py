"""What the page of an order shows of its timeline."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.paginator import Page
from django.http import HttpRequest
from django.urls import reverse

from integrations.admin_base import ago
from orders import timeline
from orders.models import Order

LOOKS = {
    timeline.EVENT: ("bolt", "Event"), timeline.COMMENT: ("chat", "Comment"),
    timeline.EXCHANGE: ("swap_vert", "Request"), timeline.SETTING: ("tune", "Setting"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Told:
    """An entry as it is shown; the address leads to the request with its answer."""

    entry: timeline.Entry
    icon: str
    kind: str
    when: str
    url: str


@dataclass(frozen=True, slots=True)
class Story:
    """A page of the timeline, the filters above it, and the query that keeps the chosen one."""

    page: Page[timeline.Entry]
    told: list[Told]
    tabs: list[tuple[str, str, bool]]
    query: str


def of(order: Order, request: HttpRequest) -> Story:
    """The page and the kinds that the address asks for, of those that this person may see."""
    kinds, chosen = timeline.sources(request.user), request.GET.get("show", "")
    shown = [chosen] if chosen in kinds else kinds
    page = timeline.page(order, shown, request.GET.get("page"))
    tabs = [("Everything", "?#story", chosen not in kinds)]
    tabs += [(timeline.KINDS[kind], f"?show={kind}#story", kind == chosen) for kind in kinds]
    return Story(page, [_told(one) for one in page.object_list], tabs, f"show={chosen}&" if chosen in kinds else "")


def _told(entry: timeline.Entry) -> Told:
    icon, kind = LOOKS[entry.kind]
    url = reverse("admin:integrations_exchange_change", args=[entry.exchange]) if entry.exchange else ""
    return Told(entry, "error" if entry.failed else icon, kind, ago(entry.at), url)
