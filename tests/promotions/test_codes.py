"""Redemption codes: how they are written, what they give, how often, and to whom not."""

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from billing.accounts.models import Account
from billing.errors import DomainError
from billing.http.errors import RateLimited
from billing.ledger.models import Grant
from billing.packs.models import PackPurchase
from billing.promotions import codes, services
from billing.promotions.errors import (
    AlreadyGranted,
    AlreadyRedeemed,
    CampaignClosed,
    CampaignExhausted,
    CodeExpired,
    CodeUsedUp,
    InvalidBatch,
)
from billing.promotions.models import (
    CampaignBudget,
    CampaignGrant,
    Redemption,
    RedemptionCode,
    RedemptionTry,
)
from billing.promotions.services import Gift
from billing.subscriptions import selectors as memberships
from billing.subscriptions import services as subscriptions
from billing.subscriptions.errors import AlreadySubscribed
from billing.subscriptions.models import Subscription
from plans import periods
from plans import selectors as plans
from plans.credits import MICROS
from tests import factories
from tests.packs import shelf

WELCOME = Gift("campaign", "welcome")
PLAIN = Gift("pack", "plain", 2)
MONTH = Gift("plan", "pro", period="P1M")
WRONG = "0000-0000-0000-0000-0000"


def new_code(gift: Gift = WELCOME, **more: object) -> str:
    facts = {"count": 1, "is_sandbox": True, "now": datetime.now(UTC), **more}
    [code] = services.create_codes(gift, **facts)  # type: ignore[arg-type]  # each test names its own
    return code


def plan_of(account: Account) -> str | None:
    plan = memberships.plan_of(account, catalog=plans.current().catalog)
    return plan.code if plan else None


def nothing_moved() -> bool:
    return not (
        Grant.objects.exists()
        or CampaignGrant.objects.exists()
        or PackPurchase.objects.exists()
        or Redemption.objects.exists()
        or RedemptionCode.objects.filter(used__gt=0).exists()
    )


# -- how they are written --------------------------------------------------------------------------


@given(some.integers(0, (1 << codes.BITS) - 1))
def test_what_is_written_is_read_again(number: int) -> None:
    code = codes.written(number)

    assert codes.read(codes.grouped(code)) == codes.read(code.lower()) == code


@pytest.mark.parametrize(
    "typed",
    [
        "0ABC-DEFG-HJKM-NP01-1STV",
        "oabc defg hjkm npoi lstv",
        "  0ABCDEFGHJKMNP011STV\n",
        "0ABC–DEFG—HJKM·NP01_1STV",  # noqa: RUF001 (as people paste them)
        "０ＡＢＣ－ＤＥＦＧ－ＨＪＫＭ－ＮＰ０１－１ＳＴＶ",  # noqa: RUF001 (as a Chinese keyboard types them)
    ],
)
def test_a_code_is_read_as_people_type_it(typed: str) -> None:
    assert codes.read(typed) == "0ABCDEFGHJKMNP011STV"


@pytest.mark.parametrize(
    "typed", ["", "-", "ABCD", "U" * 20, "A" * 19, "A" * 21, "é" * 20, "A" * 999]
)
def test_what_can_be_no_code_is_none(typed: str) -> None:
    assert codes.read(typed) is None


def test_a_code_has_a_hundred_random_bits_of_which_eighty_stay_secret() -> None:
    assert (codes.BITS, codes.BITS - 5 * codes.PREFIX_LENGTH) == (100, 80)


# -- how they are made -----------------------------------------------------------------------------

pytestmark = pytest.mark.django_db


def test_codes_are_shown_once_and_stored_hashed(shop: None) -> None:
    made = services.create_codes(WELCOME, count=50, now=datetime.now(UTC))

    assert len(set(made)) == RedemptionCode.objects.count() == 50
    stored = str(list(RedemptionCode.objects.values()))
    assert [code for code in made if code in stored or code.replace("-", "") in stored] == []
    assert {row.prefix for row in RedemptionCode.objects.all()} == {code[:4] for code in made}


