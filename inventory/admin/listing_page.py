"""What the page of a listing shows: the number, how it came about, what is wrong, and what was published when."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from integrations.admin.paging import around
from integrations.admin_base import TRANSMISSION_COLOURS
from integrations.models import Exchange
from integrations.walking import coming_back
from integrations.wording import moment
from inventory import awaited, chain, chart, listing_states, now, readings
from inventory.admin import looking_up
from inventory.catalogued import Origin
from inventory.checked import DriftedListing
from inventory.explanation import in_words
from inventory.models import GuardedQuantity, Listing, Publication
from inventory.outbox import MOST_TIMES_PARKED, is_in_doubt, pause_of
from inventory.rules import InventoryRule

T = Publication.Status
PER_PAGE = 25
DRAWN = 400  # more steps than this cannot be told apart
DELETED = "That rule was deleted since; the next run decides without it. "
ANSWERED_WITHIN = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is wrong, what to do about it, and where."""

    title: str
    text: str
    label: str = ""
    url: str = ""


def facts(listing: Listing, request: HttpRequest) -> dict[str, Any]:
    """Everything that the template shows of it to this person."""
    told = listing.publications.order_by("-created_at", "-pk").select_related("file")
    page = Paginator(told, PER_PAGE).get_page(request.GET.get("page"))
    last = next(iter(page), None) if page.number == 1 else told.first()
    return {
        "listing": listing,
        "source": source(listing),
        "troubles": troubles(listing, last, request.user),
        "silence": silence(listing, last, listing.not_published, listing.not_published_by, request.user),
        "is_unknown": is_in_doubt(last, listing),
        "last": last,
        "last_colour": TRANSMISSION_COLOURS[T(last.status)] if last else "",
        "exchange": _exchange(last, listing, request.user) if last else "",
        **reasons(listing.explanation, request.user),
        "page": page, "rows": [(row, TRANSMISSION_COLOURS[T(row.status)]) for row in page],
        "pages": around(page, "#history"), "chart": _chart(listing),
    }  # fmt: skip


def source(listing: Listing) -> str:
    """Where it comes from, if only from the catalogue; all others are named by an alias, an order or a person."""
    route = listing.route
    if listing.origin == Origin.CATALOGUE:
        return f"From the catalogue of {route.warehouse}: route {route} publishes every warehouse SKU."
    if listing.origin == Origin.LEFT:
        return (
            f"From the catalogue of {route.warehouse}, and switched off since route {route} does not publish every "
            "warehouse SKU any more, or an alias names its item."
        )
    return ""


def reasons(explanation: dict[str, Any], user: Any) -> dict[str, Any]:
    """The chain to the number, with what this person may follow; and the number that it adds up to."""
    sections = chain.sections(explanation)
    return {
        "sections": sections, "reckoned": chain.reckoned(explanation),
        "in_words": "; ".join(f"{what}: {how}" for what, how in in_words(explanation)),
        "may_see_orders": user.has_perm("orders.view_order"),
        "may_see_rules": user.has_perm("inventory.view_inventoryrule"),
        "rules": there({step.rule for section in sections for step in section.steps if step.rule}),
    }  # fmt: skip


def there(rules: Collection[int]) -> set[int]:
    """Those of these that were not deleted since."""
    return set(InventoryRule.objects.filter(pk__in=rules).values_list("pk", flat=True)) if rules else set()


def recalculated(listing: Listing, user: Any) -> dict[str, Any]:
    """What it would show now beside what it shows, or why that cannot be said."""
    last = listing.publications.order_by("-created_at", "-pk").first()
    is_unknown, doubt = is_in_doubt(last, listing), readings.doubt(listing.route)
    found: dict[str, Any] = {"listing": listing, "at": timezone.now(), "doubt": doubt, "is_unknown": is_unknown}
    try:
        made = now.decision(listing)
    except now.NotPublished as exc:
        return {**found, "problem": str(exc)}
    if made is None:
        return {**found, "problem": "It, or a listing with the same SKU, is switched off: it is left as it is."}
    if made.problem:
        return {**found, "problem": made.problem, "quantity": 0, "is_known": True}
    if not made.explanation:
        return {**found, "problem": now.NOT_ASKED}
    speaker = made.listing if made.listing.pk != listing.pk else None
    why = reasons(made.explanation, user)
    return {
        **found, "quantity": made.quantity, "sku": made.sku, "speaker": speaker, "is_known": True,
        "is_changed": made.quantity is not None and (is_unknown or made.quantity != listing.published_quantity),
        "why": why, "sections": why["sections"],
        "silence": silence(listing, last, made.not_published, made.not_published_by, user),
    }  # fmt: skip


