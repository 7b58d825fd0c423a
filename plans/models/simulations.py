"""What drafts would have made of real jobs, and who outside may look at it."""

from django.contrib.auth.models import User
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from plans.ids import ID_LENGTH_MAX, new_id
from plans.models.drafts import Draft, DraftRevision
from plans.models.published import CatalogVersion


def _simulation_id() -> str:
    return new_id("sim")


def _share_id() -> str:
    return new_id("shr")


class Simulation(models.Model):
    """A draft beside the catalog in force, on the jobs of a stretch of time.

    It is of one revision and one version, both of which stay: so its result stays true of them,
    and it is told to be old as soon as the draft says something else.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")

    id = models.CharField(
        _("id"), primary_key=True, max_length=ID_LENGTH_MAX, default=_simulation_id, editable=False
    )
    draft = models.ForeignKey(
        Draft, on_delete=models.PROTECT, related_name="simulations", verbose_name=_("draft")
    )
    revision = models.ForeignKey(
        DraftRevision, on_delete=models.PROTECT, related_name="+", verbose_name=_("revision")
    )
    against = models.ForeignKey(
        CatalogVersion,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("beside"),
        help_text=_("The version that was in force when it was asked for."),
    )
    since = models.DateTimeField(_("jobs ordered since"))
    until = models.DateTimeField(_("jobs ordered before"))
    as_of = models.DateTimeField(
        _("prices as of the week of"),
        null=True,
        blank=True,
        help_text=_("Empty: each job at its own instant."),
    )
    state = models.CharField(_("state"), max_length=16, choices=State, default=State.WAITING)
    run = models.PositiveIntegerField(_("run"), default=0)
    jobs_count = models.PositiveIntegerField(_("jobs in all"), default=0)
    jobs_done = models.PositiveIntegerField(_("jobs looked at"), default=0)
    result = models.JSONField(_("result"), null=True, blank=True)
    trouble = models.CharField(_("trouble"), max_length=200, blank=True, default="")
    requester = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="+", verbose_name=_("requested by")
    )
    requested_at = models.DateTimeField(_("requested at"))
    started_at = models.DateTimeField(_("started at"), null=True, blank=True)
    beat_at = models.DateTimeField(
        _("last heard of at"), null=True, blank=True, help_text=_("A worker was at it then.")
    )
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)

    class Meta:
        verbose_name = _("simulation")
        verbose_name_plural = _("simulations")
        constraints = [
            models.CheckConstraint(
                condition=Q(until__gt=F("since")), name="simulation_looks_at_some_time"
            ),
            models.CheckConstraint(
                condition=Q(state="waiting", started_at=None, finished_at=None, result=None)
                | Q(state="running", started_at__isnull=False, finished_at=None, result=None)
                | Q(
                    state="done",
                    started_at__isnull=False,
                    finished_at__isnull=False,
                    result__isnull=False,
                    trouble="",
                )
                | (Q(state="failed", finished_at__isnull=False, result=None) & ~Q(trouble="")),
                name="simulation_state_matches_columns",
            ),
        ]
        indexes = [models.Index(fields=["draft", "-id"], name="simulation_newest_first")]

    def __str__(self) -> str:
        return self.pk


class SimulationShare(models.Model):
    """A link by which somebody without an account here sees a result, until it ends."""

    id = models.CharField(
        _("id"), primary_key=True, max_length=ID_LENGTH_MAX, default=_share_id, editable=False
    )
    simulation = models.ForeignKey(
        Simulation, on_delete=models.PROTECT, related_name="shares", verbose_name=_("simulation")
    )
    author = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="+", verbose_name=_("shared by")
    )
    created_at = models.DateTimeField(_("created at"))
    expires_at = models.DateTimeField(_("expires at"))
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True)

    class Meta:
        verbose_name = _("shared simulation")
        verbose_name_plural = _("shared simulations")
        constraints = [
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at")), name="simulationshare_lasts"
            )
        ]

    def __str__(self) -> str:
        return self.pk
