"""Entries: the movements, written once."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from billing.ledger import labels
from billing.ledger.journal import ACTORS, AMOUNT_MAX_MICROS, CAUSES, PATHS
from billing.ledger.models.fields import EntryPointer, IdField, _entry_id
from billing.ledger.models.holds import Hold
from billing.ledger.models.wallets import Grant, Wallet


class Entry(models.Model):
    """One movement of one grant's credits; written once, never changed.

    The table has a partition for each month of the ids, so that no constraint of the whole table
    can keep `seq` single in its wallet: triggers do, by `previous_id` (ADR 31).
    """

    id = IdField(default=_entry_id, db_collation="C")  # sorts as the partitions are cut
    previous_id = EntryPointer(
        _("entry before"), help_text=_("Id of the wallet's entry before; empty: it is the first.")
    )
    wallet = models.ForeignKey(
        Wallet,
        on_delete=models.PROTECT,
        related_name="entries",
        db_index=False,
        verbose_name=_("wallet"),
    )
    seq = models.BigIntegerField(_("entry number"))
    kind = models.CharField(_("movement"), max_length=8, choices=labels.KINDS)
    source = models.CharField(_("from"), max_length=16, choices=labels.BUCKETS)
    target = models.CharField(_("to"), max_length=16, choices=labels.BUCKETS)
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
                | Q(
                    kind__in=("grant", "expire", "revoke", "withdraw", "repay", "transfer"),
                    hold=None,
                ),
                name="entry_names_its_hold",
            ),
        ]
        indexes = [
            models.Index(fields=["wallet", "effective_at"], name="entry_by_instant"),
            # What happened in a day, whenever it was written: entries come in about the order of
            # their instants, so that a line for some pages is enough, and costs a movement nothing.
            BrinIndex(
                fields=["effective_at"],
                opclasses=["timestamptz_minmax_multi_ops"],
                pages_per_range=32,
                autosummarize=True,
                name="entry_of_a_day",
            ),
            models.Index(
                fields=["request_id"], condition=~Q(request_id=""), name="entry_by_request"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.wallet_id} #{self.seq}"
