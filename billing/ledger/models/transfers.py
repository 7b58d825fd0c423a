"""Transfers: what left one wallet, and arrived in another."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from billing.ledger import labels
from billing.ledger.journal import ACTORS, AMOUNT_MAX_MICROS
from billing.ledger.models.fields import IdField, _transfer_id
from billing.ledger.models.wallets import Grant, Wallet


class Transfer(models.Model):
    """Credits that went from one wallet to another in one commit; written once.

    Those of an allotment are lent: at their end what is unused of them comes back by a return.
    """

    class Kind(models.TextChoices):
        TRANSFER = "transfer", _("transfer")
        ALLOTMENT = "allotment", _("allotment")
        RETURN = "return", _("return")

    id = IdField(default=_transfer_id)
    kind = models.CharField(_("kind"), max_length=16, choices=Kind)
    sender = models.ForeignKey(
        Wallet, on_delete=models.PROTECT, related_name="transfers_out", verbose_name=_("sender")
    )
    receiver = models.ForeignKey(
        Wallet, on_delete=models.PROTECT, related_name="transfers_in", verbose_name=_("receiver")
    )
    returns = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        related_name="returned_by",
        null=True,
        blank=True,
        verbose_name=_("returns"),
        help_text=_("The allotment of which this comes back."),
    )
    fact = models.CharField(
        _("business fact"),
        max_length=255,
        help_text=_("The business fact behind it; a sender has one transfer for each."),
    )
    amount_micros = models.BigIntegerField(_("amount"))
    note = models.CharField(_("note"), max_length=200, blank=True)
    actor_type = models.CharField(_("actor"), max_length=16, choices=labels.ACTORS)
    actor_id = models.CharField(_("id of the actor"), max_length=150)
    created_at = models.DateTimeField(_("created at"), help_text=_("By the sender's clock."))

    class Meta:
        verbose_name = _("transfer")
        verbose_name_plural = _("transfers")
        constraints = [
            models.UniqueConstraint(fields=["sender", "fact"], name="transfer_fact_once"),
            models.CheckConstraint(
                condition=Q(amount_micros__gt=0, amount_micros__lte=AMOUNT_MAX_MICROS),
                name="transfer_amount_in_range",
            ),
            models.CheckConstraint(
                condition=~Q(sender=F("receiver")), name="transfer_is_between_two_wallets"
            ),
            models.CheckConstraint(
                condition=Q(kind="return", returns__isnull=False)
                | Q(kind__in=("transfer", "allotment"), returns=None),
                name="transfer_return_names_its_allotment",
            ),
            models.CheckConstraint(
                condition=Q(actor_type__in=ACTORS) & ~Q(actor_id=""), name="transfer_has_an_actor"
            ),
        ]
        indexes = [
            models.Index(fields=["sender", "-id"], name="transfer_sent_newest_first"),
            models.Index(fields=["receiver", "-id"], name="transfer_came_newest_first"),
        ]

    def __str__(self) -> str:
        return self.pk


class TransferPart(models.Model):
    """What of one grant became another grant, in the other wallet; written once."""

    transfer = models.ForeignKey(
        Transfer, on_delete=models.PROTECT, related_name="parts", verbose_name=_("transfer")
    )
    position = models.SmallIntegerField(_("position"))
    source = models.ForeignKey(
        Grant, on_delete=models.PROTECT, related_name="parts_out", verbose_name=_("from the grant")
    )
    target = models.OneToOneField(
        Grant, on_delete=models.PROTECT, related_name="part_in", verbose_name=_("to the grant")
    )
    amount_micros = models.BigIntegerField(_("amount"))

    class Meta:
        verbose_name = _("part of a transfer")
        verbose_name_plural = _("parts of transfers")
        constraints = [
            models.UniqueConstraint(fields=["transfer", "position"], name="transfer_part_in_order"),
            models.CheckConstraint(
                condition=Q(amount_micros__gt=0), name="transfer_part_amount_positive"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.transfer_id} #{self.position}"
