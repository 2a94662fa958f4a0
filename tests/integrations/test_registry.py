"""What is wrong with a connection is said when it is entered, in words that name the field."""

from __future__ import annotations

from typing import Any

import pytest

from integrations.errors import Misconfigured
from integrations.models import Connection
from integrations.registry import PROVIDERS, base_url_of, marketplace_for, warehouse_for


@pytest.mark.parametrize("url", [
    "https://[::1", "https://host:abc", "https://host:99999", "https://host:0", "https://a b", "https://host/\n",
    "ftp://host", "host", "https://", "https://u:p@host", "https://host?x=1", "https://host#x",
])  # fmt: skip
def test_an_address_that_cannot_work_is_refused(url: str) -> None:
    with pytest.raises(Misconfigured, match="connection O: base URL"):
        base_url_of(Connection(name="O", provider="supplier_oasis", base_url=url))


@pytest.mark.parametrize(("url", "shown"), [
    ("https://jo:s3cr/et@host/x", "https://…@host/x"), ("jo:s3cret@host", "…@host"), ("https://jo:s3cret@[::1", "https://…@[::1"),
    ("https://host/x?token=s3cret", "https://host/x?…"), ("https://host#s3cret", "https://host#…"),
])  # fmt: skip
def test_a_password_in_a_refused_address_is_not_repeated(url: str, shown: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        base_url_of(Connection(name="O", provider="supplier_oasis", base_url=url))
    assert repr(shown) in str(caught.value)
    assert "s3cr" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["", "https://api.test.supplieroasis.com", "http://127.0.0.1:8081", "https://[::1]:8443/x"]
)
def test_other_addresses_are_taken(url: str) -> None:
    base_url_of(Connection(name="O", provider="supplier_oasis", base_url=url))


def connect(provider: str, **values: Any) -> None:
    connection = Connection.objects.create(name="O", provider=provider, **values)
    marketplace_for(connection) if connection.is_marketplace else warehouse_for(connection)


@pytest.mark.django_db
@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("options", [[], ["a"], "text", 7, True])
def test_options_that_are_no_object_are_a_problem_in_words(provider: str, options: Any) -> None:
    with pytest.raises(Misconfigured, match="connection O: the options must be a JSON object"):
        connect(provider, options=options)
    Connection.objects.all().delete()
    connect(provider, options={})


@pytest.mark.django_db
@pytest.mark.parametrize(("provider", "values", "text"), [
    ("supplier_oasis", {"options": {"colour": 1}}, "there is no option 'colour'"),
    ("supplier_oasis", {"username": "a:b"}, "the user name 'a:b' holds a colon"),
    ("tradegecko", {"options": {"page_size": "x"}}, "option page_size must be of type int"),
])  # fmt: skip
def test_a_wrong_option_and_a_user_name_with_a_colon_are_told_without_connecting(
    provider: str, values: dict[str, Any], text: str
) -> None:
    with pytest.raises(Misconfigured, match=f"connection O: {text}"):
        connect(provider, **values)
