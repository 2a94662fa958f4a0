"""What the records of libraries are called here: on their pages as in the menu, and in the names of permissions."""

from __future__ import annotations

from typing import Any

from axes.models import AccessAttempt
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User

NAMES = {
    LogEntry: ("audit log entry", "audit log"),
    AccessAttempt: ("lock-out", "lock-outs"),
    Group: ("role", "roles"),
}
OF_A_LOCK_OUT = {
    "ip_address": "IP address", "failures_since_start": "failed sign-ins", "attempt_time": "last tried",
    "user_agent": "browser",
}  # fmt: skip
SECTION, OF_SECTION = "Access", ("admin", "auth", "axes")

# Migrations go by what a model was written with, so this asks for none.
for model, (one, many) in NAMES.items():
    model._meta.verbose_name, model._meta.verbose_name_plural = one, many
for name, words in OF_A_LOCK_OUT.items():
    AccessAttempt._meta.get_field(name).verbose_name = words
User._meta.get_field("groups").verbose_name = "roles"
GIVEN_ROLE: Any = User.groups.through
GIVEN_ROLE._meta.verbose_name, GIVEN_ROLE._meta.verbose_name_plural = "role of a user", "roles of users"
GIVEN_ROLE.__str__ = lambda given: f"{given.user} as {given.group}"
LOCKED_OUT: Any = AccessAttempt
LOCKED_OUT.__str__ = lambda attempt: (
    f"{attempt.username or 'somebody'} from {attempt.ip_address or 'an unknown address'}"
)
for label in OF_SECTION:
    apps.get_app_config(label).verbose_name = SECTION
