"""What is remembered of a job: the order, its tries, what backends said, and the result."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from billing.accounts.members import Membership
from billing.accounts.models import Account
from billing.jobs.labels import FAILURE_CLASSES, STATUSES
from billing.jobs.lifecycle import FINAL, IN_FLIGHT, LIVE, JobStatus
from billing.jobs.names import IdField, _attempt_id, _callback_id, _job_id, _output_id, _quote_id
from billing.ledger.models import Hold, Wallet
from plans.models import CatalogVersion


class Quote(models.Model):
    """A price that was told and holds until it expires; it sets nothing aside."""

    id = IdField(default=_quote_id)
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="quotes", verbose_name=_("account")
    )
    catalog_version = models.ForeignKey(
        CatalogVersion,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("catalog version"),
    )
    dimensions = models.JSONField(
        _("dimensions"), help_text=_("What priced it: the order's flat dimensions.")
    )
    context = models.JSONField(
        _("context"),
        default=dict,
        help_text=_("What else priced it: plan, surface, region, currency, book, month's count."),
    )
    rated_at = models.DateTimeField(
        _("priced as of"), help_text=_("The wallet's instant; an order by it is priced as of it.")
    )
    lines = models.JSONField(_("price lines"))
    total_micros = models.BigIntegerField(_("price"))
    max_micros = models.BigIntegerField(_("highest price"))
    created_at = models.DateTimeField(_("created at"))
    expires_at = models.DateTimeField(_("expires at"))

    class Meta:
        verbose_name = _("quote")
        verbose_name_plural = _("quotes")
        constraints = [
            models.CheckConstraint(
                condition=Q(total_micros__gte=0, max_micros__gte=models.F("total_micros")),
                name="quote_maximum_covers_total",
            )
        ]

    def __str__(self) -> str:
        return self.pk


class Job(models.Model):
    """One generation, from the order to the result. Its hold pays for it."""

    id = IdField(default=_job_id)
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="jobs", verbose_name=_("account")
    )
    wallet = models.ForeignKey(
        Wallet, on_delete=models.PROTECT, related_name="jobs", verbose_name=_("wallet")
    )
    hold = models.OneToOneField(
        Hold, on_delete=models.PROTECT, related_name="job", verbose_name=_("hold")
    )
    member = models.ForeignKey(
        Membership,
        on_delete=models.PROTECT,
        related_name="jobs",
        null=True,
        blank=True,
        verbose_name=_("ordered by the member"),
        help_text=_("Who ordered it for his organization; empty: its account itself."),
    )
    parent = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        related_name="children",
        null=True,
        blank=True,
        verbose_name=_("continues the job"),
    )
    quote = models.ForeignKey(
        Quote,
        on_delete=models.PROTECT,
        related_name="jobs",
        null=True,
        blank=True,
        verbose_name=_("quote"),
    )
    catalog_version = models.ForeignKey(
        CatalogVersion,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("catalog version"),
    )
    plan = models.CharField(
        _("plan"), max_length=64, help_text=_("The account's plan when it ordered.")
    )
    status = models.CharField(
        _("status"), max_length=16, choices=STATUSES, default=JobStatus.QUEUED
    )
    model = models.CharField(_("model"), max_length=64)
    dimensions = models.JSONField(
        _("dimensions"), help_text=_("What priced it: the order's flat dimensions.")
    )
    context = models.JSONField(
        _("context"),
        default=dict,
        help_text=_("What else priced it: plan, surface, region, currency, book, month's count."),
    )
    flags = models.JSONField(
        _("flags"), default=dict, blank=True, help_text=_("Facts of the plan about the result.")
    )
    inputs = models.JSONField(_("inputs"), default=dict)
    options = models.JSONField(_("options"), default=dict, blank=True)
    metadata = models.JSONField(_("metadata"), default=dict, blank=True)
    price_lines = models.JSONField(_("price lines"))
    quoted_micros = models.BigIntegerField(_("price"))
    covers = models.JSONField(
        _("paid by counted units"),
        default=list,
        blank=True,
        help_text=_("Which allowance pays which share of it, in its own units."),
    )
    max_micros = models.BigIntegerField(
        _("highest price"),
        null=True,
        blank=True,
        help_text=_("What its sender pays at most; empty: what it really took."),
    )
    # What it cost in the end, and why; of it so much beyond the hold, where the catalog lets it.
    charge_lines = models.JSONField(_("charge lines"), default=list, blank=True)
    charged_micros = models.BigIntegerField(_("charged"), null=True, blank=True)
    overrun_micros = models.BigIntegerField(_("charged beyond the hold"), default=0)
    owed_micros = models.BigIntegerField(_("charged and owed"), default=0)
    outputs_ordered = models.PositiveIntegerField(_("outputs ordered"), default=1)
    outputs_made = models.PositiveIntegerField(_("outputs made"), null=True, blank=True)
    # Lower goes first. What waits is held back beyond the plan's number of jobs at once.
    lane_priority = models.PositiveIntegerField(_("lane's priority"), default=100)
    waits = models.BooleanField(_("waits its turn"), default=False)
    chain_seconds = models.PositiveIntegerField(
        _("total length (seconds)"), help_text=_("Length of the video with all parents.")
    )
    progress_percent = models.PositiveSmallIntegerField(_("progress (%)"), default=0)
    failure_class = models.CharField(
        _("failure class"), max_length=32, blank=True, choices=FAILURE_CLASSES
    )
    failure_detail = models.CharField(_("failure detail"), max_length=500, blank=True)
    dispatch_at = models.DateTimeField(
        _("dispatch not before"), help_text=_("Not handed over before this instant.")
    )
    dispatch_by = models.DateTimeField(
        _("dispatch by"), help_text=_("Expires when nothing was sent by then.")
    )
    deadline_at = models.DateTimeField(
        _("verdict due at"),
        null=True,
        blank=True,
        help_text=_("When a verdict is due; then it is sought."),
    )
    cancel_requested_at = models.DateTimeField(_("cancellation asked at"), null=True, blank=True)
    late_success_at = models.DateTimeField(
        _("late success at"),
        null=True,
        blank=True,
        help_text=_("The backend succeeded after the credits had gone back."),
    )
    ordered_at = models.DateTimeField(
        _("ordered as of"), help_text=_("The wallet's instant; counts in a window go by it.")
    )
    rated_at = models.DateTimeField(
        _("priced as of"), help_text=_("The wallet's instant at the order, or at its quote.")
    )
    created_at = models.DateTimeField(_("created at"))
    started_at = models.DateTimeField(_("started at"), null=True, blank=True)
    finished_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    class Meta:
        verbose_name = _("job")
        verbose_name_plural = _("jobs")
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
            models.CheckConstraint(
                condition=Q(quoted_micros__gte=0)
                & (Q(max_micros=None) | Q(max_micros__gte=models.F("quoted_micros"))),
                name="job_price_within_its_maximum",
            ),
            models.CheckConstraint(
                condition=Q(
                    status__in=FINAL,
                    charged_micros__isnull=False,  # an unknown would be let through
                    charged_micros__gte=0,
                    overrun_micros__gte=0,
                    owed_micros__gte=0,
                )
                | Q(status__in=LIVE, charged_micros=None, overrun_micros=0, owed_micros=0),
                name="job_charged_iff_final",
            ),
            models.CheckConstraint(
                condition=Q(outputs_ordered__gte=1)
                & (
                    Q(
                        status="succeeded",
                        outputs_made__isnull=False,
                        outputs_made__gte=1,
                        outputs_made__lte=models.F("outputs_ordered"),
                    )
                    | ~Q(status="succeeded") & Q(outputs_made=None)
                ),
                name="job_success_made_something",
            ),
            models.CheckConstraint(
                condition=Q(progress_percent__lte=100), name="job_progress_in_percent"
            ),
        ]
        indexes = [
            models.Index(fields=["account", "-id"], name="job_newest_first"),
            models.Index(
                fields=["wallet"], condition=Q(finished_at=None), name="job_live_of_wallet"
            ),
            models.Index(fields=["wallet"], condition=Q(status__in=IN_FLIGHT), name="job_at_work"),
            models.Index(
                fields=["model", "lane_priority", "created_at"],
                condition=Q(status="queued"),
                name="job_waiting",
            ),
            models.Index(fields=["account", "ordered_at"], name="job_counted"),
            models.Index(
                fields=["member", "ordered_at"],
                condition=Q(member__isnull=False),
                name="job_of_member",
            ),
            models.Index(
                fields=["model", "-finished_at"],
                condition=Q(status="succeeded"),
                name="job_recent_of_model",
            ),
            models.Index(fields=["dispatch_by"], condition=Q(status="queued"), name="job_overdue"),
        ]
        permissions = [("fail_job", "Can fail a job and give its credits back")]

    def __str__(self) -> str:
        return self.pk


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
    number = models.PositiveSmallIntegerField(_("attempt number"))
    backend = models.CharField(_("backend"), max_length=64)
    state = models.CharField(_("state"), max_length=16, choices=State, default=State.SUBMITTING)
    outcome = models.CharField(
        _("outcome"), max_length=32, blank=True, help_text=_("How it ended.")
    )
    provider_id = models.CharField(_("id at the backend"), max_length=200, blank=True)
    context = models.JSONField(_("context"), default=dict, blank=True)
    usage = models.JSONField(
        _("usage"), default=dict, blank=True, help_text=_("As the backend reported it.")
    )
    detail = models.CharField(_("detail"), max_length=500, blank=True)
    absences = models.PositiveSmallIntegerField(
        _("absences"),
        default=0,
        help_text=_("How often in a row the backend said that it has no such attempt."),
    )
    absent_since = models.DateTimeField(_("absent since"), null=True, blank=True)
    lease_until = models.DateTimeField(
        _("leased until"), help_text=_("Until then its maker is trusted to report.")
    )
    check_at = models.DateTimeField(
        _("next check at"), help_text=_("When the backend is asked about it next.")
    )
    created_at = models.DateTimeField(_("created at"))
    accepted_at = models.DateTimeField(_("accepted at"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    class Meta:
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")
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


class Output(models.Model):
    """A file of a job's result, in our storage."""

    id = IdField(default=_output_id)
    job = models.ForeignKey(
        Job, on_delete=models.PROTECT, related_name="outputs", verbose_name=_("job")
    )
    position = models.PositiveSmallIntegerField(_("position"))
    path = models.CharField(_("file name"), max_length=200, help_text=_("Name in the storage."))
    mime = models.CharField(_("media type"), max_length=64)
    seconds = models.DecimalField(
        _("length (seconds)"), max_digits=8, decimal_places=3, null=True, blank=True
    )
    width = models.PositiveIntegerField(_("width (pixels)"), null=True, blank=True)
    height = models.PositiveIntegerField(_("height (pixels)"), null=True, blank=True)
    bytes = models.PositiveBigIntegerField(_("size (bytes)"))
    sha256 = models.CharField(_("SHA-256 digest"), max_length=64)
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("output")
        verbose_name_plural = _("outputs")
        constraints = [
            models.UniqueConstraint(fields=["job", "position"], name="output_position_once")
        ]

    def __str__(self) -> str:
        return self.path
