"""TradeGecko's attributes of documents: what is sold, shipped, invoiced, moved. Read as gecko_attributes says."""

from __future__ import annotations

SALES = {
    "orders iscud": """
document_url           text            d
assignee_id            ref:users       CUf
billing_address_id     ref:addresses   CUfk
company_id             ref:companies   CU!f
contact_id             ref:contacts    CUf
currency_id            ref:currencies  CUfk
shipping_address_id    ref:addresses   CU!f
stock_location_id      ref:locations   CUfk
user_id                ref:users       f 41
default_price_list_id  ref:price_lists CUk
email                  text            CU
fulfillment_status     text            df
invoice_status         text            df
issued_at              date            CU!
notes                  text            CU
order_number           text            CUfk
packed_status          text            df
payment_status         text            df
phone_number           text            CU
reference_number       text            CUf
return_status          text            df
returning_status       text            df
shippability_status    text            df
backordering_status    text            df
ship_at                date            CU
source_url             text            CU
status                 one:draft|active|finalized CUf "draft"
tax_label              text            d
tax_override           decimal         -
tax_treatment          one:inclusive|exclusive CUk
total                  text            d
tags                   texts           CUf []
fulfillment_ids        ids:fulfillments -
fulfillment_return_ids ids:fulfillment_returns -
invoice_ids            ids:invoices    -
payment_ids            texts           d
refund_ids             texts           - []
invoices               texts           d
cached_total           alias:total     -
default_price_type_id  alias:default_price_list_id -
source                 text            - "sandbox"
tax_type               alias:tax_treatment -
due_at                 alias:ship_at   -
tracking_number        text            d
url                    alias:source_url -
source_id              whole           f 77
invoice_numbers        object          d
order_line_item_ids    texts           d
""",
    "order_line_items iscud": """
order_id           ref:orders      C!fp
variant_id         ref:variants    Cfp
tax_type_id        ref:tax_types   CUfk
discount           decimal         CU
discount_amount    decimal         CU
freeform           yesno           CU false
image_url          text            CU
label              text            CU
line_type          one:product|discount|shipping|rounding|fee|gift_wrap CU
position           whole           CUk
price              decimal         CUk
quantity           decimal         CU "1.0"
tax_rate_override  decimal         CU
tax_rate           alias:tax_rate_override -
shippable          yesno           d
fulfillment_line_item_ids        ids:fulfillment_line_items -
fulfillment_return_line_item_ids ids:fulfillment_return_line_items -
invoice_line_item_ids            ids:invoice_line_items -
""",
    "fulfillments iscud": """
order_id             ref:orders    C!fp
order_number         text          d
company_id           text          df
shipping_address_id  ref:addresses CUfk
billing_address_id   ref:addresses CUfk
stock_location_id    ref:locations CUfk
delivery_type        text          CU
exchange_rate        decimal       CU "1.0"
notes                text          CU
packed_at            date          CUk
receipt              object        CU {}
received_at          time          CU
service              text          CU
shipped_at           time          CUk
status               one:packed|fulfilled|void|deleted CUf "packed"
tracking_company     text          CU
tracking_number      text          CU
tracking_url         text          CUf
destination_url      text          -
fulfillment_line_item_ids ids:fulfillment_line_items -
""",
    "fulfillment_line_items iscud": """
fulfillment_id      ref:fulfillments     C!fp
order_line_item_id  ref:order_line_items C!fp
base_price          decimal              d
position            whole                CUk
quantity            decimal              CU!
variant_id          whole                d
variant_sku         text                 d
""",
    "fulfillment_returns iscud": """
order_id            ref:orders    C!fp
company_id          text          d
location_id         ref:locations CUk
status              one:returning|received|void|deleted CUf "returning"
notes               text          CU
tracking_url        text          CU
tracking_number     text          CU
tracking_company    text          CU
delivery_type       text          CU
exchange_rate       decimal       CU "1.0"
credit_note_number  text          CU
received_at         time          CUk
fulfillment_return_line_item_ids ids:fulfillment_return_line_items -
""",
    "fulfillment_return_line_items iscud": """
fulfillment_return_id  ref:fulfillment_returns C!fp
order_line_item_id     ref:order_line_items    C!fp
quantity               decimal                 CU!
base_price             decimal                 d
position               whole                   CUk
""",
    "invoices iscud": """
order_id             ref:orders        C!fp
invoice_number       text              CUfk
invoiced_at          date              CUk
due_at               date              CU
payment_term_id      ref:payment_terms CUf
shipping_address_id  ref:addresses     CUfk
billing_address_id   ref:addresses     CUfk
exchange_rate        decimal           CU "1.0"
notes                text              CU
status               text              - "active"
payment_status       text              df
cached_total         alias:total       -
total                text              d
order_number         text              d
company_id           text              df
currency_id          text              df
document_url         text              d
invoice_line_item_ids ids:invoice_line_items -
payment_ids          ids:payments      -
""",
    "invoice_line_items iscud": """
invoice_id          ref:invoices         C!fp
order_line_item_id  ref:order_line_items C!fp
ledger_account_id   whole                CU
quantity            decimal              CU!
position            whole                CUk
""",
    "payments iscud": """
invoice_id         ref:invoices        C!fp
amount             decimal             CU!
payment_method_id  ref:payment_methods CU
reference          text                CU
reference_number   text                CU
paid_at            time                CUk
status             text                - "active"
exchange_rate      decimal             CU "1.0"
""",
}

