"""What differs between accounts, or what the public material leaves open, with defaults (docs/contracts.md)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from integrations.errors import Misconfigured
from integrations.supplier_oasis import windows

PATH = re.compile(r"/[\w./~-]*", re.A)
ELEMENT = re.compile(r"[A-Za-z_][\w.-]*", re.A)
CLOSED_ORDER = ("COMPLETE", "COMPLETED")
CANCELLED_ORDER = ("CANCELED", "CANCELLED")
SHIPPED_LINE = ("SHIPPED", "COMPLETE", "COMPLETED")
CANCELLED_LINE = ("CANCELED", "CANCELLED", "SHORT_SHIPPED", "SHORTSHIPPED")


@dataclass(frozen=True, slots=True)
class InventoryNames:
    """Every name of the inventory message, none of which is public (supplier-oasis 5.2). Empty: left out.

    `sku` holds the SKU that the listing is published under, `partner_sku` and `option_sku` those two, where known.
    """

    root: str = "supplierInventoryMessage"
    row: str = "supplierInventory"
    sku: str = "partnerSku"
    partner_sku: str = ""
    option_sku: str = ""
    barcode: str = ""
    warehouse: str = "warehouse"
    quantity: str = "quantity"

    @property
    def skus(self) -> tuple[str, ...]:
        return tuple(name for name in (self.sku, self.partner_sku, self.option_sku) if name)


@dataclass(frozen=True, slots=True)
class Options:
    """One account's options. `publish_batch_size` is in rows per message.

    `time_format`: how the ends of a window are written, to the second, as `strftime` has it.
    `default_warehouse_name`: for orders that name no warehouse; empty: they are held.
    """

    time_zone: str = "America/Denver"
    time_format: str = windows.FORMAT
    default_channel: str = "OSTK"
    default_warehouse_name: str = ""
    check_total_count: bool = True
    orders_path: str = "/salesorders"
    shipments_path: str = "/shipments"
    inventory_path: str = "/inventory"
    inventory_read_path: str = "/inventory"
    inventory_method: str = "POST"
    read_inventory: bool = False
    publish_batch_size: int = 500
    inventory_names: InventoryNames = field(default_factory=InventoryNames)
    closed_order_statuses: tuple[str, ...] = CLOSED_ORDER
    cancelled_order_statuses: tuple[str, ...] = CANCELLED_ORDER
    shipped_line_statuses: tuple[str, ...] = SHIPPED_LINE
    cancelled_line_statuses: tuple[str, ...] = CANCELLED_LINE

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


def read(given: object, connection: str) -> Options:
    """Options from a connection's JSON. Raises Misconfigured naming what is wrong."""
    values = _checked(Options, given, connection, "the options")
    if "inventory_names" in values:
        names = _checked(InventoryNames, values["inventory_names"], connection, "option inventory_names")
        values["inventory_names"] = InventoryNames(**names)  # type: ignore[arg-type]
    options = Options(**values)  # type: ignore[arg-type]
    problem = _problem(options) or _problem_with_names(options.inventory_names)
    if problem:
        raise Misconfigured(f"connection {connection}: {problem}")
    return options


def _problem(options: Options) -> str:
    try:
        _ = options.zone
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return f"{options.time_zone!r} is not a time zone"
    if options.publish_batch_size < 1:
        return "option publish_batch_size must be at least 1"
    if not _tells_seconds(options.time_format):
        return f"option time_format {options.time_format!r} must tell a time to the second, such as {windows.FORMAT}"
    for path in (options.orders_path, options.shipments_path, options.inventory_path, options.inventory_read_path):
        if not PATH.fullmatch(path):
            return f"{path!r} is not a path such as /salesorders"
    if options.inventory_method not in ("POST", "PUT"):
        return "option inventory_method must be POST or PUT"
    return ""


def _tells_seconds(form: str) -> bool:
    sample = datetime(2024, 11, 30, 13, 14, 15, tzinfo=UTC)
    try:
        return datetime.strptime(sample.strftime(form), form).replace(tzinfo=UTC) == sample
    except ValueError:
        return False


def _problem_with_names(names: InventoryNames) -> str:
    given = {one.name: getattr(names, one.name) for one in fields(names)}
    for key, name in given.items():
        if not ELEMENT.fullmatch(name) and (name or key in ("root", "row", "warehouse", "quantity")):
            return f"inventory_names: {key} {name!r} is not the name of an element"
    row = [*names.skus, *filter(None, (names.barcode, names.warehouse, names.quantity))]
    if not names.skus:
        return "inventory_names: one of sku, partner_sku and option_sku must be named"
    if len(set(row)) != len(row):
        return "inventory_names: two elements of a row have the same name"
    return ""


def _checked(kind: type, given: object, connection: str, what: str) -> dict[str, object]:
    if not isinstance(given, Mapping):
        raise Misconfigured(f"connection {connection}: {what} must be a JSON object such as {{}}, not {given!r:.40}")
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
    types = {"str": str, "int": int, "bool": bool}
    if wanted in types and type(value) is not types[wanted]:
        raise Misconfigured(f"connection {connection}: option {name} must be of type {wanted}")
    return value
