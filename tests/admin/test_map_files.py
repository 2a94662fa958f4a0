"""Both code maps go out as a file and come back: previewed first, wrong rows by their line, all or none."""

from __future__ import annotations

from html import unescape
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pytest
from django.contrib.auth.models import Permission, User
from django.core import signing
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ
from lxml import html
from openpyxl import Workbook

from integrations.dispatch import dispatch
from integrations.models import Connection
from orders import map_file
from orders.admin.map_resources import CARRIER_COLUMNS
from orders.carriers import CarrierMap
from orders.models import CarrierService, MapUpload, ShippingMethod

SHIPPING, CARRIERS = "/admin/orders/shippingmethod/", "/admin/orders/carrierservice/"


def text_of(answer: Any) -> str:
    return " ".join(unescape(answer.content.decode()).split())


def upload(client: Client, address: str, content: str, **values: str) -> Any:
    market = Connection.objects.get(name="Overstock")
    file = SimpleUploadedFile("map.csv", content.encode())
    sent = {"import_file": file, "connection": str(market.pk), **values}
    return client.post(f"{address}import/", sent)


def ticket(preview: Any) -> dict[str, str]:
    page: Any = html.fromstring(preview.content.decode())
    [form] = [one for one in page.forms if "process_import" in (one.get("action") or "")]
    return {one.name: one.value or "" for one in form.inputs if one.name and one.type == "hidden"}


def confirm(client: Client, address: str, preview: Any) -> Any:
    return client.post(f"{address}process_import/", ticket(preview), follow=True)


@pytest.fixture(autouse=True)
def empty_maps(shop: Any) -> None:
    for model in (CarrierService, ShippingMethod):
        model._default_manager.all().delete()
    OrmQ.objects.all().delete()


def test_shipping_methods_are_previewed_then_imported(overstock: Connection, admin_client: Client) -> None:
    ShippingMethod.objects.create(connection=overstock, code="GROUND", name="Old")
    preview = upload(admin_client, SHIPPING, "code;name\nGROUND;Ground\nNEXT;Next day\n")
    assert "Next day" in text_of(preview)
    assert ShippingMethod.objects.get().name == "Old"
    confirm(admin_client, SHIPPING, preview)
    assert dict(ShippingMethod.objects.values_list("code", "name")) == {"GROUND": "Ground", "NEXT": "Next day"}
    assert [one.task["name"].split(":")[0] for one in OrmQ.objects.all()] == ["submit_orders"]
    assert "There is no preview to confirm" in text_of(confirm(admin_client, SHIPPING, preview))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("code\nX\n", "must name the columns code, name; it names code"),
        ("code,name,extra\nX,Y,Z\n", "it names code, name, extra"),
        ("code,name\n", "a header and nothing below it"),
        ("code,name\nA,B,C\n", "Line 2 has more cells"),
    ],
)
def test_a_file_with_other_columns_is_refused(admin_client: Client, content: str, said: str) -> None:
    assert said in text_of(upload(admin_client, SHIPPING, content))


def test_an_encoding_that_cannot_be_chosen_is_not_offered(overstock: Connection, admin_client: Client) -> None:
    file = SimpleUploadedFile("a.csv", "code,name\nA,Café\n".encode("latin-1"))
    said = text_of(admin_client.post(f"{SHIPPING}import/", {"connection": overstock.pk, "import_file": file}))
    assert "The file is not UTF-8 (line 2); save it as CSV UTF-8." in said


def test_a_number_without_end_is_wrong_in_its_line(overstock: Connection, admin_client: Client) -> None:
    book = Workbook()
    for row in (("code", "name"), (1e300, "One")):
        book.active.append(row)
    saved, odd = BytesIO(), BytesIO()
    book.save(saved)
    with ZipFile(saved) as parts, ZipFile(odd, "w") as made:
        for name in parts.namelist():
            made.writestr(name, parts.read(name).replace(b"<v>1e+300</v>", b"<v>1e+999</v>"))
    file = SimpleUploadedFile("a.xlsx", odd.getvalue())
    said = admin_client.post(f"{SHIPPING}import/", {"connection": overstock.pk, "import_file": file})
    [wrong] = said.context["result"].invalid_rows
    assert (wrong.number, "the value 'inf'" in str(wrong.error)) == (2, True)


