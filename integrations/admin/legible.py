"""Bodies of requests, answers and records, as a person reads them."""

from __future__ import annotations

import json

from django.utils.html import format_html
from lxml import etree


def legible(body: str) -> str:
    """A body as a person reads it: JSON and XML indented, anything else as it came."""
    if not body.strip():
        return "nothing"
    return format_html('<pre class="legible text-xs">{}</pre>', indented(body))


def indented(body: str) -> str:
    """JSON and XML on several lines; what is neither as it came."""
    try:
        text = json.dumps(json.loads(body), indent=2, ensure_ascii=False)
        return text.encode("utf-8", "backslashreplace").decode()  # half of a surrogate pair fits into no page
    except (ValueError, RecursionError):
        pass
    if not body.lstrip().startswith("<"):
        return body
    is_whole = body.rstrip().endswith(">")  # what is kept of a long one ends anywhere
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_blank_text=True,
        recover=not is_whole, encoding="utf-8",
    )  # fmt: skip
    try:
        root = etree.fromstring(body.encode(), parser)
    except (etree.XMLSyntaxError, ValueError):
        return body
    cut_off = "" if is_whole else "\n(kept up to here)"
    return body if root is None else etree.tostring(root, pretty_print=True, encoding="unicode") + cut_off
