"""The environment that Crossdock reads (README, "Settings"), checked value by value.

A wrong value stops the start with its name, what is wrong and a hint; the value itself is never repeated, since it may
be a secret.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.validators import validate_email

DEBUG_KEY = "for-development-only-because-debug-is-on-and-nobody-else-can-reach-it"
DEBUG_FERNET_KEY = "Y3Jvc3Nkb2NrLWRlYnVnLWtleS1ub3QtYS1zZWNyZXQ="
DATABASE_SCHEMES = ("sqlite", "postgres", "postgresql")
HOST = re.compile(r"\*|\.?[\w-]+(\.[\w-]+)*\.?|\[[0-9A-Fa-f:.]+\]")
TRUE, FALSE = {"1", "true", "yes", "on", "y", "t"}, {"", "0", "false", "no", "off", "n", "f"}
ORIGIN = re.compile(r"https?://[^/\s]+")

env = environ.Env()


def load(base: Path) -> None:
    """Read `.env` beside manage.py; what the process was started with wins."""
    if (base / ".env").is_file():
        env.read_env(str(base / ".env"))


def flag(name: str) -> bool:
    value = os.environ.get(name, "").strip().lower()
    if value not in TRUE | FALSE:
        raise wrong(name, "is neither on nor off", "use 1 or 0")
    return value in TRUE


def seconds(name: str, default: int, *, least: int) -> int:
    value = os.environ.get(name, "").strip() or str(default)
    if not (value.isascii() and value.isdigit()):
        raise wrong(name, "is not a whole number of seconds", f"for example {name}={default}")
    if not least <= int(value) <= 86_400:
        raise wrong(name, f"is not between {least} and 86400", f"the default is {default}")
    return int(value)


def number(name: str, default: int, *, least: int, most: int) -> int:
    value = os.environ.get(name, "").strip() or str(default)
    if not (value.isascii() and value.isdigit() and least <= int(value) <= most):
        raise wrong(name, f"is not a whole number from {least} to {most}", f"the default is {default}")
    return int(value)


def chosen(name: str, known: Sequence[str]) -> list[str]:
    """Names out of a list of known ones."""
    found = names(name)
    if any(one not in known for one in found):
        raise wrong(name, "holds a name that is not known", f"comma-separated, of {', '.join(known)}; or empty")
    return found


def hosts(name: str, default: str) -> list[str]:
    """Names of hosts alone, as a browser's request carries them."""
    found = names(name, default)
    if not all(HOST.fullmatch(one) for one in found):
        raise wrong(name, "holds what is no host's name", "crossdock.example.com, without https:// and port")
    return found


def recipients(name: str) -> list[str]:
    found = names(name)
    try:
        for one in found:
            validate_email(one)
    except ValidationError:
        raise wrong(name, "holds what is no mail address", "ops@example.com, comma-separated") from None
    return found


def names(name: str, default: str = "") -> list[str]:
    return [part.strip() for part in (os.environ.get(name) or default).split(",") if part.strip()]


def secret_key(*, debug: bool) -> str:
    value = os.environ.get("SECRET_KEY", "")
    if not value and debug:
        return DEBUG_KEY
    if not value:
        raise wrong("SECRET_KEY", "is missing", "any 50 random characters, kept secret; see .env.example")
    if not debug and (len(value) < 50 or len(set(value)) < 5):
        raise wrong("SECRET_KEY", "is too short to be safe", "use at least 50 random characters; see .env.example")
    return value


def credentials_keys(*, debug: bool) -> list[str]:
    keys = names("CREDENTIALS_KEYS")
    if not keys and debug:
        return [DEBUG_FERNET_KEY]
    if not keys:
        raise wrong("CREDENTIALS_KEYS", "is missing", "comma-separated Fernet keys; .env.example says how to make one")
    for position, key in enumerate(keys, start=1):
        try:
            Fernet(key)
        except ValueError:
            raise wrong(
                "CREDENTIALS_KEYS", f"has a wrong key in place {position}",
                "a Fernet key is 32 bytes in url-safe base64; .env.example says how to make one",
            ) from None  # fmt: skip
    return keys


