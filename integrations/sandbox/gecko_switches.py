"""What the contract of TradeGecko leaves open, and what accounts differ in: switches (tradegecko 6, 9)."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

SIDELOADS = ("always", "on request", "never")


@dataclass
class Switches:
    """Set them on the state, or through the control address `/_sandbox/settings`."""

    limit: int = 300
    """Calls per window of 300 s (2.6)."""
    clamp_page_size: bool = False
    """A `limit` above 250 counts as 250 instead of being refused (2.3)."""
    reject_duplicate_order_numbers: bool = False
    sideload_lines: str = "on request"
    """Parcels come with their lines: always, on request, never (2.5)."""
    finalize_before_packing: bool = True
    """Only finalized orders can be packed, shipped and invoiced (4.1)."""
    actions_answer_201: bool = False
    refused_keys_stay_free: bool = False
    """A request answered with 4xx leaves its idempotency key unused (2.7)."""
    list_ended: bool = False
    """Void and deleted orders and parcels are in lists that are not filtered by status (2.10)."""
    void_shipped: bool = False
    """An order with shipped goods can be voided (4.2)."""
    finalized_lines_stay: bool = False
    """Lines of a finalized order cannot be added, changed or taken out (9)."""
    omit_shipped_at: bool = False
    """Shipping leaves `shipped_at` null where the client gave none (3.12)."""
    mix_line_ids: bool = False
    """`order_line_item_ids` are not in the order of the lines."""
    index_lag: float = 0.0
    """Seconds until a created order is in lists."""
    token_life: int = 7200
    """Seconds for which an OAuth access token is good (1.1)."""
    deny_authorization: bool = False
    """The user refuses what an OAuth application asks for (1.1)."""

    def switch(self, **values: Any) -> None:
        """Set switches by name. Raises ValueError for an unknown one or a value that it cannot have."""
        known = {one.name: type(one.default) for one in fields(Switches)}
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"there is no switch {name}; there are {', '.join(known)}")
            kinds = (int, float) if known[name] is float else (known[name],)
            if type(value) not in kinds or (name == "sideload_lines" and value not in SIDELOADS):
                raise ValueError(f"{name} cannot be {value!r}; it is one of {_values(name, known[name])}")
        vars(self).update(values)

    def switches(self) -> dict[str, Any]:
        return {one.name: getattr(self, one.name) for one in fields(Switches)}


def _values(name: str, kind: type) -> str:
    """What a switch can be, in words."""
    words = {bool: "true, false", int: "whole numbers", float: "numbers"}
    return ", ".join(SIDELOADS) if name == "sideload_lines" else words[kind]