def silence(listing: Listing, last: Publication | None, why: str, rule: int | None, user: Any) -> Trouble | None:
    """That nothing is published on purpose, why, and what goes on being shown. `last` is its newest publication."""
    if not why or not listing.is_active:
        return None
    is_gone = rule is not None and not there([rule])
    may = rule is not None and not is_gone and user.has_perm("inventory.view_inventoryrule")
    url = reverse("admin:inventory_inventoryrule_change", args=[rule]) if may else ""
    text = f"{why[:1].upper()}{why[1:]}. {DELETED if is_gone else ''}{_stays(listing, last)}"
    return Trouble("Nothing is published now", text, "The rule" if may else "", url)


def _stays(listing: Listing, last: Publication | None) -> str:
    """What the marketplace goes on showing, as far as that is known."""
    shown = listing.published_quantity
    if last and is_in_doubt(last, listing):
        before = "nothing" if shown is None else f"{shown}"
        return f"Whether the marketplace shows {last.quantity}, or {before} as before, is not known."
    if shown is None:
        return "It was never shown there."
    return f"The marketplace goes on showing {shown}, since {moment(listing.published_at)}."


def troubles(listing: Listing, last: Publication | None, user: Any) -> list[Trouble]:
    """What keeps it from showing the right quantity, the worst first. `last` is its newest publication."""
    own = _page(listing)
    found = [_problem(listing, user), _switched_off(listing), _left_alone(listing), refused(last),
             unclear(last, user, own), *_guarded(listing, user), _doubt(listing), *_drift(listing, user),
             _twin(listing)]  # fmt: skip
    return [one for one in found if one]


def _problem(listing: Listing, user: Any) -> Trouble | None:
    if not listing.problem:
        return None
    query = urlencode({"q": listing.marketplace_sku})
    url = f"{reverse('admin:inventory_skualias_changelist')}?{query}"
    may = user.has_perm("inventory.view_skualias")
    return Trouble("Not known in the warehouse", listing.problem, "SKU aliases" if may else "", url if may else "")


def _switched_off(listing: Listing) -> Trouble | None:
    if listing.is_active:
        return None
    text = "Nothing is published; the marketplace goes on showing what it was last told."
    other = next((row for row in now.of_one_sku(listing) if row.is_active), None)
    if other is None:
        return Trouble("Switched off", text)
    text += f" So it does of listing {other}, which has the same SKU there: nothing is published of that one either."
    return Trouble("Switched off", text, "That listing", _page(other))


def _left_alone(listing: Listing) -> Trouble | None:
    """Whoever switches off one of the listings of a SKU wants it left alone, whichever of them speaks."""
    off = next((row for row in now.of_one_sku(listing) if not row.is_active), None) if listing.is_active else None
    if off is None:
        return None
    return Trouble(
        "Left as it is", f"Listing {off} has the same SKU there and is switched off: nothing is published of it, and "
        "the marketplace goes on showing what it was last told. Switch that one on to have it published.",
        "That listing", _page(off),
    )  # fmt: skip


def _page(listing: Listing) -> str:
    return reverse("admin:inventory_listing_change", args=[listing.pk])


def refused(row: Publication | None) -> Trouble | None:
    """What to do about a publication that the marketplace did not take."""
    if row is None or row.status != T.PARKED:
        return None
    again = (row.finished_at or row.created_at) + pause_of(row)
    then = f"it is tried again about {again:%Y-%m-%d %H:%M} UTC"
    if row.times_parked >= MOST_TIMES_PARKED:
        then = f"it was refused {row.times_parked} times, and is tried again only when its quantity changes"
    text = f"{row.quantity} was not taken: {row.last_error} Correct what it names, then publish it now; else {then}."
    return Trouble("Refused by the marketplace", text)


