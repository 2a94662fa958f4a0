"""The pages of the second factor: asking for it, setting it up, new recovery codes, and removing one's own."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import django_otp
import segno
from django import forms
from django.contrib import admin, messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import mark_safe
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from unfold.widgets import UnfoldAdminTextInputWidget

from config.second_factor import ASK, SET_UP, is_required
from integrations import second_factor
from integrations.admin_base import log

View = Callable[[HttpRequest], HttpResponse]


class CodeForm(forms.Form):
    code = forms.CharField(
        max_length=20, label="Code",
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "one-time-code", "autofocus": True}),
    )  # fmt: skip


def for_staff(view: View) -> View:
    """Whoever has signed in to the admin; nothing of these pages stays in a browser's cache."""

    @never_cache
    @sensitive_post_parameters("code")
    @wraps(view)
    def checked(request: HttpRequest) -> HttpResponse:
        if not admin.site.has_permission(request):
            return redirect_to_login(request.get_full_path(), reverse("admin:login"))
        return view(request)

    return checked


@for_staff
def ask(request: HttpRequest) -> HttpResponse:
    """After the password: the app's code, or a recovery code."""
    user: Any = request.user
    if user.is_verified() or not second_factor.is_set_up(user):
        return redirect(_wanted(request))
    form = CodeForm(request.POST or None)
    if form.is_valid():
        try:
            device = second_factor.verify(user, form.cleaned_data["code"])
        except second_factor.NotVerified as exc:
            form.add_error("code", str(exc))
        else:
            _take(request, device)
            return redirect(_wanted(request))
    return _page(request, "ask", form=form, title="Second factor")


@for_staff
def set_up(request: HttpRequest) -> HttpResponse:
    """The key as a picture and as text, until a code of it is entered; then how it stands."""
    user: Any = request.user
    if second_factor.is_set_up(user):
        return _standing(request) if user.is_verified() else redirect(reverse(ASK))
    device, form = second_factor.to_confirm(user), CodeForm(request.POST or None)
    if form.is_valid():
        try:
            codes = second_factor.confirm(device, form.cleaned_data["code"].replace(" ", ""))
        except second_factor.NotVerified as exc:
            form.add_error("code", str(exc))
        else:
            _take(request, device)
            log(request, [user], "Set up their second factor")
            return _codes(request, codes)
    picture = segno.make(device.config_url, error="m").svg_inline(scale=5, border=3, light="white")
    return _page(
        request, "set_up", form=form, title="Set up your second factor", key=second_factor.typed_key(device),
        picture=mark_safe(picture), is_required=is_required(user),  # noqa: S308 (made here, of a key and a user name)
    )  # fmt: skip


@for_staff
def new_codes(request: HttpRequest) -> HttpResponse:
    return _change(request, _make_codes)


@for_staff
def remove(request: HttpRequest) -> HttpResponse:
    return _change(request, _remove)


def urls() -> list[URLPattern]:
    return [
        path("", ask, name=ASK),
        path("set-up/", set_up, name=SET_UP),
        path("recovery-codes/", new_codes, name="second_factor_codes"),
        path("remove/", remove, name="second_factor_remove"),
    ]


def _change(request: HttpRequest, do: View) -> HttpResponse:
    """Only by a button, and only by who gave the second factor in this session."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    user: Any = request.user
    return do(request) if user.is_verified() else redirect(SET_UP)


def _make_codes(request: HttpRequest) -> HttpResponse:
    codes = second_factor.new_recovery_codes(request.user)
    log(request, [request.user], "Made new recovery codes")
    return _codes(request, codes)


def _remove(request: HttpRequest) -> HttpResponse:
    second_factor.remove(request.user)
    log(request, [request.user], "Removed their second factor")
    messages.success(request, "Your second factor is removed: your password alone signs you in.")
    return redirect(SET_UP if is_required(request.user) else "admin:index")


def _take(request: HttpRequest, device: Any) -> None:
    """The session rests on the device from now on, under a new key."""
    request.session.cycle_key()
    django_otp.login(request, device)


def _standing(request: HttpRequest) -> HttpResponse:
    left = second_factor.recovery_codes_left(request.user)
    return _page(request, "standing", title="Second factor", left=left, is_required=is_required(request.user))


def _codes(request: HttpRequest, codes: list[str]) -> HttpResponse:
    return _page(request, "codes", title="Recovery codes", codes=codes, next=_wanted(request))


def _page(request: HttpRequest, step: str, **context: Any) -> HttpResponse:
    page = {**admin.site.each_context(request), "step": step, "next": _wanted(request), **context}
    return TemplateResponse(request, "admin/second_factor.html", page)


def _wanted(request: HttpRequest) -> str:
    """Where the person was going, within this installation."""
    address = request.GET.get("next", "")
    here = url_has_allowed_host_and_scheme(address, {request.get_host()}, require_https=request.is_secure())
    return address if here else reverse("admin:index")
