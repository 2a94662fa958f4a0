"""What a connection holds as an OAuth application: who it is, its tokens, and who is renewing them just now."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import models, transaction
from django.db.models import F, Q
from django.utils import timezone

from integrations import processes
from integrations.account import Application, TokenPair
from integrations.crypto import decrypt, encrypt

# Renewed so long before its end, so that a short outage of the other side's sign-in goes unnoticed …
EARLY = timedelta(minutes=5)
# … but a short-lived one not for most of its life; and never handed out for less than a request may take to arrive.
LEAST_LEFT = timedelta(seconds=30)
# Above what a renewal can take (`tradegecko.oauth`): then the one who holds the claim is not coming back.
CLAIM_LASTS = timedelta(minutes=2)
# How exact it is kept when a web-hook last came: many come at a time.
WEBHOOK_GRAIN = timedelta(seconds=30)


class OAuthGrant(models.Model):
    """One per connection that signs in as an OAuth application.

    `generation` grows with each change of application or tokens. A renewal is claimed in one UPDATE, which locks the
    row, and commits; the request runs outside any transaction; what it gave is stored if the generation is still the
    one whose refresh token it used up. So nobody uses tokens that are not stored, and nobody overwrites newer ones.
    """

    connection = models.OneToOneField("integrations.Connection", models.CASCADE, related_name="oauth")
    application = models.CharField(max_length=200)
    encrypted_secret = models.TextField()
    redirect_uri = models.CharField(max_length=500, blank=True)
    encrypted_access = models.TextField(blank=True)
    encrypted_refresh = models.TextField(blank=True)
    expires_at = models.DateTimeField(null=True)
    renewed_at = models.DateTimeField(null=True)
    retry_at = models.DateTimeField(null=True)
    generation = models.PositiveIntegerField(default=1)
    claimed_by = models.CharField(max_length=200, blank=True)
    claimed_at = models.DateTimeField(null=True)
    webhook_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"application {self.application} of {self.connection}"

    @property
    def is_authorized(self) -> bool:
        return bool(self.encrypted_refresh)

    @property
    def access_token(self) -> str:
        return decrypt(self.encrypted_access) if self.encrypted_access else ""

    @property
    def refresh_token(self) -> str:
        return decrypt(self.encrypted_refresh) if self.encrypted_refresh else ""

    def as_application(self, redirect_uri: str = "") -> Application:
        return Application(self.application, decrypt(self.encrypted_secret), redirect_uri or self.redirect_uri)

    def lives(self, now: datetime) -> bool:
        """Whether the other side should still accept the access token."""
        return bool(self.encrypted_access) and self.expires_at is not None and self.expires_at > now

    def is_due(self, now: datetime) -> bool:
        """Whether it is time to renew the access token."""
        if not self.lives(now) or self.expires_at is None or self.renewed_at is None:
            return True
        early = min(EARLY, (self.expires_at - self.renewed_at) / 4)
        return self.expires_at - now < max(early, LEAST_LEFT)

    def note_webhook(self) -> None:
        """Something came that was signed with the application's secret."""
        now = timezone.now()
        if self.webhook_at is None or self.webhook_at < now - WEBHOOK_GRAIN:
            type(self)._default_manager.filter(pk=self.pk).update(webhook_at=now)

    # --- renewing ---------------------------------------------------------------------------------------------------

    def claim(self) -> bool:
        """Take the renewal of this generation for the calling thread, unless somebody alive is at it."""
        now = timezone.now()
        is_free = Q(claimed_at=None)
        if self.claimed_at and (self.claimed_at < now - CLAIM_LASTS or processes.is_gone(self.claimed_by)):
            is_free |= Q(claimed_at=self.claimed_at, claimed_by=self.claimed_by)
        owner = processes.own_name()
        with transaction.atomic(durable=True):
            taken = self._same_generation().filter(is_free).update(claimed_at=now, claimed_by=owner)
        if taken:
            self.claimed_at, self.claimed_by = now, owner
        return bool(taken)

    def release(self, *, retry_at: datetime | None = None) -> None:
        """Give the claim back, if it is still ours; before `retry_at` nobody need ask."""
        mine = type(self)._default_manager.filter(
            pk=self.pk, claimed_at=self.claimed_at, claimed_by=self.claimed_by
        )  # fmt: skip
        mine.update(claimed_at=None, claimed_by="", retry_at=retry_at)

    def keep(self, pair: TokenPair, *, redirect_uri: str = "") -> bool:
        """Store what was given for this generation, and commit; False when the generation is over."""
        values = {
            "encrypted_access": encrypt(pair.access), "expires_at": pair.expires_at, "renewed_at": timezone.now(),
            "encrypted_refresh": encrypt(pair.refresh) if pair.refresh else self.encrypted_refresh,
            "redirect_uri": redirect_uri or self.redirect_uri, "claimed_at": None, "claimed_by": "", "retry_at": None,
        }  # fmt: skip
        with transaction.atomic(durable=True):
            return bool(self._same_generation().update(generation=F("generation") + 1, **values))

    def _same_generation(self) -> models.QuerySet[OAuthGrant]:
        return type(self)._default_manager.filter(pk=self.pk, generation=self.generation)
