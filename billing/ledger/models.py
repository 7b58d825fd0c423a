"""What the ledger remembers. Constraints say what is true; triggers (sql/) refuse the rest."""

from datetime import timedelta
from functools import partial

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from billing.accounts.models import Account
from billing.ids import ID_LENGTH_MAX, new_id
from billing.ledger import labels
from billing.ledger.journal import ACTORS, AMOUNT_MAX_MICROS, CAUSES, GENESIS, PATHS

IdField = partial(
    models.CharField, _("id"), primary_key=True, max_length=ID_LENGTH_MAX, editable=False
)


def _genesis() -> bytes:
    return GENESIS


def _wallet_id() -> str:
    return new_id("wa")


def _grant_id() -> str:
    return new_id("gr")


def _hold_id() -> str:
    return new_id("ho")


def _entry_id() -> str:
    return new_id("en")


def _allowance_id() -> str:
    return new_id("al")


class Wallet(models.Model):
    """An account's side in the ledger: the row that is locked, and what it says in sum."""

    id = IdField(default=_wallet_id)
    account = models.OneToOneField(
        Account, on_delete=models.PROTECT, related_name="wallet", verbose_name=_("account")
    )
    is_sandbox = models.BooleanField(_("sandbox"), default=False)
    available_micros = models.BigIntegerField(_("available"), default=0)
    held_micros = models.BigIntegerField(_("held"), default=0)
    seq = models.BigIntegerField(
        _("last entry number"), default=0, help_text=_("Number of the last entry; no gaps.")
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
                condition=Q(is_sandbox=True) | Q(clock_offset=timedelta(0)),
                name="wallet_clock_moves_in_sandbox_only",
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="wallet_due")
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
        max_length=200,
        help_text=_("The business fact behind it; a wallet has one grant for each."),
    )
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    priority = models.SmallIntegerField(
        _("priority"), default=100, help_text=_("Lower is burnt first.")
    )
    amount_micros = models.BigIntegerField(_("amount"))
    pending_micros = models.BigIntegerField(_("pending"), default=0)
    available_micros = models.BigIntegerField(_("available"), default=0)
    held_micros = models.BigIntegerField(_("held"), default=0)
    captured_micros = models.BigIntegerField(_("captured"), default=0)
    expired_micros = models.BigIntegerField(_("expired"), default=0)
    revoked_micros = models.BigIntegerField(_("revoked"), default=0)
    effective_at = models.DateTimeField(_("effective at"))
    expires_at = models.DateTimeField(
        _("expires at"),
        null=True,
        blank=True,
        help_text=_("Gone from this instant on; empty: stays."),
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
                ),
                name="grant_is_conserved",
            ),
            models.CheckConstraint(
                condition=Q(expires_at=None) | Q(expires_at__gt=F("effective_at")),
                name="grant_expires_after_it_begins",
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
        ]

    def __str__(self) -> str:
        return self.pk


class Allowance(models.Model):
    """Free credits that come again: what a plan gives a wallet in each window of time."""

    class Mode(models.TextChoices):
        AUTO = "auto", _("by itself")
        CLAIMED = "claimed", _("when claimed")

    id = IdField(default=_allowance_id)
    wallet = models.ForeignKey(
        Wallet, on_delete=models.PROTECT, related_name="allowances", verbose_name=_("wallet")
    )
    code = models.CharField(_("code"), max_length=64)
    mode = models.CharField(_("given"), max_length=8, choices=Mode)
    cadence = models.CharField(_("cadence"), max_length=8, choices=labels.CADENCES)
    zone = models.CharField(_("time zone"), max_length=64)
    amount_micros = models.BigIntegerField(_("amount"))
    source = models.CharField(_("source of the credits"), max_length=32)
    priority = models.SmallIntegerField(_("priority"))
    expiry = models.CharField(
        _("validity"), max_length=16, help_text=_('"window_end", "never" or a period.')
    )
    anchor_at = models.DateTimeField(
        _("anchor"), help_text=_("From which monthly windows are drawn.")
    )
    next_at = models.DateTimeField(
        _("next grant at"),
        null=True,
        blank=True,
        help_text=_("Start of the next window that is granted by itself."),
    )
    ends_at = models.DateTimeField(_("ends at"), null=True, blank=True)

    class Meta:
        verbose_name = _("allowance")
        verbose_name_plural = _("allowances")
        constraints = [
            models.UniqueConstraint(
                fields=["wallet", "code"], condition=Q(ends_at=None), name="allowance_open_once"
            ),
            models.CheckConstraint(
                condition=Q(amount_micros__gt=0, amount_micros__lte=AMOUNT_MAX_MICROS),
                name="allowance_amount_in_range",
            ),
            models.CheckConstraint(
                condition=Q(mode="claimed", next_at=None) | Q(mode="auto"),
                name="allowance_claimed_never_comes_due",
            ),
        ]
        indexes = [models.Index(fields=["wallet"], name="allowance_of_wallet")]

    def __str__(self) -> str:
        return f"{self.code} ({self.cadence})"


