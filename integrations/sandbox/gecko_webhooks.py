"""Webhooks: signed, told again after a failure, and only to this machine (tradegecko 3.17)."""

from __future__ import annotations

import hmac
import json
import time
from base64 import b64encode
from dataclasses import dataclass
from ipaddress import ip_address
from threading import Thread
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import requests

from integrations.sandbox.gecko_values import Row

# Nothing is told when an order or a parcel changes or is voided: clients must poll for that.
EVENTS = {
    "account": "update", "address": "create update", "channel": "destroy", "company": "create update destroy",
    "contact": "create update", "document_theme": "update", "fulfillment": "create fulfilled",
    "fulfillment_return": "create received", "image": "create", "invoice": "create destroy",
    "location": "create update", "order": "create finalized fulfilled", "payment": "create", "procurement": "create",
    "product": "create destroy", "purchase_order": "create received", "stock_adjustment": "create",
    "stock_transfer": "create", "variant": "create stock_level_update",
}  # fmt: skip
NAMES = frozenset(f"{kind}.{what}" for kind, all_ in EVENTS.items() for what in all_.split())
PATHS = {"company": "companies", "address": "addresses"}
TIMEOUT = 10
PAUSES = (1, 3, 9)


@dataclass(frozen=True)
class Event:
    """Something that happened to a record; `order_id` is known for parcels."""

    name: str
    object_id: int | str
    order_id: int | None = None

    def body(self, address: str) -> bytes:
        kind = self.name.partition(".")[0]
        told = {
            "object_id": self.object_id,
            "event": self.name,
            "timestamp": int(time.time()),
            "resource_url": f"{address}/{PATHS.get(kind, f'{kind}s')}/{self.object_id}.json",
        }
        if self.order_id is not None:
            told["order_id"] = self.order_id
        return json.dumps(told, separators=(",", ":")).encode()


def signature(secret: str, body: bytes) -> str:
    """Base64 of the HMAC-SHA256 over exactly these bytes."""
    return b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()


def deliver(hooks: dict[Any, Row], events: list[Event], *, secret: str, address: str) -> None:
    """Tell every hook of these events, each in a thread of its own: late, twice and out of order can happen."""
    for event in events:
        for hook in list(hooks.values()):
            if hook["event"] == event.name and is_local(hook["address"]):
                body = event.body(address)
                told = (hooks, hook, body, signature(secret, body))
                Thread(target=_tell, args=told, name="webhook", daemon=True).start()


def is_local(address: str) -> bool:
    """The sandbox speaks to nobody but the machine that it runs on."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        return parts.scheme in ("http", "https") and (host == "localhost" or ip_address(host).is_loopback)
    except ValueError:
        return False


def _tell(hooks: dict[Any, Row], hook: Row, body: bytes, signed: str) -> None:
    headers = {"Content-Type": "application/json", "X-Gecko-Delivery": str(uuid4()), "X-Gecko-Signature": signed}
    for pause in (*PAUSES, None):
        status = _post(hook["address"], body, headers)
        if status == 410:
            hooks.pop(hook["id"], None)
        if status == 410 or 200 <= status < 400 or pause is None:
            return
        time.sleep(pause)


def _post(address: str, body: bytes, headers: dict[str, str]) -> int:
    """The status of the answer; 0 without one."""
    try:
        with requests.Session() as session:
            session.trust_env = False
            return session.post(address, data=body, headers=headers, timeout=TIMEOUT, allow_redirects=False).status_code
    except requests.RequestException:
        return 0
