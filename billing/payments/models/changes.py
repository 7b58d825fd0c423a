"""Changes of plan at once: what was agreed, paid, and carried out."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from billing.accounts.models import Account
from billing.ids import new_id
from billing.ledger.models import Hold
from billing.payments.models.contracts import Contract
from billing.payments.models.fields import CurrencyField, IdField, StripeIdField
from billing.subscriptions.models import Subscription
from plans.models import CatalogVersion


def _change_id() -> str:
    return new_id("pc")


class PlanChange(models.Model):
    """Another plan from now on: written down before money is asked for, carried out once it came.

    What it says is what is given for the money, whatever the catalog says by then.
    """

    class State(models.TextChoices):
        ASKED = "asked", _("asked for")
        BILLED = "billed", _("waits for its payer")
        PAID = "paid", _("paid")
        APPLIED = "applied", _("carried out")
        FAILED = "failed", _("failed")

    id = IdField(default=_change_id)
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="plan_changes", verbose_name=_("account")
    )
    contract = models.ForeignKey(
        Contract, on_delete=models.PROTECT, related_name="changes", verbose_name=_("contract")
    )
    catalog_version = models.ForeignKey(
        CatalogVersion,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("catalog version"),
    )
    subscription = models.ForeignKey(
        Subscription,
        on_delete=models.PROTECT,
        related_name="plan_changes",
        null=True,
        blank=True,
        verbose_name=_("subscription"),
        help_text=_("The one that it has begun; empty: it has not."),
    )
    from_plan = models.CharField(_("from plan"), max_length=64)
    plan = models.CharField(_("to plan"), max_length=64)
    interval = models.CharField(_("interval"), max_length=32)
    seats = models.PositiveIntegerField(_("seats"), null=True, blank=True)
    book = models.CharField(_("price book"), max_length=64, blank=True, default="")
    currency = CurrencyField()
    renewal_micros = models.BigIntegerField(_("renewal price"))
    due_micros = models.BigIntegerField(_("paid for it"))
    worth_micros = models.BigIntegerField(_("taken off for the former period"), default=0)
    gives_micros = models.BigIntegerField(_("credits that come"), default=0)
    at_period_end = models.BooleanField(_("when the period ends"), default=False)
    begins_anew = models.BooleanField(_("a new period begins"))
    hold = models.ForeignKey(
        Hold,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("hold"),
        help_text=_("Of the credits whose worth is taken off the price, until it is paid."),
    )
    paid_until = models.DateTimeField(
        _("paid until"),
        null=True,
        blank=True,
        help_text=_("When the period ends by which it was reckoned."),
    )
    to_be_paid_by = models.DateTimeField(
        _("to be paid by"),
        null=True,
        blank=True,
        help_text=_(
            "When the period or its window of credits ends by which it was reckoned, whichever is "
            "earlier: after that it is too late."
        ),
    )
    held_window_micros = models.BigIntegerField(
        _("credits of a former window"), default=0, help_text=_("What a window brought before.")
    )
    window_micros = models.BigIntegerField(
        _("credits of a window"), default=0, help_text=_("What a window brings from then on.")
    )
    carried = models.JSONField(
        _("taken off, by purchase"),
        default=dict,
        blank=True,
        help_text=_("How much of its worth came of which payment, and of how much of that."),
    )
    state = models.CharField(_("state"), max_length=16, choices=State, default=State.ASKED)
    price_id = StripeIdField(
        verbose_name=_("price at Stripe"),
        blank=True,
        default="",
        help_text=_("Which Stripe is to collect from then on; empty: it stays the same."),
    )
    invoice_id = StripeIdField(verbose_name=_("bill at Stripe"), blank=True, default="")
    pay_url = models.CharField(_("page"), max_length=4000, blank=True, default="")
    failure = models.CharField(_("failure"), max_length=64, blank=True, default="")
    created_at = models.DateTimeField(_("created at"))
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    class Meta:
        verbose_name = _("change of plan")
        verbose_name_plural = _("changes of plan")
        constraints = [
            models.UniqueConstraint(
                fields=["contract"], condition=Q(ended_at=None), name="plan_change_open_once"
            ),
            models.CheckConstraint(
                condition=Q(due_micros__gte=0, worth_micros__gte=0, gives_micros__gte=0),
                name="plan_change_amounts_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["asked", "billed", "paid"], ended_at=None)
                | Q(state__in=["applied", "failed"], ended_at__isnull=False),
                name="plan_change_ends_once",
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None) | Q(ended_at__gte=F("created_at")),
                name="plan_change_ends_after_it_begins",
            ),
        ]
        indexes = [models.Index(fields=["account", "-id"], name="plan_change_newest_first")]

    def __str__(self) -> str:
        return f"{self.from_plan} → {self.plan} ({self.state})"

    @property
    def goes_on(self) -> bool:
        """Whether the period under way goes on with the new plan, which costs the difference."""
        return not self.at_period_end and not self.begins_anew

    @property
    def has_begun(self) -> bool:
        """Whether the new period that begins with it was given."""
        return self.begins_anew and self.subscription_id is not None

    @property
    def quantity(self) -> int:
        """How many of its price Stripe collects."""
        return self.seats or 1
