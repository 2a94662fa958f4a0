from __future__ import annotations

from typing import Any

from django.db import migrations

LATE = "late"  # AlertKind.LATE


def keep_never(apps: Any, schema_editor: Any) -> None:
    """Who was never told of late orders (0 days) is not told of them now, either."""
    for settings in apps.get_model("orders", "AlertSettings").objects.filter(late_after_days=0):
        settings.untold_kinds = [*settings.untold_kinds, *({LATE} - set(settings.untold_kinds))]
        settings.save(update_fields=["untold_kinds"])


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0018_reopened_orders'),
    ]

    operations = [
        migrations.RunPython(keep_never, migrations.RunPython.noop),
        migrations.RemoveField(
            model_name='alertsettings',
            name='late_after_days',
        ),
    ]
