from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('integrations', '0012_files_and_history'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='connection',
            options={'ordering': ['name'], 'permissions': [('change_credentials', 'Can enter what a connection signs in with, and authorize it'), ('run_job', 'Can test connections and run their jobs now')]},
        ),
        migrations.AlterModelOptions(
            name='route',
            options={'ordering': ['name'], 'permissions': [('go_live', 'Can set a route live')]},
        ),
    ]
