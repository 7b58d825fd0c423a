"""Who may bring others, who came by whom, and what that earned."""

from functools import partial

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from billing.accounts.models import Account
from billing.ids import ID_LENGTH_MAX, new_id
from billing.partners import codes
from billing.promotions.models import CampaignGrant
from plans.credits import MICROS
from plans.models import CatalogVersion

IdField = partial(
    models.CharField, _("id"), primary_key=True, max_length=ID_LENGTH_MAX, editable=False
)


def _partner_id() -> str:
    return new_id("pt")


def _code_id() -> str:
    return new_id("rl")


def _referral_id() -> str:
    return new_id("rf")


def _reward_id() -> str:
    return new_id("rw")


class Partner(models.Model):
    """An account that the platform has admitted to a programme for partners."""

    id = IdField(default=_partner_id)
    account = models.ForeignKey(
        Account,
        on_delete=models.PROTECT,
        related_name="partnerships",
        db_index=False,
        verbose_name=_("account"),
    )
    programme = models.CharField(_("programme"), max_length=64)
    share_micros = models.BigIntegerField(
        _("own share"),
        null=True,
        blank=True,
        help_text=_("In millionths of what was bought; empty: the programme's."),
    )
    admitted_at = models.DateTimeField(_("admitted at"))
    ends_at = models.DateTimeField(
        _("ends at"), null=True, blank=True, help_text=_("Nothing counts from then on.")
    )

    class Meta:
        verbose_name = _("partner")
        verbose_name_plural = _("partners")
        constraints = [
            models.UniqueConstraint(fields=["account", "programme"], name="partner_admitted_once"),
            models.CheckConstraint(
                condition=Q(share_micros=None) | Q(share_micros__gt=0, share_micros__lte=MICROS),
                name="partner_share_is_one",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} ({self.programme})"


class ReferralCode(models.Model):
    """By what others come: an account has one for each programme."""

    id = IdField(default=_code_id)
    code = models.CharField(_("code"), max_length=codes.DIGITS)
    account = models.ForeignKey(
        Account,
        on_delete=models.PROTECT,
        related_name="referral_codes",
        db_index=False,
        verbose_name=_("account"),
    )
    programme = models.CharField(_("programme"), max_length=64)
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("referral code")
        verbose_name_plural = _("referral codes")
        constraints = [
            models.UniqueConstraint(fields=["code"], name="referral_code_once"),
            models.UniqueConstraint(
                fields=["account", "programme"], name="referral_code_once_for_an_account"
            ),
        ]
        indexes = [models.Index(fields=["programme", "id"], name="referral_code_of_programme")]

    def __str__(self) -> str:
        return codes.grouped(self.code)


class Referral(models.Model):
    """An account came by another's code, once in its life.

    The programme's terms are those of the catalog version with which it was made. Whoever brings
    somebody was here before him, so that no circle can be: ids sort by when they were made.
    """

    id = IdField(default=_referral_id)
    account = models.OneToOneField(
        Account, on_delete=models.PROTECT, related_name="referral", verbose_name=_("who came")
    )
    referrer = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="referrals", verbose_name=_("who brought")
    )
    code = models.ForeignKey(
        ReferralCode,
        on_delete=models.PROTECT,
        related_name="referrals",
        db_index=False,
        verbose_name=_("referral code"),
    )
    catalog_version = models.ForeignKey(
        CatalogVersion,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("catalog version"),
    )
    window = models.CharField(
        _("window"), max_length=16, help_text=_("The day or month that it counts in.")
    )
    number = models.PositiveIntegerField(
        _("number"), help_text=_("Of those who came by the code in that window.")
    )
    number_max = models.PositiveIntegerField(
        _("highest number"), null=True, blank=True, help_text=_("Empty: any.")
    )
    came_at = models.DateTimeField(_("came at"))
    counts_until = models.DateTimeField(
        _("counts until"), help_text=_("What was done from then on earns nothing.")
    )
    looked_at = models.DateTimeField(
        _("looked at"), help_text=_("When it was last looked for what it has earned.")
    )
    closed_at = models.DateTimeField(
        _("closed at"), null=True, blank=True, help_text=_("Nothing more can be earned by it.")
    )

    class Meta:
        verbose_name = _("referral")
        verbose_name_plural = _("referrals")
        constraints = [
            models.UniqueConstraint(
                fields=["code", "window", "number"], name="referral_number_once"
            ),
            models.CheckConstraint(
                condition=Q(number__gt=0) & (Q(number_max=None) | Q(number__lte=F("number_max"))),
                name="referral_number_in_range",
            ),
            models.CheckConstraint(
                condition=Q(counts_until__gt=F("came_at")), name="referral_counts_for_a_while"
            ),
        ]
        indexes = [
            models.Index(
                fields=["looked_at"], condition=Q(closed_at=None), name="referral_to_look_at"
            )
        ]

    def __str__(self) -> str:
        return self.pk


