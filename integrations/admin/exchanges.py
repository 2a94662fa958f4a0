"""Requests and their answers: found by connection, outcome, run and order; read, and downloaded."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from unfold.decorators import display

from integrations import wording
from integrations.admin.legible import indented, legible
from integrations.admin_base import ReadOnly, ago, clip, is_list, visible_or_404
from integrations.models import Exchange

CLASSES = {
    "ok": ("Answered well (2xx, 3xx)", Q(status__gte=200, status__lt=400)),
    "refused": ("Refused (4xx)", Q(status__gte=400, status__lt=500)),
    "failed": ("Failed over there (5xx)", Q(status__gte=500)),
    "none": ("No answer", Q(status=None)),
}
COLOURS = {"ok": "success", "refused": "warning", "failed": "danger", "none": "danger"}
SEARCHED = 5_000  # bodies are long, and no index helps
PARTS = {"request": "request_body", "response": "response_body"}


def class_of(exchange: Exchange) -> str:
    """Which of CLASSES its answer belongs to."""
    if exchange.status is None:
        return "none"
    return "ok" if exchange.status < 400 else "refused" if exchange.status < 500 else "failed"


class StatusClass(admin.SimpleListFilter):
    title, parameter_name = "answer", "answer"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, title) for name, (title, _) in CLASSES.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Exchange]) -> QuerySet[Exchange]:
        chosen = CLASSES.get(self.value() or "")
        return queryset.filter(chosen[1]) if chosen else queryset


class OfRun(admin.SimpleListFilter):
    """Where a run's page leads; not offered by itself."""

    title, parameter_name = "run", "run"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        chosen = request.GET.get(self.parameter_name, "")
        return [(chosen, f"Run {chosen[:18]}")] if chosen else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Exchange]) -> QuerySet[Exchange]:
        chosen = self.value() or ""
        if not chosen:
            return queryset
        return queryset.filter(run=int(chosen)) if chosen.isdecimal() and len(chosen) <= 18 else queryset.none()


class Method(admin.SimpleListFilter):
    """Named here: to ask which there are would read every exchange."""

    title, parameter_name = "method", "method"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in ("GET", "POST", "PUT", "PATCH", "DELETE")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Exchange]) -> QuerySet[Exchange]:
        return queryset.filter(method=self.value()) if self.value() else queryset


@admin.register(Exchange)
class ExchangeAdmin(ReadOnly):
    empty_hint = "Every request to Overstock and TradeGecko is kept for a month, with its answer."
    list_display = ("when", "connection", "method", "path", "answer", "milliseconds", "short_error")
    export_columns = ("at", "connection__name", "about", "method", "url", "status", "milliseconds", "error")
    list_filter = (StatusClass, OfRun, "connection", Method, "at")
    search_fields = ("url", "request_body", "response_body")
    search_help_text = f"A part of the address or of a body, among the newest {SEARCHED:,} that the filters leave"
    list_select_related = ("connection",)
    show_full_result_count = False
    fields = ("connection", "run", "at", "method", "address", "answered_with", "milliseconds", "error", "asked",
              "answered", "downloads")  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Exchange]:
        """Lists do without the bodies, which are long."""
        rows: QuerySet[Exchange] = super().get_queryset(request)
        return rows.defer("request_body", "response_body") if is_list(request) else rows

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Exchange], search_term: str
    ) -> tuple[QuerySet[Exchange], bool]:
        if not search_term.strip():
            return queryset, False
        older = list(queryset.order_by("-at").values_list("at", flat=True)[SEARCHED : SEARCHED + 1])
        newest = queryset.filter(at__gt=older[0]) if older else queryset
        found: tuple[QuerySet[Exchange], bool] = super().get_search_results(request, newest, search_term)
        return found

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.download)
        own = [
            path(f"<path:object_id>/{part}/", view, {"part": part}, name=f"integrations_exchange_{part}")
            for part in PARTS
        ]
        return [*own, *super().get_urls()]

    def download(self, request: HttpRequest, object_id: str, part: str) -> HttpResponse:
        """One body as it is shown, in a file; no browser shows it as a page."""
        found = visible_or_404(self, request, object_id)
        body: str = getattr(found, PARTS[part])
        kind = "xml" if body.lstrip().startswith("<") else "json" if body.lstrip()[:1] in ("{", "[") else "txt"
        name = f"exchange-{found.pk}-{part}.{kind}"
        return HttpResponse(
            indented(body), content_type="text/plain; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"},
        )  # fmt: skip

    @display(description="when", ordering="at")
    def when(self, obj: Exchange) -> str:
        return ago(obj.at)

    @display(description="path")
    def path(self, obj: Exchange) -> str:
        parts = urlsplit(obj.url)
        return clip(wording.address(parts.path + (f"?{parts.query}" if parts.query else "")), 44)

    @display(description="address")
    def address(self, obj: Exchange) -> str:
        return format_html('<span class="breakable" title="as sent: {}">{}</span>', obj.url, wording.address(obj.url))

    @display(description="answer", ordering="status", label=COLOURS)
    def answer(self, obj: Exchange) -> tuple[str, str]:
        return class_of(obj), str(obj.status or "none")

    @display(description="answer")
    def answered_with(self, obj: Exchange) -> str:
        return str(obj.status or "none")

    @display(description="error")
    def short_error(self, obj: Exchange) -> str:
        return clip(obj.error, 32)

    @display(description="request")
    def asked(self, obj: Exchange) -> str:
        return legible(obj.request_body)

    @display(description="response")
    def answered(self, obj: Exchange) -> str:
        return legible(obj.response_body)

    @display(description="download")
    def downloads(self, obj: Exchange) -> str:
        """The bodies that there are."""
        there = [part for part, field in PARTS.items() if getattr(obj, field)]
        links = [(reverse(f"admin:integrations_exchange_{part}", args=[obj.pk]), part) for part in there]
        return format_html_join(", ", '<a class="underline" href="{}">{}</a>', links) or "–"
