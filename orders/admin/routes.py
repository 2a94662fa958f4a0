"""Routes: their settings, and the way from paused to live."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Min
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from unfold.decorators import action, display

from integrations.admin_base import ChangedFieldsOnly, Kept, Nothing, ago, ask, clip, found_or_404
from integrations.models import Connection, Route
from integrations.registry import MARKETPLACE, PROVIDERS
from integrations.wording import counted
from inventory import dry_run
from inventory.admin.files import make_file, may_make_file
from inventory.admin.settings_history import SettingsHistory
from inventory.dry_run import Foreseen
from inventory.models import Listing
from orders import checklist, route_states, trials
from orders.admin import set_up, walking
from orders.models import Hold, RouteLook

# What makes a quantity.
OF_QUANTITIES = {
    "published_sku", "allow_identity", "reserve", "minimum_level", "max_online", "untracked_quantity",
    "warehouse", "location_name", "counted_locations", "publish_catalogue",
}  # fmt: skip
MOST_DIGITS = 18  # of a key in an address
GO_LIVE, PREVIEW, LOAD = "integrations.go_live", "orders.add_routelook", "orders.add_backfill"
STATE_ACTIONS = {"start_test", "go_live", "pause", "remove_tests"}
# No field of the form: going live asks for the checklist first, and what to do with test orders.
KEPT = "One that had orders is paused, not deleted."
OF_PAUSED = (
    "A new route is paused: its set-up says what is missing, and has the buttons that start the test and go live. "
    f"{KEPT}"
)
OF_STATES = {
    Route.State.PAUSED: OF_PAUSED,
    Route.State.TEST: f"Its set-up says what is missing until it can go live. {KEPT}",
    Route.State.LIVE: KEPT,
}
OF_GUARD = (
    "Fewer changes than this are never so many, whatever their share: a shop with fewer listings than this has no "
    "guard against many changes at once. Set it to fewer than the shop has listings."
)


@admin.register(Route)
class RouteAdmin(SettingsHistory, Kept, ChangedFieldsOnly):
    traces, instead = (Listing, RouteLook), "Pause it instead."
    list_display = ("name", "shown_state", "marketplace", "shown_warehouse_name", "warehouse", "location_name", "read")
    list_filter = ("state", "marketplace", "warehouse")
    export_columns = ("name", "state", "marketplace__name", "marketplace_warehouse_name", "warehouse__name",
                      "location_name", "counted_locations", "earliest_order_date", "read_until", "reserve",
                      "minimum_level", "max_online")  # fmt: skip
    list_select_related = ("marketplace", "warehouse")
    search_fields = ("name", "marketplace_warehouse_name")
    readonly_fields = ("state", "read_until")
    set_elsewhere = {"state": "It stays as it is now: Start the test, Go live and Pause change it."}
    actions_detail = [
        "set_up",
        "preview",
        "backfill",
        "start_test",
        "go_live",
        "pause",
        "remove_tests",
        "inventory_file",
    ]
    fieldsets = (
        (None, {"fields": ("name", "state"), "description": OF_PAUSED}),
        ("From and to", {"fields": ("marketplace", "marketplace_warehouse_name", "warehouse", "location_name",
                                    "counted_locations", "company_name")}),
        ("Orders", {"fields": ("earliest_order_date", "read_until", "order_status", "tag", "reference_length",
                               "reference_characters", "allow_identity", "unmapped_shipping", "partial_shipments",
                               "ship_within_days")}),
        ("Cancellations and changes", {"fields": ("changes_before_sending", "cancels_after_sending",
                                                  "short_ship_reasons")}),
        ("Quantities", {"fields": ("publish_catalogue", "published_sku", "reserve", "minimum_level", "max_online",
                                   "untracked_quantity", "full_publish_hours", "guard_share", "guard_listings",
                                   "stale_after_hours", "publish_by", "inventory_file_hours",
                                   "inventory_file_columns")}),
    )  # fmt: skip
    empty_hint = (
        "A route sends the orders for a warehouse name on the marketplace to a location of the "
        "warehouse. Add both connections first."
    )

    def get_fieldsets(self, request: HttpRequest, obj: Route | None = None) -> Any:
        (title, first), *others = super().get_fieldsets(request, obj)
        state = Route.State(obj.state) if obj else Route.State.PAUSED
        return ((title, {**first, "description": OF_STATES[state]}), *others)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        of_kind = [
            key for key, one in PROVIDERS.items() if (one.kind == MARKETPLACE) == (db_field.name == "marketplace")
        ]
        kwargs["queryset"] = Connection.objects.filter(provider__in=of_kind)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "marketplace_warehouse_name" and field is not None:
            field.strip = False  # it is echoed exactly, blanks included (supplier-oasis 3.2)
        if db_field.name == "guard_listings" and field is not None:
            field.help_text = OF_GUARD
        return field

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """One that orders wait for begins with the oldest of them: what is older than a route takes is skipped."""
        values: dict[str, Any] = super().get_changeform_initial_data(request)
        market, name = values.get("marketplace", ""), values.get("marketplace_warehouse_name", "")
        waits = Hold.objects.filter(kind=Hold.Kind.NO_ROUTE, resolved_at=None, subject=name)
        if market.isdecimal() and len(market) <= MOST_DIGITS:
            oldest = waits.filter(order__connection=int(market)).aggregate(day=Min("order__ordered_on"))["day"]
            values |= {"earliest_order_date": oldest} if oldest else {}
        return values

    def save_model(self, request: HttpRequest, obj: Route, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if change and {"location_name", "counted_locations", "company_name", "warehouse"} & set(form.changed_data):
            Route.objects.filter(pk=obj.pk).update(location_id="", company_id="", counted_location_ids={})

    def response_post_save_change(self, request: HttpRequest, obj: Route) -> HttpResponse:
        """Who came for an order's sake goes on with it."""
        back = walking.from_route(request)
        answer: HttpResponse = redirect(back) if back else super().response_post_save_change(request, obj)
        return answer

    def foresee(self, form: Any) -> Foreseen | None:
        changed: Route = form.instance
        stored = Route.objects.filter(pk=changed.pk).first()
        touched = OF_QUANTITIES & set(form.changed_data)
        if stored is None or not touched or not (stored.listings.exists() or "publish_catalogue" in touched):
            return None
        return dry_run.of_settings(stored, changed)

    def revive(self, obj: Route) -> None:
        """Whoever brings a route back has not set it live."""
        obj.state = Route.State.PAUSED

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> Any:
        """Only the buttons that its state and this person's permissions allow."""
        route = self.get_object(request, str(object_id))
        if route is None:
            return []
        hidden = STATE_ACTIONS - route_states.possible(route)
        shown = super().get_actions_detail(request, object_id)
        return [one for one in shown if one.action_name.partition("_route_")[2] not in hidden]

    @display(description="warehouse name", ordering="marketplace_warehouse_name")
    def shown_warehouse_name(self, obj: Route) -> str:
        return clip(obj.marketplace_warehouse_name, 30)

    @display(description="state", label=set_up.ROUTE_STATES)
    def shown_state(self, obj: Route) -> tuple[str, str]:
        return obj.state, obj.get_state_display()

    @display(description="read until")
    def read(self, obj: Route) -> str:
        return ago(obj.read_until)

    def has_go_live_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm(GO_LIVE) and self.has_view_permission(request))

    def has_preview_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm(PREVIEW) and self.has_view_permission(request))

    def has_load_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm(LOAD) and self.has_view_permission(request))

    def has_file_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(may_make_file(request) and self.has_view_permission(request))

    @action(description="Set-up", url_path="set-up", icon="checklist", permissions=["preview"])
    def set_up(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return set_up.checklist_page(self, request, found_or_404(self, request, object_id))

    @action(description="Preview", url_path="preview", icon="visibility", permissions=["preview"])
    def preview(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return set_up.preview_page(self, request, found_or_404(self, request, object_id))

    @action(description="Load orders", url_path="backfill", icon="download", permissions=["load"])
    def backfill(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return set_up.backfill_page(self, request, found_or_404(self, request, object_id))

    @action(description="Go live", url_path="go-live", icon="rocket_launch", permissions=["go_live"])
    def go_live(self, request: HttpRequest, object_id: int) -> HttpResponse:
        route = found_or_404(self, request, object_id)
        has_tests = trials.of_route(route).exists()
        form = set_up.GoLiveForm if has_tests else Nothing
        text = f"{GOING_LIVE} {WITH_TESTS}" if has_tests else GOING_LIVE
        may, points = self.has_go_live_permission(request), checklist.missing(route)
        stopped = f"It cannot go live yet. To be done first: {route_states.in_words(points)}." if points else ""
        return self._ask(request, object_id, "Go live", text, route_states.go_live, form, may, stopped)

    @action(description="Start the test", url_path="start-test", icon="science", permissions=["change"])
    def start_test(self, request: HttpRequest, object_id: int) -> HttpResponse:
        route = found_or_404(self, request, object_id)
        unknown = route_states.in_words(checklist.unnamed(route))
        stopped = f"The test cannot start yet. To be done first: {unknown}. {LOOK_AGAIN}" if unknown else ""
        text = f"{TESTING}{_taken_over(route)}"
        return self._ask(request, object_id, "Start the test", text, route_states.start_test, stopped=stopped)

    @action(description="Pause", url_path="pause", icon="pause", permissions=["change"])
    def pause(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return self._ask(request, object_id, "Pause", PAUSING, route_states.pause)

    @action(description="Remove test orders", url_path="remove-tests", icon="delete_sweep", permissions=["change"])
    def remove_tests(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return self._ask(request, object_id, "Remove test orders", REMOVING, trials.ask_to_remove)

    @action(description="Inventory file", url_path="inventory-file", icon="table_view", permissions=["file"])
    def inventory_file(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return make_file(self, request, found_or_404(self, request, object_id))

    def _ask(
        self, request: HttpRequest, object_id: int, button: str, consequence: str, do: Callable[..., str],
        form_class: type[forms.Form] = Nothing, allowed: bool | None = None, stopped: str = "",
    ) -> HttpResponse:  # fmt: skip
        route = found_or_404(self, request, object_id)
        return ask(
            self, request, route, title=f"{button}: route {route}", consequence=consequence, button=button,
            do=lambda values: do(route, request.user, **values), refuse=route_states.NotReady, form_class=form_class,
            allowed=allowed, stopped=stopped,
        )  # fmt: skip


def _taken_over(route: Route) -> str:
    """Who only wants to try it is to know which real orders go with it."""
    number = trials.taken_over(route)
    if not number:
        return ""
    wait, are = ("waits", "is") if number == 1 else ("wait", "are")
    return (
        f" {counted(number, 'orders')} that {wait} here already {are} taken over, and sent as a test too once nothing "
        "holds them: real orders. As a test none of them ships."
    )


LOOK_AGAIN = "Mend it there or on the route, then look once more with Preview."


GOING_LIVE = "From now on its orders are pulled, and sent to the warehouse for real."
WITH_TESTS = "Orders that went out as a test, unless they are removed first, stay as they are and are never sent again."
TESTING = (
    "Its orders are pulled, and sent to the warehouse as drafts with TEST- before their number. The marketplace is "
    "told nothing, unless it is a sandbox."
)
REMOVING = (
    "Its test orders are deleted in the warehouse and here. A route in test is paused first. What the marketplace "
    "still wants comes in again, as a real order, once the route is live."
)
PAUSING = "No order is stored or sent until the route is set to test or live; what was sent is followed and confirmed."
