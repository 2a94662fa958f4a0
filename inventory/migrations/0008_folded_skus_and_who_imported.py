import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from inventory.likeness import plain, plain_title

AT_ONCE = 1_000


def fill(apps, schema_editor):
    """What was there already is found like what comes."""
    items, aliases = apps.get_model('inventory', 'WarehouseItem'), apps.get_model('inventory', 'SkuAlias')
    for some in in_parts(items.objects.only('pk', 'sku', 'title')):
        for one in some:
            one.plain_sku, one.plain_title = plain(one.sku), plain_title(one.title)
        items.objects.bulk_update(some, ['plain_sku', 'plain_title'])
    for some in in_parts(aliases.objects.only('pk', 'marketplace_sku')):
        for one in some:
            one.plain_sku = plain(one.marketplace_sku)
        aliases.objects.bulk_update(some, ['plain_sku'])
    imports = apps.get_model('inventory', 'AliasImport')
    for pk, name, undoer in imports.objects.values_list('pk', 'user__username', 'undone_by__username'):
        imports.objects.filter(pk=pk).update(user_name=name or '', undone_by_name=undoer or '')


def in_parts(rows):
    """Lists of so many rows; by key, since what is read is written meanwhile."""
    last = 0
    while some := list(rows.filter(pk__gt=last).order_by('pk')[:AT_ONCE]):
        yield some
        last = some[-1].pk


class Migration(migrations.Migration):

    dependencies = [
        ('integrations', '0010_guard_settings'),
        ('inventory', '0007_guard'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveIndex(model_name='warehouseitem', name='item_by_plain_sku'),
        migrations.RemoveField(model_name='warehouseitem', name='plain_sku'),
        migrations.AddField(
            model_name='warehouseitem',
            name='plain_sku',
            field=models.CharField(default='', editable=False, max_length=360),
        ),
        migrations.AddField(
            model_name='warehouseitem',
            name='plain_title',
            field=models.CharField(default='', editable=False, max_length=200),
        ),
        migrations.AddField(
            model_name='skualias',
            name='plain_sku',
            field=models.CharField(default='', editable=False, max_length=360),
        ),
        migrations.AlterField(
            model_name='aliasimport',
            name='user',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='aliasimport',
            name='user_name',
            field=models.CharField(blank=True, help_text='Also of one who is gone. Empty: none.', max_length=150),
        ),
        migrations.AddField(
            model_name='aliasimport',
            name='undone_by_name',
            field=models.CharField(blank=True, max_length=150),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name='warehouseitem',
            index=models.Index(fields=['connection', 'plain_sku'], name='item_by_plain_sku'),
        ),
        migrations.AddIndex(
            model_name='warehouseitem',
            index=models.Index(fields=['connection', 'plain_title'], name='item_by_plain_title'),
        ),
        migrations.AddIndex(
            model_name='skualias',
            index=models.Index(fields=['connection', 'plain_sku'], name='alias_by_plain_sku'),
        ),
        migrations.AddIndex(
            model_name='listing',
            index=models.Index(fields=['route', 'upc'], name='listing_by_upc'),
        ),
    ]
