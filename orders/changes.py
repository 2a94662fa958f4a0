"""What the marketplace says of an order now against what it said before: each difference with both values. Pure."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from integrations.ports import Address, MarketplaceLine, MarketplaceOrder, SaleState

Told = Mapping[str, Any]
ADDRESS = tuple(asdict(Address()))
FIELD_WORDS = {"address1": "address line 1", "address2": "address line 2", "state": "state or province"}
LINE_WORDS = {
    "quantity": "quantity", "partner_sku": "partner SKU", "option_sku": "option SKU", "unit_cost": "unit cost",
}  # fmt: skip
SKUS = ("partner_sku", "option_sku")
LONGEST_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `line` is the number of its order line, empty for the order's own fields.

    `field` is a field of the address, `shipping_code`, one of a line, or of a whole line: `line` for one that is new
    (`before` empty) or vanished (`after` empty), `reopened` for one that was cancelled or shipped over there (`before`
    empty) and is open again.
    """

    field: str
    before: str
    after: str
    line: str = ""

    @property
    def opens(self) -> bool:
        """Whether it is of a line that was closed or not told, and ships now: also one that we have left out."""
        return self.field == "reopened" or (self.field == "line" and bool(self.after))

    def __str__(self) -> str:
        if self.field == "line":
            return f"{self.what} {f'is new: {self.after}' if self.after else f'is gone: {self.before}'}"
        if self.field == "reopened":
            return f"{self.what} is open again: {self.after}"
        return f"{self.what} {_shown(self.before)} → {_shown(self.after)}"

    @property
    def what(self) -> str:
        """What of the order it is, in words."""
        if not self.line:
            return word(self.field)
        return f"line {self.line} {LINE_WORDS[self.field]}" if self.field in LINE_WORDS else f"line {self.line}"


def facts(told: MarketplaceOrder) -> dict[str, Any]:
    """What is kept of it, as plain JSON: the address, the shipping code, and its lines by number.

    Lines without a number, or with one that another has too, cannot be told apart and are left out.
    """
    numbers = [line.number for line in told.lines]
    lines = {line.number: _line(line) for line in told.lines if line.number and numbers.count(line.number) == 1}
    return {"ship_to": asdict(told.ship_to), "shipping_code": told.shipping_code, "lines": lines}


def compare(before: Told, now: Told) -> list[Change]:
    """Every difference, the order's own first. What is cancelled or shipped over there is no change of its line."""
    old, new = before["ship_to"], now["ship_to"]
    found = [Change(name, old[name], new[name]) for name in ADDRESS if differ(old[name], new[name])]
    if differ(before["shipping_code"], now["shipping_code"]):
        found.append(Change("shipping_code", before["shipping_code"], now["shipping_code"]))
    for number in dict.fromkeys([*before["lines"], *now["lines"]]):
        found += _of_line(number, before["lines"].get(number), now["lines"].get(number))
    return found


def closing(before: Told, now: Told) -> dict[str, Any]:
    """`before` with those lines closed that are so now: that is no change which waits, and undoing it is one."""
    return with_closed(before, {number for number, line in now["lines"].items() if not line["is_open"]})


def with_closed(told: Told, numbers: Container[str]) -> dict[str, Any]:
    lines = {no: {**line, "is_open": line["is_open"] and no not in numbers} for no, line in told["lines"].items()}
    return {**told, "lines": lines}


def is_any_wanted(told: Told) -> bool:
    """Whether units of any line are open, or one is open of which nobody knows how many."""
    lines = told.get("lines", {}).values()
    return any(line["is_open"] and (line["quantity"] is None or _left(line)) for line in lines)


def lapsed(before: Told, waits: Told, now: Told) -> list[Change]:
    """What waits for a decision of lines that are closed by now, so that nothing of it is compared any more."""
    closed = {number for number, line in now["lines"].items() if not line["is_open"]}
    return [one for one in compare(before, waits) if one.line in closed]


