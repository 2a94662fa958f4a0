"""What TradeGecko tells by itself, and how it is known to be from there (tradegecko 3.17, 5.11)."""

from __future__ import annotations

import hmac
import json
from base64 import b64encode
from collections.abc import Mapping

STOCK = "variant.stock_level_update"
EVENTS = ("fulfillment.create", "fulfillment.fulfilled", STOCK)


def is_signed(secret: str, body: bytes, headers: Mapping[str, str]) -> bool:
    """Whether exactly these bytes were signed with the application's secret."""
    right = b64encode(hmac.digest(secret.encode(), body, "sha256"))
    return hmac.compare_digest(right, headers.get("X-Gecko-Signature", "").strip().encode())


def job_for(body: bytes) -> str:
    """The job that reads what this tells of; empty where there is nothing to read.

    The event may be misprinted as `fulfillments.create`, and the body be the record itself (3.17, 9).
    """
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(told, dict):
        return ""
    event = str(told.get("event", ""))
    if event.startswith(("fulfillment.", "fulfillments.")) or "fulfillment" in told:
        return "pull_shipments"
    return "refresh_levels" if event == STOCK else ""
