"""The code maps through django-import-export: rows by their key, wrong ones by their line, all or none."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from import_export import fields, resources
from import_export.instance_loaders import BaseInstanceLoader
from import_export.widgets import CharWidget

from integrations.models import Connection
from inventory.alias_file import Unusable
from inventory.alias_import import SafeText
from orders import carriers, map_file
from orders.admin import known_codes
from orders.models import CarrierService, ShippingMethod

SHIPPING_COLUMNS = ("code", "name")
AT_ONCE = 1_000
CARRIER_COLUMNS = ("carrier_text", "service_text", "carrier_code", "service_code")


class Cell(SafeText):
    """Text both ways; going out, what a spreadsheet would run is neutralised."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> str:
        if isinstance(value, Unusable):
            raise ValueError(f"is {value}; enter its text instead")
        return str(CharWidget.clean(self, value, row, **kwargs) or "")


class Loader(BaseInstanceLoader):
    """The whole map with one query, by the columns that a row is known by."""

    def __init__(self, resource: MapResource, dataset: Any = None) -> None:
        super().__init__(resource, dataset)
        self._known = {resource.key_of(vars(one)): one for one in resource.get_queryset()}

    def get_instance(self, row: Any) -> Any:
        return self._known.get(self.resource.key_of(row))


class MapResource(resources.ModelResource):
    """Rows of one marketplace's map; a row is known by its `import_id_fields`."""

    twice = "It is in line {} already."

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

    def key_of(self, row: Any) -> tuple[str, ...]:
        return tuple(str(row[name]) for name in self._meta.import_id_fields)

    def before_import(self, dataset: map_file.MapFile, **kwargs: Any) -> None:
        self._lines, self._seen = dataset.lines, {}

    def before_import_row(self, row: Any, row_number: int | None = None, **kwargs: Any) -> None:
        line = self._lines[(row_number or 1) - 1]
        key = self.key_of(row)
        if key in self._seen:
            raise ValidationError(self.twice.format(self._seen[key]))
        self._seen[key] = line

    def validate_instance(self, instance: Any, import_validation_errors: Any = None, **kwargs: Any) -> None:
        """Field by field: that a row is there once and its marketplace exists is known without asking."""
        errors = dict(import_validation_errors or {})
        try:
            instance.clean_fields(exclude={*errors, "connection"})
        except ValidationError as exc:
            errors = exc.update_error_dict(errors)
        if errors:
            raise ValidationError(errors)

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
        instance_loader_class, batch_size = Loader, AT_ONCE
        skip_unchanged = use_bulk = use_transactions = True


class CarrierServiceResource(MapResource):
    """A row in other capitals is the same one, as it is for the parcels that go by it."""

    twice = "It is in line {} already: capitals and repeated blanks make no difference."
    carrier_text = fields.Field("carrier_text", "carrier_text", widget=Cell())
    service_text = fields.Field("service_text", "service_text", widget=Cell())
    carrier_code = fields.Field("carrier_code", "carrier_code", widget=Cell())
    service_code = fields.Field("service_code", "service_code", widget=Cell())

    class Meta:
        model = CarrierService
        fields = export_order = CARRIER_COLUMNS
        import_id_fields = ("carrier_text", "service_text")
        instance_loader_class, batch_size = Loader, AT_ONCE
        skip_unchanged = use_bulk = use_transactions = True

    def key_of(self, row: Any) -> tuple[str, ...]:
        return tuple(map(carriers.plain, super().key_of(row)))

    def import_field(self, field: Any, instance: Any, row: Any, is_m2m: bool = False, **kwargs: Any) -> None:
        """A known row keeps its spelling: the one of the file may be that of a third row from before."""
        if not (instance.pk and field.attribute in self._meta.import_id_fields):
            super().import_field(field, instance, row, is_m2m, **kwargs)

    def before_import(self, dataset: map_file.MapFile, **kwargs: Any) -> None:
        super().before_import(dataset, **kwargs)
        self._before = {row["pk"]: row for row in self.get_queryset().values("pk", *known_codes.TABLES)}

    def validate_instance(self, instance: Any, import_validation_errors: Any = None, **kwargs: Any) -> None:
        """A code that is not known is taken only when a person said so, or when it was taken before."""
        errors = dict(import_validation_errors or {})
        before = self._before.get(instance.pk, {})
        for field in known_codes.TABLES:
            wrong = "" if self.anyway else known_codes.problem(field, getattr(instance, field))
            if wrong and before.get(field, "") != getattr(instance, field):
                errors[field] = ValidationError(wrong)
        super().validate_instance(instance, errors, **kwargs)
