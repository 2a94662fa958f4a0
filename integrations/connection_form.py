"""The form of a connection: what would stop every job later is refused here, at the field it belongs to."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.functional import cached_property
from django.utils.html import format_html
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from integrations import registry
from integrations.admin_forms import ShownForm
from integrations.errors import Misconfigured
from integrations.models import Connection
from integrations.oauth_grant import OAuthGrant

NAMES = {
    registry.MARKETPLACE: ("Password", "The password of the user name above."),
    registry.WAREHOUSE: ("Token", "The account's privileged access token."),
}
TOKEN, OAUTH = "token", "oauth"
OAUTH_FIELDS = ("sign_in", "application", "application_secret")
SIGNING_IN = ("secret", *OAUTH_FIELDS)  # a page for who may not enter them has none of these
# What the page shows, as the browser evaluates it; a page without the choice has a secret alone.
SHOWN_IF = {
    "username": "typeof provider === 'undefined' || provider === 'supplier_oasis'",
    "secret": "typeof sign_in === 'undefined' || sign_in !== 'oauth'",
    "sign_in": "typeof provider === 'undefined' || provider === 'tradegecko'",
    "application": "sign_in === 'oauth'",
    "application_secret": "sign_in === 'oauth'",
}
KEPT = "It is stored encrypted and never shown."
STORED = "One is stored; leave this empty to keep it."


def hidden_input() -> UnfoldAdminPasswordWidget:
    return UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"})


class ConnectionForm(ShownForm):
    """Secrets go in and never come out. `redirect_uri` is where TradeGecko sends the browser back to."""

    redirect_uri = ""
    secret = forms.CharField(required=False, strip=False, widget=hidden_input())
    sign_in = forms.ChoiceField(
        label="Signs in with", choices=[(TOKEN, "Access token"), (OAUTH, "OAuth application")], initial=TOKEN,
        required=False, widget=UnfoldAdminSelectWidget(),
    )  # fmt: skip
    application = forms.CharField(
        label="Application id", required=False, max_length=200, widget=UnfoldAdminTextInputWidget()
    )
    application_secret = forms.CharField(
        label="Application secret", required=False, max_length=400, widget=hidden_input()
    )

    class Meta:
        model = Connection
        fields = (
            "name", "provider", "base_url", "username", "is_active", "options", "overlap_minutes",
            "recent_slice_minutes", "older_slice_hours", "credential_expires_on",
        )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "secret" in self.fields:
            self._explain_secret()
        if self.instance.pk is not None and not registry.uses_oauth(self.instance.provider):
            for name in OAUTH_FIELDS:
                self.fields.pop(name, None)
        elif "sign_in" in self.fields:
            self._explain_application()

    def _explain_secret(self) -> None:
        is_new, field = self.instance.pk is None, self.fields["secret"]
        both = "Overstock: the password of the user name. TradeGecko: the account's privileged access token."
        field.label, hint = ("Password or token", both) if is_new else NAMES[self.instance.kind]
        field.help_text = f"{hint} {KEPT if is_new or not self.instance.encrypted_secret else STORED}"

    def _explain_application(self) -> None:
        hint = 'Register one for this connection at TradeGecko, with the redirect URI <span class="breakable">{}</span>'
        self.fields["application"].help_text = format_html(hint, self.redirect_uri)
        self.fields["application_secret"].help_text = STORED if self._grant else KEPT
        if self._grant is not None:
            self.initial.update(sign_in=OAUTH, application=self._grant.application)

    @cached_property
    def _grant(self) -> OAuthGrant | None:
        return OAuthGrant.objects.filter(connection=self.instance).first() if self.instance.pk else None

    @property
    def is_application(self) -> bool:
        """Whether the connection is to sign in as an OAuth application."""
        provider = self.cleaned_data.get("provider") or self.instance.provider
        return registry.uses_oauth(provider) and self.cleaned_data.get("sign_in") == OAUTH

    @property
    def has_new_sign_in(self) -> bool:
        """Whether what the connection signs in with is to be stored."""
        given = ("application_secret",) if self.is_application else ("secret",)
        return any(self.cleaned_data.get(name) for name in given) or self._is_other_application()

    def _is_other_application(self) -> bool:
        if not self.is_application:
            return False
        return self._grant is None or self._grant.application != self.cleaned_data.get("application")

    def clean_options(self) -> dict[str, Any]:
        given = self.cleaned_data["options"]
        if given is None and not str(self["options"].data or "").strip():
            return {}
        if not isinstance(given, dict):
            raise forms.ValidationError('Options are an object in braces, for example {"time_zone": "America/Denver"}.')
        return given

    def clean(self) -> dict[str, Any]:
        values = super().clean()
        provider = values.get("provider") or self.instance.provider
        if provider and "base_url" in values:
            self._check_address(provider, values["base_url"])
        if provider and "options" in values:
            self._check_options(provider, values["options"])
        if provider and "username" in values:
            # Hidden where none is needed: what was typed before the provider was chosen is not kept.
            values["username"] = values["username"] if registry.needs_username(provider) else ""
            self._check_username(provider, values["username"])
        if self.is_application:
            self._need_application(values)
        elif "secret" in self.fields and not values.get("secret"):
            self._need_secret()
        return values

    def _need_secret(self) -> None:
        if self.instance.pk is None:
            self.add_error("secret", "A new connection needs its password or token.")
        elif self._grant is not None:
            self.add_error("secret", "Enter the access token that takes the application's place.")

    def _need_application(self, values: dict[str, Any]) -> None:
        if not values.get("application"):
            self.add_error("application", "Enter the application's id.")
        elif self._is_other_application() and not values.get("application_secret"):
            self.add_error("application_secret", "Enter the secret of this application.")

    def _check_address(self, provider: str, url: str) -> None:
        try:
            registry.base_url_of(Connection(provider=provider, base_url=url))
        except Misconfigured as exc:
            self.add_error("base_url", _after_the_name(exc))

    def _check_username(self, provider: str, name: str) -> None:
        try:
            registry.check_username(provider, name)
        except Misconfigured as exc:
            text = str(exc)
            self.add_error("username", f"{text[:1].upper()}{text[1:]}.")

    def _check_options(self, provider: str, options: dict[str, Any]) -> None:
        try:
            registry.check_options(provider, options)
            if registry.uses_oauth(provider) and "base_url" not in self.errors:
                base_url = self.cleaned_data.get("base_url", "")
                registry.authorize_url_of(Connection(provider=provider, base_url=base_url, options=options))
        except Misconfigured as exc:
            self.add_error("options", _after_the_name(exc))


def _after_the_name(problem: Misconfigured) -> str:
    """The problem alone: on its own page a connection need not be named."""
    text = str(problem).partition(": ")[2]
    return text[:1].upper() + text[1:] + "."
