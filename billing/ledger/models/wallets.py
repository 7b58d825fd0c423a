"""Wallets, and the grants in them."""

from datetime import datetime, timedelta

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from billing.accounts.models import Account
from billing.ledger.journal import AMOUNT_MAX_MICROS
from billing.ledger.lots import STANDINGS
from billing.ledger.models.fields import (
    SERIES_LENGTH_MAX,
    EntryPointer,
    IdField,
    _genesis,
    _grant_id,
    _wallet_id,
)


class Wallet(models.Model):
    """An account's side in the ledger: the row that is locked, and what it says in sum."""

    id = IdField(default=_wallet_id)
    account = models.OneToOneField(
        Account, on_delete=models.PROTECT, related_name="wallet", verbose_name=_("account")
    )
    is_sandbox = models.BooleanField(_("sandbox"), default=False)
    available_micros = models.BigIntegerField(_("available"), default=0)
    held_micros = models.BigIntegerField(_("held"), default=0)
    debt_micros = models.BigIntegerField(
        _("debt"), default=0, help_text=_("What is owed; the next credits pay it.")
    )
    timed_holds = models.IntegerField(
        _("holds with an end"), default=0, help_text=_("Open holds that end by themselves.")
    )
    seq = models.BigIntegerField(
        _("last entry number"), default=0, help_text=_("Number of the last entry; no gaps.")
    )
    last_entry_id = EntryPointer(
        _("last entry"), help_text=_("Id of the last entry; empty: there is none yet.")
    )
    digest = models.BinaryField(_("digest"), max_length=32, default=_genesis)
    due_at = models.DateTimeField(
        _("next change at"),
        null=True,
        blank=True,
        help_text=_("When anything changes by itself next; empty: never."),
    )
    touched_at = models.DateTimeField(
        _("settled up to"), help_text=_("The ledger has spoken up to this instant.")
    )
    clock_offset = models.DurationField(
        _("clock offset"),
        default=timedelta(0),
        help_text=_("How far a sandbox's clock runs ahead."),
    )
    automatic_on = models.DateField(
        _("day of automatic grants"), null=True, blank=True, help_text=_("In UTC.")
    )
    automatic_count = models.IntegerField(
        _("automatic grants"), default=0, help_text=_("So many came by themselves on that day.")
    )
    halted_at = models.DateTimeField(
        _("halted at"),
        null=True,
        blank=True,
        help_text=_("Nothing more comes by itself until an operator has looked; empty: it does."),
    )
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("wallet")
        verbose_name_plural = _("wallets")
        constraints = [
            models.CheckConstraint(
                condition=Q(available_micros__gte=0), name="wallet_available_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(held_micros__gte=0), name="wallet_held_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(debt_micros__gte=0, timed_holds__gte=0, automatic_count__gte=0),
                name="wallet_counts_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(seq=0, last_entry_id="") | (Q(seq__gt=0) & ~Q(last_entry_id="")),
                name="wallet_names_its_last_entry",
            ),
            models.CheckConstraint(
                condition=Q(is_sandbox=True) | Q(clock_offset=timedelta(0)),
                name="wallet_clock_moves_in_sandbox_only",
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="wallet_due"),
            models.Index(
                fields=["id"], condition=Q(clock_offset__gt=timedelta(0)), name="wallet_clock_moved"
            ),
            models.Index(
                fields=["halted_at"], condition=Q(halted_at__isnull=False), name="wallet_halted"
            ),
        ]

    def __str__(self) -> str:
        return self.pk


