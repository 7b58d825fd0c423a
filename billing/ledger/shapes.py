"""What the ledger's edge reads and says: amounts as decimal texts, words of the contract."""

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from billing.accounts.api import FreeTierOut
from billing.http.parsing import InstantField, StrictIn
from billing.ledger.counting import Counted
from billing.ledger.lots import STANDINGS
from billing.ledger.models import Entry, Grant
from billing.ledger.selectors import Balance
from plans.catalog.schema import Catalog
from plans.credits import format_micros, parse_micros


# As `plans.credits.parse_micros` reads it: no leading zero, at most 10**12.
@extend_schema_field(
    {
        "type": "string",
        "pattern": r"^((0|[1-9][0-9]{0,11})(\.[0-9]{1,6})?|1000000000000(\.0{1,6})?)$",
    }
)
class CreditsField(serializers.Field[int, str, str, Any]):
    """An amount: a decimal string outside, whole micros inside."""

    def to_internal_value(self, data: object) -> int:
        """Return the amount in micros."""
        try:
            if not isinstance(data, str):
                raise ValueError  # noqa: TRY301, TRY004 (one sentence for every wrong amount)
            return parse_micros(data)
        except ValueError:
            raise serializers.ValidationError(self.sentence(), code="invalid_amount") from None

    def sentence(self) -> str:
        """Return how such an amount is written."""
        return _('Write an amount of credits as a decimal string, such as "35" or "0.5".')

    def to_representation(self, value: int) -> str:
        """Return the amount in credits."""
        return format_micros(value)


class ExpiringOut(serializers.Serializer[Any]):
    """Credits that will end."""

    grant = serializers.CharField()
    credits = serializers.CharField()
    expires_at = serializers.DateTimeField()


class NextGrantOut(serializers.Serializer[Any]):
    """Credits that are on their way."""

    at = serializers.DateTimeField()
    credits = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]  # the contract's name for it
    mode = serializers.ChoiceField(choices=["auto", "claimed"])


class CountedOut(serializers.Serializer[Any]):
    """Counted units of the plan, such as 3 videos a day."""

    code = serializers.CharField()
    name = serializers.CharField()
    unit = serializers.ChoiceField(choices=["order", "output", "second"])
    limit = serializers.CharField()
    used = serializers.CharField()
    left = serializers.CharField()
    resets_at = serializers.DateTimeField(allow_null=True)


class BalanceOut(serializers.Serializer[Any]):
    """A wallet at one instant."""

    as_of = serializers.DateTimeField()
    available = serializers.CharField()
    held = serializers.CharField()
    locked = serializers.CharField(
        help_text="Of the available ones, those that no order may use as the account stands."
    )
    debt = serializers.CharField()
    unit = serializers.CharField()
    by_source = serializers.DictField(child=serializers.CharField())
    counted = CountedOut(many=True)
    expiring = ExpiringOut(many=True)
    next_grant = NextGrantOut(allow_null=True)
    resets_at = serializers.DateTimeField(allow_null=True)
    free_tier = FreeTierOut(allow_null=True, help_text="Null: the catalog admits everybody.")


class GrantOut(serializers.ModelSerializer[Grant]):
    """Credits that arrived together, and what is left of them."""

    credits = CreditsField(source="amount_micros")
    pending = CreditsField(source="pending_micros")
    available = CreditsField(source="available_micros")
    held = CreditsField(source="held_micros")
    captured = CreditsField(source="captured_micros")
    expired = CreditsField(source="expired_micros")
    revoked = CreditsField(source="revoked_micros")
    transferred = CreditsField(source="transferred_micros")
    scope = serializers.DictField(help_text="Which orders it pays; empty: all.")
    locked_while = serializers.ListField(
        child=serializers.ChoiceField(choices=list(STANDINGS)),
        help_text="It cannot be spent while the account stands so.",
    )
    expires_at = serializers.DateTimeField(source="gone_at", allow_null=True)

    class Meta:
        model = Grant
        fields = [
            *("id", "source", "reason", "priority", "credits", "pending", "available", "held"),
            *("captured", "expired", "revoked", "transferred", "scope", "locked_while"),
            *("effective_at", "expires_at", "created_at"),
        ]


