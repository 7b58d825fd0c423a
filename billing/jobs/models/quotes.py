"""A price that was told."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from billing.accounts.models import Account
from billing.jobs.names import IdField, _quote_id
from plans.models import CatalogVersion


class Quote(models.Model):
    """A price that was told and holds until it expires; it sets nothing aside."""

    id = IdField(default=_quote_id)
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="quotes", verbose_name=_("account")
    )
    catalog_version = models.ForeignKey(
        CatalogVersion,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("catalog version"),
    )
    dimensions = models.JSONField(
        _("dimensions"), help_text=_("What priced it: the order's flat dimensions.")
    )
    context = models.JSONField(
        _("context"),
        default=dict,
        help_text=_("What else priced it: plan, surface, region, currency, book, month's count."),
    )
    rated_at = models.DateTimeField(
        _("priced as of"), help_text=_("The wallet's instant; an order by it is priced as of it.")
    )
    lines = models.JSONField(_("price lines"))
    total_micros = models.BigIntegerField(_("price"))
    max_micros = models.BigIntegerField(_("highest price"))
    created_at = models.DateTimeField(_("created at"))
    expires_at = models.DateTimeField(_("expires at"))

    class Meta:
        verbose_name = _("quote")
        verbose_name_plural = _("quotes")
        constraints = [
            models.CheckConstraint(
                condition=Q(total_micros__gte=0, max_micros__gte=models.F("total_micros")),
                name="quote_maximum_covers_total",
            )
        ]

    def __str__(self) -> str:
        return self.pk
