"""Whatever is seen of an order on either side, it is in exactly one bucket."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.ports import Address, ConfirmedParcel, MarketplaceLine, SaleState
from integrations.sent_orders import Receipt
from integrations.transmissions import Transmission
from orders.models import Order, ReconciledOrder
from orders.reconciliation import rules
from orders.reconciliation.facts import OurLine, Ours, Seen, There, Told

B = ReconciledOrder.Bucket
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
SENT = ("submitted", "partly_shipped", "shipped", "confirmed")

times = st.none() | st.datetimes(datetime(2025, 1, 1), NOW.replace(tzinfo=None), timezones=st.just(UTC))
words = st.sampled_from(["", "700-1", "UPS lost it"])
units = st.integers(0, 3)
parcels = st.builds(ConfirmedParcel, tracking_number=st.sampled_from(["", "1Z1", "1z 1", "1Z2"]), quantity=units)
shown_lines = st.builds(
    MarketplaceLine, number=st.sampled_from("12"), partner_sku=st.just("MUG"), quantity=units, quantity_shipped=units,
    state=st.sampled_from(SaleState), parcels=st.lists(parcels, max_size=2).map(tuple),
)  # fmt: skip
told = st.builds(
    Told, number=st.just("700-1"), created_at=times, unreadable=words, state=st.sampled_from(SaleState),
    lines=st.lists(shown_lines, max_size=2).map(tuple), not_taken=words, not_yet=words,
)  # fmt: skip
our_lines = st.builds(
    OurLine, number=st.sampled_from("12"), to_ship=units, before=st.none() | units, is_cancelled=st.booleans(),
    confirmed=st.lists(st.tuples(st.sampled_from(["1Z1", "1Z2"]), units), max_size=2).map(tuple), underway=units,
    fresh=units, known=units, shipped=units, untracked=units, leaving=units,
)  # fmt: skip
ours = st.builds(
    Ours, number=st.just("700-1"), status=st.sampled_from(Order.Status.values), skip_reason=words,
    cancel_requested=st.booleans(), cancel_settled=st.booleans(), holds=st.lists(words, max_size=2).map(tuple), paused_route=words,
    submission=st.sampled_from(["", *Transmission.Status.values]), last_error=words,
    remote_id=st.sampled_from(["", "1", "2"]), is_test=st.booleans(), waits_for_all=st.booleans(),
    sent_before=st.booleans(), refused_confirmation=words, refused_short_ship=words, void_resolved=words, moved_at=times, left_at=times,
    must_show=st.booleans(), lines=st.lists(our_lines, max_size=2).map(tuple),
)  # fmt: skip
receipts = st.builds(
    Receipt, remote_id=st.sampled_from("123"), number=words, full_number=st.just("700-1"), status=st.just("active")
)
some = st.lists(receipts, max_size=3).map(tuple)
there = st.builds(There, living=some, ended=some, trouble=words, unreadable_parcel=words)
seen = st.one_of(
    st.builds(Seen, told=told, ours=st.none() | ours, there=there, now=st.just(NOW)),
    st.builds(Seen, told=st.none(), ours=ours, there=there, now=st.just(NOW)),
)


def alive(remote_id: str = "1") -> There:
    return There("Gecko", (Receipt(remote_id, "700-1", "700-1", "active"),))


def sent(**values: Any) -> Ours:
    return Ours("700-1", "submitted", submission="accepted", remote_id="1", sent_before=True, **values)


def shown(*parcels: tuple[str, int], state: SaleState = SaleState.OPEN) -> Told:
    held = tuple(ConfirmedParcel(number, units) for number, units in parcels)
    shipped = sum(units for _, units in parcels)
    return Told("700-1", "OSTK", NOW, lines=(MarketplaceLine("1", "MUG", quantity=3, quantity_shipped=shipped,
                                                             state=state, parcels=held),))  # fmt: skip


def bucket(told: Told | None, ours: Ours | None, there: There | None = None) -> str:
    return rules.judge(Seen(told, ours, there or alive(), "Overstock", NOW)).bucket.value


@given(seen)
def test_every_order_is_in_one_bucket_and_what_needs_a_hand_says_which(one: Seen) -> None:
    verdict = rules.judge(one)
    assert verdict.bucket in B
    assert verdict == rules.judge(one)
    if verdict.bucket in (*ReconciledOrder.EXCEPTIONS, B.HELD):
        assert verdict.text or one.ours
        assert verdict.action


@given(st.lists(seen, max_size=30), st.randoms())
def test_the_counts_add_up_to_the_orders_in_whatever_order_they_are_looked_at(found: list[Seen], random: Any) -> None:
    before = Counter(rules.judge(one).bucket for one in found)
    random.shuffle(found)
    assert Counter(rules.judge(one).bucket for one in found) == before
    assert sum(before.values()) == len(found)


@given(seen)
def test_what_could_not_be_read_is_never_called_missing_or_gone(one: Seen) -> None:
    unread = replace(one, there=replace(one.there, living=(), ended=(), trouble="HTTP 503"))
    assert rules.judge(unread).bucket != B.MISSING_THERE
    if one.ours is not None:
        assert rules.judge(replace(one, ours=replace(one.ours, must_show=False))).bucket != B.GONE


def test_the_table_names_the_rules_in_their_order() -> None:
    assert rules.__doc__ is not None
    assert re.findall(r"^\| \d+ \| `(\w+)`", rules.__doc__, re.M) == [rule.__name__ for rule in rules.RULES]


def test_an_order_that_neither_side_has_is_in_no_bucket() -> None:
    with pytest.raises(ValueError, match="neither side"):
        Seen(None, None)


def line(told: tuple[tuple[str, int], ...] = (), **values: Any) -> OurLine:
    return OurLine("1", to_ship=3, confirmed=told, **values)


@pytest.mark.parametrize(("theirs", "own", "expected"), [
    (shown(), line(), "sent"),
    (shown(("1Z1", 3)), line((("1Z1", 3),), shipped=3), "sent"),
    (shown(("1z 1", 3), state=SaleState.SHIPPED), line((("1Z1", 3),), shipped=3), "sent"),
    (shown(("", 3)), line((("1Z1", 3),), shipped=3), "sent"),
    (shown(state=SaleState.SHIPPED), line((("1Z1", 3),), shipped=3), "sent"),
    (shown(("1Z1", 0)), line((("1Z1", 3),), shipped=3), "sent"),
    (shown(("0Z", 1), ("1Z1", 2)), line((("1Z1", 2),), shipped=2, before=1), "sent"),
    (shown(), line(shipped=2), "unconfirmed"),
    (shown(("1Z1", 1)), line((("1Z1", 1),), shipped=3), "unconfirmed"),
    (shown(), line(shipped=2, underway=2), "unconfirmed"),
    (shown(), line(shipped=3, fresh=3), "sent"),
    (shown(("1Z1", 3)), line(shipped=3, fresh=3), "sent"),
    (shown(), line((("1Z1", 3),), shipped=3), "different"),
    (shown(("1Z1", 2)), line((("1Z1", 3),), shipped=3), "different"),
    (shown(("1Z9", 3)), line((("1Z1", 3),), shipped=3), "different"),
    (shown(("1Z9", 3)), line(), "different"),
    (shown(state=SaleState.SHIPPED), line(), "different"),
    (shown(state=SaleState.CANCELLED), line((("1Z1", 3),), shipped=3), "different"),
    (shown(state=SaleState.SHIPPED), line(before=None), "sent"),
    (shown(("1Z1", 2)), line(underway=2, shipped=0), "sent"),
    (shown(), line(untracked=2), "held"),
    (replace(shown(), lines=()), line((("1Z1", 3),), shipped=3), "different"),
])  # fmt: skip
def test_units_and_tracking_are_compared_line_by_line(theirs: Told, own: OurLine, expected: str) -> None:
    assert bucket(theirs, sent(lines=(own,))) == expected


def test_a_route_that_waits_for_the_whole_order_is_not_late_before_that() -> None:
    both = (line(shipped=3), OurLine("2", to_ship=1))
    assert bucket(shown(), sent(lines=both, waits_for_all=True)) == "sent"
    assert bucket(shown(), sent(lines=(line(shipped=3),), waits_for_all=True)) == "unconfirmed"


def test_what_has_just_left_says_so_until_it_is_told_or_shown() -> None:
    left = NOW - timedelta(minutes=4, seconds=10)

    def text(theirs: Told, *lines: OurLine, **values: Any) -> str:
        return rules.judge(Seen(theirs, sent(lines=lines, left_at=left, **values), alive(), "Overstock", NOW)).text

    assert text(shown(), line(leaving=3)) == "was shipped 4 min ago, Overstock is being told"
    assert text(shown(), line(leaving=3, fresh=3)) == ""
    assert text(shown(("1Z1", 3)), line((("1Z1", 3),), leaving=3)) == ""
    assert text(shown(), line(leaving=3), OurLine("2", to_ship=1), waits_for_all=True) == ""
    assert text(shown(), line(leaving=2, shipped=1), waits_for_all=True) != ""


def test_an_end_in_the_warehouse_that_a_person_dealt_with_is_not_told_again() -> None:
    ended = There("Gecko", (), (Receipt("1", "700-1", "700-1", "void"),))
    assert bucket(shown(), sent(), ended) == "missing_there"
    own = sent(void_resolved="clerk: sent by hand")
    held = rules.judge(Seen(shown(), own, ended, "Overstock", NOW))
    assert held.bucket == B.HELD
    assert held.text == "is void in Gecko; resolved: clerk: sent by hand. Overstock still waits for it"
    assert held.action == "Confirm it on Overstock once it was shipped otherwise, or cancel it there."
    assert bucket(shown(state=SaleState.CANCELLED), own, ended) == "cancelled"
    assert bucket(shown(("1Z9", 3), state=SaleState.SHIPPED), own, ended) == "sent"
    assert bucket(None, own, ended) == "unchecked"
    assert bucket(shown(), own, replace(alive("2"), ended=ended.ended)) == "sent"


def test_what_shipped_before_its_end_in_the_warehouse_is_sent_once_a_person_dealt_with_it() -> None:
    ended = There("Gecko", (), (Receipt("1", "700-1", "700-1", "void"),))
    own = sent(void_resolved="clerk: told by hand", lines=(OurLine("1", to_ship=3, known=3),))
    assert bucket(shown(("1Z9", 3), state=SaleState.SHIPPED), own, ended) == "sent"
    assert bucket(shown(("1Z9", 1)), own, ended) == "held"


def test_what_shipped_though_the_marketplace_cancelled_it_is_held_until_a_person_settles_that() -> None:
    told = replace(shown(state=SaleState.CANCELLED), state=SaleState.CANCELLED)
    lines = (OurLine("1", to_ship=3, shipped=3),)
    own = replace(sent(cancel_requested=True, lines=lines), status="shipped")
    assert bucket(told, own) == "held"
    assert bucket(told, replace(own, cancel_settled=True)) == "cancelled"
    unshipped = replace(own, status="submitted", cancel_settled=True)
    assert bucket(told, unshipped) == "held"


def test_what_is_in_the_warehouse_though_we_did_not_send_it_would_be_doubled() -> None:
    for submission, expected in (("pending", "held"), ("", "held"), ("unconfirmed", "being_sent")):
        own = Ours("700-1", "ready", submission=submission, moved_at=NOW)
        assert bucket(shown(), own) == expected
    missing = rules.judge(Seen(shown(), None, alive(), "Overstock", NOW))
    assert (missing.bucket, "sent once more" in missing.action) == (B.MISSING_HERE, True)


def test_of_a_cancelled_order_that_is_there_twice_both_are_to_be_voided() -> None:
    twice = There("Gecko", tuple(Receipt(one, "700-1", "700-1", "active") for one in "12"))
    for own, which in ((sent(), "all but the order with id 1"), (sent(cancel_requested=True), "all of them")):
        assert which in rules.judge(Seen(shown(), own, twice, "Overstock", NOW)).action


@pytest.mark.parametrize(("state", "expected"), [(SaleState.CANCELLED, "held"), (SaleState.SHIPPED, "skipped")])
def test_one_that_was_skipped_and_is_in_the_warehouse_is_seen_once_it_is_cancelled(
    state: SaleState, expected: str
) -> None:
    assert bucket(replace(shown(), state=state), Ours("700-1", "skipped", skip_reason="cancelled"), alive()) == expected


def test_ten_thousand_orders_add_up() -> None:
    cases = product((shown(), None), (sent(), sent(must_show=True), Ours("700-1", "on_hold", holds=("No route",)), None),
                    (alive(), There("Gecko"), There("Gecko", trouble="HTTP 503")))  # fmt: skip
    possible = [case for case in cases if case[0] or case[1]]
    found = [possible[place % len(possible)] for place in range(10_000)]
    counts = Counter(bucket(*case) for case in found)
    assert sum(counts.values()) == 10_000
    assert set(counts) == {"sent", "held", "missing_here", "missing_there", "gone", "unchecked"}


def test_an_old_one_is_backfilled_and_a_young_one_read_again() -> None:
    old = replace(shown(), created_at=NOW - timedelta(days=45))
    assert rules.judge(Seen(old, None, There(), "Overstock", NOW)).mend == "backfill"
    assert rules.judge(Seen(shown(), None, There(), "Overstock", NOW)).mend == "read_again"


def test_a_sent_order_that_is_shown_with_another_address_differs_until_it_is_noticed() -> None:
    facts = {"ship_to": asdict(Address(city="Boise")), "shipping_code": "GROUND", "lines": {}}
    now = {**facts, "ship_to": asdict(Address(city="Nampa"))}
    placed = There("Gecko", living=(Receipt("1", "SO1", "700-1", "active"),))
    mine = Ours("700-1", "submitted", remote_id="1", sent_before=True, last_told=facts)
    verdict = rules.judge(Seen(Told("700-1", facts=now), mine, placed, now=NOW))
    assert (verdict.bucket, "city 'Boise' → 'Nampa'" in verdict.text) == (B.DIFFERENT, True)
    assert rules.judge(Seen(Told("700-1", facts=facts), mine, placed, now=NOW)).bucket == B.SENT
    held = replace(mine, holds=("Changed after sending",))
    assert rules.judge(Seen(Told("700-1", facts=now), held, placed, now=NOW)).bucket == B.HELD


@pytest.mark.parametrize(("theirs", "ago", "expected"), [
    (shown(), 60, "different"),
    (shown(), 1, "cancelled"),
    (shown(("1Z1", 3)), 60, "cancelled"),
    (shown(state=SaleState.CANCELLED), 60, "cancelled"),
    (None, 60, "cancelled"),
])  # fmt: skip
def test_what_is_cancelled_here_and_still_wanted_there_is_told(theirs: Told | None, ago: int, expected: str) -> None:
    ours = Ours("700-1", "cancelled", moved_at=NOW - timedelta(minutes=ago))
    assert bucket(theirs, ours, There()) == expected


@pytest.mark.parametrize(("own", "expected"), [
    (OurLine("1", to_ship=0, is_cancelled=True), "different"),
    (line((("1Z1", 2),), shipped=2), "different"),
    (line((("1Z1", 1),), shipped=1, fresh=1), "sent"),
])  # fmt: skip
def test_what_is_opened_again_after_all_was_confirmed_is_seen(own: OurLine, expected: str) -> None:
    done = replace(sent(lines=(own,)), status="confirmed")
    units = sum(number for _, number in own.confirmed)
    theirs = shown(*((("1Z1", units),) if units else ()))
    assert bucket(theirs, done) == expected
    assert bucket(theirs, replace(done, moved_at=NOW)) == "sent"
