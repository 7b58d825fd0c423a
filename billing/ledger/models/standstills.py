"""When a wallet was given nothing by itself, so that its past can be told."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from billing.ledger.models.wallets import Wallet


class Standstill(models.Model):
    """A halt of automatic grants that is over; one that lasts stands in the wallet's row."""

    wallet = models.ForeignKey(
        Wallet,
        on_delete=models.PROTECT,
        related_name="standstills",
        db_index=False,
        verbose_name=_("wallet"),
    )
    halted_at = models.DateTimeField(_("halted at"))
    resumed_at = models.DateTimeField(_("resumed at"))

    class Meta:
        verbose_name = _("halt that is over")
        verbose_name_plural = _("halts that are over")
        constraints = [
            models.UniqueConstraint(
                fields=["wallet", "halted_at"], name="standstill_once_an_instant"
            ),
            models.CheckConstraint(
                condition=Q(resumed_at__gte=F("halted_at")), name="standstill_ends_after_it_begins"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.wallet_id} {self.halted_at}"
