from django.conf import settings
from django.db import migrations

from orders import roles


def make_roles(apps, schema_editor):
    roles.set_aside(apps)
    roles.grant(apps)


class Migration(migrations.Migration):

    # What the table of roles was when these groups were written: a change of it comes with a migration that grants anew.
    TABLE = '2d05e6688fc569e3'

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
        ('contenttypes', '0002_remove_content_type_name'),
        ('integrations', '0011_permissions'),
        ('inventory', '0008_permissions'),
        ('orders', '0010_mapping'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='order',
            options={'ordering': ['-ordered_at', '-pk'], 'permissions': [('short_ship', 'Can tell the marketplace that a line will not ship'), ('resend_order', 'Can send again what was refused or given up')]},
        ),
        migrations.RunPython(make_roles, migrations.RunPython.noop),
    ]
