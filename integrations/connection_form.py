"""The form of a connection: what would stop every job later is refused here, at the field it belongs to."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django import forms
from unfold.widgets import UnfoldAdminPasswordWidget

from integrations import registry
from integrations.admin_forms import ShownForm
from integrations.errors import Misconfigured
from integrations.models import Connection

NAMES = {
    registry.MARKETPLACE: ("Password", "The password of the user name above."),
    registry.WAREHOUSE: ("Token", "The account's privileged access token; it needs no user name."),
}


class ConnectionForm(ShownForm):
    """The secret goes in and never comes out."""

    secret = forms.CharField(
        required=False, strip=False, widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"})
    )

    class Meta:
        model = Connection
        fields = (
            "name", "provider", "base_url", "username", "is_active", "options", "overlap_minutes",
            "recent_slice_minutes", "older_slice_hours",
        )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        is_new, field = self.instance.pk is None, self.fields["secret"]
        both = "Overstock: the password of the user name. TradeGecko: the account's privileged access token."
        field.label, hint = ("Password or token", both) if is_new else NAMES[self.instance.kind]
        kept = "It is stored encrypted and never shown." if is_new else "One is stored; leave this empty to keep it."
        field.help_text = f"{hint} {kept}"

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
            self._check_username(provider, values["username"])
        if self.instance.pk is None and not values.get("secret"):
            self.add_error("secret", "A new connection needs its password or token.")
        return values

    def _check_address(self, provider: str, url: str) -> None:
        try:
            _ = urlsplit(url).port
            registry.base_url_of(Connection(provider=provider, base_url=url))
        except ValueError as exc:
            self.add_error("base_url", f"This is not a web address: {exc}.")
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
        except Misconfigured as exc:
            self.add_error("options", _after_the_name(exc))


def _after_the_name(problem: Misconfigured) -> str:
    """The problem alone: on its own page a connection need not be named."""
    text = str(problem).partition(": ")[2]
    return text[:1].upper() + text[1:] + "."
