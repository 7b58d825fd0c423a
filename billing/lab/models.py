"""Whom an announced catalog was told of: one row an account, so that nobody is told twice."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from billing.accounts.models import Account
from plans.models import PublicationRequest


class AnnouncedTo(models.Model):
    """An account that is to be told what a catalog will change; and told again if it will not."""

    request = models.ForeignKey(
        PublicationRequest,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        verbose_name=_("request to publish"),
    )
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="+", verbose_name=_("account")
    )
    told_at = models.DateTimeField(
        _("told at"), null=True, blank=True, help_text=_("Empty: not yet.")
    )
    recalled_at = models.DateTimeField(
        _("told at that it will not be"), null=True, blank=True, help_text=_("Empty: it was not.")
    )

    class Meta:
        verbose_name = _("account told of a catalog")
        verbose_name_plural = _("accounts told of catalogs")
        constraints = [
            models.UniqueConstraint(
                fields=["request", "account"], name="announced_to_once_an_account"
            ),
            models.CheckConstraint(
                condition=Q(recalled_at=None) | Q(told_at__isnull=False),
                name="announced_to_is_recalled_after_it_was_told",
            ),
        ]
        indexes = [
            models.Index(
                fields=["request", "id"], condition=Q(told_at=None), name="announced_to_open"
            ),
            models.Index(
                fields=["request", "id"],
                condition=Q(told_at__isnull=False, recalled_at=None),
                name="announced_to_was_told",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.request_id} {self.account_id}"
