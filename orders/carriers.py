"""The two code maps, seeded once per marketplace with what its contract knows, then the staff's to change."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from integrations import registry
from integrations.models import Connection
from orders.models import CarrierService, Hold, Shipment, ShippingMethod

ANY = "*"


def seed(connection: Connection) -> None:
    """Fill a marketplace's maps the first time; rows that a person deletes later do not come back."""
    if not Connection.objects.filter(pk=connection.pk, codes_seeded_at=None).update(codes_seeded_at=timezone.now()):
        return
    codes: Any = registry.codes_of(connection.provider)
    CarrierService.objects.bulk_create(
        (
            CarrierService(
                connection=connection, carrier_text=carrier, service_text=service, carrier_code=code,
                service_code=service_code,
            )
            for carrier, service, code, service_code in codes.SEED_MAPPINGS
        ),
        ignore_conflicts=True,
    )  # fmt: skip
    ShippingMethod.objects.bulk_create(
        (ShippingMethod(connection=connection, code=code, name=label) for code, label in codes.SERVICE_LEVELS.items()),
        ignore_conflicts=True,
    )
    for model in (CarrierService, ShippingMethod):
        rows = model._default_manager.filter(connection=connection)
        model.history.bulk_history_create(rows, default_change_reason="Known from the start")


class CarrierMap:
    """Free text → codes for one marketplace."""

    def __init__(self, connection: Connection) -> None:
        rows = CarrierService.objects.filter(connection=connection)
        self._rows = {_texts(row): row for row in rows}

    def codes(self, carrier: str, service: str, *, ordered_service: str) -> tuple[str, str] | None:
        """(carrier code, service code), or None when a person must map the text. Nothing is guessed."""
        row = self.row(carrier, service)
        if row is None:
            return None
        service_code = row.service_code or ordered_service
        return (row.carrier_code, service_code) if service_code else None

    def row(self, carrier: str, service: str) -> CarrierService | None:
        """What the texts are, perhaps without a service code."""
        return self._rows.get((plain(carrier), plain(service))) or self._rows.get((plain(carrier), ANY))


def written_otherwise(one: CarrierService) -> CarrierService | None:
    """Another row that stands for the same texts in other capitals or blanks: one of the two would not be heard."""
    others = CarrierService.objects.filter(connection=one.connection_id).exclude(pk=one.pk)
    same = (row for row in others if _texts(row) == _texts(one))
    exact = one.carrier_text, one.service_text  # which its constraint refuses
    return next((row for row in same if (row.carrier_text, row.service_text) != exact), None)


def spoken(parcel: Shipment) -> str:
    """What the warehouse calls carrier and service of a parcel; the subject of the hold when it is unknown."""
    return " / ".join(part for part in (parcel.carrier, parcel.service) if part) or "(no carrier)"


def texts_of(hold: Hold) -> dict[str, str]:
    """The texts that a row of the map needs to close such a hold, by field; as they are spelt, or were first."""
    mine = Shipment.objects.filter(order=hold.order_id)
    parcels = [one for one in mine if plain(spoken(one)[:200]) == plain(hold.subject)]
    return {"carrier_text": parcels[0].carrier, "service_text": parcels[0].service} if parcels else {}


def _texts(row: CarrierService) -> tuple[str, str]:
    return plain(row.carrier_text), plain(row.service_text)


def plain(text: str) -> str:
    """What two spellings of a text have in common: capitals and repeated blanks make no difference."""
    return " ".join(text.split()).casefold()