def database(base: Path) -> dict[str, Any]:
    url = os.environ.get("DATABASE_URL", "").strip() or "sqlite:///db.sqlite3"
    hint = "sqlite:///db.sqlite3 or postgres://user:password@host:5432/name"
    if url.partition("://")[0] not in DATABASE_SCHEMES:
        raise wrong("DATABASE_URL", "names neither SQLite nor PostgreSQL", hint)
    try:
        config: dict[str, Any] = environ.Env.db_url_config(url)
    except Exception:
        raise wrong("DATABASE_URL", "is not a database address", hint) from None
    if config["ENGINE"] == "django.db.backends.sqlite3":
        return _sqlite(config, base)
    if not config["NAME"]:
        raise wrong("DATABASE_URL", "names no database", hint)
    return {**config, "CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}


def _sqlite(config: dict[str, Any], base: Path) -> dict[str, Any]:
    """One web process, one cluster and the command line write at once: WAL, and wait for the lock from the start.

    FULL, so that what was committed before a call is there after a power cut too.
    """
    if config["NAME"] != ":memory:":
        config["NAME"] = str(base / config["NAME"])
    options = {
        "timeout": 60,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
    }
    return {**config, "OPTIONS": options}


def email() -> dict[str, Any]:
    url = os.environ.get("EMAIL_URL", "").strip() or "consolemail://"
    try:
        config: dict[str, Any] = environ.Env.email_url_config(url)
    except Exception:
        raise wrong("EMAIL_URL", "is not a mail address", "smtp+tls://user:password@host:587") from None
    return config


def redis_url() -> str:
    value = os.environ.get("REDIS_URL", "").strip()
    if value and not value.startswith(("redis://", "rediss://", "unix://")):
        raise wrong("REDIS_URL", "is not a Redis address", "redis://127.0.0.1:6379/0, or empty for the database queue")
    return value


def sender() -> str:
    """Whom mails are from: EMAIL_FROM, else the mail server's user if that is an address."""
    user = str(email().get("EMAIL_HOST_USER") or "")
    value = os.environ.get("EMAIL_FROM", "").strip() or (user if "@" in user else "crossdock@localhost")
    if "@" not in value or any(char in value for char in "\r\n"):
        raise wrong("EMAIL_FROM", "is not a mail address", "crossdock@example.com")
    return value


def webhook(name: str, *, secure: bool) -> str:
    """A web address to post to, itself a secret; only https if `secure`."""
    value = _web_address(name, "https://hooks.example.com/…, or empty")
    if secure and urlsplit(value).scheme == "http":
        raise wrong(
            name, "is not an https address", "what is posted there, and the address, must not be read on the way"
        )
    return value


def site(name: str) -> str:
    """Where the admin is reached from outside, without a path or a slash at its end."""
    return _web_address(name, "https://crossdock.example.com, or empty").rstrip("/")


def _web_address(name: str, hint: str) -> str:
    value = os.environ.get(name, "").strip()
    try:
        parts = urlsplit(value)
        _ = parts.port
        is_good = parts.scheme in ("https", "http") and bool(parts.hostname) and not (parts.username or parts.password)
    except ValueError:
        is_good = False
    if value and not is_good:
        raise wrong(name, "is not an http(s) address", hint)
    return value


def origins() -> list[str]:
    """A slash at an origin's end is taken off: no browser sends it."""
    found = [one.rstrip("/") for one in names("CSRF_TRUSTED_ORIGINS")]
    if any(not ORIGIN.fullmatch(one) for one in found):
        raise wrong("CSRF_TRUSTED_ORIGINS", "holds what is no scheme and host", "https://crossdock.example.com")
    return found


def wrong(name: str, problem: str, hint: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"{name} {problem}. Hint: {hint}.")
