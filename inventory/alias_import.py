"""Aliases through django-import-export: its screens and results, filled from a plan of the whole file; all or none."""

from __future__ import annotations

from typing import Any

from django.utils.html import format_html
from import_export import fields, resources, results, widgets

from integrations.dispatch import enqueue_for_warehouses
from integrations.models import Connection
from inventory import alias_plan
from inventory.alias_file import COLUMNS, REQUIRED, AliasFile
from inventory.alias_plan import FORMULA_STARTS, Change, Plan, Problem
from inventory.models import SkuAlias

SHOWN_ROWS, SHOWN_PROBLEMS = 100, 200
R = results.RowResult


class Switch(widgets.Widget):
    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return "yes" if value else "no"


class SafeText(widgets.CharWidget):
    """Text that a spreadsheet would run as a formula goes out behind an apostrophe."""

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        text = str(value or "")
        return f"'{text}" if text[:1] in FORMULA_STARTS else text


class AliasResult(results.Result):
    """For one marketplace. What is `shown` are the first rows of each sort; the totals are of the whole file."""

    marketplace: Connection
    warnings: list[Problem]

    def fill(self, plan: Plan, marketplace: Connection) -> None:
        self.marketplace, self.warnings = marketplace, plan.warnings
        self.diff_headers = list(COLUMNS)
        self.total_rows = len(plan.changes) + plan.unchanged + len(plan.problems)
        self.rows = [_row(change, place < SHOWN_ROWS) for place, change in enumerate(plan.changes)]
        self.invalid_rows = plan.problems
        self.totals[R.IMPORT_TYPE_NEW] = sum(change.before is None for change in plan.changes)
        self.totals[R.IMPORT_TYPE_UPDATE] = len(plan.changes) - self.totals[R.IMPORT_TYPE_NEW]
        self.totals[R.IMPORT_TYPE_SKIP] = plan.unchanged
        self.totals[R.IMPORT_TYPE_INVALID] = len(plan.problems)

    @property
    def shown(self) -> list[Any]:
        return self.rows[:SHOWN_ROWS]

    @property
    def shown_problems(self) -> list[Any]:
        return self.invalid_rows[:SHOWN_PROBLEMS]

    @property
    def shown_warnings(self) -> list[Problem]:
        return self.warnings[:SHOWN_PROBLEMS]


class AliasResource(resources.ModelResource):
    """One alias per row; an alias is known by marketplace SKU and warehouse SKU."""

    marketplace_sku = fields.Field("marketplace_sku", "marketplace_sku", widget=SafeText())
    warehouse_sku = fields.Field("warehouse_sku", "warehouse_sku", widget=SafeText())
    is_active = fields.Field("is_active", "is_active", widget=Switch())
    note = fields.Field("note", "note", widget=SafeText())

    class Meta:
        model = SkuAlias
        fields = COLUMNS
        export_order = COLUMNS
        import_id_fields = REQUIRED
        use_transactions = True

    def __init__(self, connection: Connection | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.connection = connection

    def get_queryset(self) -> Any:
        rows = super().get_queryset()
        return rows.filter(connection=self.connection) if self.connection else rows

    def import_data(self, dataset: AliasFile, dry_run: bool = False, **kwargs: Any) -> AliasResult:
        """Import, and once that is committed have the orders judged again that may have waited for an alias."""
        result: AliasResult = super().import_data(dataset, dry_run=dry_run, **kwargs)
        if self.connection is not None and result.rows and not dry_run and not result.invalid_rows:
            enqueue_for_warehouses(self.connection.pk, "submit_orders")
        return result

    def import_data_inner(self, dataset: AliasFile, dry_run: bool, *_args: Any, **_kwargs: Any) -> AliasResult:
        """The whole file at once, inside the transaction that the caller opened; with a problem nothing is stored."""
        if self.connection is None:
            raise ValueError("aliases are imported for a marketplace connection; choose one")
        plan, result = alias_plan.plan(dataset, self.connection), AliasResult()
        if not dry_run and not plan.problems:
            alias_plan.apply(plan)
        result.fill(plan, self.connection)
        return result


def problems(result: results.Result) -> list[str]:
    """What is wrong with the file, by line; empty when it can be applied."""
    return [str(problem) for problem in result.invalid_rows]


def _row(change: Change, is_shown: bool) -> Any:
    row = R()
    row.import_type = R.IMPORT_TYPE_UPDATE if change.before else R.IMPORT_TYPE_NEW
    row.instance, row.original, row.line = change.after, change.before, change.line
    row.add_instance_info(change.after)
    if is_shown:
        row.diff = [_difference(change, name) for name in COLUMNS]
        row.named = list(zip(COLUMNS, row.diff, strict=True))
    return row


def _difference(change: Change, name: str) -> str:
    after = _said(getattr(change.after, name))
    before = _said(getattr(change.before, name)) if change.before else after
    if before == after:
        return after
    return format_html("<del>{}</del> → <ins>{}</ins>", before or "(empty)", after or "(empty)")


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    return text if len(text) <= 60 else f"{text[:59]}…"
