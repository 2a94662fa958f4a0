"""A route from paused to test to live and back, by a person."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.db import transaction

from integrations.dispatch import enqueue
from integrations.models import Route
from inventory import awaited
from orders import checklist, trials
from orders.checklist import Point

if TYPE_CHECKING:
    from django.contrib.auth.models import User

State = Route.State


class NotReady(Exception):
    """Why a route cannot go into this state, and what to do first."""


def go_live(route: Route, actor: User | None, *, remove_tests: bool = False, in_spite: str = "") -> str:
    """From now on orders are sent for real. Raises NotReady while the checklist has something in the way.

    Test orders stay as they are, or are removed: what the marketplace still wants of them then comes in for real.
    `in_spite` of the checklist it goes live for this reason, which its history keeps.
    """
    in_the_way = checklist.missing(route)
    if in_the_way and not in_spite:
        raise NotReady(f"Route {route} is not live yet. To be done first: {in_words(in_the_way)}.")
    _move(route, State.LIVE, in_spite)
    stock = " Its quantities are published once the stock has been read." if awaited.stock(route) else ""
    also = f" {trials.ask_to_remove(route, actor)}" if remove_tests else ""
    return f"Route {route} is live: its orders are pulled now, and sent to {route.warehouse}.{stock}{also}"


def start_test(route: Route, _actor: User | None, *, in_spite: bool = False) -> str:
    """Raises NotReady when the warehouse has not what the route names, as it was seen last, unless `in_spite` of it."""
    if (unknown := checklist.unnamed(route)) and not in_spite:
        raise NotReady(f"Route {route} is not in test yet. To be done first: {in_words(unknown)}.")
    _move(route, State.TEST)
    return f"Route {route} is in test: its orders go to {route.warehouse} as drafts marked TEST-."


def pause(route: Route, _actor: User | None) -> str:
    _move(route, State.PAUSED)
    return f"Route {route} is paused: no order is stored or sent; what was sent is followed and confirmed."


def in_words(points: Iterable[Point]) -> str:
    return "; ".join(f"{point.title}: {point.answer.rstrip('.')}" for point in points)


def possible(route: Route) -> set[str]:
    """The names of the actions that this route allows now."""
    names = {
        State.PAUSED: {"start_test", "go_live"},
        State.TEST: {"go_live", "pause"},
        State.LIVE: {"pause"},
    }[State(route.state)]
    return names | ({"remove_tests"} if trials.of_route(route).exists() else set())


def _move(route: Route, state: str, reason: str = "") -> None:
    with transaction.atomic():
        locked = Route.objects.select_for_update().get(pk=route.pk)
        locked.state = state
        locked._change_reason = reason or None  # type: ignore[attr-defined]
        locked.save(update_fields=["state"])  # so that its history has it
    route.state = state
    if state != State.PAUSED:
        enqueue("pull_orders", route.marketplace_id)
        enqueue("submit_orders", route.warehouse_id)
        # While no route led there its stock was not read; quantities that rest on nothing would wait for a person.
        enqueue("pull_levels", route.warehouse_id)
