"""What incidents are worth, to whom, and for which jobs."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from billing.accounts.models import Account
from billing.corrections.models.fields import (
    KEY_LENGTH_MAX,
    NOTICE_LENGTH_MAX,
    TEXT_LENGTH_MAX,
    IdField,
    OperatorField,
)
from billing.ids import new_id
from billing.jobs.models import Job
from billing.ledger.journal import AMOUNT_MAX_MICROS
from billing.ledger.models import Grant
from plans.models import CatalogVersion


def _compensation_id() -> str:
    return new_id("cmp")


class Compensation(models.Model):
    """What an incident is worth to those whom it touched: exactly what was looked at."""

    class State(models.TextChoices):
        REQUESTED = "requested", _("requested")
        APPROVED = "approved", _("being carried out")
        DONE = "done", _("carried out")
        REFUSED = "refused", _("refused")
        WITHDRAWN = "withdrawn", _("withdrawn")
        EXPIRED = "expired", _("expired")

    id = IdField(default=_compensation_id)
    key = models.CharField(
        _("incident"), max_length=KEY_LENGTH_MAX, help_text=_("One incident, one compensation.")
    )
    is_sandbox = models.BooleanField(_("sandbox"), default=False)
    catalog_version = models.ForeignKey(
        CatalogVersion,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("catalog version"),
    )
    selection = models.JSONField(_("selection"), help_text=_("Which jobs it is for."))
    rule = models.JSONField(_("rule"), help_text=_("How much each account has."))
    digest = models.CharField(
        _("digest of the preview"), max_length=64, help_text=_("Of the very jobs and amounts.")
    )
    text_en = models.CharField(_("notice in English"), max_length=NOTICE_LENGTH_MAX)
    text_zh = models.CharField(_("notice in Chinese"), max_length=NOTICE_LENGTH_MAX)
    reason = models.CharField(
        _("reason"), max_length=64, help_text=_("A code of the catalog's corrections.")
    )
    text = models.CharField(_("explanation"), max_length=TEXT_LENGTH_MAX)
    jobs_count = models.PositiveIntegerField(_("jobs"))
    accounts_count = models.PositiveIntegerField(_("accounts"))
    amount_micros = models.BigIntegerField(_("amount"))
    state = models.CharField(_("state"), max_length=16, choices=State, default=State.REQUESTED)
    requester = OperatorField(verbose_name=_("requested by"))
    approver = OperatorField(verbose_name=_("decided by"), null=True, blank=True)
    requested_at = models.DateTimeField(_("requested at"))
    expires_at = models.DateTimeField(_("expires at"))
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    finished_at = models.DateTimeField(_("carried out at"), null=True, blank=True)

    class Meta:
        verbose_name = _("compensation")
        verbose_name_plural = _("compensations")
        permissions = [
            ("request_compensation", "Can request compensations"),
            ("approve_compensation", "Can approve and refuse compensations of others"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["key", "is_sandbox"],
                condition=~Q(state__in=["refused", "withdrawn", "expired"]),
                name="compensation_incident_once",
            ),
            models.CheckConstraint(condition=~Q(key=""), name="compensation_key_named"),
            models.CheckConstraint(
                condition=~Q(reason="") & ~Q(text="") & ~Q(text_en="") & ~Q(text_zh=""),
                name="compensation_has_a_reason",
            ),
            models.CheckConstraint(
                condition=Q(approver=None) | ~Q(requester=F("approver")),
                name="compensation_is_decided_by_another",
            ),
            models.CheckConstraint(
                condition=Q(amount_micros__gt=0, jobs_count__gt=0, accounts_count__gt=0),
                name="compensation_gives_something",
            ),
            models.CheckConstraint(
                condition=Q(state="requested", approver=None, decided_at=None, finished_at=None)
                | Q(
                    state="approved",
                    approver__isnull=False,
                    decided_at__isnull=False,
                    finished_at=None,
                )
                | Q(
                    state="done",
                    approver__isnull=False,
                    decided_at__isnull=False,
                    finished_at__isnull=False,
                )
                | Q(
                    state="refused",
                    approver__isnull=False,
                    decided_at__isnull=False,
                    finished_at=None,
                )
                | Q(
                    state__in=["withdrawn", "expired"],
                    approver=None,
                    decided_at__isnull=False,
                    finished_at=None,
                ),
                name="compensation_state_matches_columns",
            ),
        ]
        indexes = [
            models.Index(
                fields=["expires_at"],
                condition=Q(state__in=["requested", "approved"]),
                name="compensation_open",
            )
        ]

    def __str__(self) -> str:
        return self.key


class CompensationShare(models.Model):
    """What one account has of a compensation: one grant, however many jobs it had."""

    compensation = models.ForeignKey(
        Compensation,
        on_delete=models.PROTECT,
        related_name="shares",
        db_index=False,
        verbose_name=_("compensation"),
    )
    account = models.ForeignKey(
        Account,
        on_delete=models.PROTECT,
        related_name="compensation_shares",
        verbose_name=_("account"),
    )
    amount_micros = models.BigIntegerField(_("amount"))
    jobs_count = models.PositiveIntegerField(_("jobs"))
    grant = models.OneToOneField(
        Grant,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("grant"),
    )
    refusal = models.CharField(
        _("why it got nothing"), max_length=64, blank=True, help_text=_("Empty: it got it.")
    )
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    class Meta:
        verbose_name = _("share of a compensation")
        verbose_name_plural = _("shares of compensations")
        constraints = [
            models.UniqueConstraint(
                fields=["compensation", "account"], name="compensation_share_once_an_account"
            ),
            models.CheckConstraint(
                condition=Q(
                    amount_micros__gt=0, amount_micros__lte=AMOUNT_MAX_MICROS, jobs_count__gt=0
                ),
                name="compensation_share_amount_in_range",
            ),
            models.CheckConstraint(
                condition=Q(grant=None, refusal="", ended_at=None)
                | Q(grant__isnull=False, refusal="", ended_at__isnull=False)
                | (Q(grant=None, ended_at__isnull=False) & ~Q(refusal="")),
                name="compensation_share_state_matches_columns",
            ),
        ]
        indexes = [
            models.Index(
                fields=["compensation"], condition=Q(ended_at=None), name="compensation_share_open"
            )
        ]

    def __str__(self) -> str:
        return f"{self.compensation_id} {self.account_id}"


class CompensatedJob(models.Model):
    """A job that a compensation names; a job is named once by each."""

    compensation = models.ForeignKey(
        Compensation,
        on_delete=models.PROTECT,
        related_name="jobs",
        db_index=False,
        verbose_name=_("compensation"),
    )
    job = models.ForeignKey(
        Job, on_delete=models.PROTECT, related_name="compensations", verbose_name=_("job")
    )
    due_micros = models.BigIntegerField(
        _("counts for"), help_text=_("Before the account's sum is rounded and capped.")
    )

    class Meta:
        verbose_name = _("compensated job")
        verbose_name_plural = _("compensated jobs")
        constraints = [
            models.UniqueConstraint(
                fields=["compensation", "job"], name="compensated_job_once_an_incident"
            ),
            models.CheckConstraint(
                condition=Q(due_micros__gte=0), name="compensated_job_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.compensation_id} {self.job_id}"
