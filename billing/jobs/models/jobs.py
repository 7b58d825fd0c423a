"""One generation."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from billing.accounts.members import Membership
from billing.accounts.models import Account
from billing.jobs.labels import FAILURE_CLASSES, STATUSES
from billing.jobs.lifecycle import FINAL, IN_FLIGHT, LIVE, JobStatus
from billing.jobs.models.quotes import Quote
from billing.jobs.names import IdField, _job_id
from billing.ledger.models import Hold, Wallet
from plans.models import CatalogVersion


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
    keep_outputs = models.CharField(
        _("outputs are kept for"),
        max_length=32,
        blank=True,
        default="",
        db_default="",  # workers of the former release know no such column
        help_text=_("By the plan at the order, as an ISO period; empty: for ever."),
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
    # Its place in the queue; what waits is held back beyond the plan's number of jobs at once.
    lane = models.CharField(_("lane"), max_length=64, default="standard", db_default="standard")
    lane_priority = models.PositiveIntegerField(_("lane's priority"), default=100)
    turn = models.BigIntegerField(
        _("turn"), default=0, db_default=0, help_text=_("The lowest goes first.")
    )
    turn_distance = models.BigIntegerField(
        _("distance of its turn"),
        null=True,
        blank=True,
        help_text=_("How far its turn was behind its lane's clock when it was ordered."),
    )
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
    # By default of the database, too: code that does not know it yet still inserts.
    version = models.PositiveIntegerField(
        _("version"),
        default=1,
        db_default=1,
        editable=False,
        help_text=_("Rises with each change that its listeners see; the database counts."),
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
            models.CheckConstraint(condition=Q(turn__gte=0), name="job_turn_comes"),
        ]
        indexes = [
            models.Index(fields=["account", "-id"], name="job_newest_first"),
            models.Index(
                fields=["wallet"], condition=Q(finished_at=None), name="job_live_of_wallet"
            ),
            models.Index(fields=["wallet"], condition=Q(status__in=IN_FLIGHT), name="job_at_work"),
            models.Index(
                fields=["lane", "turn", "id", "model", "dispatch_at"],
                condition=Q(status="queued"),
                name="job_in_lane",
            ),
            models.Index(
                fields=["wallet", "lane", "turn"],
                condition=Q(status="queued"),
                name="job_last_of_wallet",
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
        permissions = [
            ("fail_job", "Can fail a job and give its credits back"),
            ("resolve_job", "Can decide what became of a job that is unknown"),
        ]

    def __str__(self) -> str:
        return self.pk
