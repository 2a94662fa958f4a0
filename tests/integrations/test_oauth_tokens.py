"""Tokens that all workers share: one renews, nobody uses what is not stored, and a person is asked when none is left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError
from django.db import models
from django.utils import timezone

from integrations import oauth_tokens, processes, sign_in
from integrations.account import TokenPair
from integrations.connection_test import check_connection
from integrations.errors import Misconfigured, Unavailable
from integrations.models import Connection, Exchange
from integrations.oauth_grant import OAuthGrant
from integrations.oauth_tokens import SharedTokens
from integrations.sandbox.server import Sandbox
from integrations.tradegecko import oauth
from tests.tradegecko.application import renewals

Run = Callable[..., str]
HOUR = timedelta(hours=1)


@pytest.fixture
def app(shop: Sandbox, manage: Run, monkeypatch: pytest.MonkeyPatch) -> Connection:
    """The warehouse's connection, signed in as an application from the command line."""
    monkeypatch.setenv("APP_SECRET", shop.tradegecko.oauth.client_secret)
    monkeypatch.setenv("REFRESH", shop.tradegecko.oauth.refresh_token)
    manage(
        "connect", "tradegecko", "Gecko", "--oauth-application", shop.tradegecko.oauth.client_id,
        "--oauth-secret-env", "APP_SECRET", "--refresh-token-env", "REFRESH",
    )  # fmt: skip
    return Connection.objects.get(name="Gecko")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oauth_tokens, "PATIENCE_SECONDS", 0)


def grant() -> OAuthGrant:
    return OAuthGrant.objects.get()


def ends_in(seconds: int) -> None:
    """The access token's remaining life, of two hours."""
    now = timezone.now()
    end = now + timedelta(seconds=seconds)
    OAuthGrant.objects.update(expires_at=end, renewed_at=end - 2 * HOUR, retry_at=None)


def statuses(path: str) -> list[int | None]:
    found = Exchange.objects.filter(url__endswith=path).order_by("pk")
    return [one.status for one in found]


def test_the_whole_way_of_an_order_needs_one_token(shop: Sandbox, app: Connection, manage: Run) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    assert len(shop.tradegecko.by_reference(number)) == 1
    assert renewals(shop) == 1
    assert app.decrypted_secret == ""


@pytest.mark.parametrize(("left", "times"), [(7000, 1), (310, 1), (290, 2), (10, 2), (-5, 2)])
def test_a_token_is_renewed_early_and_each_refresh_token_used_once(
    shop: Sandbox, app: Connection, manage: Run, left: int, times: int
) -> None:
    manage("check_connection", "Gecko")
    ends_in(left)
    manage("check_connection", "Gecko")
    assert renewals(shop) == times
    assert statuses("/oauth/token") == [200] * times
    assert 401 not in Exchange.objects.values_list("status", flat=True)
    assert grant().refresh_token == shop.tradegecko.oauth.refresh_token


def test_a_token_that_ended_before_its_time_is_renewed_once_and_the_order_made_once(
    shop: Sandbox, app: Connection, manage: Run
) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "pull_orders")
    manage("check_connection", "Gecko")
    shop.faults.add("tradegecko", "401", path="/orders", method="POST")
    manage("run", "submit_orders")
    assert len(shop.tradegecko.by_reference(number)) == 1
    assert statuses("/orders") == [401, 201]
    assert renewals(shop) == 2
    assert len(shop.tradegecko.keys) == 1


def test_what_another_worker_renewed_is_not_renewed_again(shop: Sandbox, app: Connection) -> None:
    first, second = SharedTokens(app), SharedTokens(app)
    old = first.access()
    assert second.access() == old
    new = first.renew(old)
    assert second.renew(old) == new
    assert renewals(shop) == 2


def test_while_another_worker_renews_the_old_token_is_used_as_long_as_it_lives(shop: Sandbox, app: Connection) -> None:
    tokens = SharedTokens(app)
    old = tokens.access()
    OAuthGrant.objects.update(claimed_by=processes.own_name(), claimed_at=timezone.now())
    ends_in(60)
    assert tokens.access() == old
    ends_in(-1)
    for ask in (tokens.access, lambda: tokens.renew(old)):
        with pytest.raises(Unavailable, match="another worker") as caught:
            ask()
        assert caught.value.throttled
        assert caught.value.retry_after
    assert renewals(shop) == 1


@pytest.mark.parametrize(("owner", "age"), [("gone", timedelta(0)), ("alive", HOUR)])
def test_a_renewal_that_nobody_will_end_is_taken_over(
    shop: Sandbox, app: Connection, owner: str, age: timedelta
) -> None:
    name = processes.own_name() + ("x" if owner == "gone" else "")
    OAuthGrant.objects.update(claimed_by=name, claimed_at=timezone.now() - age)
    assert shop.tradegecko.oauth.accepts(f"Bearer {SharedTokens(app).access()}")
    assert grant().claimed_at is None


def test_an_answer_that_got_lost_asks_a_person_to_authorize_again(shop: Sandbox, app: Connection, manage: Run) -> None:
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "pull_orders")
    ends_in(-1)
    shop.faults.add("tradegecko", "reset_after_apply", path="/oauth/token")
    with pytest.raises(CommandError, match="broke off"):
        manage("run", "submit_orders")
    assert not Connection.objects.get(name="Gecko").is_stopped

    OAuthGrant.objects.update(retry_at=None)
    app.submissions.update(not_before=None)
    with pytest.raises(CommandError, match="Authorize again"):
        manage("run", "submit_orders")
    app.refresh_from_db()
    assert app.is_stopped
    assert shop.tradegecko.by_reference(number) == []

    sign_in.as_application(app, grant().application, refresh_token=shop.tradegecko.oauth.refresh_token)
    app.submissions.update(not_before=None)
    manage("run", "submit_orders")
    assert len(shop.tradegecko.by_reference(number)) == 1


