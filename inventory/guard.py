"""Does a publish look like damage? Pure (product rule 4.4): changes in, what to hold back and why out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

RAISE_FACTOR, RAISE_TO = 10, 100
FEW = 20  # a restock from 0, or to fewer units than this, is business as usual


@dataclass(frozen=True, slots=True)
class Change:
    """A listing's quantity, as it is shown (None: never was) and as it would be.

    `is_sound`: it stands however old the stock as a whole is. Our own orders lower it, and the warehouse's figure alone
    would still allow what is shown; or it was never shown, and its own figure is fresh. `is_ruled`: rules alone
    explain it, whatever the stock is. `usual`: the most that was shown of it lately, to which a delivery may well bring
    it back. `by_orders`: our own orders since it was shown explain all of it. `left`: what those and rules alone leave
    of what is shown, if that is less (None: it is not).
    """

    listing_id: int
    before: int | None
    after: int
    is_sound: bool = False
    is_ruled: bool = False
    usual: int = 0
    by_orders: bool = False
    left: int | None = None
    held_from: int = 0

    @property
    def meanwhile(self) -> int | None:
        """What is shown while it waits: what was sold, or a person took off sale, is no damage."""
        return self.before if self.left is None else self.left

    @property
    def is_zeroing(self) -> bool:
        return self.after == 0 and bool(self.before)

    @property
    def is_steep(self) -> bool:
        return self._base > 0 and self._unsold >= FEW and self._unsold > RAISE_FACTOR * self._base

    @property
    def is_leap(self) -> bool:
        return self.is_steep and (self._unsold >= RAISE_TO or self._unsold > self.usual)

    @property
    def _base(self) -> int:
        """What was sold until nothing was left is no restock from 0."""
        return self.before or self.held_from

    @property
    def _unsold(self) -> int:
        return self.after if self.before else self.after + self.held_from

    def allows(self, other: Change) -> bool:
        """Whether who agreed to this change agreed to the other: from the same quantity, no further.

        What was sold of it since, or a rule took off, leaves it the same, whether or not the marketplace was told.
        """
        least, most = sorted((self.before or 0, self.after))
        return self.before in (other.before, other.meanwhile) and least <= other.after <= most


@dataclass(frozen=True, slots=True)
class Shown:
    """How many listings show a quantity, and how many of them one above 0."""

    listings: int
    in_stock: int


@dataclass(frozen=True, slots=True)
class Limits:
    """More than `share` per cent, and at least so many listings, are a mass."""

    share: int = 30
    at_least: int = 20

    def are_passed(self, number: int, total: int) -> bool:
        return number >= self.at_least and number * 100 > self.share * total


@dataclass(frozen=True, slots=True)
class Verdict:
    """The listings whose change waits for a person, and why."""

    held: frozenset[int] = frozenset()
    reasons: tuple[str, ...] = ()


def judge(changes: Sequence[Change], shown: Shown, limits: Limits, doubt: str = "") -> Verdict:
    """A mass holds back all changes, a doubt about the stock those that are not sound, a leap only itself.

    Our own orders are no damage: what they alone lower is no part of a mass, and waits for none, or it is sold twice.
    Nor does what rules say wait for damaged stock, of which it may be the remedy, unless it is a mass too.
    `doubt` says what is wrong with the figures, empty if nothing is. Where nothing is shown yet, nothing is held.
    """
    if not shown.listings:
        return Verdict()
    unsold = [one for one in changes if not one.by_orders]
    massed = _massed(unsold, shown, limits)
    doubted = [one for one in unsold if not one.is_sound] if doubt else []
    leaps = [one for one in changes if one.is_leap]
    held = [*massed, *doubted, *leaps]
    reasons = [*_mass(massed, shown, limits), *([doubt] if doubted else []), *_leaps(leaps)]
    return Verdict(frozenset(one.listing_id for one in held), tuple(reasons))


def is_mass(changes: Sequence[Change], shown: Shown, limits: Limits) -> bool:
    return bool(_mass(changes, shown, limits))


def _mass(changes: Sequence[Change], shown: Shown, limits: Limits) -> list[str]:
    zeroed = sum(one.is_zeroing for one in changes)
    changed = sum(one.before is not None and one.before != one.after for one in changes)
    reasons = []
    if limits.are_passed(zeroed, shown.in_stock):
        reasons.append(f"{zeroed} of {shown.in_stock} listings in stock would show 0")
    if limits.are_passed(changed, shown.listings):
        reasons.append(f"{changed} of the {shown.listings} listings that are shown would show another quantity")
    return reasons


def _massed(changes: Sequence[Change], shown: Shown, limits: Limits) -> Sequence[Change]:
    """Which of them: what rules say, or all else, where one of these is a mass for itself."""
    kinds = ([one for one in changes if one.is_ruled is kind] for kind in (False, True))
    massed = [one for some in kinds if _mass(some, shown, limits) for one in some]
    return massed or (changes if _mass(changes, shown, limits) else [])


def _leaps(leaps: Sequence[Change]) -> list[str]:
    if not leaps:
        return []
    most = max(leaps, key=lambda one: one.after)
    number = "1 quantity" if len(leaps) == 1 else f"{len(leaps)} quantities"
    return [f"{number} would be more than {RAISE_FACTOR} times as high; the highest {most.before} → {most.after}"]
