from django.conf import settings
from django.db import migrations

from orders import roles


# What was one permission before: whoever was given it keeps all that it allowed.
BEFORE = {
    'orders.change_order': ('orders.resend_order',),
    'inventory.change_listing': ('inventory.resend_publication',),
    'integrations.change_connection': ('integrations.change_credentials', 'integrations.run_job'),
    'integrations.change_route': ('integrations.go_live', 'orders.add_routelook', 'orders.add_backfill'),
}


def make_roles(apps, schema_editor):
    roles.set_aside(apps)
    roles.grant(apps)
    carry_over(apps)


def carry_over(apps):
    permissions = apps.get_model('auth', 'Permission').objects
    for old, new in BEFORE.items():
        application, codename = old.split('.')
        given = permissions.get(content_type__app_label=application, codename=codename)
        more = [permissions.get(content_type__app_label=one.split('.')[0], codename=one.split('.')[1]) for one in new]
        for user in given.user_set.all():
            user.user_permissions.add(*more)
        for group in given.group_set.exclude(name__in=roles.NAMES):
            group.permissions.add(*more)


class Migration(migrations.Migration):

    # What the table of roles was when these groups were written: a change of it comes with a migration that grants anew.
    TABLE = '9b72715e3e3a435d'

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
        ('contenttypes', '0002_remove_content_type_name'),
        ('integrations', '0013_permissions'),
        ('inventory', '0012_permissions'),
        ('orders', '0013_submission_committed_at'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='order',
            options={'ordering': ['-ordered_at', '-pk'], 'permissions': [('short_ship', 'Can tell the marketplace that a line will not ship'), ('resend_order', 'Can send again what was refused or given up')]},
        ),
        migrations.RunPython(make_roles, migrations.RunPython.noop),
    ]
