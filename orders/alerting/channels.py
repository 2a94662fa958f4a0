"""How a message leaves: e-mail by EMAIL_URL's server, or a POST to the web-hook through the one door out.

Both raise the errors of `integrations.errors`; OutcomeUnknown when it may have arrived. No error holds a password or
the web-hook's address, which is itself a secret. What a web-hook answers is neither followed nor believed, apart from
its status; the start of it is shown to staff.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from smtplib import SMTPException, SMTPRecipientsRefused, SMTPResponseException
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from requests import PreparedRequest
from requests.auth import AuthBase

from integrations.account import Account
from integrations.errors import IntegrationError, Misconfigured, OutcomeUnknown, Refused, Unavailable
from integrations.http import Answer, Door, retry_after
from integrations.redaction import Redactor
from orders.models import AlertDelivery, AlertSettings

Channel = AlertDelivery.Channel
SECONDS = 10.0
# Parts of the web-hook's path that are as long as this are secrets by themselves.
SECRET_CHARS = 12
CONSOLE = "django.core.mail.backends.console.EmailBackend"


@dataclass(frozen=True, slots=True)
class Message:
    """What leaves. `identity` is the same for each attempt; `thread` for all messages of one alert."""

    identity: str
    thread: str
    subject: str
    text: str
    fields: dict[str, object] = field(default_factory=dict)


def configured(how: AlertSettings) -> list[str]:
    """The channels that are set up."""
    found = [Channel.EMAIL.value] if how.addresses and has_mail_server() else []
    return [*found, *([Channel.WEBHOOK.value] if how.encrypted_webhook_url or settings.ALERT_WEBHOOK_URL else [])]


def has_mail_server() -> bool:
    """Whether mails leave this machine. A developer's are printed."""
    return settings.DEBUG or settings.EMAIL_BACKEND != CONSOLE


def target(channel: str, how: AlertSettings) -> str:
    """Where it goes, for people: never the web-hook's whole address."""
    return ", ".join(how.addresses) if channel == Channel.EMAIL else host_of(how.webhook_url)


def send(channel: str, message: Message, how: AlertSettings) -> None:
    """Raises IntegrationError when the channel did not clearly take it."""
    if channel == Channel.EMAIL:
        send_mail(message, how.addresses)
    else:
        post(message, how.webhook_url)


def host_of(url: str) -> str:
    with suppress(ValueError):
        return urlsplit(url).hostname or ""
    return ""


def problem_with(url: str) -> str:
    """Why messages cannot be posted to this address; empty if they can. It never repeats the address."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return "is not a web address"
    if parts.scheme not in ("https", "http") or not parts.hostname or any(char.isspace() for char in url):
        return "is not a web address"
    if parts.username or parts.password:
        return "must not hold a user name or password"
    if parts.scheme == "http" and not settings.ALLOW_CUSTOM_ENDPOINTS:
        return "must begin with https://"
    return ""


# --- e-mail ----------------------------------------------------------------------------------------------------------


def send_mail(message: Message, to: Sequence[str]) -> None:
    """To each by itself: of those that a server takes together, nobody hears which it refused.

    Refused also where some were told and others not: to try again would tell the first once more.
    """
    if not to:
        raise Refused("there is no recipient any more; enter one under Alert settings")
    server = get_connection(timeout=SECONDS)
    _mail_step(server.open, is_sent=False)
    try:
        left = [no for one in to if (no := _no_to(server, message, one))]
    finally:
        with suppress(OSError, SMTPException):
            server.close()
    if left and len(left) < len(to):
        raise Refused(f"{'; '.join(map(str, left))}; the other recipients were told")
    if left:
        raise min(left, key=lambda no: isinstance(no, Refused))


def _no_to(server: BaseEmailBackend, message: Message, recipient: str) -> IntegrationError | None:
    """The server's no to one recipient, None once it has the mail. Raises OutcomeUnknown where that is not clear."""
    mail = EmailMessage(
        message.subject, message.text, settings.DEFAULT_FROM_EMAIL, [recipient], headers=_headers(message)
    )
    try:
        _mail_step(lambda: server.send_messages([mail]), is_sent=True)
    except OutcomeUnknown:
        raise
    except (Refused, Unavailable) as exc:
        return exc
    return None


