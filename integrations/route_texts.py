"""What a person writes into a route's fields: short ship reasons, columns of the inventory file, what goes together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db.models import Q

if TYPE_CHECKING:
    from integrations.models import Route

LONGEST_REASON_CODE = 60
OF_ANOTHER = "It reads orders of {} already; another marketplace's SKUs and codes are others. Add another route."


def check_reasons(text: str) -> None:
    """Raises ValidationError for a code that is named twice, is longer than a code can be or runs into its meaning."""
    codes = [line.split()[0] for line in text.splitlines() if line.strip()]
    for code in codes:
        if set("=:;,") & set(code):
            raise ValidationError(f"{code[:LONGEST_REASON_CODE]!r} is no code: write the code, a blank, what it means.")
        if len(code) > LONGEST_REASON_CODE:
            raise ValidationError(f"{code[:20]!r}… is longer than the {LONGEST_REASON_CODE} characters of a code.")
        if codes.count(code) > 1:
            raise ValidationError(f"{code!r} is there {codes.count(code)} times.")


FILE_COLUMNS = ("Supplier SKU", "Option SKU", "UPC", "Warehouse", "Quantity")


def check_columns(text: str) -> None:
    """Raises ValidationError unless the text names each column of the inventory file, all differently."""
    names = [name.strip() for name in text.split(",")]
    if len(names) != len(FILE_COLUMNS) or not all(names):
        raise ValidationError(f"Name {len(FILE_COLUMNS)} columns, separated by commas; these are {len(names)}.")
    if len(set(names)) != len(names):
        raise ValidationError("Two columns have the same name.")


def wrong_together(route: Route) -> dict[str, str]:
    """What is wrong, by field, with values that are good for themselves."""
    errors = {}
    if route.publish_catalogue and not route.allow_identity:
        errors["publish_catalogue"] = "Only with “Same SKU without an alias”."
    stored = type(route).objects.filter(pk=route.pk).exclude(marketplace=route.marketplace_id)
    read = stored.filter(Q(orders__isnull=False) | Q(read_until__isnull=False)).select_related("marketplace").first()
    if read is not None:
        errors["marketplace"] = OF_ANOTHER.format(read.marketplace)
    return errors
