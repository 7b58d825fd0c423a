"""Who is told what, and how it went."""

from functools import partial

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from billing.accounts.models import Account
from billing.egress.addresses import URL_LENGTH_MAX
from billing.ids import ID_LENGTH_MAX, new_id
from billing.webhooks.event_types import EventType

EXCERPT_LENGTH_MAX = 500
SEALED = "sealed:"
IdField = partial(
    models.CharField, _("id"), primary_key=True, max_length=ID_LENGTH_MAX, editable=False
)


def _endpoint_id() -> str:
    return new_id("we")


def _event_id() -> str:
    return new_id("evt")


def _delivery_id() -> str:
    return new_id("whd")


class Endpoint(models.Model):
    """An address that is told of an account's events; or of all accounts', made by operators."""

    class DisabledReason(models.TextChoices):
        NONE = "", _("enabled")
        GONE = "gone", _("its receiver answered 410")
        DELETED = "deleted", _("deleted")

    id = IdField(default=_endpoint_id)
    account = models.ForeignKey(
        Account,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="webhook_endpoints",
        help_text=_("Whose events; empty: everybody's on its side of the sandbox."),
        verbose_name=_("account"),
    )
    is_sandbox = models.BooleanField(_("sandbox"), default=False)
    # No URLField: the admin would make a link of what a stranger wrote.
    url = models.CharField(_("address"), max_length=URL_LENGTH_MAX)
    events = ArrayField(
        models.CharField(max_length=64),
        default=list,
        blank=True,
        help_text=_("Types of events it is told of; empty: all."),
        verbose_name=_("event types"),
    )
    secret_sealed = models.TextField(_("sealed secret"), editable=False)
    previous_secret_sealed = models.TextField(
        _("previous sealed secret"), blank=True, default="", editable=False
    )
    previous_until = models.DateTimeField(
        _("previous secret until"),
        null=True,
        blank=True,
        help_text=_("Until then messages also bear the old signature."),
    )
    disabled_reason = models.CharField(
        _("disabled reason"),
        max_length=16,
        choices=DisabledReason,
        default=DisabledReason.NONE,
        blank=True,
    )
    disabled_at = models.DateTimeField(_("disabled at"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("webhook endpoint")
        verbose_name_plural = _("webhook endpoints")
        constraints = [
            models.CheckConstraint(
                condition=(
                    Q(disabled_at=None, disabled_reason="")
                    | Q(disabled_at__isnull=False, disabled_reason__in=["gone", "deleted"])
                ),
                name="endpoint_disabled_for_a_reason",
            ),
            models.CheckConstraint(
                condition=(
                    Q(previous_until=None, previous_secret_sealed="")
                    | (Q(previous_until__isnull=False) & ~Q(previous_secret_sealed=""))
                ),
                name="endpoint_old_secret_has_an_end",
            ),
            models.CheckConstraint(
                condition=Q(secret_sealed__startswith=SEALED)
                & (Q(previous_secret_sealed="") | Q(previous_secret_sealed__startswith=SEALED)),
                name="endpoint_secrets_are_sealed",
            ),
            models.CheckConstraint(
                condition=Q(url__startswith="http"), name="endpoint_url_is_http"
            ),
        ]
        indexes = [
            models.Index(
                fields=["is_sandbox"],
                condition=Q(account=None, disabled_at=None),
                name="endpoint_of_everybody",
            )
        ]

    def __str__(self) -> str:
        return self.pk


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

    def __str__(self) -> str:
        return f"{self.type} {self.pk}"


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
    attempts = models.PositiveSmallIntegerField(_("number of attempts"), default=0)
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
        ]
        indexes = [
            models.Index(
                fields=["next_at"], condition=Q(next_at__isnull=False), name="delivery_due"
            ),
            models.Index(fields=["endpoint", "id"], name="delivery_of_endpoint"),
        ]

    def __str__(self) -> str:
        return self.pk

    @property
    def status(self) -> str:
        """Return where it stands: pending, delivered or dead."""
        if self.delivered_at is not None:
            return "delivered"
        return "pending" if self.dead_at is None else "dead"
