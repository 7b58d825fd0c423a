"""What is wrong, who was told of it, and what the last checks found."""

from functools import partial

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from billing.alerts.labels import RULE_CHOICES, SEVERITIES
from billing.ids import ID_LENGTH_MAX, new_id

SUBJECT_LENGTH_MAX = 200
REASON_LENGTH_MAX = 500
_RULE_LENGTH_MAX = 32
_OperatorField = partial(
    models.ForeignKey,
    settings.AUTH_USER_MODEL,
    on_delete=models.PROTECT,
    related_name="+",
    db_index=False,
)
_IdField = partial(
    models.CharField, _("id"), primary_key=True, max_length=ID_LENGTH_MAX, editable=False
)
_RuleField = partial(
    models.CharField, _("alert rule"), max_length=_RULE_LENGTH_MAX, choices=RULE_CHOICES
)


def _alert_id() -> str:
    return new_id("alr")


def _telling_id() -> str:
    return new_id("tel")


def _silence_id() -> str:
    return new_id("sil")


class Alert(models.Model):
    """One thing that is wrong, from when it was first seen until it was well again."""

    class State(models.TextChoices):
        PENDING = "pending", _("watched")  # it does not last long enough yet
        OPEN = "open", _("open alert")
        CLOSED = "closed", _("closed alert")

    id = _IdField(default=_alert_id)
    rule = _RuleField()
    subject = models.CharField(
        _("subject"),
        max_length=SUBJECT_LENGTH_MAX,
        blank=True,
        help_text=_("What it is about, such as a backend and model; empty: all of it."),
    )
    severity = models.CharField(_("severity"), max_length=16, choices=SEVERITIES)
    state = models.CharField(_("state"), max_length=16, choices=State, default=State.PENDING)
    value = models.BigIntegerField(_("value"))
    worst = models.BigIntegerField(_("worst value"))
    bites_at = models.BigIntegerField(_("bound"), help_text=_("At which it bites."))
    facts = models.JSONField(
        _("facts"), default=dict, blank=True, help_text=_("What was measured, and some rows of it.")
    )
    began_at = models.DateTimeField(_("began at"))
    seen_at = models.DateTimeField(_("last seen at"))
    well_since = models.DateTimeField(_("well since"), null=True, blank=True)
    opened_at = models.DateTimeField(_("alert opened at"), null=True, blank=True)
    told_at = models.DateTimeField(
        _("told at"), null=True, blank=True, help_text=_("Empty: it is silenced.")
    )
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)
    acknowledged_at = models.DateTimeField(_("acknowledged at"), null=True, blank=True)
    acknowledged_by = _OperatorField(verbose_name=_("acknowledged by"), null=True, blank=True)

    class Meta:
        verbose_name = _("alert")
        verbose_name_plural = _("alerts")
        permissions = [("handle_alert", "Can acknowledge and silence alerts, and send a test")]
        constraints = [
            models.UniqueConstraint(
                fields=["rule", "subject"], condition=Q(closed_at=None), name="alert_stands_once"
            ),
            models.CheckConstraint(
                condition=Q(state="pending", opened_at=None, closed_at=None, told_at=None)
                | Q(state="open", opened_at__gte=F("began_at"), closed_at=None)
                | Q(state="closed", closed_at__gte=F("opened_at"), opened_at__isnull=False),
                name="alert_state_matches_columns",
            ),
            models.CheckConstraint(
                condition=Q(acknowledged_at=None, acknowledged_by=None)
                | Q(acknowledged_at__isnull=False, acknowledged_by__isnull=False),
                name="alert_acknowledged_by_somebody",
            ),
        ]
        # Read backwards: what is not closed comes first.
        indexes = [models.Index(fields=["closed_at", "id"], name="alert_open_first")]

    def __str__(self) -> str:
        return f"{self.get_rule_display()} {self.subject}".strip()


