"""OAuth from the admin: an application is entered, authorized in the browser, and nobody else can end what one began."""

from __future__ import annotations

from collections.abc import Callable
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from django.contrib.auth.models import Permission, User
from django.contrib.messages import get_messages
from django.test import Client, override_settings
from django.urls import reverse

from integrations.models import Connection, Exchange
from integrations.oauth_grant import OAuthGrant
from integrations.oauth_tokens import SharedTokens
from integrations.sandbox.server import Sandbox
from tests.admin.pages import address_of, error_texts, opened
from tests.tradegecko.application import renewals

Run = Callable[..., str]
BACK = "/admin/integrations/connection/authorized/"


@pytest.fixture
def app(shop: Sandbox, gecko: Connection, admin_client: Client) -> Connection:
    """The warehouse's connection with its application entered, not authorized yet."""
    known = shop.tradegecko.oauth
    entered = {"sign_in": "oauth", "application": known.client_id, "application_secret": known.client_secret}
    answer = admin_client.post(address_of(gecko), {**opened(admin_client, address_of(gecko)), **entered})
    assert answer.status_code == 302, error_texts(answer)
    gecko.refresh_from_db()
    return gecko


def start(client: Client, connection: Connection) -> str:
    """Press the button; where the browser is sent."""
    answer = client.post(reverse("admin:integrations_connection_authorize", args=[connection.pk]))
    assert answer.status_code == 302
    return str(answer["Location"])


def agree(address: str) -> str:
    """What the user does at TradeGecko; the address that the browser comes back to."""
    back = requests.get(address, allow_redirects=False, timeout=10).headers["Location"]
    assert back.startswith(f"http://testserver{BACK}")
    return back.removeprefix("http://testserver")


def told(answer: object) -> str:
    return " ".join(str(one) for one in get_messages(answer.wsgi_request))  # type: ignore[attr-defined]


def test_an_application_is_authorized_and_tested_in_one_go(
    shop: Sandbox, app: Connection, admin_client: Client, manage: Run
) -> None:
    assert app.decrypted_secret == ""
    page = unescape(admin_client.get(address_of(app)).content.decode())
    assert f"http://testserver{BACK}" in page
    assert "Authorize it" in page
    away = start(admin_client, app)
    asked = parse_qs(urlsplit(away).query)
    assert away.startswith(f"{shop.tradegecko_url}/oauth/authorize?")
    assert asked["redirect_uri"] == [f"http://testserver{BACK}"]

    back = agree(away)
    answer = admin_client.get(back)

    assert (answer.status_code, answer["Location"]) == (302, address_of(app))
    assert (answer["Referrer-Policy"], answer["Cache-Control"]) == ("no-referrer", "no-store")
    assert "is authorized; 5 of 5 checks went well" in told(answer)
    app.refresh_from_db()
    assert app.health == Connection.Health.WORKING
    page = unescape(admin_client.get(address_of(app)).content.decode())
    assert "Access token good until" in page
    grant = OAuthGrant.objects.get()
    for secret in (grant.access_token, grant.refresh_token, shop.tradegecko.oauth.client_secret, asked["state"][0]):
        assert secret not in page
    [code] = parse_qs(urlsplit(back).query)["code"]
    kept = str(list(Exchange.objects.values_list("url", "request_body", "response_body", "error")))
    assert "grant_type=authorization_code" in kept
    for secret in (code, grant.access_token, grant.refresh_token, shop.tradegecko.oauth.client_secret):
        assert secret not in kept
    number = shop.oasis.add_order({"partner_sku": "MUG-BLK"})
    manage("run", "all")
    assert len(shop.tradegecko.by_reference(number)) == 1
    OAuthGrant.objects.update(expires_at=None)
    SharedTokens(app).access()
    assert renewals(shop) == 2


def test_what_came_back_is_good_once(shop: Sandbox, app: Connection, admin_client: Client) -> None:
    back = agree(start(admin_client, app))
    admin_client.get(back)
    before = OAuthGrant.objects.get().generation
    answer = admin_client.get(back)
    assert "not begun in this session" in told(answer)
    assert OAuthGrant.objects.get().generation == before
    assert renewals(shop) == 1


