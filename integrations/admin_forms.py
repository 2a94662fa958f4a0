"""Forms that save what the person changed on the page, and never put back what others wrote since it was shown."""

from __future__ import annotations

import json
from typing import Any, cast

from django import forms
from django.core import signing
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.http import QueryDict
from django.utils.functional import cached_property


class ShownForm(forms.ModelForm):  # type: ignore[type-arg]
    """Carries what the page showed, so that a change is judged against that and not against the database.

    A field that somebody else changed too is an error that names both values; nothing is saved then.
    """

    shown = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is not None:
            self.initial["shown"] = json.dumps({name: self._stored(name) for name in self._kept_names()})

    @cached_property
    def changed_data(self) -> list[str]:
        """The fields that the person changed, compared with what the page showed."""
        differing, told = super().changed_data, self._told or {}
        changed = {name for name in self.fields if (self._is_changed(name) if name in told else name in differing)}
        return [name for name in self.fields if name in changed and name != "shown"]

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        if self._told is None:
            raise ValidationError("This page does not say what it showed. Open it again and repeat your change.")
        gone = [name for name in self._told if name not in self.fields]
        if gone:
            names = ", ".join(name.replace("_", " ") for name in gone)
            raise ValidationError(f"Nothing was saved: meanwhile these can no longer be changed: {names}.")
        for name in set(self._told) - set(self.changed_data):
            values[name] = getattr(self.instance, name)
        self._refuse_conflicts(self._told)
        return values

    def _refuse_conflicts(self, told: dict[str, str]) -> None:
        """An error on each field that both sides changed. The next save of the same page is then a decision."""
        now = {name: self._stored(name) for name in self.changed_data if name in told}
        both = {name: text for name, text in now.items() if text != told[name] and text != self._entered(name)}
        for name, text in both.items():
            self.add_error(
                name,
                f"Somebody else changed this from {self._spoken(name, told[name])} to {self._spoken(name, text)} "
                f"after you opened the page; you entered {self._spoken(name, self._entered(name))}. "
                "Nothing was saved. Save again to put yours in its place.",
            )
        if both:
            data = cast(QueryDict, self.data).copy()
            data[self.add_prefix("shown")] = json.dumps({**told, **both})
            self.data = data

    @cached_property
    def _told(self) -> dict[str, str] | None:
        """What the page showed, per field; None when it does not say."""
        if self.instance.pk is None:
            return {}
        try:
            told = json.loads(self.data.get(self.add_prefix("shown")) or "")
        except ValueError:
            return None
        return {str(name): str(text) for name, text in told.items()} if isinstance(told, dict) else None

    def _kept_names(self) -> list[str]:
        columns = {field.name for field in self.instance._meta.concrete_fields}
        return [name for name in self.fields if name in columns]

    def _stored(self, name: str) -> str:
        return self._as_text(name, self.get_initial_for_field(self.fields[name], name))

    def _entered(self, name: str) -> str:
        return self._as_text(name, self.cleaned_data[name]) if name in self.cleaned_data else str(self[name].data)

    def _as_text(self, name: str, value: Any) -> str:
        """A value as a hidden input of the field would carry it."""
        field = self.fields[name]
        return field.hidden_widget().format_value(field.prepare_value(value)) or ""

    def _is_changed(self, name: str) -> bool:
        field, data, text = self.fields[name], self[name].data, (self._told or {})[name]
        if isinstance(data, str) and _without_breaks(data) == _without_breaks(text):
            return False  # browsers take line breaks out of one-line inputs
        try:
            return bool(field.has_changed(field.to_python(text), data))
        except ValidationError:
            return True

    def _spoken(self, name: str, text: str) -> str:
        labels = {str(value): str(label) for value, label in getattr(self.fields[name], "choices", ())}
        return f"“{labels.get(text, text)}”" if text else "nothing"


TICKET_SECONDS = 60 * 60
AGAIN = "There is no preview to confirm: it was confirmed already, or is more than an hour old. Upload the file again."


def ticket_for(record: Model, fingerprint: str, user_id: int | None) -> str:
    """For what a person has been shown of a record: they alone can consent to it, and to nothing else."""
    told = {"record": record.pk, "fingerprint": fingerprint, "user": user_id}
    return signing.dumps(told, salt=record._meta.label_lower)


class TicketForm(forms.Form):
    """Consent to exactly what this person has just been shown of one of the `records`."""

    ticket = forms.CharField(widget=forms.HiddenInput())

    def __init__(self, *args: Any, records: QuerySet[Any], user_id: int | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._records, self._user_id = records, user_id
        self.seen: Any = None  # what the ticket is for, also if that cannot be done

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        label = self._records.model._meta.label_lower
        try:
            told = signing.loads(values.get("ticket", ""), salt=label, max_age=TICKET_SECONDS)
        except signing.BadSignature:
            raise forms.ValidationError(AGAIN) from None
        record = self._records.filter(pk=told["record"]).first() if told["user"] == self._user_id else None
        if record is None:
            raise forms.ValidationError(AGAIN)
        self.seen = record
        return {**values, "record": record, "fingerprint": told["fingerprint"]}


def _without_breaks(text: str) -> str:
    return text.replace("\r", "").replace("\n", "")
