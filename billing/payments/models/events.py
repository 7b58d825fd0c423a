"""What Stripe has told us, and when we looked for ourselves."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from billing.payments.models.fields import STRIPE_ID_LENGTH_MAX, TEXT_LENGTH_MAX, StripeIdField


class StripeEvent(models.Model):
    """One event, kept as it came. What it says is not believed: it says where to look."""

    class Via(models.TextChoices):
        WEBHOOK = "webhook", _("webhook")
        CATCH_UP = "catch_up", _("fetched")

    id = StripeIdField(verbose_name=_("id at Stripe"), primary_key=True)
    type = models.CharField(_("type"), max_length=100)
    object_type = models.CharField(_("kind of object"), max_length=64, blank=True, default="")
    object_id = StripeIdField(verbose_name=_("object"), blank=True, default="")
    is_live = models.BooleanField(_("live"))
    via = models.CharField(_("came as"), max_length=16, choices=Via)
    raw = models.TextField(_("as it came"))
    created_at = models.DateTimeField(_("created at"), help_text=_("By Stripe's clock."))
    received_at = models.DateTimeField(_("received at"))
    applied_at = models.DateTimeField(_("applied at"), null=True, blank=True)
    is_ignored = models.BooleanField(
        _("ignored"), default=False, help_text=_("Of a kind that changes nothing here.")
    )
    error = models.CharField(_("error"), max_length=TEXT_LENGTH_MAX, blank=True, default="")

    class Meta:
        verbose_name = _("event of Stripe")
        verbose_name_plural = _("events of Stripe")
        constraints = [
            models.CheckConstraint(
                condition=Q(applied_at=None) | Q(applied_at__isnull=False, error=""),
                name="stripe_event_applied_without_error",
            )
        ]
        indexes = [
            models.Index(fields=["-created_at"], name="stripe_event_newest_first"),
            models.Index(fields=["object_id"], name="stripe_event_by_object"),
            models.Index(
                fields=["received_at"], condition=Q(applied_at=None), name="stripe_event_to_apply"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.pk}"


class Look(models.Model):
    """Our looks at one object of Stripe's: what was asked later is never replaced by an earlier.

    `asked` counts the looks that were begun, `applied` says which of them was applied last.
    """

    object_id = models.CharField(_("object"), max_length=STRIPE_ID_LENGTH_MAX, primary_key=True)
    asked = models.BigIntegerField(_("looks begun"), default=0)
    applied = models.BigIntegerField(_("look applied last"), default=0)
    applied_at = models.DateTimeField(_("applied at"), null=True, blank=True)

    class Meta:
        verbose_name = _("look at Stripe")
        verbose_name_plural = _("looks at Stripe")
        constraints = [
            models.CheckConstraint(
                condition=Q(applied__gte=0, applied__lte=F("asked")), name="look_was_asked"
            )
        ]

    def __str__(self) -> str:
        return self.object_id
