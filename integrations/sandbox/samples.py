"""Goods and orders for the demo and for training."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from integrations.sandbox.gecko_state import GeckoState
from integrations.sandbox.gecko_tables import ACCOUNT
from integrations.sandbox.oasis_state import OasisState, Parcel

GOODS = (
    ("LAMP-OAK-01", "Oak table lamp", 40), ("SHADE-LIN-W", "Linen shade, white", 25), ("RUG-5X8", "Rug 5 × 8", 12),
    ("SOFA-3S-GRY", "Three-seat sofa, grey", 6), ("MUG-BLK", "Mug, black", 120), ("TEE-RED-M", "T-shirt, red, M", 60),
    ("CHAIR-ASH", "Ash dining chair", 18), ("TABLE-ASH", "Ash dining table", 5), ("PILLOW-DN", "Down pillow", 200),
    ("THROW-WL", "Wool throw", 33), ("MIRROR-RD", "Round mirror", 9), ("VASE-BLU", "Blue vase", 0),
)  # fmt: skip
# What the marketplace calls a lamp; the demo's aliases lead it to LAMP-OAK-01.
ALIASED = {"partner_sku": "OS-LAMP", "option_sku": "30012345-000-000", "title": "Oak table lamp", "unit_cost": "31.50"}


def catalogue(state: GeckoState) -> None:
    """An account with what every account has, two locations, one company, a dozen variants."""
    main, _ = (
        state.add("locations", label=label, address1=address, city="Reno", state="NV", country="US")["id"]
        for label, address in (("Main DC", "900 Dock Street"), ("East Store", "1 Elm"))
    )
    state.add("companies", name="Overstock.com", company_type="business")
    dollar = state.add("currencies", id=12, iso="USD", name="US dollar", symbol="$")["id"]
    untaxed = state.add("tax_types", name="No tax", code="NONE")["id"]
    term = state.add("payment_terms", name="30 days", due_in_days=30)["id"]
    method = state.add("payment_methods", name="Bank transfer", is_default=True)["id"]
    user = state.add("users", id=41, first_name="Sandbox", last_name="User", email="user@sandbox.example")["id"]
    for name in ("buy", "wholesale", "retail"):
        state.add("price_lists", id=name, code=name, name=name.title(), currency_id=dollar, currency_iso="USD",
                  currency_symbol="$", is_cost=name == "buy", is_default=name == "retail")  # fmt: skip
    state.add(
        "accounts", id=ACCOUNT, name="Sandbox Goods", country="US", contact_email="user@sandbox.example",
        tax_label="Tax", tax_number_label="EIN", primary_location_id=main, primary_billing_location_id=main,
        default_currency_id=dollar, default_payment_method_id=method, default_payment_term_id=term,
        billing_contact_id=user, default_sales_order_tax_type_id=untaxed, default_purchase_order_tax_type_id=untaxed,
        default_tax_exempt_id=untaxed,
    )  # fmt: skip
    for sku, title, stock in GOODS:
        state.add_variant(sku, stock=stock, product_name=title, name=title)


def orders(state: OasisState) -> None:
    """Orders of the last hours, each for another reason to be here."""
    now = datetime.now(UTC)

    def add(hours: float, *lines: dict[str, object], **values: Any) -> str:
        at = now - timedelta(hours=hours)
        return state.add_order(*lines, ordered_at=at, created_at=at + timedelta(minutes=5), **values)

    def line(sku: str, quantity: int = 1, cost: str = "12.50", **more: object) -> dict[str, object]:
        return {"partner_sku": sku, "option_sku": f"3{sum(map(ord, sku)) * 7919 % 10_000_000:07}", "quantity": quantity,
                "unit_cost": cost, "title": sku.title(), **more}  # fmt: skip

    add(8, {**ALIASED, "quantity": 2})
    add(7, line("MUG-BLK", 4), line("TEE-RED-M"), line("PILLOW-DN", 2))
    larch = {"contactName": "Amélie O'Neil & Söhne", "address1": "17 Larch & Pine Way", "address2": "Apt 4"}
    add(6, line("RUG-5X8"), address=larch, signature_required=True)
    sofa = line("SOFA-3S-GRY", cost="412.00", special_handling="WG white glove", notes="Call before delivery")
    add(5, sofa, service="THRESHOLD", is_freight=True)
    add(4, line("MYSTERY-9"))
    add(3.5, line("CHAIR-ASH", 4), line("TABLE-ASH"), address={"contactName": "Žofie Nováková", "city": "Duluth"})
    shipped = add(3, line("THROW-WL"))
    state.orders[shipped].lines[0].parcels.append(Parcel(1, "UPS", "GROUND", "1ZSAMPLE01", now.isoformat()))
    state.orders[shipped].lines[0].status, state.orders[shipped].status = "SHIPPED", "COMPLETE"
    state.cancel(add(2, line("MIRROR-RD")))
    add(1, line("VASE-BLU"), warehouse="Reno DC")
