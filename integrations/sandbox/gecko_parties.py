"""Rules for companies, addresses, locations and the other small records (tradegecko 3.2 to 3.5, 3.16)."""

from __future__ import annotations

from integrations.sandbox.gecko_checks import accepted
from integrations.sandbox.gecko_resources import RESOURCES
from integrations.sandbox.gecko_tables import GeckoTables
from integrations.sandbox.gecko_values import Invalid, Row
from integrations.sandbox.gecko_webhooks import NAMES

COUNTRIES = {
    "australia": "AU", "austria": "AT", "belgium": "BE", "canada": "CA", "china": "CN", "czech republic": "CZ",
    "denmark": "DK", "finland": "FI", "france": "FR", "germany": "DE", "india": "IN", "ireland": "IE", "italy": "IT",
    "japan": "JP", "malaysia": "MY", "mexico": "MX", "netherlands": "NL", "new zealand": "NZ", "norway": "NO",
    "poland": "PL", "portugal": "PT", "singapore": "SG", "spain": "ES", "sweden": "SE", "switzerland": "CH",
    "united kingdom": "GB", "united states": "US", "united states of america": "US", "usa": "US",
}  # fmt: skip
TAKEN = "has already been taken"


def create(state: GeckoTables, table: str, given: Row) -> Row:
    """A record that has no rules but those of its attributes and its label."""
    values = accepted(state, table, given, creating=True)
    _check(state, table, values, {})
    return state.add(table, **_completed(table, values))


def update(state: GeckoTables, table: str, row: Row, given: Row) -> None:
    values = accepted(state, table, given, creating=False)
    _check(state, table, values, row)
    state.change(row, **values)
    state.announce(f"{RESOURCES[table].root}.update", row)


def delete(state: GeckoTables, table: str, row: Row) -> None:
    """Soft where there is a status to say so (2.10)."""
    if "status" in RESOURCES[table].attributes:
        state.change(row, status="archived")
    else:
        state.remove(table, row)
    state.announce(f"{RESOURCES[table].root}.destroy", row)


def _check(state: GeckoTables, table: str, values: Row, row: Row) -> None:
    if table == "webhooks" and values.get("event", row.get("event")) not in NAMES:
        raise Invalid(event="is not included in the list")
    label = values.get("label")
    if label and table in ("locations", "addresses"):
        own = {**row, **values}
        for other in _neighbours(state, table, own):
            if other["label"] == label and other["status"] == "active" and other["id"] != own.get("id"):
                raise Invalid(label=TAKEN)


def _neighbours(state: GeckoTables, table: str, row: Row) -> list[Row]:
    """Records that may not have the same label: all locations, the addresses of one company."""
    if table == "addresses":
        return state.children("addresses", "company_id", row["company_id"])
    return list(state.tables[table].values())


def _completed(table: str, values: Row) -> Row:
    """An address without a country code gets that of its country (3.3)."""
    country = str(values.get("country") or "").strip()
    if table != "addresses" or values.get("country_code") or not country:
        return values
    code = country.upper() if len(country) == 2 else COUNTRIES.get(country.lower())
    return {**values, "country_code": code}
