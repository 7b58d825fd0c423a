"""What campaigns have given of their budgets, and which codes were made and redeemed."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from billing.accounts.models import Account
from billing.ids import ID_LENGTH_MAX, new_id
from billing.ledger.models import Grant
from billing.packs.models import PackPurchase
from billing.promotions import codes
from billing.subscriptions.models import Subscription
from plans.models import CatalogVersion


def _campaign_grant_id() -> str:
    return new_id("cg")


def _code_id() -> str:
    return new_id("rc")


def _redemption_id() -> str:
    return new_id("rd")


class CampaignBudget(models.Model):
    """How much a campaign has given, and may give; the row is the lock of its budget.

    The sandbox has a budget of its own, so that play takes nothing from customers.
    """

    campaign = models.CharField(_("campaign"), max_length=64)
    is_sandbox = models.BooleanField(_("sandbox"), default=False)
    budget_micros = models.BigIntegerField(
        _("budget"), help_text=_("As the catalog says, and never less than what was given.")
    )
    granted_micros = models.BigIntegerField(_("granted"), default=0)

    class Meta:
        verbose_name = _("campaign budget")
        verbose_name_plural = _("campaign budgets")
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "is_sandbox"], name="campaign_budget_campaign_once"
            ),
            models.CheckConstraint(
                condition=Q(granted_micros__gte=0, granted_micros__lte=F("budget_micros")),
                name="campaign_budget_is_kept",
            ),
        ]

    def __str__(self) -> str:
        return self.campaign


class CampaignGrant(models.Model):
    """One account's share of a campaign."""

    id = models.CharField(
        _("id"),
        primary_key=True,
        max_length=ID_LENGTH_MAX,
        default=_campaign_grant_id,
        editable=False,
    )
    budget = models.ForeignKey(
        CampaignBudget,
        on_delete=models.PROTECT,
        related_name="grants",
        db_index=False,
        verbose_name=_("campaign budget"),
    )
    account = models.ForeignKey(
        Account,
        on_delete=models.PROTECT,
        related_name="campaign_grants",
        db_index=False,
        verbose_name=_("account"),
    )
    catalog_version = models.ForeignKey(
        CatalogVersion,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("catalog version"),
    )
    fact = models.CharField(
        _("business fact"),
        max_length=200,
        help_text=_("The business fact behind it; an account has one share for each."),
    )
    window = models.CharField(
        _("window"), max_length=16, help_text=_("The day or month that it counts in.")
    )
    number = models.PositiveIntegerField(
        _("number"), help_text=_("Of the account's shares in that window.")
    )
    number_max = models.PositiveIntegerField(_("highest number"))
    amount_micros = models.BigIntegerField(_("amount"))
    granted_after_micros = models.BigIntegerField(
        _("granted after it"), help_text=_("What the campaign had given, this included.")
    )
    grant = models.OneToOneField(
        Grant, on_delete=models.PROTECT, related_name="+", verbose_name=_("grant")
    )
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("campaign grant")
        verbose_name_plural = _("campaign grants")
        constraints = [
            models.UniqueConstraint(
                fields=["account", "budget", "fact"], name="campaign_grant_fact_once"
            ),
            models.UniqueConstraint(
                fields=["account", "budget", "window", "number"], name="campaign_grant_number_once"
            ),
            models.UniqueConstraint(
                fields=["budget", "granted_after_micros"], name="campaign_grant_in_order"
            ),
            models.CheckConstraint(
                condition=Q(number__gt=0, number__lte=F("number_max")),
                name="campaign_grant_number_in_range",
            ),
            models.CheckConstraint(
                condition=Q(amount_micros__gt=0, granted_after_micros__gte=F("amount_micros")),
                name="campaign_grant_amount_in_range",
            ),
        ]

    def __str__(self) -> str:
        return self.pk


