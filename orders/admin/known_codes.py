"""The carrier and service codes that marketplaces are known to take, and what is wrong with another one."""

from __future__ import annotations

from difflib import get_close_matches

from integrations import registry
from inventory.admin.file_forms import MARKETPLACES

TABLES = {"carrier_code": "CARRIERS", "service_code": "SERVICE_LEVELS"}
NEAR = 0.5


def known(field: str) -> dict[str, str]:
    """The codes of every marketplace that Crossdock can talk to, with their names."""
    table = TABLES[field]
    return {code: name for key in MARKETPLACES for code, name in getattr(registry.codes_of(key), table).items()}


def problem(field: str, code: str) -> str:
    """Why a code may be a slip of the pen, with those that are near; empty when it is known."""
    codes = known(field)
    if not code or code in codes:
        return ""
    near = get_close_matches(code.upper(), codes, cutoff=NEAR)
    said = f"near ones are {', '.join(near)}" if near else f"known are {', '.join(codes)}"
    return f"The code “{code}” is not known; {said}."
