"""How numbers, jobs, addresses and times are written for people, the same everywhere."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from urllib.parse import unquote

PLURALS = re.compile(
    r"\b(alert|attempt|call|change|code|exception|level|line|listing|order|parcel|point|row|ship|shipment|SKU|time|unit)s\b"
    r"|\b(quantit)ies\b|\b(alias)es\b"
)


def counted(number: int, what: str) -> str:
    """A number with what it counts, given in the plural: `parcels`, `orders in the warehouse`."""
    if number == 1:
        what = PLURALS.sub(lambda found: found[1] or found[3] or f"{found[2]}y", what, count=1)
    return f"{number} {what}"


def job_name(job: str) -> str:
    """A job's name in words: `pull_orders` → Pull orders."""
    return job.replace("_", " ").capitalize()


def address(url: str) -> str:
    """An address with its percent-encoding undone, unless that would bring out what cannot be seen. Not escaped."""
    plain = unquote(url)
    return plain if plain.isprintable() else url


def moment(at: datetime | None) -> str:
    """A time to the second, in UTC, with the zone named; `config/formats` writes the same."""
    return "–" if at is None else f"{at:%Y-%m-%d %H:%M:%S} UTC"


def lasted(took: timedelta | None) -> str:
    """How long something took, in the two largest units that it has: `12.3 s`, `4 min 10 s`, `2 d 3 h`."""
    if took is None:
        return "–"
    if took < timedelta(minutes=1):
        return f"{max(took.total_seconds(), 0):.1f} s"
    minutes, seconds = divmod(int(took.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"
