"""From a cause to a message: one per cause, kept true while it lasts, closed by itself, and sent once."""

from __future__ import annotations

from datetime import time, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.exceptions import ValidationError
from django.db import transaction
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ

from integrations.models import Connection, Route
from inventory.models import Listing, Publication
from orders import tasks
from orders.alerting import delivering, rules, watch
from orders.models import (
    Alert,
    AlertDelivery,
    AlertSettings,
    Hold,
    Order,
    ReconciledOrder,
    Reconciliation,
    ShipmentConfirmation,
    UnreadableRecord,
    WarehouseChange,
    WarehouseSubmission,
)

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def minute() -> list[str]:
    """A minute of the caretaker and a worker; the subjects of the mails that left in it."""
    before = len(mail.outbox)
    watch.look(by_worker=True)
    AlertDelivery.objects.filter(not_before__lte=timezone.now() + watch.CATCHING_UP).update(not_before=None)
    delivering.deliver()
    return [one.subject.removeprefix("[Crossdock] ") for one in mail.outbox[before:]]


def later(by: timedelta) -> None:
    """The world is so much older: everything was told that long ago."""
    for one in Alert.objects.exclude(told_at=None):
        Alert.objects.filter(pk=one.pk).update(told_at=(one.told_at or timezone.now()) - by)


def health(value: str) -> None:
    Connection.objects.update(health=value)


def test_a_cause_is_told_once_reminded_of_and_closed_by_itself(stopped: Connection) -> None:
    assert minute() == ["Critical: connection Gecko: stopped: token refused"]
    assert minute() == []
    later(12 * HOUR)
    assert minute() == ["Still critical: connection Gecko: stopped: token refused"]
    health("working")
    assert minute() == ["Over: connection Gecko: stopped: token refused"]
    assert minute() == []
    alert = Alert.objects.get()
    assert alert.state == "closed"
    assert [one.status for one in alert.deliveries.all()] == ["accepted"] * 3


def test_a_message_says_where_it_is_mended_and_belongs_to_its_thread(stopped: Connection) -> None:
    minute()
    [sent], alert = mail.outbox, Alert.objects.get()
    assert sent.to == ["ops@example.com"]
    assert f"https://crossdock.example.com/admin/integrations/connection/{stopped.pk}/change/" in sent.body
    assert f"https://crossdock.example.com/admin/orders/alert/{alert.pk}/change/" in sent.body
    assert sent.extra_headers["References"] == f"<crossdock-alert-{alert.pk}@crossdock.example.com>"


def test_many_orders_with_one_cause_are_one_alert_that_grows(how: AlertSettings) -> None:
    shop = Connection.objects.create(name="Overstock", provider="supplier_oasis")

    def hold(*skus: str) -> None:
        for sku in skus:
            now, number = timezone.now(), f"1-{Order.objects.count()}"
            order = Order.objects.create(
                connection=shop, full_number=number, short_reference=number, status="on_hold", ordered_at=now,
                ordered_on=now.date(),
            )  # fmt: skip
            Hold.objects.create(order=order, kind="unknown_sku", subject=sku, message="?")

    hold("MUG")
    assert minute() == ["Warning: 1 order of Overstock waits for a person: Unknown SKU (MUG)"]
    hold("MUG", "MUG")
    assert minute() == []
    hold(*"abcdef")
    assert minute() == []  # the cool-down
    later(HOUR)
    assert minute() == ["Still warning: 9 orders of Overstock wait for a person: Unknown SKU (MUG and 6 more)"]
    alert = Alert.objects.get()
    assert (alert.count, alert.oldest) == (9, Hold.objects.earliest("opened_at").opened_at)


def test_a_refused_quantity_of_a_listing_that_is_switched_off_waits_for_nobody(how: AlertSettings) -> None:
    overstock = Connection.objects.create(name="Overstock", provider="supplier_oasis")
    gecko = Connection.objects.create(name="Gecko", provider="tradegecko")
    route = Route.objects.create(name="Main", marketplace=overstock, warehouse=gecko)
    listing = Listing.objects.create(route=route, marketplace_sku="MUG")
    Publication.objects.create(listing=listing, sku="MUG", quantity=1, observed_at=timezone.now(), status="parked")
    assert minute() == ["Warning: 1 quantity of route Main was refused (Publications)"]
    Listing.objects.update(is_active=False)
    assert minute() == ["Over: 1 quantity of route Main was refused (Publications)"]


