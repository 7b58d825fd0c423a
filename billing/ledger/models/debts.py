"""Debts: what was spent and is owed all the same."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from billing.ledger import labels
from billing.ledger.journal import ACTORS, AMOUNT_MAX_MICROS, CAUSES
from billing.ledger.models.fields import IdField, _debt_id
from billing.ledger.models.wallets import Grant, Wallet


class Debt(models.Model):
    """Credits that an account owes; what arrives next pays them, and nothing is held meanwhile."""

    id = IdField(default=_debt_id)
    wallet = models.ForeignKey(
        Wallet,
        on_delete=models.PROTECT,
        related_name="debts",
        db_index=False,
        verbose_name=_("wallet"),
    )
    grant = models.ForeignKey(
        Grant,
        on_delete=models.PROTECT,
        related_name="debts",
        null=True,
        blank=True,
        verbose_name=_("grant"),
        help_text=_("The grant that was taken back after it was spent; empty: none."),
    )
    fact = models.CharField(
        _("business fact"),
        max_length=255,
        help_text=_("The business fact behind it; a wallet has one debt for each."),
    )
    amount_micros = models.BigIntegerField(_("amount"))
    paid_micros = models.BigIntegerField(_("paid"), default=0)
    cause_type = models.CharField(_("cause"), max_length=16, choices=labels.CAUSES)
    cause_id = models.CharField(_("id of the cause"), max_length=128)
    actor_type = models.CharField(_("actor"), max_length=16, choices=labels.ACTORS)
    actor_id = models.CharField(_("id of the actor"), max_length=150)
    created_at = models.DateTimeField(_("created at"))
    paid_at = models.DateTimeField(
        _("paid at"), null=True, blank=True, help_text=_("Empty: something is still owed.")
    )

    class Meta:
        verbose_name = _("debt")
        verbose_name_plural = _("debts")
        constraints = [
            models.UniqueConstraint(fields=["wallet", "fact"], name="debt_fact_once"),
            models.CheckConstraint(
                condition=Q(amount_micros__gt=0, amount_micros__lte=AMOUNT_MAX_MICROS),
                name="debt_amount_in_range",
            ),
            models.CheckConstraint(
                condition=Q(paid_micros__gte=0, paid_micros__lt=F("amount_micros"), paid_at=None)
                | Q(paid_micros=F("amount_micros"), paid_at__isnull=False),
                name="debt_is_paid_when_nothing_is_owed",
            ),
            models.CheckConstraint(
                condition=Q(cause_type__in=CAUSES) & ~Q(cause_id=""), name="debt_has_a_cause"
            ),
            models.CheckConstraint(
                condition=Q(actor_type__in=ACTORS) & ~Q(actor_id=""), name="debt_has_an_actor"
            ),
        ]
        indexes = [models.Index(fields=["wallet"], condition=Q(paid_at=None), name="debt_open")]

    def __str__(self) -> str:
        return self.pk
