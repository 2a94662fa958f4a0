"""TradeGecko's attributes, one table per resource as in the contract (tradegecko 3).

Title: name of the resource, and its verbs (3.0): i index, s show, c create, u update, d delete.
Line: name, kind, flags, default as JSON (null if left out).

Kinds: those of gecko_values.READERS; `ref:` an id in another table, `one:` one of these words, `ids:` ids of the rows
of another table that belong to this one, `alias:` an older name of another attribute.
Flags: C settable on create, U on update, ! required, f filter, k a null on update keeps the value, p rows are looked
up by it, d worked out when shown (gecko_rows), - none of these. What is neither C nor U is read-only.
"""

from __future__ import annotations

from integrations.sandbox.gecko_documents import SALES, STOCK

PARTIES = {
    "accounts isu": """
name                               text                U!
country                            text                U!
contact_email                      text                U
contact_mobile                     text                U
contact_phone                      text                U
industry                           text                U
website                            text                U
time_zone                          text                U "Etc/UTC"
tax_label                          text                U
tax_number                         text                U
tax_number_label                   text                U
stock_level_warn                   yesno               U true
default_tax_treatment              one:inclusive|exclusive U "exclusive"
default_order_price_list_id        ref:price_lists     U "retail"
default_purchase_order_price_list_id ref:price_lists   U "buy"
default_sales_ledger_account_on    one:company|variant|channel U "company"
primary_location_id                ref:locations       Uk
primary_billing_location_id        ref:locations       Uk
default_currency_id                ref:currencies      Uk
default_payment_method_id          ref:payment_methods U
default_payment_term_id            ref:payment_terms   U
billing_contact_id                 ref:users           U
default_sales_order_tax_type_id    ref:tax_types       U
default_purchase_order_tax_type_id ref:tax_types       U
default_tax_exempt_id              ref:tax_types       U
default_document_theme_id          whole               -
location_ids                       texts               d
user_ids                           texts               d
default_tax_rate                   decimal             -
default_tax_type                   alias:default_tax_treatment -
default_tax_type_id                alias:default_sales_order_tax_type_id -
default_order_price_type_id        alias:default_order_price_list_id -
default_purchase_order_price_type_id alias:default_purchase_order_price_list_id -
logo_url                           text                -
""",
    "users isud": """
first_name         text    U
last_name          text    U
email              text    f
status             text    f "active"
location           text    U
position           text    U
phone_number       text    U
mobile             text    U
mobile_phone       text    U
last_sign_in_at    time    -
avatar_url         text    -
notification_email yesno   U true
sales_report_email yesno   U false
action_items_email text    U "weekly"
billing_contact    yesno   - true
permissions        texts   - []
account_id         whole   - 1
account_name       text    -
""",
    "companies iscud": """
name                       text                CU!
company_type               one:business|supplier|consumer CU!f
status                     one:active|disabled Uf "active"
company_code               text                CUf
email                      text                CUf
phone_number               text                CU
fax                        text                CU
website                    text                CU
description                text                CU
tax_number                 text                CU
assignee_id                ref:users           CUf
default_price_list_id      ref:price_lists     CUf
default_payment_term_id    ref:payment_terms   CUf
default_payment_method_id  ref:payment_methods CUf
default_stock_location_id  ref:locations       CUf
default_tax_type_id        ref:tax_types       CUf
default_ledger_account_id  whole               CUf
default_document_theme_id  whole               -
default_discount_rate      decimal             CU
tags                       texts               CU []
address_ids                ids:addresses       -
contact_ids                ids:contacts        -
note_ids                   ids:notes           -
default_tax_rate           decimal             -
default_price_type_id      alias:default_price_list_id -
""",
    "addresses iscud": """
company_id    ref:companies C!fp
address1      text          CU!
label         text          CU
address2      text          CU
suburb        text          CU
city          text          CU
state         text          CU
zip_code      text          CU
country       text          CU
country_code  text          CU
company_name  text          CU
first_name    text          CU
last_name     text          CU
phone_number  text          CU
email         text          CU
status        text          f "active"
""",
    "contacts iscud": """
company_id              ref:companies C!fp
first_name              text          CU!
last_name               text          CU
email                   text          CU
phone_number            text          CU
mobile                  text          CU
fax                     text          CU
location                text          CU
position                text          CU
notes                   text          CU
online_ordering         yesno         CUf false
status                  text          f "active"
iguana_admin            yesno         - false
invitation_accepted_at  time          -
phone                   alias:phone_number -
""",
    "notes iscud": """
company_id  ref:companies C!fp
body        text          CU
user_id     ref:users     - 41
status      text          f "active"
""",
}