def test_what_comes_and_goes_is_told_once_in_a_cool_down(stopped: Connection) -> None:
    assert len(minute()) == 1
    health("working")
    assert [subject[:4] for subject in minute()] == ["Over"]
    for _ in range(3):
        health("stopped")
        assert minute() == []
        health("working")
        assert minute() == []
    health("stopped")
    minute()
    AlertDelivery.objects.filter(status="pending").update(not_before=None)
    assert minute() == ["Again critical: connection Gecko: stopped: token refused"]
    assert Alert.objects.count() == 1
    later(2 * HOUR)
    health("working")
    minute()
    Alert.objects.update(closed_at=timezone.now() - HOUR)
    health("stopped")
    assert [subject[:8] for subject in minute()] == ["Critical"]
    assert Alert.objects.count() == 2


def test_a_mute_outlasts_its_alert_and_ends_by_itself(stopped: Connection) -> None:
    minute()
    Alert.objects.update(muted_until=timezone.now() + HOUR, closed_at=timezone.now() - 2 * HOUR)
    assert minute() == []
    again = Alert.objects.get(closed_at=None)
    assert again.is_muted
    Alert.objects.filter(pk=again.pk).update(muted_until=timezone.now() - MINUTE)
    assert len(minute()) == 1


def test_what_ended_in_the_quiet_hours_is_never_told(stopped: Connection, how: AlertSettings) -> None:
    Connection.objects.update(health="troubled")
    now = timezone.now()
    AlertSettings.objects.update(quiet_from=(now - HOUR).time(), quiet_until=(now + HOUR).time())
    assert minute() == []
    [waiting] = AlertDelivery.objects.filter(status="pending")
    assert waiting.not_before is not None
    assert HOUR - MINUTE < waiting.not_before - now < HOUR + MINUTE
    health("working")
    assert minute() == []
    assert AlertDelivery.objects.get().status == "withdrawn"


def test_what_a_pause_led_into_the_quiet_hours_waits_for_their_end_but_for_what_is_critical(
    stopped: Connection, how: AlertSettings
) -> None:
    Connection.objects.update(health="troubled")
    watch.look(by_worker=True)
    AlertDelivery.objects.update(not_before=None)  # a mail server that failed before they began
    now = timezone.now()
    AlertSettings.objects.update(quiet_from=(now - HOUR).time(), quiet_until=(now + HOUR).time())
    delivering.deliver()
    [waiting] = AlertDelivery.objects.all()
    assert (mail.outbox, waiting.status, waiting.attempts) == ([], "pending", 0)
    assert waiting.not_before is not None
    assert HOUR - MINUTE < waiting.not_before - now < HOUR + MINUTE
    health("stopped")
    assert minute() == ["Critical: connection Gecko: stopped: token refused"]  # nobody heard of it before
    assert [one.what for one in AlertDelivery.objects.order_by("pk")] == ["opened", "opened"]


def test_what_ended_between_two_digests_is_in_the_second_however_far_apart_they_are(how: AlertSettings) -> None:
    now = timezone.now()
    AlertSettings.objects.update(digest_hour=now.hour, warning="digest")
    at = rules.digest_at(AlertSettings.current(), now)
    last = AlertDelivery.objects.create(channel="email", what="digest", number=1, status="accepted")
    over = {"kind": "held", "severity": "warning", "opened_at": at - 35 * HOUR}
    for key, ended in (("told", 31), ("untold", 29)):
        Alert.objects.create(key=key, text=f"{key} and over", closed_at=at - ended * HOUR, **over)
    AlertDelivery.objects.filter(pk=last.pk).update(created_at=at - 30 * HOUR)  # its hour was an earlier one
    assert minute() == ["Digest: 0 alerts, 1 over"]
    assert "untold and over" in mail.outbox[0].body


def test_quiet_hours_that_are_none_are_not_saved() -> None:
    with pytest.raises(ValidationError, match="that end when they begin are none"):
        AlertSettings(quiet_from=time(7), quiet_until=time(7)).clean()


