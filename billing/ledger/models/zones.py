"""Whose days and months count for a wallet, and since when it was wished so."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from billing.ledger.models.wallets import Wallet


class ZoneChange(models.Model):
    """The account moved to another zone; written once, never changed.

    It counts from the end of each window that is under way at `at`, by `plans.periods`: all
    windows that ever were can be drawn again from these rows.
    """

    wallet = models.ForeignKey(
        Wallet,
        on_delete=models.PROTECT,
        related_name="zone_changes",
        db_index=False,
        verbose_name=_("wallet"),
    )
    former = models.CharField(_("former time zone"), max_length=64)
    zone = models.CharField(_("time zone"), max_length=64)
    at = models.DateTimeField(
        _("wished at"), help_text=_("It counts from the end of each window under way then.")
    )

    class Meta:
        verbose_name = _("change of zone")
        verbose_name_plural = _("changes of zone")
        constraints = [
            models.CheckConstraint(condition=~Q(zone=F("former")), name="zone_change_changes")
        ]
        indexes = [models.Index(fields=["wallet", "id"], name="zone_change_of_wallet")]

    def __str__(self) -> str:
        return f"{self.former} → {self.zone}"