@pytest.mark.parametrize(
    ("gift", "more"),
    [
        (Gift("campaign", "none"), {}),
        (Gift("pack", "welcome"), {}),
        (Gift("plan", "pro"), {}),
        (Gift("plan", "pro", period="1 month"), {}),
        (Gift("plan", "pro", period="P31D"), {}),
        (Gift("plan", "pro", period="P1M1D"), {}),
        (Gift("plan", "pro", period="P30D"), {}),
        (Gift("campaign", "welcome", period="P1M"), {}),
        (Gift("pack", "plain", 0), {}),
        (WELCOME, {"count": 0}),
        (WELCOME, {"count": 100_001}),
        (WELCOME, {"uses": 0}),
        (WELCOME, {"expires_at": datetime(2020, 1, 1, tzinfo=UTC)}),
    ],
)
def test_codes_that_make_no_sense_are_not_made(
    shop: None, gift: Gift, more: dict[str, object]
) -> None:
    with pytest.raises(InvalidBatch):
        new_code(gift, **more)

    assert not RedemptionCode.objects.exists()


@pytest.mark.parametrize("period", ["P7D", "P28D", "P4W", "PT12H", "P1M", "P7M", "P1Y"])
def test_a_plan_is_given_for_a_part_of_its_first_window_or_for_whole_ones(
    shop: None, period: str
) -> None:
    new_code(Gift("plan", "pro", period=period))

    assert RedemptionCode.objects.get().period == period


@pytest.mark.parametrize(("period", "is_made"), [("P4W", True), ("P3D", True), ("P1M", False)])
def test_a_plan_that_gives_by_weeks_is_given_for_weeks(
    shop: None, period: str, *, is_made: bool
) -> None:
    text = shelf.shop_text()
    months = text.index('cadence = "monthly"', text.index('code = "pro"'))
    weeks = 'cadence = "weekly"' + text[months + len('cadence = "monthly"') :]
    shelf.publish_shop(text[:months] + weeks)

    with nullcontext() if is_made else pytest.raises(InvalidBatch):
        new_code(Gift("plan", "pro", period=period))

    assert RedemptionCode.objects.count() == is_made


# -- what they give --------------------------------------------------------------------------------


def test_a_code_gives_a_share_of_its_campaign_out_of_the_budget(ada: Account) -> None:
    redeemed = shelf.redeem(ada, new_code())

    assert redeemed is not None
    assert redeemed.campaign_grant is not None
    assert factories.free_micros(ada) == 3 * MICROS
    assert CampaignBudget.objects.get().granted_micros == 3 * MICROS


def test_a_code_gives_a_pack_on_the_terms_with_which_it_was_made(ada: Account) -> None:
    code = new_code(PLAIN)
    shelf.publish_shop(
        shelf.shop_text(free_packs="false").replace('credits = "100"', 'credits = "1"')
    )

    redeemed = shelf.redeem(ada, code)

    assert redeemed is not None
    assert redeemed.purchase is not None
    assert (redeemed.purchase.quantity, redeemed.purchase.paid_micros) == (2, 0)
    assert factories.free_micros(ada) == 210 * MICROS


def test_a_code_is_good_once_for_an_account(ada: Account) -> None:
    code = new_code(PLAIN, uses=5)
    first = shelf.redeem(ada, code)
    assert first is not None

    with pytest.raises(AlreadyRedeemed) as refused:
        shelf.redeem(ada, code)

    assert refused.value.facts["redemption"] == first.pk
    assert RedemptionCode.objects.get().used == Redemption.objects.count() == 1
    assert factories.free_micros(ada) == 210 * MICROS


def test_a_code_is_good_for_as_many_accounts_as_it_was_made_for(ada: Account) -> None:
    code = new_code(PLAIN, uses=2)
    for name in ("bob", "eve"):
        assert shelf.redeem(factories.new_account(name), code) is not None

    with pytest.raises(CodeUsedUp):
        shelf.redeem(ada, code)

    assert RedemptionCode.objects.get().used == Redemption.objects.count() == 2
    assert not Grant.objects.filter(wallet__account=ada).exists()


def test_a_code_ends_when_it_was_said(ada: Account) -> None:
    code = new_code(expires_at=datetime.now(UTC) + timedelta(days=1))
    factories.later(ada, timedelta(days=1))

    with pytest.raises(CodeExpired):
        shelf.redeem(ada, code)

    assert nothing_moved()


def test_a_revoked_code_is_none(ada: Account) -> None:
    code = new_code()
    services.revoke_code(RedemptionCode.objects.get(), now=datetime.now(UTC))

    assert shelf.redeem(ada, code) is None
    assert nothing_moved()


