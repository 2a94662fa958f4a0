"""What differs between accounts: settings with defaults (docs/contracts.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from integrations.errors import Misconfigured

MAX_PAGE_SIZE = 250
# What TradeGecko knows (3.2, 3.10); it may ignore anything else without a word.
WORDS = {"tax_treatment": ("", "inclusive", "exclusive"), "company_type": ("business", "supplier", "consumer")}


@dataclass(frozen=True, slots=True)
class Options:
    """`page_size` rows per answer, `sku_batch` SKUs or ids per question.

    An empty `tax_treatment` leaves the account's own.
    `read_bundles`: ask what bundles consist of.
    `authorize_url`: where staff authorize an OAuth application; empty: beside the base URL.
    """

    page_size: int = MAX_PAGE_SIZE
    sku_batch: int = 50
    tax_treatment: str = ""
    company_type: str = "business"
    send_currency: bool = True
    authorize_url: str = ""
    read_bundles: bool = True


def read(given: object, connection: str) -> Options:
    """Options from a connection's JSON. Raises Misconfigured naming what is wrong."""
    if not isinstance(given, Mapping):
        raise Misconfigured(
            f"connection {connection}: the options must be a JSON object such as {{}}, not {given!r:.40}"
        )
    known = {one.name: type(one.default) for one in fields(Options)}
    for name, value in given.items():
        if name not in known:
            raise Misconfigured(f"connection {connection}: there is no option {name!r}; known are {', '.join(known)}")
        if type(value) is not known[name]:
            raise Misconfigured(f"connection {connection}: option {name} must be of type {known[name].__name__}")
    options = Options(**given)
    for name, words in WORDS.items():
        if given.get(name, words[0]) not in words:
            known_words = ", ".join(map(repr, words))
            raise Misconfigured(f"connection {connection}: option {name} must be one of {known_words}")
    if not 1 <= options.page_size <= MAX_PAGE_SIZE or not 1 <= options.sku_batch <= MAX_PAGE_SIZE:
        raise Misconfigured(f"connection {connection}: page_size and sku_batch must be from 1 to {MAX_PAGE_SIZE}")
    return options
