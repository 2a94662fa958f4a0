"""READY → SUBMITTED: each order becomes exactly one order in the warehouse, whatever crashes or times out.

Claim (committed), look up if an earlier attempt may have landed, check again that it is wanted, commit what will be
sent, send once. Only this job claims a warehouse's submissions, and it runs once at a time; one that was given to
another warehouse meanwhile is left to that one's job.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from integrations import places
from integrations.errors import IntegrationError, KeyRefused, Misconfigured, OutcomeUnknown, Refused, Unavailable
from integrations.models import Connection, Route
from integrations.ports import OrderRequest, Warehouse
from integrations.runs import MAX_FAILURES_IN_A_ROW, Run
from integrations.sent_orders import Receipt
from integrations.transmissions import KEY_REFUSED_GRACES, PATIENT_ATTEMPTS, due, lookup_grace, recover
from inventory import catalogue
from orders import (
    arrivals,
    cancelled_late,
    change_warehouse,
    edits,
    lookup,
    receipts,
    revisit,
    route_trouble,
    sent_lines,
    settling,
    trials,
    warehouse_request,
)
from orders.models import Hold, Order, WarehouseSubmission
from orders.settling import Plan

S = Order.Status
T = WarehouseSubmission.Status
MOST_REFUSALS = 3
# Of thousands that wait, a run looks on the marketplace only at those that its call limit may let out: at so many at a
# time, and at as many of those that follow as the same answers show. What it saw in its turn it does not ask for again.
LOOKED_AT_TOGETHER = 100
SENT_IN_A_TURN = 1_000
LONGEST_LOOK_UP_PAUSE = timedelta(minutes=2)


def submit(run: Run) -> None:
    """Judge what waits for this warehouse, look at it on its marketplace once more, then send it, oldest first."""
    mine = WarehouseSubmission.objects.filter(connection=run.connection)
    run.outboxes.append(mine)
    run.count("found in doubt after a crash", recover(mine))
    settling.judge_again(run.connection)
    _take_over(run.connection)
    routes = list(active_routes(run.connection))
    warehouse = run.warehouse()
    run.count("ready", settling.settle(settling.waiting(routes), warehouse, routes))
    removal_goes_on = trials.remove(run, warehouse)
    is_all_changed = change_warehouse.carry_out(run, warehouse)
    pks = list(due(mine).values_list("pk", flat=True))
    Sender(run, warehouse, routes).send_all(pks)
    if (removal_goes_on or not is_all_changed) and not run.is_unreachable:
        run.hand_over()


def active_routes(connection: Connection) -> list[Route]:
    routes = Route.objects.filter(warehouse=connection).exclude(state=Route.State.PAUSED)
    return list(routes.select_related("marketplace", "warehouse"))


def _take_over(connection: Connection) -> None:
    """What was not sent yet goes where its route leads now."""
    waiting = WarehouseSubmission.objects.filter(status=T.PENDING, order__route__warehouse=connection)
    waiting.exclude(connection=connection).update(connection=connection, not_before=None)


class Sender:
    """Sends one warehouse's submissions in one run."""

    def __init__(self, run: Run, warehouse: Warehouse, routes: list[Route]) -> None:
        self._run = run
        self._warehouse = warehouse
        self._routes = {route.pk: route for route in routes}
        self._troubled_routes: set[int] = set()
        self._unclear_orders: set[int] = set()
        self._absent_orders: set[int] = set()
        self._was_in_trouble = run.connection.health == Connection.Health.TROUBLED
        self._failures_in_a_row = 0
        self._queue: list[int] = []
        self._began = timezone.now()

    def send_all(self, pks: Sequence[int]) -> None:
        self._queue = list(pks)  # grows by those that are tried once more
        for place, pk in enumerate(self._queue):
            self._run.beat()
            if place and self._run.hands_over():
                self._run.count("left for the next run", len(self._queue) - place)
                return
            if place % SENT_IN_A_TURN == 0:
                self._absent_orders = self._absent(self._queue[place : place + SENT_IN_A_TURN])
            if place % LOOKED_AT_TOGETHER == 0:
                self._look_again(self._queue[place : place + SENT_IN_A_TURN])
            with self._run.isolated(f"submission {pk}"):
                self.send(pk)
            if self._failures_in_a_row >= MAX_FAILURES_IN_A_ROW:
                self._run.unreachable()
                return

    def _look_again(self, pks: Sequence[int]) -> None:
        waiting = Order.objects.filter(submission__status=T.PENDING, route__in=self._routes)
        unseen = waiting.exclude(last_seen_at__range=(self._began, timezone.now()))
        now = unseen.filter(submission__in=pks[:LOOKED_AT_TOGETHER]).select_related("connection")
        soon = unseen.filter(submission__in=pks).values_list("full_number", flat=True)
        self._unclear_orders = revisit.before_sending(self._run, list(now), set(soon))

    def _absent(self, pks: Sequence[int]) -> set[int]:
        """Of those that go out for the first time, and could be there, the orders that certainly are not."""
        first = Order.objects.filter(submission__in=pks, submission__status=T.PENDING, submission__request={})
        mine = first.filter(route__in=self._routes).only("full_number", "marketplace_created_at", "ordered_at")
        said = len(self._run.problems)
        absent = lookup.absent(self._warehouse, [order for order in mine if self._may_be_there(order)])
        return absent if len(self._run.problems) == said else set()  # what could not be read may be any of them

    def _may_be_there(self, order: Order) -> bool:
        return lookup.may_be_there(order, self._run.connection.dark_until)

    def send(self, pk: int) -> None:
        """Take one submission as far as it goes now. Raises Misconfigured or a rate limit's Unavailable: stop."""
        submission = WarehouseSubmission.objects.select_related("order").get(pk=pk)
        route = self._route(submission)
        if route is None and submission.status != T.UNCONFIRMED:
            return
        was = submission.claim(connection=self._run.connection)
        if was is None:
            return
        try:
            self._advance(submission, route, was)
        except Misconfigured:
            submission.release(was, costs_attempt=False)
            raise
        except Unavailable as exc:
            self._later(submission, was, exc)
        except IntegrationError as exc:  # an answer that could not be read: this order waits, the others go on
            self._failures_in_a_row += 1
            self._run.problem(f"order {submission.order}: {exc}")
            submission.back_off(was, str(exc))

    def _route(self, submission: WarehouseSubmission) -> Route | None:
        """The route that it may be sent on now; None while that is paused, in trouble or the order in question."""
        route = self._routes.get(submission.order.route_id or 0)
        waits = submission.order_id in self._unclear_orders or (route and route.pk in self._troubled_routes)
        return None if waits else route

    def _advance(self, submission: WarehouseSubmission, route: Route | None, was: str) -> None:
        # Whatever was answered to an earlier request, a look costs less than an order that is there twice.
        if submission.request:
            if self._settled_by_look_up(submission, was):
                return
            _note_absent(submission)
        if route is None:
            submission.release(T.PENDING, costs_attempt=False, sent_at=None)
            return
        order = Order.objects.select_related("route", "connection").get(pk=submission.order_id)
        if order.route is None or order.route.warehouse_id != self._run.connection.pk:
            submission.release(T.PENDING, costs_attempt=False)  # it was given another warehouse a moment ago
            return
        if order.cancel_requested_at or order.status != S.READY:
            self._withdraw(submission, order)
            return
        plan = settling.plan([order], None)[order.pk]
        if plan.reasons or order.told_now:
            self._judge_again(submission, order, route)
            return
        self._create(submission, order, route, plan)
        self._answered()

    def _answered(self) -> None:
        """A clear answer: what had to wait for an outage to end need not wait longer."""
        self._failures_in_a_row = 0
        if self._was_in_trouble:
            self._was_in_trouble = False
            waiting = WarehouseSubmission.objects.filter(
                connection=self._run.connection, status__in=WarehouseSubmission.CLAIMABLE, not_before__gt=timezone.now()
            )
            if waiting.update(not_before=None):
                self._run.wake("submit_orders", self._run.connection.pk)

    def _settled_by_look_up(self, submission: WarehouseSubmission, was: str) -> bool:
        """Whether looking up decided it: found (once or twice), or too early to believe that there is none."""
        found = lookup.found(self._warehouse, submission)
        if len(found) == 1 and lookup.is_ours(submission, found[0]):
            sent_lines.take_whole(submission, self._warehouse, found[0])
            was_sent = submission.sent_at is not None  # by this database, with the address that it knew
            other = "" if was_sent else lookup.other_address(self._warehouse, found[0], submission.order)
            self._accept(submission, found[0], "found in the warehouse", other)
            return True
        if found:
            self._park_doubled(submission, found)
            return True
        if was != T.UNCONFIRMED:
            return False  # the answer was clear: nothing is on its way any more
        grace = lookup_grace() * (KEY_REFUSED_GRACES if submission.key_refused else 1)
        left = (submission.sent_at or submission.created_at) + grace - timezone.now()
        if left > timedelta(0):
            submission.release(T.UNCONFIRMED, after=min(left, LONGEST_LOOK_UP_PAUSE), costs_attempt=False)
            return True
        if submission.key_refused:
            submission.note(generation=submission.generation + 1, key_refused=False)
        return False

    def _create(self, submission: WarehouseSubmission, order: Order, route: Route, plan: Plan) -> None:
        request = self._request(submission, order, route, plan)
        if request is None:
            return
        is_first = not submission.request
        _commit_intent(submission, plan, route.is_test, warehouse_request.as_json(request))
        if is_first and self._was_sent_before(submission, order):
            return
        try:
            receipt = self._warehouse.create_order(request)
        except Refused as exc:
            # The answer is clear: nothing is there, and whatever is sent next is another request.
            submission.note(generation=submission.generation + 1, sent_at=None)
            self._refused(submission, order, route, plan, exc)
            return
        self._accept(submission, receipt, f"created in {self._run.connection}")
        wrong = places.currency_problem(self._run.connection, request.currency, receipt)
        if wrong:
            order.note(wrong)
            self._run.problem(f"order {order}: {wrong}")

    def _was_sent_before(self, submission: WarehouseSubmission, order: Order) -> bool:
        """Whether a database that is lost had sent it, which was found and settled."""
        if not self._may_be_there(order) or order.pk in self._absent_orders:
            return False
        submission.note(sent_at=None)  # by this one it was not, so that it may be skipped if it is there
        if self._settled_by_look_up(submission, T.PENDING):
            return True
        submission.intend()
        return False

    def _request(
        self, submission: WarehouseSubmission, order: Order, route: Route, plan: Plan
    ) -> OrderRequest | None:  # fmt: skip
        """What is to be sent; None when the route's places are in trouble, which is not this order's fault."""
        try:
            company = places.company_id(route, self._warehouse)
            location = places.location_id(route, self._warehouse)
        except (Refused, OutcomeUnknown) as exc:
            self._troubled_routes.add(route.pk)
            self._run.problem(str(exc))
            error = str(exc) if isinstance(exc, OutcomeUnknown) else route_trouble.told(exc)
            submission.release(T.PENDING, error=error, costs_attempt=False)
            return None
        return warehouse_request.build(
            order, route, plan, generation=submission.generation, company_id=company, location_id=location,
            has_currency=self._has_currency,
        )  # fmt: skip

    def _has_currency(self, iso: str) -> bool:
        return places.has_currency(self._run.connection, self._warehouse, iso)

    def _accept(self, submission: WarehouseSubmission, receipt: Receipt, reason: str, other: str = "") -> None:
        with transaction.atomic():
            order = _lock(submission)
            submission.finish(
                T.ACCEPTED, remote_id=receipt.remote_id, remote_number=receipt.number, remote_status=receipt.status,
                remote_contents=receipt.contents,
                committed_at=None if receipt.status == "draft" else timezone.now(),
                created_at=min(submission.created_at, receipt.created_at or submission.created_at),
            )  # fmt: skip
            sent_lines.note_ids(submission, receipt)
            doubled = Hold.objects.filter(order=submission.order_id, kind=Hold.Kind.DOUBLED, resolved_at=None)
            doubled.update(resolved_at=timezone.now())
            order.move_to(S.SUBMITTED, reason=f"{reason} as order {receipt.number or receipt.remote_id}")
            if _say_cancelled(order):
                self._run.wake("submit_orders", self._run.connection.pk)
            self._hold_different(submission, order, receipt, other)
        self._run.count("sent")

    def _hold_different(self, submission: WarehouseSubmission, order: Order, receipt: Receipt, other: str) -> None:
        difference = receipts.difference(submission.request, receipt)
        lines = f"with other lines than were sent: {difference}" if difference else ""
        address = "for another address than the marketplace's" if other else ""
        found = "; ".join(filter(None, (lines, address)))
        if found:
            what = f"{self._run.connection} holds the order {found}"
            where = f": {other}" if other else ""  # only on the order's own page: runs are told in logs
            then = "Put that right there while it is unshipped, then resolve this."
            settling.open_hold(order, Hold.Kind.DIFFERENT_THERE, "", f"{what}{where}. {then}")
            self._run.problem(f"order {order}: {what}. {then}")

    def _park_doubled(self, submission: WarehouseSubmission, found: Sequence[Receipt]) -> None:
        ids = ", ".join(f"{receipt.number} (id {receipt.remote_id})" for receipt in found)
        several = len(found) > 1
        what = "holds it more than once" if several else "holds an order with its reference that we did not send"
        void = arrivals.VOID_ALL if submission.order.cancel_requested_at else arrivals.VOID_OTHERS
        then = void if several else "Void that one, change its reference, or skip this order"
        text = f"{self._run.connection} {what}: {ids}. {then}, then retry."
        submission.finish(T.PARKED, error=text)
        settling.open_hold(submission.order, Hold.Kind.DOUBLED, "", text)
        self._run.problem(f"order {submission.order}: {text}")

    @transaction.atomic
    def _judge_again(self, submission: WarehouseSubmission, order: Order, route: Route) -> None:
        """It is not ready any more; or the marketplace changed it while it was on its way, and it never arrived."""
        _lock(submission)
        submission.finish(T.WITHDRAWN)
        if order.told_now:
            edits.settle_unsent(order)
            self._run.wake("submit_orders", self._run.connection.pk)
        else:
            settling.settle([order], None, [route])

    @transaction.atomic
    def _withdraw(self, submission: WarehouseSubmission, order: Order) -> None:
        _lock(submission)
        submission.finish(T.WITHDRAWN)
        if order.cancel_requested_at and order.status in Order.UNSENT:
            arrivals.cancel(order, "cancelled before it was sent")

    def _refused(self, submission: WarehouseSubmission, order: Order, route: Route, plan: Plan, exc: Refused) -> None:
        """An id that we remember may be out of date: ask again once, else it is for a person."""
        if exc.about_route and submission.attempts < MOST_REFUSALS:
            places.forget(route)
            submission.release(T.PENDING, error=str(exc))
            self._queue.append(submission.pk)
            return
        skus = {part.sku for _, found in plan.lines for part in found.components}
        known = {part.sku: part.item_id for _, found in plan.lines for part in found.components}
        catalogue.doubt(route.warehouse, skus)
        catalogue.learn(route.warehouse, self._warehouse, skus)
        again = settling.plan([order], None)[order.pk]
        now_known = {part.sku: part.item_id for _, found in again.lines for part in found.components}
        if now_known != known and submission.attempts < MOST_REFUSALS:
            submission.release(T.PENDING, error=str(exc))
            return
        submission.finish(T.PARKED, error=str(exc))
        order.note(f"refused: {exc}")
        self._run.problem(f"order {order}: {exc}")

    def _later(self, submission: WarehouseSubmission, was: str, exc: Unavailable) -> None:
        if exc.throttled:
            submission.release(was, after=exc.retry_after, error=str(exc), costs_attempt=False)
            raise exc
        self._failures_in_a_row += 1
        self._run.problem(f"order {submission.order}: {exc}")
        wait = exc.retry_after or timedelta(0)
        if isinstance(exc, OutcomeUnknown) and submission.sent_at:
            if isinstance(exc, KeyRefused):
                submission.note(key_refused=True)
            submission.back_off(T.UNCONFIRMED, str(exc), at_least=max(wait, lookup_grace()))
            return
        submission.back_off(was, str(exc), at_least=wait, attempts=PATIENT_ATTEMPTS)


