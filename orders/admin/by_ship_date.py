"""Orders that have not shipped, by their ship date."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from orders import ship_dates
from orders.models import Order


class ByShipDate(admin.SimpleListFilter):
    title, parameter_name = "ship date", "ship"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("late", "Late"), ("today", "Today"), ("next", "Next business day")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Order]) -> QuerySet[Order]:
        chosen = self.value() or ""
        if chosen not in ("late", "today", "next"):
            return queryset
        condition: Q = getattr(ship_dates.current(), chosen)
        return queryset.filter(condition)
