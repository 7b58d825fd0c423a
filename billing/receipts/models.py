"""The public keys of receipts: every one that was ever used, and when it counts."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

_REASON_LENGTH_MAX = 200


class ReceiptKey(models.Model):
    """The public half of a key that signs receipts, or did.

    A retired key still proves what it signed while it was in use; a revoked one proves nothing.
    """

    id = models.CharField(
        _("id"),
        primary_key=True,
        max_length=48,
        editable=False,
        help_text=_("Made of the key itself."),
    )
    public_key = models.BinaryField(_("public key"), max_length=32)
    not_before = models.DateTimeField(_("in use from"))
    not_after = models.DateTimeField(
        _("in use until"), null=True, blank=True, help_text=_("Empty: it is the present one.")
    )
    revoked_at = models.DateTimeField(
        _("revoked at"), null=True, blank=True, help_text=_("From then on it proves nothing.")
    )
    reason = models.CharField(_("reason"), max_length=_REASON_LENGTH_MAX, blank=True, default="")

    class Meta:
        verbose_name = _("key of receipts")
        verbose_name_plural = _("keys of receipts")
        constraints = [
            models.UniqueConstraint(
                fields=["not_after"],
                condition=Q(not_after=None, revoked_at=None),
                nulls_distinct=False,
                name="receipt_key_present_once",
            ),
            models.CheckConstraint(
                condition=Q(not_after=None) | Q(not_after__gt=F("not_before")),
                name="receipt_key_lasts_a_while",
            ),
            models.CheckConstraint(
                condition=Q(revoked_at=None, reason="")
                | (Q(revoked_at__isnull=False) & ~Q(reason="")),
                name="receipt_key_is_revoked_for_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return self.pk
