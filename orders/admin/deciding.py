"""Buttons of an order's page for what the marketplace cancelled or changed, and for a short ship."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import prefetch_related_objects
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from unfold.admin import ModelAdmin
from unfold.decorators import action
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from integrations.admin_base import ask, found_or_404
from integrations.walking import along, way_of
from integrations.wording import counted
from orders import cancelled_late, change_plan, changes, decisions, edits, next_step, short_shipping
from orders.admin import walking
from orders.models import IllegalTransition, Order, OrderLine
from orders.next_step import STEPS

TYPED = "SHORT SHIP"
SETTLED = "Nothing of order {order} waits for this now: it is settled, or is being done. Its page says how it stands."


class Deciding(ModelAdmin):
    """The decisions, each with a page that says what follows."""

    def _decide(
        self, request: HttpRequest, object_id: int, title: str, button: str, text: str, do: Callable[..., str],
        **said: object,
    ) -> HttpResponse:  # fmt: skip
        """A page that was opened by its address, or long ago, says so where nothing waits for that decision."""
        order = found_or_404(self, request, object_id)
        is_over = do.__name__ not in decisions.possible(order)
        return ask(
            self, request, order, title=title.format(order=order), consequence=text.format(diff=_diff(order), **said),
            do=lambda values: do(order, request.user, values["seen"]), button=button, refuse=IllegalTransition,
            form_class=_seen(order), stopped=SETTLED.format(order=order) if is_over else "",
        )  # fmt: skip

    @action(description=STEPS["apply"][0], url_path="apply", icon="published_with_changes")
    def apply(self, request: HttpRequest, object_id: int) -> HttpResponse:
        text = "Taken over from the marketplace: {diff}. The order is judged again, and goes out if nothing holds it."
        return self._decide(request, object_id, "Change order {order}", STEPS["apply"][0], text, decisions.apply)

    @action(description=STEPS["keep"][0], url_path="keep", icon="do_not_disturb_on")
    def keep(self, request: HttpRequest, object_id: int) -> HttpResponse:
        text = "Not taken over: {diff}. It is not shown again unless the marketplace changes the order once more."
        return self._decide(request, object_id, "Keep order {order} as it is", STEPS["keep"][0], text, decisions.keep)

    @action(description=STEPS["amend"][0], url_path="amend", icon="published_with_changes")
    def amend(self, request: HttpRequest, object_id: int) -> HttpResponse:
        order = found_or_404(self, request, object_id)
        prefetch_related_objects([order], "lines", "submission__lines", "short_ships", "warehouse_changes")
        outlook = change_plan.outlook(order)
        text = (
            "Changed in the warehouse: {diff}. {outlook} Boxes packed with what is taken out are taken apart there; "
            "what has shipped stays as it is."
        )
        title = f"{'Void' if outlook.voids else 'Update'} the warehouse's order {{order}}"
        button = next_step.label("amend", order)
        return self._decide(request, object_id, title, button, text, decisions.amend, outlook=outlook)

    @action(description=STEPS["void"][0], url_path="void", icon="cancel")
    def void(self, request: HttpRequest, object_id: int) -> HttpResponse:
        order = found_or_404(self, request, object_id)
        text = (
            "What the marketplace cancelled is cancelled in the warehouse too: {what}. Boxes that are packed are taken "
            "apart there. Nothing is done to what has shipped by then."
        )
        title = "Cancel order {order} in the warehouse"
        numbers = decisions.cancellable(order)
        what = f"{_taken_out(order, numbers)}{_units_of(order, numbers)}"
        return self._decide(request, object_id, title, STEPS["void"][0], text, decisions.void, what=what)

    @action(description="Short ship…", url_path="short-ship", icon="production_quantity_limits")
    def short(self, request: HttpRequest, object_id: int) -> HttpResponse:
        order = found_or_404(self, request, object_id)
        may = request.user.has_perm(short_shipping.PERMISSION) and self.has_view_permission(request, order)
        if may and not _codes(order):
            return _back(request, order, _without_reasons(request, order))
        if may and not short_shipping.open_lines(order):
            return _back(request, order, f"Nothing of order {order} is open that could be short shipped.")
        return ask(
            self, request, order, title=f"Short ship a line of order {order}", button="Short ship",
            consequence=FINED.format(market=order.connection),
            do=lambda values: _short(order, values, request.user), refuse=IllegalTransition, allowed=may,
            form_class=_form(order, request.GET.get("line", "")),
        )  # fmt: skip

    @action(description="Call off short ship…", url_path="call-off", icon="undo")
    def calloff(self, request: HttpRequest, object_id: int) -> HttpResponse:
        order = found_or_404(self, request, object_id)
        may = request.user.has_perm(short_shipping.PERMISSION) and self.has_view_permission(request, order)
        if may and not short_shipping.callable_off(order):
            return _back(request, order, TOO_LATE.format(order=order, market=order.connection))
        return ask(
            self, request, order, title=f"Call off a short ship of order {order}", button="Call off",
            consequence=CALLED_OFF.format(market=order.connection),
            do=lambda values: _call_off(order, values["short_ship"], request.user), form_class=_called_off(order),
            refuse=IllegalTransition, allowed=may,
        )  # fmt: skip


def _back(request: HttpRequest, order: Order, why: str) -> HttpResponse:
    """To the order's page: a form with nothing to choose from would lead nowhere."""
    messages.warning(request, why)
    return redirect(along(way_of(request), reverse("admin:orders_order_change", args=[order.pk])))


