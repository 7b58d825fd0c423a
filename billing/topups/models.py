"""Who is topped up automatically, and each time that it was tried."""

from datetime import timedelta
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from billing.accounts.models import Account
from billing.ids import ID_LENGTH_MAX, new_id
from billing.ledger.journal import AMOUNT_MAX_MICROS
from plans.models import CatalogVersion

STRIPE_ID_LENGTH_MAX = 255


def _top_up_id() -> str:
    return new_id("tu")


class AutoTopUp(models.Model):
    """What an account wants bought for it when its credits fall below a threshold.

    The row is the lock: whoever decides about the account's top-ups holds it.
    """

    class Stop(models.TextChoices):
        DECLINED = "declined", _("declined again and again")
        NO_CARD = "no_card", _("no saved card")
        NOT_FOR_SALE = "not_for_sale", _("not sold to it any more")
        REFUSED = "refused", _("refused by Stripe")

    account = models.OneToOneField(
        Account,
        on_delete=models.PROTECT,
        primary_key=True,
        related_name="auto_top_up",
        verbose_name=_("account"),
    )
    is_on = models.BooleanField(_("on"), default=False)
    threshold_micros = models.BigIntegerField(
        _("threshold"), help_text=_("Bought when fewer credits than this are free.")
    )
    pack = models.CharField(_("pack"), max_length=64)
    quantity = models.PositiveIntegerField(_("quantity"), default=1)
    limit_micros = models.BigIntegerField(_("monthly limit"))
    currency = models.CharField(_("currency"), max_length=3)
    failures = models.PositiveSmallIntegerField(
        _("declines"), default=0, help_text=_("In a row, since the last that was paid.")
    )
    retry_at = models.DateTimeField(
        _("not before"),
        null=True,
        blank=True,
        help_text=_("After a decline, or when the month's limit is reached."),
    )
    stopped = models.CharField(
        _("stopped"),
        max_length=16,
        choices=Stop,
        blank=True,
        default="",
        help_text=_("Why it was switched off for the account; empty: it was not."),
    )
    changed_at = models.DateTimeField(_("changed at"))

    class Meta:
        verbose_name = _("automatic top-up")
        verbose_name_plural = _("automatic top-ups")
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    threshold_micros__gt=0,
                    threshold_micros__lte=AMOUNT_MAX_MICROS,
                    quantity__gt=0,
                    limit_micros__gt=0,
                    currency__regex="^[A-Z]{3}$",
                ),
                name="auto_top_up_amounts_in_range",
            ),
            models.CheckConstraint(
                condition=Q(is_on=False) | Q(stopped=""), name="auto_top_up_is_on_or_stopped"
            ),
        ]
        indexes = [models.Index(fields=["account"], condition=Q(is_on=True), name="auto_top_up_on")]

    def __str__(self) -> str:
        return self.account_id


class TopUp(models.Model):
    """One purchase that was made, or tried, for an account that runs low.

    It is written before Stripe is asked; its id is the key of the request.
    """

    class State(models.TextChoices):
        ASKED = "asked", _("being paid")
        WAITING = "waiting", _("waits for its buyer")
        SUCCEEDED = "succeeded", _("succeeded")
        DECLINED = "declined", _("declined")

    # So long a top-up in flight is left to the errand that was posted for it.
    PAUSE: ClassVar = timedelta(minutes=5)

    id = models.CharField(
        _("id"), primary_key=True, max_length=ID_LENGTH_MAX, default=_top_up_id, editable=False
    )
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="top_ups", verbose_name=_("account")
    )
    pack = models.CharField(_("pack"), max_length=64)
    quantity = models.PositiveIntegerField(_("quantity"), default=1)
    catalog_version = models.ForeignKey(
        CatalogVersion,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("catalog version"),
    )
    currency = models.CharField(_("currency"), max_length=3)
    price_micros = models.BigIntegerField(_("price"))
    state = models.CharField(_("state"), max_length=16, choices=State, default=State.ASKED)
    page_id = models.CharField(
        _("page at Stripe"), max_length=STRIPE_ID_LENGTH_MAX, blank=True, default=""
    )
    page_url = models.CharField(_("page"), max_length=4000, blank=True, default="")
    page_expires_at = models.DateTimeField(_("page expires at"), null=True, blank=True)
    decline = models.CharField(
        _("reason"), max_length=64, blank=True, default="", help_text=_("The bank's word.")
    )
    created_at = models.DateTimeField(_("created at"), help_text=_("By the wallet's clock."))
    ring_at = models.DateTimeField(
        _("looked at again at"), null=True, blank=True, help_text=_("Empty: it has ended.")
    )
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    class Meta:
        verbose_name = _("top-up")
        verbose_name_plural = _("top-ups")
        constraints = [
            models.UniqueConstraint(
                fields=["account"],
                condition=Q(state__in=["asked", "waiting"]),
                name="top_up_one_in_flight",
            ),
            models.CheckConstraint(
                condition=Q(price_micros__gt=0, quantity__gt=0, currency__regex="^[A-Z]{3}$"),
                name="top_up_costs_something",
            ),
            models.CheckConstraint(
                condition=Q(state="asked", page_id="", ended_at=None, ring_at__isnull=False)
                | (Q(state="waiting", ended_at=None, ring_at__isnull=False) & ~Q(page_id=""))
                | Q(state__in=["succeeded", "declined"], ended_at__isnull=False, ring_at=None),
                name="top_up_state_matches_columns",
            ),
        ]
        indexes = [
            models.Index(fields=["account", "-id"], name="top_up_newest_first"),
            models.Index(
                fields=["ring_at"],
                condition=Q(state__in=["asked", "waiting"]),
                name="top_up_to_end",
            ),
            models.Index(
                fields=["created_at"], condition=~Q(state="succeeded"), name="top_up_paid_late"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk} ({self.state})"

    @property
    def fact(self) -> str:
        """The business fact of its purchase."""
        return f"stripe:{self.pk}"

    @property
    def is_in_flight(self) -> bool:
        """Whether it may still be paid."""
        return self.state in {TopUp.State.ASKED, TopUp.State.WAITING}
