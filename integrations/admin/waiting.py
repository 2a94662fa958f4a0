"""What a record that waits for a person says on its own page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from integrations.admin_base import ReadOnly


@dataclass(frozen=True, slots=True)
class Waits:
    """What is wrong, and the page that mends it; without a label there is nothing that this person may do.

    `others` are (label, address) of what may be done in its place.
    """

    text: str
    label: str = ""
    url: str = ""
    others: tuple[tuple[str, str], ...] = ()


class Waiting(ReadOnly):
    """A record that may wait for a person, whose page then leads to where that is mended."""

    change_form_before_template = "admin/waits.html"

    def waits(self, record: Any, user: Any) -> Waits | None:
        """None while nothing is to be done about it."""
        raise NotImplementedError

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        context["waits"] = self.waits(context["original"], request.user)
        return super().render_change_form(request, context, *args, **kwargs)
