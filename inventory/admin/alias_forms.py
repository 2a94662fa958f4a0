"""The forms of an alias import: which file, and the consent to exactly what was shown of it."""

from __future__ import annotations

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldBooleanWidget

from integrations.admin_forms import TicketForm
from inventory import alias_file
from inventory.admin.file_forms import MarketplaceFileForm
from inventory.alias_file import ENCODINGS
from inventory.alias_upload import AT_ONCE_ROWS, switches_off_most
from inventory.models import AliasImport


class AliasImportForm(MarketplaceFileForm):
    """Which file for which marketplace. A long one is read by a worker, and what is wrong with it told later."""

    mode = forms.ChoiceField(
        choices=AliasImport.Mode.choices, initial=AliasImport.Mode.UPDATE, label="Aliases that the file does not name",
        widget=UnfoldAdminSelectWidget, required=False,
    )  # fmt: skip
    encoding = forms.ChoiceField(
        choices=list(ENCODINGS.items()), initial=alias_file.UTF_8, label="Encoding of a CSV file",
        widget=UnfoldAdminSelectWidget, required=False,
    )  # fmt: skip
    field_order = ("resource", "connection", "import_file", "mode", "encoding")

    def clean_mode(self) -> str:
        return self.cleaned_data["mode"] or AliasImport.Mode.UPDATE.value

    def clean_encoding(self) -> str:
        return self.cleaned_data["encoding"] or alias_file.UTF_8

    def check(self, values: dict[str, Any]) -> None:
        if not alias_file.is_longer(values["content"], AT_ONCE_ROWS):
            alias_file.read(values["content"], values["encoding"])


class AliasTicketForm(TicketForm):
    """For what was shown of an import: its plan, or its undo."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        records = AliasImport.objects.defer("content", "changes", "error_file")
        super().__init__(*args, records=records, **kwargs)


class AliasConfirmForm(AliasTicketForm):
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
