"""What the public window shows of a catalog: the shapes of its answers."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from plans import prices
from plans.catalog.offers import Pack, Plan, PlanPrice
from plans.catalog.values import Between, Scalar, factor_text
from plans.credits import format_micros


class CreditsField(serializers.CharField):
    """An amount of credits: micros inside, a decimal string outside."""

    def to_representation(self, value: Any) -> str:  # noqa: ANN401 (as the base)
        """Return the shortest decimal: "66", "0.63"."""
        return format_micros(int(value))


class FactorField(serializers.CharField):
    """An exact factor: a decimal, or a ratio where it has none."""

    def to_representation(self, value: Any) -> str:  # noqa: ANN401 (as the base)
        """Return it as a file may write it: "0.7" or "1/7"."""
        return factor_text(value)


@extend_schema_field(serializers.DictField(help_text="By name a value, a list, or a range."))
class MatchField(serializers.Field[Any, Any, Any, Any]):
    """Which orders: by dimension the value, the values or the range that it must have."""

    def to_representation(self, value: Mapping[str, Any]) -> dict[str, object]:
        """Return the named ones; what is open is left out."""
        return spoken_match(value)


class MoneyOut(serializers.Serializer[Any]):
    """An amount of money: a decimal string of at least two places, and its currency."""

    amount = serializers.CharField()
    currency = serializers.CharField()


@extend_schema_field(MoneyOut(allow_null=True))
class MoneyField(serializers.Field[Any, Any, Any, PlanPrice]):
    """One of the amounts of a price, named by the attribute that holds its micros."""

    def __init__(self, attribute: str) -> None:
        super().__init__(source="*", read_only=True)
        self._attribute = attribute

    def to_representation(self, value: PlanPrice) -> dict[str, str] | None:
        """Return the amount as prices are written, "66.00"; None when the price has none."""
        micros: int | None = getattr(value, self._attribute)
        return None if micros is None else money(micros, value.currency)


def money(micros: int, currency: str) -> dict[str, str]:
    """Return an amount of money as it is written: "66.00" and its currency."""
    whole, _point, places = format_micros(micros).partition(".")
    return {"amount": f"{whole}.{places.ljust(2, '0')}", "currency": currency}


def spoken(matcher: tuple[Scalar, ...] | Between) -> object:
    """Return a matcher as it is read: the one value, a list of values, or a range."""
    if isinstance(matcher, Between):
        return matcher.model_dump()
    return matcher[0] if len(matcher) == 1 else list(matcher)


def spoken_match(match: Mapping[str, Any]) -> dict[str, object]:
    """Return a match by name; a matcher that is open says nothing."""
    return {name: spoken(matcher) for name, matcher in match.items() if matcher}


class TextOut(serializers.Serializer[Any]):
    """A name in both languages."""

    en = serializers.CharField()
    zh = serializers.CharField()


class CreditOut(serializers.Serializer[Any]):
    """The unit of all credit amounts."""

    name = TextOut()
    decimals = serializers.IntegerField()
    rounding = serializers.CharField()
    rounding_at = serializers.CharField(help_text="output: before the count multiplies; order.")


class Timed(serializers.Serializer[Any]):
    """What holds for a time: `from` and `until`, an exclusive end; null is open."""

    def get_fields(self) -> dict[str, Any]:
        """Return the fields with the two whose names Python keeps for itself."""
        fields = dict(super().get_fields())
        fields["from"] = serializers.DateTimeField(source="starts_at", allow_null=True)
        fields["until"] = serializers.DateTimeField(source="ends_at", allow_null=True)
        return fields


class HoursOut(serializers.Serializer[Any]):
    """Hours of the day on the clocks of a zone; they may reach over midnight."""

    def get_fields(self) -> dict[str, Any]:
        """Return the fields, of which Python keeps the name of the first for itself."""
        return {
            "from": serializers.CharField(source="start"),
            "to": serializers.CharField(source="end"),
            "zone": serializers.CharField(),
        }


class PriceOut(Timed):
    """A price in one currency: the list price, the first period's, and the renewal's."""

    interval = serializers.CharField(allow_null=True, help_text="ISO 8601 period; null: once.")
    list = MoneyField("list_micros")
    first = MoneyField("first_micros")
    renewal = MoneyField("renewal_micros")
    book = serializers.CharField(allow_null=True, help_text="Only for accounts of this book.")


class Priced(Timed):
    """What has prices: those that are asked now, and those that are announced."""

    prices = serializers.SerializerMethodField()
    upcoming = serializers.SerializerMethodField()

    @extend_schema_field(PriceOut(many=True))
    def get_prices(self, offer: Plan | Pack) -> Any:  # noqa: ANN401 (as the base)
        """Return what is asked now."""
        return PriceOut(prices.in_force(offer.prices, at=self._at()), many=True).data

    @extend_schema_field(PriceOut(many=True))
    def get_upcoming(self, offer: Plan | Pack) -> Any:  # noqa: ANN401 (as the base)
        """Return what is announced, the soonest first."""
        return PriceOut(prices.upcoming(offer.prices, at=self._at()), many=True).data

    def _at(self) -> datetime:
        at = self.context["at"]
        assert isinstance(at, datetime)
        return at


class TermsOut(serializers.Serializer[Any]):
    """On what terms credits are given."""

    expiry = serializers.CharField()
    priority = serializers.IntegerField()
    source = serializers.CharField()  # type: ignore[assignment]  # DRF's metaclass takes declared fields off the class
    scope = MatchField(help_text="Which orders they pay; empty: all.")
    locked_while = serializers.ListField(child=serializers.CharField())


class StreakOut(serializers.Serializer[Any]):
    """More credits on the day on which so many days in a row were claimed."""

    days = serializers.IntegerField()
    credits = CreditsField(source="credits_micros")
    repeats = serializers.BooleanField()


class AllowanceOut(TermsOut):
    """Credits, or counted units, that come with a plan."""

    code = serializers.CharField()
    cadence = serializers.CharField()
    mode = serializers.CharField()
    name = TextOut(allow_null=True)
    credits = CreditsField(source="credits_micros", allow_null=True)
    credits_min = CreditsField(source="credits_min_micros", allow_null=True)
    credits_max = CreditsField(source="credits_max_micros", allow_null=True)
    unit = serializers.CharField(help_text="credit, or what is counted: order, output, second.")
    amount = serializers.IntegerField(allow_null=True, help_text="Counted units in a window.")
    zone = serializers.CharField(allow_null=True, help_text="Null: the account's.")
    at = serializers.CharField(help_text="The hour at which a day begins.")
    period = serializers.CharField(allow_null=True, help_text="Of a rolling one.")
    anchor = serializers.CharField()
    short_month = serializers.CharField()
    fill = serializers.CharField()
    rollover = serializers.CharField()
    rollover_periods = serializers.IntegerField(allow_null=True)
    rollover_cap = CreditsField(source="rollover_cap_micros", allow_null=True)
    streak = StreakOut(many=True)
    per_seat = serializers.BooleanField(help_text="So much for each seat of the subscription.")


class LimitOut(serializers.Serializer[Any]):
    """A joint limit: orders that match `when` may have only these values, up to these numbers."""

    when = MatchField()
    allow = serializers.DictField(child=serializers.ListField())
    max = serializers.DictField(child=serializers.IntegerField())


class CountOut(serializers.Serializer[Any]):
    """So many orders, outputs or credits in each window of time."""

    window = serializers.CharField(help_text="day, month, or an ISO 8601 period that rolls.")
    zone = serializers.CharField(
        allow_null=True, help_text="Whose days and months count; null: the account's."
    )
    match = MatchField()
    orders = serializers.IntegerField(allow_null=True)
    outputs = serializers.IntegerField(allow_null=True)
    credits = CreditsField(source="credits_micros", allow_null=True)


class StepOut(serializers.Serializer[Any]):
    """More jobs at once for those who have bought for so much in all."""

    bought = CreditsField(source="bought_micros", help_text="Money, in the currency.")
    currency = serializers.CharField()
    concurrency = serializers.IntegerField()


class SlotsOut(serializers.Serializer[Any]):
    """Jobs at once of the orders that match."""

    match = MatchField()
    concurrency = serializers.IntegerField()


class EntitlementsOut(serializers.Serializer[Any]):
    """What a plan allows; a dimension that is not named is not limited."""

    concurrency = serializers.IntegerField()
    steps = StepOut(many=True)
    slots = SlotsOut(many=True)
    excess = serializers.CharField()
    weight = serializers.IntegerField(
        help_text="While more is ordered than can be made, weight 4 gets four times what 1 gets."
    )
    keep_outputs = serializers.CharField(
        allow_null=True, help_text="How long videos are kept, an ISO 8601 period; null: for ever."
    )
    allow = serializers.DictField(child=serializers.ListField())
    max = serializers.DictField(child=serializers.IntegerField())
    limits = LimitOut(many=True)
    counts = CountOut(many=True)
    packs = serializers.JSONField(help_text="All (true), none (false), or a list of codes.")
    flags = serializers.DictField(child=serializers.BooleanField())


class TrialOut(serializers.Serializer[Any]):
    """A time on a plan before its first payment."""

    period = serializers.CharField(help_text="ISO 8601 period.")
    credits = CreditsField(
        source="credits_micros", allow_null=True, help_text="Null: what the plan itself gives."
    )


class PlanOut(Priced):
    """A plan with all that it brings."""

    code = serializers.CharField()
    name = TextOut()
    free = serializers.BooleanField()
    allowances = AllowanceOut(many=True)
    entitlements = EntitlementsOut()
    existing = serializers.CharField(help_text="Who is on it already: keep or move.")
    moves_at = serializers.DateTimeField(allow_null=True)
    trial = TrialOut(allow_null=True)
    seats_min = serializers.IntegerField(allow_null=True)
    seats_max = serializers.IntegerField(allow_null=True)


class BonusOut(TermsOut):
    """Credits on top of a pack, as a grant of their own."""

    credits = CreditsField(source="credits_micros")


class PerksOut(serializers.Serializer[Any]):
    """What credits bring along while they last."""

    concurrency = serializers.IntegerField(allow_null=True)
    concurrency_more = serializers.IntegerField(allow_null=True)


class PackOut(Priced, BonusOut):
    """Credits bought once."""

    code = serializers.CharField()
    name = TextOut()
    bonus = BonusOut(allow_null=True)
    perks = PerksOut()
    activate_within = serializers.CharField(allow_null=True)
    quantity_min = serializers.IntegerField()
    quantity_max = serializers.IntegerField()


@extend_schema_field(
    {
        "oneOf": [
            {"type": "string"},
            {"type": "number"},
            {"type": "boolean"},
            {"type": "array", "items": {}},
        ]
    }
)
class _AnythingField(serializers.JSONField):
    """Any value of a dimension. Its types are named, for "anything or null" holds null twice."""


class DimensionOut(serializers.Serializer[Any]):
    """One choice of an order: one of `values`, or a number from `min` to `max`."""

    values = serializers.ListField(allow_null=True)
    min = serializers.IntegerField(allow_null=True)
    max = serializers.IntegerField(allow_null=True)
    step = serializers.IntegerField()
    decimal = serializers.BooleanField(help_text='With decimal places, in quotes: "10.23".')
    items = serializers.IntegerField(allow_null=True, help_text="A list of up to so many.")
    default = _AnythingField(allow_null=True, help_text="Null: an order has to say it.")
    optional = serializers.BooleanField()
    input = serializers.CharField(allow_null=True, help_text="Says whether this input comes.")
    estimated = serializers.BooleanField(help_text="Only guessed: the backend measures it.")


class ParentOut(serializers.Serializer[Any]):
    """Which job an order may continue."""

    match = MatchField()
    within = serializers.CharField(allow_null=True)
    inherit = serializers.ListField(child=serializers.CharField())


class TaskOut(serializers.Serializer[Any]):
    """A task of a model; its dimensions stand over the model's."""

    code = serializers.CharField()
    requires = serializers.ListField(child=serializers.CharField())
    chain_seconds_max = serializers.IntegerField(allow_null=True)
    parent = ParentOut(allow_null=True)
    dimensions = serializers.DictField(child=DimensionOut())


class ModelOut(Timed):
    """A model that can be ordered, from and until when, and what follows it."""

    code = serializers.CharField()
    name = TextOut()
    successor = serializers.CharField(allow_null=True)
    tasks = TaskOut(many=True)
    dimensions = serializers.DictField(child=DimensionOut())
