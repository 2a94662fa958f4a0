"""The two code maps: shipping methods, and carriers with their services."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget

from integrations import registry
from integrations.admin_base import ChangedFieldsOnly, clip
from integrations.admin_forms import ShownForm
from integrations.dispatch import enqueue, enqueue_for_warehouses
from integrations.models import Connection
from integrations.registry import MARKETPLACE, PROVIDERS
from orders.models import CarrierService, ShippingMethod

MARKETPLACES = [key for key, provider in PROVIDERS.items() if provider.kind == MARKETPLACE]


class OfMarketplace(ChangedFieldsOnly):
    """A map's rows belong to a marketplace, the only one when there is only one."""

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        marketplaces = Connection.objects.filter(provider__in=MARKETPLACES)
        initial = {"initial": marketplaces.get()} if marketplaces.count() == 1 else {}
        return super().formfield_for_foreignkey(db_field, request, **{**kwargs, **initial, "queryset": marketplaces})


@admin.register(ShippingMethod)
class ShippingMethodAdmin(OfMarketplace):
    list_display = ("code", "name", "connection")
    list_filter = ("connection",)
    list_select_related = ("connection",)
    search_fields = ("code", "name")

    def save_model(self, request: HttpRequest, obj: ShippingMethod, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        enqueue_for_warehouses(obj.connection_id, "submit_orders")


class CodeInput(UnfoldAdminTextInputWidget):
    """A text input that offers the known codes, and takes others too."""

    def __init__(self, known: Mapping[str, str]) -> None:
        super().__init__()
        self._known = known

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        own = super().render(name, value, {**(attrs or {}), "list": f"known-{name}", "autocomplete": "off"}, renderer)
        options = format_html_join("", '<option value="{}">{}</option>', self._known.items())
        return format_html('{}<datalist id="known-{}">{}</datalist>', own, name, options)


class CarrierServiceForm(ShownForm):
    carrier_code = forms.CharField(max_length=40, label="Carrier code", help_text="The marketplace's code.")
    service_code = forms.CharField(
        max_length=40, label="Service code", required=False,
        help_text="The marketplace's code. Empty: the service that the order asked for.",
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["carrier_code"].widget = CodeInput(_known("CARRIERS"))
        self.fields["service_code"].widget = CodeInput(_known("SERVICE_LEVELS"))


@admin.register(CarrierService)
class CarrierServiceAdmin(OfMarketplace):
    form = CarrierServiceForm
    fields = ("connection", "carrier_text", "service_text", "carrier_code", "service_code")
    list_display = ("shown_carrier", "service_text", "carrier_code", "service_code", "connection")
    list_filter = ("connection", "carrier_code")
    list_select_related = ("connection",)
    search_fields = ("carrier_text", "service_text")

    @display(description="carrier text", ordering="carrier_text")
    def shown_carrier(self, obj: CarrierService) -> str:
        return clip(obj.carrier_text, 40) or "(no carrier)"

    def save_model(self, request: HttpRequest, obj: CarrierService, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        for what, code, known in (
            ("carrier", obj.carrier_code, _known("CARRIERS")), ("service", obj.service_code, _known("SERVICE_LEVELS")),
        ):  # fmt: skip
            if code and code not in known:
                text = f"{what} code {code!r} is not one of those known ({', '.join(known)}). It is sent as it is."
                messages.warning(request, text[:1].upper() + text[1:])
        enqueue("confirm_shipments", obj.connection_id)


def _known(table: str) -> dict[str, str]:
    """The codes of every marketplace that Crossdock can talk to, with their names."""
    return {code: name for key in MARKETPLACES for code, name in getattr(registry.codes_of(key), table).items()}
