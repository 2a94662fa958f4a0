"""The answer to `GET /inventory` → quantities. Its form is not public: names come from the message that is sent (5)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from lxml import etree

from integrations.errors import Unavailable, Unreadable
from integrations.http import storable
from integrations.ports import ListedQuantity
from integrations.supplier_oasis.options import InventoryNames
from integrations.wording import counted

# Orders and the catalogue spell it differently, and nobody knows which the inventory uses (supplier-oasis 5.2).
SPELLINGS = ("partnerSku", "partnerSKU", "salesChannelSKU")
QUANTITY = re.compile(r"(\d{1,9})(?:\.0*)?", re.A)


def read(body: bytes, names: InventoryNames, tell: Callable[[str], None]) -> Sequence[ListedQuantity]:
    """Every row with a SKU and a quantity, wherever it stands; other elements are passed over.

    `tell` hears of rows whose quantity is no number. Raises Unavailable for an empty answer, Unreadable for what is no
    XML or has no such row though it is not empty.
    """
    if not body.strip():
        raise Unavailable("Supplier Oasis answered with nothing where the quantities should be")
    root = _parse(body)
    rows = [row for element in root.iter(etree.Element) for row in _row(element, names)]
    found = [
        ListedQuantity(sku, code, int(whole[1])) for sku, code, amount in rows if (whole := QUANTITY.fullmatch(amount))
    ]
    if not found and any(etree.QName(one).localname != "totalCount" for one in root.iterchildren(etree.Element)):
        raise Unreadable("the quantities of Supplier Oasis have no row with a SKU and a quantity that can be read")
    odd = {sku: amount for sku, _, amount in rows if not QUANTITY.fullmatch(amount)}
    if odd:
        sku, amount = next(iter(odd.items()))
        tell(f"{counted(len(odd), 'quantities')} of Supplier Oasis cannot be read, first SKU {sku}: {amount[:40]!r}")
    return found


def _row(element: etree._Element, names: InventoryNames) -> list[tuple[str, str, str]]:
    """SKU, warehouse name and quantity, once for each SKU that it names: a listing may be published under either."""
    children = {etree.QName(child).localname: child for child in element.iterchildren(etree.Element)}
    if names.quantity not in children:
        return []
    amount, place = _text(children[names.quantity]), children.get(names.warehouse)
    code = "" if place is None else next((_text(one) for one in place.iter("{*}code")), _text(place))
    skus = dict.fromkeys(_text(children.get(name)) for name in (*names.skus, *SPELLINGS))
    return [(sku, code, amount) for sku in skus if sku]


def _text(element: etree._Element | None) -> str:
    return "" if element is None else storable((element.text or "").strip())


def _parse(body: bytes) -> etree._Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError) as exc:
        raise Unreadable(f"Supplier Oasis sent quantities that are not XML: {exc}") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise Unreadable("Supplier Oasis sent quantities with a document type definition; nothing was read")
    return root