def _lock(submission: WarehouseSubmission) -> Order:
    """The order, locked before its submission as everywhere: a pull that sees it just then waits, and neither fails."""
    return Order.objects.select_for_update().get(pk=submission.order_id)


@transaction.atomic
def _note_absent(submission: WarehouseSubmission) -> None:
    """The warehouse holds none of it: what was cancelled meanwhile is left out, and nothing is to be voided there."""
    order = _lock(submission)
    order.lines.filter(is_cancelled=True, quantity_confirmed=0).update(quantity_to_ship=0)
    if settling.is_doubled(order):  # what was voided there keeps the key and the address's label of our request
        submission.note(generation=submission.generation + 1)
    over = order.holds.filter(kind__in=(Hold.Kind.DOUBLED, Hold.Kind.CANCELLED_LATE), resolved_at=None)
    over.update(resolved_at=timezone.now(), resolution="the warehouse holds none of it")


def _say_cancelled(order: Order) -> bool:
    """Whether the marketplace cancelled it, or lines of it, while it was not known what the warehouse holds."""
    late = order.holds.filter(kind=Hold.Kind.CANCELLED_LATE, resolved_at=None).values_list("subject", flat=True)
    subjects = sorted({*late, *([""] if order.cancel_requested_at else [])})
    for subject in subjects:
        cancelled_late.hold(order, subject)
    return bool(subjects)


def _commit_intent(submission: WarehouseSubmission, plan: Plan, is_test: bool, request: dict[str, object]) -> None:
    """What is about to be sent, on disk before it leaves."""
    with transaction.atomic():
        submission.intend(request=request, is_test=is_test)
        sent_lines.write(submission, plan)
