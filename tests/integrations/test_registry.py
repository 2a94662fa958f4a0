"""What is wrong with a connection is said when it is entered, in words that name the field."""

from __future__ import annotations

from typing import Any

import pytest

from integrations.errors import Misconfigured
from integrations.models import Connection
from integrations.registry import PROVIDERS, base_url_of, marketplace_for, problem_with_options


@pytest.mark.parametrize("url", [
    "https://[::1", "https://host:abc", "https://host:99999", "https://host:0", "https://a b", "https://host/\n",
    "ftp://host", "host", "https://", "https://u:p@host", "https://host?x=1", "https://host#x",
])  # fmt: skip
def test_an_address_that_cannot_work_is_refused(url: str) -> None:
    with pytest.raises(Misconfigured, match="connection O: base URL"):
        base_url_of(Connection(name="O", provider="supplier_oasis", base_url=url))


@pytest.mark.parametrize(
    "url", ["", "https://api.test.supplieroasis.com", "http://127.0.0.1:8081", "https://[::1]:8443/x"]
)
def test_other_addresses_are_taken(url: str) -> None:
    base_url_of(Connection(name="O", provider="supplier_oasis", base_url=url))


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("options", [None, [], ["a"], "text", 7, True])
def test_options_that_are_no_object_are_a_problem_in_words(provider: str, options: Any) -> None:
    assert problem_with_options(provider, options).startswith("the options must be a JSON object")
    assert problem_with_options(provider, {}) == ""


def test_a_wrong_option_and_a_user_name_with_a_colon_are_told_without_connecting() -> None:
    assert problem_with_options("supplier_oasis", {"colour": 1}).startswith("there is no option 'colour'")
    assert problem_with_options("supplier_oasis", {}, "a:b").startswith("the user name 'a:b' holds a colon")
    assert problem_with_options("tradegecko", {"page_size": "x"}) == "option page_size must be of type int"


def test_a_connection_with_such_options_says_so_when_it_is_used() -> None:
    connection = Connection(name="O", provider="supplier_oasis", options=None)
    with pytest.raises(Misconfigured, match="connection O: the options must be a JSON object"):
        marketplace_for(connection)