class Grant(models.Model):
    """Credits that arrived together and share their terms, and where they are now."""

    id = IdField(default=_grant_id)
    wallet = models.ForeignKey(
        Wallet, on_delete=models.PROTECT, related_name="grants", verbose_name=_("wallet")
    )
    source = models.CharField(
        _("source of the credits"),
        max_length=32,
        help_text=_("Where the credits came from, in the catalog's words."),
    )
    fact = models.CharField(
        _("business fact"),
        max_length=255,
        help_text=_("The business fact behind it; a wallet has one grant for each."),
    )
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    priority = models.SmallIntegerField(
        _("priority"), default=100, help_text=_("Lower is burnt first.")
    )
    series = models.CharField(
        _("allowance"),
        max_length=SERIES_LENGTH_MAX,
        blank=True,
        default="",
        help_text=_("The allowance that it is a window of; empty: none."),
    )
    pack = models.CharField(_("pack"), max_length=64, blank=True, default="")
    scope = models.JSONField(
        _("pays for"),
        blank=True,
        default=dict,
        help_text=_("Which orders it pays, as a rate's match; empty: all."),
    )
    locked_while = models.JSONField(
        _("locked while"),
        blank=True,
        default=list,
        help_text=_("How an account stands that cannot spend it."),
    )
    with_subscription = models.BooleanField(_("ends with the subscription"), default=False)
    goes_back = models.BooleanField(
        _("goes back"),
        default=False,
        help_text=_("What is unused at its end goes back to the wallet that it came from."),
    )
    lasts = models.CharField(
        _("lasts"),
        max_length=32,
        blank=True,
        default="",
        help_text=_("The period from its first use after which it is gone; empty: not so."),
    )
    day_at = models.DateTimeField(
        _("day begins at"),
        null=True,
        blank=True,
        help_text=_("When the day began whose credits it is; empty: no day's."),
    )
    streak_days = models.IntegerField(
        _("days in a row"),
        default=0,
        help_text=_("On which of so many days in a row it was claimed; 0: it was not."),
    )
    paid_micros = models.BigIntegerField(
        _("paid"), default=0, help_text=_("What was paid for it, in money; 0: nothing.")
    )
    paid_currency = models.CharField(_("currency"), max_length=3, blank=True, default="")
    amount_micros = models.BigIntegerField(_("amount"))
    pending_micros = models.BigIntegerField(_("pending"), default=0)
    available_micros = models.BigIntegerField(_("available"), default=0)
    held_micros = models.BigIntegerField(_("held"), default=0)
    captured_micros = models.BigIntegerField(_("captured"), default=0)
    expired_micros = models.BigIntegerField(_("expired"), default=0)
    revoked_micros = models.BigIntegerField(_("revoked"), default=0)
    transferred_micros = models.BigIntegerField(_("transferred"), default=0)
    effective_at = models.DateTimeField(_("effective at"))
    expires_at = models.DateTimeField(
        _("expires at"),
        null=True,
        blank=True,
        help_text=_("Gone from this instant on; empty: stays."),
    )
    ends_at = models.DateTimeField(
        _("ends at"),
        null=True,
        blank=True,
        help_text=_("Gone from this instant on already: drawn later, and never after its end."),
    )
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("grant")
        verbose_name_plural = _("grants")
        constraints = [
            models.UniqueConstraint(fields=["wallet", "fact"], name="grant_fact_once"),
            models.CheckConstraint(
                condition=Q(amount_micros__gt=0, amount_micros__lte=AMOUNT_MAX_MICROS),
                name="grant_amount_in_range",
            ),
            models.CheckConstraint(
                condition=Q(
                    pending_micros__gte=0,
                    available_micros__gte=0,
                    held_micros__gte=0,
                    captured_micros__gte=0,
                    expired_micros__gte=0,
                    revoked_micros__gte=0,
                    transferred_micros__gte=0,
                ),
                name="grant_nothing_negative",
            ),
            models.CheckConstraint(
                condition=Q(
                    amount_micros=F("pending_micros")
                    + F("available_micros")
                    + F("held_micros")
                    + F("captured_micros")
                    + F("expired_micros")
                    + F("revoked_micros")
                    + F("transferred_micros")
                ),
                name="grant_is_conserved",
            ),
            models.CheckConstraint(
                condition=Q(expires_at=None) | Q(expires_at__gt=F("effective_at")),
                name="grant_expires_after_it_begins",
            ),
            models.CheckConstraint(
                condition=Q(ends_at=None) | Q(expires_at=None) | Q(ends_at__lte=F("expires_at")),
                name="grant_ends_by_its_expiry",
            ),
            models.CheckConstraint(
                condition=Q(paid_micros=0, paid_currency="")
                | (Q(paid_micros__gt=0) & ~Q(paid_currency="")),
                name="grant_paid_in_a_currency",
            ),
            models.CheckConstraint(
                condition=Q(locked_while__contained_by=list(STANDINGS)),
                name="grant_locked_by_known_standing",
            ),
            models.CheckConstraint(
                condition=Q(streak_days__gte=0), name="grant_streak_not_negative"
            ),
        ]
        indexes = [
            models.Index(
                fields=["wallet"],
                condition=Q(pending_micros__gt=0)
                | Q(available_micros__gt=0)
                | Q(held_micros__gt=0),
                name="grant_live",
            ),
            models.Index(fields=["wallet", "-id"], name="grant_newest_first"),
            models.Index(Coalesce("ends_at", "expires_at"), name="grant_by_end"),
            models.Index(
                fields=["wallet", "series", "day_at"],
                condition=Q(day_at__isnull=False),
                name="grant_of_a_day",
            ),
        ]

    def __str__(self) -> str:
        return self.pk

    @property
    def gone_at(self) -> datetime | None:
        """The instant from which it is gone, as it was sold or because its end came nearer."""
        return self.ends_at or self.expires_at
