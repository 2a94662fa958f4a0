"""manage.py encrypt_again: put all that is stored encrypted under the first of CREDENTIALS_KEYS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db.models import Model
from django_otp.plugins.otp_static.models import StaticToken

from integrations.crypto import encrypted_again
from integrations.errors import Misconfigured
from integrations.management.base import Command as Base
from integrations.wording import counted

PREFIX = "encrypted_"  # of every column that holds a secret


class Command(Base):
    help = "Encrypt all stored secrets with the first of CREDENTIALS_KEYS, so that the keys behind it may go."

    def handle(self, *_args: Any, **_options: Any) -> None:
        done, left = 0, []
        for row, column in _secrets():
            try:
                done += _is_encrypted_again(row, column)
            except Misconfigured:
                left.append(f"{column.removeprefix(PREFIX)} of {row._meta.verbose_name} {row}".replace("_", " "))
        self.stdout.write(f"{counted(done, 'secrets')} encrypted anew with the first of CREDENTIALS_KEYS")
        if codes := StaticToken.objects.count():
            self.stdout.write(RECOVERY_CODES.format(number=counted(codes, "recovery codes")))
        if left:
            self.fail(
                f"none of CREDENTIALS_KEYS fits: {', '.join(left)}. Put back the key that does, or enter them anew"
            )


RECOVERY_CODES = (
    "{number} kept as fingerprints, which nothing encrypts anew: who made theirs before the new key makes new ones in "
    "the admin (Second factor, in the menu behind their name) before the old key goes"
)


def _secrets() -> Iterator[tuple[Model, str]]:
    """The records that hold a secret, each with the column that it is in."""
    for model in apps.get_models():
        for column in (one.attname for one in model._meta.local_concrete_fields if one.attname.startswith(PREFIX)):
            for row in model._default_manager.exclude(**{column: ""}).order_by("pk"):
                yield row, column


def _is_encrypted_again(row: Model, column: str) -> bool:
    """False where the first key has encrypted it already. Also one that a worker replaces just then is done."""
    kept = getattr(row, column)
    again = encrypted_again(kept)
    while again != kept:
        if type(row)._default_manager.filter(**{"pk": row.pk, column: kept}).update(**{column: again}):
            return True
        kept = type(row)._default_manager.filter(pk=row.pk).values_list(column, flat=True).first() or ""
        again = encrypted_again(kept) if kept else ""
    return False
