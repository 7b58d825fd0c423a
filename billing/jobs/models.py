"""What is remembered of a job: the order, its tries, what backends said, and the result."""

from functools import partial

from django.db import models
from django.db.models import Q

from billing.accounts.models import Account
from billing.ids import ID_LENGTH_MAX, new_id
from billing.jobs.lifecycle import FINAL, LIVE, FailureClass, JobStatus
from billing.ledger.models import Hold, Wallet
from plans.models import CatalogVersion

IdField = partial(models.CharField, primary_key=True, max_length=ID_LENGTH_MAX, editable=False)


def _quote_id() -> str:
    return new_id("qt")


def _job_id() -> str:
    return new_id("job")


def _attempt_id() -> str:
    return new_id("at")


def _callback_id() -> str:
    return new_id("cb")


def _output_id() -> str:
    return new_id("out")


class Quote(models.Model):
    """A price that was told and holds until it expires; it sets nothing aside."""

    id = IdField(default=_quote_id)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="quotes")
    catalog_version = models.ForeignKey(CatalogVersion, on_delete=models.PROTECT, related_name="+")
    dimensions = models.JSONField(help_text="What priced it: the order's flat dimensions.")
    lines = models.JSONField()
    total_micros = models.BigIntegerField()
    max_micros = models.BigIntegerField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(total_micros__gt=0, max_micros__gte=models.F("total_micros")),
                name="quote_maximum_covers_total",
            )
        ]

    def __str__(self) -> str:
        return self.pk


class Job(models.Model):
    """One generation, from the order to the result. Its hold pays for it."""

    id = IdField(default=_job_id)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="jobs")
    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="jobs")
    hold = models.OneToOneField(Hold, on_delete=models.PROTECT, related_name="job")
    parent = models.ForeignKey(
        "self", on_delete=models.PROTECT, related_name="children", null=True, blank=True
    )
    quote = models.ForeignKey(
        Quote, on_delete=models.PROTECT, related_name="jobs", null=True, blank=True
    )
    catalog_version = models.ForeignKey(CatalogVersion, on_delete=models.PROTECT, related_name="+")
    plan = models.CharField(max_length=64, help_text="The account's plan when it ordered.")
    status = models.CharField(
        max_length=16,
        choices=[(status.value, status.value) for status in JobStatus],
        default=JobStatus.QUEUED,
    )
    model = models.CharField(max_length=64)
    dimensions = models.JSONField(help_text="What priced it: the order's flat dimensions.")
    inputs = models.JSONField(default=dict)
    options = models.JSONField(default=dict, blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    price_lines = models.JSONField()
    quoted_micros = models.BigIntegerField()
    chain_seconds = models.PositiveIntegerField(help_text="Length of the video with all parents.")
    progress_percent = models.PositiveSmallIntegerField(default=0)
    failure_class = models.CharField(
        max_length=32,
        blank=True,
        choices=[(failure.value, failure.value) for failure in FailureClass],
    )
    failure_detail = models.CharField(max_length=500, blank=True)
    dispatch_at = models.DateTimeField(help_text="Not handed over before this instant.")
    dispatch_by = models.DateTimeField(help_text="Expires when nothing was sent by then.")
    deadline_at = models.DateTimeField(
        null=True, blank=True, help_text="When a verdict is due; then it is sought."
    )
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    late_success_at = models.DateTimeField(
        null=True, blank=True, help_text="The backend succeeded after the credits had gone back."
    )
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=[status.value for status in JobStatus]),
                name="job_status_known",
            ),
            models.CheckConstraint(
                condition=Q(status__in=FINAL, finished_at__isnull=False)
                | Q(status__in=LIVE, finished_at=None),
                name="job_finished_iff_final",
            ),
            models.CheckConstraint(
                condition=(Q(status="succeeded") & Q(failure_class=""))
                | (Q(status__in=("failed", "canceled", "expired")) & ~Q(failure_class=""))
                | (Q(status__in=LIVE) & Q(failure_class="")),
                name="job_failure_has_a_class",
            ),
            models.CheckConstraint(condition=Q(quoted_micros__gt=0), name="job_costs_something"),
            models.CheckConstraint(
                condition=Q(progress_percent__lte=100), name="job_progress_in_percent"
            ),
        ]
        indexes = [
            models.Index(fields=["account", "-id"], name="job_newest_first"),
            models.Index(
                fields=["wallet"], condition=Q(finished_at=None), name="job_live_of_wallet"
            ),
            models.Index(fields=["dispatch_at"], condition=Q(status="queued"), name="job_waiting"),
        ]
        permissions = [("fail_job", "Can fail a job and give its credits back")]

    def __str__(self) -> str:
        return self.pk