SMALL = {
    "locations iscud": """
label        text   CU!
address1     text   CU!
address2     text   CU
suburb       text   CU
city         text   CU
state        text   CU
zip_code     text   CU
country      text   CU!
holds_stock  yesno  CU true
status       text   f "active"
""",
    "currencies iscud": """
iso        text    CU!
name       text    CU
symbol     text    CU
rate       decimal CU "1.0"
precision  whole   CU 2
separator  text    CU "."
delimiter  text    CU ","
format     text    CU "%u%n"
subunit    whole   CU 100
status     text    f "active"
""",
    "tax_types iscud": """
name               text    CU!
code               text    CU
effective_rate     decimal - "0.0"
status             text    f "active"
tax_component_ids  texts   - []
""",
    "payment_terms iscud": """
name         text            CU
due_in_days  whole           CU 0
from         one:now|eom     CU "now"
status       text            f "active"
""",
    "payment_methods iscud": """
name        text   CU!
is_default  yesno  - false
""",
    "price_lists iscud": """
code             text           CU
name             text           CU
currency_id      ref:currencies CU
currency_iso     text           -
currency_symbol  text           -
is_cost          yesno          CU false
is_default       yesno          - false
position         whole          CU
""",
    "document_themes is": """
name  text  -
""",
    "email_templates is": """
name  text  -
""",
    "webhooks iscud": """
event                 text   CU!
address               text   CU!
oauth_application_id  whole  - 77
""",
}

GOODS = {
    "products iscud": """
name          text    CU!
description   text    CU
brand         text    CUf
product_type  text    CUf
opt1          text    CU
opt2          text    CU
opt3          text    CU
tags          joined  CUf
status        one:active|disabled Uf "active"
supplier      text    CU
supplier_ids  texts   - []
image_ids     texts   d
image_url     text    -
quantity      text    d
variant_ids   ids:variants -
search_cache  text    -
vendor        alias:supplier -
""",
    "variants iscud": """
product_id                  ref:products C!fp
sku                         text     CUf
name                        text     CU
description                 text     CU
supplier_code               text     CU
upc                         text     CU
opt1                        text     CU
opt2                        text     CU
opt3                        text     CU
status                      text     f "active"
product_name                text     d
product_status              text     d
product_type                text     df
stock_on_hand               text     d
committed_stock             text     d
available_stock             text     d
incoming_stock              text     d
production_committed_stock  text     - "0"
production_incoming_stock   text     - "0"
total_committed_stock       text     d
total_incoming_stock        text     d
locations                   texts    d
manage_stock                yesno    CU true
keep_selling                yesno    CU false
keep_selling_b2b            yesno    CU false
max_online                  whole    CU
sellable                    yesno    CUf true
purchasable                 yesno    CU true
taxable                     yesno    CU true
online_ordering             yesno    CUf false
is_online                   yesno    CU false
composite                   yesno    Cf false
packsize                    yesno    - false
buy_price                   decimal  CU
retail_price                decimal  CU
wholesale_price             decimal  CU
variant_prices              prices   CU []
last_cost_price             decimal  -
moving_average_cost         decimal  -
initial_cost_price          decimal  C
initial_stock_level         decimal  C
initial_stock_location_id   ref:locations C
weight                      text     CU
weight_value                text     CU
weight_unit                 text     CU "kg"
volume                      text     CU
volume_unit                 text     CU
hs_code                     text     CU
country_of_origin           text     CU
image_ids                   ids:images -
position                    whole    CU 1
reorder_point               whole    CU
moq                         whole    CU
stock_batchable             yesno    - false
raw_material                yesno    - false
manufacturable              yesno    - false
shipping_description        text     CU
initial_cost_price_confirmed yesno   - false
current_version_variant_id  whole    -
default_ledger_account_id   whole    CU
default_cost_of_goods_ledger_id whole CU
prices                      object   d
stock_levels                object   d
committed_stock_levels      object   d
""",
    "images iscud": """
variant_id   ref:variants  C!fp
url          text          CU
name         text          CU
position     whole         CU
uploader_id  ref:users     - 41
base_path    text          -
file_name    text          -
versions     texts         - []
""",
}

ATTRIBUTES = {**PARTIES, **SMALL, **GOODS, **SALES, **STOCK}
