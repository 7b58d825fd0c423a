"""The tries of a job, and what backends said of them."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from billing.jobs.models.jobs import Job
from billing.jobs.names import IdField, _attempt_id, _callback_id
from billing.telemetry import tracing


class Attempt(models.Model):
    """One try of handing a job to a backend; committed before the backend hears of it."""

    class State(models.TextChoices):
        SUBMITTING = "submitting", _("submitting")  # the call is being made, or its maker died
        ACCEPTED = "accepted", _("accepted")  # the backend took it
        # Nobody knows; never sent again before that is cleared.
        AMBIGUOUS = "ambiguous", _("ambiguous")
        ENDED = "ended", _("ended")

    id = IdField(default=_attempt_id)
    job = models.ForeignKey(
        Job, on_delete=models.PROTECT, related_name="attempts", verbose_name=_("job")
    )
    number = models.PositiveIntegerField(_("attempt number"))
    backend = models.CharField(_("backend"), max_length=64)
    state = models.CharField(_("state"), max_length=16, choices=State, default=State.SUBMITTING)
    outcome = models.CharField(
        _("outcome"), max_length=32, blank=True, help_text=_("How it ended.")
    )
    provider_id = models.CharField(_("id at the backend"), max_length=200, blank=True)
    traceparent = models.CharField(
        _("trace"),
        max_length=tracing.LENGTH_MAX,
        blank=True,
        default="",
        db_default="",  # workers of the former release know no such column
        help_text=_("Where in a trace it was handed over; empty: in none."),
    )
    context = models.JSONField(_("context"), default=dict, blank=True)
    usage = models.JSONField(
        _("usage"), default=dict, blank=True, help_text=_("As the backend reported it.")
    )
    cost_micros = models.BigIntegerField(
        _("cost"),
        null=True,
        blank=True,
        help_text=_("By the cost table at its end; empty: nobody knows."),
    )
    cost_currency = models.CharField(_("currency of the cost"), max_length=3, blank=True)
    cost_lines = models.JSONField(_("lines of the cost"), default=list, blank=True)
    detail = models.CharField(_("detail"), max_length=500, blank=True)
    absences = models.PositiveSmallIntegerField(
        _("absences"),
        default=0,
        help_text=_("How often in a row the backend said that it has no such attempt."),
    )
    absent_since = models.DateTimeField(_("absent since"), null=True, blank=True)
    output_since = models.DateTimeField(
        _("outputs waited for since"),
        null=True,
        blank=True,
        help_text=_("It has succeeded, and its outputs could not be fetched yet."),
    )
    collecting_until = models.DateTimeField(
        _("outputs are copied until"),
        null=True,
        blank=True,
        help_text=_("One run copies its outputs; no other does before then."),
    )
    human_called_at = models.DateTimeField(
        _("operators called at"),
        null=True,
        blank=True,
        help_text=_("Long overdue without a verdict: an operator decides about its job."),
    )
    lease_until = models.DateTimeField(
        _("leased until"), help_text=_("Until then its maker is trusted to report.")
    )
    check_at = models.DateTimeField(
        _("next check at"), help_text=_("When the backend is asked about it next.")
    )
    created_at = models.DateTimeField(_("created at"))
    accepted_at = models.DateTimeField(_("accepted at"), null=True, blank=True)
    heard_at = models.DateTimeField(
        _("last heard of at"), null=True, blank=True, help_text=_("Its last sign of life.")
    )
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    class Meta:
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")
        constraints = [
            models.UniqueConstraint(fields=["job", "number"], name="attempt_number_once"),
            models.UniqueConstraint(
                fields=["job"], condition=~Q(state="ended"), name="attempt_one_live_a_job"
            ),
            # A backend that counts anew after a restart must not give one order another's video.
            models.UniqueConstraint(
                fields=["backend", "provider_id"],
                condition=~Q(provider_id=""),
                name="attempt_provider_id_once",
            ),
            models.CheckConstraint(
                condition=Q(state="ended", ended_at__isnull=False) & ~Q(outcome="")
                | Q(state__in=("submitting", "accepted", "ambiguous"), ended_at=None, outcome=""),
                name="attempt_state_matches_columns",
            ),
            models.CheckConstraint(
                condition=Q(cost_micros=None, cost_currency="")
                | Q(state="ended", cost_micros__isnull=False, cost_micros__gte=0)
                & ~Q(cost_currency=""),
                name="attempt_costs_when_ended",
            ),
        ]
        indexes = [
            models.Index(fields=["check_at"], condition=~Q(state="ended"), name="attempt_to_check"),
            models.Index(
                fields=["backend"], condition=~Q(state="ended"), name="attempt_live_of_backend"
            ),
            models.Index(
                fields=["ended_at"], condition=Q(state="ended"), name="attempt_ended_lately"
            ),
            models.Index(
                fields=["backend", "ended_at"],
                condition=Q(outcome__in=("NotSent", "AtCapacity", "AuthError")),
                name="attempt_in_vain",
            ),
            models.Index(
                fields=["provider_id"], condition=~Q(provider_id=""), name="attempt_by_provider_id"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.job_id} #{self.number} ({self.backend})"


class Callback(models.Model):
    """What a backend told us of an attempt, word for word, once."""

    id = IdField(default=_callback_id)
    attempt = models.ForeignKey(
        Attempt, on_delete=models.PROTECT, related_name="callbacks", verbose_name=_("attempt")
    )
    digest = models.BinaryField(
        _("digest"), max_length=32, help_text=_("SHA-256 of the body as received.")
    )
    body = models.BinaryField(
        _("body"), help_text=_("As received; the video is cut out once it is stored.")
    )
    received_at = models.DateTimeField(_("received at"))
    applied_at = models.DateTimeField(_("applied at"), null=True, blank=True)

    class Meta:
        verbose_name = _("callback")
        verbose_name_plural = _("callbacks")
        constraints = [
            models.UniqueConstraint(fields=["attempt", "digest"], name="callback_heard_once")
        ]

    def __str__(self) -> str:
        return self.pk
