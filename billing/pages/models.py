"""Which links to an account's pages are good."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from billing.accounts.models import Account


class LinkSeries(models.Model):
    """The series whose links open an account's pages; an account without a row is at its first, 0.

    A number and not an instant: two processes need not agree on the time for a link that was made
    just before all were revoked to be one of them.
    """

    account = models.OneToOneField(
        Account,
        on_delete=models.PROTECT,
        primary_key=True,
        related_name="+",
        verbose_name=_("account"),
    )
    number = models.PositiveIntegerField(
        _("number"), help_text=_("How often its links were revoked.")
    )
    begun_at = models.DateTimeField(_("begun at"))

    class Meta:
        verbose_name = _("series of page links")
        verbose_name_plural = _("series of page links")
        constraints = [
            models.CheckConstraint(condition=Q(number__gt=0), name="link_series_number_positive")
        ]

    def __str__(self) -> str:
        return f"{self.account_id} {self.number}"
