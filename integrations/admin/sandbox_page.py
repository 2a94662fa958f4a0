"""The sandbox's page, for training: play the retailer and the warehouse, and break things. Only where one runs."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_http_methods

from integrations import sandbox_control
from integrations.admin.sandbox_forms import DEEDS, Deed, World, world_of
from integrations.admin_base import log
from integrations.errors import IntegrationError
from integrations.models import Connection
from integrations.sandbox_control import Control

PERMISSION = "integrations.change_connection"


@dataclass(frozen=True, slots=True)
class Side:
    """One system of the sandbox; `problem` is why it cannot be played with, and then it has no world."""

    connection: Connection
    world: World | None = None
    deeds: tuple[tuple[str, Deed], ...] = ()
    problem: str = ""


def urls() -> list[URLPattern]:
    return [path("sandbox/", admin.site.admin_view(page), name="sandbox")]


def is_offered(request: HttpRequest) -> bool:
    """Whether the menu shows it: a sandbox is connected, and this person may play with it."""
    return bool(request.user.has_perm(PERMISSION) and sandbox_control.connections())


@require_http_methods(["GET", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """Raises Http404 where no connection leads to this machine, PermissionDenied for who may not change connections."""
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    found = sandbox_control.connections()
    if not found:
        raise Http404("no connection leads to a sandbox")
    if request.method == "POST":
        _do(request, found)
        return redirect("admin:sandbox")
    context = {**admin.site.each_context(request), "title": "Sandbox", "sides": [_side(one) for one in found]}
    return TemplateResponse(request, "admin/integrations/sandbox.html", context)


def _side(connection: Connection) -> Side:
    try:
        world = world_of(Control(connection), connection.kind)
    except IntegrationError as exc:
        return Side(connection, problem=str(exc))
    deeds = DEEDS[connection.kind].items()
    return Side(connection, world, tuple((name, deed(world)) for name, deed in deeds if deed.title))


def _do(request: HttpRequest, found: list[Connection]) -> None:
    connection = next((one for one in found if str(one.pk) == request.POST.get("connection")), None)
    deed = DEEDS[connection.kind].get(request.POST.get("deed", "")) if connection else None
    if connection is None or deed is None:
        messages.error(request, "Nothing was done: this page has changed meanwhile. Try again.")
        return
    try:
        control = Control(connection)
        form = deed(world_of(control, connection.kind), request.POST)
        if not form.is_valid():
            messages.error(request, f"{deed.title}: {_first_error(form)}")
            return
        said = form.do(control)
    except IntegrationError as exc:
        messages.error(request, f"{connection}: {exc}")
        return
    log(request, [connection], f"Sandbox: {said}")
    messages.success(request, said)


def _first_error(form: Deed) -> str:
    return next(f"{form.fields[name].label or name}: {errors[0]}" for name, errors in form.errors.items())
