"""The code maps as files: a preview, and its confirmation by the person who saw it; what is wrong, by its line."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from import_export.admin import ImportExportModelAdmin
from import_export.results import RowResult
from unfold.widgets import UnfoldBooleanWidget

from integrations.admin_forms import AGAIN, TicketForm, ticket_for
from inventory.admin.file_forms import MarketplaceFileForm
from inventory.admin.in_files import InFiles
from inventory.alias_plan import LONGEST_REASON
from orders import map_file, map_upload
from orders.map_file import MapFile
from orders.map_upload import Changed
from orders.models import MapUpload

SHOWN_ROWS, SHOWN_PROBLEMS = 100, 200
DIFFERING = (RowResult.IMPORT_TYPE_NEW, RowResult.IMPORT_TYPE_UPDATE)


class MapImportForm(MarketplaceFileForm):
    anyway = forms.BooleanField(
        required=False, label="Take codes that are not in the list of known ones", widget=UnfoldBooleanWidget
    )
    field_order = ("resource", "connection", "import_file", "anyway")

    def __init__(self, *args: Any, columns: tuple[str, ...], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._columns = columns

    def check(self, values: dict[str, Any]) -> None:
        values["data"] = map_file.read(values["content"], self._columns)


class MapImport(InFiles, ImportExportModelAdmin):
    """The screens of a map's import and export. `columns` are those of its file, the ones that name a row first."""

    columns: tuple[str, ...] = ()
    import_form_class = MapImportForm
    import_template_name = "admin/orders/import_map.html"

    def get_import_form_kwargs(self, request: HttpRequest) -> dict[str, Any]:
        return {**super().get_import_form_kwargs(request), "columns": self.columns}

    def import_action(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        """A file without errors is kept for who may confirm it; of another one only the errors are shown."""
        if not self.has_import_permission(request):
            raise PermissionDenied
        form = self.create_import_form(request)
        if request.method != "POST" or not form.is_valid():
            answer: HttpResponseBase = super().import_action(request, **kwargs)
            return answer
        given = form.cleaned_data
        upload = map_upload.of_file(
            given["connection"], self.opts.model_name, request.user, given["import_file"].name, given["content"],
            anyway=given["anyway"],
        )  # fmt: skip
        return self._preview(request, upload, given["data"])

    def process_import(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        """Store exactly what this person was shown; if the map has changed since, show what the file would do now."""
        if not self.has_import_permission(request):
            raise PermissionDenied
        mine = MapUpload.objects.filter(map=self.opts.model_name, user=request.user.pk)
        form = TicketForm(request.POST or None, records=mine, user_id=request.user.pk)
        if request.method != "POST" or not form.is_valid():
            return self._again(request)
        upload = form.cleaned_data["record"]
        try:
            result = self._stored(upload, form.cleaned_data["fingerprint"])
        except Changed:
            return self._preview(request, upload, map_upload.read(upload, self.columns), is_changed=True)
        if result is None:
            return self._again(request)
        self.wake(upload.connection_id)
        answer: HttpResponse = self.process_result(result, request)
        return answer

    def wake(self, marketplace_id: int) -> None:
        """Have those looked at again that may have waited for the map."""
        raise NotImplementedError

    @transaction.atomic
    def _stored(self, upload: MapUpload, shown: str) -> Any:
        """None when somebody has stored it already. Raises Changed."""
        if not map_upload.take(upload):
            return None
        list(self._map_of(upload).select_for_update())  # nobody changes a row until this is done
        data = map_upload.read(upload, self.columns)
        if self._fingerprint(upload, data) != shown:
            raise Changed
        result = self._resource(upload).import_data(
            data, use_transactions=True, rollback_on_validation_errors=True,
            retain_instance_in_row_result=True,
        )  # fmt: skip
        if result.has_errors() or result.has_validation_errors():  # somebody has made one of the new rows
            raise Changed
        self._keep(result, upload)
        return result

    def _keep(self, result: Any, upload: MapUpload) -> None:
        """The history of what was stored, which the library writes past."""
        for kind, update in ((RowResult.IMPORT_TYPE_NEW, False), (RowResult.IMPORT_TYPE_UPDATE, True)):
            rows = [row.instance for row in result.rows if row.import_type == kind]
            reason = f"Import of {upload.file_name}"[:LONGEST_REASON]
            self.model.history.bulk_history_create(
                rows, update=update, default_user=upload.user, default_change_reason=reason
            )

    def _preview(
        self, request: HttpRequest, upload: MapUpload, data: MapFile, *, is_changed: bool = False
    ) -> HttpResponse:  # fmt: skip
        fingerprint = self._fingerprint(upload, data)
        result = self._resource(upload).import_data(data, dry_run=True)
        differing = [row for row in result.rows if row.import_type in DIFFERING]
        context = {
            **self.admin_site.each_context(request), "opts": self.opts, "result": result,
            "title": f"Import {self.opts.verbose_name_plural}",
            "upload": upload, "is_changed": is_changed, "rows": differing[:SHOWN_ROWS], "differing": len(differing),
            "problems": result.invalid_rows[:SHOWN_PROBLEMS], "counts": dict(result.totals),
        }  # fmt: skip
        if result.has_errors() or result.has_validation_errors():
            context["form"] = self._form(upload)
        else:
            upload.save()
            ticket = ticket_for(upload, fingerprint, request.user.pk)
            context["confirm_form"] = TicketForm(
                initial={"ticket": ticket}, records=MapUpload.objects.all(), user_id=None
            )
        return TemplateResponse(request, self.import_template_name, context)

    def _form(self, upload: MapUpload) -> MapImportForm:
        """To choose the corrected file with."""
        chosen = {"connection": upload.connection_id, "anyway": upload.anyway}
        return MapImportForm(self.get_import_formats(), self.resource_classes, columns=self.columns, initial=chosen)

    def _resource(self, upload: MapUpload) -> Any:
        return self.resource_classes[0](connection=upload.connection, anyway=upload.anyway)

    def _map_of(self, upload: MapUpload) -> Any:
        return self.model._default_manager.filter(connection=upload.connection)

    def _fingerprint(self, upload: MapUpload, data: MapFile) -> str:
        return map_upload.fingerprint(upload, data, self._map_of(upload), self.columns, self._resource(upload).key_of)

    def _again(self, request: HttpRequest) -> HttpResponseRedirect:
        messages.error(request, AGAIN)
        return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_import")
