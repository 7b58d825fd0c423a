"""What organizations have lent to people."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from billing.accounts.members import Organization
from billing.accounts.models import Account
from billing.ids import ID_LENGTH_MAX, new_id
from billing.ledger.models import Transfer


def _allotment_id() -> str:
    return new_id("alt")


class Allotment(models.Model):
    """Credits of an organization's pool that a person may use until their end.

    It is closed when nothing of it is left with him, nor on its way back.
    """

    id = models.CharField(
        _("id"), primary_key=True, max_length=ID_LENGTH_MAX, default=_allotment_id, editable=False
    )
    organization = models.ForeignKey(
        Organization,
        on_delete=models.PROTECT,
        related_name="allotments",
        verbose_name=_("organization"),
    )
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="allotments", verbose_name=_("person")
    )
    transfer = models.OneToOneField(
        Transfer, on_delete=models.PROTECT, related_name="allotment", verbose_name=_("transfer")
    )
    expires_at = models.DateTimeField(
        _("expires at"),
        null=True,
        blank=True,
        help_text=_("What is unused then goes back; empty: when the credits themselves end."),
    )
    created_at = models.DateTimeField(_("created at"))
    taken_back_at = models.DateTimeField(_("taken back at"), null=True, blank=True)
    closed_at = models.DateTimeField(
        _("closed at"), null=True, blank=True, help_text=_("Empty: something of it is left.")
    )

    class Meta:
        verbose_name = _("allotment")
        verbose_name_plural = _("allotments")
        constraints = [
            models.CheckConstraint(
                condition=Q(expires_at=None) | Q(expires_at__gt=F("created_at")),
                name="allotment_ends_after_it_begins",
            )
        ]
        indexes = [
            models.Index(fields=["organization", "-id"], name="allotment_given_newest_first"),
            models.Index(fields=["account", "-id"], name="allotment_had_newest_first"),
            models.Index(fields=["id"], condition=Q(closed_at=None), name="allotment_open"),
        ]

    def __str__(self) -> str:
        return self.pk
