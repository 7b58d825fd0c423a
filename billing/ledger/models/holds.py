"""Holds, and which grants they took from."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from billing.ledger.journal import AMOUNT_MAX_MICROS
from billing.ledger.models.fields import IdField, _hold_id
from billing.ledger.models.wallets import Grant, Wallet


class Hold(models.Model):
    """Credits set aside for one piece of work, until it is captured or released.

    Of work that costs nothing none are set aside; its hold begins and ends all the same.
    """

    class State(models.TextChoices):
        OPEN = "open", _("open")
        CAPTURED = "captured", _("captured")
        RELEASED = "released", _("released")
        EXPIRED = "expired", _("expired")

    id = IdField(default=_hold_id)
    wallet = models.ForeignKey(
        Wallet, on_delete=models.PROTECT, related_name="holds", verbose_name=_("wallet")
    )
    reference = models.CharField(
        _("pays for"), max_length=64, help_text=_('What it is for: "job:<id>" or "change:<id>".')
    )
    state = models.CharField(_("state"), max_length=16, choices=State, default=State.OPEN)
    amount_micros = models.BigIntegerField(_("amount"))
    captured_micros = models.BigIntegerField(_("captured"), default=0)
    created_at = models.DateTimeField(_("created at"))
    expires_at = models.DateTimeField(
        _("expires at"),
        null=True,
        blank=True,
        help_text=_("Released by itself then; empty: it ends by a verdict only."),
    )
    settled_at = models.DateTimeField(_("settled at"), null=True, blank=True)

    class Meta:
        verbose_name = _("hold")
        verbose_name_plural = _("holds")
        constraints = [
            models.UniqueConstraint(fields=["wallet", "reference"], name="hold_reference_once"),
            models.CheckConstraint(
                condition=Q(amount_micros__gte=0, amount_micros__lte=AMOUNT_MAX_MICROS),
                name="hold_amount_in_range",
            ),
            models.CheckConstraint(
                condition=Q(captured_micros__gte=0, captured_micros__lte=F("amount_micros")),
                name="hold_captured_within_amount",
            ),
            models.CheckConstraint(
                condition=Q(state="open", captured_micros=0, settled_at=None)
                | (
                    Q(state="captured", settled_at__isnull=False)
                    # What costs nothing is captured with nothing.
                    & (Q(captured_micros__gt=0) | Q(captured_micros=0, amount_micros=0))
                )
                | Q(state="released", captured_micros=0, settled_at__isnull=False)
                | Q(state="expired", captured_micros=0, expires_at=F("settled_at")),
                name="hold_state_matches_columns",
            ),
            models.CheckConstraint(
                condition=Q(expires_at=None) | Q(expires_at__gt=F("created_at")),
                name="hold_expires_after_it_begins",
            ),
        ]
        indexes = [
            models.Index(fields=["wallet"], condition=Q(state="open"), name="hold_open"),
            models.Index(
                fields=["wallet"],
                condition=Q(state="open", expires_at__isnull=False),
                name="hold_open_with_an_end",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk} ({self.reference})"


class Allocation(models.Model):
    """Which grant gave how much to a hold, in the order in which they are captured."""

    hold = models.ForeignKey(
        Hold, on_delete=models.PROTECT, related_name="allocations", verbose_name=_("hold")
    )
    grant = models.ForeignKey(
        Grant, on_delete=models.PROTECT, related_name="allocations", verbose_name=_("grant")
    )
    wallet = models.ForeignKey(
        Wallet, on_delete=models.PROTECT, related_name="+", db_index=False, verbose_name=_("wallet")
    )
    position = models.SmallIntegerField(_("position"))
    amount_micros = models.BigIntegerField(_("amount"))
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("allocation")
        verbose_name_plural = _("allocations")
        constraints = [
            models.UniqueConstraint(fields=["hold", "position"], name="allocation_in_order"),
            models.CheckConstraint(
                condition=Q(amount_micros__gt=0), name="allocation_amount_positive"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.hold_id} #{self.position}"