class Attempt(models.Model):
    """One try of handing a job to a backend; committed before the backend hears of it."""

    class State(models.TextChoices):
        SUBMITTING = "submitting"  # the call is being made, or its maker died
        ACCEPTED = "accepted"  # the backend took it
        AMBIGUOUS = "ambiguous"  # nobody knows; never sent again before that is cleared
        ENDED = "ended"

    id = IdField(default=_attempt_id)
    job = models.ForeignKey(Job, on_delete=models.PROTECT, related_name="attempts")
    number = models.PositiveSmallIntegerField()
    backend = models.CharField(max_length=64)
    state = models.CharField(max_length=16, choices=State, default=State.SUBMITTING)
    outcome = models.CharField(max_length=32, blank=True, help_text="How it ended.")
    provider_id = models.CharField(max_length=200, blank=True)
    context = models.JSONField(default=dict, blank=True)
    usage = models.JSONField(default=dict, blank=True, help_text="As the backend reported it.")
    detail = models.CharField(max_length=500, blank=True)
    absences = models.PositiveSmallIntegerField(
        default=0, help_text="How often in a row the backend said that it has no such attempt."
    )
    absent_since = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(help_text="Until then its maker is trusted to report.")
    check_at = models.DateTimeField(help_text="When the backend is asked about it next.")
    created_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["job", "number"], name="attempt_number_once"),
            models.UniqueConstraint(
                fields=["job"], condition=~Q(state="ended"), name="attempt_one_live_a_job"
            ),
            models.CheckConstraint(
                condition=Q(state="ended", ended_at__isnull=False) & ~Q(outcome="")
                | Q(state__in=("submitting", "accepted", "ambiguous"), ended_at=None, outcome=""),
                name="attempt_state_matches_columns",
            ),
        ]
        indexes = [
            models.Index(fields=["check_at"], condition=~Q(state="ended"), name="attempt_to_check"),
            models.Index(
                fields=["backend"], condition=~Q(state="ended"), name="attempt_live_of_backend"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.job_id} #{self.number} on {self.backend}"


class Callback(models.Model):
    """What a backend told us of an attempt, word for word, once."""

    id = IdField(default=_callback_id)
    attempt = models.ForeignKey(Attempt, on_delete=models.PROTECT, related_name="callbacks")
    digest = models.BinaryField(max_length=32, help_text="SHA-256 of the body as received.")
    body = models.BinaryField(help_text="As received; the video is cut out once it is stored.")
    received_at = models.DateTimeField()
    applied_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["attempt", "digest"], name="callback_heard_once")
        ]

    def __str__(self) -> str:
        return self.pk


class Output(models.Model):
    """A file of a job's result, in our storage."""

    id = IdField(default=_output_id)
    job = models.ForeignKey(Job, on_delete=models.PROTECT, related_name="outputs")
    position = models.PositiveSmallIntegerField()
    path = models.CharField(max_length=200, help_text="Name in the storage.")
    mime = models.CharField(max_length=64)
    seconds = models.DecimalField(max_digits=8, decimal_places=3, null=True, blank=True)
    width = models.PositiveIntegerField(null=True, blank=True)
    height = models.PositiveIntegerField(null=True, blank=True)
    bytes = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["job", "position"], name="output_position_once")
        ]

    def __str__(self) -> str:
        return self.path
