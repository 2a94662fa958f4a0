"""What the warehouse's bundles consist of: items that take the stock of other items."""

from __future__ import annotations

from django.db import models

from integrations.models import Connection


class BundleComponent(models.Model):
    """`units` of an item in one bundle, or in bundles inside it, as the warehouse told them last."""

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="bundle_components")
    bundle_id = models.CharField(max_length=40)
    item_id = models.CharField(max_length=40)
    sku = models.CharField(max_length=120, verbose_name="SKU")
    units = models.DecimalField(max_digits=14, decimal_places=4)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "bundle_id", "item_id"], name="bundle_component_once")
        ]

    def __str__(self) -> str:
        return f"{self.units.normalize():f} × {self.sku or self.item_id} in bundle {self.bundle_id}"


class BundleReading(models.Model):
    """When a warehouse was last asked what its bundles consist of."""

    connection = models.OneToOneField(Connection, models.CASCADE, related_name="bundle_reading")
    read_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"bundles of {self.connection}"
