"""Test clocks, and which sandbox accounts live by them."""

from datetime import timedelta

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from billing.accounts.models import Account
from billing.ids import ID_LENGTH_MAX, new_id

NAME_LENGTH_MAX = 100


def _clock_id() -> str:
    return new_id("tc")


class TestClock(models.Model):
    """How far the time of some sandbox accounts runs ahead; it is moved forward only."""

    __test__ = False  # it is no test of pytest's

    id = models.CharField(
        _("id"), primary_key=True, max_length=ID_LENGTH_MAX, default=_clock_id, editable=False
    )
    name = models.CharField(_("name"), max_length=NAME_LENGTH_MAX, blank=True)
    owner = models.ForeignKey(
        Account,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("owner"),
        help_text=_("The sandbox user who made it for himself; empty: the platform."),
    )
    offset = models.DurationField(
        _("offset"), default=timedelta(0), help_text=_("How far it runs ahead.")
    )
    moved_from = models.DateTimeField(
        _("moved from"), null=True, blank=True, help_text=_("What it showed before the last move.")
    )
    moved_offset = models.DurationField(_("offset before the last move"), default=timedelta(0))
    goal_at = models.DateTimeField(
        _("goal"), null=True, blank=True, help_text=_("It is on its way there; empty: it is ready.")
    )
    created_at = models.DateTimeField(_("created at"))
    retired_at = models.DateTimeField(_("retired at"), null=True, blank=True)

    class Meta:
        verbose_name = _("test clock")
        verbose_name_plural = _("test clocks")
        constraints = [
            models.CheckConstraint(
                condition=Q(offset__gte=timedelta(0), moved_offset__lte=F("offset")),
                name="test_clock_goes_forward",
            ),
            models.CheckConstraint(
                condition=Q(goal_at=None) | Q(moved_from__isnull=False, retired_at=None),
                name="test_clock_state_matches_columns",
            ),
        ]
        indexes = [
            models.Index(
                fields=["id"], condition=Q(goal_at__isnull=False), name="test_clock_on_its_way"
            )
        ]

    def __str__(self) -> str:
        return self.name or self.pk

    @property
    def status(self) -> str:
        """Return where it stands: ready, advancing or retired."""
        if self.retired_at is not None:
            return "retired"
        return "ready" if self.goal_at is None else "advancing"


class TestClockAccount(models.Model):
    """That a sandbox account lives by a clock, until that is retired."""

    __test__ = False  # it is no test of pytest's

    clock = models.ForeignKey(
        TestClock, on_delete=models.PROTECT, related_name="members", verbose_name=_("test clock")
    )
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="+", verbose_name=_("account")
    )
    joined_at = models.DateTimeField(_("joined at"))
    left_at = models.DateTimeField(_("left at"), null=True, blank=True)

    class Meta:
        verbose_name = _("account of a test clock")
        verbose_name_plural = _("accounts of test clocks")
        constraints = [
            models.UniqueConstraint(
                fields=["account"],
                condition=Q(left_at=None),
                name="test_clock_account_has_one_clock",
            )
        ]

    def __str__(self) -> str:
        return f"{self.account_id}: {self.clock_id}"
