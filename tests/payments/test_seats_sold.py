"""An organization buys seats, more of them within a month, and fewer from the next one on."""

from typing import Any, Final

import pytest

from billing.accounts.members import Organization
from billing.payments.models import Checkout, PlanChange, Purchase
from plans.credits import MICROS
from tests.acts import frozen
from tests.organizations import studio
from tests.payments import till as tills
from tests.payments.lives import FREE, Life
from tests.payments.till import BACK, Till

pytestmark = pytest.mark.django_db
TEAM: Final = """
[[plan]]
code = "team"
name = { en = "Team", zh = "团队版" }
seats_min = 3
seats_max = 15
prices = [{ currency = "USD", interval = "P1M", list = "10", first = "8" }]
  [[plan.allowance]]
  code = "seat"
  cadence = "monthly"
  credits = "100"
  per_seat = true
"""


@pytest.fixture
def team(lives: Till) -> Organization:
    """A studio of Ada, who buys for it, Ben and Cleo."""
    tills.open_till(packs="", plans=FREE + TEAM)
    return studio.found()


@pytest.fixture
def studio_life(lives: Till, team: Organization) -> Life:
    """The studio's life."""
    return Life(lives, team.account, buyer="ada")


def change(life: Life, seats: int, **more: object) -> Any:  # noqa: ANN401 (Django's test response)
    return life.ask("/v1/subscription/change", plan="team", interval="P1M", seats=seats, **more)


def quantity(life: Life) -> object:
    """Return for how many seats Stripe collects."""
    seats: int | None = life.at_stripe["items"].data[0].quantity
    return seats


def test_each_seat_is_paid_for_and_brings_its_credits(studio_life: Life) -> None:
    begun = studio_life.subscribe("team", seats=4)

    assert (begun.seats, quantity(studio_life)) == (4, 4)
    assert studio_life.charges() == [4 * 800]
    assert studio_life.credits == 400
    assert Checkout.objects.get().amount_micros == 32 * MICROS
    assert Purchase.objects.get().credited_micros == 400 * MICROS

    studio_life.go_to_renewal()

    assert studio_life.charges() == [3200, 4000]
    assert studio_life.credits == 400


def test_more_seats_within_a_month_cost_and_bring_what_is_left_of_it(studio_life: Life) -> None:
    studio_life.subscribe("team", seats=4)

    answer = change(studio_life, 6, preview="20.00")

    assert answer.status_code == 201, answer.content
    assert (studio_life.subscription.seats, quantity(studio_life)) == (6, 6)
    assert studio_life.charges() == [3200, 2000]
    assert 598 <= studio_life.credits <= 600  # some seconds of the month have passed
    paid = Purchase.objects.get(kind="change")
    assert (paid.amount_micros, paid.credited_micros) == (
        20 * MICROS,
        int(studio_life.credits * MICROS) - 400 * MICROS,
    )
    before = studio_life.credits
    studio_life.till.settle()  # whatever Stripe has to tell of it changes nothing more
    assert studio_life.credits == before

    studio_life.go_to_renewal()

    assert studio_life.charges() == [3200, 2000, 6000]
    assert studio_life.credits == 600


def test_fewer_seats_count_and_cost_from_the_next_month_on(studio_life: Life) -> None:
    studio_life.subscribe("team", seats=6)

    answer = change(studio_life, 3)

    assert answer.status_code == 201, answer.content
    assert (studio_life.subscription.seats, studio_life.credits) == (6, 600)
    assert studio_life.shown()["next_change"]["kind"] == "changes"

    studio_life.go_to_renewal()

    assert (studio_life.subscription.seats, quantity(studio_life)) == (3, 3)
    assert studio_life.charges() == [4800, 3000]
    assert studio_life.credits == 300
    assert studio_life.shown()["next_change"] is None