def _headers(message: Message) -> dict[str, str]:
    domain = host_of(settings.SITE_URL) or "crossdock.invalid"
    return {
        "Message-ID": f"<{message.identity}@{domain}>",
        "References": f"<{message.thread}@{domain}>",
        "Auto-Submitted": "auto-generated",
    }


def _mail_step(do: Callable[[], object], *, is_sent: bool) -> None:
    try:
        do()
    except (OSError, SMTPException, ValueError) as exc:
        raise _of_mail(exc, is_sent=is_sent) from None


def _of_mail(exc: Exception, *, is_sent: bool) -> IntegrationError:
    """What the mail server's no, or its silence, means."""
    text = Redactor(settings.EMAIL_HOST_USER or "", settings.EMAIL_HOST_PASSWORD or "").clean_text(_said(exc))
    if isinstance(exc, SMTPRecipientsRefused):
        is_final = all(code >= 500 for code, _ in exc.recipients.values())
        return Refused(f"the mail server refused {text}") if is_final else Unavailable(text)
    if isinstance(exc, SMTPResponseException):
        said = f"the mail server said {exc.smtp_code}: {text}"
        return Refused(said) if is_sent and exc.smtp_code >= 500 else Unavailable(said, unsent=True)
    if isinstance(exc, ValueError):
        return Refused(f"the mail cannot be written: {text}")
    if not is_sent:
        return Unavailable(f"cannot reach the mail server: {text}", unsent=True)
    return OutcomeUnknown(f"the mail server broke off: {text}")


def _said(exc: Exception) -> str:
    if isinstance(exc, SMTPRecipientsRefused):
        return "; ".join(f"{name}: {code} {said!r}" for name, (code, said) in exc.recipients.items())[:500]
    if isinstance(exc, SMTPResponseException):
        said = exc.smtp_error
        return (said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said))[:500]
    return str(exc)[:500] or type(exc).__name__


# --- web-hook --------------------------------------------------------------------------------------------------------


class NoAuth(AuthBase):
    """Who knows the address may post to it; nothing is read from a .netrc."""

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        return request


def post(message: Message, url: str) -> None:
    problem = problem_with(url)
    if problem:
        raise Refused(f"the web-hook's address {problem}; enter another one under Alert settings")
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    door = Door(Account("web-hook", f"{parts.scheme}://{parts.netloc}", secret=url), NoAuth(), read_seconds=SECONDS,
                total_seconds=SECONDS)  # fmt: skip
    for secret in (path, *(part for part in path.replace("?", "/").split("/") if len(part) >= SECRET_CHARS)):
        door.hide(secret)
    headers = {"Content-Type": "application/json", "Idempotency-Key": message.identity, "User-Agent": "Crossdock"}
    body = json.dumps({"text": slack_text(message), **message.fields}).encode()
    try:
        answer = door.send("POST", path, body=body, headers=headers, writes=True)
    except Misconfigured as exc:
        raise Misconfigured(str(exc).replace("the connection's base URL", "the web-hook's address")) from None
    _check(answer, host_of(url))


def slack_text(message: Message) -> str:
    """The message as Slack wants it: what could be its own markup is escaped."""
    text = f"*{message.subject}*\n{message.text}"
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _check(answer: Answer, host: str) -> None:
    if 200 <= answer.status < 300:
        return
    said = f"{host} answered HTTP {answer.status}: {answer.excerpt or 'empty'}"
    if answer.status in (408, 425, 429) or answer.status >= 500:
        raise Unavailable(said, retry_after=retry_after(answer.headers, now=datetime.now(UTC)))
    raise Refused(said)
