"""What an unknown SKU may be: the reason in words, how sure it is, and quick however large the catalogue."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as some

from integrations.models import Connection, Route
from inventory import alias_plan, likeness, suggestions
from inventory.alias_plan import Change
from inventory.aliases import Near
from inventory.likeness import Clue, Goods, plain
from inventory.models import Listing, SkuAlias, WarehouseItem

SKUS = some.text("abcXYZ0189 -_./", max_size=12)


@pytest.mark.parametrize(
    ("asked", "known", "percent", "reason"),
    [
        ("mug-blk", "MUG-BLK", 90, "same SKU but for capitals"),
        ("MUG BLK", "MUG-BLK", 90, "same SKU but for blanks and punctuation"),
        ("mug_blk.", "MUG-BLK", 90, "same SKU but for capitals, blanks and punctuation"),
        ("MUG-8LK", "MUG-BLK", 80, "near spelling: “b” for “8”"),
        ("MUG-OO1", "MUG-O01", 80, "near spelling: “0” for “o”"),
        ("MUG-BKL", "MUG-BLK", 75, "near spelling: “kl” the other way round"),
        ("MUG-BLKK", "MUG-BLK", 70, "near spelling: one character less (“k”)"),
        ("MUG-BL", "MUG-BLK", 70, "near spelling: one character more (“k”)"),
        ("MUG-BLX", "MUG-BLK", 65, "near spelling: “k” for “x”"),
        ("MUG-101", "MUG-103", 35, "near spelling: “3” for “1”"),
        ("MUG-10", "MUG-103", 45, "near spelling: one character more (“3”)"),
        ("MUG-BLK-2PK", "MUG-BLK", 50, "it is a part of this SKU"),
        ("MUGBLK", "OLD-MUG-BLK", 50, "this SKU is a part of it"),
        ("COFFEE-MUG-BLACK-L", "COFFEE-MUG-BLCK-XL", 46, "similar spelling"),
    ],
)
def test_spellings_are_alike_for_a_reason(asked: str, known: str, percent: int, reason: str) -> None:
    assert likeness.spelling(asked, known) == (percent, reason)


@pytest.mark.parametrize(("asked", "known"), [("", ""), ("--", "-"), ("AB", "AC"), ("MUG-BLK", "TEE-RED"), ("X", "XY")])
def test_what_is_not_alike_is_not_suggested(asked: str, known: str) -> None:
    assert likeness.spelling(asked, known) is None


def test_several_reasons_add_up_and_nothing_is_certain() -> None:
    made = likeness.ranked(
        [
            Clue((("B", 1),), 65, "same title"),
            *likeness.clues(Goods("mug-blk", "A mug", "0012"), Goods("MUG-BLK", "a MUG", "0012")),
            Clue((("A", 1),), 65, "same title"),
        ],
        limit=2,
    )
    assert [(one.parts, one.percent, one.confidence) for one in made] == [
        ((("MUG-BLK", 1),), 99, "high"), ((("A", 1),), 65, "medium"),
    ]  # fmt: skip
    assert made[0].reason == "same UPC (0012); same SKU but for capitals; same title"


@given(SKUS, SKUS)
def test_likeness_goes_both_ways(one: str, other: str) -> None:
    there, back = likeness.spelling(one, other), likeness.spelling(other, one)
    assert (there and there[0]) == (back and back[0])
    assert there is None or (0 < there[0] < 99 and there[1])
    assert (plain(other) in likeness.near(plain(one))) == (plain(one) in likeness.near(plain(other)))


def carry(connection: Connection, *skus: str, **values: Any) -> None:
    now = timezone.now()
    WarehouseItem.objects.bulk_create(
        WarehouseItem(connection=connection, sku=sku, matches=1, remote_id=sku, checked_at=now, **values)
        for sku in skus
    )  # fmt: skip


def best(marketplace: Connection, sku: str, title: str = "", upc: str = "") -> list[str]:
    return [
        " + ".join(f"{units} {name}" for name, units in one.parts)
        for one in suggestions.suggest(marketplace, Goods(sku, title, upc)).best
    ]


@pytest.mark.parametrize("sku", ["mug blk", "MUGBLK", "MUG-BLX", "MUG-BL", "MUG-BLK-2PK", "OST-MUG-BLK", "MUGBKL"])
def test_a_sku_is_found_by_its_spelling(route: Route, overstock: Connection, gecko: Connection, sku: str) -> None:
    carry(gecko, "MUG-BLK", "TEE-RED", "TEE-RED-XL")
    assert best(overstock, sku) == ["1 MUG-BLK"]


def test_upc_and_title_find_what_is_spelt_otherwise(route: Route, overstock: Connection, gecko: Connection) -> None:
    carry(gecko, "A-1", upc="00123")
    carry(gecko, "B-2", title="Black Mug")
    assert best(overstock, "ZZZ-9", "black mug", "00123") == ["1 A-1", "1 B-2"]
    assert best(overstock, "ZZZ-9") == []


def test_what_cannot_be_sold_or_is_there_twice_is_not_suggested(
    route: Route, overstock: Connection, gecko: Connection
) -> None:
    carry(gecko, "MUG-BLK", sellable=False)
    carry(gecko, "MUG.BLK")
    WarehouseItem.objects.filter(sku="MUG.BLK").update(matches=2)
    assert best(overstock, "mug-blk") == []


def test_aliases_of_other_skus_suggest_their_kits(route: Route, overstock: Connection, gecko: Connection) -> None:
    for sku, units in (("MUG-BLK", 2), ("TRAY", 1)):
        SkuAlias.objects.create(connection=overstock, marketplace_sku="SET 1", warehouse_sku=sku, units=units)
    SkuAlias.objects.create(connection=overstock, marketplace_sku="OTHER", warehouse_sku="TEE-RED")
    Listing.objects.create(route=route, marketplace_sku="OTHER", upc="00777")
    assert best(overstock, "set-1") == ["2 MUG-BLK + 1 TRAY"]
    assert best(overstock, "NEW-SKU", upc="00777") == ["1 TEE-RED"]


@pytest.mark.long
def test_a_large_catalogue_costs_no_more(
    route: Route, overstock: Connection, gecko: Connection, django_assert_max_num_queries: Any
) -> None:
    """All begin alike, as large catalogues do; few rows are read and compared all the same."""
    carry(gecko, *(f"SHOP-{number:06d}-A" for number in range(20_000)))
    with django_assert_max_num_queries(12):
        found = suggestions.suggest(overstock, Goods("shop 014321A", "A title", "000111"))
    assert found.best[0].parts == (("SHOP-014321-A", 1),)
    assert found.known == 20_000
    candidates = list(suggestions._candidates(WarehouseItem.objects.all(), Goods("SHOP-01432O-A", "A title", "1")))
    assert len(candidates) < 500


def test_capitals_of_any_alphabet_do_not_matter(route: Route, overstock: Connection, gecko: Connection) -> None:
    carry(gecko, "ÜBER-ΣΤΟΑ", "STRASSE 1")
    carry(gecko, "B-2", title="ÉTÉ  Strasse")
    SkuAlias.objects.create(connection=overstock, marketplace_sku="Çay 1", warehouse_sku="TEA")
    assert best(overstock, "über στοα") == ["1 ÜBER-ΣΤΟΑ"]
    assert best(overstock, "straße1") == ["1 STRASSE 1"]
    assert best(overstock, "ZZZ-9", "été straße") == ["1 B-2"]
    assert best(overstock, "ÇAY-1") == ["1 TEA"]
    assert (
        Near.of(route, {"çay 1"}).alias_of("çay 1") == " There is an alias of 'Çay 1'; the difference is in case only."
    )


def test_a_kit_is_suggested_whole_however_many_there_are(
    route: Route, overstock: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suggestions, "MOST_OF_A_KIND", 2)
    for sku in ("SET 1", "SET.1", "SET_1"):
        for part in ("A", "B", "C"):
            SkuAlias.objects.create(connection=overstock, marketplace_sku=sku, warehouse_sku=f"{part}{sku[3]}")
    assert [one.count("+") for one in best(overstock, "SET-1")] == [2, 2]


def test_what_is_found_by_is_written_however_an_alias_is(overstock: Connection) -> None:
    made = SkuAlias.objects.create(connection=overstock, marketplace_sku="Old", warehouse_sku="A")
    made.marketplace_sku = "New-1"
    made.save(update_fields=["marketplace_sku"])
    alias_plan.store(overstock, [Change(2, ("Imported 2", "A"), None, (1, True, ""))])
    assert set(SkuAlias.objects.values_list("plain_sku", flat=True)) == {"new1", "imported2"}


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL reads a table of 300 rows without its index")
def test_every_lookup_of_a_suggestion_has_its_index(route: Route, overstock: Connection, gecko: Connection) -> None:
    carry(gecko, *(f"SHOP-{number}" for number in range(300)))
    SkuAlias.objects.bulk_create(
        SkuAlias(connection=overstock, marketplace_sku=f"S {number}", warehouse_sku="A") for number in range(300)
    )
    with CaptureQueriesContext(connection) as asked:
        suggestions.suggest(overstock, Goods("shop 12", "A title", "000111"))
        Near.of(route, {"shop-12"})
    for query in (one["sql"] for one in asked if "COUNT(" not in one["sql"]):
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {query}")
            steps = [str(row[3]) for row in cursor.fetchall()]
        assert not [step for step in steps if step.startswith("SCAN inventory")], (query, steps)
