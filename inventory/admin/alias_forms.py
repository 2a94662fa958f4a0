"""The forms of an alias import: which file, and the consent to exactly what was shown of it."""

from __future__ import annotations

import logging
from typing import Any

from django import forms
from django.core import signing
from unfold.contrib.import_export.forms import ImportForm
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldBooleanWidget

from integrations import registry
from integrations.models import Connection
from inventory import alias_file
from inventory.alias_file import ENCODINGS, MAX_FILE_BYTES, TOO_LARGE, FileProblem
from inventory.alias_upload import AT_ONCE_ROWS, switches_off_most
from inventory.models import AliasImport

TICKET_SALT, TICKET_SECONDS = "inventory.alias-import", 60 * 60
MARKETPLACES = [key for key, provider in registry.PROVIDERS.items() if provider.kind == registry.MARKETPLACE]
AGAIN = "There is no preview to confirm: it was confirmed already, or is more than an hour old. Upload the file again."

logger = logging.getLogger(__name__)


class AliasImportForm(ImportForm):
    """Which file for which marketplace. What format it has, its content says."""

    connection = forms.ModelChoiceField(
        Connection.objects.filter(provider__in=MARKETPLACES), label="Marketplace", widget=UnfoldAdminSelectWidget,
        empty_label="Choose the marketplace of these SKUs",
    )  # fmt: skip
    mode = forms.ChoiceField(
        choices=AliasImport.Mode.choices, initial=AliasImport.Mode.UPDATE, label="Aliases that the file does not name",
        widget=UnfoldAdminSelectWidget, required=False,
    )  # fmt: skip
    encoding = forms.ChoiceField(
        choices=list(ENCODINGS.items()), initial=alias_file.UTF_8, label="Encoding of a CSV file",
        widget=UnfoldAdminSelectWidget, required=False,
    )  # fmt: skip
    field_order = ("resource", "connection", "import_file", "mode", "encoding")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """A marketplace is chosen by a person, unless there is only one."""
        super().__init__(*args, **kwargs)
        del self.fields["format"]
        self.fields["import_file"].label = "File (CSV or XLSX)"
        field: Any = self.fields["connection"]
        choices = list(field.queryset[:2])
        if len(choices) == 1:
            field.empty_label, field.initial = None, choices[0]

    @property
    def media(self) -> forms.Media:
        """The library's script guesses the format from the file's name, which nobody needs."""
        return forms.Media()

    def clean_mode(self) -> str:
        return self.cleaned_data["mode"] or AliasImport.Mode.UPDATE.value

    def clean_encoding(self) -> str:
        return self.cleaned_data["encoding"] or alias_file.UTF_8

    def clean(self) -> dict[str, Any]:
        """Of a file that is read at once, whatever makes the whole of it unusable is said here."""
        values: dict[str, Any] = super().clean() or self.cleaned_data
        file = values.get("import_file")
        if file is None or self.errors:
            return values
        if file.size > MAX_FILE_BYTES:
            raise forms.ValidationError({"import_file": _sentence(TOO_LARGE)})
        file.seek(0)
        values["content"] = file.read()
        if not alias_file.is_longer(values["content"], AT_ONCE_ROWS):
            self._read(values["content"], values["encoding"])
        return values

    def _read(self, content: bytes, encoding: str) -> None:
        try:
            alias_file.read(content, encoding)
        except FileProblem as exc:
            raise forms.ValidationError({"import_file": _sentence(str(exc))}) from None
        except Exception:
            logger.exception("an alias file could not be read")
            text = "The file cannot be read; save it as CSV UTF-8 or XLSX."
            raise forms.ValidationError({"import_file": text}) from None


class TicketForm(forms.Form):
    """A ticket for what this person has just been shown of an import: this plan, or this undo."""

    ticket = forms.CharField(widget=forms.HiddenInput())

    def __init__(self, *args: Any, user_id: int | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._user_id = user_id
        self.seen: AliasImport | None = None  # what the ticket is for, also if that cannot be done

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        try:
            seen = signing.loads(values.get("ticket", ""), salt=TICKET_SALT, max_age=TICKET_SECONDS)
            record = AliasImport.objects.defer("content", "changes", "error_file").get(pk=seen["import"])
        except (signing.BadSignature, AliasImport.DoesNotExist):
            raise forms.ValidationError(AGAIN) from None
        if seen["user"] != self._user_id:
            raise forms.ValidationError(AGAIN)
        self.seen = record
        return {**values, "record": record, "fingerprint": seen["fingerprint"]}


class AliasConfirmForm(TicketForm):
    """Switching off most of what there is needs a tick of its own."""

    sure = forms.BooleanField(required=False, widget=UnfoldBooleanWidget())

    def __init__(self, *args: Any, shown: AliasImport | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if shown is not None and not switches_off_most(shown.counts):
            del self.fields["sure"]

    def clean(self) -> dict[str, Any]:
        values = super().clean()
        if switches_off_most(values["record"].counts) and not values.get("sure"):
            raise forms.ValidationError("Nothing was imported: tick that most aliases shall be switched off.")
        return values


def ticket_for(record: AliasImport, fingerprint: str, user_id: int | None) -> str:
    return signing.dumps({"import": record.pk, "fingerprint": fingerprint, "user": user_id}, salt=TICKET_SALT)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
