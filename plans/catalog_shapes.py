"""The catalog as the public window shows it: what is for sale, and the rules of the sale."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from rest_framework import serializers

from plans import periods
from plans.catalog.commerce import Change, CoolingOff
from plans.catalog.values import factor_text
from plans.shapes import (
    CreditOut,
    CreditsField,
    FactorField,
    HoursOut,
    ModelOut,
    PackOut,
    PlanOut,
    TextOut,
)


class LaneOut(serializers.Serializer[Any]):
    """One way through the queue."""

    code = serializers.CharField()
    name = TextOut()
    priority = serializers.IntegerField()
    share = serializers.IntegerField(
        help_text="Of a hundred starts of a backend at least so many, while it has jobs waiting."
    )
    hours = HoursOut(allow_null=True)
    deliver_within = serializers.CharField(allow_null=True)


class BookOut(serializers.Serializer[Any]):
    """A price book: what accounts of these regions and currencies pay by."""

    code = serializers.CharField()
    unit = TextOut(allow_null=True)
    regions = serializers.ListField(child=serializers.CharField())
    currencies = serializers.ListField(child=serializers.CharField())


class ConversionOut(serializers.Serializer[Any]):
    """The announced end of a product: what its credits become, and when."""

    code = serializers.CharField()
    name = TextOut()
    at = serializers.DateTimeField()
    from_sources = serializers.ListField(child=serializers.CharField())
    factor = FactorField()


class TeamOut(serializers.Serializer[Any]):
    """How the orders of an organization's members are paid, and what a member sees."""

    pays = serializers.ListField(child=serializers.CharField())
    members_see = serializers.CharField()


class TransfersOut(serializers.Serializer[Any]):
    """Which credits an account may give to another; no sources: none."""

    sources = serializers.ListField(child=serializers.CharField())
    minimum = CreditsField(source="minimum_micros", allow_null=True)


class CoolingOffOut(serializers.Serializer[Any]):
    """When a pack can be given back for money."""

    within = serializers.CharField(help_text="ISO 8601 period after it was bought.")
    factor = FactorField(help_text="The share of what was paid that comes back.")
    unused = serializers.BooleanField(help_text="Only a pack of which nothing was used.")
    words = serializers.SerializerMethodField(help_text="The same as a sentence.")

    def get_words(self, rule: CoolingOff) -> str:
        """Return the rule as a sentence, in the language of the one who asks."""
        return cooling_off_words(rule)


class PaymentsOut(serializers.Serializer[Any]):
    """How plans and packs are paid for."""

    methods = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField()),
        help_text="By currency: card, alipay, wechat_pay; a currency that is not named: card.",
    )
    coupons = serializers.BooleanField(help_text="Promotion codes can be entered.")
    grace = serializers.CharField(
        help_text="How long an account stays on a plan after a period that was not paid began."
    )
    past_due = serializers.ChoiceField(
        choices=["keep", "freeze"], help_text="Whether what the plan gave can be spent meanwhile."
    )
    cooling_off = CoolingOffOut(allow_null=True)


class ChangeOut(serializers.Serializer[Any]):
    """How one plan follows another."""

    when = serializers.ChoiceField(choices=["now", "period_end"])
    credits = serializers.ChoiceField(choices=["difference", "add", "replace"])
    prorate = serializers.ChoiceField(choices=["time", "none"])
    words = serializers.SerializerMethodField(help_text="The same as a sentence.")

    def get_words(self, change: Change) -> str:
        """Return the rule as a sentence, in the language of the one who asks."""
        return change_words(change)


class ChangePolicyOut(serializers.Serializer[Any]):
    """What a change of plan costs and gives."""

    upgrade = ChangeOut()
    downgrade = ChangeOut()


class CatalogOut(serializers.Serializer[Any]):
    """Everything that is for sale now."""

    id = serializers.CharField(source="version_id")
    slug = serializers.CharField(source="catalog.slug")
    title = TextOut(source="catalog.title")
    modelled_on = TextOut(source="catalog.modelled_on", allow_null=True)
    as_of = serializers.CharField(source="catalog.as_of", allow_null=True)
    zone = serializers.CharField(source="catalog.zone")
    credit = CreditOut(source="catalog.credit")
    burn_order = serializers.ListField(source="catalog.burn_order", child=serializers.CharField())
    surfaces = serializers.ListField(source="catalog.surfaces", child=serializers.CharField())
    expiry_in_flight = serializers.CharField(source="catalog.expiry_in_flight")
    partial_success = serializers.CharField(source="catalog.partial_success")
    team = TeamOut(source="catalog.team")
    transfers = TransfersOut(source="catalog.transfers")
    payments = PaymentsOut(source="catalog.payments")
    change_policy = ChangePolicyOut(source="catalog.change_policy")
    books = BookOut(source="catalog.books", many=True)
    lanes = LaneOut(source="catalog.lanes", many=True)
    plans = PlanOut(source="catalog.plans", many=True)
    packs = PackOut(source="catalog.packs", many=True)
    conversions = ConversionOut(source="catalog.conversions", many=True)
    models = ModelOut(source="catalog.models", many=True)


def cooling_off_words(rule: CoolingOff) -> str:
    """Return when a pack can be given back, and for how much of its price, as a sentence."""
    facts = {"time": period_words(rule.within), "factor": factor_text(rule.factor)}
    if rule.unused and rule.factor == 1:
        said = _("A pack of which nothing was used is paid back within %(time)s.")
    elif rule.unused:
        said = _(
            "Of a pack of which nothing was used %(factor)s of its price is paid back within "
            "%(time)s."
        )
    elif rule.factor == 1:
        said = _("What is left of a pack is paid back within %(time)s.")
    else:
        said = _("Of what is left of a pack %(factor)s of its price is paid back within %(time)s.")
    return f"{said % facts} {_('A bonus is never paid back.')}"


def change_words(change: Change) -> str:
    """Return what a change of plan costs and gives, as a sentence."""
    if change.when == "period_end":
        return _("It begins when the period that is paid for ends.")
    if change.credits == "add":
        return _("A new period begins at the full price; what is left of the credits stays.")
    if change.credits == "replace":
        return _(
            "A new period begins; what is left of the old plan's credits goes, and its worth is "
            "taken off the price."
        )
    if change.prorate == "time":
        return _(
            "The period goes on: the rest of it is paid for, and the difference of credits comes."
        )
    return _(
        "The period goes on: the difference is paid in full, and the difference of credits comes."
    )


def period_words(iso: str) -> str:
    """Return an ISO 8601 period as people say it: "7 days", "1 month 2 days"."""
    period = periods.parse_period(iso)
    hours, seconds = divmod(period.seconds, 3_600)
    minutes, seconds = divmod(seconds, 60)
    parts = (
        (period.months, ngettext("%(count)s month", "%(count)s months", period.months)),
        (period.days, ngettext("%(count)s day", "%(count)s days", period.days)),
        (hours, ngettext("%(count)s hour", "%(count)s hours", hours)),
        (minutes, ngettext("%(count)s minute", "%(count)s minutes", minutes)),
        (seconds, ngettext("%(count)s second", "%(count)s seconds", seconds)),
    )
    return " ".join(said % {"count": count} for count, said in parts if count)
