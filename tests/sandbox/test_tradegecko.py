"""The sandbox's TradeGecko keeps its contract: orders, parcels, stock, and everything around them (tradegecko 2 to 5)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.warehouse import Client

NAMES = {
    "orders": """id created_at updated_at document_url assignee_id billing_address_id company_id contact_id currency_id
    shipping_address_id stock_location_id user_id default_price_list_id email fulfillment_status invoice_status issued_at
    notes order_number packed_status payment_status phone_number reference_number return_status returning_status
    shippability_status backordering_status ship_at source_url status tax_label tax_override tax_treatment total tags
    fulfillment_ids fulfillment_return_ids invoice_ids payment_ids refund_ids invoices cached_total
    default_price_type_id source tax_type tracking_number url source_id invoice_numbers order_line_item_ids""",
    "order_line_items": """id created_at updated_at order_id variant_id tax_type_id discount discount_amount freeform image_url label
    line_type position price quantity tax_rate_override tax_rate fulfillment_line_item_ids
    fulfillment_return_line_item_ids invoice_line_item_ids""",
    "fulfillments": """id created_at updated_at order_id order_number company_id shipping_address_id billing_address_id
    stock_location_id delivery_type exchange_rate notes packed_at receipt received_at service shipped_at status
    tracking_company tracking_number tracking_url fulfillment_line_item_ids""",
    "fulfillment_line_items": """id created_at updated_at fulfillment_id order_line_item_id base_price position quantity variant_id
    variant_sku""",
    "variants": """id created_at updated_at product_id sku name product_name product_status product_type status upc
    supplier_code description opt1 opt2 opt3 manage_stock keep_selling max_online sellable purchasable taxable
    online_ordering composite packsize buy_price retail_price wholesale_price last_cost_price moving_average_cost
    stock_on_hand committed_stock available_stock incoming_stock position weight weight_unit image_ids variant_prices
    locations""",
}


def names(table: str) -> set[str]:
    return set(NAMES[table].split())


# --- orders are created -----------------------------------------------------------------------------------------


def test_an_order_of_the_contract_is_answered_as_in_the_contract(client: Client) -> None:
    company = client.create("companies", name="Marta", company_type="consumer")["id"]
    address = client.create("addresses", company_id=company, address1="ul. Polna 7", country="Poland")
    lines = [
        client.line(quantity="2", price="19.9", line_type="product"), client.line("TEE-RED-M", "1", "9.5", discount="10"),
        {"freeform": True, "line_type": "shipping", "label": "Shipping", "quantity": "1", "price": "4.9"},
    ]  # fmt: skip
    order = client.create(
        "orders", company_id=company, shipping_address_id=address["id"], status="active", issued_at="21-02-2018",
        currency_iso="USD", tags=["MP1"], order_line_items=lines,
    )  # fmt: skip
    assert address["country_code"] == "PL"
    assert names("orders") <= order.keys()
    assert (order["total"], order["issued_at"], order["billing_address_id"]) == ("53.25", "2018-02-21", address["id"])
    assert (order["stock_location_id"], order["user_id"], order["default_price_list_id"]) == (
        client.show("accounts", "current")["primary_location_id"], 41, "retail",
    )  # fmt: skip
    rows = client.index("order_line_items", f"order_id={order['id']}")
    assert [row["position"] for row in rows] == [1, 2, 3]
    assert names("order_line_items") <= rows[0].keys()
    assert [row["quantity"] for row in rows] == ["2.0", "1.0", "1.0"]


def test_a_client_that_sends_null_for_all_it_does_not_know_gets_the_defaults(client: Client) -> None:
    line = {**dict.fromkeys(names("order_line_items")), "variant_id": client.variant(), "quantity": 2.0, "price": "3"}
    nulls: dict[str, Any] = dict.fromkeys(names("orders"))
    order = client.order(line, **{**nulls, "issued_at": "2021-10-01", "company_id": client.company()})
    assert (order["status"], order["tags"], order["total"]) == ("draft", [], "6.0")
    assert order["stock_location_id"] == client.show("accounts", "current")["primary_location_id"]
    company = client.create("companies", name="A", company_type="business", status=None, tags=None)
    assert (company["status"], company["tags"]) == ("active", [])
    assert client.index("companies", "status=active")[0]["id"] == company["id"]


@pytest.mark.parametrize(("values", "field"), [
    ({"company_id": None}, "company_id"), ({"company_id": 5}, "company_id"), ({"issued_at": None}, "issued_at"),
    ({"shipping_address": None}, "shipping_address_id"), ({"shipping_address_id": 5}, "shipping_address_id"),
    ({"shipping_address": {"label": "x"}}, "address1"), ({"status": "fulfilled"}, "status"),
    ({"order_line_items": {"a": 1}}, "order_line_items"), ({"stock_location_id": 5}, "stock_location_id"),
    ({"currency_iso": "XXX"}, "currency_id"), ({"order_line_items": [{"variant_id": 5}]}, "variant_id"),
    ({"order_line_items": [{"freeform": True, "quantity": "many"}]}, "quantity"),
    ({"order_line_items": [{"freeform": True, "price": {}}]}, "price"),
    ({"order_line_items": [{"freeform": True, "quantity": "1e999999"}]}, "quantity"),
])  # fmt: skip
def test_a_refused_order_names_the_field_and_leaves_nothing_behind(
    client: Client, values: dict[str, Any], field: str
) -> None:
    given = {"company_id": client.company(), "shipping_address": {"address1": "a"}, "issued_at": "2021-10-01", **values}
    assert field in client.refused("orders", **given)
    assert [client.get(f"/{table}?limit=0")[table] for table in ("orders", "addresses")] == [[], []]
    assert client.index("addresses") == client.index("orders") == client.index("order_line_items") == []


def test_an_address_of_another_company_is_refused(client: Client) -> None:
    other = client.create("companies", name="B", company_type="business")["id"]
    address = client.create("addresses", company_id=other, address1="a")["id"]
    given = {"company_id": client.company(), "issued_at": "2021-10-01"}
    assert "shipping_address_id" in client.refused("orders", **given, shipping_address_id=address)
    order = client.order()
    errors = client.put("orders", order["id"], 422, billing_address_id=str(address)).json()["errors"]
    assert errors == {"billing_address_id": ["is invalid"]}


def test_a_line_without_a_price_has_that_of_the_price_list(client: Client) -> None:
    variant = client.variant()
    client.put("variants", variant, retail_price="19.90", wholesale_price="11")
    order = client.order({"variant_id": str(variant), "quantity": "1"})
    assert order["total"] == "19.9"
    order = client.order({"variant_id": variant}, default_price_list_id="wholesale")
    assert order["total"] == "11.0"


def test_an_order_without_lines_totals_the_integer_zero(client: Client) -> None:
    order = client.order()
    assert (order["total"], order["cached_total"], order["order_number"]) == (0, 0, "SO0001")
    assert client.get("/orders/available_identifiers?type=order_number") == {"identifier": "SO0002"}


# --- and changed ------------------------------------------------------------------------------------------------


def test_a_change_keeps_every_real_attribute_and_ignores_the_rest(client: Client) -> None:
    order = client.order(client.line(), status="active")
    client.put("orders", order["id"], email="a@b", ship_at="2021-10-09", id=5, created_at="1999", total="9", user_id=7,
               fulfillment_status="shipped", nonsense=1, stock_location_id=None, status=None)  # fmt: skip
    after = client.show("orders", order["id"])
    assert (after["email"], after["ship_at"], after["status"]) == ("a@b", "2021-10-09", "active")
    same = ("id", "created_at", "total", "user_id", "fulfillment_status", "stock_location_id")
    assert {name: after[name] for name in same} == {name: order[name] for name in same}
    client.put("orders", order["id"], **after)
    client.put("variants", client.variant(), stock_on_hand="10", upc="400")
    assert client.show("variants", client.variant())["stock_on_hand"] == "120"


def test_lines_are_appended_changed_and_deleted(client: Client) -> None:
    order = client.order(client.line(), status="active")
    client.put("orders", order["id"], order_line_items=[client.line("TEE-RED-M", "1", "5")])
    client.create("order_line_items", order_id=order["id"], freeform=True, label="Gift", price="1")
    first, second, third = client.index("order_line_items", f"order_id[]={order['id']}")
    client.put("order_line_items", first["id"], quantity=1, order_id=None, variant_id=5)
    client.put("order_line_items", second["id"], quantity=None)
    client.call("DELETE", f"/order_line_items/{third['id']}", expect=204)
    assert client.show("order_line_items", first["id"])["quantity"] == "1.0"
    assert client.show("orders", order["id"])["total"] == "9.5"
    assert "order_id" in client.refused("order_line_items", variant_id=client.variant())
    client.put("order_line_items", first["id"], 422, quantity="some")


def test_status_goes_forward_and_nothing_comes_back_from_the_end(client: Client) -> None:
    order = client.order(client.line(), status="draft")
    for status in ("active", "finalized", "active", "finalized"):
        client.put("orders", order["id"], status=status)
    client.put("orders", order["id"], 422, status="fulfilled")
    client.put("orders", order["id"], 422, status="void")
    client.act(order, "pack")
    client.put("orders", order["id"], 422, status="active")
    client.act(order, "void")
    assert [one["status"] for one in client.index("fulfillments", "status[]=void")] == ["void"]
    client.put("orders", order["id"], 422, status="active")
    client.put("orders", order["id"], notes="late", status="void")
    client.refused("order_line_items", order_id=order["id"], freeform=True)
    draft = client.order(status="draft")
    client.call("DELETE", f"/orders/{draft['id']}", expect=204)
    assert client.show("orders", draft["id"])["status"] == "deleted"


# --- packed, shipped, invoiced ----------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["pack", "fulfil", "invoice", "pay"])
@pytest.mark.parametrize("status", ["draft", "active"])
def test_only_finalized_orders_are_packed_shipped_invoiced(client: Client, action: str, status: str) -> None:
    order = client.order(client.line(), status=status)
    assert client.act(order, action, 422)["errors"][0].startswith("Only finalized orders")
    lines = [{"order_line_item_id": order["order_line_item_ids"][0], "quantity": "1"}]
    assert "base" in client.refused("fulfillments", order_id=order["id"], fulfillment_line_items=lines)


def test_an_order_tells_how_far_it_has_come(client: Client) -> None:
    order = client.order(client.line(quantity="3"), {"freeform": True, "label": "Fee", "price": "1"})

    def state() -> list[str]:
        row = client.show("orders", order["id"])
        return [row[f"{one}_status"] for one in ("packed", "fulfillment", "invoice", "payment")] + [row["status"]]

    assert state() == ["unpacked", "unshipped", "uninvoiced", "unpaid", "finalized"]
    parcel = client.parcel(order, "1", tracking_number="1Z1")
    assert state() == ["partial", "unshipped", "uninvoiced", "unpaid", "finalized"]
    client.put("fulfillments", parcel["id"], status="fulfilled")
    assert state()[:2] == ["partial", "partial"]
    client.act(order, "invoice", invoice={"notes": "n"})
    client.act(order, "pay", payment={"payment_method_name": "Bank transfer"})
    assert state()[2:4] == ["invoiced", "paid"]
    [payment] = client.index("payments")
    client.call("DELETE", f"/invoices/{payment['invoice_id']}", expect=422)
    client.act(order, "fulfil", fulfillment={"tracking_number": "1Z2", "tracking_company": "UPS"})
    assert state() == ["packed", "shipped", "invoiced", "paid", "fulfilled"]
    row = client.show("orders", order["id"])
    assert row["tracking_number"] == "1Z2"
    assert [len(row[f"{one}_ids"]) for one in ("fulfillment", "invoice", "payment")] == [2, 1, 1]
    assert client.act(order, "void", 422)["errors"] == ["Order has shipped goods"]


def test_a_parcel_is_answered_with_every_attribute(client: Client) -> None:
    order = client.order(client.line())
    parcel = client.parcel(order, "1", stock_location_id=None, tracking_number=None)
    assert names("fulfillments") <= parcel.keys()
    assert (parcel["status"], parcel["receipt"], parcel["exchange_rate"]) == ("packed", {}, "1.0")
    [line] = client.index("fulfillment_line_items", f"fulfillment_id={parcel['id']}")
    assert names("fulfillment_line_items") <= line.keys()
    assert (line["variant_sku"], line["base_price"], line["quantity"]) == ("MUG-BLK", "4.5", "1.0")
    client.put("fulfillments", parcel["id"], status="fulfilled")
    left_at = client.show("fulfillments", parcel["id"])["shipped_at"]
    client.put("fulfillments", parcel["id"], order_id=None, shipped_at=None, tracking_number="LATE", status="fulfilled")
    after = client.show("fulfillments", parcel["id"])
    assert (after["shipped_at"], after["order_id"], after["tracking_number"]) == (left_at, order["id"], "LATE")


def test_no_parcel_holds_more_than_was_ordered_or_what_is_of_another_order(client: Client) -> None:
    one, two = client.order(client.line()), client.order(client.line())
    mine, other = one["order_line_item_ids"][0], two["order_line_item_ids"][0]

    def pack(*lines: tuple[int, str], expect: int) -> str:
        rows = [{"order_line_item_id": line, "quantity": units} for line, units in lines]
        body = {"fulfillment": {"order_id": one["id"], "fulfillment_line_items": rows}}
        return client.call("POST", "/fulfillments", body, expect).text

    assert "Cannot create or update a Fulfillment without line items" in pack(expect=422)
    pack((mine, "3"), expect=422)
    pack((mine, "1"), (mine, "2"), expect=422)
    pack((mine, "0"), expect=422)
    assert "Couldn't find OrderLineItem" in pack((mine, "1"), (other, "1"), expect=404)
    assert "Couldn't find OrderLineItem" in pack((mine, "1"), (3, "1"), expect=404)
    assert (client.index("fulfillments"), client.packed(mine)) == ([], "0")


def test_lines_of_a_parcel_keep_to_the_rules_of_packing(client: Client) -> None:
    order = client.order(client.line(quantity="3"))
    parcel, line = client.parcel(order, "1"), order["order_line_item_ids"][0]
    more = {"fulfillment_id": parcel["id"], "order_line_item_id": line}
    added = client.create("fulfillment_line_items", **more, quantity="1")
    client.refused("fulfillment_line_items", **more, quantity="2")
    assert "fulfillment_id" in client.refused("fulfillment_line_items", quantity="1")
    client.put("fulfillment_line_items", added["id"], 422, quantity="3")
    client.put("fulfillment_line_items", added["id"], quantity=2)
    assert client.packed(line) == "3.0"
    client.call("DELETE", f"/fulfillment_line_items/{added['id']}", expect=204)
    assert client.packed(line) == "1.0"
    client.call("DELETE", f"/order_line_items/{line}", expect=422)
    client.put("order_line_items", line, 422, quantity="0")


def test_an_ended_parcel_gives_its_goods_back_and_stays_ended(client: Client) -> None:
    order = client.order(client.line())
    parcel = client.parcel(order, "2", status="fulfilled")
    assert client.show("orders", order["id"])["status"] == "fulfilled"
    client.put("fulfillments", parcel["id"], 422, status="packed")
    client.put("fulfillments", parcel["id"], status="void")
    client.put("fulfillments", parcel["id"], 422, status="fulfilled")
    client.call("DELETE", f"/fulfillments/{parcel['id']}", expect=204)
    assert client.show("fulfillments", parcel["id"])["status"] == "void"
    assert client.show("stock_levels", client.variant())["stock_on_hand"] == "120"
    assert client.show("orders", order["id"])["status"] == "finalized"


def test_goods_come_back_by_a_return(client: Client) -> None:
    order = client.order(client.line())
    parcel = client.parcel(order, "2", status="fulfilled")
    line = {"order_line_item_id": order["order_line_item_ids"][0], "quantity": "1"}
    back = client.create("fulfillment_returns", order_id=order["id"], fulfillment_return_line_items=[line])
    assert client.show("orders", order["id"])["returning_status"] == "partial"
    client.put("fulfillment_returns", back["id"], status="received")
    assert client.show("stock_levels", client.variant())["stock_on_hand"] == "119"
    assert client.show("orders", order["id"])["return_status"] == "partial"
    client.call("DELETE", f"/fulfillments/{parcel['id']}", expect=422)
    client.refused("fulfillment_returns", order_id=order["id"], fulfillment_return_line_items=[{**line, "quantity": 2}])


def test_what_was_paid_and_invoiced_can_be_taken_back(client: Client) -> None:
    order = client.order(client.line())
    assert "Required parameter missing: invoice" in client.call(
        "POST", "/invoices", {"invoice": {"order_id": order["id"]}}, 400
    ).text  # fmt: skip
    client.act(order, "pay")
    [payment], [invoice] = client.index("payments"), client.index("invoices", "payment_status=paid")
    assert (payment["amount"], invoice["cached_total"], invoice["invoice_number"]) == ("9.0", "9.0", "INV0001")
    for path in (f"/payments/{payment['id']}", f"/invoices/{invoice['id']}"):
        client.call("DELETE", path, expect=204)
    row = client.show("orders", order["id"])
    assert (row["payment_status"], row["invoice_status"], row["invoice_ids"]) == ("unpaid", "uninvoiced", [])


# --- goods and stock --------------------------------------------------------------------------------------------


def test_a_variant_has_every_attribute_and_the_wires_quirks(client: Client) -> None:
    client.order(client.line(quantity="2"), status="active")
    row = client.show("variants", client.variant())
    assert names("variants") <= row.keys()
    assert (row["stock_on_hand"], row["committed_stock"], row["available_stock"]) == ("120", "2", "118")
    assert client.show("variants", client.variant("TEE-RED-M"))["locations"][0]["committed"] is None
    level = client.show("stock_levels", client.variant())
    assert level.keys() == {
        "variant_id", "stock_on_hand", "committed_stock", "available_stock", "incoming_stock", "locations",
    }  # fmt: skip
    assert client.show("products", row["product_id"])["variant_ids"] == [row["id"]]


def test_a_new_variant_can_be_sold_and_has_its_first_stock(client: Client) -> None:
    product = client.create("products", name="Plates")["id"]
    given = {"product_id": product, "sku": "PLATE", "sellable": None, "initial_stock_level": "10", "retail_price": "3"}
    variant = client.create("variants", **given)
    assert (variant["status"], variant["sellable"], variant["stock_on_hand"]) == ("active", True, "10")
    client.order({"variant_id": variant["id"], "quantity": "4"}, status="active")
    assert client.show("stock_levels", variant["id"])["available_stock"] == "6"
    assert "product_id" in client.refused("variants", sku="x")


def test_a_stock_adjustment_moves_stock(client: Client) -> None:
    place, variant = client.show("accounts", "current")["primary_location_id"], client.variant("VASE-BLU")
    given = {"stock_location_id": place, "reason": "production"}
    line = {"variant_id": variant, "quantity": "7"}
    assert "price" in client.refused("stock_adjustments", **given, stock_adjustment_line_items=[line])
    made = client.create("stock_adjustments", **given, stock_adjustment_line_items=[{**line, "price": "2"}])
    assert (made["cached_quantity"], made["cached_total"]) == ("7.0", "14.0")
    assert client.show("stock_levels", variant)["stock_on_hand"] == "7"


def test_a_bundle_is_as_many_as_its_scarcest_component_allows(client: Client) -> None:
    gecko = client.box.tradegecko
    gecko.set_stock("MUG-BLK", 31)
    bundle = gecko.add_bundle("SET", {"MUG-BLK": 2, "TEE-RED-M": 1})
    client.order(client.line(quantity="4"), status="active")
    level = client.show("stock_levels", bundle)
    assert (level["stock_on_hand"], level["committed_stock"], level["available_stock"]) == ("15.5", "2", "13.5")
    rows = client.get("/variants/composition?include=bundle,component")
    assert [(row["bundle_sku"], row["component_sku"], row["quantity"]) for row in rows["composition"]] == [
        ("SET", "MUG-BLK", "2.0"), ("SET", "TEE-RED-M", "1.0"),
    ]  # fmt: skip
    assert len(rows["variants"]) == 3
    order = client.order({"variant_id": bundle, "quantity": "2"})
    client.act(order, "fulfil")
    assert client.show("stock_levels", client.variant())["stock_on_hand"] == "27"


@pytest.mark.parametrize(("table", "values", "field"), [
    ("companies", {"company_type": "business"}, "name"), ("companies", {"name": "x", "company_type": "y"}, "company_type"),
    ("addresses", {"address1": "x"}, "company_id"), ("contacts", {"first_name": "x"}, "company_id"),
    ("notes", {"body": "x"}, "company_id"), ("products", {}, "name"), ("currencies", {}, "iso"), ("tax_types", {}, "name"),
    ("payment_methods", {}, "name"), ("locations", {"label": "Main DC", "address1": "x", "country": "US"}, "label"),
    ("images", {"url": "x"}, "variant_id"), ("webhooks", {"address": "x", "event": "order.update"}, "event"),
    ("payments", {"amount": "1"}, "invoice_id"),
])  # fmt: skip
def test_what_is_required_is_asked_for(client: Client, table: str, values: dict[str, Any], field: str) -> None:
    assert field in client.refused(table, **values)


def test_records_of_a_company_are_listed_with_it_and_labels_are_unique(client: Client) -> None:
    company = client.company()
    address = client.create("addresses", company_id=company, address1="a", label="Ship")
    contact = client.create("contacts", company_id=company, first_name="Pat")
    assert "label" in client.refused("addresses", company_id=company, address1="b", label="Ship")
    row = client.show("companies", company)
    assert (row["address_ids"], row["contact_ids"], row["note_ids"]) == ([address["id"]], [contact["id"]], [])
    assert client.put("addresses", address["id"], 200, address2="b").json()["address"]["address2"] == "b"
    client.call("DELETE", f"/addresses/{address['id']}", expect=204)
    assert client.show("companies", company)["address_ids"] == []
    assert [one["status"] for one in client.index("addresses", "status=archived")] == ["archived"]


def test_everything_that_the_account_names_is_there(client: Client) -> None:
    account = client.show("accounts", "current")
    names = {
        "primary_location_id": "locations", "default_currency_id": "currencies", "default_payment_term_id": "payment_terms",
        "billing_contact_id": "users", "default_sales_order_tax_type_id": "tax_types",
        "default_order_price_list_id": "price_lists",
    }  # fmt: skip
    assert [client.show(table, account[name])["id"] for name, table in names.items()] == [account[one] for one in names]
    assert client.show("users", "current")["id"] == 41
    client.put("locations", account["primary_location_id"], label="Renamed")
    assert client.order(client.line())["stock_location_id"] == account["primary_location_id"]