class CheckInOut(GrantOut):
    """Today's free credits, and the days in a row on which they were claimed."""

    streak_days = serializers.IntegerField()
    first = serializers.BooleanField(help_text="Whether this check-in gave them.")

    class Meta(GrantOut.Meta):
        fields = [*GrantOut.Meta.fields, "streak_days", "first"]


class GrantIn(StrictIn):
    """Credits that a platform's server gives."""

    credits = CreditsField()
    source = serializers.RegexField(r"^[a-z][a-z0-9_]*$", max_length=32)  # type: ignore[assignment]  # the contract's name for it
    reason = serializers.CharField(max_length=200)
    expires_at = InstantField(required=False, allow_null=True, help_text="Later than now.")
    priority = serializers.IntegerField(min_value=0, max_value=1000, required=False)


class CauseOut(serializers.Serializer[Any]):
    """Why, or who: a type and an id."""

    type = serializers.CharField()
    id = serializers.CharField()


class EntryOut(serializers.ModelSerializer[Entry]):
    """One movement, as it was written down."""

    type = serializers.CharField(source="kind")
    credits = CreditsField(source="amount_micros")
    grant = serializers.CharField(source="grant_id")
    hold = serializers.CharField(source="hold_id", allow_null=True)
    job = serializers.SerializerMethodField()
    balance_after = CreditsField(source="available_after_micros")
    held_after = CreditsField(source="held_after_micros")
    cause = serializers.SerializerMethodField()
    actor = serializers.SerializerMethodField()

    class Meta:
        model = Entry
        fields = [
            *("id", "seq", "type", "credits", "grant", "hold", "job", "balance_after"),
            *("held_after", "cause", "actor", "effective_at", "created_at"),
        ]

    @extend_schema_field({"type": ["string", "null"]})
    def get_job(self, entry: Entry) -> str | None:
        """Return the job that moved the credits, if one did."""
        return entry.cause_id if entry.cause_type == "job" else None

    @extend_schema_field(CauseOut)
    def get_cause(self, entry: Entry) -> dict[str, str]:
        """Return why."""
        return {"type": entry.cause_type, "id": entry.cause_id}

    @extend_schema_field(CauseOut)
    def get_actor(self, entry: Entry) -> dict[str, str]:
        """Return who."""
        return {"type": entry.actor_type, "id": entry.actor_id}


class GrantPage(serializers.Serializer[Any]):
    """A page of grants."""

    data = GrantOut(many=True)  # type: ignore[assignment]  # the contract's name for it
    next = serializers.CharField(allow_null=True)


class EntryPage(serializers.Serializer[Any]):
    """A page of entries."""

    data = EntryOut(many=True)  # type: ignore[assignment]  # the contract's name for it
    next = serializers.CharField(allow_null=True)


def _name(counted: Counted) -> str:
    terms = counted.schedule.terms
    return terms.name.said() if terms.name is not None else terms.code


def balance_body(balance: Balance, catalog: Catalog) -> dict[str, Any]:
    """Return a balance in the words of the contract; amounts in the catalog's unit."""
    upcoming = balance.next_grant
    return {
        "as_of": balance.as_of,
        "available": format_micros(balance.available_micros),
        "held": format_micros(balance.held_micros),
        "locked": format_micros(balance.locked_micros),
        "debt": format_micros(balance.debt_micros),
        "unit": catalog.credit.name.said(),
        "by_source": {name: format_micros(total) for name, total in balance.by_source.items()},
        "counted": [
            {
                "code": counted.schedule.terms.code,
                "name": _name(counted),
                "unit": counted.schedule.terms.unit,
                "limit": format_micros(counted.limit_micros),
                "used": format_micros(counted.used_micros),
                "left": format_micros(counted.left_micros),
                "resets_at": counted.resets_at,
            }
            for counted in balance.counted
        ],
        "expiring": [
            {
                "grant": lot.id,
                "credits": format_micros(lot.available_micros),
                "expires_at": lot.expires_at,
            }
            for lot in balance.expiring
        ],
        "next_grant": upcoming
        and {
            "at": upcoming.at,
            "credits": format_micros(upcoming.credits_micros),
            "source": upcoming.source,
            "mode": upcoming.mode,
        },
        "resets_at": balance.resets_at,
    }