def test_a_digest_is_sent_once_a_day_and_only_if_there_is_something_to_tell(how: AlertSettings) -> None:
    assert minute() == []
    now = timezone.now()
    shop = Connection.objects.create(
        name="Overstock", provider="supplier_oasis", credential_expires_on=now.date() + timedelta(days=10)
    )  # fmt: skip
    AlertSettings.objects.update(digest_hour=now.hour)
    assert minute() == []  # it was not there at that hour
    Alert.objects.update(opened_at=now - 2 * HOUR)
    assert minute() == ["Digest: 1 alert, 0 over"]
    assert f"the credential of connection {shop} ends in 10 days" in mail.outbox[0].body
    assert minute() == []


def test_a_digest_waits_for_the_end_of_the_quiet_hours(how: AlertSettings) -> None:
    now = timezone.now()
    Connection.objects.create(
        name="Overstock", provider="supplier_oasis", credential_expires_on=now.date() + timedelta(days=10)
    )  # fmt: skip
    AlertSettings.objects.update(
        digest_hour=now.hour, quiet_from=(now - HOUR).time(), quiet_until=(now + HOUR).time()
    )  # fmt: skip
    minute()
    Alert.objects.update(opened_at=now - 2 * HOUR)
    assert minute() == []
    digest = AlertDelivery.objects.get()
    assert digest.not_before is not None
    assert HOUR - MINUTE < digest.not_before - now < HOUR + MINUTE


@pytest.mark.parametrize(
    ("days", "severity"), [(15, ""), (14, "info"), (4, "info"), (3, "warning"), (1, "critical"), (-5, "critical")]
)
def test_a_credential_that_ends_is_told_ever_more_loudly(how: AlertSettings, days: int, severity: str) -> None:
    today = timezone.now().date()
    Connection.objects.create(
        name="Overstock", provider="supplier_oasis", credential_expires_on=today + timedelta(days=days)
    )  # fmt: skip
    minute()
    assert list(Alert.objects.values_list("severity", flat=True)) == ([severity] if severity else [])


def test_orders_that_stop_coming_are_told_where_they_are_usual(how: AlertSettings) -> None:
    shop = Connection.objects.create(name="Overstock", provider="supplier_oasis")
    gecko = Connection.objects.create(name="Gecko", provider="tradegecko")
    shop.routes.create(
        name="Main", state="live", marketplace_warehouse_name="W", warehouse=gecko, location_name="L"
    )  # fmt: skip
    now = timezone.now()
    times = [now - timedelta(weeks=week, minutes=10 * place) for week in range(1, 7) for place in range(30)]
    Order.objects.bulk_create(
        Order(connection=shop, full_number=f"1-{place}", short_reference=f"1-{place}", status="confirmed",
              ordered_at=at, ordered_on=at.date(), received_at=at)
        for place, at in enumerate([*times, now - 2 * HOUR])
    )  # fmt: skip
    [subject] = minute()
    assert subject.startswith("Critical: no order has come from Overstock since ")
    Order.objects.filter(full_number="1-0").update(received_at=timezone.now())
    assert [one[:4] for one in minute()] == ["Over"]


def test_what_a_restarted_worker_catches_up_with_is_not_told_at_once(stopped: Connection) -> None:
    watch.look(by_worker=True)
    [row] = AlertDelivery.objects.all()
    assert row.not_before is not None
    assert not delivering.is_due()
    AlertSettings.objects.update(looked_at=timezone.now() - MINUTE)
    Alert.objects.all().delete()
    watch.look(by_worker=True)
    assert delivering.is_due()


def test_a_slower_look_does_not_undo_a_later_one(stopped: Connection) -> None:
    AlertSettings.objects.update(looked_at=timezone.now() + MINUTE)
    watch.look(by_worker=True)
    assert not Alert.objects.exists()


def test_the_caretaker_writes_it_down_and_a_worker_sends_it(stopped: Connection) -> None:
    AlertSettings.objects.update(looked_at=timezone.now() - MINUTE)
    tasks.send_alerts()
    assert [row.task["func"] for row in OrmQ.objects.all()] == ["orders.tasks.deliver_alerts"]
    assert tasks.deliver_alerts() == "1 alert sent"
    assert tasks.deliver_alerts() == "0 alerts sent"
    assert len(mail.outbox) == 1


