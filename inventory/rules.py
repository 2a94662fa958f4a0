"""Rules of how a quantity is made: of a route or of one listing, for a time or for good."""

from __future__ import annotations

from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from simple_history.models import HistoricalRecords

from integrations.models import Route

FIGURES = ("reserve", "minimum_level", "max_online", "fixed_quantity", "do_not_publish")


class InventoryRule(models.Model):
    """What goes before the route's own settings, field by field: a listing's rule, then a route's, then the setting.

    An empty field says nothing. Of several rules in force the one that started last wins, then the one made last. Of
    listings that are shown under one SKU, the stricter figure does.
    """

    route = models.ForeignKey(Route, models.CASCADE, related_name="inventory_rules")
    listing = models.ForeignKey(
        "inventory.Listing", models.CASCADE, null=True, blank=True, related_name="rules",
        help_text="Empty: every listing of the route.",
    )  # fmt: skip
    reserve = models.PositiveIntegerField(null=True, blank=True, help_text="Units kept back.")
    minimum_level = models.PositiveIntegerField(null=True, blank=True, help_text="Below this 0 is shown.")
    max_online = models.PositiveIntegerField("cap", null=True, blank=True, help_text="Never show more than this.")
    fixed_quantity = models.PositiveIntegerField(
        null=True, blank=True,
        help_text="Shown whatever the stock is; reserve, cap and minimum level do not count then.",
    )  # fmt: skip
    do_not_publish = models.BooleanField(
        null=True, blank=True,
        help_text="Yes: nothing is sent, and what the marketplace shows stays as it is; to take it off sale, set the "
        "fixed quantity 0 instead. No: published although the route's rule says otherwise.",
    )  # fmt: skip
    starts_at = models.DateTimeField(null=True, blank=True, help_text="Empty: at once.")
    ends_at = models.DateTimeField(null=True, blank=True, help_text="Empty: never.")
    note = models.CharField(max_length=200, blank=True, help_text="Why; shown with every quantity that it made.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    changed_at = models.DateTimeField(auto_now=True)
    history = HistoricalRecords(excluded_fields=["changed_at"])

    class Meta:
        ordering = ["route", "listing", "-starts_at", "-pk"]
        indexes = [models.Index(fields=["route", "changed_at"], name="rule_by_change")]  # what to decide anew
        constraints = [
            models.CheckConstraint(
                condition=Q(starts_at=None) | Q(ends_at=None) | Q(ends_at__gt=F("starts_at")),
                name="rule_ends_after_its_start",
                violation_error_message="A rule ends after its start.",
            ),
            models.CheckConstraint(
                condition=~Q(
                    reserve=None, minimum_level=None, max_online=None, fixed_quantity=None, do_not_publish=None
                ),
                name="rule_says_something",
                violation_error_message="Fill in at least one of reserve, minimum level, cap, fixed quantity and do "
                "not publish.",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        try:
            whose = str(self.listing if self.listing_id else self.route)
        except ObjectDoesNotExist:  # an earlier state, of what was deleted with it
            whose = f"listing {self.listing_id}" if self.listing_id else f"route {self.route_id}"
            whose += ", which is gone"
        name = f"rule {self.pk}" if self.pk else "new rule"
        return f"{name} of {whose}{f': {self.note}' if self.note else ''}"

    def clean(self) -> None:
        if self.listing is not None and self.route_id and self.listing.route_id != self.route_id:
            raise ValidationError({"listing": f"This listing is one of route {self.listing.route}."})
        before = InventoryRule.objects.filter(pk=self.pk).values_list("route_id", "listing_id").first()
        if before not in (None, (self.route_id, self.listing_id)):  # what it was made for would not be decided anew
            raise ValidationError({"listing": "A rule stays with its route and listing; end it and make another one."})
