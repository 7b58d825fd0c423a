"""What was said to whom: the memory of answers, beside the effects that they told of."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from billing.ids import ID_LENGTH_MAX

KEY_LENGTH_MAX = 255
# A tuple, not a set: a constraint is built from it. The last four are refusals on the merits.
KEPT_STATUSES = (200, 201, 202, 204, 402, 403, 404, 422)


class IdempotentAnswer(models.Model):
    """The first answer to a request with an Idempotency-Key; it lives as long as its effect.

    Written in the transaction of the effect: one is never there without the other.
    """

    id = models.CharField(_("id"), primary_key=True, max_length=ID_LENGTH_MAX, editable=False)
    caller = models.CharField(
        _("caller"), max_length=200, help_text=_("Who asked, and for which account.")
    )
    route = models.CharField(
        _("route"), max_length=200, help_text=_('Method and route: "POST v1/jobs".')
    )
    key = models.CharField(_("idempotency key"), max_length=KEY_LENGTH_MAX)
    body_hash = models.BinaryField(
        _("digest"), max_length=32, help_text=_("SHA-256 of method, path and body.")
    )
    status = models.PositiveSmallIntegerField(_("HTTP status"))
    body = models.BinaryField(_("body"), help_text=_("The bytes as they were sent."))
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("idempotent answer")
        verbose_name_plural = _("idempotent answers")
        constraints = [
            models.UniqueConstraint(
                fields=["caller", "route", "key"], name="idempotent_answer_key_answered_once"
            ),
            models.CheckConstraint(
                condition=Q(status__in=KEPT_STATUSES), name="idempotent_answer_status_is_kept"
            ),
            models.CheckConstraint(
                condition=~Q(caller="") & ~Q(route="") & ~Q(key=""),
                name="idempotent_answer_scope_is_named",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.route} ({self.status})"
