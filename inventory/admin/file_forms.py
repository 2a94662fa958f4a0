"""The form that a file for a marketplace is uploaded with. What format it has, its content says."""

from __future__ import annotations

import logging
from typing import Any

from django import forms
from unfold.contrib.import_export.forms import ImportForm
from unfold.widgets import UnfoldAdminSelectWidget

from integrations import registry
from integrations.models import Connection
from inventory.alias_file import MAX_FILE_BYTES, TOO_LARGE, FileProblem

MARKETPLACES = [key for key, provider in registry.PROVIDERS.items() if provider.kind == registry.MARKETPLACE]

logger = logging.getLogger(__name__)


class MarketplaceFileForm(ImportForm):
    """Its clean `content` is the file's bytes; whatever makes the whole of it unusable is said at the field."""

    connection = forms.ModelChoiceField(
        Connection.objects.filter(provider__in=MARKETPLACES), label="Marketplace", widget=UnfoldAdminSelectWidget,
        empty_label="Choose the marketplace of this file",
    )  # fmt: skip

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

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        file = values.get("import_file")
        if file is None or self.errors:
            return values
        if file.size > MAX_FILE_BYTES:
            raise forms.ValidationError({"import_file": _sentence(TOO_LARGE)})
        file.seek(0)
        values["content"] = file.read()
        self._try(values)
        return values

    def check(self, values: dict[str, Any]) -> None:
        """Raises FileProblem for a content that nothing can be used of; may add to the values."""
        raise NotImplementedError

    def _try(self, values: dict[str, Any]) -> None:
        try:
            self.check(values)
        except FileProblem as exc:
            raise forms.ValidationError({"import_file": _sentence(str(exc))}) from None
        except Exception:
            logger.exception("an uploaded file could not be read")
            text = "The file cannot be read; save it as CSV UTF-8 or XLSX."
            raise forms.ValidationError({"import_file": text}) from None


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