@pytest.mark.parametrize("fault", ["503", "500_html", "reset", "429", "html_200"])
def test_trouble_with_renewing_stops_nobody(shop: Sandbox, app: Connection, manage: Run, fault: str) -> None:
    shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    ends_in(60)
    shop.faults.add("tradegecko", fault, path="/oauth/token", times=1)
    manage("run", "pull_shipments")
    app.refresh_from_db()
    assert app.health == Connection.Health.WORKING
    manage("run", "pull_shipments")
    assert renewals(shop) == 2

    ends_in(-1)
    shop.faults.add("tradegecko", fault, path="/oauth/token")
    with pytest.raises(CommandError):
        manage("run", "pull_shipments")
    app.refresh_from_db()
    assert not app.is_stopped
    OAuthGrant.objects.update(retry_at=None)
    manage("run", "pull_shipments")
    assert renewals(shop) == 4


def test_what_a_person_authorized_meanwhile_wins(
    shop: Sandbox, app: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    persons = TokenPair("persons-access", "persons-refresh", timezone.now() + HOUR)
    real = oauth.refresh

    def refresh(*args: Any) -> TokenPair:
        given = real(*args)
        assert grant().keep(persons)
        return given

    monkeypatch.setattr(oauth, "refresh", refresh)
    assert SharedTokens(app).access() == "persons-access"
    assert grant().refresh_token == "persons-refresh"


def test_a_refusal_for_what_another_worker_used_up_is_none(
    shop: Sandbox, app: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refresh(*_args: Any) -> TokenPair:
        assert grant().keep(TokenPair("theirs", "their-refresh", timezone.now() + HOUR))
        raise Misconfigured("used up", credentials=True)

    monkeypatch.setattr(oauth, "refresh", refresh)
    assert SharedTokens(app).access() == "theirs"


def test_a_refresh_token_that_does_not_change_is_kept(
    shop: Sandbox, app: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oauth, "refresh", lambda *_args: TokenPair("access", "", timezone.now() + HOUR))
    before = grant().refresh_token
    SharedTokens(app).access()
    assert grant().refresh_token == before


def test_one_that_was_never_authorized_says_what_to_do(
    shop: Sandbox, app: Connection, manage: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APP_SECRET", "another")
    told = manage("connect", "tradegecko", "Gecko", "--oauth-application", "x", "--oauth-secret-env", "APP_SECRET")
    assert "Authorize" in told
    with pytest.raises(CommandError, match="not authorized yet. Open its page"):
        manage("check_connection", "Gecko")
    app.refresh_from_db()
    assert app.is_stopped
    with pytest.raises(CommandError, match="not authorized yet"):
        manage("run", "pull_shipments")
    assert renewals(shop) == 0


def test_a_token_in_place_of_the_application_forgets_its_tokens(shop: Sandbox, app: Connection, manage: Run) -> None:
    manage("connect", "tradegecko", "Gecko", "--token-env", "GECKO_TOKEN")
    assert not OAuthGrant.objects.exists()
    manage("check_connection", "Gecko")
    assert renewals(shop) == 0


def test_a_new_secret_leaves_the_tokens(shop: Sandbox, app: Connection) -> None:
    SharedTokens(app).access()
    before = grant()
    shop.tradegecko.oauth.client_secret = "changed"
    sign_in.as_application(app, before.application, "changed")
    ends_in(-1)
    SharedTokens(app).access()
    assert renewals(shop) == 2


def test_options_without_their_application_are_refused(shop: Sandbox, manage: Run) -> None:
    with pytest.raises(CommandError, match="--oauth-application"):
        manage("connect", "tradegecko", "Gecko", "--token-env", "GECKO_TOKEN", "--refresh-token-env", "GECKO_TOKEN")


def all_text() -> Iterator[str]:
    """Everything that the database holds as text."""
    for model in apps.get_models():
        for row in model._default_manager.all():
            for field in model._meta.concrete_fields:
                if isinstance(field, (models.CharField, models.TextField, models.JSONField)):
                    yield str(field.value_from_object(row))


def test_no_secret_is_anywhere_in_the_clear(
    shop: Sandbox, app: Connection, manage: Run, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG")
    oauth_of_box = shop.tradegecko.oauth
    secrets = {oauth_of_box.client_secret, oauth_of_box.refresh_token}
    for fault in ("", "401", "html_200", "truncated", "reset_after_apply"):
        if fault:
            shop.faults.add("tradegecko", fault, path="/oauth/token")
        OAuthGrant.objects.update(retry_at=None)
        ends_in(-1)
        check_connection(app)
        sign_in.as_application(app, grant().application, refresh_token=oauth_of_box.refresh_token)
        secrets |= {oauth_of_box.refresh_token, *oauth_of_box.access}
    check_connection(app)
    secrets |= {grant().access_token, grant().refresh_token}
    assert len(secrets) >= 9
    assert "***" in Exchange.objects.filter(url__endswith="/oauth/token", status=200)[0].response_body
    out, err = capsys.readouterr()
    everything = "\n".join([*all_text(), caplog.text, out, err, repr(grant()), repr(SharedTokens(app))])
    assert [secret for secret in secrets if secret in everything] == []
