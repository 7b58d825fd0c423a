"""Who pays, as Stripe knows him."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper
from django.utils.translation import gettext_lazy as _

from billing.accounts.models import Account
from billing.ids import new_id
from billing.payments.models.fields import IdField, StripeIdField


def _customer_id() -> str:
    return new_id("cu")


class Customer(models.Model):
    """The one customer at Stripe that an account has.

    The row comes first, so that whoever asks twice makes one: its id is the key of the request.
    """

    id = IdField(default=_customer_id)
    account = models.OneToOneField(
        Account, on_delete=models.PROTECT, related_name="customer", verbose_name=_("account")
    )
    stripe_id = StripeIdField(
        verbose_name=_("id at Stripe"), blank=True, default="", help_text=_("Empty: on its way.")
    )
    email = models.EmailField(_("e-mail address"), blank=True, default="")
    language = models.CharField(
        _("language"), max_length=16, blank=True, default="", help_text=_("In which we write.")
    )
    is_live = models.BooleanField(_("live"), default=False)
    lives_by_clock = models.BooleanField(
        _("lives by a test clock"), default=False, help_text=_("Of a sandbox; so does Stripe's.")
    )
    clock_stripe_id = StripeIdField(
        verbose_name=_("test clock at Stripe"), blank=True, default="", help_text=_("Its own.")
    )
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("customer at Stripe")
        verbose_name_plural = _("customers at Stripe")
        constraints = [
            models.UniqueConstraint(
                fields=["stripe_id"], condition=~Q(stripe_id=""), name="customer_stripe_id_once"
            ),
            models.CheckConstraint(
                condition=Q(lives_by_clock=False, clock_stripe_id="")
                | Q(lives_by_clock=True, is_live=False),
                name="customer_clock_is_no_live_ones",
            ),
        ]
        indexes = [models.Index(Upper("email"), name="customer_by_email")]

    def __str__(self) -> str:
        return self.stripe_id or self.pk