def test_a_state_that_is_not_its_own_is_refused_and_spoils_nothing(
    shop: Sandbox, app: Connection, admin_client: Client
) -> None:
    back = agree(start(admin_client, app))
    for wrong in (back.replace("state=", "state=x"), back.partition("&state")[0], f"{BACK}?code=stolen", BACK):
        assert "not begun in this session" in told(admin_client.get(wrong))
    assert renewals(shop) == 0
    assert "is authorized" in told(admin_client.get(back))


def test_a_state_older_than_ten_minutes_is_refused(shop: Sandbox, app: Connection, admin_client: Client) -> None:
    back = agree(start(admin_client, app))
    session = admin_client.session
    session["oauth_pending"] = {**session["oauth_pending"], "until": session["oauth_pending"]["until"] - 601}
    session.save()
    assert "longer than 10 minutes" in told(admin_client.get(back))
    assert renewals(shop) == 0


def test_another_persons_authorization_is_refused(shop: Sandbox, app: Connection, admin_client: Client) -> None:
    back = agree(start(admin_client, app))
    other = Client()
    other.force_login(User.objects.create_superuser("other"))
    assert "not begun in this session" in told(other.get(back))
    assert renewals(shop) == 0


def test_who_may_not_change_connections_neither_begins_nor_ends_it(
    shop: Sandbox, app: Connection, admin_client: Client
) -> None:
    back = agree(start(admin_client, app))
    looker = User.objects.create_user("looker", is_staff=True)
    looker.user_permissions.add(Permission.objects.get(codename="view_connection"))
    client = Client()
    client.force_login(looker)
    button = reverse("admin:integrations_connection_authorize", args=[app.pk])
    assert [client.get(button).status_code, client.post(button).status_code, client.get(back).status_code] == [403] * 3
    page = client.get(address_of(app)).content.decode()
    assert "application_secret" not in page
    assert renewals(shop) == 0


def test_who_is_not_signed_in_is_sent_to_sign_in_without_the_code(
    shop: Sandbox, app: Connection, admin_client: Client
) -> None:
    back = agree(start(admin_client, app))
    answer = Client().get(back)
    assert answer.status_code == 302
    assert "code" not in answer["Location"]


def test_looking_at_the_question_begins_nothing(shop: Sandbox, app: Connection, admin_client: Client) -> None:
    page = admin_client.get(reverse("admin:integrations_connection_authorize", args=[app.pk]))
    assert f"http://testserver{BACK}" in page.content.decode()
    assert "oauth_pending" not in admin_client.session


def test_a_refusal_is_told_in_words(shop: Sandbox, app: Connection, admin_client: Client) -> None:
    shop.tradegecko.deny_authorization = True
    answer = admin_client.get(agree(start(admin_client, app)))
    assert "the request was refused there. Nothing was changed" in told(answer)
    assert renewals(shop) == 0


def test_a_code_that_is_not_accepted_says_what_to_check(shop: Sandbox, app: Connection, admin_client: Client) -> None:
    back = agree(start(admin_client, app))
    shop.tradegecko.oauth.codes.clear()
    assert "its redirect URI is registered exactly" in told(admin_client.get(back))
    assert not OAuthGrant.objects.get().is_authorized


def test_an_application_changed_meanwhile_gets_no_tokens_of_the_other(
    shop: Sandbox, app: Connection, admin_client: Client
) -> None:
    back = agree(start(admin_client, app))
    OAuthGrant.objects.update(application="another")
    assert "changed meanwhile" in told(admin_client.get(back))
    assert renewals(shop) == 0


@pytest.mark.parametrize(
    ("entered", "field"),
    [
        ({"sign_in": "oauth", "application": "", "application_secret": "s"}, "application"),
        ({"sign_in": "oauth", "application": "x", "application_secret": ""}, "application_secret"),
        ({"options": '{"authorize_url": "ftp://x"}'}, "options"),
        ({"options": '{"authorize_url": "https://x/?client_id=evil"}'}, "options"),
    ],
)
def test_what_cannot_work_is_refused_at_its_field(
    shop: Sandbox, gecko: Connection, admin_client: Client, entered: dict[str, str], field: str
) -> None:
    answer = admin_client.post(address_of(gecko), {**opened(admin_client, address_of(gecko)), **entered})
    assert list(answer.context["adminform"].form.errors) == [field]
    assert not OAuthGrant.objects.exists()


