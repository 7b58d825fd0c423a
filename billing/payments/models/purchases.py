"""Money that came, and what of it went back."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from billing.accounts.models import Account
from billing.ids import new_id
from billing.packs.models import PackPurchase
from billing.payments.models.contracts import Contract, Invoice
from billing.payments.models.fields import (
    FACT_LENGTH_MAX,
    TEXT_LENGTH_MAX,
    CurrencyField,
    IdField,
    OperatorField,
    StripeIdField,
)
from billing.subscriptions.models import Subscription


def _purchase_id() -> str:
    return new_id("pu")


def _refund_id() -> str:
    return new_id("rf")


class Purchase(models.Model):
    """Money that came through Stripe, for one business fact, and the credits that it brought.

    `taken_micros` follows `refunded_micros` and `disputed_micros`, whatever order they came in.
    """

    class Kind(models.TextChoices):
        PACK = "pack", _("pack")
        PLAN = "plan", _("period of a plan")
        CHANGE = "change", _("change of plan")
        TOP_UP = "top_up", _("automatic top-up")

    id = IdField(default=_purchase_id)
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="purchases", verbose_name=_("account")
    )
    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    fact = models.CharField(_("business fact"), max_length=FACT_LENGTH_MAX)
    stripe_id = StripeIdField(
        verbose_name=_("payment at Stripe"), help_text=_("Of a bill without a payment its own.")
    )
    invoice = models.ForeignKey(
        Invoice,
        on_delete=models.PROTECT,
        related_name="purchases",
        null=True,
        blank=True,
        verbose_name=_("invoice"),
    )
    pack_purchase = models.OneToOneField(
        PackPurchase,
        on_delete=models.PROTECT,
        related_name="purchase",
        null=True,
        blank=True,
        verbose_name=_("pack purchase"),
    )
    contract = models.ForeignKey(
        Contract,
        on_delete=models.PROTECT,
        related_name="purchases",
        null=True,
        blank=True,
        verbose_name=_("contract"),
    )
    subscription = models.ForeignKey(
        Subscription,
        on_delete=models.PROTECT,
        related_name="purchases",
        null=True,
        blank=True,
        verbose_name=_("subscription"),
    )
    currency = CurrencyField()
    amount_micros = models.BigIntegerField(_("paid"))
    period_starts_at = models.DateTimeField(_("period starts at"), null=True, blank=True)
    period_ends_at = models.DateTimeField(_("period ends at"), null=True, blank=True)
    refunded_micros = models.BigIntegerField(_("refunded"), default=0)
    disputed_micros = models.BigIntegerField(
        _("disputed"), default=0, help_text=_("In disputes that are open or lost.")
    )
    credited_micros = models.BigIntegerField(
        _("credits"), default=0, help_text=_("What it has brought so far, the bonus with it.")
    )
    taken_micros = models.BigIntegerField(
        _("credits taken back"), default=0, help_text=_("Revoked, or owed.")
    )
    paid_at = models.DateTimeField(_("paid at"))
    recorded_at = models.DateTimeField(_("recorded at"))

    class Meta:
        verbose_name = _("purchase")
        verbose_name_plural = _("purchases")
        constraints = [
            models.UniqueConstraint(fields=["fact"], name="purchase_fact_once"),
            models.UniqueConstraint(fields=["stripe_id"], name="purchase_stripe_id_once"),
            models.CheckConstraint(
                condition=Q(amount_micros__gte=0, currency__regex="^[A-Z]{3}$"),
                name="purchase_amount_in_a_currency",
            ),
            models.CheckConstraint(
                condition=Q(refunded_micros__gte=0, refunded_micros__lte=F("amount_micros")),
                name="purchase_refunded_within_paid",
            ),
            models.CheckConstraint(
                condition=Q(disputed_micros__gte=0, disputed_micros__lte=F("amount_micros")),
                name="purchase_disputed_within_paid",
            ),
            models.CheckConstraint(
                condition=Q(taken_micros__gte=0, taken_micros__lte=F("credited_micros")),
                name="purchase_taken_within_credited",
            ),
        ]
        indexes = [
            models.Index(fields=["account", "-id"], name="purchase_newest_first"),
            models.Index(fields=["paid_at"], name="purchase_by_time"),
            models.Index(
                fields=["period_ends_at", "period_starts_at"],
                condition=Q(period_ends_at__isnull=False),
                name="purchase_by_period",
            ),
            models.Index(
                fields=["period_ends_at"],
                condition=Q(refunded_micros__gt=0) | Q(disputed_micros__gt=0),
                name="purchase_partly_back",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class Refund(models.Model):
    """Money that goes back, asked for here by one person and approved by another, or at Stripe."""

    class State(models.TextChoices):
        REQUESTED = "requested", _("requested")
        APPROVED = "approved", _("approved")
        SENT = "sent", _("sent")
        SUCCEEDED = "succeeded", _("succeeded")
        FAILED = "failed", _("failed")
        REFUSED = "refused", _("refused")
        WITHDRAWN = "withdrawn", _("withdrawn")

    class Source(models.TextChoices):
        OPERATOR = "operator", _("operator")
        SERVICE = "service", _("platform")
        STRIPE = "stripe", _("at Stripe")

    class Rule(models.TextChoices):
        COOLING_OFF = "cooling_off", _("cooling-off")
        GOODWILL = "goodwill", _("goodwill")
        NOT_GIVEN = "not_given", _("could not be given")

    id = IdField(default=_refund_id)
    purchase = models.ForeignKey(
        Purchase, on_delete=models.PROTECT, related_name="refunds", verbose_name=_("purchase")
    )
    key = models.CharField(
        _("key"), max_length=FACT_LENGTH_MAX, help_text=_("One key, one refund.")
    )
    stripe_id = StripeIdField(verbose_name=_("id at Stripe"), blank=True, default="")
    amount_micros = models.BigIntegerField(_("amount"))
    state = models.CharField(_("state"), max_length=16, choices=State)
    source = models.CharField(_("asked for by"), max_length=16, choices=Source)
    rule = models.CharField(_("rule"), max_length=16, choices=Rule, blank=True, default="")
    takes_micros = models.BigIntegerField(
        _("credits taken"),
        null=True,
        blank=True,
        help_text=_("What was agreed on; empty: as large a share as of the money."),
    )
    reason = models.CharField(_("reason"), max_length=64)
    text = models.CharField(_("explanation"), max_length=TEXT_LENGTH_MAX, blank=True, default="")
    failure = models.CharField(_("failure"), max_length=TEXT_LENGTH_MAX, blank=True, default="")
    requester = OperatorField(verbose_name=_("requested by"), null=True, blank=True)
    approver = OperatorField(verbose_name=_("decided by"), null=True, blank=True)
    requested_at = models.DateTimeField(_("requested at"))
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    class Meta:
        verbose_name = _("refund")
        verbose_name_plural = _("refunds")
        permissions = [
            ("request_refund", "Can request refunds"),
            ("approve_refund", "Can approve and refuse refunds of others"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["key"], name="refund_key_once"),
            models.UniqueConstraint(
                fields=["stripe_id"], condition=~Q(stripe_id=""), name="refund_stripe_id_once"
            ),
            models.CheckConstraint(condition=Q(amount_micros__gt=0), name="refund_of_something"),
            models.CheckConstraint(
                condition=Q(takes_micros=None) | Q(takes_micros__gte=0, rule="cooling_off"),
                name="refund_takes_what_its_rule_says",
            ),
            models.CheckConstraint(
                condition=Q(approver=None) | Q(requester=None) | ~Q(requester=F("approver")),
                name="refund_is_decided_by_another",
            ),
            models.CheckConstraint(
                condition=~Q(source="operator") | Q(requester__isnull=False),
                name="refund_of_an_operator_names_him",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["approved", "sent", "succeeded"], source="operator")
                | Q(approver__isnull=False),
                name="refund_of_an_operator_needs_another",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["approved", "sent", "succeeded"], source="service")
                | Q(rule__in=["cooling_off", "not_given"])
                | Q(approver__isnull=False),
                name="refund_by_no_rule_needs_a_person",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["sent", "succeeded"]) | ~Q(stripe_id=""),
                name="refund_that_was_sent_is_known",
            ),
        ]
        indexes = [
            models.Index(fields=["purchase"], name="refund_of_purchase"),
            models.Index(Coalesce("decided_at", "requested_at"), name="refund_by_decision"),
            models.Index(
                fields=["ended_at"], condition=Q(state="failed"), name="refund_by_failure"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk} ({self.state})"

    @property
    def currency(self) -> str:
        """The payment's."""
        return self.purchase.currency


