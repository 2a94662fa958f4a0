"""Full number → short reference: what people and the warehouse's screens see, unique and always the same."""

from __future__ import annotations

import re
from hashlib import sha256

from django.db import IntegrityError, transaction

from integrations.models import Route
from orders.models import Order

TEST_MARK = "TEST-"
HASH_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # no 0/O, 1/I: references are read aloud
HASH_CHARS = 7
MAX_SALT = 50
CONTROLS = r"\x00-\x1f\x7f-\x9f"  # in no search box or label printer's field
ALLOWED = {
    Route.Characters.ANY: rf"[^\s{CONTROLS}]+(?: +[^\s{CONTROLS}]+)*",
    Route.Characters.CODE: r"[A-Za-z0-9-]+",
    Route.Characters.ALPHANUMERIC: r"[A-Za-z0-9]+",
    Route.Characters.DIGITS: r"[0-9]+",
}
UNWANTED = {
    Route.Characters.ANY: rf"[\s{CONTROLS}]+",
    Route.Characters.CODE: r"[^A-Za-z0-9-]+",
    Route.Characters.ALPHANUMERIC: r"[^A-Za-z0-9]+",
    Route.Characters.DIGITS: r"[^0-9]+",
}


def short_reference(
    channel: str, full_number: str, *, length: int = 30, characters: str = Route.Characters.ANY, salt: int = 0
) -> str:
    """The reference of an order: its number when that fits, else a beginning of it and a hash of its whole identity.

    `salt` > 0 gives the next candidate when another order has this one.
    """
    rule = Route.Characters(characters)
    if not salt and len(full_number) <= length and re.fullmatch(ALLOWED[rule], full_number):
        return full_number
    digits_only = rule == Route.Characters.DIGITS
    mark = _hash(f"{channel}\n{full_number}\n{salt}", "0123456789" if digits_only else HASH_ALPHABET)
    joint = "-" if rule in (Route.Characters.ANY, Route.Characters.CODE) else ""
    prefix = re.sub(UNWANTED[rule], "", full_number)[: length - len(mark) - len(joint)].rstrip("-")
    return f"{prefix}{joint}{mark}" if prefix else mark


def as_sent(order: Order, route: Route, *, is_test: bool) -> str:
    """What the warehouse's order is called: of a test behind TEST-, as far as the route's length and characters go."""
    short = order.short_reference or order.full_number
    if not is_test:
        return short
    length, characters = route.reference_length, route.reference_characters
    return short_reference(order.sales_channel, f"{TEST_MARK}{short}", length=length, characters=characters)


def assign(order: Order, route: Route) -> None:
    """Give the order its short reference, if it has none. The unique constraint decides between two orders."""
    if order.short_reference:
        return
    for salt in range(MAX_SALT):
        candidate = short_reference(
            order.sales_channel, order.full_number,
            length=route.reference_length, characters=route.reference_characters, salt=salt,
        )  # fmt: skip
        try:
            with transaction.atomic():
                Order.objects.filter(pk=order.pk).update(short_reference=candidate)
        except IntegrityError:
            continue
        order.short_reference = candidate
        return
    raise RuntimeError(f"order {order.full_number}: {MAX_SALT} candidates for a short reference are all taken")


def _hash(identity: str, alphabet: str) -> str:
    number = int.from_bytes(sha256(identity.encode()).digest()[:8], "big")
    digits = []
    for _ in range(HASH_CHARS):
        number, place = divmod(number, len(alphabet))
        digits.append(alphabet[place])
    return "".join(digits)
