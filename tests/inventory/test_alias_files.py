"""Alias files as people have them."""

from __future__ import annotations

import pytest

from integrations.models import Connection
from integrations.sandbox.server import Sandbox
from inventory.alias_import import AliasResource, parse_csv, problems
from inventory.models import SkuAlias


def load(connection: Connection, content: bytes) -> list[str]:
    result = AliasResource(connection=connection).import_data(
        parse_csv(content), use_transactions=True, rollback_on_validation_errors=True
    )
    return problems(result)


@pytest.mark.parametrize("content", [
    b"marketplace_sku,warehouse_sku\n007,A\n", b"\xef\xbb\xbfMarketplace SKU;Warehouse SKU\r\n007;A\r\n",
    b"warehouse_sku\tmarketplace_sku\n A \t 007 \n\n",
])  # fmt: skip
def test_separators_marks_and_blanks_do_not_matter(overstock: Connection, content: bytes) -> None:
    assert load(overstock, content) == []
    assert list(SkuAlias.objects.values_list("marketplace_sku", "warehouse_sku", "units")) == [("007", "A", 1)]


def test_a_file_without_its_columns_says_which(overstock: Connection) -> None:
    [problem] = load(overstock, b"marketplace_sku,x\n1,2\n")
    assert problem.endswith("warehouse_sku is missing")


def test_every_wrong_row_is_named_by_its_line(overstock: Connection) -> None:
    content = b"marketplace_sku,warehouse_sku,units,is_active\nA,B,1,\n,B,1,\nC,D,0,\nE,F,1,maybe\nA,B,2,\n"
    assert [text.split(":")[0] for text in load(overstock, content)] == ["line 3", "line 4", "line 5", "line 6"]
    assert not SkuAlias.objects.exists()


def test_what_is_exported_imports_unchanged_and_runs_no_formula(overstock: Connection) -> None:
    for sku in ("=1+1", "+A", "-A", "@A", "'A", "plain", "00012"):
        SkuAlias.objects.create(connection=overstock, marketplace_sku=sku, warehouse_sku=sku, note="=cmd()")
    before = list(SkuAlias.objects.values_list("marketplace_sku", "warehouse_sku", "units", "note"))
    exported = AliasResource(connection=overstock).export().export("csv").encode()
    assert b"\n=" not in exported
    assert b",=" not in exported
    assert load(overstock, exported) == []
    assert list(SkuAlias.objects.values_list("marketplace_sku", "warehouse_sku", "units", "note")) == before


def test_two_marketplaces_have_their_own_aliases(shop: Sandbox, overstock: Connection) -> None:
    other = Connection.objects.create(name="Other", provider="supplier_oasis")
    assert load(overstock, b"marketplace_sku,warehouse_sku\nA,B\n") == []
    assert load(other, b"marketplace_sku,warehouse_sku\nA,B\n") == []
    assert SkuAlias.objects.count() == 2