def _seen(order: Order) -> type[forms.Form]:
    """Carries what was decided on: a change that came after the page was opened is not decided with it."""

    class SeenForm(forms.Form):
        seen = forms.CharField(widget=forms.HiddenInput, initial=decisions.state_of(order))

    return SeenForm


FINED = (
    "{market} is told that all that is open of the line will never ship. Overstock fines a short ship, and it cannot "
    "be taken back. Do not send one where Overstock itself asked for the cancellation. The line is taken out of the "
    "warehouse's order first; if it has shipped there meanwhile, nothing is told. All of that begins at once: there is "
    "often less than a minute to call it off."
)
TOO_LATE = (
    "No short ship of order {order} can be called off: {market} was told, or is being told right now. The order's page "
    "says which."
)
CALLED_OFF = (
    "{market} is not told that the units will not ship: they ship after all. Where the warehouse has let go of them "
    "already, the order's page asks whether they are put in there again."
)
NO_REASONS = (
    "A line cannot be short shipped yet: there is no reason to choose. Enter the codes that Overstock gave you as "
    "“short ship reasons” of {}."
)


def _without_reasons(request: HttpRequest, order: Order) -> str:
    """What to do first, with the way there and back for who may."""
    route = order.route
    if route is None:
        return format_html(NO_REASONS, "its route, once it has one")
    if not request.user.has_perm("integrations.change_route"):
        return format_html(NO_REASONS, f"route {route}, or have somebody do it who may change routes")
    address = walking.to_route(request, order)
    return format_html(NO_REASONS, format_html('<a class="underline" href="{}">route {}</a>', address, route))


def _short(order: Order, values: dict[str, Any], user: Any) -> str:
    line = order.lines.filter(pk=values["line"]).first()
    if line is None:
        raise IllegalTransition(f"order {order} has no such line any more")
    return short_shipping.ask(line, values["reason"], user)


def _call_off(order: Order, pk: str, user: Any) -> str:
    short = order.short_ships.filter(pk=pk).first()
    if short is None:
        raise IllegalTransition(f"order {order} has no such short ship any more")
    return short_shipping.call_off(short, user)


def _called_off(order: Order) -> type[forms.Form]:
    shorts = [(str(one.pk), f"{one}: {counted(one.quantity, 'units')}") for one in short_shipping.callable_off(order)]

    class CallOffForm(forms.Form):
        short_ship = forms.ChoiceField(choices=shorts, widget=UnfoldAdminSelectWidget)

    return CallOffForm


def _taken_out(order: Order, numbers: Sequence[str]) -> str:
    if not numbers:
        return "nothing of it can be cancelled there now"
    if "" in numbers:
        return "what has not left is taken out" if cancelled_late.has_left(order) else "the order is voided"
    return f"line {numbers[0]} is taken out" if len(numbers) == 1 else f"lines {', '.join(numbers)} are taken out"


def _units_of(order: Order, numbers: Sequence[str]) -> str:
    """By line, what of it the warehouse's order loses."""
    rests = cancelled_late.rests(order) if numbers else {}
    lost = {
        line: rest.there for line, rest in rests.items() if rest.there and ("" in numbers or line.number in numbers)
    }
    named = ", ".join(f"line {line.number or line.position}: {counted(units, 'units')}" for line, units in lost.items())
    return f" ({named})" if named else ""


def _form(order: Order, named: str) -> type[forms.Form]:
    """The line is chosen beforehand for who comes from a hold that names it."""
    found = short_shipping.open_lines(order)
    lines = [(str(line.pk), f"{line}, {_left(line)}") for line in found]
    chosen = next((str(line.pk) for line in found if named in (line.number, f"#{line.position}")), None)

    class ShortShipForm(forms.Form):
        line = forms.ChoiceField(choices=_chosen(lines), initial=chosen, widget=UnfoldAdminSelectWidget)
        reason = forms.ChoiceField(choices=_chosen(_codes(order)), widget=UnfoldAdminSelectWidget)
        typed = forms.CharField(
            label=f"Type {TYPED} to confirm the fine, in capitals or not",
            widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        )

        def clean_typed(self) -> str:
            typed = str(self.cleaned_data["typed"])
            if typed.strip().upper() != TYPED:
                raise forms.ValidationError(f"Type {TYPED}.")
            return typed

    return ShortShipForm


def _chosen(choices: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Of several none is chosen beforehand: what costs a fine is no slip of the hand."""
    return [("", "Choose"), *choices] if len(choices) > 1 else choices


def _left(line: OrderLine) -> str:
    units = short_shipping.open_units(line)
    return f"{units} open" if units else "refused before"


def _codes(order: Order) -> list[tuple[str, str]]:
    codes = order.route.short_ship_codes if order.route else []
    return [(code, code if code == words else f"{code}: {words}") for code, words in codes]


def _diff(order: Order) -> str:
    return changes.in_words(edits.found_in(order)) or "nothing any more"
