"""The code maps as files, by django-import-export's screens: a preview, row errors with their lines, all or none."""

from __future__ import annotations

import logging
import os
from typing import Any

from django import forms
from django.contrib import messages
from django.core import signing
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import redirect
from import_export import fields, resources
from import_export.admin import ImportExportModelAdmin
from import_export.formats.base_formats import CSV, XLSX
from import_export.forms import ConfirmImportForm
from import_export.widgets import CharWidget
from unfold.contrib.import_export.forms import ExportForm, ImportForm
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldBooleanWidget

from integrations.models import Connection
from inventory.alias_file import MAX_FILE_BYTES, FileProblem, Unusable
from inventory.alias_import import SafeText
from orders import map_file
from orders.admin import known_codes
from orders.admin.known_codes import MARKETPLACES
from orders.models import CarrierService, ShippingMethod

logger = logging.getLogger(__name__)

TICKET_SALT, TICKET_SECONDS = "orders.map-import", 60 * 60
AGAIN = "There is no preview to confirm: it was confirmed already, or is more than an hour old. Upload the file again."
SHIPPING_COLUMNS = ("code", "name")
CARRIER_COLUMNS = ("carrier_text", "service_text", "carrier_code", "service_code")


class Cell(SafeText):
    """Text both ways; going out, what a spreadsheet would run is neutralised."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> str:
        if isinstance(value, Unusable):
            raise ValueError(f"is {value}; enter its text instead")
        return str(CharWidget.clean(self, value, row, **kwargs) or "")


class MapResource(resources.ModelResource):
    """Rows of one marketplace's map; a row is known by its `import_id_fields`."""

    def __init__(self, connection: Connection | None = None, anyway: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.connection, self.anyway = connection, anyway
        self._lines: list[int] = []
        self._seen: dict[tuple[str, ...], int] = {}

    def get_queryset(self) -> Any:
        rows = super().get_queryset()
        return rows.filter(connection=self.connection) if self.connection else rows

    def init_instance(self, row: Any = None) -> Any:
        made = super().init_instance(row)
        made.connection = self.connection
        return made

    def before_import(self, dataset: map_file.MapFile, **kwargs: Any) -> None:
        self._lines, self._seen = dataset.lines, {}

    def before_import_row(self, row: Any, row_number: int | None = None, **kwargs: Any) -> None:
        line = self._lines[(row_number or 1) - 1]
        key = tuple(str(row[name]) for name in self._meta.import_id_fields)
        if key in self._seen:
            raise ValidationError(f"It is in line {self._seen[key]} already.")
        self._seen[key] = line

    def after_import(self, dataset: map_file.MapFile, result: Any, **kwargs: Any) -> None:
        """An editor counts the header and the empty lines too."""
        for wrong in (*result.invalid_rows, *result.error_rows):
            wrong.number = self._lines[wrong.number - 1]


class ShippingMethodResource(MapResource):
    code = fields.Field("code", "code", widget=Cell())
    name = fields.Field("name", "name", widget=Cell())

    class Meta:
        model = ShippingMethod
        fields = export_order = SHIPPING_COLUMNS
        import_id_fields = ("code",)
        skip_unchanged = clean_model_instances = use_transactions = True


class CarrierServiceResource(MapResource):
    carrier_text = fields.Field("carrier_text", "carrier_text", widget=Cell())
    service_text = fields.Field("service_text", "service_text", widget=Cell())
    carrier_code = fields.Field("carrier_code", "carrier_code", widget=Cell())
    service_code = fields.Field("service_code", "service_code", widget=Cell())

    class Meta:
        model = CarrierService
        fields = export_order = CARRIER_COLUMNS
        import_id_fields = ("carrier_text", "service_text")
        skip_unchanged = clean_model_instances = use_transactions = True

    def validate_instance(self, instance: Any, import_validation_errors: Any = None, **kwargs: Any) -> None:
        """A code that is not known is taken only when a person said so, or when it was taken before."""
        errors = dict(import_validation_errors or {})
        before = self.get_queryset().filter(pk=instance.pk).first() if instance.pk else None
        for field in known_codes.TABLES:
            wrong = "" if self.anyway else known_codes.problem(field, getattr(instance, field))
            if wrong and getattr(before, field, "") != getattr(instance, field):
                errors[field] = ValidationError(wrong)
        super().validate_instance(instance, errors, **kwargs)


class MapImportForm(ImportForm):
    connection = forms.ModelChoiceField(
        Connection.objects.filter(provider__in=MARKETPLACES), label="Marketplace", widget=UnfoldAdminSelectWidget,
        empty_label="Choose the marketplace of these codes",
    )  # fmt: skip
    anyway = forms.BooleanField(
        required=False, label="Take codes that are not in the list of known ones", widget=UnfoldBooleanWidget
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """A marketplace is chosen by a person, unless there is only one."""
        super().__init__(*args, **kwargs)
        field: Any = self.fields["connection"]
        choices = list(field.queryset[:2])
        if len(choices) == 1:
            field.empty_label, field.initial = None, choices[0]

    def clean_import_file(self) -> Any:
        file = self.cleaned_data["import_file"]
        if file.size > MAX_FILE_BYTES:
            raise forms.ValidationError(f"The file is larger than {MAX_FILE_BYTES // 1024**2} MB; split it.")
        return file


class MapConfirmForm(ConfirmImportForm):
    """What was previewed, and nothing else: the name of the kept file is signed."""

    connection = forms.ModelChoiceField(Connection.objects.filter(provider__in=MARKETPLACES), widget=forms.HiddenInput)
    anyway = forms.BooleanField(required=False, widget=forms.HiddenInput)

    def clean_import_file_name(self) -> str:
        try:
            given = self.cleaned_data["import_file_name"]
            name: str = signing.loads(given, salt=TICKET_SALT, max_age=TICKET_SECONDS)
        except signing.BadSignature:
            raise forms.ValidationError(AGAIN) from None
        return os.path.basename(name)


class MapImport(ImportExportModelAdmin):
    """The screens of a map's import and export. `columns` are those of its file."""

    columns: tuple[str, ...] = ()
    import_form_class = MapImportForm
    confirm_form_class = MapConfirmForm
    import_template_name = "admin/orders/import_map.html"
    export_form_class = ExportForm

    def get_import_formats(self) -> list[Any]:
        columns = self.columns

        class AnyCSV(CSV):
            """The file's content says what it is, not the format that was chosen."""

            def is_binary(self) -> bool:
                return True

            def get_read_mode(self) -> str:
                return "rb"

            def create_dataset(self, in_stream: bytes, **kwargs: Any) -> Any:
                return map_file.read(in_stream, columns)

        class AnyXLSX(XLSX):
            def create_dataset(self, in_stream: bytes, **kwargs: Any) -> Any:
                return map_file.read(in_stream, columns)

        return [AnyCSV, AnyXLSX]

    def get_export_formats(self) -> list[Any]:
        return [CSV, XLSX]

    def has_import_permission(self, request: HttpRequest) -> bool:
        return bool(self.has_add_permission(request) and self.has_change_permission(request))

    def has_export_permission(self, request: HttpRequest) -> bool:
        return bool(self.has_view_permission(request))

    def get_import_resource_kwargs(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        given: dict[str, Any] = super().get_import_resource_kwargs(request, **kwargs)
        chosen = getattr(kwargs.get("form"), "cleaned_data", {})
        return {**given, "connection": chosen.get("connection"), "anyway": chosen.get("anyway", False)}

    def get_import_data_kwargs(self, **kwargs: Any) -> dict[str, Any]:
        return {**super().get_import_data_kwargs(**kwargs), "rollback_on_validation_errors": True}

    def get_confirm_form_initial(self, request: HttpRequest, import_form: Any) -> dict[str, Any]:
        if import_form is None:
            return {}
        seen = super().get_confirm_form_initial(request, import_form)
        chosen = import_form.cleaned_data
        ticket = signing.dumps(seen["import_file_name"], salt=TICKET_SALT)
        more = {"connection": chosen["connection"].pk, "anyway": chosen["anyway"]}
        return {**seen, "import_file_name": ticket, **more}

    def add_data_read_fail_error_to_form(self, form: Any, e: Exception) -> None:
        text = str(e)
        if not isinstance(e, FileProblem):
            logger.error("a map's file could not be read", exc_info=e)
            text = "the file cannot be read; save it as CSV UTF-8 or XLSX"
        form.add_error("import_file", f"{text[:1].upper()}{text[1:]}.")

    def import_action(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        """A file that cannot be confirmed is not kept."""
        answer: HttpResponseBase = super().import_action(request, **kwargs)
        kept_as = getattr(request.FILES.get("import_file"), "tmp_storage_name", None)
        if kept_as and "confirm_form" not in (getattr(answer, "context_data", None) or {}):
            os.remove(kept_as)
        return answer

    def process_import(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        form = self.create_confirm_form(request)
        if request.method == "POST" and self.has_import_permission(request) and not form.is_valid():
            return self._again(request, AGAIN)
        try:
            answer: HttpResponse = super().process_import(request, **kwargs)
        except FileNotFoundError:
            return self._again(request, AGAIN)
        return answer

    def process_result(self, result: Any, request: HttpRequest) -> HttpResponseRedirect:
        if result.has_errors() or result.has_validation_errors():
            return self._again(request, "Nothing was imported: the map changed meanwhile. Upload the file again.")
        answer: HttpResponseRedirect = super().process_result(result, request)
        for marketplace in {row.instance.connection_id for row in result.rows if row.instance}:
            self.wake(marketplace)
        return answer

    def wake(self, marketplace_id: int) -> None:
        """Have those looked at again that may have waited for the map."""
        raise NotImplementedError

    def _again(self, request: HttpRequest, text: str) -> HttpResponseRedirect:
        messages.error(request, text)
        return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_import")
