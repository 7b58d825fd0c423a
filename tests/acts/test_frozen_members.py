"""Who is frozen gets nothing for a team either: what he does for its pool is refused too."""

from datetime import UTC, datetime

import pytest

from billing.accounts.members import Organization
from billing.accounts.models import Account
from billing.packs.models import PackPurchase
from billing.promotions import services as promotions
from billing.promotions.models import Redemption, RedemptionTry
from billing.promotions.services import Gift
from tests import factories
from tests.acts import frozen
from tests.organizations import studio
from tests.organizations.conftest import Ask, ask
from tests.packs import shelf

__all__ = ["ask"]
pytestmark = pytest.mark.django_db
REFUSED = (403, "account_frozen")


@pytest.fixture
def team(db: None) -> Organization:
    """A studio in a shop of packs and codes; Ben buys for it."""
    shelf.publish_shop()
    team = studio.found()
    factories.settle(team.account)
    return team


@pytest.fixture
def ben(team: Organization) -> Account:
    """The one who buys for it."""
    return studio.member(team, "ben").account


def test_he_redeems_no_code_for_it_until_he_is_let_go(
    team: Organization, ben: Account, ask: Ask
) -> None:
    gift = Gift("campaign", "welcome")
    [code] = promotions.create_codes(gift, count=1, is_sandbox=True, now=datetime.now(UTC))
    sam, before = frozen.freeze(ben), studio.facts()

    for typed in (code, "WRONG-CODE"):
        answer = ask("ben", "post", "/v1/redemptions", {"code": typed}, team=team)
        assert (answer.status_code, answer.json()["code"]) == REFUSED

    assert studio.facts() == before
    assert not Redemption.objects.exists()
    assert not RedemptionTry.objects.exists()
    frozen.let_go(ben, sam)
    answer = ask("ben", "post", "/v1/redemptions", {"code": code}, team=team)
    assert answer.status_code == 201, answer.content
    assert studio.facts() != before


def test_he_begins_no_pack_of_its_until_he_is_let_go(
    team: Organization, ben: Account, ask: Ask
) -> None:
    bought = shelf.give(team.account, "later")
    sam, before = frozen.freeze(ben), studio.facts()
    path = f"/v1/pack-purchases/{bought.pk}/activate"

    answer = ask("ben", "post", path, team=team)

    assert (answer.status_code, answer.json()["code"]) == REFUSED
    assert studio.facts() == before
    assert not PackPurchase.objects.get(pk=bought.pk).is_active
    frozen.let_go(ben, sam)
    assert ask("ben", "post", path, team=team).status_code == 200
    assert PackPurchase.objects.get(pk=bought.pk).is_active


def test_what_he_may_not_the_platform_and_the_other_members_still_may(
    team: Organization, ben: Account, ask: Ask
) -> None:
    gift = Gift("campaign", "welcome")
    codes = promotions.create_codes(gift, count=2, is_sandbox=True, now=datetime.now(UTC))
    frozen.freeze(ben)

    assert shelf.redeem(team.account, codes[0]) is not None
    answer = ask("ada", "post", "/v1/redemptions", {"code": codes[1]}, team=team)

    assert answer.json()["code"] == "already_granted", "the campaign's word, not the freeze's"


@pytest.mark.parametrize("who", ["the pool", "the member"])
def test_what_is_lent_is_taken_back_by_nobody_but_the_platform(
    team: Organization, ben: Account, ask: Ask, who: str
) -> None:
    factories.give(team.account, 100, source="pack")
    lent = studio.allot(team, "cleo", 40)
    sam = frozen.freeze(team.account if who == "the pool" else ben)
    before, path = studio.facts(), f"/v1/allotments/{lent.pk}/take-back"

    answer = ask("ben", "post", path)

    assert (answer.status_code, answer.json()["code"]) == REFUSED
    lent.refresh_from_db()
    assert (studio.facts(), lent.taken_back_at) == (before, None)
    assert studio.take_back(lent).taken_back_at is not None
    assert studio.facts() != before
    if who == "the member":
        frozen.let_go(ben, sam)
        assert ask("ben", "post", path).status_code == 200, "a repeat changes nothing"


def test_he_founds_no_other_team_until_he_is_let_go(
    team: Organization, ben: Account, ask: Ask
) -> None:
    sam = frozen.freeze(ben)
    before = (studio.facts(), Account.objects.count())

    answer = ask("ben", "post", "/v1/organizations", {"name": "Second"})

    assert (answer.status_code, answer.json()["code"]) == REFUSED
    assert (studio.facts(), Account.objects.count()) == before
    assert list(Organization.objects.all()) == [team]
    frozen.let_go(ben, sam)
    assert ask("ben", "post", "/v1/organizations", {"name": "Second"}).status_code == 201
