"""An import's own page: what it would do, how far it is, the file of its errors, and undoing the whole of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ

from integrations.dispatch import dispatch
from integrations.models import Connection
from inventory import alias_plan, alias_upload, kits
from inventory.alias_upload import AT_ONCE_ROWS
from inventory.models import AliasImport, SkuAlias
from tests.admin.pages import work_off_imports
from tests.admin.test_aliases import CONFIRM, GOOD, IMPORT, person, text_of, ticket

LIST = "admin:inventory_aliasimport_changelist"
HEADER = b"marketplace_sku,warehouse_sku,units\n"


def upload(client: Client, marketplace: Connection, content: bytes, **fields: str) -> Any:
    file = SimpleUploadedFile("aliases.csv", content)
    return client.post(reverse(IMPORT), {"connection": marketplace.pk, "import_file": file, **fields})


def imported(client: Client, marketplace: Connection, content: bytes, **fields: str) -> AliasImport:
    page = upload(client, marketplace, content, **fields)
    client.post(reverse(CONFIRM), {**ticket(page), "sure": "on"})
    return AliasImport.objects.latest("pk")


def address(record: AliasImport, what: str = "change") -> str:
    return reverse(f"admin:inventory_aliasimport_{what}", args=[record.pk])


def undo(client: Client, record: AliasImport) -> Any:
    seen = client.get(address(record, "undo"))
    return client.post(address(record, "undo"), {"ticket": seen.context["form"]["ticket"].value()}, follow=True)


def aliases(connection: Connection) -> dict[str, tuple[str, int, bool]]:
    rows = connection.aliases.values_list("marketplace_sku", "warehouse_sku", "units", "is_active")
    return {sku: (of, units, is_active) for sku, of, units, is_active in rows}


def test_an_import_is_on_record_with_its_counts_and_without_its_file(
    overstock: Connection, admin_client: Client
) -> None:
    record = imported(admin_client, overstock, GOOD)
    assert (record.state, record.file_name, str(record.user)) == ("done", "aliases.csv", "admin")
    assert record.content is None
    page = text_of(admin_client.get(reverse(LIST)))
    assert "aliases.csv" in page
    assert "Done" in page
    assert "1 new 0 changed 0 unchanged" in text_of(admin_client.get(address(record)))


def test_who_imported_is_told_also_of_one_who_is_gone(
    overstock: Connection, admin_client: Client, client: Client, manage: Any, tmp_path: Any
) -> None:
    other = User.objects.create_superuser("leaver")
    client.force_login(other)
    record = imported(client, overstock, GOOD)
    undo(client, record)
    other.delete()
    file = tmp_path / "aliases.csv"
    file.write_bytes(HEADER + b"X,Y,1\n")
    manage("import_aliases", "Overstock", str(file))
    listed = text_of(admin_client.get(reverse(LIST)))
    assert "leaver" in listed
    assert "the command line" in listed
    page = text_of(admin_client.get(address(record)))
    assert "confirmed by leaver" in page
    assert "UTC by leaver" in page


def test_undoing_gives_back_what_was_before(overstock: Connection, admin_client: Client) -> None:
    imported(admin_client, overstock, HEADER + b"A,V1,1\nB,V2,2\n")
    before = aliases(overstock)
    record = imported(admin_client, overstock, HEADER + b"A,V1,6\nC,V3,1\n", mode="replace")
    assert aliases(overstock) == {"A": ("V1", 6, True), "B": ("V2", 2, False), "C": ("V3", 1, True)}
    OrmQ.objects.all().delete()
    assert "is undone: 3 aliases are as they were before it." in text_of(undo(admin_client, record))
    assert aliases(overstock) == before
    assert [row.task["name"].split(":")[0] for row in OrmQ.objects.all()] == ["submit_orders"]
    assert "cannot be undone: it was undone already, by " in text_of(
        admin_client.get(address(record, "undo"), follow=True)
    )


def test_what_somebody_changed_since_is_named_and_left(overstock: Connection, admin_client: Client) -> None:
    record = imported(admin_client, overstock, HEADER + b"A,V1,1\nB,V2,1\nC,V3,1\n")
    SkuAlias.objects.filter(marketplace_sku="A").update(units=12)
    SkuAlias.objects.filter(marketplace_sku="B").delete()
    seen = text_of(admin_client.get(address(record, "undo")))
    assert "or removed where it made them: 1 alias." in seen
    assert "Changed since the import: left as they are" in seen
    assert "changed A V1 1 → 12" in seen
    assert "changed since, and left as it is: 1 alias." in text_of(undo(admin_client, record))
    assert aliases(overstock) == {"A": ("V1", 12, True)}


@pytest.mark.parametrize("file", [b"A,V2,1\nB,V2,1\n", b"B,V2,1\n"])  # it puts another in its place, or ends it
def test_nothing_is_given_back_beside_what_somebody_put_in_its_place(
    file: bytes, overstock: Connection, admin_client: Client
) -> None:
    imported(admin_client, overstock, HEADER + b"A,V1,1\nB,V2,1\nC,V4,1\n")
    record = imported(admin_client, overstock, HEADER + file, mode="replace")
    kits.put(overstock, "A", (("V3", 1),), seen=kits.parts_of(overstock, "A"))
    undo(admin_client, record)
    assert (kits.parts_of(overstock, "A"), kits.parts_of(overstock, "C")) == ((("V3", 1),), (("V4", 1),))


def test_a_file_that_would_make_a_kit_by_now_is_shown_again(overstock: Connection, admin_client: Client) -> None:
    """Of two people who map one SKU at the same time the second is told, or both things ship."""
    first, second = upload(admin_client, overstock, HEADER + b"A,V1,1\n"), HEADER + b"A,V2,1\n"
    imported(admin_client, overstock, second)
    answer = admin_client.post(reverse(CONFIRM), ticket(first), follow=True)
    assert kits.parts_of(overstock, "A") == (("V2", 1),)
    assert "it ships together with 1 × V2" in text_of(answer)


def test_an_undo_does_what_it_showed_or_nothing(overstock: Connection, admin_client: Client) -> None:
    record = imported(admin_client, overstock, HEADER + b"A,V1,1\n")
    shown = admin_client.get(address(record, "undo")).context["form"]["ticket"].value()
    SkuAlias.objects.update(units=12)
    answer = admin_client.post(address(record, "undo"), {"ticket": shown}, follow=True)
    assert "Nothing was undone" in text_of(answer)
    assert aliases(overstock) == {"A": ("V1", 12, True)}


@pytest.mark.parametrize(("rights", "status"), [((), 403), (("view",), 403), (("change",), 200)])
def test_who_may_not_change_aliases_undoes_nothing(
    overstock: Connection, client: Client, admin_client: Client, rights: tuple[str, ...], status: int
) -> None:
    record = imported(admin_client, overstock, GOOD)
    person(client, *rights)
    assert client.get(address(record, "undo")).status_code == status
    assert client.get(address(record)).status_code == (200 if rights else 403)
    assert client.get(reverse(LIST)).status_code == (200 if rights else 403)
    assert client.post(address(record, "undo"), {"ticket": "x"}).status_code == status
    assert SkuAlias.objects.count() == 1


def test_aliases_that_changed_after_the_preview_show_the_new_plan(overstock: Connection, admin_client: Client) -> None:
    page = upload(admin_client, overstock, GOOD)
    SkuAlias.objects.create(connection=overstock, marketplace_sku="A", warehouse_sku="MUG-BLK", units=5)
    answer = admin_client.post(reverse(CONFIRM), ticket(page), follow=True)
    assert "the aliases have changed since the preview" in text_of(answer)
    assert "0 new 1 changed" in text_of(answer)
    assert "A MUG-BLK 5 → 2" in text_of(answer)
    assert aliases(overstock) == {"A": ("MUG-BLK", 5, True)}
    answer = admin_client.post(reverse(CONFIRM), {"ticket": answer.context["confirm_form"]["ticket"].value()})
    assert aliases(overstock) == {"A": ("MUG-BLK", 2, True)}


def test_another_alias_that_changed_meanwhile_does_not_matter(overstock: Connection, admin_client: Client) -> None:
    page = upload(admin_client, overstock, GOOD)
    SkuAlias.objects.create(connection=overstock, marketplace_sku="Z", warehouse_sku="V")
    admin_client.post(reverse(CONFIRM), ticket(page))
    assert set(aliases(overstock)) == {"A", "Z"}


def test_replacing_lists_what_it_switches_off_and_asks_twice_when_that_is_most(
    overstock: Connection, admin_client: Client
) -> None:
    imported(admin_client, overstock, HEADER + b"A,V1,1\nB,V2,1\nC,V3,1\n")
    page = upload(admin_client, overstock, HEADER + b"A,V1,1\n", mode="replace")
    assert "0 new 0 changed 1 unchanged 2 switched off, of 3 active" in text_of(page)
    assert "Not in the file: switched off" in text_of(page)
    assert "switched off B V2 1 yes → no" in text_of(page)
    given = {"ticket": ticket(page)["ticket"]}
    assert "tick that most aliases" in text_of(admin_client.post(reverse(CONFIRM), given, follow=True))
    assert aliases(overstock)["B"] == ("V2", 1, True)
    done = admin_client.post(reverse(CONFIRM), {**given, "sure": "on"}, follow=True)
    assert "1 unchanged, 2 switched off." in text_of(done)
    assert aliases(overstock) == {"A": ("V1", 1, True), "B": ("V2", 1, False), "C": ("V3", 1, False)}


def test_the_wrong_lines_can_be_downloaded_corrected_and_imported(overstock: Connection, admin_client: Client) -> None:
    content = b"Marketplace SKU;units;warehouse_sku;colour\nA;1;V1;red\n=B;0;'@x;+blue\nC;x;V3;\nD;1;;\n"
    page = upload(admin_client, overstock, content)
    record = AliasImport.objects.get()
    assert "3 wrong: nothing can be imported" in text_of(page)
    assert "a file of these lines alone imports only them" in text_of(page)
    assert address(record, "errors") in page.content.decode()
    errors = admin_client.get(address(record, "errors")).content
    assert errors.decode("utf-8-sig").splitlines() == [
        "marketplace_sku,units,warehouse_sku,colour,line,problem",
        "'=B,0,'@x,'+blue,3,units is '0'; it must be a whole number from 1 to 100000",
        "C,x,V3,,4,units is 'x'; it must be a whole number from 1 to 100000",
        "D,1,,,5,warehouse_sku is empty",
    ]
    mended = errors.replace(b"=B,0", b"=B,2").replace(b"C,x", b"C,3").replace(b"D,1,,", b"D,1,V4,")
    imported(admin_client, overstock, mended)
    assert aliases(overstock) == {"=B": ("@x", 2, True), "C": ("V3", 3, True), "D": ("V4", 1, True)}


def test_the_plan_names_the_columns_that_are_not_imported_before_it_is_confirmed(
    overstock: Connection, admin_client: Client
) -> None:
    page = text_of(
        upload(admin_client, overstock, b"marketplace_sku,warehouse_sku,title,quantity,,line\nA,B,Mug,4,x,2\n")
    )
    said = "Not imported from this file: the columns 'quantity' (did you mean units?), 'title', number 5, which has no name."
    assert said in page
    assert page.index(said) < page.index("Confirm import")
    assert "Not imported from" not in text_of(upload(admin_client, overstock, GOOD))


def test_a_good_import_has_no_error_file(overstock: Connection, admin_client: Client) -> None:
    assert admin_client.get(address(imported(admin_client, overstock, GOOD), "errors")).status_code == 404


def test_the_encoding_is_a_choice(overstock: Connection, admin_client: Client) -> None:
    content = "marketplace_sku,warehouse_sku,note\nA,V1,Café €5\n".encode("windows-1252")
    assert "name its encoding" in text_of(upload(admin_client, overstock, content))
    imported(admin_client, overstock, content, encoding="windows-1252")
    assert SkuAlias.objects.get().note == "Café €5"


def long_file(count: int = AT_ONCE_ROWS + 1) -> bytes:
    return HEADER + b"".join(b"M%d,V%d,1\n" % (place, place) for place in range(count))


def test_a_long_file_waits_for_a_worker_and_says_so(overstock: Connection, admin_client: Client) -> None:
    answer = upload(admin_client, overstock, long_file())
    page = admin_client.get(answer.url)
    assert "Waiting for a worker" in text_of(page)
    assert "No worker is running" in text_of(page)
    assert 'http-equiv="refresh"' in page.content.decode()
    assert work_off_imports() == 1
    page = admin_client.get(answer.url)
    assert 'http-equiv="refresh"' not in page.content.decode()
    admin_client.post(reverse(CONFIRM), {"ticket": page.context["confirm_form"]["ticket"].value()})
    assert SkuAlias.objects.count() == 0
    assert work_off_imports() == 1
    assert SkuAlias.objects.count() == AT_ONCE_ROWS + 1
    undo(admin_client, AliasImport.objects.get())
    assert SkuAlias.objects.count() == AT_ONCE_ROWS + 1
    assert work_off_imports() == 1
    assert SkuAlias.objects.count() == 0


def test_a_long_file_that_cannot_be_read_fails_with_the_reason(overstock: Connection, admin_client: Client) -> None:
    answer = upload(admin_client, overstock, b"sku,other\n" + b"a,b\n" * (AT_ONCE_ROWS + 1))
    work_off_imports()
    text = text_of(admin_client.get(answer.url))
    assert "Failed" in text
    assert "The file's first line must name the columns" in text


def test_what_a_dead_worker_left_is_taken_up_by_the_next(overstock: Connection, admin_client: Client) -> None:
    upload(admin_client, overstock, long_file())
    OrmQ.objects.all().delete()  # the task went with its worker
    AliasImport.objects.update(owner="gone", heartbeat_at=timezone.now() - timedelta(hours=1))
    dispatch()
    assert work_off_imports() == 1
    assert AliasImport.objects.get().state == "planned"


def test_what_a_living_worker_is_at_is_left_to_it(overstock: Connection, admin_client: Client) -> None:
    upload(admin_client, overstock, long_file())
    AliasImport.objects.update(owner="elsewhere", heartbeat_at=timezone.now())
    assert alias_upload.carry_on(AliasImport.objects.get().pk) == "nothing to do"


def test_what_the_database_broke_off_is_taken_up_again(
    overstock: Connection, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = upload(admin_client, overstock, GOOD)
    with monkeypatch.context() as patched:

        def broken(*_args: Any) -> None:
            raise OperationalError("deadlock detected")

        patched.setattr(alias_plan, "store", broken)
        answer = admin_client.post(reverse(CONFIRM), ticket(page), follow=True)
    assert "Waiting for a worker" in text_of(answer)
    assert SkuAlias.objects.count() == 0
    dispatch()
    assert work_off_imports() == 1
    assert aliases(overstock) == {"A": ("MUG-BLK", 2, True)}


def test_workers_that_keep_dying_at_it_are_not_sacrificed_for_ever(overstock: Connection, admin_client: Client) -> None:
    upload(admin_client, overstock, long_file())
    AliasImport.objects.update(attempts=3)
    work_off_imports()
    record = AliasImport.objects.get()
    assert record.state == "failed"
    assert "it was broken off 3 times" in record.error.lower()


def test_a_preview_that_nobody_confirms_and_an_old_undo_are_forgotten(
    overstock: Connection, admin_client: Client
) -> None:
    upload(admin_client, overstock, GOOD)
    AliasImport.objects.update(uploaded_at=timezone.now() - timedelta(days=2))
    record = imported(admin_client, overstock, GOOD)
    AliasImport.objects.filter(pk=record.pk).update(finished_at=timezone.now() - timedelta(days=100))
    dispatch()
    assert AliasImport.objects.get().changes is None
    assert "cannot be undone" in text_of(admin_client.get(address(record, "undo"), follow=True))


def test_an_ugly_file_name_is_escaped(overstock: Connection, admin_client: Client) -> None:
    file = SimpleUploadedFile("<b>x</b>" + "n" * 90 + ".csv", GOOD)
    admin_client.post(reverse(IMPORT), {"connection": overstock.pk, "import_file": file})
    for page in (admin_client.get(reverse(LIST)), admin_client.get(address(AliasImport.objects.get()))):
        assert "<b>x</b>" not in page.content.decode()


def test_a_colleague_may_confirm_what_the_page_showed_them(overstock: Connection, client: Client) -> None:
    boss = User.objects.create_superuser("boss")
    client.force_login(boss)
    upload(client, overstock, GOOD)
    person(client, "view", "add", "change")
    page = client.get(address(AliasImport.objects.get()))
    assert "UTC by boss" in text_of(page)
    done = client.post(reverse(CONFIRM), {"ticket": page.context["confirm_form"]["ticket"].value()}, follow=True)
    assert "UTC, confirmed by clerk" in text_of(done)
    assert str(AliasImport.objects.get().user) == "clerk"
    assert SkuAlias.objects.count() == 1


def test_a_character_that_no_database_takes_is_told_like_any_other_error(
    overstock: Connection, admin_client: Client
) -> None:
    page = upload(admin_client, overstock, HEADER + b"A\x00B,V1,1\n")
    assert "contains a character that cannot be seen (U+0000)" in text_of(page)
    assert admin_client.get(address(AliasImport.objects.get(), "errors")).status_code == 200
