"""What a pool lends: with all its terms, until an end, and never lost on its way."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import transaction

from billing.accounts.members import Membership, Organization
from billing.accounts.models import Account
from billing.accounts.roles import Role
from billing.corrections.errors import NotEnoughToTake
from billing.http.errors import NotFound
from billing.ledger import services as ledger
from billing.ledger.errors import InDebt, InsufficientCredits
from billing.ledger.models import Debt, Grant, Transfer
from billing.ledger.services import Cause, ClawedBack
from billing.organizations import services
from billing.organizations.errors import EndIsNotAhead
from billing.organizations.models import Allotment
from billing.subscriptions import services as subscriptions
from billing.webhooks.models import Event
from plans.catalog.matching import Match
from plans.credits import MICROS
from tests import factories
from tests.corrections import desk
from tests.organizations import studio
from tests.organizations.conftest import Ask

DAY = timedelta(days=1)


@pytest.fixture
def mia(team: Organization) -> Account:
    """Mia is a creator, and no member; her own daily credits are used up."""
    mia = factories.new_account("mia")
    factories.hold(mia, 10)
    return mia


def _lent(allotment: Allotment) -> Grant:
    return Grant.objects.get(part_in__transfer=allotment.transfer_id)


def test_what_is_lent_keeps_its_terms_and_ends_at_the_nearer_end(
    team: Organization, mia: Account
) -> None:
    scope: Match = {"seconds": (5,)}
    sooner = factories.give(team.account, 10, expires_in=DAY, priority=3, pack="p")
    later = factories.give(team.account, 10, expires_in=9 * DAY, scope=scope, source="promo")
    end = factories.later(team.account, timedelta(0)) + 3 * DAY

    allotment = studio.allot(team, "mia", 15, expires_at=end)

    first, second = Grant.objects.filter(part_in__transfer=allotment.transfer).order_by(
        "part_in__position"
    )
    assert (first.source, first.priority, first.pack) == ("allotment", 3, "p")
    assert (first.amount_micros, second.amount_micros) == (10 * MICROS, 5 * MICROS)
    assert (first.expires_at, second.expires_at) == (sooner.expires_at, end)
    assert second.scope == {"seconds": [5]}
    assert first.goes_back
    assert (studio.credits_of(team.account), studio.credits_of(mia)) == (5, 15)
    later.refresh_from_db()
    assert later.transferred_micros == 5 * MICROS
    studio.checked()


def test_at_its_end_the_unused_is_gone_to_the_microsecond_and_comes_home(
    team: Organization, mia: Account
) -> None:
    factories.give(team.account, 10)
    allotment = studio.allot(team, "mia", 10, expires_at=factories.later(mia, timedelta(0)) + DAY)
    factories.capture(mia, factories.hold(mia, 4), 4 * MICROS)

    factories.later(mia, DAY - timedelta(seconds=5))
    assert services.collect_due() == 0
    factories.later(mia, timedelta(seconds=5))

    assert (_lent(allotment).available_micros, _lent(allotment).transferred_micros) == (
        *(0, 6 * MICROS),
    )
    assert studio.credits_of(team.account) == 0  # it is under way
    studio.checked()
    assert services.collect_due() == 1
    assert studio.credits_of(team.account) == 6
    allotment.refresh_from_db()
    assert allotment.closed_at is not None
    assert services.collect_due() == 0
    studio.checked()


def test_no_touch_is_needed_for_what_is_over_to_be_found(team: Organization, mia: Account) -> None:
    factories.give(team.account, 10)
    studio.allot(team, "mia", 10, expires_at=factories.later(mia, timedelta(0)) + DAY)
    factories.later(mia, 2 * DAY)

    assert services.collect_due() == 1
    assert studio.credits_of(team.account) == 10


def test_taking_back_brings_the_free_at_once_and_the_held_when_its_hold_ends(
    team: Organization, mia: Account
) -> None:
    factories.give(team.account, 10, source="promo", priority=7)
    allotment = studio.allot(team, "mia", 10)
    held = factories.hold(mia, 4)

    taken = studio.take_back(allotment)

    assert (studio.credits_of(team.account), studio.credits_of(mia)) == (6, 0)
    assert taken.taken_back_at is not None
    assert taken.closed_at is None
    home = Grant.objects.get(wallet__account=team.account, available_micros__gt=0)
    assert (home.source, home.priority, home.goes_back) == ("promo", 7, False)
    studio.checked()
    factories.capture(mia, held, MICROS)
    assert studio.credits_of(mia) == 0
    assert services.collect_due() == 1
    assert studio.credits_of(team.account) == 9
    studio.take_back(allotment)
    assert Transfer.objects.filter(returns=allotment.transfer).count() == 2
    assert Allotment.objects.get().closed_at is not None
    studio.checked()


def test_what_has_ended_in_the_pool_meanwhile_comes_home_and_expires(
    team: Organization, mia: Account
) -> None:
    factories.give(team.account, 10, expires_in=DAY)
    studio.allot(team, "mia", 10)
    for account in (mia, team.account):
        factories.later(account, 2 * DAY)

    assert services.collect_due() == 1

    home = Grant.objects.get(wallet__account=team.account, part_in__isnull=False)
    assert (home.available_micros, home.expired_micros) == (0, 10 * MICROS)
    studio.checked()


def test_a_repeat_over_rest_lends_once(team: Organization, mia: Account, ask: Ask) -> None:
    factories.give(team.account, 10)
    path, body = f"/v1/organizations/{team.pk}/allotments", {"account": "mia", "credits": "4"}

    made = ask("ben", "post", path, body, key="k")

    assert made.status_code == 201, made.content
    assert ask("ben", "post", path, body, key="k").content == made.content
    assert studio.credits_of(team.account) == 6
    mine = ask("mia", "get", "/v1/allotments").json()["data"]
    assert [(one["id"], one["free"], one["under_way"]) for one in mine] == [
        (made.json()["id"], "4", "0")
    ]
    assert {one.type for one in Event.objects.filter(account=mia)} >= {"credits.granted"}
    assert Event.objects.filter(account=team.account, type="credits.transferred").count() == 1
    back = f"/v1/allotments/{made.json()['id']}"
    assert ask("mia", "get", back).status_code == 200
    assert ask("eve", "get", back).status_code == 404
    for who, status in (("mia", 404), ("eve", 404), ("cleo", 403), ("ben", 200)):
        assert ask(who, "post", f"{back}/take-back").status_code == status, who
    assert studio.credits_of(team.account) == 10


def test_what_cannot_be_lent_moves_nothing(team: Organization, mia: Account, ask: Ask) -> None:
    factories.give(team.account, 10)
    factories.give(team.account, 50, with_subscription=True)
    now = factories.later(team.account, timedelta(0))
    before = studio.facts()

    with pytest.raises(InsufficientCredits) as refused:
        studio.allot(team, "mia", 11)
    assert refused.value.facts["unusable"] == "50"
    with pytest.raises(EndIsNotAhead):
        studio.allot(team, "mia", 1, expires_at=now)
    path = f"/v1/organizations/{team.pk}/allotments"
    for who, body, status in (
        ("cleo", {"account": "mia", "credits": "1"}, 403),
        ("eve", {"account": "mia", "credits": "1"}, 404),
        ("ada", {"account": "nobody", "credits": "1"}, 404),
        ("ada", {"account": team.pk, "credits": "1"}, 404),
        ("ada", {"account": "mia", "credits": "0"}, 422),
    ):
        assert ask(who, "post", path, body).status_code == status, (who, body)
    assert studio.facts() == before


def test_what_is_lent_is_not_taken_for_what_the_person_did(
    team: Organization, mia: Account
) -> None:
    factories.give(team.account, 50)
    studio.allot(team, "mia", 30)
    rita = User.objects.create_superuser("rita")
    before = studio.facts()

    with pytest.raises(NotEnoughToTake):
        desk.ask(mia, -20, rita)

    assert studio.facts() == before


def test_a_pool_that_owes_lends_nothing_and_what_is_lent_pays_no_debt(
    team: Organization, mia: Account
) -> None:
    factories.give(team.account, 10)
    _owe(mia)
    allotment = studio.allot(team, "mia", 5)
    assert _lent(allotment).available_micros == 5 * MICROS
    _owe(team.account)

    with pytest.raises(InDebt):
        studio.allot(team, "mia", 1)
    studio.checked()


@transaction.atomic
def _owe(account: Account) -> None:
    ledger.owe(
        factories.lock(account),
        amount_micros=MICROS,
        fact="test",
        cause=Cause("operator", "grace"),
        actor=studio.OPERATOR,
    )


@pytest.mark.parametrize(
    "terms", ['cadence = "rolling"\n  period = "PT24H"', 'cadence = "daily"\n  fill = "set_to"']
)
def test_credits_that_come_again_by_use_are_not_lent(
    team: Organization, mia: Account, monkeypatch: pytest.MonkeyPatch, terms: str
) -> None:
    """Lent, they would come again while they come home; or, never used, never more."""
    wanted = f'{terms}\n  credits = "100"\n  expiry = "never"'
    seats = 'cadence = "monthly"\n  credits = "100"\n  per_seat = true'
    assert seats in studio.PLANS
    monkeypatch.setattr(studio, "PLANS", studio.PLANS.replace(seats, wanted))
    studio.open_shop()
    subscriptions.start(account=team.account, plan="team", seats=3)
    factories.give(team.account, 5)
    before = studio.facts()

    with pytest.raises(InsufficientCredits):
        studio.allot(team, "mia", 6)
    assert studio.facts() == before
    studio.allot(team, "mia", 5)
    studio.checked()


def test_what_came_home_after_its_end_pays_no_debt(team: Organization, mia: Account) -> None:
    factories.give(team.account, 10, expires_in=DAY)
    factories.give(team.account, 10, expires_in=9 * DAY)
    studio.allot(team, "mia", 20)
    factories.owe(team.account, 15)
    for account in (mia, team.account):
        factories.later(account, 2 * DAY)

    assert services.collect_due() == 1
    assert Debt.objects.get().paid_micros == 0
    for allotment in Allotment.objects.all():
        studio.take_back(allotment)
    assert Debt.objects.get().paid_micros == 10 * MICROS
    studio.checked()


def test_a_refund_takes_what_came_home_before_it_becomes_a_debt(
    team: Organization, mia: Account
) -> None:
    bought = factories.give(team.account, 100, source="pack")
    studio.take_back(studio.allot(team, "mia", 100))
    again = studio.allot(team, "mia", 50)
    factories.capture(mia, factories.hold(mia, 10), 10 * MICROS)
    studio.take_back(again)

    taken = factories.claw_back(team.account, [bought], 100)

    assert (taken.revoked_micros, taken.owed_micros) == (90 * MICROS, 10 * MICROS)
    assert studio.credits_of(team.account) == 0
    assert factories.claw_back(team.account, [bought], 100) == ClawedBack(0, 0)
    studio.checked()


def test_who_lost_his_place_while_he_waited_moves_nothing(team: Organization, mia: Account) -> None:
    studio.open_shop(transfers='transfers = { sources = ["promo"] }')
    factories.give(team.account, 100, source="promo")
    lent = studio.allot(team, "mia", 10)
    ben = studio.member(team, "ben")
    before = Transfer.objects.count()
    Membership.objects.filter(pk=ben.pk).update(role=Role.MEMBER)

    for act in (
        lambda: services.allot(
            team, to="mia", amount_micros=MICROS, fact="x", by=ben, actor=studio.OPERATOR
        ),
        lambda: services.take_back(lent, by=ben, actor=studio.OPERATOR),
        lambda: services.transfer(
            sender=team.account,
            to="mia",
            amount_micros=10 * MICROS,
            fact="y",
            by=ben,
            actor=studio.OPERATOR,
        ),
    ):
        with pytest.raises(NotFound), transaction.atomic():
            act()

    assert Transfer.objects.count() == before
