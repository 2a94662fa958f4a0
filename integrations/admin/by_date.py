"""The years, months and days above a long list, without reading the list for them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Max, Min, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import ModelAdmin


class InPeriods(QuerySet[Any]):
    """Rows that offer every year or month from the first to the last of them, or of all where no period is chosen.

    To know which of these have rows, a database reads them all, and SQLite calls Python for each.
    """

    _ends: dict[str, datetime | None] | None = None

    def aggregate(self, *args: Any, **kwargs: Any) -> Any:
        """A list of which no period is chosen asks for the first and the last time: those of all rows, which an index
        knows. Those of what a filter or a search leaves would cost as much as the list itself.
        """
        if args or set(kwargs) != {"first", "last"}:
            return super().aggregate(*args, **kwargs)
        self._ends = self.model._default_manager.aggregate(**kwargs)
        return dict(self._ends)

    def datetimes(self, field_name: str, kind: Any, *args: Any, **kwargs: Any) -> Any:
        if kind not in ("year", "month"):
            return super().datetimes(field_name, kind, *args, **kwargs)
        ends = self._ends or super().aggregate(first=Min(field_name), last=Max(field_name))
        if ends["first"] is None or ends["last"] is None:
            return []
        first, last = (timezone.localtime(one) for one in (ends["first"], ends["last"]))
        months = range(12 * first.year + first.month - 1, 12 * last.year + last.month)
        found = [datetime(one // 12, one % 12 + 1, 1, tzinfo=first.tzinfo) for one in months]
        return found if kind == "month" else [found[0], *(one for one in found[1:] if one.month == 1)]


class ByDate(ModelAdmin):
    """A list with a `date_hierarchy`."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        return InPeriods(rows.model, query=rows.query, using=rows.db)
