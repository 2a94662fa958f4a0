"""What a resource of TradeGecko is: its attributes, and which of them a client may set, must set and may filter by.

The tables themselves are in gecko_attributes.
"""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from integrations.sandbox.gecko_attributes import ATTRIBUTES
from integrations.sandbox.gecko_values import Row

SINGULAR = {"addresses": "address", "companies": "company", "currencies": "currency"}


@dataclass(frozen=True)
class Attribute:
    """One line of a table in gecko_attributes, which says what kinds and flags there are."""

    name: str
    kind: str
    target: str
    flags: str
    default: Any

    def writable(self, *, creating: bool) -> bool:
        return ("C" if creating else "U") in self.flags

    @property
    def required(self) -> bool:
        return "!" in self.flags

    @property
    def filtered(self) -> bool:
        return "f" in self.flags

    @property
    def null_keeps(self) -> bool:
        return "k" in self.flags or self.default is not None

    @property
    def parent(self) -> bool:
        return "p" in self.flags

    @property
    def derived(self) -> bool:
        return "d" in self.flags or self.kind in ("ids", "alias")


@dataclass(frozen=True)
class Resource:
    """`verbs`: i index, s show, c create, u update, d delete."""

    table: str
    verbs: str
    attributes: dict[str, Attribute]

    @property
    def root(self) -> str:
        return SINGULAR.get(self.table, self.table.removesuffix("s"))

    def defaults(self) -> Row:
        """A row without anything given: every attribute that is stored."""
        return {name: deepcopy(one.default) for name, one in self.attributes.items() if not one.derived}


def _resource(title: str, lines: str) -> Resource:
    table, verbs = title.split()
    attributes = [_attribute(line) for line in lines.strip().splitlines()]
    return Resource(table, verbs, {one.name: one for one in attributes})


def _attribute(line: str) -> Attribute:
    name, kind, flags, *default = line.split(maxsplit=3)
    kind, _, target = kind.partition(":")
    return Attribute(name, kind, target, flags, json.loads(default[0]) if default else None)


RESOURCES = {one.table: one for one in (_resource(title, lines) for title, lines in ATTRIBUTES.items())}