class Telling(models.Model):
    """That one channel is told of one alert's opening or closing; without an alert it is a test."""

    class Event(models.TextChoices):
        OPENED = "opened", _("opened")
        CLOSED = "closed", _("closed alert")
        TEST = "test", _("test")

    class Channel(models.TextChoices):
        LOG = "log", _("log")
        MAIL = "mail", _("e-mail")
        WEBHOOK = "webhook", _("webhook")

    class State(models.TextChoices):
        WAITING = "waiting", _("on its way")
        SENT = "sent", _("sent")
        FAILED = "failed", _("failed")

    class Trouble(models.TextChoices):
        NO_SERVER = "no_server", _("no mail server is set")
        AWAY = "away", _("nobody took it")
        REFUSED = "refused", _("it was refused")
        SECRET = "secret", _("the secret cannot be read")

    id = _IdField(default=_telling_id)
    alert = models.ForeignKey(
        Alert,
        on_delete=models.PROTECT,
        related_name="tellings",
        null=True,
        blank=True,
        db_index=False,
        verbose_name=_("alert"),
    )
    event = models.CharField(_("event"), max_length=16, choices=Event)
    channel = models.CharField(_("channel"), max_length=16, choices=Channel)
    address = models.CharField(_("address"), max_length=500, blank=True, default="")
    state = models.CharField(_("state"), max_length=16, choices=State, default=State.WAITING)
    trouble = models.CharField(_("trouble"), max_length=16, choices=Trouble, blank=True, default="")
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    next_at = models.DateTimeField(_("next attempt at"), null=True, blank=True)
    leased_until = models.DateTimeField(_("in hand until"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"))
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)

    class Meta:
        verbose_name = _("telling of an alert")
        verbose_name_plural = _("tellings of alerts")
        constraints = [
            models.UniqueConstraint(
                fields=["alert", "event", "channel", "address"], name="telling_once"
            ),
            models.CheckConstraint(
                condition=Q(event="test", alert=None)
                | Q(event__in=["opened", "closed"], alert__isnull=False),
                name="telling_of_an_alert_or_a_test",
            ),
            models.CheckConstraint(
                condition=Q(state="waiting", next_at__isnull=False, sent_at=None)
                | Q(state="sent", next_at=None, sent_at__isnull=False, trouble="")
                | Q(state="failed", next_at=None, sent_at=None) & ~Q(trouble=""),
                name="telling_state_matches_columns",
            ),
        ]
        indexes = [
            models.Index(fields=["next_at"], condition=Q(state="waiting"), name="telling_to_send")
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.channel} {self.pk}"


class Silence(models.Model):
    """For a time nobody is told of a rule, or of one subject of it: somebody said why."""

    id = _IdField(default=_silence_id)
    rule = _RuleField()
    subject = models.CharField(
        _("subject"),
        max_length=SUBJECT_LENGTH_MAX,
        blank=True,
        help_text=_("Empty: all subjects of the rule."),
    )
    since = models.DateTimeField(_("since"))
    until = models.DateTimeField(_("until"))
    reason = models.CharField(_("reason"), max_length=REASON_LENGTH_MAX)
    operator = _OperatorField(verbose_name=_("operator"))

    class Meta:
        verbose_name = _("silence")
        verbose_name_plural = _("silences")
        constraints = [
            models.CheckConstraint(condition=Q(until__gte=F("since")), name="silence_ends_later"),
            models.CheckConstraint(condition=~Q(reason=""), name="silence_has_a_reason"),
        ]
        indexes = [models.Index(fields=["rule", "until"], name="silence_of_rule")]

    def __str__(self) -> str:
        return f"{self.get_rule_display()} {self.subject}".strip()


class Watch(models.Model):
    """When a rule was last measured; its row is the lock of the rule's alerts."""

    rule = _RuleField(primary_key=True)
    looked_at = models.DateTimeField(_("last measured at"), null=True, blank=True)
    leased_until = models.DateTimeField(
        _("in hand until"), null=True, blank=True, help_text=_("A worker is measuring it.")
    )

    class Meta:
        verbose_name = _("watch over a rule")
        verbose_name_plural = _("watches over rules")

    def __str__(self) -> str:
        return str(self.get_rule_display())


class Inspection(models.Model):
    """What the last run of a check over all rows has found, to be told by its rule."""

    rule = _RuleField(primary_key=True)
    ended_at = models.DateTimeField(_("ended at"))
    found = models.PositiveIntegerField(_("rows found"))
    lines = models.JSONField(_("first rows"), default=list, blank=True)

    class Meta:
        verbose_name = _("last check")
        verbose_name_plural = _("last checks")

    def __str__(self) -> str:
        return str(self.get_rule_display())