STOCK = {
    "stock_adjustments iscd": """
adjustment_number            text          Cf
reason                       one:supplier|customer|damaged|shrinkage|promotion|production C
reason_label                 text          C
stock_adjustment_reason_id   whole         C
stock_location_id            ref:locations C!f
notes                        text          C
cached_quantity              text          d
cached_total                 text          d
stock_adjustment_line_item_ids ids:stock_adjustment_line_items -
""",
    "stock_adjustment_line_items iscd": """
stock_adjustment_id  ref:stock_adjustments C!fp
variant_id           ref:variants          C!fp
quantity             decimal               C!
price                decimal               C
position             whole                 C
""",
    "stock_transfers iscd": """
source_location_id       ref:locations C!f
destination_location_id  ref:locations C!f
status                   text          f "active"
received_at              time          C
notes                    text          C
stock_transfer_line_item_ids ids:stock_transfer_line_items -
""",
    "stock_transfer_line_items iscd": """
stock_transfer_id  ref:stock_transfers C!fp
variant_id         ref:variants        C!f
quantity           decimal             C!
position           whole               C
""",
    "purchase_orders iscud": """
company_id             ref:companies  CU!f
supplier_address_id    ref:addresses  CU
billing_address_id     ref:locations  CU
stock_location_id      ref:locations  CUf
currency_id            ref:currencies CUf
default_price_list_id  ref:price_lists CU "buy"
order_number           text           CUf
reference_number       text           CUf
email                  text           CU
due_at                 date           CU
received_at            date           CU
status                 one:draft|active|finalized|received CUf "draft"
procurement_status     text           f "unprocured"
notes                  text           CU
tax_treatment          one:inclusive|exclusive CU "exclusive"
document_url           text           -
total                  text           d
cached_quantity        text           d
tags                   texts          CU []
purchase_order_line_item_ids ids:purchase_order_line_items -
procurement_ids        texts          - []
""",
    "purchase_order_line_items iscud": """
purchase_order_id  ref:purchase_orders C!fp
variant_id         ref:variants        Cf
procurement_id     whole               -
tax_type_id        ref:tax_types       CU
quantity           decimal             CU "1.0"
price              decimal             CU "0.0"
position           whole               CU
label              text                CU
freeform           yesno               CU false
tax_rate_override  decimal             CU
base_price         decimal             CU
extra_cost_value   decimal             CU
image_url          text                CU
""",
}
