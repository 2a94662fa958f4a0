"""The forms that map a cause in place: the components of a SKU, the name of a shipping code, a carrier's codes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.db import IntegrityError, transaction
from django.forms.models import modelform_factory
from django.http import HttpRequest, QueryDict
from simple_history.utils import update_change_reason
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget, UnfoldBooleanWidget

from integrations.admin_forms import ShownForm
from inventory import kits, suggestions
from inventory.alias_cells import MAX_SKU_CHARS, MAX_UNITS
from inventory.likeness import Parts
from orders import answered, carriers
from orders.admin.maps import CarrierServiceForm, CodeInput
from orders.causes import SKU_KINDS, Cause
from orders.models import CarrierService, Hold, ShippingMethod

MAPPED = "Mapped for the orders that waited for it."
SPARE_ROWS = 5
MOST_ROWS = 50
LOOKED_FOR = 3  # wrong SKUs whose other spellings the warehouse is asked for, a call each


class ComponentForm(forms.Form):
    """One of several rows of the same names; an empty one is none."""

    warehouse_sku = forms.CharField(
        max_length=MAX_SKU_CHARS, required=False, label="Warehouse SKU",
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
    )  # fmt: skip
    units = forms.IntegerField(
        min_value=1, max_value=MAX_UNITS, required=False, widget=UnfoldAdminIntegerFieldWidget(attrs={"min": 1})
    )

    @property
    def part(self) -> tuple[str, int] | None:
        sku = self.cleaned_data.get("warehouse_sku", "")
        return (sku, self.cleaned_data.get("units") or 1) if sku else None


class SkuForm:
    """What a marketplace SKU is made of. Several rows are a kit.

    `meant` are warehouse SKUs that may have been meant by a wrong one, each with the parts that it would make.
    """

    def __init__(self, cause: Cause, data: QueryDict | None = None) -> None:
        self._cause, self._data = cause, data
        self._known = kits.parts_of(cause.marketplace, cause.subject)
        self.shown = data.get("shown", "") if data is not None else json.dumps(self._known)
        self.problems: list[str] = []
        self.meant: list[tuple[str, Parts]] = []
        self.note = ""
        self.rows = self._unbound() if data is None else [ComponentForm(one, auto_id=False) for one in _pairs(data)]
        for row in self.rows[:1]:
            row.fields["warehouse_sku"].widget.attrs["autofocus"] = True

    def _unbound(self) -> list[ComponentForm]:
        given: list[dict[str, Any]] = [{"warehouse_sku": sku, "units": units} for sku, units in self._known]
        given += [{"units": 1}] * (SPARE_ROWS if given else SPARE_ROWS + 1)
        return [ComponentForm(initial=values, auto_id=False) for values in given]

    @property
    def first_rows(self) -> list[ComponentForm]:
        return self.rows[: max(len(self._known), 1)]

    @property
    def more_rows(self) -> list[ComponentForm]:
        return self.rows[len(self.first_rows) :]

    @property
    def has_more(self) -> bool:
        return any(row.is_bound and row.is_valid() and row.part for row in self.more_rows)

    @property
    def parts(self) -> Parts:
        return tuple(part for row in self.rows if (part := row.part))

    def is_valid(self) -> bool:
        """The warehouse is asked whether it carries what was entered."""
        self.problems = [str(text) for row in self.rows for texts in row.errors.values() for text in texts]
        if self.problems:
            return False
        skus = [sku for sku, _ in self.parts]
        twice = sorted({sku for sku in skus if skus.count(sku) > 1})
        if not skus:
            self.problems = ["Enter the warehouse SKU that is shipped for it."]
        elif twice:
            self.problems = [f"“{twice[0]}” is there twice; enter it once, with all its units."]
        else:
            wrong, self.note = kits.refusals(self._cause.marketplace, skus)
            self.problems = list(wrong.values())
            self.meant = [one for sku in list(wrong)[:LOOKED_FOR] for one in self._spelt_alike(sku)]
        return not self.problems

    def _spelt_alike(self, sku: str) -> list[tuple[str, Parts]]:
        """What may have been meant by a SKU that nobody carries, and the parts with that in its place."""
        taken = {name for name, _ in self.parts}
        names = (one for one in suggestions.spelt_alike(self._cause.marketplace, sku) if one not in taken)
        return [(one, tuple((one if name == sku else name, units) for name, units in self.parts)) for one in names]

    def save(self, request: HttpRequest) -> str:
        """Store it; what the SKU is now, in words. Raises kits.Changed."""
        aliases = kits.put(self._cause.marketplace, self._cause.subject, self.parts, seen=_parts(self.shown))
        for alias in aliases:
            _log(request, alias)
        return f"{self._cause.subject} is {kits.said(self.parts)} now"


class CodeForm:
    """A row of one of the two code maps, for what the orders wait for."""

    def __init__(self, row: ShippingMethod | CarrierService, form: type[ShownForm], fields: tuple[str, ...],
                 data: QueryDict | None = None) -> None:  # fmt: skip
        made: Any = modelform_factory(type(row), form=form, fields=fields)
        self.form = made(data, instance=row)
        for field in self.form.fields.values():
            if not isinstance(field.widget, (CodeInput, UnfoldBooleanWidget, forms.HiddenInput)):
                field.widget = UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"})
        first = next(name for name in fields if name != "service_text")  # which is known already
        self.form.fields[first].widget.attrs["autofocus"] = True
        self.note = ""

    def is_valid(self) -> bool:
        return bool(self.form.is_valid())

    def save(self, request: HttpRequest) -> str:
        """Store it; what is mapped now, in words. Raises kits.Changed."""
        row = self.form.instance
        if self._store(row):
            _log(request, row)
        return f"{row} is mapped"

    def _store(self, row: Any) -> bool:
        """Whether that made a difference: after a second press it is as entered already. Raises kits.Changed."""
        own = {field.name for field in row._meta.concrete_fields}
        if row.pk and own.isdisjoint(self.form.changed_data):
            return False
        try:
            with transaction.atomic():
                self.form.save()
        except IntegrityError:
            if _same_is_there(row):
                return False
            raise kits.Changed("Somebody else mapped this a moment ago. Nothing was saved; look again.") from None
        return True


def _same_is_there(row: Any) -> bool:
    """Whether the same click came first with it."""
    values = {
        field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields if not field.primary_key
    }
    return bool(type(row)._default_manager.filter(**values).exists())


Form = SkuForm | CodeForm


def form_for(cause: Cause, data: QueryDict | None = None) -> Form:
    if cause.kind in SKU_KINDS:
        return SkuForm(cause, data)
    if cause.kind == Hold.Kind.UNMAPPED_SHIPPING:
        return CodeForm(_shipping_row(cause), ShownForm, ("name",), data)
    return CodeForm(_carrier_row(cause), CarrierServiceForm, ("service_text", "carrier_code", "service_code"), data)


def may_map(user: Any, kind: Hold.Kind) -> bool:
    """Whether a person may change the map that mends such a cause."""
    return all(user.has_perm(one) for one in PERMISSIONS[kind])


ALIASES = ("inventory.add_skualias", "inventory.change_skualias")
PERMISSIONS: Mapping[Hold.Kind, tuple[str, ...]] = {
    Hold.Kind.UNKNOWN_SKU: ALIASES, Hold.Kind.AMBIGUOUS_SKU: ALIASES,
    Hold.Kind.UNMAPPED_SHIPPING: ("orders.add_shippingmethod", "orders.change_shippingmethod"),
    Hold.Kind.UNKNOWN_CARRIER: ("orders.add_carrierservice", "orders.change_carrierservice"),
}  # fmt: skip


def _shipping_row(cause: Cause) -> ShippingMethod:
    """Its row, if it was mapped while nothing judged the orders that wait for it: those of a paused route."""
    values = {"connection": cause.marketplace, "code": cause.subject}
    return ShippingMethod.objects.filter(**values).first() or ShippingMethod(**values)


def _carrier_row(cause: Cause) -> CarrierService:
    """The row that its parcels go by; the one of any other service stays, and this service has one of its own."""
    known = answered.carrier_row(cause)
    if known is not None and known.service_text.strip() != carriers.ANY:
        return known
    return CarrierService(connection=cause.marketplace, **answered.carrier_texts(cause))


def _pairs(data: QueryDict) -> list[dict[str, str]]:
    units = data.getlist("units")
    skus = data.getlist("warehouse_sku")[:MOST_ROWS]
    return [
        {"warehouse_sku": sku, "units": units[place] if place < len(units) else ""} for place, sku in enumerate(skus)
    ]


def _parts(shown: str) -> Parts:
    try:
        return tuple((str(sku), int(units)) for sku, units in json.loads(shown))
    except (ValueError, TypeError):
        return ()


def _log(request: HttpRequest, row: Any) -> None:
    """The record's own history says who did it, as if it had been saved on its page."""
    page: Any = admin.site.get_model_admin(type(row))
    page.log_change(request, row, MAPPED)
    update_change_reason(row, MAPPED)
