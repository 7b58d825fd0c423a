"""What must still be done after a commit, remembered by the database."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from billing.ids import ID_LENGTH_MAX, new_id
from billing.telemetry import tracing

ERROR_LENGTH_MAX = 2000


def _message_id() -> str:
    return new_id("msg")


class Message(models.Model):
    """An errand that a committed change left behind: open, then done or dead.

    It is written in the transaction of the change itself, so either both exist or neither.
    """

    id = models.CharField(
        _("id"), primary_key=True, max_length=ID_LENGTH_MAX, default=_message_id, editable=False
    )
    task = models.CharField(_("task"), max_length=64, help_text=_("Name of the task that runs it."))
    arguments = models.JSONField(
        _("arguments"), help_text=_("Ids only: the rest is read when it runs.")
    )
    queue = models.CharField(_("queue"), max_length=32)
    request_id = models.CharField(
        _("request id"), max_length=64, blank=True, help_text=_("The request that caused it.")
    )
    traceparent = models.CharField(
        _("trace"),
        max_length=tracing.LENGTH_MAX,
        blank=True,
        default="",
        db_default="",  # workers of the former release know no such column
        help_text=_("Where in a trace it was posted; empty: in none."),
    )
    rings = models.PositiveIntegerField(
        _("rings"), default=0, help_text=_("How often workers were called.")
    )
    runs = models.PositiveIntegerField(
        _("runs"), default=0, help_text=_("How often a worker began it.")
    )
    error = models.TextField(_("error"), blank=True, help_text=_("Why the last run went wrong."))
    created_at = models.DateTimeField(_("created at"))
    ring_at = models.DateTimeField(
        _("next ring at"),
        null=True,
        blank=True,
        help_text=_("When workers are called next; empty: never again."),
    )
    # Null, so that workers of the former release can post: such a one counts from its next ring.
    due_at = models.DateTimeField(
        _("due since"),
        null=True,
        blank=True,
        help_text=_("From when on a worker should begin it; rings move nothing."),
    )
    done_at = models.DateTimeField(_("done at"), null=True, blank=True)
    dead_at = models.DateTimeField(
        _("given up at"), null=True, blank=True, help_text=_("When it was given up.")
    )

    class Meta:
        verbose_name = _("outbox message")
        verbose_name_plural = _("outbox messages")
        constraints = [
            models.CheckConstraint(
                condition=(
                    Q(ring_at__isnull=False, done_at=None, dead_at=None)
                    | Q(ring_at=None, done_at__isnull=False, dead_at=None)
                    | (Q(ring_at=None, done_at=None, dead_at__isnull=False) & ~Q(error=""))
                ),
                name="message_open_done_or_dead",
            ),
            models.CheckConstraint(
                condition=~Q(task="") & ~Q(queue=""), name="message_names_task_and_queue"
            ),
        ]
        indexes = [
            models.Index(
                fields=["ring_at"], condition=Q(ring_at__isnull=False), name="message_due"
            ),
            models.Index(
                fields=["done_at"], condition=Q(done_at__isnull=False), name="message_done"
            ),
            models.Index(
                fields=["dead_at"], condition=Q(dead_at__isnull=False), name="message_dead"
            ),
            models.Index(
                fields=["request_id"], condition=~Q(request_id=""), name="message_by_request"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.task} {self.pk}"
