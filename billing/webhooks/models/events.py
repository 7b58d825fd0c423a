"""What is told, and how it is counted."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from billing.accounts.models import Account
from billing.webhooks.event_types import EventType
from billing.webhooks.models.fields import IdField, _event_id


class EventCounter(models.Model):
    """The number of an account's last event; its row lock keeps the numbers without gaps."""

    account = models.OneToOneField(
        Account,
        on_delete=models.PROTECT,
        primary_key=True,
        related_name="+",
        verbose_name=_("account"),
    )
    last_sequence = models.BigIntegerField(_("last event number"), default=0)

    class Meta:
        verbose_name = _("event counter")
        verbose_name_plural = _("event counters")
        constraints = [
            models.CheckConstraint(
                condition=Q(last_sequence__gte=0), name="event_counter_not_negative"
            )
        ]

    def __str__(self) -> str:
        return f"{self.account_id}: {self.last_sequence}"


class Event(models.Model):
    """Something that happened to an account, as it was told: never changed afterwards."""

    id = IdField(default=_event_id)
    account = models.ForeignKey(
        Account,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        db_index=False,
        related_name="webhook_events",
        help_text=_("Empty only for a test of an endpoint of everybody's."),
        verbose_name=_("account"),
    )
    sequence = models.BigIntegerField(
        _("event number"),
        null=True,
        blank=True,
        help_text=_("Counts the account's events without gaps; a test is not counted."),
    )
    type = models.CharField(_("event type"), max_length=64)
    # The text, not its meaning: what is signed is the same bytes at every attempt.
    payload = models.TextField(_("payload"), help_text=_("The body of the message, byte for byte."))
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("webhook event")
        verbose_name_plural = _("webhook events")
        constraints = [
            models.UniqueConstraint(fields=["account", "sequence"], name="event_sequence_once"),
            models.CheckConstraint(
                condition=(
                    Q(type=EventType.WEBHOOK_TEST.value, sequence=None)
                    | (
                        # Both are asked: a comparison with NULL would be let through.
                        Q(account__isnull=False, sequence__isnull=False, sequence__gte=1)
                        & ~Q(type=EventType.WEBHOOK_TEST.value)
                    )
                ),
                name="event_is_counted_unless_a_test",
            ),
            models.CheckConstraint(
                condition=~Q(type="") & Q(payload__startswith="{"), name="event_says_something"
            ),
        ]
        indexes = [models.Index(fields=["created_at"], name="event_by_age")]

    def __str__(self) -> str:
        return f"{self.type} {self.pk}"
