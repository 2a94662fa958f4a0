"""What differs between accounts, or what the public material leaves open, with defaults (docs/contracts.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from integrations.errors import Misconfigured

CLOSED_ORDER = ("COMPLETE", "COMPLETED")
CANCELLED_ORDER = ("CANCELED", "CANCELLED")
SHIPPED_LINE = ("SHIPPED", "COMPLETE", "COMPLETED")
CANCELLED_LINE = ("CANCELED", "CANCELLED", "SHORT_SHIPPED", "SHORTSHIPPED")


@dataclass(frozen=True, slots=True)
class InventoryNames:
    """Every name of the inventory message, none of which is public (supplier-oasis 5.2). Empty: left out."""

    root: str = "supplierInventoryMessage"
    row: str = "supplierInventory"
    sku: str = "partnerSku"
    barcode: str = ""
    warehouse: str = "warehouse"
    quantity: str = "quantity"


@dataclass(frozen=True, slots=True)
class Options:
    """One account's options. `publish_batch_size` is in rows per message."""

    time_zone: str = "America/Denver"
    default_channel: str = "OSTK"
    orders_path: str = "/salesorders"
    shipments_path: str = "/shipments"
    inventory_path: str = "/inventory"
    inventory_method: str = "POST"
    publish_batch_size: int = 500
    inventory_names: InventoryNames = field(default_factory=InventoryNames)
    closed_order_statuses: tuple[str, ...] = CLOSED_ORDER
    cancelled_order_statuses: tuple[str, ...] = CANCELLED_ORDER
    shipped_line_statuses: tuple[str, ...] = SHIPPED_LINE
    cancelled_line_statuses: tuple[str, ...] = CANCELLED_LINE

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


def read(given: Mapping[str, object], connection: str) -> Options:
    """Options from a connection's JSON. Raises Misconfigured naming what is wrong."""
    values = _checked(Options, given, connection)
    names = values.get("inventory_names")
    if names is not None:
        if not isinstance(names, Mapping):
            raise Misconfigured(f"connection {connection}: option inventory_names must be an object of element names")
        values["inventory_names"] = InventoryNames(**_checked(InventoryNames, names, connection))  # type: ignore[arg-type]
    options = Options(**values)  # type: ignore[arg-type]
    try:
        _ = options.zone
    except (ZoneInfoNotFoundError, ValueError):
        raise Misconfigured(f"connection {connection}: {options.time_zone!r} is not a time zone") from None
    if options.publish_batch_size < 1:
        raise Misconfigured(f"connection {connection}: option publish_batch_size must be at least 1")
    return options


def _checked(kind: type, given: Mapping[str, object], connection: str) -> dict[str, object]:
    known = {one.name: one for one in fields(kind)}
    values: dict[str, object] = {}
    for name, value in given.items():
        if name not in known:
            raise Misconfigured(f"connection {connection}: there is no option {name!r}; known are {', '.join(known)}")
        values[name] = _typed(connection, name, value, str(known[name].type))
    return values


def _typed(connection: str, name: str, value: object, wanted: str) -> object:
    if wanted.startswith("tuple"):
        if isinstance(value, list) and all(isinstance(one, str) for one in value):
            return tuple(one.upper() for one in value)
        raise Misconfigured(f"connection {connection}: option {name} must be a list of texts")
    fits = {"str": isinstance(value, str), "int": isinstance(value, int) and not isinstance(value, bool)}
    if not fits.get(wanted, True):
        raise Misconfigured(f"connection {connection}: option {name} must be of type {wanted}")
    return value
