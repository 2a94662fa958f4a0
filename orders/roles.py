"""The five roles, once, as data: what each may do. They are groups of the admin, made by migration.

A role has all that those it includes have. A change of this table comes with a migration that calls `grant`, so that
every installation gets it; docs/roles.md says the same in words.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from django.apps import apps as live


@dataclass(frozen=True, slots=True)
class Role:
    """`permissions` are those on top of the included roles': application.codename."""

    name: str
    purpose: str
    permissions: tuple[str, ...]
    includes: tuple[Role, ...] = ()

    def every_permission(self) -> Iterator[str]:
        for role in self.includes:
            yield from role.every_permission()
        yield from self.permissions


def _each(application: str, action: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{application}.{action}_{name}" for name in names)


MAPS = ("shippingmethod", "carrierservice")
VIEWER = Role(
    "Viewer", "sees orders, stock and how everything is doing; changes nothing",
    (
        *_each("orders", "view", "order", "orderline", "hold", "unreadablerecord", "warehousesubmission",
               "warehousechange", "shipment", "shipmentconfirmation", "shortship", "reconciliation", "alert",
               "alertdelivery", *MAPS),
        *_each("inventory", "view", "skualias", "listing", "publication", "guardedpublish", "inventorylevel",
               "warehouseitem", "inventoryrule", "inventoryfile", "inventorycheck"),
        *_each("integrations", "view", "connection", "route", "syncrun", "jobplan"),
    ),
)  # fmt: skip
OPERATOR = Role(
    "Operator",
    "gets orders out and quantities across: corrects, holds, skips, releases, decides, sends again, loads, compares",
    (
        "orders.change_order", "orders.change_orderline", "orders.resend_order", "inventory.resend_publication",
        "orders.add_backfill", "orders.add_routelook", "orders.add_reconciliation", "integrations.run_job",
        "integrations.view_exchange", "orders.mute_alert", "orders.resend_alertdelivery",
        "inventory.publish_listing", "inventory.add_inventoryfile", "inventory.change_inventoryfile",
        "inventory.add_inventorycheck",
    ),
    (VIEWER,),
)  # fmt: skip
MAPPER = Role(
    "Mapper",
    "says what things are called: SKU aliases, shipping methods, carriers and services, also by file",
    tuple(
        permission
        for action in ("add", "change", "delete")
        for permission in (f"inventory.{action}_skualias", *_each("orders", action, *MAPS))
    ),
    (VIEWER,),
)
MANAGER = Role(
    "Manager",
    "answers for the business: routes and going live, listings and rules, fines, releases of the guard, who did what",
    (
        "integrations.add_route", "integrations.change_route", "integrations.go_live", "integrations.change_jobplan",
        "inventory.add_listing", "inventory.change_listing", "inventory.release_publish", "orders.short_ship",
        *(f"inventory.{action}_inventoryrule" for action in ("add", "change", "delete")),
        "admin.view_logentry", "orders.view_alertsettings",
    ),
    (OPERATOR, MAPPER),
)  # fmt: skip
ADMINISTRATOR = Role(
    "Administrator", "answers for access: connections and their credentials, users, lock-outs",
    (
        *(f"integrations.{action}_connection" for action in ("add", "change", "delete")),
        "integrations.change_credentials", "integrations.delete_route", "inventory.delete_listing",
        *(f"auth.{action}_user" for action in ("view", "add", "change", "delete")), "auth.view_group",
        "axes.view_accessattempt", "axes.delete_accessattempt", "orders.change_alertsettings", "orders.test_alerts",
    ),
    (MANAGER,),
)  # fmt: skip
ROLES = (VIEWER, OPERATOR, MAPPER, MANAGER, ADMINISTRATOR)
NAMES = tuple(role.name for role in ROLES)


def least_with(permissions: Iterable[str]) -> str:
    """The first role that has all of these; empty where none has."""
    wanted = set(permissions)
    return next((role.name for role in ROLES if wanted <= {*role.every_permission()}), "")


def fingerprint() -> str:
    """Of the whole table: a migration that grants it says which one it granted."""
    table = [(role.name, sorted(set(role.every_permission()))) for role in ROLES]
    return sha256(repr(table).encode()).hexdigest()[:16]


def set_aside(apps: Any) -> None:
    """Groups of the same names that an installation made before there were roles keep their members and permissions."""
    for group in apps.get_model("auth", "Group").objects.filter(name__in=NAMES):
        group.name = f"{group.name} (before roles)"
        group.save(update_fields=["name"])


def grant(apps: Any) -> None:
    """Give each role's group exactly what the table says; repeatable.

    Django makes permissions only when all migrations are through, so those that are missing are made here.
    """
    known = {name: _permission(apps, name) for name in sorted({*ADMINISTRATOR.every_permission()})}
    for role in ROLES:
        group, _ = apps.get_model("auth", "Group").objects.get_or_create(name=role.name)
        group.permissions.set([known[name] for name in {*role.every_permission()}])


def _permission(apps: Any, name: str) -> Any:
    application, codename = name.split(".")
    model, title = _described(application, codename)
    kind, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(app_label=application, model=model)
    found, _ = apps.get_model("auth", "Permission").objects.get_or_create(
        content_type=kind, codename=codename, defaults={"name": title}
    )
    return found


def _described(application: str, codename: str) -> tuple[str, str]:
    """The model that a permission belongs to, and its name as Django gives it."""
    for model in live.get_app_config(application).get_models():
        options = model._meta
        own = {f"{action}_{options.model_name}": f"Can {action} {options.verbose_name_raw}"
               for action in options.default_permissions}  # fmt: skip
        title = {**own, **dict(options.permissions)}.get(codename)
        if title is not None:
            return str(options.model_name), str(title)
    raise LookupError(f"no model of {application} has the permission {codename}")


def in_words() -> str:
    """The table as Markdown, for docs/roles.md and `manage.py roles`: a line per permission, a column per role."""
    having = {role.name: {*role.every_permission()} for role in ROLES}
    order = [name for role in ROLES for name in role.permissions]
    lines = ["| " + " | ".join(("may", *(name.lower() for name in NAMES))) + " |", "|---" * (len(ROLES) + 1) + "|"]
    for name in dict.fromkeys(order):
        title = _described(*name.split("."))[1].removeprefix("Can ")
        lines.append("| " + " | ".join((title, *("✓" if name in having[role] else "" for role in NAMES))) + " |")
    return "\n".join(lines)
