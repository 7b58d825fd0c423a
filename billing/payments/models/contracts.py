"""Subscriptions and invoices as Stripe keeps them, as they were seen last."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from billing.accounts.models import Account
from billing.ids import new_id
from billing.payments.models.checkouts import Checkout
from billing.payments.models.fields import CurrencyField, IdField, StripeIdField
from billing.subscriptions.models import Subscription
from plans.models import CatalogVersion


def _contract_id() -> str:
    return new_id("ct")


class Contract(models.Model):
    """What Stripe collects for in each period. What it allows here is the subscription's."""

    class Status(models.TextChoices):
        INCOMPLETE = "incomplete", _("incomplete")
        INCOMPLETE_EXPIRED = "incomplete_expired", _("never paid")
        TRIALING = "trialing", _("on trial")
        ACTIVE = "active", _("active")
        PAST_DUE = "past_due", _("past due")
        UNPAID = "unpaid", _("unpaid")
        PAUSED = "paused", _("paused")
        CANCELED = "canceled", _("canceled")

    id = IdField(default=_contract_id)
    stripe_id = StripeIdField(verbose_name=_("id at Stripe"), unique=True)
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="contracts", verbose_name=_("account")
    )
    checkout = models.OneToOneField(
        Checkout,
        on_delete=models.PROTECT,
        related_name="contract",
        null=True,
        blank=True,
        verbose_name=_("checkout"),
    )
    subscription = models.ForeignKey(
        Subscription,
        on_delete=models.PROTECT,
        related_name="contracts",
        null=True,
        blank=True,
        verbose_name=_("subscription"),
        help_text=_("The one that it pays for; empty: it has not begun."),
    )
    catalog_version = models.ForeignKey(
        CatalogVersion,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("catalog version"),
    )
    plan = models.CharField(_("plan"), max_length=64)
    interval = models.CharField(_("interval"), max_length=32)
    currency = CurrencyField()
    book = models.CharField(_("price book"), max_length=64, blank=True, default="")
    seats = models.PositiveIntegerField(_("seats"), null=True, blank=True)
    price_micros = models.BigIntegerField(_("first price"))
    renewal_micros = models.BigIntegerField(_("renewal price"))
    status = models.CharField(_("status"), max_length=32, choices=Status)
    anchor_at = models.DateTimeField(
        _("anchor"), help_text=_("From which its periods are drawn, in UTC.")
    )
    period_starts_at = models.DateTimeField(_("period starts at"))
    period_ends_at = models.DateTimeField(_("period ends at"))
    trial_ends_at = models.DateTimeField(_("trial ends at"), null=True, blank=True)
    cancel_at = models.DateTimeField(
        _("ends at"), null=True, blank=True, help_text=_("Empty: goes on.")
    )
    paused_at = models.DateTimeField(_("paused since"), null=True, blank=True)
    past_due_at = models.DateTimeField(_("past due since"), null=True, blank=True)
    next_attempt_at = models.DateTimeField(
        _("collected again at"), null=True, blank=True, help_text=_("When Stripe tries again.")
    )
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    changes_to = models.CharField(
        _("changes to"), max_length=64, blank=True, default="", help_text=_("A plan.")
    )
    changes_interval = models.CharField(_("with interval"), max_length=32, blank=True, default="")
    changes_at = models.DateTimeField(_("changes at"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    superseded_at = models.DateTimeField(
        _("superseded at"),
        null=True,
        blank=True,
        help_text=_("The account had another by then: nothing is given for it, and it ends."),
    )
    card_seen_at = models.DateTimeField(
        _("card looked at"),
        null=True,
        blank=True,
        help_text=_("When it was last asked whether its card lasts until the next period."),
    )
    seen_at = models.DateTimeField(_("seen at"))

    class Meta:
        verbose_name = _("contract at Stripe")
        verbose_name_plural = _("contracts at Stripe")
        constraints = [
            models.CheckConstraint(
                condition=Q(period_ends_at__gte=F("period_starts_at")),
                name="contract_period_is_forward",
            ),
            models.CheckConstraint(
                condition=Q(price_micros__gte=0, renewal_micros__gte=0),
                name="contract_prices_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(changes_at=None, changes_to="")
                | (Q(changes_at__isnull=False) & ~Q(changes_to="")),
                name="contract_change_is_whole",
            ),
        ]
        indexes = [
            models.Index(fields=["account", "-id"], name="contract_newest_first"),
            models.Index(
                fields=["period_ends_at"], condition=Q(ended_at=None), name="contract_period_to_end"
            ),
            models.Index(
                fields=["superseded_at"],
                condition=Q(ended_at=None, superseded_at__isnull=False),
                name="contract_to_end_at_stripe",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.stripe_id} ({self.status})"


class Invoice(models.Model):
    """A bill of Stripe's, as it was seen last."""

    class Status(models.TextChoices):
        DRAFT = "draft", _("draft")
        OPEN = "open", _("to be paid")
        PAID = "paid", _("paid in full")
        VOID = "void", _("void")
        UNCOLLECTIBLE = "uncollectible", _("uncollectible")

    stripe_id = StripeIdField(verbose_name=_("id at Stripe"), primary_key=True)
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="invoices", verbose_name=_("account")
    )
    contract = models.ForeignKey(
        Contract,
        on_delete=models.PROTECT,
        related_name="invoices",
        null=True,
        blank=True,
        verbose_name=_("contract"),
    )
    number = models.CharField(_("number"), max_length=64, blank=True, default="")
    status = models.CharField(_("status"), max_length=16, choices=Status)
    reason = models.CharField(_("reason"), max_length=64, blank=True, default="")
    currency = CurrencyField()
    amount_micros = models.BigIntegerField(_("amount"))
    paid_micros = models.BigIntegerField(_("paid"), default=0)
    period_starts_at = models.DateTimeField(_("period starts at"), null=True, blank=True)
    period_ends_at = models.DateTimeField(_("period ends at"), null=True, blank=True)
    page_url = models.CharField(_("page"), max_length=4000, blank=True, default="")
    pdf_url = models.CharField(_("PDF"), max_length=4000, blank=True, default="")
    buyer = models.JSONField(
        _("made out to"),
        null=True,
        blank=True,
        help_text=_("The account's billing profile when it was paid; empty: it had none."),
    )
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    next_attempt_at = models.DateTimeField(_("collected again at"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"))
    paid_at = models.DateTimeField(_("paid at"), null=True, blank=True)
    seen_at = models.DateTimeField(_("seen at"))

    class Meta:
        verbose_name = _("invoice")
        verbose_name_plural = _("invoices")
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_micros__gte=0, paid_micros__gte=0),
                name="invoice_amounts_not_negative",
            ),
            models.CheckConstraint(
                condition=~Q(status="paid") | Q(paid_at__isnull=False), name="invoice_paid_once"
            ),
        ]
        indexes = [
            models.Index(fields=["account", "-created_at"], name="invoice_newest_first"),
            models.Index(fields=["created_at"], name="invoice_by_age"),
            models.Index(fields=["number"], name="invoice_by_number"),
        ]

    def __str__(self) -> str:
        return self.number or self.stripe_id
