"""What the ledger remembers. Constraints say what is true; triggers (sql/) refuse the rest."""

from datetime import timedelta
from functools import partial

from django.db import models
from django.db.models import F, Q

from billing.accounts.models import Account
from billing.ids import ID_LENGTH_MAX, new_id
from billing.ledger.journal import ACTORS, AMOUNT_MAX_MICROS, CAUSES, GENESIS, PATHS, Kind

IdField = partial(models.CharField, primary_key=True, max_length=ID_LENGTH_MAX, editable=False)


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
    account = models.OneToOneField(Account, on_delete=models.PROTECT, related_name="wallet")
    is_sandbox = models.BooleanField(default=False)
    available_micros = models.BigIntegerField(default=0)
    held_micros = models.BigIntegerField(default=0)
    seq = models.BigIntegerField(default=0, help_text="Number of the last entry; no gaps.")
    digest = models.BinaryField(max_length=32, default=_genesis)
    due_at = models.DateTimeField(
        null=True, blank=True, help_text="When anything changes by itself next; empty: never."
    )
    touched_at = models.DateTimeField(help_text="The ledger has spoken up to this instant.")
    clock_offset = models.DurationField(
        default=timedelta(0), help_text="How far a sandbox's clock runs ahead."
    )
    created_at = models.DateTimeField()

    class Meta:
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
    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="grants")
    source = models.CharField(
        max_length=32, help_text="Where the credits came from, in the catalog's words."
    )
    fact = models.CharField(
        max_length=200, help_text="The business fact behind it; a wallet has one grant for each."
    )
    reason = models.CharField(max_length=200, blank=True)
    priority = models.SmallIntegerField(default=100, help_text="Lower is burnt first.")
    amount_micros = models.BigIntegerField()
    pending_micros = models.BigIntegerField(default=0)
    available_micros = models.BigIntegerField(default=0)
    held_micros = models.BigIntegerField(default=0)
    captured_micros = models.BigIntegerField(default=0)
    expired_micros = models.BigIntegerField(default=0)
    revoked_micros = models.BigIntegerField(default=0)
    effective_at = models.DateTimeField()
    expires_at = models.DateTimeField(
        null=True, blank=True, help_text="Gone from this instant on; empty: stays."
    )
    created_at = models.DateTimeField()

    class Meta:
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
        AUTO = "auto"
        CLAIMED = "claimed"

    id = IdField(default=_allowance_id)
    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="allowances")
    code = models.CharField(max_length=64)
    mode = models.CharField(max_length=8, choices=Mode)
    cadence = models.CharField(max_length=8)
    zone = models.CharField(max_length=64)
    amount_micros = models.BigIntegerField()
    source = models.CharField(max_length=32)
    priority = models.SmallIntegerField()
    expiry = models.CharField(max_length=16, help_text='"window_end", "never" or a period.')
    anchor_at = models.DateTimeField(help_text="From which monthly windows are drawn.")
    next_at = models.DateTimeField(
        null=True, blank=True, help_text="Start of the next window that is granted by itself."
    )
    ends_at = models.DateTimeField(null=True, blank=True)

    class Meta:
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
        OPEN = "open"
        CAPTURED = "captured"
        RELEASED = "released"

    id = IdField(default=_hold_id)
    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="holds")
    reference = models.CharField(max_length=64, help_text='What it pays for: "job:<id>".')
    state = models.CharField(max_length=16, choices=State, default=State.OPEN)
    amount_micros = models.BigIntegerField()
    captured_micros = models.BigIntegerField(default=0)
    created_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
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
        return f"{self.pk} for {self.reference}"


class Allocation(models.Model):
    """Which grant gave how much to a hold, in the order in which they are captured."""

    hold = models.ForeignKey(Hold, on_delete=models.PROTECT, related_name="allocations")
    grant = models.ForeignKey(Grant, on_delete=models.PROTECT, related_name="allocations")
    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="+", db_index=False)
    position = models.SmallIntegerField()
    amount_micros = models.BigIntegerField()
    created_at = models.DateTimeField()

    class Meta:
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
        Wallet, on_delete=models.PROTECT, related_name="entries", db_index=False
    )
    seq = models.BigIntegerField()
    kind = models.CharField(max_length=8, choices=[(kind.value, kind.value) for kind in Kind])
    source = models.CharField(max_length=10)
    target = models.CharField(max_length=10)
    amount_micros = models.BigIntegerField()
    grant = models.ForeignKey(Grant, on_delete=models.PROTECT, related_name="entries")
    hold = models.ForeignKey(
        Hold, on_delete=models.PROTECT, related_name="entries", null=True, blank=True
    )
    available_after_micros = models.BigIntegerField()
    held_after_micros = models.BigIntegerField()
    cause_type = models.CharField(max_length=16)
    cause_id = models.CharField(max_length=128)
    actor_type = models.CharField(max_length=16)
    actor_id = models.CharField(max_length=128)
    request_id = models.CharField(max_length=64, blank=True)
    effective_at = models.DateTimeField(help_text="From when it counts.")
    created_at = models.DateTimeField(help_text="When it was written down.")
    digest = models.BinaryField(max_length=32)

    class Meta:
        verbose_name_plural = "entries"
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
        return f"{self.wallet_id} #{self.seq} {self.kind}"
