"""A page's form as a browser would send it back."""

from __future__ import annotations

from typing import Any

from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django_q.models import OrmQ
from lxml import html

from inventory import tasks


def address_of(record: Model) -> str:
    return reverse(f"admin:{record._meta.app_label}_{record._meta.model_name}_change", args=[record.pk])


def opened(client: Client, address: str) -> dict[str, str]:
    """Everything that the page's form would send if it were saved as it is shown."""
    page: Any = html.fromstring(client.get(address).content.decode())
    form = next(form for form in page.forms if form.get("id", "").endswith("_form"))
    sent = [one for one in form.inputs if one.name and (not getattr(one, "checkable", False) or one.checked)]
    return {one.name: one.value or "" for one in sent}


def field_of_line(values: dict[str, str], number: int, name: str) -> str:
    """The form's name for a field of an order's line."""
    return next(key for key in values if key.endswith(f"-{number - 1}-{name}"))


def work_off_imports() -> int:
    """Do what waits in the queue for alias imports, as a worker would; how many tasks that were."""
    waiting = [row for row in OrmQ.objects.all() if row.task["func"].endswith("carry_on_import")]
    for row in waiting:
        row.delete()
        tasks.carry_on_import(*row.task["args"])
    return len(waiting)


def error_texts(answer: object) -> str:
    """What a refused form says, fields and rows alike."""
    context = answer.context  # type: ignore[attr-defined]
    rows = [form.errors for one in context["inline_admin_formsets"] for form in one.formset.forms]
    return " ".join(str(errors) for errors in (context["adminform"].form.errors, *rows))