def test_a_code_of_the_other_side_of_the_sandbox_is_none(ada: Account) -> None:
    code = new_code(is_sandbox=False)

    assert shelf.redeem(ada, code) is None
    assert nothing_moved()


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        (('budget = "30"', 'budget = "2"'), CampaignExhausted),
        (('budget = "30"', 'budget = "30"\nuntil = 2020-01-01T00:00:00Z'), CampaignClosed),
        (('code = "welcome"', 'code = "goodbye"'), CampaignClosed),
    ],
)
def test_a_campaign_that_gives_nothing_leaves_the_code_as_good_as_it_was(
    ada: Account, change: tuple[str, str], refusal: type[DomainError]
) -> None:
    code = new_code()
    shelf.publish_shop(shelf.shop_text().replace(*change))

    with pytest.raises(refusal):
        shelf.redeem(ada, code)

    assert nothing_moved()
    shelf.publish_shop()
    assert shelf.redeem(ada, code) is not None


def test_two_codes_of_one_campaign_are_bound_by_its_share_for_an_account(ada: Account) -> None:
    shelf.redeem(ada, new_code())

    with pytest.raises(AlreadyGranted):
        shelf.redeem(ada, new_code())

    assert factories.free_micros(ada) == 3 * MICROS
    assert RedemptionCode.objects.filter(used=0).count() == 1


# -- a plan for a while ----------------------------------------------------------------------------


def test_a_code_gives_a_plan_for_a_while_and_it_ends_by_itself(ada: Account) -> None:
    redeemed = shelf.redeem(ada, new_code(MONTH))

    assert redeemed is not None
    assert redeemed.subscription is not None
    joined = redeemed.subscription
    assert joined.ends_at == periods.add_period(joined.started_at, "P1M", zone="Asia/Shanghai")
    assert factories.free_micros(ada) == 3000 * MICROS
    assert plan_of(ada) == "pro"
    factories.later(ada, joined.ends_at - joined.started_at)
    assert plan_of(ada) == "free"
    assert factories.free_micros(ada) == 0


def test_a_second_code_for_the_same_plan_prolongs_it(ada: Account) -> None:
    first = shelf.redeem(ada, new_code(MONTH))
    second = shelf.redeem(ada, new_code(MONTH))

    assert first is not None
    assert second is not None
    assert first.subscription is not None
    assert first.subscription == second.subscription
    began = first.subscription.started_at
    first.subscription.refresh_from_db()
    month = periods.add_period(began, "P1M", zone="Asia/Shanghai")
    assert first.subscription.ends_at == periods.add_period(month, "P1M", zone="Asia/Shanghai")
    assert factories.free_micros(ada) == 3000 * MICROS


@pytest.mark.parametrize("joined", ["paid", "premier for a month"])
def test_who_is_on_another_plan_or_on_one_that_goes_on_keeps_it_and_the_code(
    ada: Account, joined: str
) -> None:
    if joined == "paid":
        subscriptions.start(account=ada, plan="pro", interval="P1M", currency="CNY")
    else:
        shelf.redeem(ada, new_code(Gift("plan", "premier", period="P1M")))
    before = list(Subscription.objects.values())
    code = new_code(MONTH)

    with pytest.raises(AlreadySubscribed):
        shelf.redeem(ada, code)

    assert list(Subscription.objects.values()) == before
    assert RedemptionCode.objects.order_by("id").last().used == 0  # type: ignore[union-attr]  # it was made just now


# -- guessing --------------------------------------------------------------------------------------


def test_ten_wrong_codes_within_an_hour_and_the_account_waits_even_with_a_good_one(
    ada: Account,
) -> None:
    code = new_code()
    for place in range(10):
        assert shelf.redeem(ada, WRONG if place % 2 else "nonsense") is None

    with pytest.raises(RateLimited) as refused:
        shelf.redeem(ada, code)

    wait = refused.value.facts["retry_after_seconds"]
    assert isinstance(wait, int)
    assert 0 < wait <= 3601
    assert nothing_moved()
    assert RedemptionTry.objects.count() == 10
    assert shelf.redeem(factories.new_account("bob"), code) is not None


def test_after_the_hour_the_wrong_ones_are_forgotten(ada: Account) -> None:
    for _place in range(10):
        shelf.redeem(ada, WRONG)
    factories.later(ada, timedelta(hours=1))

    assert shelf.redeem(ada, new_code()) is not None
    assert not RedemptionTry.objects.exists()
