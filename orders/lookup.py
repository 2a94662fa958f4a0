"""Which of the warehouse's orders with its reference may be what became of a submission."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from integrations.ports import Receipt, Warehouse
from orders import warehouse_request
from orders.models import Order, WarehouseSubmission

CLOCKS_DIFFER_BY = timedelta(minutes=5)


def found(warehouse: Warehouse, submission: WarehouseSubmission) -> list[Receipt]:
    """The living ones with the reference that was sent, but for those that other orders of ours became."""
    return _not_of_others(submission, warehouse.find_orders(str(submission.request.get("full_number", ""))))


def is_ours(submission: WarehouseSubmission, found: Receipt) -> bool:
    """By its number; or, if it was given another one there, by when it was created."""
    if found.number == submission.request.get("short_reference"):
        return True
    return found.created_at is not None and found.created_at > submission.created_at - CLOCKS_DIFFER_BY


def _not_of_others(submission: WarehouseSubmission, found: Sequence[Receipt]) -> list[Receipt]:
    """Without the warehouse's orders that other orders of ours became, or may have: two marketplaces use one number."""
    others = WarehouseSubmission.objects.filter(connection=submission.connection).exclude(pk=submission.pk)
    taken = set(others.filter(remote_id__in=[one.remote_id for one in found]).values_list("remote_id", flat=True))
    mark = warehouse_request.TEST_MARK if submission.is_test else ""
    twins = Order.objects.filter(full_number=submission.order.full_number).exclude(pk=submission.order_id)
    numbers = {f"{mark}{short}" for short in twins.values_list("short_reference", flat=True) if short}
    return [one for one in found if one.remote_id not in taken and one.number not in numbers]
