"""Refusals carry a sentence for a person and the same facts for a program."""

import json

import pytest

from billing.errors import DomainError, ErrorKind
from billing.jobs.errors import (
    ConcurrencyLimit,
    IllegalMove,
    NotEntitled,
    NotYet,
    PriceAboveMaximum,
    QuotaExceeded,
    Retired,
)
from billing.ledger.errors import InsufficientCredits
from billing.subscriptions.errors import (
    AlreadySubscribed,
    EndIsOver,
    NoSuchPrice,
    NotSubscribed,
    PlanNotOnSale,
    UnknownPlan,
)
from plans import errors as plans


def test_too_few_credits_are_told_in_credits_not_in_micros() -> None:
    refusal = InsufficientCredits(need_micros=10_000_000, available_micros=9_370_000)

    assert refusal.message == "This costs 10 credits; the wallet has 9.37."
    assert refusal.facts == {"need": "10", "available": "9.37", "short": "0.63", "unusable": "0"}
    assert (refusal.code, refusal.kind) == ("insufficient_credits", ErrorKind.PAYMENT_REQUIRED)


def test_a_price_above_the_maximum_points_at_the_maximum() -> None:
    refusal = PriceAboveMaximum(price_micros=35_000_000, max_micros=20_500_000)

    assert refusal.message == "This costs 35 credits, more than your maximum of 20.5."
    assert refusal.facts["errors"] == [
        {"pointer": "/max_credits", "code": "price_above_maximum", "detail": refusal.message}
    ]


def test_a_full_house_says_when_to_knock_again() -> None:
    refusal = ConcurrencyLimit(limit=3)

    assert "3 jobs" in refusal.message
    assert refusal.facts == {"limit": 3, "match": {}, "retry_at": None, "retry_after_seconds": 5}
    assert "of this kind" in ConcurrencyLimit(limit=1, match={"mode": ["pro"]}).message


@pytest.mark.parametrize(
    "refusal",
    [
        InsufficientCredits(need_micros=2, available_micros=1),
        IllegalMove(source="failed", target="running"),
        PriceAboveMaximum(price_micros=2, max_micros=1),
        ConcurrencyLimit(limit=1, match={"seconds": {"min": 1, "max": 2}}, retry_at="2026-01-01"),
        QuotaExceeded(
            unit="outputs",
            limit="3",
            used="3",
            window="PT24H",
            resets_at=None,
            retry_after_seconds=1,
        ),
        Retired(model="m", since="2026-01-01", successor=None),
        Retired(model="m", since="2026-01-01", successor="n"),
        NotYet(model="m", retry_at="2026-01-01"),
        NotEntitled(detail="No.", entitlement="mode", limit="std", required_plan=None),
        UnknownPlan(plan="gold", known=["free"]),
        PlanNotOnSale(plan="gold"),
        NoSuchPrice(plan="gold", known=[]),
        AlreadySubscribed(plan="gold"),
        EndIsOver(),
        NotSubscribed(),
        plans.InvalidSpec([{"pointer": "/mode", "code": "unknown", "detail": "No."}]),
    ],
)
def test_every_fact_can_be_written_as_json(refusal: DomainError) -> None:
    assert json.loads(json.dumps(refusal.facts)) == refusal.facts
    assert str(refusal) == refusal.message
    assert refusal.message.endswith(".")


def test_billing_and_plans_refuse_by_one_base() -> None:
    assert plans.DomainError is DomainError
    assert plans.ErrorKind is ErrorKind
