"""Campaigns whose share a list of accounts is to have, as two people have looked at it."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from billing.accounts.models import Account
from billing.corrections.models.fields import TEXT_LENGTH_MAX, IdField, OperatorField
from billing.ids import new_id
from billing.promotions.models import CampaignGrant
from plans.models import CatalogVersion


def _run_id() -> str:
    return new_id("run")


class CampaignRun(models.Model):
    """A share of a campaign for each of these accounts: exactly the list that was looked at."""

    class State(models.TextChoices):
        REQUESTED = "requested", _("requested")
        APPROVED = "approved", _("being carried out")
        DONE = "done", _("carried out")
        REFUSED = "refused", _("refused")
        WITHDRAWN = "withdrawn", _("withdrawn")
        EXPIRED = "expired", _("expired")

    id = IdField(default=_run_id)
    campaign = models.CharField(_("campaign"), max_length=64)
    name = models.CharField(
        _("run"),
        max_length=100,
        help_text=_("An account has one share of each run, whichever way it comes."),
    )
    is_sandbox = models.BooleanField(_("sandbox"), default=False)
    catalog_version = models.ForeignKey(
        CatalogVersion,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("catalog version"),
    )
    selection = models.JSONField(_("selection"), help_text=_("Which accounts were meant."))
    digest = models.CharField(
        _("digest of the preview"), max_length=64, help_text=_("Of the very accounts and amounts.")
    )
    reason = models.CharField(
        _("reason"), max_length=64, help_text=_("A code of the catalog's corrections.")
    )
    text = models.CharField(_("explanation"), max_length=TEXT_LENGTH_MAX)
    accounts_count = models.PositiveIntegerField(_("accounts"))
    share_micros = models.BigIntegerField(
        _("most for an account"), help_text=_("By chance it may be less, as the campaign says.")
    )
    amount_micros = models.BigIntegerField(_("most in all"))
    state = models.CharField(_("state"), max_length=16, choices=State, default=State.REQUESTED)
    requester = OperatorField(verbose_name=_("requested by"))
    approver = OperatorField(verbose_name=_("decided by"), null=True, blank=True)
    requested_at = models.DateTimeField(_("requested at"))
    expires_at = models.DateTimeField(_("expires at"))
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    counted_on = models.DateField(
        _("counted on"),
        null=True,
        blank=True,
        help_text=_("The day on which it counts for those who had a hand in it."),
    )
    finished_at = models.DateTimeField(_("carried out at"), null=True, blank=True)

    class Meta:
        verbose_name = _("campaign run")
        verbose_name_plural = _("campaign runs")
        permissions = [
            ("request_campaignrun", "Can request that a campaign is granted to accounts"),
            ("approve_campaignrun", "Can approve and refuse campaign runs of others"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "name", "is_sandbox"],
                condition=~Q(state__in=["refused", "withdrawn", "expired"]),
                name="campaign_run_once",
            ),
            models.CheckConstraint(
                condition=~Q(name="") & ~Q(reason="") & ~Q(text=""),
                name="campaign_run_has_a_name_and_a_reason",
            ),
            models.CheckConstraint(
                condition=Q(approver=None) | ~Q(requester=F("approver")),
                name="campaign_run_is_decided_by_another",
            ),
            models.CheckConstraint(
                condition=Q(
                    accounts_count__gt=0,
                    share_micros__gt=0,
                    amount_micros=F("share_micros") * F("accounts_count"),
                ),
                name="campaign_run_gives_something",
            ),
            models.CheckConstraint(
                condition=Q(state="requested", approver=None, decided_at=None, finished_at=None)
                | Q(
                    state__in=["approved", "refused"],
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
                    state__in=["withdrawn", "expired"],
                    approver=None,
                    decided_at__isnull=False,
                    finished_at=None,
                ),
                name="campaign_run_state_matches_columns",
            ),
            # Those that were approved before runs were counted, or by a process of the release
            # of before while this one comes, count for no day.
            models.CheckConstraint(
                condition=Q(counted_on=None) | Q(state__in=["approved", "done"]),
                name="campaign_run_counts_when_approved",
            ),
        ]
        indexes = [
            models.Index(
                fields=["counted_on"],
                condition=Q(counted_on__isnull=False),
                name="campaign_run_counted",
            ),
            models.Index(
                fields=["expires_at"],
                condition=Q(state__in=["requested", "approved"]),
                name="campaign_run_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.campaign} {self.name}"


class CampaignRunShare(models.Model):
    """What one account of a run has got: a share of the campaign, or why none."""

    run = models.ForeignKey(
        CampaignRun,
        on_delete=models.PROTECT,
        related_name="shares",
        db_index=False,
        verbose_name=_("campaign run"),
    )
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="+", verbose_name=_("account")
    )
    # Not one to one: who had his share of this run by a command before, has that one.
    campaign_grant = models.ForeignKey(
        CampaignGrant,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("campaign grant"),
    )
    refusal = models.CharField(
        _("why it got nothing"), max_length=64, blank=True, help_text=_("Empty: it got it.")
    )
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    class Meta:
        verbose_name = _("share of a campaign run")
        verbose_name_plural = _("shares of campaign runs")
        constraints = [
            models.UniqueConstraint(
                fields=["run", "account"], name="campaign_run_share_once_an_account"
            ),
            models.CheckConstraint(
                condition=Q(campaign_grant=None, refusal="", ended_at=None)
                | Q(campaign_grant__isnull=False, refusal="", ended_at__isnull=False)
                | (Q(campaign_grant=None, ended_at__isnull=False) & ~Q(refusal="")),
                name="campaign_run_share_state_matches_columns",
            ),
        ]
        indexes = [
            models.Index(fields=["run"], condition=Q(ended_at=None), name="campaign_run_share_open")
        ]

    def __str__(self) -> str:
        return f"{self.run_id} {self.account_id}"
