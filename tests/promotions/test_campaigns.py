"""Campaigns: a share for each account, on the campaign's terms, never beyond the budget."""

import secrets
from datetime import timedelta

import pytest

from billing.accounts.models import Account
from billing.errors import DomainError
from billing.ledger.models import Entry, Grant
from billing.packs.errors import NotIncluded
from billing.promotions.errors import AlreadyGranted, CampaignClosed, CampaignExhausted
from billing.promotions.models import CampaignBudget, CampaignGrant
from billing.subscriptions import services as subscriptions
from plans import periods
from plans.credits import MICROS
from tests import factories
from tests.packs import shelf

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def nothing_moved() -> bool:
    return not (
        Grant.objects.filter(source="promo").exists()
        or CampaignGrant.objects.exists()
        or CampaignBudget.objects.filter(granted_micros__gt=0).exists()
    )


def test_a_share_is_a_grant_on_the_campaigns_terms(ada: Account) -> None:
    share = shelf.share(ada, "welcome")

    assert (share.grant.amount_micros, share.grant.source) == (3 * MICROS, "promo")
    assert share.grant.expires_at == share.created_at + 3 * DAY
    budget = CampaignBudget.objects.get()
    assert (budget.granted_micros, budget.budget_micros) == (3 * MICROS, 30 * MICROS)
    entry = Entry.objects.get()
    assert (entry.cause_type, entry.cause_id) == ("campaign", "welcome")


def test_a_repeat_with_the_same_fact_changes_nothing(ada: Account) -> None:
    first = shelf.share(ada, "welcome")
    again = shelf.share(ada, "welcome")

    assert again == first
    assert CampaignBudget.objects.get().granted_micros == 3 * MICROS


def test_once_is_once_under_any_fact(ada: Account) -> None:
    shelf.share(ada, "welcome", fact="a")

    with pytest.raises(AlreadyGranted):
        shelf.share(ada, "welcome", fact="b")

    assert CampaignGrant.objects.count() == Grant.objects.count() == 1
    assert CampaignBudget.objects.get().granted_micros == 3 * MICROS


def test_twice_a_day_is_twice_on_each_day_of_the_accounts_zone(ada: Account) -> None:
    for fact in ("a", "b"):
        shelf.share(ada, "dice", fact=fact)
    with pytest.raises(AlreadyGranted) as refused:
        shelf.share(ada, "dice", fact="c")
    today = periods.daily_window("Asia/Shanghai", factories.later(ada, 0 * DAY))
    assert refused.value.facts["resets_at"] == today.ends_at.isoformat()
    assert CampaignGrant.objects.count() == 2

    factories.later(ada, 1 * DAY)
    share = shelf.share(ada, "dice", fact="c")

    assert (share.number, share.window != today.key) == (1, True)


def test_once_a_month_is_once_on_the_calendar(ada: Account) -> None:
    subscriptions.start(account=ada, plan="pro")
    first = shelf.share(ada, "pros", fact="a")
    with pytest.raises(AlreadyGranted):
        shelf.share(ada, "pros", fact="b")

    factories.later(ada, 31 * DAY)

    assert shelf.share(ada, "pros", fact="b").window != first.window


@pytest.mark.parametrize(("campaign", "refusal"), [("over", CampaignClosed), ("pros", NotIncluded)])
def test_who_is_too_late_or_on_another_plan_has_nothing(
    ada: Account, campaign: str, refusal: type[DomainError]
) -> None:
    with pytest.raises(refusal):
        shelf.share(ada, campaign)

    assert nothing_moved()


def test_the_refusal_names_the_smallest_plan_that_has_it(ada: Account) -> None:
    with pytest.raises(NotIncluded) as refused:
        shelf.share(ada, "pros")

    assert refused.value.facts["required_plan"] == "pro"
    assert nothing_moved()


def test_a_campaign_that_is_none_is_absent(ada: Account) -> None:
    with pytest.raises(DomainError) as refused:
        shelf.share(ada, "none")

    assert refused.value.code == "not_found"
    assert nothing_moved()


def test_chance_stays_within_its_bounds_and_decides_once(
    ada: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = set()
    for number in range(3):
        monkeypatch.setattr(secrets, "randbelow", lambda below, n=number: n % below)
        bob = factories.new_account(f"bob-{number}")
        seen.add(shelf.share(bob, "dice").amount_micros)
        monkeypatch.setattr(secrets, "randbelow", lambda _below: 99)
        assert shelf.share(bob, "dice").amount_micros in seen

    assert seen == {1_000_000, 1_010_000, 1_020_000}


def test_chance_is_drawn_from_all_that_the_unit_can_show(ada: Account) -> None:
    drawn = [
        shelf.share(factories.new_account(f"bob-{number}"), "dice").amount_micros
        for number in range(40)
    ]

    assert set(drawn) <= {1_000_000, 1_010_000, 1_020_000}
    assert len(set(drawn)) > 1


def test_the_budget_is_given_to_the_last_credit_and_no_further(ada: Account) -> None:
    for number in range(10):
        shelf.share(factories.new_account(f"bob-{number}"), "welcome")

    with pytest.raises(CampaignExhausted):
        shelf.share(ada, "welcome")

    budget = CampaignBudget.objects.get()
    assert budget.granted_micros == budget.budget_micros == 30 * MICROS
    assert not Grant.objects.filter(wallet__account=ada).exists()


def test_a_raised_budget_gives_on_and_a_lowered_one_takes_nothing_back(ada: Account) -> None:
    for number in range(10):
        shelf.share(factories.new_account(f"bob-{number}"), "welcome")
    shelf.publish_shop(shelf.shop_text().replace('budget = "30"', 'budget = "33"'))
    shelf.share(ada, "welcome")
    shelf.publish_shop(shelf.shop_text().replace('budget = "30"', 'budget = "6"'))

    with pytest.raises(CampaignExhausted):
        shelf.share(factories.new_account("eve"), "welcome")

    assert CampaignBudget.objects.get().granted_micros == 33 * MICROS
    assert CampaignGrant.objects.count() == 11


def test_the_sandbox_has_a_budget_of_its_own(ada: Account) -> None:
    shelf.share(ada, "welcome")
    shelf.share(factories.new_account("bob", is_sandbox=False), "welcome")

    given = CampaignBudget.objects.values_list("is_sandbox", "granted_micros")
    assert sorted(given) == [(False, 3 * MICROS), (True, 3 * MICROS)]