def undecided(before: Told, waits: Told, now: Told, shipped: Container[str]) -> Told:
    """`now` with those lines open that were sent and shipped while a change of them waited: it waits all the same."""
    mine = before["lines"]
    stay = {
        one.line for one in lapsed(before, waits, now) if one.line in shipped and mine.get(one.line, {}).get("is_open")
    }
    lines = {no: {**line, "is_open": line["is_open"] or no in stay} for no, line in now["lines"].items()}
    return {**now, "lines": lines}


def in_words(changes: Iterable[Change]) -> str:
    return "; ".join(map(str, changes))


def _line(line: MarketplaceLine) -> dict[str, Any]:
    return {
        "partner_sku": line.partner_sku.strip(), "option_sku": line.option_sku.strip(), "upc": line.upc,
        "title": line.title, "quantity": line.quantity, "shipped": line.quantity_shipped,
        "is_open": line.state == SaleState.OPEN, "status": line.status, "notes": line.notes,
        "unit_cost": None if line.unit_cost is None else str(line.unit_cost), "currency": line.currency,
    }  # fmt: skip


def unit_cost(line: Told) -> Decimal | None:
    return None if line["unit_cost"] is None else Decimal(line["unit_cost"])


def costs_otherwise(old: Told, new: Told) -> bool:
    """A cost that is not told any more is no change, as with a quantity."""
    return unit_cost(new) is not None and unit_cost(new) != unit_cost(old)


def reopened(before: Told, now: Told) -> list[str]:
    """Numbers of lines that were closed over there, or not told, and are open now."""
    return [one.line for one in compare(before, now) if one.opens]


def more_wanted(before: Told, now: Told) -> list[str]:
    """Numbers of lines of which units are open over there that were not: opened, new, or raised."""
    found = compare(before, now)
    raised = [one.line for one in found if one.field == "quantity" and is_raised(before, now, one.line)]
    lines = {number: now["lines"][number] for number in [*[one.line for one in found if one.opens], *raised]}
    return [number for number, line in lines.items() if line["quantity"] is None or _left(line)]


def is_raised(before: Told, now: Told, number: str) -> bool:
    """Whether more units of a line that both have are ordered now."""
    was, new = before["lines"][number]["quantity"], now["lines"][number]["quantity"]
    return was is not None and new is not None and new > was


def _left(line: Told) -> bool:
    return line["shipped"] is None or line["quantity"] > line["shipped"]


def _of_line(number: str, old: Told | None, new: Told | None) -> list[Change]:
    if new is None:
        return [Change("line", _goods(old), "", number)] if old and old["is_open"] else []
    if not new["is_open"]:
        return []
    if old is None:
        return [Change("line", "", _goods(new), number)]
    reopened = [] if old["is_open"] else [Change("reopened", "", _goods(new), number)]
    counted = new["quantity"] is not None and new["quantity"] != old["quantity"]
    skus = [name for name in SKUS if differ(old[name], new[name])]
    names = [*["quantity"] * counted, *skus, *["unit_cost"] * costs_otherwise(old, new)]
    return [*reopened, *(Change(name, _value(old, name), _value(new, name), number) for name in names)]


def _value(line: Told, name: str) -> str:
    cost = unit_cost(line) if name == "unit_cost" else None
    return _text(line[name]) if cost is None else f"{cost:.2f}" if cost == round(cost, 2) else f"{cost.normalize():f}"


def _goods(line: Told) -> str:
    return f"{_text(line['quantity'])} × {line['option_sku'] or line['partner_sku']}"


def differ(one: str, other: str) -> bool:
    """Blanks are no difference: nobody ships elsewhere for them."""
    return one.split() != other.split()


def _text(value: object) -> str:
    return "" if value is None else str(value)


def word(field: str) -> str:
    """What a field of the order is called in texts."""
    return FIELD_WORDS.get(field, field.replace("_", " "))


def _shown(text: str) -> str:
    if not text:
        return "(none)"
    if text.replace(".", "", 1).isdigit():
        return text
    return repr(text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 1]}…")
