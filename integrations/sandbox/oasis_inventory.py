"""Quantities and catalogue of the sandbox's Supplier Oasis, in the assumed shapes (supplier-oasis 5, 6, 10.8-10.10)."""

from __future__ import annotations

from lxml import etree

from integrations.sandbox.oasis_state import OasisState
from integrations.sandbox.oasis_xml import Problem, add, count, name, names, new, text

# Orders and the catalogue spell it differently, and nobody knows which the inventory wants (supplier-oasis 5.2).
SKU_NAMES = ("partnerSku", "partnerSKU", "salesChannelSKU")
ROW_NAMES = {*SKU_NAMES, "barcode", "warehouse", "quantity"}


def take(state: OasisState, root: etree._Element) -> list[Problem]:
    """Apply a supplierInventoryMessage; what was refused. All or nothing, unless the state says otherwise."""
    wanted: dict[tuple[str, str], int] = {}
    problems = []
    for row in root:
        try:
            sku, warehouse, quantity = _row(row)
            if state.strict_inventory:
                _check_known(state, sku, warehouse)
            wanted[sku, warehouse] = quantity
        except Problem as problem:
            problems.append(problem)
    if not (problems and state.atomic):
        state.quantities.update(wanted)
    return problems


def _row(row: etree._Element) -> tuple[str, str, int]:
    if name(row) != "supplierInventory" or not set(names(row)) <= ROW_NAMES or len(set(names(row))) != len(row):
        raise Problem("BAD_ROW", f"A supplierInventory has a SKU, a warehouse and a quantity, not {names(row)}")
    sku = next(filter(None, (text(row, spelling) for spelling in SKU_NAMES)), "")
    warehouse, quantity = text(row, "warehouse", "code"), count(text(row, "quantity"))
    if not sku or not warehouse or quantity < 0:
        given = text(row, "quantity")
        raise Problem("BAD_ROW", f"SKU {sku!r}, warehouse {warehouse!r}, quantity {given!r}")
    return sku, warehouse, quantity


def _check_known(state: OasisState, sku: str, warehouse: str) -> None:
    if sku not in state.catalogue:
        raise Problem("UNKNOWN_SKU", f"No SKU {sku}")
    if warehouse not in {name.strip() for name in state.warehouses}:
        raise Problem("UNKNOWN_WAREHOUSE", f"No warehouse {warehouse!r}; names are case-sensitive")


def take_items(state: OasisState, root: etree._Element) -> list[Problem]:
    """Learn the SKUs of an itemMasterMessage."""
    skus = [text(item, "partnerSku") if name(item) == "itemMaster" else "" for item in root]
    if not all(skus):
        return [Problem("BAD_ITEM", "Every itemMaster needs a partnerSku")]
    for sku in skus:
        state.add_listing(sku)
    return []


def listing(state: OasisState) -> etree._Element:
    """The quantities by SKU and warehouse."""
    root = new("inventoryMessage")
    for (sku, warehouse), quantity in state.quantities.items():
        row = add(root, "inventory")
        add(row, "partnerSku", sku)
        if state.catalogue.get(sku):
            add(row, "barcode", state.catalogue[sku])
        add(add(row, "warehouse"), "code", warehouse)
        add(row, "quantity", str(quantity))
    return root
