"""Aliases through django-import-export: its screens and results, filled from a plan of the whole file; all or none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from import_export import fields, resources, results, widgets

from integrations.dispatch import enqueue_for_warehouses
from integrations.exports import safe_cell
from integrations.models import Connection
from inventory import alias_effects, alias_plan, changed
from inventory.alias_file import COLUMNS, REQUIRED, AliasFile
from inventory.alias_plan import By, Change, Plan
from inventory.models import SkuAlias

SHOWN_ROWS = 100
NONE: tuple[object, ...] = ("",) * len(alias_plan.FIELDS)
R = results.RowResult


class Switch(widgets.Widget):
    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return "yes" if value else "no"


class SafeText(widgets.CharWidget):
    """Text that a spreadsheet would run as a formula goes out behind an apostrophe."""

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return safe_cell(str(value or ""))


class AliasResult(results.Result):
    """Of one file for one marketplace. The totals are of the whole file, the rows the first that make a difference.

    `effects` are what the file would do beyond the aliases: from a dry run of a good file only. `ignored` are columns
    of the file that are not read, in words.
    """

    plan: Plan
    effects: dict[str, Any]
    is_stored: bool

    def __init__(self, plan: Plan, ignored: list[str]) -> None:
        super().__init__()
        self.plan, self.ignored, self.effects, self.is_stored = plan, ignored, {}, False
        counts = plan.counts()
        self.diff_headers = list(COLUMNS)
        self.total_rows = len(plan.changes) + plan.unchanged + len(plan.problems)
        self.rows = [_row(change) for change in plan.changes[:SHOWN_ROWS]]
        self.invalid_rows = plan.problems
        self.totals[R.IMPORT_TYPE_NEW] = counts["new"]
        self.totals[R.IMPORT_TYPE_UPDATE] = counts["changed"] + counts["switched_off"]
        self.totals[R.IMPORT_TYPE_SKIP] = counts["unchanged"]
        self.totals[R.IMPORT_TYPE_INVALID] = counts["wrong"]


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

    def __init__(
        self, connection: Connection | None = None, mode: str = alias_plan.UPDATE, *, expected: str = "",
        by: By = alias_plan.NOBODY, tick: Callable[[int], None] | None = None,
        close: Callable[[AliasResult], None] | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        """With `expected`, a plan's fingerprint, nothing else is stored than that plan.

        `tick` hears how many aliases are stored, and `close` is called once all are, before that is committed.
        """
        super().__init__(**kwargs)
        self.connection, self.mode, self._expected, self._by = connection, mode, expected, by
        self._tick: Callable[[int], None] = tick or _unheard
        self._close: Callable[[AliasResult], None] = close or _unheard

    def get_queryset(self) -> Any:
        rows = super().get_queryset()
        return rows.filter(connection=self.connection) if self.connection else rows

    def import_data(self, dataset: AliasFile, dry_run: bool = False, **kwargs: Any) -> AliasResult:
        """Import, and once that is committed have the orders judged again that may have waited for an alias."""
        result: AliasResult = super().import_data(dataset, dry_run=dry_run, **kwargs)
        if result.is_stored and result.plan.changes:
            wake(result.plan.connection)
        return result

    def import_data_inner(self, dataset: AliasFile, dry_run: bool, *_args: Any, **_kwargs: Any) -> AliasResult:
        """The whole file at once, inside the transaction that the caller opened; with a problem nothing is stored."""
        if self.connection is None:
            raise ValueError("aliases are imported for a marketplace connection; choose one")
        plan = alias_plan.plan(dataset, self.connection, self.mode, keep=not dry_run)
        result = AliasResult(plan, dataset.ignored())
        if plan.problems:
            return result
        if dry_run:
            result.effects = alias_effects.foresee(self.connection, plan.changes)
        elif self._expected in ("", plan.fingerprint()):
            alias_plan.store(self.connection, plan.changes, self._tick, self._by)
            changed.forget(self.connection)
            result.is_stored = True
            self._close(result)
        return result


def _unheard(_what: object) -> None:
    """Nobody asked to be told."""


def wake(connection: Connection) -> None:
    """Have the orders judged again that may have waited for an alias."""
    enqueue_for_warehouses(connection.pk, "submit_orders")


def problems(result: results.Result) -> list[str]:
    """What is wrong with the file, by line; empty when it can be applied."""
    return [str(problem) for problem in result.invalid_rows]


def _row(change: Change) -> Any:
    row = R()
    row.import_type = R.IMPORT_TYPE_UPDATE if change.before else R.IMPORT_TYPE_NEW
    row.line, row.object_repr = change.line, " → ".join(change.key)
    row.diff = differences(change)
    return row


def differences(change: Change) -> list[tuple[str, str]]:
    """An alias by COLUMNS, each before and after as they are shown; the same text twice where nothing changes.

    So does one that is new or removed: it has one state only.
    """
    before, after = change.before or change.after or NONE, change.after or change.before or NONE
    before_and_after = zip((*change.key, *before), (*change.key, *after), strict=True)
    return [(_said(one), _said(other)) for one, other in before_and_after]


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    return text if len(text) <= 60 else f"{text[:59]}…"
