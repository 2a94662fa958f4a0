"""The two code maps: shipping methods, and carriers with their services."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget, UnfoldBooleanWidget

from integrations.admin_base import ChangedFieldsOnly, clip
from integrations.admin_forms import ShownForm
from integrations.dispatch import enqueue, enqueue_for_warehouses
from integrations.models import Connection
from integrations.wording import counted
from inventory.admin.file_forms import MARKETPLACES
from inventory.admin.history import History
from inventory.alias_effects import Effect
from orders import carriers
from orders.admin import known_codes
from orders.admin.map_import import MapImport
from orders.admin.map_resources import (
    CARRIER_COLUMNS,
    SHIPPING_COLUMNS,
    CarrierServiceResource,
    ShippingMethodResource,
)
from orders.models import CarrierService, Order, ShippingMethod


class OfMarketplace(History, ChangedFieldsOnly):
    """A map's rows belong to a marketplace, the only one when there is only one."""

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        marketplaces = Connection.objects.filter(provider__in=MARKETPLACES)
        initial = {"initial": marketplaces.get()} if marketplaces.count() == 1 else {}
        return super().formfield_for_foreignkey(db_field, request, **{**kwargs, **initial, "queryset": marketplaces})


@admin.register(ShippingMethod)
class ShippingMethodAdmin(MapImport, OfMarketplace):
    empty_hint = "The codes that Overstock uses come with its connection."
    columns = SHIPPING_COLUMNS
    resource_classes = (ShippingMethodResource,)
    list_display = ("code", "name", "connection")
    list_filter = ("connection",)
    list_select_related = ("connection",)
    search_fields = ("code", "name")

    def save_model(self, request: HttpRequest, obj: ShippingMethod, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        self.wake(obj.connection_id)

    def effects(self, now: ShippingMethod | None, then: Any) -> list[Effect]:
        asked = Q(working_shipping_code=then.code) | Q(working_shipping_code="", shipping_code=then.code)
        waiting = Order.objects.filter(asked, connection=then.connection_id, status__in=Order.UNSENT).count()
        return [Effect(f"concerns {counted(waiting, 'orders')} with code {then.code} that were not sent yet", [])]

    def wake(self, marketplace_id: int) -> None:
        enqueue_for_warehouses(marketplace_id, "submit_orders")


class CodeInput(UnfoldAdminTextInputWidget):
    """A text input that offers the known codes, and takes others too."""

    def __init__(self, known: Mapping[str, str]) -> None:
        super().__init__()
        self._known = known

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        own = super().render(name, value, {**(attrs or {}), "list": f"known-{name}", "autocomplete": "off"}, renderer)
        options = format_html_join("", '<option value="{}">{}</option>', self._known.items())
        return format_html('{}<datalist id="known-{}">{}</datalist>', own, name, options)


ANYWAY = "Use this code though it is not in the known list"


TEXTS = ("carrier_text", "service_text")


class CarrierServiceForm(ShownForm):
    carrier_code = forms.CharField(max_length=40, label="Carrier code", help_text="The marketplace's code.")
    service_code = forms.CharField(
        max_length=40, label="Service code", required=False,
        help_text="The marketplace's code. Empty: the service that the order asked for.",
    )  # fmt: skip

    anyway = forms.BooleanField(
        required=False, label=ANYWAY, widget=UnfoldBooleanWidget,
        help_text="Take codes that are not in the list of known ones. They are sent as they are, and may be refused.",
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in known_codes.TABLES:
            self.fields[name].widget = CodeInput(known_codes.known(name))

    def clean(self) -> dict[str, Any]:
        """What is saved frees parcels at once: a slip of the pen would be sent before anybody saw a warning."""
        values = super().clean()
        for name in known_codes.TABLES:
            wrong = known_codes.problem(name, values.get(name) or "")
            if wrong and name in self.changed_data and not values.get("anyway"):
                self.add_error(name, f"{wrong} If it is right, tick “{ANYWAY}” below.")
        self._refuse_other_spelling(values)
        return values

    def _refuse_other_spelling(self, values: dict[str, Any]) -> None:
        """Only what is renamed now: rows that have contradicted each other from before can still be put right."""
        if {"connection", *TEXTS}.isdisjoint(self.changed_data):
            return
        texts = {name: values.get(name, getattr(self.instance, name)) or "" for name in TEXTS}
        connection = getattr(values.get("connection"), "pk", self.instance.connection_id)
        known = carriers.written_otherwise(CarrierService(pk=self.instance.pk, connection_id=connection, **texts))
        if known is not None:
            text = f"“{known}” stands for the same: capitals and repeated blanks make no difference. Change that row."
            self.add_error("carrier_text" if "carrier_text" in self.fields else "service_text", text)


@admin.register(CarrierService)
class CarrierServiceAdmin(MapImport, OfMarketplace):
    empty_hint = "Carriers come with the connection to Overstock, or are mapped where a parcel waits."
    columns = CARRIER_COLUMNS
    resource_classes = (CarrierServiceResource,)
    form = CarrierServiceForm
    fields = ("connection", "carrier_text", "service_text", "carrier_code", "service_code", "anyway")
    list_display = ("shown_carrier", "service_text", "carrier_code", "service_code", "connection")
    list_filter = ("connection", "carrier_code")
    list_select_related = ("connection",)
    search_fields = ("carrier_text", "service_text")

    @display(description="carrier text", ordering="carrier_text")
    def shown_carrier(self, obj: CarrierService) -> str:
        return clip(obj.carrier_text or "(no carrier)", 40)

    def save_model(self, request: HttpRequest, obj: CarrierService, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        self.wake(obj.connection_id)

    def effects(self, now: CarrierService | None, then: Any) -> list[Effect]:
        return [Effect("is used for what the marketplace is told from then on; what it was told stays", [])]

    def wake(self, marketplace_id: int) -> None:
        enqueue("confirm_shipments", marketplace_id)