def test_nothing_is_written_for_a_channel_that_is_not_set_up_and_it_is_told_once_it_is(
    stopped: Connection, settings: Any
) -> None:
    settings.ALERT_RECIPIENTS = []
    minute()
    assert Alert.objects.get().told_at is None
    assert not AlertDelivery.objects.exists()
    AlertSettings.objects.update(recipients="clerk@example.com\n\nboss@example.com")
    assert len(minute()) == 2
    assert [one.to for one in mail.outbox] == [["clerk@example.com"], ["boss@example.com"]]


def test_each_message_is_written_once_by_constraint(stopped: Connection) -> None:
    minute()
    row = AlertDelivery.objects.get()
    with pytest.raises(Exception, match="(?i)unique"), transaction.atomic():
        AlertDelivery.objects.create(alert=row.alert, channel=row.channel, what=row.what, number=row.number)


def test_looking_costs_few_queries_however_many_alerts_there_are(
    stopped: Connection, django_assert_max_num_queries: Any
) -> None:
    for place in range(20):
        Connection.objects.create(name=f"C{place}", provider="tradegecko", health="troubled")
    minute()
    with django_assert_max_num_queries(60):
        watch.look(by_worker=True)


def test_every_worklist_is_an_alert_that_leads_to_it(how: AlertSettings, client: Client) -> None:
    shop = Connection.objects.create(name="Overstock", provider="supplier_oasis")
    gecko = Connection.objects.create(name="Gecko", provider="tradegecko")
    route = Route.objects.create(name="Main", marketplace=shop, warehouse=gecko, ship_within_days=2)
    then = timezone.now() - timedelta(days=9)
    late = {"connection": shop, "route": route, "status": "submitted", "ordered_at": then}
    order = Order.objects.create(full_number="1-1", short_reference="1-1", ordered_on=then.date(), **late)
    Order.objects.create(full_number="1-2", short_reference="1-2", ordered_on=timezone.now().date(), **late)
    values: dict[str, Any] = {"order": order, "created_at": then, "sent_at": then, "finished_at": then}
    WarehouseSubmission.objects.create(connection=gecko, status="parked", last_error="no such variant", **values)
    WarehouseChange.objects.create(connection=gecko, status="unconfirmed", last_error="no such variant", **values)
    ShipmentConfirmation.objects.create(connection=shop, status="unconfirmed", **values)
    UnreadableRecord.objects.create(connection=shop, digest="d", reason="?", raw="<")
    Hold.objects.create(order=order, kind="changed_order", message="?")
    report = Reconciliation.objects.create(connection=shop, since=then, until=then, finished_at=then)
    for number in ("1-1", "1-2"):
        ReconciledOrder.objects.create(report=report, bucket="doubled", number=number)
    watch.look(by_worker=True)
    found = Alert.objects.order_by("kind", "key")
    assert [(one.kind, one.count) for one in found] == [
        ("held", 1), ("in_doubt", 1), ("in_doubt", 1), ("late", 1), ("reconciliation", 2), ("refused", 1),
        ("unreadable", 1),
    ]  # fmt: skip
    assert not [one.text for one in found if "no such variant" in one.text]  # it may quote what a customer entered
    client.force_login(User.objects.create_superuser("boss"))
    for one in found:
        assert client.get(one.path).status_code == 200, one.path
    worklist = client.get(found.get(kind="late").path).context
    assert (worklist["title"], worklist["asked"].connection) == ("Late to ship", shop.pk)
    assert [row.title for row in worklist["rows"]] == ["1-1"]  # by the route's business days, not by how old it is


def test_a_mute_in_the_middle_of_a_look_stands(stopped: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    minute()
    known, until = rules.telling, timezone.now() + HOUR

    def while_a_person_mutes(*args: Any) -> Any:
        Alert.objects.update(muted_until=until)
        return known(*args)

    monkeypatch.setattr(rules, "telling", while_a_person_mutes)
    watch.look(by_worker=True)
    assert Alert.objects.get().muted_until == until
