"""A client that knows nothing but HTTP, and messages as a supplier writes them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import requests
from lxml import etree

from integrations.sandbox.server import Sandbox

NS = "api.supplieroasis.com"


@dataclass
class Supplier:
    """Talks to the simulated Overstock over real HTTP."""

    box: Sandbox

    def call(self, method: str, path: str, **values: Any) -> requests.Response:
        secret = (self.box.oasis.username.encode(), self.box.oasis.password.encode())
        return requests.request(method, self.box.oasis_url + path, **{"auth": secret, "timeout": 10, **values})

    def orders(self, start: str = "", end: str = "") -> etree._Element:
        """The answer for a window; without one, for the last two days."""
        now = datetime.now(UTC)
        window = {
            "startTime": start or (now - timedelta(days=2)).isoformat(),
            "endTime": end or now.isoformat(),
        }
        answer = self.call("GET", "/salesorders", params=window)
        assert answer.status_code == 200, answer.text
        return etree.fromstring(answer.content)

    def order(self) -> etree._Element:
        """The only order of the last two days."""
        [one] = [child for child in self.orders() if local(child) != "totalCount"]
        return one

    def post(self, path: str, body: str, **values: Any) -> requests.Response:
        return self.call("POST", path, data=body.encode(), **values)

    def control(self, method: str, what: str, body: Any = None) -> Any:
        answer = requests.request(method, f"{self.box.oasis_url}/_sandbox/{what}", json=body, timeout=10)
        return answer.json()


def local(element: etree._Element) -> str:
    return etree.QName(element).localname


def names(element: etree._Element) -> list[str]:
    return [local(child) for child in element]


def first(element: etree._Element, name: str) -> etree._Element:
    return next(one for one in element.iter() if local(one) == name)


def text(element: etree._Element, name: str) -> str:
    return first(element, name).text or ""


def codes(answer: requests.Response) -> list[str]:
    """The codes of an errors message; none when the answer is good."""
    if answer.status_code < 400:
        return []
    return [one.text or "" for one in etree.fromstring(answer.content).iter(f"{{{NS}}}code")]


def shipments(*inner: str, attributes: str = f'xmlns="{NS}"') -> str:
    return f"<supplierShipmentMessage {attributes}>{''.join(inner)}</supplierShipmentMessage>"


def shipment(number: str, what: str, *, line: str = "1", warehouse: str = "Riverside DC", attributes: str = "") -> str:
    return (
        f"<supplierShipment {attributes}><salesChannelName>OSTK</salesChannelName>"
        f"<salesChannelOrderNumber>{number}</salesChannelOrderNumber>"
        f"<salesChannelLineNumber>{line}</salesChannelLineNumber>"
        f"<warehouse><code>{warehouse}</code></warehouse>{what}</supplierShipment>"
    )


def confirmation(
    quantity: object = 1, *, carrier: str = "UPS", tracking: str = "1Z1", date: str = "2024-03-05T14:30:00.000-07:00",
    service: str = "GROUND",
) -> str:  # fmt: skip
    return (
        f"<supplierShipConfirmation><quantity>{quantity}</quantity><carrier><code>{carrier}</code></carrier>"
        f"<trackingNumber>{tracking}</trackingNumber><shipDate>{date}</shipDate>"
        f"<serviceLevel><code>{service}</code></serviceLevel></supplierShipConfirmation>"
    )


def short_ship(reason: str = "OUT_OF_STOCK") -> str:
    return f"<shortShip><reasonCode><code>{reason}</code></reasonCode></shortShip>"


def inventory(*rows: tuple[str, str, object], root: str = "supplierInventoryMessage") -> str:
    inner = "".join(
        f"<supplierInventory><partnerSku>{sku}</partnerSku><warehouse><code>{warehouse}</code></warehouse>"
        f"<quantity>{quantity}</quantity></supplierInventory>"
        for sku, warehouse, quantity in rows
    )
    return f'<{root} xmlns="{NS}">{inner}</{root}>'
