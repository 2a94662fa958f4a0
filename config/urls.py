"""The admin, a health address for load balancers, and the pages that say no."""

from __future__ import annotations

from django.contrib import admin
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.views.generic import RedirectView

from config import passwords, second_factor_pages
from integrations import webhooks
from integrations.admin import sandbox_page
from orders.admin import start
from orders.alerting import health


def healthz(_request: HttpRequest) -> HttpResponse:
    """200 while the database answers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ok", content_type="text/plain")


def deep_healthz(_request: HttpRequest) -> HttpResponse:
    """503 while something critical is wrong, in words that name no record: for an uptime monitor."""
    wrong = health.critical()
    return HttpResponse("\n".join(wrong) or "ok", status=503 if wrong else 200, content_type="text/plain")


handler400, handler500 = "config.failures.bad_request", "config.failures.failed"
handler403, handler404 = "config.refusals.forbidden", "config.refusals.not_found"
admin.site.index_title, admin.site.empty_value_display = "Start", "–"
_admin_urls, *_ = admin.site.urls
urlpatterns = [
    path("admin/second-factor/", include(second_factor_pages.urls())),
    path("admin/password_change/", admin.site.admin_view(passwords.change, cacheable=True), name="password_change"),
    path("admin/", ([*start.urls(), *sandbox_page.urls(), *_admin_urls], "admin", admin.site.name)),
    path("hooks/<str:provider>/<int:connection_id>/", webhooks.receive, name=webhooks.NAME),
    # A redirect to the address with its slash would count as taken, and be lost (tradegecko 3.17).
    path("hooks/<str:provider>/<int:connection_id>", webhooks.receive),
    path("healthz", healthz),
    path("healthz/deep", deep_healthz),
    path("", RedirectView.as_view(pattern_name="admin:index")),
]