class Hold(models.Model):
    """Credits set aside for one piece of work, until it is captured or released."""

    class State(models.TextChoices):
        OPEN = "open", _("open")
        CAPTURED = "captured", _("captured")
        RELEASED = "released", _("released")

    id = IdField(default=_hold_id)
    wallet = models.ForeignKey(
        Wallet, on_delete=models.PROTECT, related_name="holds", verbose_name=_("wallet")
    )
    reference = models.CharField(
        _("pays for"), max_length=64, help_text=_('What it pays for: "job:<id>".')
    )
    state = models.CharField(_("state"), max_length=16, choices=State, default=State.OPEN)
    amount_micros = models.BigIntegerField(_("amount"))
    captured_micros = models.BigIntegerField(_("captured"), default=0)
    created_at = models.DateTimeField(_("created at"))
    settled_at = models.DateTimeField(_("settled at"), null=True, blank=True)

    class Meta:
        verbose_name = _("hold")
        verbose_name_plural = _("holds")
        constraints = [
            models.UniqueConstraint(fields=["wallet", "reference"], name="hold_reference_once"),
            models.CheckConstraint(
                condition=Q(amount_micros__gt=0, amount_micros__lte=AMOUNT_MAX_MICROS),
                name="hold_amount_in_range",
            ),
            models.CheckConstraint(
                condition=Q(captured_micros__gte=0, captured_micros__lte=F("amount_micros")),
                name="hold_captured_within_amount",
            ),
            models.CheckConstraint(
                condition=Q(state="open", captured_micros=0, settled_at=None)
                | Q(state="captured", captured_micros__gt=0, settled_at__isnull=False)
                | Q(state="released", captured_micros=0, settled_at__isnull=False),
                name="hold_state_matches_columns",
            ),
        ]
        indexes = [models.Index(fields=["wallet"], condition=Q(state="open"), name="hold_open")]

    def __str__(self) -> str:
        return f"{self.pk} ({self.reference})"


class Allocation(models.Model):
    """Which grant gave how much to a hold, in the order in which they are captured."""

    hold = models.ForeignKey(
        Hold, on_delete=models.PROTECT, related_name="allocations", verbose_name=_("hold")
    )
    grant = models.ForeignKey(
        Grant, on_delete=models.PROTECT, related_name="allocations", verbose_name=_("grant")
    )
    wallet = models.ForeignKey(
        Wallet, on_delete=models.PROTECT, related_name="+", db_index=False, verbose_name=_("wallet")
    )
    position = models.SmallIntegerField(_("position"))
    amount_micros = models.BigIntegerField(_("amount"))
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("allocation")
        verbose_name_plural = _("allocations")
        constraints = [
            models.UniqueConstraint(fields=["hold", "position"], name="allocation_in_order"),
            models.CheckConstraint(
                condition=Q(amount_micros__gt=0), name="allocation_amount_positive"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.hold_id} #{self.position}"


class Entry(models.Model):
    """One movement of one grant's credits; written once, never changed."""

    id = IdField(default=_entry_id)
    wallet = models.ForeignKey(
        Wallet,
        on_delete=models.PROTECT,
        related_name="entries",
        db_index=False,
        verbose_name=_("wallet"),
    )
    seq = models.BigIntegerField(_("entry number"))
    kind = models.CharField(_("movement"), max_length=8, choices=labels.KINDS)
    source = models.CharField(_("from"), max_length=10, choices=labels.BUCKETS)
    target = models.CharField(_("to"), max_length=10, choices=labels.BUCKETS)
    amount_micros = models.BigIntegerField(_("amount"))
    grant = models.ForeignKey(
        Grant, on_delete=models.PROTECT, related_name="entries", verbose_name=_("grant")
    )
    hold = models.ForeignKey(
        Hold,
        on_delete=models.PROTECT,
        related_name="entries",
        null=True,
        blank=True,
        verbose_name=_("hold"),
    )
    available_after_micros = models.BigIntegerField(_("available after"))
    held_after_micros = models.BigIntegerField(_("held after"))
    cause_type = models.CharField(_("cause"), max_length=16, choices=labels.CAUSES)
    cause_id = models.CharField(_("id of the cause"), max_length=128)
    actor_type = models.CharField(_("actor"), max_length=16, choices=labels.ACTORS)
    actor_id = models.CharField(_("id of the actor"), max_length=150)
    request_id = models.CharField(_("request id"), max_length=64, blank=True)
    effective_at = models.DateTimeField(_("effective at"), help_text=_("From when it counts."))
    created_at = models.DateTimeField(_("created at"), help_text=_("When it was written down."))
    digest = models.BinaryField(_("digest"), max_length=32)

    class Meta:
        verbose_name = _("entry")
        verbose_name_plural = _("entries")
        constraints = [
            models.UniqueConstraint(fields=["wallet", "seq"], name="entry_seq_once"),
            models.CheckConstraint(
                condition=Q(amount_micros__gt=0, amount_micros__lte=AMOUNT_MAX_MICROS),
                name="entry_amount_in_range",
            ),
            models.CheckConstraint(condition=Q(seq__gt=0), name="entry_seq_positive"),
            models.CheckConstraint(
                condition=Q(available_after_micros__gte=0, held_after_micros__gte=0),
                name="entry_balances_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(
                    *(
                        Q(kind=kind.value, source=source.value, target=target.value)
                        for kind, (source, target) in PATHS.items()
                    ),
                    _connector=Q.OR,
                ),
                name="entry_follows_a_known_path",
            ),
            models.CheckConstraint(
                condition=Q(cause_type__in=CAUSES) & ~Q(cause_id=""), name="entry_has_a_cause"
            ),
            models.CheckConstraint(
                condition=Q(actor_type__in=ACTORS) & ~Q(actor_id=""), name="entry_has_an_actor"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=("hold", "capture", "release", "lapse"), hold__isnull=False)
                | Q(kind__in=("grant", "expire", "revoke"), hold=None),
                name="entry_names_its_hold",
            ),
        ]
        indexes = [models.Index(fields=["wallet", "effective_at"], name="entry_by_instant")]

    def __str__(self) -> str:
        return f"{self.wallet_id} #{self.seq}"
