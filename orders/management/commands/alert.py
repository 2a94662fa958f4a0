"""manage.py alert: look for what is wrong and tell it, without any worker; for a timer that watches the workers."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from integrations.management.base import Command as Base
from integrations.transmissions import Transmission
from integrations.wording import counted
from orders.alerting import channels, delivering, watch
from orders.models import Alert, AlertSettings, Severity


class Command(Base):
    help = "Look for what is wrong now and tell it at once. Status 1 while something critical is open and not muted."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--test", action="store_true", help="Only send a test on each channel.")

    def handle(self, *_args: Any, test: bool, **_options: Any) -> None:
        if test:
            self._test()
            return
        watch.look(by_worker=False)
        self.stdout.write(delivering.deliver())
        alerts = list(Alert.objects.filter(closed_at=None))
        for one in alerts:
            muted = " (muted)" if one.is_muted else ""
            self.stdout.write(f"{one.get_severity_display().upper()}{muted} {one.text}")
        critical = [one for one in alerts if one.severity == Severity.CRITICAL and not one.is_muted]
        if critical:
            more = f", and {len(critical) - 1} more" if len(critical) > 1 else ""
            self.fail(f"critical: {critical[0].text}{more}")

    def _test(self) -> None:
        how = AlertSettings.current()
        if not channels.configured(how):
            self.fail("no channel is set up: enter recipients (and EMAIL_URL) or a web-hook under Alert settings")
        rows = delivering.send_test(how)
        for row in rows:
            self.stdout.write(f"{row.get_channel_display()} to {row.target}: {row.last_error or 'sent'}")
        failed = [row for row in rows if row.status != Transmission.Status.ACCEPTED]
        if failed:
            self.fail(f"{counted(len(failed), 'alerts')} could not be sent: {failed[0].last_error}")
