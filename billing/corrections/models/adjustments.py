"""Credits given and taken by hand, and how much each person had a hand in."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Abs
from django.utils.translation import gettext_lazy as _

from billing.accounts.models import Account
from billing.corrections.models.fields import (
    KEY_LENGTH_MAX,
    TEXT_LENGTH_MAX,
    IdField,
    OperatorField,
)
from billing.ids import new_id
from billing.ledger.journal import AMOUNT_MAX_MICROS
from billing.ledger.models import Debt, Grant
from plans.models import CatalogVersion


def _adjustment_id() -> str:
    return new_id("adj")


class Adjustment(models.Model):
    """Credits that an operator gives to an account or takes from it, once another agrees."""

    class State(models.TextChoices):
        REQUESTED = "requested", _("requested")
        EXECUTED = "executed", _("executed")
        REFUSED = "refused", _("refused")
        WITHDRAWN = "withdrawn", _("withdrawn")
        EXPIRED = "expired", _("expired")

    id = IdField(default=_adjustment_id)
    key = models.CharField(
        _("key"), max_length=KEY_LENGTH_MAX, help_text=_("One key, one adjustment.")
    )
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="adjustments", verbose_name=_("account")
    )
    catalog_version = models.ForeignKey(
        CatalogVersion,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("catalog version"),
    )
    amount_micros = models.BigIntegerField(
        _("amount"), help_text=_("Above zero it is given, below zero it is taken.")
    )
    grant_ids = models.JSONField(
        _("taken from"),
        default=list,
        blank=True,
        help_text=_("The grants, in this order; empty: as they burn."),
    )
    as_debt = models.BooleanField(
        _("rest as debt"), default=False, help_text=_("What is not free is owed, not refused.")
    )
    reason = models.CharField(
        _("reason"), max_length=64, help_text=_("A code of the catalog's corrections.")
    )
    text = models.CharField(_("explanation"), max_length=TEXT_LENGTH_MAX)
    alone_max_micros = models.BigIntegerField(
        _("needs one person up to"), default=0, help_text=_("As the catalog said; 0: always two.")
    )
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
    grant = models.OneToOneField(
        Grant,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("grant"),
    )
    revoked_micros = models.BigIntegerField(_("taken"), default=0)
    debt = models.OneToOneField(
        Debt,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("debt"),
    )

    class Meta:
        verbose_name = _("adjustment")
        verbose_name_plural = _("adjustments")
        permissions = [
            ("request_adjustment", "Can request adjustments"),
            ("approve_adjustment", "Can approve and refuse adjustments of others"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["key"], name="adjustment_key_once"),
            models.CheckConstraint(condition=~Q(key=""), name="adjustment_key_named"),
            models.CheckConstraint(
                condition=~Q(reason="") & ~Q(text=""), name="adjustment_has_a_reason"
            ),
            models.CheckConstraint(
                condition=Q(approver=None) | ~Q(requester=F("approver")),
                name="adjustment_is_decided_by_another",
            ),
            models.CheckConstraint(
                condition=~Q(amount_micros=0)
                & Q(amount_micros__gte=-AMOUNT_MAX_MICROS, amount_micros__lte=AMOUNT_MAX_MICROS)
                & (Q(amount_micros__lt=0) | Q(as_debt=False, grant_ids=[])),
                name="adjustment_gives_or_takes",
            ),
            models.CheckConstraint(
                condition=Q(alone_max_micros__gte=0), name="adjustment_alone_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(
                    state="requested",
                    approver=None,
                    decided_at=None,
                    counted_on=None,
                    grant=None,
                    revoked_micros=0,
                    debt=None,
                )
                | Q(state="executed", decided_at__isnull=False, counted_on__isnull=False)
                & (Q(approver__isnull=False) | Q(alone_max_micros__gte=Abs("amount_micros")))
                & (
                    Q(amount_micros__gt=0, grant__isnull=False, revoked_micros=0, debt=None)
                    | Q(
                        amount_micros__lt=0,
                        grant=None,
                        debt=None,
                        revoked_micros=-F("amount_micros"),
                    )
                    | Q(
                        amount_micros__lt=0,
                        as_debt=True,
                        grant=None,
                        debt__isnull=False,
                        revoked_micros__gte=0,
                        revoked_micros__lt=-F("amount_micros"),
                    )
                )
                | Q(
                    state="refused",
                    approver__isnull=False,
                    decided_at__isnull=False,
                    counted_on=None,
                    grant=None,
                    revoked_micros=0,
                    debt=None,
                )
                | Q(
                    state__in=["withdrawn", "expired"],
                    approver=None,
                    decided_at__isnull=False,
                    counted_on=None,
                    grant=None,
                    revoked_micros=0,
                    debt=None,
                ),
                name="adjustment_state_matches_columns",
            ),
        ]
        indexes = [
            models.Index(
                fields=["expires_at"], condition=Q(state="requested"), name="adjustment_open"
            ),
            models.Index(
                fields=["requester", "counted_on"],
                condition=Q(counted_on__isnull=False),
                name="adjustment_of_requester",
            ),
            models.Index(
                fields=["approver", "counted_on"],
                condition=Q(counted_on__isnull=False),
                name="adjustment_of_approver",
            ),
        ]

    def __str__(self) -> str:
        return self.pk


class OperatorDay(models.Model):
    """What the adjustments that a person had a hand in moved on one day; the row is the lock.

    The sandbox counts by itself, so that play takes nothing of what customers may need.
    """

    operator = OperatorField(verbose_name=_("operator"))
    day = models.DateField(_("day"), help_text=_("Of the catalog's zone."))
    is_sandbox = models.BooleanField(_("sandbox"), default=False)
    used_micros = models.BigIntegerField(_("used"), default=0)
    max_micros = models.BigIntegerField(_("highest"), help_text=_("As the catalog said last."))

    class Meta:
        verbose_name = _("operator's day")
        verbose_name_plural = _("operators' days")
        constraints = [
            models.UniqueConstraint(
                fields=["operator", "day", "is_sandbox"], name="operator_day_once"
            ),
            models.CheckConstraint(
                condition=Q(used_micros__gte=0, used_micros__lte=F("max_micros")),
                name="operator_day_cap_is_kept",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.operator_id} {self.day}"
