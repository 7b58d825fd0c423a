"""What was exported of whom, by whom."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from billing.accounts.models import Account
from billing.exports.labels import ACTORS, KINDS
from billing.ids import ID_LENGTH_MAX, new_id


def _export_id() -> str:
    return new_id("ex")


class Export(models.Model):
    """One table that left the service; written down before its first byte leaves."""

    id = models.CharField(
        _("id"), primary_key=True, max_length=ID_LENGTH_MAX, editable=False, default=_export_id
    )
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="exports", verbose_name=_("account")
    )
    kind = models.CharField(_("table"), max_length=16, choices=KINDS)
    since = models.DateTimeField(
        _("since"), null=True, blank=True, help_text=_("Empty: from the beginning.")
    )
    until = models.DateTimeField(
        _("until"), null=True, blank=True, help_text=_("Empty: to the newest row.")
    )
    actor_type = models.CharField(_("actor"), max_length=16, choices=ACTORS)
    actor_id = models.CharField(_("id of the actor"), max_length=150)
    request_id = models.CharField(_("request id"), max_length=64, blank=True)
    begun_at = models.DateTimeField(_("begun at"))
    ended_at = models.DateTimeField(
        _("ended at"), null=True, blank=True, help_text=_("Empty: under way, or its process died.")
    )
    rows = models.PositiveBigIntegerField(_("rows handed over"), null=True, blank=True)
    is_whole = models.BooleanField(
        _("whole"), null=True, blank=True, help_text=_("No: it was cut off before its end.")
    )

    class Meta:
        verbose_name = _("export")
        verbose_name_plural = _("exports")
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=[value for value, _name in KINDS]), name="export_kind_known"
            ),
            models.CheckConstraint(
                condition=Q(actor_type__in=[value for value, _name in ACTORS]) & ~Q(actor_id=""),
                name="export_has_an_actor",
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None, rows=None, is_whole=None)
                | Q(ended_at__isnull=False, rows__isnull=False, is_whole__isnull=False),
                name="export_counts_its_rows_at_its_end",
            ),
        ]
        indexes = [models.Index(fields=["account", "-id"], name="export_newest_first")]

    def __str__(self) -> str:
        return self.pk
