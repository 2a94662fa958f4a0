"""Which of the warehouse's orders with its reference may be what became of a submission.

A database that was restored, or begun anew, does not know what another one has sent. For a day the idempotency key
keeps that from being done twice, but not where the warehouse refused the order at first, so that it went out under
another key. So an order that is older than that day, or than a restore that was noticed, is looked up before it is sent
for the first time.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import islice

from django.utils import timezone

from integrations.errors import IntegrationError
from integrations.ports import Address, Warehouse
from integrations.sent_orders import Receipt
from orders import references
from orders.models import Order, WarehouseSubmission

CLOCKS_DIFFER_BY = timedelta(minutes=5)
# The other side forgets keys after 24 hours (tradegecko 2.7).
KEY_PROTECTS = timedelta(hours=23)
# So many of the warehouse's orders are read at the cost of less than one question.
READ_AT_ONCE = 100
FEW = 3


def found(warehouse: Warehouse, submission: WarehouseSubmission) -> list[Receipt]:
    """The living ones with the reference that was sent, but for those that other orders of ours became."""
    return _not_of_others(submission, warehouse.find_orders(str(submission.request.get("full_number", ""))))


def may_be_there(order: Order, dark_until: datetime | None) -> bool:
    """Whether another database could have sent it, and the key does not tell: so long ago, or not at the first try.

    `dark_until` is the warehouse's, when this one began to know all that is sent; None if it always did.
    """
    came = order.marketplace_created_at or order.ordered_at
    return came < timezone.now() - KEY_PROTECTS or (dark_until is not None and came < dark_until + CLOCKS_DIFFER_BY)


def absent(warehouse: Warehouse, orders: Sequence[Order]) -> set[int]:
    """Ids of those that the warehouse has none of, by reading what it got since; empty where each is to be asked."""
    if len(orders) < FEW:
        return set()
    since = min(order.marketplace_created_at or order.ordered_at for order in orders) - CLOCKS_DIFFER_BY
    most = READ_AT_ONCE * len(orders)
    try:
        there = [one.full_number for one in islice(warehouse.orders_since(since), most)]
    except IntegrationError:
        return set()
    if len(there) == most:
        return set()
    known = {*there, *(number.removeprefix(references.TEST_MARK) for number in there)}
    return {order.pk for order in orders if order.full_number not in known}


def other_address(warehouse: Warehouse, found: Receipt, order: Order) -> str:
    """Where it goes there, in words, if that is not where the marketplace has it go now; empty if it is."""
    placed = warehouse.order(found.remote_id)
    if placed is None or _place(placed.ship_to) == _place(order.address):
        return ""
    there = placed.ship_to
    return ", ".join(filter(None, (there.address1, there.address2, there.city, there.postal_code))) or "no address"


def _place(address: Address) -> list[str]:
    place = (address.address1, address.address2, address.city, address.postal_code)
    return " ".join(place).casefold().split()


def is_ours(submission: WarehouseSubmission, found: Receipt) -> bool:
    """By its number; or, if it was given another one there, by when it was created."""
    if found.number == submission.request.get("short_reference"):
        return True
    return found.created_at is not None and found.created_at > submission.created_at - CLOCKS_DIFFER_BY


def _not_of_others(submission: WarehouseSubmission, found: Sequence[Receipt]) -> list[Receipt]:
    """Without the warehouse's orders that other orders of ours became, or may have: two marketplaces use one number."""
    others = WarehouseSubmission.objects.filter(connection=submission.connection).exclude(pk=submission.pk)
    taken = set(others.filter(remote_id__in=[one.remote_id for one in found]).values_list("remote_id", flat=True))
    twins = Order.objects.filter(full_number=submission.order.full_number).exclude(pk=submission.order_id)
    sent = twins.exclude(short_reference=None).select_related("route")
    numbers = {references.as_sent(one, one.route, is_test=submission.is_test) for one in sent if one.route}
    return [one for one in found if one.remote_id not in taken and one.number not in numbers]