@override_settings(ALLOW_CUSTOM_ENDPOINTS=False)
def test_a_browser_is_sent_to_no_host_that_is_not_the_systems_own(
    shop: Sandbox, app: Connection, admin_client: Client
) -> None:
    begin = reverse("admin:integrations_connection_authorize", args=[app.pk])
    for host in ("https://evil.example/oauth/authorize", "http://api.tradegecko.com/oauth/authorize"):
        Connection.objects.update(base_url="", options={"authorize_url": host})
        answer = admin_client.post(begin)
        assert answer["Location"] == address_of(app)
        assert "ALLOW_CUSTOM_ENDPOINTS" in told(answer)
    Connection.objects.update(options={"authorize_url": "https://go.tradegecko.com/oauth/authorize"})
    assert start(admin_client, app).startswith("https://go.tradegecko.com/oauth/authorize?response_type=code&")
    Connection.objects.update(options={})
    assert start(admin_client, app).startswith("https://api.tradegecko.com/oauth/authorize?")


def test_another_application_is_authorized_anew_and_another_change_is_none(
    shop: Sandbox, app: Connection, admin_client: Client
) -> None:
    admin_client.get(agree(start(admin_client, app)))
    values = opened(admin_client, address_of(app))
    assert admin_client.post(address_of(app), {**values, "overlap_minutes": "20"}).status_code == 302
    assert OAuthGrant.objects.get().is_authorized
    entered = {"application": "another", "application_secret": "s"}
    assert admin_client.post(address_of(app), {**values, **entered}).status_code == 302
    assert not OAuthGrant.objects.get().is_authorized


def test_a_token_takes_the_applications_place(shop: Sandbox, app: Connection, admin_client: Client) -> None:
    Connection.objects.filter(pk=app.pk).update(credential_expires_on="2026-12-01")
    values = {**opened(admin_client, address_of(app)), "sign_in": "token"}
    assert values["credential_expires_on"] == "2026-12-01"
    assert "application's place" in unescape(error_texts(admin_client.post(address_of(app), values)))
    admin_client.post(address_of(app), {**values, "secret": shop.tradegecko.token})
    assert not OAuthGrant.objects.exists()
    assert Connection.objects.get(pk=app.pk).credential_expires_on is None
    values = opened(admin_client, address_of(app))
    new = {**values, "secret": shop.tradegecko.token, "credential_expires_on": "2027-06-01"}
    admin_client.post(address_of(app), new)
    assert str(Connection.objects.get(pk=app.pk).credential_expires_on) == "2027-06-01"
    page = admin_client.get(address_of(app)).content.decode()
    assert reverse("admin:integrations_connection_authorize", args=[app.pk]) not in page


def test_a_new_connection_may_begin_as_an_application(shop: Sandbox, admin_client: Client) -> None:
    add = reverse("admin:integrations_connection_add")
    values = {**opened(admin_client, add), "name": "New", "provider": "tradegecko", "base_url": shop.tradegecko_url}
    entered = {"sign_in": "oauth", "application": "a", "application_secret": "s"}
    answer = admin_client.post(add, {**values, **entered})
    assert answer.status_code == 302, error_texts(answer)
    assert OAuthGrant.objects.get().connection.name == "New"
    answer = admin_client.post(add, {**values, **entered, "name": "Shop", "provider": "supplier_oasis"})
    assert "password" in error_texts(answer)


def test_one_that_was_only_tried_is_deleted_with_its_tokens(
    shop: Sandbox, app: Connection, admin_client: Client
) -> None:
    spare = Connection.objects.create(name="Spare", provider="tradegecko")
    OAuthGrant.objects.filter(connection=app).update(connection=spare)
    admin_client.post(address_of(spare).replace("/change/", "/delete/"), {"post": "yes"})
    assert not Connection.objects.filter(name="Spare").exists()
    assert not OAuthGrant.objects.exists()
