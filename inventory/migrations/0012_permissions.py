from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('inventory', '0011_listing_pages'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='publication',
            options={'ordering': ['-created_at', '-pk'], 'permissions': [('resend_publication', 'Can send again quantities that were refused or given up')]},
        ),
    ]