class RedemptionCode(models.Model):
    """A code that gives something to who redeems it; the code itself is stored nowhere."""

    class Kind(models.TextChoices):
        CAMPAIGN = "campaign", _("share of a campaign")
        PACK = "pack", _("pack")
        PLAN = "plan", _("plan")

    id = models.CharField(
        _("id"), primary_key=True, max_length=ID_LENGTH_MAX, default=_code_id, editable=False
    )
    prefix = models.CharField(
        _("prefix"),
        max_length=codes.PREFIX_LENGTH,
        help_text=_("The visible beginning of the code, by which people speak of it."),
    )
    digest = models.BinaryField(
        _("digest"), max_length=32, help_text=_("SHA-256 of the whole code.")
    )
    kind = models.CharField(_("gives"), max_length=16, choices=Kind)
    offer = models.CharField(
        _("offer"), max_length=64, help_text=_("The campaign, pack or plan, by its code.")
    )
    quantity = models.PositiveIntegerField(_("quantity"), default=1, help_text=_("Of a pack."))
    period = models.CharField(
        _("period"), max_length=32, blank=True, help_text=_("How long a plan lasts.")
    )
    catalog_version = models.ForeignKey(
        CatalogVersion,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("catalog version"),
    )
    batch = models.CharField(
        _("batch"), max_length=100, blank=True, help_text=_("What it was made for, for people.")
    )
    is_sandbox = models.BooleanField(_("sandbox"), default=False)
    uses_max = models.PositiveIntegerField(
        _("uses"), default=1, help_text=_("By so many accounts, each once.")
    )
    used = models.PositiveIntegerField(_("used"), default=0)
    created_at = models.DateTimeField(_("created at"))
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True)

    class Meta:
        verbose_name = _("redemption code")
        verbose_name_plural = _("redemption codes")
        permissions = [("revoke_redemptioncode", "Can revoke redemption codes")]
        constraints = [
            models.UniqueConstraint(fields=["digest"], name="redemption_code_once"),
            models.CheckConstraint(
                condition=Q(uses_max__gt=0, used__lte=F("uses_max")),
                name="redemption_code_used_within_its_uses",
            ),
            models.CheckConstraint(
                condition=Q(kind="campaign", period="", quantity=1)
                | Q(kind="pack", period="", quantity__gt=0)
                | Q(kind="plan", quantity=1) & ~Q(period=""),
                name="redemption_code_kind_matches_columns",
            ),
            models.CheckConstraint(
                condition=Q(expires_at=None) | Q(expires_at__gt=F("created_at")),
                name="redemption_code_expires_after_creation",
            ),
        ]
        indexes = [
            models.Index(fields=["prefix"], name="redemption_code_by_prefix"),
            models.Index(fields=["batch"], name="redemption_code_of_batch"),
        ]

    def __str__(self) -> str:
        return f"{self.prefix}…"


class Redemption(models.Model):
    """A code was redeemed by an account, and this is what it gave."""

    id = models.CharField(
        _("id"), primary_key=True, max_length=ID_LENGTH_MAX, default=_redemption_id, editable=False
    )
    code = models.ForeignKey(
        RedemptionCode,
        on_delete=models.PROTECT,
        related_name="redemptions",
        db_index=False,
        verbose_name=_("redemption code"),
    )
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="redemptions", verbose_name=_("account")
    )
    number = models.PositiveIntegerField(
        _("number"), help_text=_("Of the code's redemptions; the first is 1.")
    )
    campaign_grant = models.OneToOneField(
        CampaignGrant,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("campaign grant"),
    )
    purchase = models.OneToOneField(
        PackPurchase,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("pack purchase"),
    )
    subscription = models.ForeignKey(
        Subscription,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("subscription"),
    )
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("redemption")
        verbose_name_plural = _("redemptions")
        constraints = [
            models.UniqueConstraint(
                fields=["code", "account"], name="redemption_once_for_an_account"
            ),
            models.UniqueConstraint(fields=["code", "number"], name="redemption_in_order"),
            models.CheckConstraint(condition=Q(number__gt=0), name="redemption_number_positive"),
            models.CheckConstraint(
                condition=Q(
                    campaign_grant__isnull=False, purchase__isnull=True, subscription__isnull=True
                )
                | Q(campaign_grant__isnull=True, purchase__isnull=False, subscription__isnull=True)
                | Q(campaign_grant__isnull=True, purchase__isnull=True, subscription__isnull=False),
                name="redemption_gave_one_thing",
            ),
        ]

    def __str__(self) -> str:
        return self.pk


class RedemptionTry(models.Model):
    """Somebody typed a code that is none; kept for an hour, so that nobody can guess for long."""

    account = models.ForeignKey(
        Account,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        verbose_name=_("account"),
    )
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("failed redemption")
        verbose_name_plural = _("failed redemptions")
        indexes = [models.Index(fields=["account", "created_at"], name="redemption_try_of_account")]

    def __str__(self) -> str:
        return f"{self.account_id}"
