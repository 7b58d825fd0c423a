"""What was told of debts, and of accounts whose automatic grants were halted."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from billing.accounts.models import Account
from billing.corrections.models.fields import TEXT_LENGTH_MAX, IdField, OperatorField
from billing.ids import new_id
from billing.ledger.models import Debt


def _halt_id() -> str:
    return new_id("hlt")


class DebtNotice(models.Model):
    """That somebody was told when a debt began, and when it was paid: each once."""

    debt = models.OneToOneField(
        Debt,
        on_delete=models.PROTECT,
        primary_key=True,
        related_name="notice",
        verbose_name=_("debt"),
    )
    begun_told_at = models.DateTimeField(_("beginning told at"), null=True, blank=True)
    paid_told_at = models.DateTimeField(_("payment told at"), null=True, blank=True)

    class Meta:
        verbose_name = _("notice of a debt")
        verbose_name_plural = _("notices of debts")
        constraints = [
            models.CheckConstraint(
                condition=Q(paid_told_at=None) | Q(begun_told_at__isnull=False),
                name="debt_notice_begins_first",
            )
        ]

    def __str__(self) -> str:
        return self.debt_id


class Halt(models.Model):
    """The safety bound stopped what an account is given by itself, until somebody resumed it."""

    id = IdField(default=_halt_id)
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="halts", verbose_name=_("account")
    )
    halted_at = models.DateTimeField(_("halted at"), help_text=_("By the wallet's clock."))
    told_at = models.DateTimeField(_("told at"), null=True, blank=True)
    resumed_at = models.DateTimeField(
        _("resumed at"), null=True, blank=True, help_text=_("By the wallet's clock.")
    )
    operator = OperatorField(verbose_name=_("resumed by"), null=True, blank=True)
    reason = models.CharField(_("explanation"), max_length=TEXT_LENGTH_MAX, blank=True)

    class Meta:
        verbose_name = _("halt of grants")
        verbose_name_plural = _("halts of grants")
        permissions = [("resume_grants", "Can let an account have automatic grants again")]
        constraints = [
            models.UniqueConstraint(fields=["account", "halted_at"], name="halt_once_an_instant"),
            models.CheckConstraint(
                condition=Q(resumed_at=None, operator=None, reason="")
                | Q(resumed_at__gte=F("halted_at"), operator__isnull=False) & ~Q(reason=""),
                name="halt_is_resumed_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return self.pk