class Reward(models.Model):
    """What a referral has earned for one of the two, and what became of it.

    The amount is certain from the start. It is granted out of the campaign's budget once it is
    due, by the clock of the wallet that gets it.
    """

    class State(models.TextChoices):
        PENDING = "pending", _("held back")
        GRANTED = "granted", _("granted")
        REFUSED = "refused", _("refused")  # the campaign gave nothing
        VOID = "void", _("void")  # what earned it was given back in time
        TAKEN_BACK = "taken_back", _("taken back")  # granted, then given back

    id = IdField(default=_reward_id)
    referral = models.ForeignKey(
        Referral,
        on_delete=models.PROTECT,
        related_name="rewards",
        db_index=False,
        verbose_name=_("referral"),
    )
    account = models.ForeignKey(
        Account,
        on_delete=models.PROTECT,
        related_name="rewards",
        db_index=False,
        verbose_name=_("account"),
    )
    occasion = models.CharField(
        _("occasion"),
        max_length=64,
        help_text=_("What was to be rewarded; a referral earns once for each."),
    )
    fact = models.CharField(
        _("business fact"), max_length=64, help_text=_("The job, purchase or subscription.")
    )
    campaign = models.CharField(_("campaign"), max_length=64)
    amount_micros = models.BigIntegerField(_("amount"))
    share_micros = models.BigIntegerField(
        _("share"), null=True, blank=True, help_text=_("In millionths of what was bought.")
    )
    state = models.CharField(_("state"), max_length=16, choices=State, default=State.PENDING)
    reason = models.CharField(
        _("reason"), max_length=64, blank=True, help_text=_("Why it waits, or was refused.")
    )
    earned_at = models.DateTimeField(_("earned at"))
    due_at = models.DateTimeField(_("due at"))
    try_at = models.DateTimeField(
        _("next try at"), null=True, blank=True, help_text=_("Empty: it is settled.")
    )
    campaign_grant = models.OneToOneField(
        CampaignGrant,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("campaign grant"),
    )
    settled_at = models.DateTimeField(_("settled at"), null=True, blank=True)
    taken_back_at = models.DateTimeField(_("taken back at"), null=True, blank=True)

    class Meta:
        verbose_name = _("reward")
        verbose_name_plural = _("rewards")
        constraints = [
            models.UniqueConstraint(
                fields=["referral", "occasion"], name="reward_once_for_an_occasion"
            ),
            models.CheckConstraint(condition=Q(amount_micros__gt=0), name="reward_is_something"),
            models.CheckConstraint(
                condition=Q(due_at__gte=F("earned_at"))
                & (Q(settled_at=None) | Q(settled_at__gte=F("earned_at")))
                & (Q(taken_back_at=None) | Q(taken_back_at__gte=F("settled_at"))),
                name="reward_times_follow_each_other",
            ),
            models.CheckConstraint(
                condition=Q(
                    state="pending", try_at__isnull=False, settled_at=None, campaign_grant=None
                )
                & Q(taken_back_at=None)
                | Q(state="granted", try_at=None, settled_at__isnull=False)
                & Q(campaign_grant__isnull=False, taken_back_at=None, reason="")
                | Q(state="taken_back", try_at=None, settled_at__isnull=False)
                & Q(campaign_grant__isnull=False, taken_back_at__isnull=False, reason="")
                | Q(state__in=("refused", "void"), try_at=None, settled_at__isnull=False)
                & Q(campaign_grant=None, taken_back_at=None)
                & ~Q(reason=""),
                name="reward_state_matches_columns",
            ),
        ]
        indexes = [
            models.Index(fields=["try_at"], condition=Q(state="pending"), name="reward_to_settle"),
            models.Index(fields=["account", "id"], name="reward_of_account"),
            models.Index(fields=["fact"], name="reward_by_fact"),
        ]

    def __str__(self) -> str:
        return self.pk
