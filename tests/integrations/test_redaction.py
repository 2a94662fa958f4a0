"""However another system spells our secret, it is gone before anything is kept or shown; orders stay as they are."""

from __future__ import annotations

import json
import logging
import sys
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from html import escape as html_escape
from typing import Any
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape, quoteattr

import pytest
from django.conf import settings
from django.db import DataError, IntegrityError, transaction
from hypothesis import given
from hypothesis import settings as tried
from hypothesis import strategies as st

from config.logs import LogFormatter
from integrations.models import Connection, SyncRun
from integrations.redaction import MARK, Redactor, message_of, named
from integrations.runs import Run
from integrations.sandbox.server import Sandbox
from orders.intake import reason_of
from orders.models import Order
from tests.supplier_oasis.test_reading import M, good, parcel

SECRET = "p&ss <é>wö/r+d\"'\\%😀"
SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "XML": escape,
    "XML attribute": quoteattr,
    "HTML": html_escape,
    "XML in ASCII": lambda text: text.encode("ascii", "xmlcharrefreplace").decode(),
    "hexadecimal": lambda text: "".join(f"&#x{ord(char):X};" for char in text),
    "JSON": json.dumps,
    "JSON in UTF-8": lambda text: json.dumps(text, ensure_ascii=False),
    "JSON with slashes escaped": lambda text: json.dumps(text).replace("/", "\\/"),
    "URL": quote,
    "URL, everything": lambda text: quote(text, safe=""),
    "URL, lower case": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "form": quote_plus,
    "repr": repr,
    "ascii": ascii,
    "repr of bytes": lambda text: repr(text.encode()),
    "UTF-8 taken for Latin-1": lambda text: text.encode().decode("latin-1"),
}
JOINED: dict[str, Callable[[str, str], str]] = {
    "secret": lambda _user, secret: secret,
    "user and secret": lambda user, secret: f"{user}:{secret}",
    "secret in base64": lambda _user, secret: b64encode(secret.encode()).decode(),
    "Basic": lambda user, secret: b64encode(f"{user}:{secret}".encode()).decode(),
    "Basic for addresses": lambda user, secret: urlsafe_b64encode(f"{user}:{secret}".encode()).decode(),
}


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS.keys())
@pytest.mark.parametrize("join", JOINED.values(), ids=JOINED.keys())
def test_the_secret_is_found_in_every_spelling(spell: Callable[[str], str], join: Callable[[str, str], str]) -> None:
    echoed = spell(join("jürgen", SECRET))
    left = Redactor("jürgen", SECRET).clean_text(f"before {echoed} after")
    assert MARK.decode() in left
    assert echoed.strip("\"'b=") not in left
    assert "before" in left
    assert "after" in left


@pytest.mark.long
@tried(max_examples=50)
@given(st.text(min_size=4, max_size=40), st.sampled_from(sorted(SPELLINGS)), st.sampled_from(sorted(JOINED)))
def test_no_secret_gets_through(secret: str, spelling: str, joined: str) -> None:
    echoed = SPELLINGS[spelling](JOINED[joined]("user", secret))
    telling = not secret.isdigit() or len(secret) >= 8
    if telling or joined.startswith("Basic"):
        assert echoed.strip("=") not in Redactor("user", secret).clean_text(f"<p>{echoed}</p>")


def test_a_body_that_is_not_utf_8_is_cleaned_too() -> None:
    assert Redactor("u", "wörd").clean("<a>wörd</a>".encode("latin-1")) == b"<a>***</a>"


@pytest.mark.parametrize("secret", ["", "a", "2", "pw", "700", "2024", "list", "status", "ns2:quantity"])
def test_a_secret_that_is_in_every_message_does_not_spoil_it(secret: str) -> None:
    order = M.format(parcel())
    cleaned = Redactor("u", secret).clean(order.encode()).decode()
    assert good(cleaned).number == "700-1"
    assert good(cleaned).lines == good(order).lines


def test_a_short_secret_is_still_found_in_basic_authentication() -> None:
    echoed = b64encode(b"user:pw").decode()
    assert Redactor("user", "pw").clean_text(f"Authorization: Basic {echoed}") == "Authorization: Basic ***"


# What psycopg raises, cut short: the row that it quotes may have line breaks of its own.
ROW = "DETAIL:  Failing row contains (7, Pat Doe, 12 Mill\nLane, Boise)."
VIOLATION = f'new row for relation "orders_order" violates check constraint "x"\n{ROW}'


def logged(exc: BaseException) -> str:
    info = (type(exc), exc, exc.__traceback__)
    record = logging.LogRecord("x", logging.ERROR, "x.py", 1, "order %s: %s", ("7", exc), info)
    return LogFormatter("{message}", style="{").format(record)


def test_a_row_that_the_database_quotes_is_neither_kept_nor_logged() -> None:
    assert named(IntegrityError(VIOLATION)) == (
        'IntegrityError: new row for relation "orders_order" violates check constraint "x"'
    )
    assert message_of(DataError("")) == ""
    assert message_of(ValueError("two\nlines")) == "two\nlines"
    try:
        try:
            raise IntegrityError(VIOLATION)
        except IntegrityError as exc:
            raise RuntimeError("the order was not stored") from exc
    except RuntimeError:
        text = logged(sys.exc_info()[1] or AssertionError())
    assert "Mill" not in text
    assert "DETAIL" not in text
    assert 'IntegrityError: new row for relation "orders_order" violates check constraint "x"' in text
    assert text.endswith("RuntimeError: the order was not stored")
    assert text.count("Traceback (most recent call last)") == 2
    assert "raise IntegrityError(VIOLATION)" in text


def test_an_address_stays_out_of_what_a_real_violation_leaves(shop: Sandbox, manage: Callable[..., str]) -> None:
    shop.oasis.add_order({"partner_sku": "MUG-BLK"}, address={"address1": "77 Secret Way"})
    manage("run", "pull_orders")
    run = Run(SyncRun.objects.latest("pk"), Connection.objects.get(name="Overstock"))
    with run.isolated("order 1"), transaction.atomic():
        Order.objects.update(full_number="")
    try:
        with transaction.atomic():
            Order.objects.update(full_number="")
    except IntegrityError as exc:
        texts = [*run.problems, reason_of(exc), logged(exc)]
    assert [text for text in texts if "Secret Way" in text] == []
    assert all("order_has_a_number" in text for text in texts)


def test_what_django_logs_goes_through_our_formatter() -> None:
    formatters: Any = settings.LOGGING["formatters"]
    assert formatters["line"]["()"] == "config.logs.LogFormatter"
    assert logging.getLogger("django").handlers == []
