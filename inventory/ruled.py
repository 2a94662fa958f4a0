"""What rules leave of a quantity that is shown, whatever the stock is by now: a person decided that it is to be less.

It is reckoned from the explanation of what is shown, as what was sold of it is: that the stock may be damaged is no
reason to go on selling what somebody took off sale. What the rules would show more of waits with the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from inventory import sold
from inventory.availability import Rules
from inventory.decisions import Decision
from inventory.models import Listing
from inventory.sold import Sold

PER_QUERY = 500


def lowered(decisions: Sequence[Decision], since: Mapping[int, Sold]) -> dict[int, Decision]:
    """By the listing that is decided, where rules make less of it than what was sold of it leaves."""
    asked = {one.listing.pk: one for one in decisions if _may_be_lower(one)}
    pks, found = list(asked), dict[int, Decision]()
    for start in range(0, len(pks), PER_QUERY):
        rows = Listing.objects.filter(pk__in=pks[start : start + PER_QUERY])
        for pk, shown in rows.values_list("pk", "explanation"):
            part = _lowered(asked[pk], since[pk].explanation if pk in since else sold.taken_off(shown, {}))
            if part is not None:
                found[pk] = part
    return found


def is_limited(one: Decision) -> bool:
    """Whether less is to be shown than is, by a cap, a minimum level or a fixed quantity alone."""
    shown = one.listing.published_quantity
    if one.offered is None or not shown:
        return False
    rules = one.offered.rules
    limits = (rules.max_online, rules.fixed_quantity)
    return shown < rules.minimum_level or any(limit is not None and limit < shown for limit in limits)


def _may_be_lower(one: Decision) -> bool:
    """By what is at hand, so that few explanations are read: a reserve has to be looked up, a listing's own alone."""
    own = one.offered.rules.origins.get("reserve") if one.offered else None
    return is_limited(one) or (own is not None and own.of != "route")


def _lowered(one: Decision, before: Mapping[str, Any]) -> Decision | None:
    if one.offered is None or before.get("quantity") is None:
        return None
    after = stricter(before, one.offered.rules)
    return sold.shown_as(one, after) if after["quantity"] < before["quantity"] else None


def stricter(shown: Mapping[str, Any], rules: Rules) -> dict[str, Any]:
    """An explanation with each figure of these rules that leaves less. Pure."""
    names = []
    told, cap = dict(shown), shown.get("cap")
    if rules.max_online is not None and (cap is None or rules.max_online < cap):
        told["cap"] = rules.max_online
        names.append("max_online")
    if rules.minimum_level > shown.get("minimum_level", 0):
        told["minimum_level"] = rules.minimum_level
        names.append("minimum_level")
    if any(part["reserve"] < rules.reserve for part in shown["components"] if part.get("tracked")):
        told["components"] = [_with_reserve(part, rules.reserve) for part in shown["components"]]
        names.append("reserve")
    told = sold.summed_up(told)
    if rules.fixed_quantity is not None and rules.fixed_quantity < told["quantity"]:
        told["fixed_quantity"] = told["quantity"] = rules.fixed_quantity
        names.append("fixed_quantity")
    return {**told, "rules": _origins(shown, rules, names)}


def _with_reserve(part: Mapping[str, Any], reserve: int) -> dict[str, Any]:
    return sold.left_over({**part, "reserve": reserve}) if part.get("tracked") else dict(part)


def _origins(shown: Mapping[str, Any], rules: Rules, names: Sequence[str]) -> dict[str, Any]:
    """Of the figures by these names, where they come from by these rules; of the others, as it was told."""
    before = {name: told for name, told in (shown.get("rules") or {}).items() if name not in names}
    return before | {name: rules.origins[name].told for name in names if name in rules.origins}
