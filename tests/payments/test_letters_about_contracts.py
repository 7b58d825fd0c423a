"""Who is written to about a contract: once for each thing that is coming, or has happened."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from billing.accounts.models import Account
from billing.notices.models import Notice
from billing.outbox import gateway
from billing.payments.models import Contract, Customer, Invoice
from billing.payments.services import remind
from plans import selectors as plans
from plans.catalog import publish
from tests import factories
from tests.cast import ada, kling

__all__ = ["ada", "kling"]

NOW: Final = datetime(2026, 11, 27, 4, 0, tzinfo=UTC)
DAY: Final = timedelta(days=1)


@pytest.fixture(autouse=True)
def _nobody_is_rung(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "nudge", lambda _ring: None)


@pytest.fixture
def payer(ada: Account) -> Customer:
    """Ada is known at Stripe, by an address."""
    return Customer.objects.create(
        account=ada, stripe_id="cus_1", email="ada@example.com", created_at=NOW
    )


def contract(account: Account, **more: Any) -> Contract:  # noqa: ANN401 (columns)
    """Return a contract of Stripe's as it was seen; monthly, and paid."""
    return Contract.objects.create(
        **{
            "stripe_id": "sub_1",
            "account": account,
            "catalog_version_id": plans.current().version_id,
            "plan": "standard",
            "interval": "P1M",
            "currency": "CNY",
            "price_micros": 66_000_000,
            "renewal_micros": 66_000_000,
            "status": Contract.Status.ACTIVE,
            "anchor_at": NOW - 10 * DAY,
            "period_starts_at": NOW - 10 * DAY,
            "period_ends_at": NOW + 20 * DAY,
            "seen_at": NOW,
            **more,
        }
    )


def letters() -> list[str]:
    return list(Notice.objects.order_by("created_at", "id").values_list("kind", flat=True))


def test_nothing_is_written_where_nothing_is_coming(payer: Customer) -> None:
    contract(payer.account)

    assert remind(now=NOW) == 0

    assert letters() == []


def test_a_trial_is_announced_to_end_three_days_before_and_once(payer: Customer) -> None:
    ends_at = NOW + 3 * DAY
    contract(payer.account, status=Contract.Status.TRIALING, trial_ends_at=ends_at)

    assert remind(now=NOW - timedelta(minutes=1)) == 0
    assert remind(now=NOW) == 1
    assert remind(now=NOW + DAY) == 0

    [letter] = Notice.objects.all()
    assert (letter.kind, letter.email) == ("trial_ends_soon", "ada@example.com")
    assert letter.language == "zh-hans"  # she lives in Shanghai, and nothing better is known
    assert letter.facts["amount"] == {"amount": "66.00", "currency": "CNY"}


def test_a_trial_that_was_canceled_is_not_announced_to_be_charged(payer: Customer) -> None:
    ends_at = NOW + DAY
    contract(
        payer.account, status=Contract.Status.TRIALING, trial_ends_at=ends_at, cancel_at=ends_at
    )

    remind(now=NOW)

    assert letters() == ["subscription_ending"]


def test_a_cancellation_its_end_and_that_it_is_over_are_three_letters(payer: Customer) -> None:
    row = contract(payer.account, cancel_at=NOW + 20 * DAY)

    for day in range(20):
        remind(now=NOW + day * DAY)
    row.status, row.ended_at = Contract.Status.CANCELED, NOW + 20 * DAY
    row.save(update_fields=["status", "ended_at"])
    remind(now=NOW + 20 * DAY)
    remind(now=NOW + 21 * DAY)

    assert letters() == ["subscription_canceled", "subscription_ending", "subscription_ended"]


def test_who_resumes_and_cancels_for_another_end_is_written_to_again(payer: Customer) -> None:
    row = contract(payer.account, cancel_at=NOW + 20 * DAY)
    remind(now=NOW)
    row.cancel_at = NOW + 50 * DAY
    row.save(update_fields=["cancel_at"])

    remind(now=NOW)

    assert letters() == ["subscription_canceled"] * 2


def test_the_days_of_grace_are_announced_to_end_with_what_is_due(payer: Customer) -> None:
    row = contract(
        payer.account,
        status=Contract.Status.PAST_DUE,
        period_starts_at=NOW,
        period_ends_at=NOW + 30 * DAY,
        past_due_at=NOW,
    )
    Invoice.objects.create(
        stripe_id="in_1",
        account=payer.account,
        contract=row,
        status="open",
        currency="CNY",
        amount_micros=66_000_000,
        page_url="https://pay.example.com/in_1",
        created_at=NOW,
        seen_at=NOW,
    )

    assert remind(now=NOW + 3 * DAY) == 0  # seven days of grace
    assert remind(now=NOW + 4 * DAY) == 1

    [letter] = Notice.objects.all()
    assert letter.kind == "grace_ends_soon"
    assert letter.facts["pay_url"] == "https://pay.example.com/in_1"


def test_grace_is_announced_by_the_catalog_that_the_contract_was_sold_by(payer: Customer) -> None:
    contract(payer.account, status="past_due", period_starts_at=NOW, period_ends_at=NOW + 30 * DAY)
    longer = factories.KLING.read_text().replace('grace = "P7D"', 'grace = "P20D"')
    publish.publish(longer, now=datetime.now(UTC))

    assert remind(now=NOW + 5 * DAY) == 1
    assert Notice.objects.get().kind == "grace_ends_soon"
