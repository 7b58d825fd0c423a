"""What an account was sent to pay for."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from billing.accounts.models import Account
from billing.ids import new_id
from billing.payments.models.fields import CurrencyField, IdField, StripeIdField
from plans.models import CatalogVersion


def _checkout_id() -> str:
    return new_id("co")


class Checkout(models.Model):
    """A plan or a pack, on the terms and at the price of the moment, and where it is paid.

    It is written before Stripe is asked. What it says is what is given for the money, whatever
    the catalog says by then.
    """

    class Kind(models.TextChoices):
        PLAN = "plan", _("plan")
        PACK = "pack", _("pack")

    class State(models.TextChoices):
        ASKED = "asked", _("being opened")
        OPEN = "open", _("waits for its payer")
        COMPLETED = "completed", _("completed")
        EXPIRED = "expired", _("expired")
        FAILED = "failed", _("failed")

    id = IdField(default=_checkout_id)
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="checkouts", verbose_name=_("account")
    )
    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    code = models.CharField(_("plan or pack"), max_length=64)
    interval = models.CharField(_("interval"), max_length=32, blank=True, default="")
    seats = models.PositiveIntegerField(_("seats"), null=True, blank=True)
    quantity = models.PositiveIntegerField(_("quantity"), default=1)
    book = models.CharField(_("price book"), max_length=64, blank=True, default="")
    currency = CurrencyField()
    amount_micros = models.BigIntegerField(_("price"), help_text=_("What is paid first."))
    renewal_micros = models.BigIntegerField(
        _("renewal price"), help_text=_("Of each later period, or of each further pack.")
    )
    trial = models.CharField(
        _("trial"), max_length=32, blank=True, default="", help_text=_("How long; empty: none.")
    )
    catalog_version = models.ForeignKey(
        CatalogVersion,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("catalog version"),
    )
    language = models.CharField(
        _("language"), max_length=16, blank=True, default="", help_text=_("Empty: the browser's.")
    )
    success_url = models.CharField(_("leads back to"), max_length=2000)
    cancel_url = models.CharField(_("gives up to"), max_length=2000, blank=True, default="")
    stripe_id = StripeIdField(
        verbose_name=_("id at Stripe"), blank=True, default="", help_text=_("Empty: on its way.")
    )
    url = models.CharField(_("page"), max_length=4000, blank=True, default="")
    state = models.CharField(_("state"), max_length=16, choices=State, default=State.ASKED)
    created_at = models.DateTimeField(_("created at"))
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    class Meta:
        verbose_name = _("checkout")
        verbose_name_plural = _("checkouts")
        constraints = [
            models.UniqueConstraint(
                fields=["stripe_id"], condition=~Q(stripe_id=""), name="checkout_stripe_id_once"
            ),
            models.CheckConstraint(
                condition=Q(quantity__gt=0, amount_micros__gt=0, renewal_micros__gt=0),
                name="checkout_amounts_in_range",
            ),
            models.CheckConstraint(
                condition=Q(kind="pack", interval="", seats=None, trial="")
                | (Q(kind="plan", quantity=1) & ~Q(interval="")),
                name="checkout_is_of_a_plan_or_a_pack",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["asked", "open"], ended_at=None)
                | Q(state__in=["completed", "expired", "failed"], ended_at__isnull=False),
                name="checkout_ends_once",
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None) | Q(ended_at__gte=F("created_at")),
                name="checkout_ends_after_it_begins",
            ),
        ]
        indexes = [
            models.Index(fields=["account", "-id"], name="checkout_newest_first"),
            models.Index(
                fields=["created_at"],
                condition=Q(state__in=["asked", "open"]),
                name="checkout_under_way",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} ({self.state})"

    @property
    def usual_micros(self) -> int:
        """What so many of a pack cost whoever has paid for it before."""
        return self.quantity * self.renewal_micros

    @property
    def is_at_first_price(self) -> bool:
        """Whether one of a pack is sold by it at the price that is had once."""
        return self.kind == self.Kind.PACK and self.amount_micros != self.usual_micros