@pytest.mark.parametrize(("seats", "code"), [(2, "seats_out_of_range"), (16, "seats_out_of_range")])
def test_a_plan_is_sold_for_so_many_seats_only(studio_life: Life, seats: int, code: str) -> None:
    refused = studio_life.ask(
        "/v1/checkout-sessions", plan="team", interval="P1M", seats=seats, success_url=BACK
    )

    assert (refused.status_code, refused.json()["code"]) == (422, code)
    assert not Checkout.objects.exists()


def test_a_team_never_has_fewer_seats_than_members(studio_life: Life, team: Organization) -> None:
    for name in ("dan", "eve"):
        studio.join(team, name)
    refused = studio_life.ask(
        "/v1/checkout-sessions", plan="team", interval="P1M", seats=4, success_url=BACK
    )
    assert refused.json()["code"] == "fewer_seats_than_members"
    assert not Checkout.objects.exists()

    studio_life.subscribe("team")  # as many as fit its five members
    assert studio_life.subscription.seats == 5

    refused = change(studio_life, 4)

    assert refused.json()["code"] == "fewer_seats_than_members"
    assert not PlanChange.objects.exists()
    assert (studio_life.subscription.seats, quantity(studio_life)) == (5, 5)


def test_only_who_buys_for_a_team_buys_seats(lives: Till, team: Organization) -> None:
    body = {"plan": "team", "interval": "P1M", "seats": 4, "success_url": BACK}

    refused = lives.ask(body, name="cleo", X_Organization=team.pk)

    assert refused.status_code == 403
    assert not Checkout.objects.exists()


def test_a_frozen_member_buys_and_changes_nothing_for_a_team_until_he_is_let_go(
    studio_life: Life, team: Organization
) -> None:
    ada = studio.member(team, "ada").account
    sam = frozen.freeze(ada)
    wish = {"plan": "team", "interval": "P1M", "seats": 4, "success_url": BACK}

    refused = studio_life.ask("/v1/checkout-sessions", **wish)

    assert (refused.status_code, refused.json()["code"]) == (403, "account_frozen")
    assert not Checkout.objects.exists()
    frozen.let_go(ada, sam)
    studio_life.subscribe("team", seats=4)
    frozen.freeze(ada, by=sam)

    refused = change(studio_life, 6)

    assert (refused.status_code, refused.json()["code"]) == (403, "account_frozen")
    assert not PlanChange.objects.exists()
    assert (studio_life.charges(), studio_life.credits) == ([3200], 400)
    frozen.let_go(ada, sam)
    assert change(studio_life, 6).status_code == 201


def test_a_frozen_member_ends_a_teams_plan_and_does_not_resume_it(
    studio_life: Life, team: Organization
) -> None:
    studio_life.subscribe("team", seats=4)
    ada = studio.member(team, "ada").account
    sam = frozen.freeze(ada)
    assert studio_life.ask("/v1/subscription/cancel").status_code == 201
    ends_at = studio_life.subscription.ends_at
    assert ends_at is not None

    refused = studio_life.ask("/v1/subscription/resume")

    assert (refused.status_code, refused.json()["code"]) == (403, "account_frozen")
    assert studio_life.subscription.ends_at == ends_at
    assert studio_life.at_stripe["cancel_at_period_end"] is True
    frozen.let_go(ada, sam)
    assert studio_life.ask("/v1/subscription/resume").status_code == 201
    assert studio_life.subscription.ends_at is None


def test_seats_that_an_operator_changes_at_stripe_are_followed(studio_life: Life) -> None:
    studio_life.subscribe("team", seats=3)
    item = studio_life.at_stripe["items"].data[0].id

    studio_life.dashboard.v1.subscription_items.update(
        item, {"quantity": 5, "proration_behavior": "none"}
    )
    studio_life.till.settle()

    assert studio_life.subscription.seats == 5
    assert studio_life.credits == 500
    studio_life.till.settle()
    assert studio_life.credits == 500
