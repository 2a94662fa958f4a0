"""The queue's one schedule: the dispatcher, every minute."""

from django.db import migrations
from django.utils import timezone


def add(apps, schema_editor):
    schedule = apps.get_model("django_q", "Schedule")
    schedule.objects.get_or_create(
        name="dispatch",
        defaults={
            "func": "integrations.dispatch.dispatch",
            "schedule_type": "I",
            "minutes": 1,
            "repeats": -1,
            "next_run": timezone.now(),
        },
    )


def remove(apps, schema_editor):
    apps.get_model("django_q", "Schedule").objects.filter(name="dispatch").delete()


class Migration(migrations.Migration):
    dependencies = [("integrations", "0001_initial"), ("django_q", "0019_alter_task_options_alter_ormq_key_alter_ormq_lock_and_more")]
    operations = [migrations.RunPython(add, remove)]
