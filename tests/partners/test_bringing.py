"""Codes, and who may come by them: once in life, only who is new, and never in a circle."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction

from billing.accounts.models import Account
from billing.errors import DomainError
from billing.http.errors import NotFound
from billing.ledger.models import Grant
from billing.outbox.models import Message
from billing.partners import services
from billing.partners.errors import (
    AlreadyReferred,
    InvalidPartner,
    NotAPartner,
    NotNew,
    OwnCode,
    ProgrammeClosed,
    ReferralLimit,
)
from billing.partners.models import Partner, Referral, ReferralCode, Reward
from plans.credits import MICROS
from tests import factories
from tests.jobs import shop
from tests.partners import shelf

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def nothing_moved() -> bool:
    return not (
        Referral.objects.exists()
        or Reward.objects.exists()
        or Grant.objects.filter(source="promo").exists()
        or Account.objects.filter(is_followed=True).exists()
        or Message.objects.filter(task__startswith="partners.").exists()
    )


def test_an_account_has_one_code_of_a_programme_made_at_the_first_ask(ada: Account) -> None:
    first, again = shelf.code_of(ada), shelf.code_of(ada)

    assert first == again
    assert shelf.code_of(ada, "buyers") != first
    assert ReferralCode.objects.count() == 2


def test_who_comes_is_welcomed_and_followed(ada: Account, bob: Account) -> None:
    typed = shelf.code_of(ada).lower().replace("-", " ")

    referral = shelf.come(bob, typed)

    assert (referral.account_id, referral.referrer_id) == (bob.pk, ada.pk)
    assert referral.counts_until == referral.came_at + 30 * DAY
    assert factories.free_micros(bob) == 3 * MICROS
    assert shelf.rewards(bob) == [("welcome", "granted")]
    assert Account.objects.get(pk=bob.pk).is_followed
    assert shelf.is_clean()


def test_a_repeat_changes_nothing_and_another_code_is_refused(ada: Account, bob: Account) -> None:
    first = shelf.come(bob, shelf.code_of(ada))
    other = factories.new_account("bea")

    assert shelf.come(bob, shelf.code_of(ada)) == first
    for code in (shelf.code_of(ada, "strict"), shelf.code_of(other)):
        with pytest.raises(AlreadyReferred):
            shelf.come(bob, code)

    assert Referral.objects.count() == 1
    assert factories.free_micros(bob) == 3 * MICROS


def own(ada: Account, bob: Account) -> tuple[Account, str]:
    return bob, shelf.code_of(bob)


def in_a_circle(ada: Account, bob: Account) -> tuple[Account, str]:
    return ada, shelf.code_of(bob)


def after_an_order(ada: Account, bob: Account) -> tuple[Account, str]:
    factories.give(bob, 10)
    shop.submit(bob, seconds=5)
    return bob, shelf.code_of(ada)


def too_late(ada: Account, bob: Account) -> tuple[Account, str]:
    factories.later(bob, 7 * DAY)
    return bob, shelf.code_of(ada)


def over_the_border(ada: Account, bob: Account) -> tuple[Account, str]:
    live = factories.new_account("live", is_sandbox=False)
    return live, shelf.code_of(ada)


def no_code(ada: Account, bob: Account) -> tuple[Account, str]:
    return bob, "AAAA-AAAA"


def no_partner_any_more(ada: Account, bob: Account) -> tuple[Account, str]:
    shelf.admit(ada)
    code = shelf.code_of(ada, "studio")
    shelf.admit(ada, ends_at=datetime.now(UTC) - DAY)
    return bob, code


def no_programme_any_more(ada: Account, bob: Account) -> tuple[Account, str]:
    code = shelf.code_of(ada)
    shelf.open_shop(('code = "invite"', 'code = "other"'))
    return bob, code


def over(ada: Account, bob: Account) -> tuple[Account, str]:
    code = shelf.code_of(ada)
    shelf.open_shop(('when = "first_video"', 'when = "first_video"\nuntil = 2020-01-01T00:00:00Z'))
    return bob, code


@pytest.mark.parametrize(
    ("scene", "refusal"),
    [
        (own, OwnCode),
        (in_a_circle, NotNew),
        (after_an_order, NotNew),
        (too_late, NotNew),
        (over_the_border, NotFound),
        (no_code, NotFound),
        (no_partner_any_more, ProgrammeClosed),
        (no_programme_any_more, ProgrammeClosed),
        (over, ProgrammeClosed),
    ],
)
def test_who_may_not_come_moves_nothing(
    ada: Account,
    bob: Account,
    scene: Callable[[Account, Account], tuple[Account, str]],
    refusal: type[DomainError],
) -> None:
    account, code = scene(ada, bob)

    with pytest.raises(refusal):
        shelf.come(account, code)

    assert nothing_moved()


def test_an_account_brings_as_many_as_it_may_in_each_month_of_its_zone(ada: Account) -> None:
    code = shelf.code_of(ada)
    crowd = [factories.new_account(f"guest-{number}") for number in range(5)]
    for account in crowd[:3]:
        shelf.come(account, code)

    with pytest.raises(ReferralLimit) as refused:
        shelf.come(crowd[3], code)

    assert refused.value.facts["max"] == 3
    assert Referral.objects.count() == 3
    shelf.open_shop(("max_referrals = 3", 'max_referrals = 3\njoin_within = "P60D"'))
    factories.later(crowd[4], 32 * DAY)
    assert shelf.come(crowd[4], code).number == 1


def test_only_partners_have_a_code_of_a_programme_for_partners(ada: Account) -> None:
    with pytest.raises(NotAPartner):
        shelf.code_of(ada, "studio")
    assert not ReferralCode.objects.exists()

    shelf.admit(ada)

    assert shelf.code_of(ada, "studio")


def test_a_partner_is_admitted_once_and_has_the_terms_said_last(ada: Account) -> None:
    first = shelf.admit(ada)
    ends_at = datetime.now(UTC) + DAY
    again = shelf.admit(ada, share_micros=200_000, ends_at=ends_at)

    assert first == again
    assert (again.share_micros, again.ends_at) == (200_000, ends_at)
    assert Partner.objects.count() == 1


@pytest.mark.parametrize("share_micros", [0, 200_001])
def test_no_partner_has_more_than_the_catalog_allows(ada: Account, share_micros: int) -> None:
    with pytest.raises(InvalidPartner):
        shelf.admit(ada, share_micros=share_micros)

    assert not Partner.objects.exists()


def test_there_is_nobody_to_admit_to_a_programme_for_everybody(ada: Account) -> None:
    with pytest.raises(InvalidPartner), transaction.atomic():
        services.admit(account=ada, programme="invite", now=datetime.now(UTC))

    assert not Partner.objects.exists()


def test_all_partners_have_a_share_of_a_campaign_and_others_none(
    ada: Account, bob: Account
) -> None:
    shelf.admit(ada)
    shelf.admit(bob, ends_at=datetime.now(UTC) - DAY)

    outcomes = list(
        services.grant_partners(
            "studio",
            campaign="hello",
            run="spring",
            is_sandbox=True,
            is_dry=False,
            actor=factories.OPERATOR,
            now=datetime.now(UTC),
        )
    )

    assert [(one.external_id, one.word) for one in outcomes] == [("ada", "granted")]
    assert factories.free_micros(ada) == 3 * MICROS
