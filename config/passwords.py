"""Changing one's own password, which Django's admin leaves no trace of."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from integrations.admin_base import log


def change(request: HttpRequest) -> HttpResponse:
    """The admin's page; a change is in the audit log. It ends the person's sign-ins elsewhere, as Django does."""
    answer: HttpResponse = admin.site.password_change(request)
    if request.method == "POST" and answer.status_code == 302:
        log(request, [request.user], "Changed their password")
    return answer
