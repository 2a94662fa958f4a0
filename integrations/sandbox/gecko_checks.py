"""What counts of a client's attributes: the known and writable ones, read leniently (tradegecko 3)."""

from __future__ import annotations

from typing import Any

from integrations.sandbox.gecko_resources import RESOURCES, Attribute
from integrations.sandbox.gecko_tables import GeckoTables
from integrations.sandbox.gecko_values import BLANK, READERS, Invalid, Row

TEXTUAL = ("text", "joined", "texts", "object", "prices")


def accepted(state: GeckoTables, table: str, given: Row, *, creating: bool) -> Row:
    """The values to store. Raises Invalid, naming every attribute that is missing or wrong.

    Clients send null for everything that they do not know: on create that means the default, on update it empties
    what may be empty and leaves the rest alone.
    """
    values: Row = {}
    errors: dict[str, str] = {}
    for attribute in RESOURCES[table].attributes.values():
        if not attribute.writable(creating=creating):
            continue
        try:
            _take(state, attribute, given, values, creating=creating)
        except ValueError as exc:
            errors[attribute.name] = str(exc)
    if errors:
        raise Invalid(**errors)
    return values


def _take(state: GeckoTables, attribute: Attribute, given: Row, values: Row, *, creating: bool) -> None:
    name = attribute.name
    if name not in given and not (creating and attribute.required):
        return
    value = given.get(name)
    if is_blank(value, attribute):
        if attribute.required:
            raise ValueError(BLANK)
        if not creating and not attribute.null_keeps:
            values[name] = None if value is None or attribute.kind not in TEXTUAL else value
        return
    values[name] = _read(state, attribute, value)


def is_blank(value: object, attribute: Attribute) -> bool:
    """An empty text is a value for a text attribute that may be empty."""
    if value is None:
        return True
    return isinstance(value, str) and not value.strip() and (attribute.required or attribute.kind not in TEXTUAL)


def _read(state: GeckoTables, attribute: Attribute, value: object) -> Any:
    if attribute.kind == "ref":
        row = state.find(attribute.target, value)
        if row is None:
            raise ValueError(BLANK if attribute.required else "is invalid")
        return str(row["id"]) if attribute.target == "price_lists" else row["id"]
    if attribute.kind == "one":
        if str(value) not in attribute.target.split("|"):
            raise ValueError("is not included in the list")
        return str(value)
    return READERS[attribute.kind](value)


def nested(given: Row, name: str) -> list[Row]:
    """Nested records of a body. Raises Invalid if it is not a list of objects."""
    found = given.get(name) or []
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise Invalid(**{name: "is invalid"})
    return found


def positive(values: Row, name: str, *, zero: bool = False) -> None:
    """Raises Invalid for a figure below (or at) zero."""
    value = values.get(name)
    if value is not None and (value.startswith("-") or (not zero and value == "0.0")):
        raise Invalid(**{name: f"must be greater than {'or equal to ' if zero else ''}0"})
