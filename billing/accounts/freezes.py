"""Accounts that operators have frozen, and who let them go on."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from billing.accounts.models import Account
from billing.ids import ID_LENGTH_MAX, new_id

REASON_LENGTH_MAX = 500


def _freeze_id() -> str:
    return new_id("frz")


class Freeze(models.Model):
    """An account orders nothing and lets no credits go, from an instant until an operator ends it.

    What it has under way ends and is settled, and it may read all that is its own. It is lifted
    once; the next one is another row.
    """

    id = models.CharField(
        _("id"), primary_key=True, max_length=ID_LENGTH_MAX, default=_freeze_id, editable=False
    )
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="freezes", verbose_name=_("account")
    )
    reason = models.CharField(_("reason"), max_length=REASON_LENGTH_MAX)
    operator = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        verbose_name=_("frozen by"),
    )
    frozen_at = models.DateTimeField(_("frozen at"))
    lift_reason = models.CharField(
        _("why it was lifted"), max_length=REASON_LENGTH_MAX, blank=True, default=""
    )
    lifted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        null=True,
        blank=True,
        verbose_name=_("lifted by"),
    )
    lifted_at = models.DateTimeField(
        _("lifted at"), null=True, blank=True, help_text=_("Empty: it is frozen.")
    )

    class Meta:
        verbose_name = _("freeze")
        verbose_name_plural = _("freezes")
        default_permissions = ("view",)
        permissions = [("freeze_account", "Can freeze accounts, and let them go on")]
        constraints = [
            models.UniqueConstraint(
                fields=["account"], condition=Q(lifted_at=None), name="freeze_once_at_a_time"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="freeze_has_a_reason"),
            models.CheckConstraint(
                condition=Q(lifted_at=None, lifted_by=None, lift_reason="")
                | Q(lifted_at__gte=F("frozen_at"), lifted_by__isnull=False) & ~Q(lift_reason=""),
                name="freeze_is_lifted_by_somebody_for_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} {self.pk}"
