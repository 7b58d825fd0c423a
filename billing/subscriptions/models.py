"""Which plan an account is on, and since when."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from billing.accounts.models import Account
from billing.ids import ID_LENGTH_MAX, new_id
from plans.models import CatalogVersion


def _subscription_id() -> str:
    return new_id("sub")


class Subscription(models.Model):
    """An account's time on one plan; open while it lasts. No open one means the free plan.

    What was sold stays in the row: the version, the price, the book. `terms_version` says whose
    allowances and entitlements count; it is the sold one until the subscriber is moved.
    """

    id = models.CharField(
        _("id"),
        primary_key=True,
        max_length=ID_LENGTH_MAX,
        default=_subscription_id,
        editable=False,
    )
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="subscriptions", verbose_name=_("account")
    )
    catalog_version = models.ForeignKey(
        CatalogVersion,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("catalog version"),
        help_text=_("The one that it was sold by."),
    )
    terms_version = models.ForeignKey(
        CatalogVersion,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("terms of"),
        help_text=_("The catalog version whose terms of the plan count for it."),
    )
    plan = models.CharField(_("plan"), max_length=64)
    interval = models.CharField(
        _("interval"),
        max_length=32,
        blank=True,
        help_text=_("The period that a price pays for; empty: given without a price."),
    )
    currency = models.CharField(_("currency"), max_length=3, blank=True)
    book = models.CharField(_("price book"), max_length=64, blank=True)
    price_micros = models.BigIntegerField(
        _("first price"), null=True, blank=True, help_text=_("Of the first period.")
    )
    renewal_micros = models.BigIntegerField(
        _("renewal price"), null=True, blank=True, help_text=_("Of each later period.")
    )
    seats = models.PositiveIntegerField(
        _("seats"),
        null=True,
        blank=True,
        help_text=_("How many members it is for; empty: it is not by seats."),
    )
    started_at = models.DateTimeField(_("started at"))
    ends_at = models.DateTimeField(
        _("ends at"), null=True, blank=True, help_text=_("Ends by itself then; empty: goes on.")
    )
    past_due_at = models.DateTimeField(
        _("past due since"), null=True, blank=True, help_text=_("Empty: paid.")
    )
    moved_at = models.DateTimeField(
        _("moved at"), null=True, blank=True, help_text=_("When its terms were last replaced.")
    )
    anchor_at = models.DateTimeField(
        _("anchor"),
        null=True,
        blank=True,
        help_text=_("From which the periods that are paid for are drawn; empty: none are."),
    )
    paid_until = models.DateTimeField(
        _("paid until"),
        null=True,
        blank=True,
        help_text=_("Nothing comes by itself from then on, unless more is paid."),
    )
    trial_ends_at = models.DateTimeField(
        _("trial ends at"), null=True, blank=True, help_text=_("Empty: it had no trial.")
    )
    paused_at = models.DateTimeField(
        _("paused since"), null=True, blank=True, help_text=_("Nothing is collected for it.")
    )
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    class Meta:
        verbose_name = _("subscription")
        verbose_name_plural = _("subscriptions")
        constraints = [
            models.UniqueConstraint(
                fields=["account"], condition=Q(ended_at=None), name="subscription_open_once"
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None) | Q(ended_at__gte=F("started_at")),
                name="subscription_ends_after_it_starts",
            ),
            models.CheckConstraint(
                condition=Q(ends_at=None) | Q(ends_at__gt=F("started_at")),
                name="subscription_lasts_a_while",
            ),
            models.CheckConstraint(
                condition=Q(interval="", currency="", price_micros=None, renewal_micros=None)
                | (
                    ~Q(interval="")
                    & ~Q(currency="")
                    & Q(price_micros__isnull=False, renewal_micros__isnull=False)
                    & Q(price_micros__gte=0, renewal_micros__gte=0)
                ),
                name="subscription_price_is_whole",
            ),
            models.CheckConstraint(
                condition=Q(moved_at=None, terms_version=F("catalog_version"))
                # A CHECK that is NULL passes, so what may be empty is asked for by name.
                | Q(moved_at__isnull=False, moved_at__gte=F("started_at")),
                name="subscription_keeps_its_terms_until_moved",
            ),
            models.CheckConstraint(
                condition=Q(seats=None) | Q(seats__gt=0), name="subscription_has_a_seat"
            ),
            models.CheckConstraint(
                condition=Q(past_due_at=None) | Q(past_due_at__gte=F("started_at")),
                name="subscription_past_due_after_it_starts",
            ),
            models.CheckConstraint(
                condition=Q(anchor_at=None, paid_until=None, trial_ends_at=None, paused_at=None)
                | Q(anchor_at__isnull=False, paid_until__isnull=False),
                name="subscription_paid_time_has_an_anchor",
            ),
        ]
        indexes = [
            models.Index(
                fields=["plan", "terms_version", "id"],
                condition=Q(ended_at=None),
                name="subscription_open_of_plan",
            ),
            models.Index(
                fields=["ends_at"],
                condition=Q(ended_at=None, ends_at__isnull=False),
                name="subscription_to_end",
            ),
            models.Index(
                fields=["paid_until"],
                condition=Q(ended_at=None, paid_until__isnull=False),
                name="subscription_to_lapse",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} ({self.plan})"


class PaidPeriod(models.Model):
    """A stretch of a subscription's time that is paid for, or is its trial; each once."""

    subscription = models.ForeignKey(
        Subscription,
        on_delete=models.PROTECT,
        related_name="paid_periods",
        verbose_name=_("subscription"),
    )
    starts_at = models.DateTimeField(_("starts at"))
    ends_at = models.DateTimeField(_("ends at"))
    is_trial = models.BooleanField(_("trial"), default=False)
    recorded_at = models.DateTimeField(
        _("recorded at"), help_text=_("When it became known here; it may have begun before.")
    )
    taken_back_at = models.DateTimeField(
        _("taken back at"), null=True, blank=True, help_text=_("Its money was given back then.")
    )

    class Meta:
        verbose_name = _("paid period")
        verbose_name_plural = _("paid periods")
        constraints = [
            models.UniqueConstraint(
                fields=["subscription", "starts_at"], name="paid_period_begins_once"
            ),
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")), name="paid_period_lasts_a_while"
            ),
        ]
        indexes = [models.Index(fields=["ends_at", "starts_at"], name="paid_period_by_time")]

    def __str__(self) -> str:
        return f"{self.subscription_id} {self.starts_at:%Y-%m-%d}"
