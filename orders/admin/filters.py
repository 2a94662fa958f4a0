"""Filters of the list of orders."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from orders.admin import tabs
from orders.models import Hold, Order


class Held(admin.SimpleListFilter):
    title, parameter_name = "held for", "held"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(kind.value, str(kind.label)) for kind in Hold.Kind]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Order]) -> QuerySet[Order]:
        if not self.value():
            return queryset
        held = Hold.objects.filter(kind=self.value(), resolved_at=None)
        return queryset.filter(pk__in=held.values("order"))


class OfCause(admin.SimpleListFilter):
    """The orders that wait for one cause: where a row of the worklist leads; not offered by itself."""

    title, parameter_name = "cause", "cause"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        chosen = request.GET.get(self.parameter_name, "")
        return [(chosen, chosen.split(":", 2)[-1][:40] or "(none)")] if chosen else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Order]) -> QuerySet[Order]:
        kind, _, rest = (self.value() or "").partition(":")
        marketplace, _, subject = rest.partition(":")
        if not marketplace.isdecimal():
            return queryset.none() if self.value() else queryset
        same = Hold.objects.filter(kind=kind, subject=subject, resolved_at=None)
        return queryset.filter(connection=int(marketplace[:18]), pk__in=same.values("order"))


class InTab(admin.SimpleListFilter):
    title, parameter_name = "worklist", "list"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, one.title) for name, one in tabs.CONDITIONS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Order]) -> QuerySet[Order]:
        chosen = tabs.CONDITIONS.get(self.value() or "")
        return queryset.filter(chosen.means) if chosen else queryset


class HeldOrderOwner(admin.SimpleListFilter):
    """Held orders by who looks after them."""

    title, parameter_name = "taken by", "owner"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("me", "Mine"), ("nobody", "Nobody's"), ("others", "Other people's")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Order]) -> QuerySet[Order]:
        held = queryset.filter(pk__in=Hold.objects.filter(resolved_at=None).values("order"))
        if self.value() == "me":
            return held.filter(owner=request.user.pk)
        if self.value() == "nobody":
            return held.filter(owner=None)
        if self.value() == "others":
            return held.exclude(owner=None).exclude(owner=request.user.pk)
        return queryset


class RarelyTrue(admin.BooleanFieldListFilter):
    """A condition that hardly any row fulfils: those that do are few and have an index, the others are all but them.

    Of what a row need not have, it is also not true.
    """

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        if self.lookup_val not in ("0", "1"):
            return super().queryset(request, queryset)
        true = queryset.model._default_manager.filter(**{self.field_path: True}).order_by().values("pk")
        return queryset.filter(pk__in=true) if self.lookup_val == "1" else queryset.exclude(pk__in=true)
