"""What was shipped and confirmed of each line against what the marketplace shows of it, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from integrations.ports import MarketplaceLine, SaleState
from orders.reconciliation.facts import OurLine, Ours, Told


def compared(ours: Ours, told: Told) -> Iterator[tuple[OurLine, MarketplaceLine | None]]:
    shown = {line.number: line for line in told.lines}
    for line in ours.lines:
        if not line.is_cancelled or line.told:
            yield line, shown.get(line.number)


def _shown_units(line: OurLine, shown: MarketplaceLine) -> int | None:
    """Units that the marketplace shows beyond those of before us; None where it does not say how many."""
    if line.before is None or any(not parcel.quantity for parcel in shown.parcels):
        return None
    if shown.state == SaleState.SHIPPED and not shown.parcels:
        return None
    return shown.quantity_shipped - line.before


def untold(line: OurLine, shown: MarketplaceLine | None) -> Iterator[str]:
    """Units that left the warehouse, were not told, and are not shown."""
    if line.shipped <= line.told + line.fresh or line.is_cancelled or (shown and shown.state != SaleState.OPEN):
        return
    units = 0 if shown is None else _shown_units(line, shown)
    if units is not None and units < line.shipped:
        yield f"line {line.number}, {max(units, 0)} of {line.shipped} units"


def leaving(line: OurLine, shown: MarketplaceLine | None) -> bool:
    """Whether units have just left the warehouse that were not told and are not shown."""
    if not line.leaving or line.is_cancelled or (shown and shown.state != SaleState.OPEN):
        return False
    units = 0 if shown is None else _shown_units(line, shown)
    left = line.shipped + line.leaving
    return left > line.told + line.fresh and units is not None and units < left


def differences(line: OurLine, shown: MarketplaceLine | None) -> Iterator[str]:
    if shown is None:
        if line.told:
            yield f"line {line.number} is no longer shown, {line.told} units were told as shipped"
        return
    if shown.state == SaleState.CANCELLED:
        if line.told and (_shown_units(line, shown) or 0) < line.told:
            yield f"line {line.number} is shown as cancelled, {line.told} units were told as shipped"
        return
    yield from _different_units(line, shown)
    yield from _different_tracking(line, shown)


def _different_units(line: OurLine, shown: MarketplaceLine) -> Iterator[str]:
    units = _shown_units(line, shown)
    if units is None:
        if (
            shown.state == SaleState.SHIPPED
            and line.before is not None
            and not (line.told or line.fresh or line.underway)
        ):
            yield f"line {line.number} is shown as shipped, nothing of it was told"
        return
    if units < line.told:
        yield f"line {line.number} is shown with {max(units, 0)} units shipped, {line.told} were told"
    elif units > line.told + line.fresh + line.underway:
        yield f"line {line.number} is shown with {units} units shipped, only {line.told} were told"


def left_open(line: OurLine, shown: MarketplaceLine | None) -> Iterator[str]:
    """Units that the marketplace waits for, of a line that is done with here."""
    if shown is None or shown.state != SaleState.OPEN or shown.quantity is None:
        return
    left, units = shown.quantity - shown.quantity_shipped, _shown_units(line, shown)
    if left > 0 and (line.is_cancelled or (units is not None and units >= line.told + line.fresh)):
        yield f"line {line.number} is shown as open with {left} units, nothing more of it ships"


def _different_tracking(line: OurLine, shown: MarketplaceLine) -> Iterator[str]:
    """Only where the marketplace names tracking numbers at all; two parcels may travel under one."""
    names = {plain(parcel.tracking_number) for parcel in shown.parcels} - {""}
    if not names:
        return
    for number in sorted({number for number, _ in line.confirmed}):
        if plain(number) not in names:
            yield f"line {line.number} was told with tracking number {number}, which is not shown"


def plain(tracking_number: str) -> str:
    """As it is compared: neither blanks nor capitals matter."""
    return "".join(tracking_number.split()).casefold()
