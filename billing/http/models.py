"""What was said to whom: the memory of answers, beside the effects that they told of."""

from django.db import models
from django.db.models import Q

from billing.ids import ID_LENGTH_MAX

KEY_LENGTH_MAX = 255
# A tuple, not a set: a constraint is built from it. The last four are refusals on the merits.
KEPT_STATUSES = (200, 201, 202, 204, 402, 403, 404, 422)


class IdempotentAnswer(models.Model):
    """The first answer to a request with an Idempotency-Key; it lives as long as its effect.

    Written in the transaction of the effect: one is never there without the other.
    """

    id = models.CharField(primary_key=True, max_length=ID_LENGTH_MAX, editable=False)
    caller = models.CharField(max_length=200, help_text="Who asked, and for which account.")
    route = models.CharField(max_length=200, help_text='Method and route: "POST v1/jobs".')
    key = models.CharField(max_length=KEY_LENGTH_MAX)
    body_hash = models.BinaryField(max_length=32, help_text="SHA-256 of method, path and body.")
    status = models.PositiveSmallIntegerField()
    body = models.BinaryField(help_text="The bytes as they were sent.")
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = "idempotent answer"
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
        return f"answer {self.status} to {self.route}"