def test_wrong_rows_are_named_by_their_line_and_nothing_is_stored(admin_client: Client) -> None:
    preview = upload(admin_client, SHIPPING, f"code,name\n\nA,One\nA,Two\nB,\nC,{'x' * 121}\n")
    lines = {row.number: str(row.error) for row in preview.context["result"].invalid_rows}
    assert sorted(lines) == [4, 5, 6]
    assert "in line 3 already" in lines[4]
    assert "cannot be blank" in lines[5]
    assert "confirm_form" not in preview.context
    assert not ShippingMethod.objects.exists()


def test_a_carriers_code_must_be_known_or_meant(overstock: Connection, admin_client: Client) -> None:
    CarrierService.objects.create(connection=overstock, carrier_text="Old", service_text="*", carrier_code="WAGN")
    content = "carrier_text,service_text,carrier_code,service_code\nOld,*,WAGN,\nWagon,*,FEDX,GROUND\n"
    [wrong] = upload(admin_client, CARRIERS, content).context["result"].invalid_rows
    assert (wrong.number, "near ones are FEDEX" in str(wrong.error)) == (3, True)
    confirm(admin_client, CARRIERS, upload(admin_client, CARRIERS, content, anyway="on"))
    assert CarrierService.objects.get(carrier_text="Wagon").carrier_code == "FEDX"
    assert [one.task["name"].split(":")[0] for one in OrmQ.objects.all()] == ["confirm_shipments"]


def test_what_is_exported_comes_back_unchanged(overstock: Connection, admin_client: Client) -> None:
    names = {"=1+1": "@home", "GROUND": "-slow, but “cheap”", "0012": "Ünï"}
    for code, name in names.items():
        ShippingMethod.objects.create(connection=overstock, code=code, name=name)
    exported = admin_client.post(f"{SHIPPING}export/", {"format": "0"}).content.decode()
    assert exported.splitlines()[0] == "code,name"
    assert "'=1+1,'@home" in exported
    preview = upload(admin_client, SHIPPING, exported)
    assert preview.context["result"].totals["skip"] == 3
    ShippingMethod.objects.all().delete()
    confirm(admin_client, SHIPPING, upload(admin_client, SHIPPING, exported))
    assert dict(ShippingMethod.objects.values_list("code", "name")) == names


