"""The ways from a page of a long list to those beside it, as `admin/pages.html` shows them."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Page
from django.utils.http import urlencode


def around(page: Page[Any], anchor: str = "", **kept: str) -> dict[str, str]:
    """Addresses of the pages before and after, where there are any; what is `kept` and not empty stays in them."""
    numbers = {
        **({"before": page.previous_page_number()} if page.has_previous() else {}),
        **({"after": page.next_page_number()} if page.has_next() else {}),
    }
    asked = {name: value for name, value in kept.items() if value}
    return {name: f"?{urlencode({**asked, 'page': str(number)})}{anchor}" for name, number in numbers.items()}
