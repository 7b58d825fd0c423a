"""Allowances, and what was taken from those that count units."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from billing.ids import ID_LENGTH_MAX
from billing.ledger import labels
from billing.ledger.journal import AMOUNT_MAX_MICROS
from billing.ledger.models.fields import CODE_LENGTH_MAX, SERIES_LENGTH_MAX, IdField, _allowance_id
from billing.ledger.models.wallets import Wallet


class Allowance(models.Model):
    """What a plan gives a wallet in each window of time: credits, or units that are counted.

    `terms` are the catalog's, as they were when it began; the columns beside them say the same
    to those who read rows.
    """

    class Mode(models.TextChoices):
        AUTO = "auto", _("by itself")
        CLAIMED = "claimed", _("when claimed")

    id = IdField(default=_allowance_id)
    wallet = models.ForeignKey(
        Wallet, on_delete=models.PROTECT, related_name="allowances", verbose_name=_("wallet")
    )
    code = models.CharField(_("code"), max_length=CODE_LENGTH_MAX)
    mode = models.CharField(_("given"), max_length=8, choices=Mode)
    cadence = models.CharField(_("cadence"), max_length=8, choices=labels.CADENCES)
    zone = models.CharField(_("time zone"), max_length=64)
    unit = models.CharField(_("unit"), max_length=8, choices=labels.UNITS, default="credit")
    amount_micros = models.BigIntegerField(
        _("amount"), help_text=_("The most of a window, in millionths of the unit.")
    )
    source = models.CharField(_("source of the credits"), max_length=32)
    priority = models.SmallIntegerField(_("priority"))
    expiry = models.CharField(
        _("validity"), max_length=32, help_text=_('"window_end", "never" or a period.')
    )
    terms = models.JSONField(_("terms"), help_text=_("In the catalog's words."))
    position = models.SmallIntegerField(
        _("position"), default=0, help_text=_("Its place in the plan.")
    )
    subscription = models.CharField(
        _("subscription"),
        max_length=ID_LENGTH_MAX,
        blank=True,
        default="",
        help_text=_("The paid subscription whose windows these are; empty: none."),
    )
    windows_of = models.CharField(
        _("in the windows of"),
        max_length=CODE_LENGTH_MAX,
        blank=True,
        default="",
        help_text=_("The code under which its windows began, if it was renamed; empty: its own."),
    )
    anchor_at = models.DateTimeField(
        _("anchor"), help_text=_("From which weeks, months and years are drawn.")
    )
    next_at = models.DateTimeField(
        _("next grant at"),
        null=True,
        blank=True,
        help_text=_("Start of the next window that is granted by itself."),
    )
    first_at = models.DateTimeField(
        _("first grant at"),
        null=True,
        blank=True,
        help_text=_("As its next grant was when it started; never changed."),
    )
    started_at = models.DateTimeField(_("started at"))
    created_at = models.DateTimeField(
        _("created at"), help_text=_("When it was written down; it may have started before.")
    )
    ends_at = models.DateTimeField(_("ends at"), null=True, blank=True)
    announced_end_at = models.DateTimeField(
        _("announced end"),
        null=True,
        blank=True,
        help_text=_("Its end as it was known until another took its place; never changed."),
    )

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


class CountedUse(models.Model):
    """Units that an order took from one window of a counted allowance, and how many it kept."""

    wallet = models.ForeignKey(
        Wallet,
        on_delete=models.PROTECT,
        related_name="counted_uses",
        db_index=False,
        verbose_name=_("wallet"),
    )
    allowance = models.ForeignKey(
        Allowance, on_delete=models.PROTECT, related_name="uses", verbose_name=_("allowance")
    )
    series = models.CharField(
        _("series"),
        max_length=SERIES_LENGTH_MAX,
        help_text=_("The allowance as all plans of the account know it."),
    )
    window = models.CharField(
        _("window"), max_length=32, help_text=_("The name of the day, week, month or year.")
    )
    window_ends_at = models.DateTimeField(_("window ends at"))
    reference = models.CharField(
        _("pays for"), max_length=64, help_text=_('What it pays for: "job:<id>".')
    )
    units_micros = models.BigIntegerField(
        _("units"), help_text=_("In millionths of the allowance's unit.")
    )
    kept_micros = models.BigIntegerField(
        _("units kept"),
        null=True,
        blank=True,
        help_text=_("What stayed used when the order ended; empty: it is under way."),
    )
    created_at = models.DateTimeField(_("created at"))
    settled_at = models.DateTimeField(_("settled at"), null=True, blank=True)

    class Meta:
        verbose_name = _("use of counted units")
        verbose_name_plural = _("uses of counted units")
        constraints = [
            models.UniqueConstraint(
                fields=["allowance", "reference"], name="counted_use_reference_once"
            ),
            models.CheckConstraint(
                condition=Q(units_micros__gt=0, units_micros__lte=AMOUNT_MAX_MICROS),
                name="counted_use_units_in_range",
            ),
            models.CheckConstraint(
                condition=Q(kept_micros=None, settled_at=None)
                | Q(
                    kept_micros__gte=0, kept_micros__lte=F("units_micros"), settled_at__isnull=False
                ),
                name="counted_use_kept_within_units",
            ),
            models.CheckConstraint(
                condition=Q(created_at__lt=F("window_ends_at")),
                name="counted_use_before_its_window_ends",
            ),
        ]
        indexes = [
            models.Index(fields=["wallet", "window_ends_at"], name="counted_use_of_wallet"),
            models.Index(fields=["wallet", "reference"], name="counted_use_by_reference"),
        ]

    def __str__(self) -> str:
        return f"{self.series} {self.window} ({self.reference})"
