"""The record of packs: what was bought, for how much, and since when it is in effect."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from billing.accounts.models import Account
from billing.ids import ID_LENGTH_MAX, new_id
from billing.ledger.models import Grant
from plans.models import CatalogVersion


def _purchase_id() -> str:
    return new_id("pp")


class PackPurchase(models.Model):
    """So many of one pack, bought or given at once, with the terms that it had then.

    Its credits are grants of the ledger from its activation on; before that there are none.
    """

    id = models.CharField(
        _("id"), primary_key=True, max_length=ID_LENGTH_MAX, default=_purchase_id, editable=False
    )
    account = models.ForeignKey(
        Account,
        on_delete=models.PROTECT,
        related_name="pack_purchases",
        db_index=False,
        verbose_name=_("account"),
    )
    catalog_version = models.ForeignKey(
        CatalogVersion,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("catalog version"),
    )
    pack = models.CharField(_("pack"), max_length=64)
    quantity = models.PositiveIntegerField(_("quantity"))
    fact = models.CharField(
        _("business fact"),
        max_length=200,
        help_text=_("The business fact behind it; an account has one purchase for each."),
    )
    credits_micros = models.BigIntegerField(_("amount"))
    bonus_micros = models.BigIntegerField(_("bonus"), default=0)
    paid_micros = models.BigIntegerField(_("paid"), default=0, help_text=_("For all of them."))
    paid_currency = models.CharField(_("currency"), max_length=3, blank=True)
    concurrency = models.PositiveIntegerField(
        _("jobs at once"), null=True, blank=True, help_text=_("While its credits last.")
    )
    concurrency_more = models.PositiveIntegerField(
        _("more jobs at once"), default=0, help_text=_("While its credits last.")
    )
    is_while_subscribed = models.BooleanField(
        _("while subscribed"),
        default=False,
        help_text=_("Its credits end with the account's subscription."),
    )
    grant = models.OneToOneField(
        Grant,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("grant"),
    )
    bonus_grant = models.OneToOneField(
        Grant,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("grant of the bonus"),
    )
    bought_at = models.DateTimeField(_("bought at"))
    activate_by = models.DateTimeField(
        _("activated by"),
        null=True,
        blank=True,
        help_text=_("When it comes into effect by itself; empty: it did so at once."),
    )
    activated_at = models.DateTimeField(_("activated at"), null=True, blank=True)
    expires_at = models.DateTimeField(
        _("expires at"), null=True, blank=True, help_text=_("Empty: not yet active, or stays.")
    )

    class Meta:
        verbose_name = _("pack purchase")
        verbose_name_plural = _("pack purchases")
        constraints = [
            models.UniqueConstraint(fields=["account", "fact"], name="pack_purchase_fact_once"),
            models.CheckConstraint(
                condition=Q(quantity__gt=0, credits_micros__gt=0, bonus_micros__gte=0),
                name="pack_purchase_amounts_in_range",
            ),
            models.CheckConstraint(
                condition=Q(paid_micros=0, paid_currency="")
                | Q(paid_micros__gt=0, paid_currency__regex="^[A-Z]{3}$"),
                name="pack_purchase_paid_in_a_currency",
            ),
            models.CheckConstraint(
                condition=Q(
                    activated_at=None,
                    activate_by__isnull=False,
                    grant=None,
                    bonus_grant=None,
                    expires_at=None,
                )
                | Q(activated_at__isnull=False, grant__isnull=False)
                & (
                    Q(bonus_micros=0, bonus_grant=None)
                    | Q(bonus_micros__gt=0, bonus_grant__isnull=False)
                ),
                name="pack_purchase_is_active_with_its_grants",
            ),
            models.CheckConstraint(
                condition=Q(activated_at=None)
                | Q(activate_by=None, activated_at=F("bought_at"))
                | Q(activated_at__gte=F("bought_at"), activated_at__lte=F("activate_by")),
                name="pack_purchase_is_activated_in_time",
            ),
            models.CheckConstraint(
                condition=Q(activate_by=None) | Q(activate_by__gt=F("bought_at")),
                name="pack_purchase_can_be_activated",
            ),
            models.CheckConstraint(
                condition=Q(expires_at=None) | Q(expires_at__gt=F("activated_at")),
                name="pack_purchase_expires_after_it_begins",
            ),
        ]
        indexes = [
            models.Index(fields=["account", "-id"], name="pack_purchase_newest_first"),
            models.Index(
                fields=["activate_by"], condition=Q(activated_at=None), name="pack_purchase_waiting"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} of {self.pack}"

    @property
    def is_active(self) -> bool:
        """Whether its credits have come into effect."""
        return self.activated_at is not None
