from django.db import migrations, models

import integrations.authenticator
from integrations.authenticator import KEY_BYTES, prints_of, random_hex
from integrations.crypto import decrypt, encrypt


def encrypt_keys(apps, schema_editor):
    """Apps that were set up before go on working; their sessions are asked for a code once more."""
    App = apps.get_model('integrations', 'AuthenticatorApp')
    for device in apps.get_model('otp_totp', 'TOTPDevice').objects.all():
        values = {field.attname: getattr(device, field.attname) for field in device._meta.concrete_fields}
        values['key'] = random_hex(KEY_BYTES)
        App(totpdevice_ptr_id=device.pk, encrypted_key=encrypt(device.key), **values).save()


def decrypt_keys(apps, schema_editor):
    """The way back. Raises Misconfigured, and changes nothing, for a key that none of CREDENTIALS_KEYS fits."""
    for app in apps.get_model('integrations', 'AuthenticatorApp').objects.all():
        apps.get_model('otp_totp', 'TOTPDevice').objects.filter(pk=app.pk).update(key=decrypt(app.encrypted_key))


def print_codes(apps, schema_editor):
    for token in apps.get_model('otp_static', 'StaticToken').objects.all():
        token.token = prints_of(token.token)[0]
        token.save(update_fields=['token'])


def forget_codes(apps, schema_editor):
    """The way back: a fingerprint must not pass for a code. Their owners make new ones."""
    apps.get_model('otp_static', 'StaticToken').objects.all().delete()


class Migration(migrations.Migration):

    dependencies = [
        ('integrations', '0014_credential_expiry'),
        ('otp_static', '0003_add_timestamps'),
        ('otp_totp', '0003_add_timestamps'),
    ]

    operations = [
        migrations.CreateModel(
            name='AuthenticatorApp',
            fields=[
                ('totpdevice_ptr', models.OneToOneField(auto_created=True, on_delete=models.deletion.CASCADE, parent_link=True, primary_key=True, serialize=False, to='otp_totp.totpdevice')),
                ('encrypted_key', models.TextField(default=integrations.authenticator.new_key)),
            ],
            options={
                'default_permissions': (),
            },
            bases=('otp_totp.totpdevice',),
        ),
        migrations.CreateModel(
            name='RecoveryCodes',
            fields=[
            ],
            options={
                'proxy': True,
                'default_permissions': (),
                'indexes': [],
                'constraints': [],
            },
            bases=('otp_static.staticdevice',),
        ),
        migrations.RunPython(encrypt_keys, decrypt_keys),
        migrations.RunPython(print_codes, forget_codes),
    ]