class Dispute(models.Model):
    """A payment that its buyer contests with his bank, as it was seen last."""

    stripe_id = StripeIdField(verbose_name=_("id at Stripe"), primary_key=True)
    purchase = models.ForeignKey(
        Purchase, on_delete=models.PROTECT, related_name="disputes", verbose_name=_("purchase")
    )
    amount_micros = models.BigIntegerField(_("amount"))
    status = models.CharField(_("status"), max_length=32)
    is_taken = models.BooleanField(
        _("money is gone"), help_text=_("It is open or lost: not won, and no mere inquiry.")
    )
    reason = models.CharField(_("reason"), max_length=64, blank=True, default="")
    evidence_due_at = models.DateTimeField(_("evidence due at"), null=True, blank=True)
    opened_at = models.DateTimeField(_("opened at"))
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    seen_at = models.DateTimeField(_("seen at"))

    class Meta:
        verbose_name = _("dispute")
        verbose_name_plural = _("disputes")
        constraints = [
            models.CheckConstraint(condition=Q(amount_micros__gt=0), name="dispute_of_something")
        ]
        indexes = [
            models.Index(fields=["opened_at"], name="dispute_by_opening"),
            models.Index(fields=["ended_at"], condition=Q(status="won"), name="dispute_by_winning"),
        ]

    def __str__(self) -> str:
        return f"{self.stripe_id} ({self.status})"

    @property
    def currency(self) -> str:
        """The payment's."""
        return self.purchase.currency
