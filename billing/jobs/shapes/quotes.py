"""How a quote is told over REST: a price, what pays it, what stands in the way, what would fit."""

from typing import Any

from rest_framework import serializers

from billing.errors import DomainError
from billing.jobs.lifecycle import FailureClass
from billing.jobs.services.alternatives import Alternative
from billing.jobs.services.assessing import Assessment
from billing.jobs.services.ordering import Told, cover_words
from billing.jobs.services.paying import Offer
from billing.jobs.shapes.incoming import DimensionField
from billing.jobs.shapes.jobs import LineOut, counted_body, lines
from billing.ledger.lots import Lot, Part
from plans.catalog.teams import OWN, POOL
from plans.credits import format_micros


class ReasonOut(serializers.Serializer[Any]):
    """One thing that stands in the way; its code's own facts stand beside it."""

    code = serializers.CharField()
    detail = serializers.CharField()


class WouldUseOut(serializers.Serializer[Any]):
    """What would pay: counted units of an allowance for a share of it, or credits of a grant."""

    allowance = serializers.CharField(required=False)
    units = serializers.CharField(required=False)
    unit = serializers.CharField(required=False)
    share = serializers.CharField(required=False)
    grant = serializers.CharField(required=False)
    source = serializers.CharField(required=False)  # type: ignore[assignment]  # the contract's name for it
    credits = serializers.CharField(required=False)
    expires_at = serializers.DateTimeField(required=False, allow_null=True)


class PayerOut(serializers.Serializer[Any]):
    """A wallet that was asked to pay."""

    wallet = serializers.ChoiceField(
        choices=[POOL, OWN], help_text="The organization's, or that of who orders."
    )
    account = serializers.CharField()
    pays = serializers.BooleanField(help_text="Whether it is the one that would pay.")
    credits = serializers.CharField(allow_null=True, help_text="Null: it has no price for this.")
    reasons = ReasonOut(many=True, help_text="Why it would not.")


class AlternativeOut(serializers.Serializer[Any]):
    """Something that would be admitted: another order, a later one, or another plan."""

    kind = serializers.ChoiceField(choices=["change", "wait", "grant", "plan"])
    change = serializers.DictField(child=DimensionField())
    credits = serializers.CharField()
    detail = serializers.CharField()
    at = serializers.DateTimeField(
        allow_null=True, help_text="From when; null: at once, or unknown."
    )
    plan = serializers.CharField(allow_null=True)


class QuoteOut(serializers.Serializer[Any]):
    """A price, what it is made of, who would pay, and what stands in the way."""

    id = serializers.CharField()
    credits = serializers.CharField()
    max_credits = serializers.CharField(help_text="What is held, and charged at most.")
    list_credits = serializers.CharField(
        allow_null=True, help_text="What it costs outside a promotion; null without one."
    )
    lines = LineOut(many=True)
    rate_card = serializers.CharField()
    expires_at = serializers.DateTimeField()
    admissible = serializers.BooleanField()
    reasons = ReasonOut(many=True)
    payers = PayerOut(many=True, help_text="In the order in which they are asked.")
    would_use = WouldUseOut(many=True)
    alternatives = AlternativeOut(many=True)
    refund_policy = serializers.DictField(
        child=serializers.CharField(), help_text="What comes back, by the class of a failure."
    )


def quote_body(told: Told) -> dict[str, Any]:
    """Return a quote as it is told."""
    quote, assessment = told.quote, told.assessment
    whole = assessment.priced.whole
    promoted = whole.list_micros > whole.total_micros
    return {
        "id": quote.pk,
        "credits": format_micros(quote.total_micros),
        "max_credits": format_micros(quote.max_micros),
        "list_credits": format_micros(whole.list_micros) if promoted else None,
        "lines": lines(quote.lines),
        "rate_card": quote.catalog_version_id,
        "expires_at": quote.expires_at,
        "admissible": not assessment.barriers,
        "reasons": [
            *(_reason(barrier) for barrier in assessment.barriers),
            *([_reason(told.shut_out)] if told.shut_out is not None else []),
        ],
        "payers": [_asked(one, assessment) for one in told.payers],
        "would_use": [
            *(counted_body(cover_words(cover)) for cover in assessment.priced.covers),
            *(_payer(told.lots[part.grant_id], part) for part in assessment.would_use),
        ],
        "alternatives": [_alternative(one) for one in told.alternatives],
        "refund_policy": {
            failure.value: format_micros(_back_micros(told, failure)) for failure in FailureClass
        },
    }


def _asked(offer: Offer, chosen: Assessment) -> dict[str, Any]:
    found = offer.assessment
    return {
        "wallet": offer.candidate.wallet,
        "account": offer.candidate.account.external_id,
        "pays": found is chosen and not offer.reasons,
        "credits": found and format_micros(found.priced.price.total_micros),
        "reasons": [_reason(barrier) for barrier in offer.reasons],
    }


def _back_micros(told: Told, failure: FailureClass) -> int:
    """Return how much of what is held comes back after such a failure."""
    kept = told.assessment.published.catalog.failure_policy.kept_micros(
        held_micros=told.quote.total_micros,
        error_class=failure.value,
        model=told.quote.dimensions["model"],
    )
    return told.assessment.ceiling_micros - kept


def _alternative(one: Alternative) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "change": dict(one.change),
        "credits": format_micros(one.credits_micros),
        "detail": one.detail,
        "at": one.at,
        "plan": one.plan or None,
    }


def _payer(lot: Lot, part: Part) -> dict[str, Any]:
    return {
        "grant": lot.id,
        "source": lot.source,
        "credits": format_micros(part.amount_micros),
        "expires_at": lot.expires_at,
    }


def _reason(barrier: DomainError) -> dict[str, object]:
    return {"code": barrier.code, "detail": barrier.message, **barrier.facts}
