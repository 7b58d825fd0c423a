"""A plan given by code for a while: as many months' credits as months."""

from datetime import UTC, datetime, timedelta

import pytest

from billing.accounts.models import Account
from billing.ledger.models import Allowance, Grant
from billing.promotions import services as promotions
from billing.promotions.services import Gift
from billing.subscriptions import services as subscriptions
from tests import factories
from tests.packs import shelf

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def codes(period: str, count: int) -> list[str]:
    gift = Gift("plan", "pro", period=period)
    return promotions.create_codes(gift, count=count, is_sandbox=True, now=datetime.now(UTC))


def live(account: Account, *, days: int) -> None:
    """Let days go by, with a sweep in each."""
    for _day in range(days):
        factories.later(account, DAY)
        subscriptions.sweep(now=datetime.now(UTC))


def given(account: Account) -> list[Grant]:
    grants = Grant.objects.filter(wallet__account=account, series="pro.monthly")
    return list(grants.order_by("effective_at"))


@pytest.mark.parametrize("pause", [1, 35])
def test_each_month_by_code_gives_one_months_credits_however_soon_after_the_last(
    ada: Account, pause: int
) -> None:
    made = codes("P1M", 2)
    now = factories.later(ada, timedelta())
    shelf.redeem(ada, made[0])
    first = given(ada)[0]
    assert first.expires_at is not None
    live(ada, days=(first.expires_at - now).days + pause)

    shelf.redeem(ada, made[1])
    live(ada, days=33)

    assert len(given(ada)) == 2
    again = given(ada)[1]
    assert again.effective_at >= first.expires_at
    assert Allowance.objects.filter(
        wallet__account=ada, code="pro.monthly", anchor_at=again.effective_at
    ).exists()


def test_a_week_by_code_in_a_month_that_was_given_brings_no_second_month(ada: Account) -> None:
    made = codes("P7D", 2)
    shelf.redeem(ada, made[0])
    live(ada, days=9)

    shelf.redeem(ada, made[1])

    assert len(given(ada)) == 1


def test_who_comes_by_an_old_code_leaves_his_last_plan_for_the_free_one_in_force(
    ada: Account,
) -> None:
    made = codes("P1M", 1)
    shelf.redeem(ada, codes("P7D", 1)[0])
    text = shelf.shop_text()
    assert text.count('code = "daily"') >= 1
    shelf.publish_shop(text.replace('code = "daily"', 'code = "renamed"'))
    factories.later(ada, 8 * DAY)

    shelf.redeem(ada, made[0])

    began = set(Allowance.objects.filter(wallet__account=ada).values_list("code", flat=True))
    assert "renamed" in began
