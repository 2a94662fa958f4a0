"""What we keep of a warehouse beyond its connection: its currencies, and how far the making of a company is."""

from __future__ import annotations

from django.db import models


class AccountCurrencies(models.Model):
    """The currencies of a warehouse's account, as it told them: code → id."""

    connection = models.OneToOneField("integrations.Connection", models.CASCADE, related_name="account_currencies")
    ids = models.JSONField(default=dict)
    read_at = models.DateTimeField()

    def __str__(self) -> str:
        return ", ".join(self.ids)


class CompanyRequest(models.Model):
    """The one intent to create a company in a warehouse; committed before anything is sent.

    `generation` goes into the idempotency key: one that was answered, or burnt, is not used again. `asked_at` is set
    while it is not known whether the company was created.
    """

    connection = models.ForeignKey("integrations.Connection", models.CASCADE, related_name="company_requests")
    name = models.CharField(max_length=120)
    generation = models.PositiveIntegerField(default=1)
    asked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "name"], name="company_request_once")]

    def __str__(self) -> str:
        return f"{self.name} in {self.connection}"