def unclear(row: Publication | None, user: Any, back: str) -> Trouble | None:
    """That nobody knows whether a publication arrived, and where that is settled; one comes back from there.

    An empty answer is no trouble: it is sent once more by itself and then believed.
    """
    if row is None or row.status != T.UNCONFIRMED or row.answered_nothing:
        return None
    may = user.has_perm(looking_up.RUN) and user.has_perm("inventory.view_publication")
    url = coming_back(looking_up.address_of(row), back) if may else ""
    error = (row.last_error or "no clear answer came").rstrip(".")
    text = f"Whether {row.quantity} has arrived is not known: {error}. It is sent once more by itself."
    return Trouble("Outcome unknown", text, "Look it up now" if may else "", url)


def _guarded(listing: Listing, user: Any) -> list[Trouble]:
    rows = GuardedQuantity.objects.filter(listing=listing, guarded__state="waiting").select_related("guarded")
    may = user.has_perm("inventory.view_guardedpublish") or user.has_perm("inventory.release_publish")
    return [
        Trouble(
            "Held back by the guard",
            f"{row.after} waits for a person, since {row.guarded.reason}. Meanwhile only what was sold, and what rules "
            "lower, is taken off.",
            "Look at it and decide" if may else "",
            reverse("admin:inventory_guardedpublish_change", args=[row.guarded_id]) if may else "",
        )
        for row in rows
    ]  # fmt: skip


def _doubt(listing: Listing) -> Trouble | None:
    waits = awaited.stock(listing.route)
    if waits:
        return Trouble("Waits for the stock", f"{waits[:1].upper()}{waits[1:]}.")
    doubt = readings.doubt(listing.route)
    if not doubt:
        return None
    return Trouble(
        "Stock in doubt", f"{doubt[:1].upper()}{doubt[1:]}. Run Pull levels; until then changes wait for a person."
    )


def _drift(listing: Listing, user: Any) -> list[Trouble]:
    rows = listing_states.open_drifts().filter(listing=listing).select_related("inventory_check")
    may = user.has_perm("inventory.view_inventorycheck")
    return [
        Trouble(
            f"Drifted: {row.get_cause_display().lower()}", _told(row), "The check" if may else "",
            reverse("admin:inventory_inventorycheck_change", args=[row.inventory_check_id]) if may else "",
        )
        for row in rows
    ]  # fmt: skip


def _told(row: DriftedListing) -> str:
    shown = "no such SKU" if row.shown is None else f"{row.shown}"
    wanted = "nothing" if row.wanted is None else f"{row.wanted}"
    return f"The marketplace shows {shown} where it was told {wanted}. Publish it now to put that right."


def _twin(listing: Listing) -> Trouble | None:
    name = listing.explanation.get("shown_by")
    if not name or not listing.is_active:
        return None
    text = f"Listing {name} has the same SKU there and shows the quantity."
    speaker = listing.route.listings.filter(marketplace_sku=name).first()
    return Trouble("Shown by another listing", text, *(("That listing", _page(speaker)) if speaker else ()))


def _exchange(row: Publication, listing: Listing, user: Any) -> str:
    """The address of the request that carried it: publishing sends one at a time."""
    if row.sent_at is None or row.file_id or not user.has_perm("integrations.view_exchange"):
        return ""
    until = row.finished_at or row.sent_at + ANSWERED_WITHIN
    sent = Exchange.objects.filter(
        connection=listing.route.marketplace_id, run__job="publish_inventory", at__gte=row.sent_at, at__lte=until
    )
    pk = sent.order_by("at", "pk").values_list("pk", flat=True).first()
    return reverse("admin:integrations_exchange_change", args=[pk]) if pk else ""


def _chart(listing: Listing) -> chart.Chart | None:
    taken = listing.publications.filter(~Q(finished_at=None), status=T.ACCEPTED).order_by("-finished_at", "-pk")
    points = [(at, number) for at, number in taken.values_list("finished_at", "quantity")[:DRAWN] if at]
    return chart.draw(points[::-1], timezone.now())
