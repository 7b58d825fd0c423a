"""Which plan an account is on, and since when."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from billing.accounts.models import Account
from billing.ids import ID_LENGTH_MAX, new_id
from plans.models import CatalogVersion


def _subscription_id() -> str:
    return new_id("sub")


class Subscription(models.Model):
    """An account's time on one plan; open while it lasts. No open one means the free plan."""

    id = models.CharField(
        _("id"),
        primary_key=True,
        max_length=ID_LENGTH_MAX,
        default=_subscription_id,
        editable=False,
    )
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="subscriptions", verbose_name=_("account")
    )
    catalog_version = models.ForeignKey(
        CatalogVersion,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("catalog version"),
    )
    plan = models.CharField(_("plan"), max_length=64)
    started_at = models.DateTimeField(_("started at"))
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    class Meta:
        verbose_name = _("subscription")
        verbose_name_plural = _("subscriptions")
        constraints = [
            models.UniqueConstraint(
                fields=["account"], condition=Q(ended_at=None), name="subscription_open_once"
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None) | Q(ended_at__gte=F("started_at")),
                name="subscription_ends_after_it_starts",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} ({self.plan})"
