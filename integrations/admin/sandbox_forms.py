"""What a person may do in the sandbox: each a form that says what follows, and the calls that do it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from django import forms
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from integrations.errors import Unreadable
from integrations.registry import MARKETPLACE, WAREHOUSE
from integrations.sandbox_control import Control
from integrations.wording import counted

SYSTEMS = {MARKETPLACE: "oasis", WAREHOUSE: "tradegecko"}  # as the sandbox calls them
NAMED, OFFERED = 5, 200
SLOW_SECONDS = 20
MUG = {"partner_sku": "MUG-BLK", "quantity": 2, "unit_cost": "12.50", "title": "Mug, black"}
CHAIR = {"partner_sku": "CHAIR-ASH", "quantity": 4, "unit_cost": "80.00", "title": "Ash dining chair"}
UNKNOWN_SKU = "A SKU that nobody knows: Needs mapping"
# What an order is like, and what becomes of it → what the retailer sends.
KINDS: dict[str, dict[str, object]] = {
    "One line, all known: goes out by itself": {"lines": [MUG]},
    "Two lines, all known: goes out by itself": {"lines": [MUG, CHAIR]},
    UNKNOWN_SKU: {},  # a new one each time: what was mapped once is known
    "An address without a city: Other holds": {"lines": [MUG], "address": {"city": ""}},
    "An unknown shipping code: as the route says": {"lines": [MUG], "service": "DRONE"},
    "Freight, by THRESHOLD": {"lines": [CHAIR], "service": "THRESHOLD", "is_freight": True},
    "For a warehouse without a route": {"lines": [MUG], "warehouse": "Nowhere DC"},
}
UNKNOWN_CARRIER = "One that nobody knows: Carrier unknown"
CARRIERS = {"UPS, Ground": ("UPS", "Ground"), "FedEx, 2Day": ("FedEx", "2Day"), UNKNOWN_CARRIER: ("Wagon & Sons", "")}


@dataclass(frozen=True, slots=True)
class World:
    """What one system of the sandbox holds now. `to_ship` are the warehouse's orders by id, `lines` their lines by id,
    `faults_on` those left.
    """

    system: str
    to_cancel: tuple[str, ...]
    to_ship: Mapping[str, str]
    lines: Mapping[str, str]
    faults: tuple[str, ...]
    faults_on: tuple[Mapping[str, Any], ...]


def world_of(control: Control, kind: str) -> World:
    """Raises IntegrationError, also where something else than a sandbox answers."""
    try:
        return _world(control, kind)
    except (AttributeError, KeyError, TypeError) as exc:
        raise Unreadable(
            f"what answers there is no sandbox, or another version of it: {type(exc).__name__} {exc}"
        ) from exc


def _world(control: Control, kind: str) -> World:
    state, faults, system = control.look("state"), control.look("faults"), SYSTEMS[kind]
    ordered = [number for number, one in state["oasis"]["orders"].items() if one["status"] == "PROCESSING"]
    to_ship = [one for one in state["tradegecko"]["orders"] if one["to_ship"]]
    return World(
        system, tuple(reversed(ordered))[:OFFERED],
        {str(one["id"]): f"{one['reference_number']}: {counted(one['to_ship'], 'units')}" for one in to_ship},
        {str(row["id"]): _line(one, row) for one in to_ship for row in one["lines"] if row["variant_id"]},
        tuple(faults["known"]), tuple(one for one in faults["on"] if one["system"] == system),
    )  # fmt: skip


class Deed(forms.Form):
    """`means` is said before it is done, and `nothing` in place of the form where there is nothing to do it to.

    Values are offered from what the sandbox holds.
    """

    title = means = button = nothing = ""

    def __init__(self, world: World, data: Any = None) -> None:
        super().__init__(data, auto_id=False)
        self.world = world
        self.offer()

    def offer(self) -> None:
        """Fill in what there is to choose from."""

    def choose(self, name: str, choices: list[tuple[str, str]]) -> None:
        field: Any = self.fields[name]
        field.choices = choices

    def do(self, control: Control) -> str:
        """What was done, for the audit log. Raises IntegrationError."""
        raise NotImplementedError


class Add(Deed):
    title, button = "Add orders", "Add"
    means = "The retailer places them now. Crossdock reads them with the next run of Pull orders."

    kind = forms.ChoiceField(choices=[(one, one) for one in KINDS], widget=UnfoldAdminSelectWidget())
    number = forms.IntegerField(
        min_value=1, max_value=50, initial=1, label="How many", widget=UnfoldAdminIntegerFieldWidget()
    )

    def do(self, control: Control) -> str:
        kind = self.cleaned_data["kind"]
        given = _unknown() if kind == UNKNOWN_SKU else KINDS[kind]
        numbers = [control.do("orders", **given)["number"] for _ in range(self.cleaned_data["number"])]
        return f"{counted(len(numbers), 'orders')} added: {_named(numbers)}"


class Cancel(Deed):
    title, button = "Cancel an order", "Cancel it"
    means = "The retailer cancels what has not shipped of it. After it was sent it waits under Cancel requests."

    order = forms.ChoiceField(widget=UnfoldAdminSelectWidget())

    def offer(self) -> None:
        self.choose("order", [(one, one) for one in self.world.to_cancel])
        self.nothing = "" if self.world.to_cancel else "No order is open there: add one."

    def do(self, control: Control) -> str:
        control.do("cancel", number=self.cleaned_data["order"])
        return f"Order {self.cleaned_data['order']} cancelled"


class Ship(Deed):
    title, button = "Ship orders", "Ship"
    means = (
        "One parcel of everything left of each order leaves, with a tracking number. Crossdock sees it with the next "
        "run of Pull shipments."
    )

    orders = forms.MultipleChoiceField(
        required=False, help_text="None chosen: all of them.", widget=UnfoldAdminSelectMultipleWidget()
    )
    carrier = forms.ChoiceField(choices=[(one, one) for one in CARRIERS], widget=UnfoldAdminSelectWidget())

    def offer(self) -> None:
        self.choose("orders", [*self.world.to_ship.items()])
        self.nothing = "" if self.world.to_ship else "No order waits there: Submit orders sends what is ready."

    def do(self, control: Control) -> str:
        carrier, service = CARRIERS[self.cleaned_data["carrier"]]
        service = service or f"Slow {uuid4().hex[:4].upper()}"
        chosen = self.cleaned_data["orders"] or list(self.world.to_ship)
        for one in chosen:
            tracking = f"1Z{uuid4().hex[:16].upper()}"
            control.do("ship", order_id=int(one), tracking=tracking, carrier=carrier, service=service)
        numbers = [self.world.to_ship[one].partition(":")[0] for one in chosen]
        return f"{counted(len(chosen), 'orders')} shipped by {carrier}: {_named(numbers) or 'none waits there'}"


class TakeOut(Deed):
    title, button = "Take a line out of an order", "Take it out"
    means = (
        "Somebody deletes it in TradeGecko. With the next run of Pull shipments it waits under Changed after sending, "
        "or ends the wait of a line that the retailer cancelled."
    )

    line = forms.ChoiceField(widget=UnfoldAdminSelectWidget())

    def offer(self) -> None:
        self.choose("line", [*self.world.lines.items()])
        self.nothing = "" if self.world.lines else "No order waits there: Submit orders sends what is ready."

    def do(self, control: Control) -> str:
        control.do("lines/remove", line_id=int(self.cleaned_data["line"]))
        return f"Taken out: {self.world.lines[self.cleaned_data['line']]}"


class Stock(Deed):
    title, button = "Change stock", "Set"
    means = "That many are on hand in the main location. Crossdock sees it with the next run of Pull levels."

    sku = forms.CharField(label="SKU", max_length=120, initial="MUG-BLK", widget=UnfoldAdminTextInputWidget())
    quantity = forms.IntegerField(min_value=0, max_value=1_000_000, widget=UnfoldAdminIntegerFieldWidget())

    def do(self, control: Control) -> str:
        control.do("stock", **self.cleaned_data)
        return f"{self.cleaned_data['quantity']} of {self.cleaned_data['sku']} are on hand"


class Break(Deed):
    title, button = "Switch on a fault", "Switch on"
    means = (
        "The next calls that Crossdock makes there are answered so. With “after apply” they take effect first, and the "
        f"answer gets lost. A slow answer takes {SLOW_SECONDS} s."
    )

    name = forms.ChoiceField(label="Fault", widget=UnfoldAdminSelectWidget())
    times = forms.IntegerField(
        label="Calls", min_value=1, max_value=1000, initial=1, widget=UnfoldAdminIntegerFieldWidget()
    )

    def offer(self) -> None:
        self.choose("name", [(one, one.replace("_", " ")) for one in self.world.faults])

    def do(self, control: Control) -> str:
        name, times = self.cleaned_data["name"], self.cleaned_data["times"]
        control.do("faults", system=self.world.system, name=name, times=times, seconds=SLOW_SECONDS)
        return f"Fault {name} switched on for {counted(times, 'calls')}"


class Mend(Deed):
    """Switches off one fault that is on, or all of this system."""

    name = forms.ChoiceField(required=False)

    def offer(self) -> None:
        self.choose("name", [(one, one) for one in self.world.faults])

    def do(self, control: Control) -> str:
        name = self.cleaned_data["name"]
        control.undo("faults", system=self.world.system, **({"name": name} if name else {}))
        return f"Fault {name} switched off" if name else "All faults switched off"


DEEDS: dict[str, dict[str, type[Deed]]] = {
    MARKETPLACE: {"add": Add, "cancel": Cancel, "break": Break, "mend": Mend},
    WAREHOUSE: {"ship": Ship, "take_out": TakeOut, "stock": Stock, "break": Break, "mend": Mend},
}


def _line(order: Mapping[str, Any], row: Mapping[str, Any]) -> str:
    return f"{order['reference_number']}: line {row['position']}, {row['quantity']} × {row['label']}"


def _unknown() -> dict[str, object]:
    sku = f"MYSTERY-{uuid4().hex[:4].upper()}"
    return {"lines": [{"partner_sku": sku, "quantity": 1, "unit_cost": "9.00", "title": "Mystery"}]}


def _named(numbers: list[str]) -> str:
    return ", ".join(numbers[:NAMED]) + (f" and {len(numbers) - NAMED} more" if len(numbers) > NAMED else "")
