"""Credits that were taken back because money went back, and given back because it did not."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from billing.ids import new_id
from billing.payments.models.fields import IdField
from billing.payments.models.purchases import Purchase


def _taking_id() -> str:
    return new_id("tk")


class Taking(models.Model):
    """One step of what a purchase has lost: it is written once, and the sum is what is taken."""

    id = IdField(default=_taking_id)
    purchase = models.ForeignKey(
        Purchase, on_delete=models.PROTECT, related_name="takings", verbose_name=_("purchase")
    )
    number = models.PositiveIntegerField(_("number"))
    delta_micros = models.BigIntegerField(
        _("credits"), help_text=_("Above zero they were taken, below zero given back.")
    )
    revoked_micros = models.BigIntegerField(_("revoked"), default=0)
    owed_micros = models.BigIntegerField(_("owed"), default=0)
    given_micros = models.BigIntegerField(
        _("given back"), default=0, help_text=_("What had expired by itself is not.")
    )
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("taking back")
        verbose_name_plural = _("takings back")
        constraints = [
            models.UniqueConstraint(fields=["purchase", "number"], name="taking_number_once"),
            models.CheckConstraint(
                condition=Q(revoked_micros__gte=0, owed_micros__gte=0, given_micros__gte=0),
                name="taking_nothing_negative",
            ),
            models.CheckConstraint(
                condition=Q(
                    delta_micros__gt=0,
                    given_micros=0,
                    delta_micros__gte=F("revoked_micros") + F("owed_micros"),
                )
                | Q(
                    delta_micros__lt=0,
                    revoked_micros=0,
                    owed_micros=0,
                    delta_micros__lte=-F("given_micros"),
                ),
                name="taking_takes_or_gives_back",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.purchase_id}:{self.number}"
