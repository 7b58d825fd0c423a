"""What is on its way to whom, and how each try went."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from billing.accounts.models import Account
from billing.webhooks.models.endpoints import Endpoint
from billing.webhooks.models.events import Event
from billing.webhooks.models.fields import EXCERPT_LENGTH_MAX, IdField, _delivery_id


class Delivery(models.Model):
    """One event on its way to one endpoint: open, then delivered or dead."""

    class Trouble(models.TextChoices):
        NONE = "", _("none")
        STATUS = "status", _("the receiver did not answer 2xx")
        ADDRESS = "address", _("the address is not public")
        CONNECTION = "connection", _("no connection")
        TLS = "tls", _("no trusted TLS connection")
        TIMEOUT = "timeout", _("too slow")
        PROTOCOL = "protocol", _("the answer is not HTTP")
        SECRET = "secret", _("the secret cannot be read")
        DISABLED = "disabled", _("the endpoint is disabled")
        LOST = "lost", _("its attempts ended without a word")

    class Waits(models.TextChoices):
        NOTHING = "", _("nothing but its time")
        LINE = "line", _("an earlier event of the account")
        ROOM = "room", _("other attempts to end")

    id = IdField(default=_delivery_id)
    event = models.ForeignKey(
        Event,
        on_delete=models.PROTECT,
        db_index=False,
        related_name="deliveries",
        verbose_name=_("event"),
    )
    endpoint = models.ForeignKey(
        Endpoint,
        on_delete=models.PROTECT,
        db_index=False,
        related_name="deliveries",
        verbose_name=_("endpoint"),
    )
    # The event's own, which never change: who stands in line behind whom is found by them.
    account = models.ForeignKey(
        Account,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        db_index=False,
        related_name="+",
        verbose_name=_("account"),
    )
    sequence = models.BigIntegerField(
        _("event number"),
        null=True,
        blank=True,
        help_text=_("Its place in the account's line; empty: it stands in none."),
    )
    waits_for = models.CharField(
        _("waits for"),
        max_length=8,
        choices=Waits,
        default=Waits.NOTHING,
        db_default="",  # workers of the former release know no such column
        blank=True,
    )
    attempts = models.PositiveSmallIntegerField(_("number of attempts"), default=0)
    attempts_forgiven = models.PositiveSmallIntegerField(
        _("attempts forgiven"),
        default=0,
        db_default=0,
        help_text=_("Those before it was last sent anew; they count for nothing."),
    )
    last_status = models.PositiveSmallIntegerField(_("last HTTP status"), null=True, blank=True)
    last_trouble = models.CharField(
        _("last trouble"), max_length=16, choices=Trouble, default=Trouble.NONE, blank=True
    )
    last_excerpt = models.CharField(
        _("last answer"),
        max_length=EXCERPT_LENGTH_MAX,
        blank=True,
        help_text=_("How the last answer began."),
    )
    next_at = models.DateTimeField(
        _("next attempt at"), null=True, blank=True, help_text=_("When it is tried next.")
    )
    leased_until = models.DateTimeField(
        _("leased until"),
        null=True,
        blank=True,
        help_text=_("An attempt is being made, at the longest until then."),
    )
    delivered_at = models.DateTimeField(_("delivered at"), null=True, blank=True)
    dead_at = models.DateTimeField(_("given up at"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("webhook delivery")
        verbose_name_plural = _("webhook deliveries")
        constraints = [
            models.UniqueConstraint(fields=["event", "endpoint"], name="delivery_once_an_endpoint"),
            models.CheckConstraint(
                condition=(
                    Q(next_at__isnull=False, delivered_at=None, dead_at=None)
                    | Q(
                        next_at=None,
                        leased_until=None,
                        delivered_at__isnull=False,
                        dead_at=None,
                        last_trouble="",
                    )
                    | (
                        Q(next_at=None, leased_until=None, delivered_at=None, dead_at__isnull=False)
                        & ~Q(last_trouble="")
                    )
                ),
                name="delivery_open_delivered_or_dead",
            ),
            models.CheckConstraint(
                condition=Q(waits_for="") | Q(next_at__isnull=False, leased_until=None),
                name="delivery_waits_while_open",
            ),
            models.CheckConstraint(
                condition=Q(attempts__gte=F("attempts_forgiven")),
                name="delivery_forgives_what_was_tried",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_at"], condition=Q(next_at__isnull=False), name="delivery_due"
            ),
            models.Index(
                fields=["dead_at"], condition=Q(dead_at__isnull=False), name="delivery_given_up"
            ),
            models.Index(fields=["endpoint", "id"], name="delivery_of_endpoint"),
            models.Index(
                fields=["endpoint", "account", "sequence"],
                condition=Q(next_at__isnull=False),
                name="delivery_in_line",
            ),
            models.Index(
                fields=["endpoint", "next_at"],
                condition=Q(waits_for="room"),
                name="delivery_waits_for_room",
            ),
            models.Index(
                fields=["endpoint"],
                condition=Q(leased_until__isnull=False),
                name="delivery_under_way",
            ),
        ]

    def __str__(self) -> str:
        return self.pk

    @property
    def status(self) -> str:
        """Return where it stands: pending, delivered or dead."""
        if self.delivered_at is not None:
            return "delivered"
        return "pending" if self.dead_at is None else "dead"

    @property
    def said_status(self) -> str:
        """Return the same, as people read it."""
        words = {"pending": _("on its way"), "delivered": _("delivered"), "dead": _("given up")}
        return str(words[self.status])

    @property
    def tries(self) -> int:
        """Return how often it was tried since it was last sent anew."""
        return self.attempts - self.attempts_forgiven


class DeliveryAttempt(models.Model):
    """One try of a delivery, and what the receiver said to it."""

    delivery = models.ForeignKey(
        Delivery,
        on_delete=models.PROTECT,
        db_index=False,
        related_name="log",
        verbose_name=_("delivery"),
    )
    number = models.PositiveSmallIntegerField(_("number"))
    begun_at = models.DateTimeField(_("begun at"))
    took_ms = models.PositiveIntegerField(
        _("took (ms)"), null=True, blank=True, help_text=_("Empty: its end was never heard of.")
    )
    status = models.PositiveSmallIntegerField(_("HTTP status"), null=True, blank=True)
    trouble = models.CharField(
        _("trouble"),
        max_length=16,
        choices=Delivery.Trouble,
        default=Delivery.Trouble.NONE,
        blank=True,
    )
    excerpt = models.CharField(
        _("answer"), max_length=EXCERPT_LENGTH_MAX, blank=True, help_text=_("How the answer began.")
    )

    class Meta:
        verbose_name = _("webhook attempt")
        verbose_name_plural = _("webhook attempts")
        constraints = [
            models.UniqueConstraint(
                fields=["delivery", "number"], name="delivery_attempt_number_once"
            ),
            models.CheckConstraint(
                condition=Q(number__gte=1), name="delivery_attempt_counts_from_one"
            ),
            models.CheckConstraint(
                condition=Q(took_ms__isnull=False) | Q(status=None, trouble="", excerpt=""),
                name="delivery_attempt_says_how_it_ended",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.delivery_id} {self.number}"