def test_who_may_only_look_may_only_export(overstock: Connection, client: Client) -> None:
    user = User.objects.create_user("viewer", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(user)
    for address in (SHIPPING, CARRIERS):
        assert client.get(f"{address}export/").status_code == 200
        assert client.get(f"{address}import/").status_code == 403
        assert client.post(f"{address}process_import/", {}).status_code == 403


def test_another_file_than_the_previewed_one_is_not_imported(admin_client: Client, overstock: Connection) -> None:
    previewed = ticket(upload(admin_client, SHIPPING, "code,name\nA,One\n"))["ticket"]
    forged = signing.dumps({"record": 1, "fingerprint": "x", "user": 1})
    for sent in ("", "x", forged, previewed[:-1]):
        page = text_of(admin_client.post(f"{SHIPPING}process_import/", {"ticket": sent}, follow=True))
        assert "There is no preview to confirm" in page
    said = text_of(admin_client.post(f"{CARRIERS}process_import/", {"ticket": previewed}, follow=True))
    assert "There is no preview to confirm" in said
    assert not ShippingMethod.objects.exists()


def test_nobody_confirms_what_another_person_was_shown(admin_client: Client, overstock: Connection) -> None:
    shown = upload(admin_client, SHIPPING, "code,name\nA,One\n")
    other = Client()
    other.force_login(User.objects.create_superuser("other"))
    assert "There is no preview to confirm" in text_of(confirm(other, SHIPPING, shown))
    assert not ShippingMethod.objects.exists()


def test_a_map_that_changed_after_the_preview_is_shown_anew_and_not_overwritten(
    admin_client: Client, overstock: Connection
) -> None:
    ShippingMethod.objects.create(connection=overstock, code="A", name="Old")
    shown = upload(admin_client, SHIPPING, "code,name\nA,Mine\nB,New\n")
    ShippingMethod.objects.create(connection=overstock, code="Z", name="which the file does not name")
    ShippingMethod.objects.filter(code="A").update(name="Theirs")
    again = confirm(admin_client, SHIPPING, shown)
    assert "The map has changed since the preview. Nothing is stored" in text_of(again)
    assert dict(ShippingMethod.objects.values_list("code", "name"))["A"] == "Theirs"
    confirm(admin_client, SHIPPING, again)
    assert {"A": "Mine", "B": "New"}.items() <= dict(ShippingMethod.objects.values_list("code", "name")).items()


def test_a_change_of_what_the_file_does_not_name_is_in_nobodys_way(admin_client: Client, overstock: Connection) -> None:
    shown = upload(admin_client, SHIPPING, "code,name\nA,Mine\n")
    ShippingMethod.objects.create(connection=overstock, code="Z", name="Other")
    assert "1 new" in text_of(confirm(admin_client, SHIPPING, shown))


def test_a_long_file_is_refused(admin_client: Client, overstock: Connection) -> None:
    rows = "".join(f"C{number},Name\n" for number in range(map_file.MAX_ROWS + 1))
    assert "more than 5000 rows" in text_of(upload(admin_client, SHIPPING, f"code,name\n{rows}"))
    assert not MapUpload.objects.exists()


def test_a_longer_file_costs_hardly_more_queries(
    admin_client: Client, overstock: Connection, django_assert_max_num_queries: Any
) -> None:
    rows = "".join(f"Truck {number},*,UPS,GROUND\n" for number in range(1_000))
    with django_assert_max_num_queries(40):
        shown = upload(admin_client, CARRIERS, f"{','.join(CARRIER_COLUMNS)}\n{rows}")
    assert "The first 100 of 1000 are shown" in text_of(shown)
    with django_assert_max_num_queries(80):
        confirm(admin_client, CARRIERS, shown)
    assert CarrierService.objects.count() == 1_000


def test_a_preview_that_nobody_confirms_is_forgotten_after_a_day(admin_client: Client, overstock: Connection) -> None:
    shown = upload(admin_client, SHIPPING, "code,name\nA,One\n")
    upload(admin_client, SHIPPING, "code,name\nB,\n")  # which cannot be confirmed
    upload(admin_client, SHIPPING, "code,name\nC,Three\n")
    MapUpload.objects.filter(pk=MapUpload.objects.earliest("pk").pk).update(
        uploaded_at=timezone.now() - MapUpload.KEPT_FOR
    )
    dispatch()
    assert MapUpload.objects.count() == 1
    assert "There is no preview to confirm" in text_of(confirm(admin_client, SHIPPING, shown))


def test_the_format_is_nobodys_question(admin_client: Client, overstock: Connection) -> None:
    for address in (SHIPPING, CARRIERS):
        page: Any = html.fromstring(admin_client.get(f"{address}import/").content.decode())
        assert not page.xpath("//*[@name='format']")


def codes() -> dict[str, str]:
    return dict(CarrierService.objects.values_list("carrier_text", "carrier_code"))


def test_a_carrier_in_other_capitals_is_the_one_that_is_known(admin_client: Client, overstock: Connection) -> None:
    header = ",".join(CARRIER_COLUMNS)
    confirm(admin_client, CARRIERS, upload(admin_client, CARRIERS, f"{header}\nZorro,,UPS,GROUND\n"))
    both = upload(admin_client, CARRIERS, f"{header}\nZORRO,,FEDEX,GROUND\nzorro,,USPS,GROUND\n")
    [wrong] = both.context["result"].invalid_rows
    assert (wrong.number, "in line 2 already: capitals" in str(wrong.error)) == (3, True)
    shown = upload(admin_client, CARRIERS, f"{header}\nZORRO,,FEDEX,GROUND\n")
    CarrierService.objects.update(carrier_code="USPS")
    again = confirm(admin_client, CARRIERS, shown)
    assert "The map has changed since the preview" in text_of(again)
    confirm(admin_client, CARRIERS, again)
    assert codes() == {"Zorro": "FEDEX"}


def test_carriers_that_contradicted_each_other_before_are_in_no_files_way(
    admin_client: Client, overstock: Connection
) -> None:
    for text in ("ZORRO", "Zorro", "zorro"):
        CarrierService.objects.create(connection=overstock, carrier_text=text, carrier_code="UPS")
    for text in ("ZORRO", "Zorro", "zorro"):
        content = f"{','.join(CARRIER_COLUMNS)}\n{text},,FEDEX,\n"
        confirm(admin_client, CARRIERS, upload(admin_client, CARRIERS, content))
    row = CarrierMap(overstock).row("zorro", "")
    assert (row.carrier_code if row else "", sorted(codes().values())) == ("FEDEX", ["FEDEX", "UPS", "UPS"])
