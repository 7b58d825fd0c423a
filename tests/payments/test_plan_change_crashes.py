"""Whoever dies on the way to another plan is gone on for: paid once, given once, begun once."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from billing.payments.gateway import changes as gateway
from billing.payments.services import applying, contracts, fulfilling
from tests import factories
from tests.payments import plans_till
from tests.payments.dying import dies, dies_after
from tests.payments.plans_till import Desk
from tests.payments.till import Till
from tests.stripe_peer.driver import Peer

pytestmark = pytest.mark.django_db
PLACES = [
    (fulfilling, "note_price"),
    (gateway, "ask_for"),
    (fulfilling, "note_bill"),
    (gateway, "collect"),
    (fulfilling, "pay"),
    (gateway, "change_now"),
    (applying, "look"),
    (fulfilling, "end"),
]
IDS = [name for _place, name in PLACES]


@pytest.fixture
def desk(db: None, peer: Peer, request: pytest.FixtureRequest) -> Desk:
    """Ada, who can live ahead of time, at a shop where a new plan replaces the old one."""
    plans_till.open_plans(getattr(request, "param", "replace"))
    return Desk(Till(peer, is_sandbox=True), factories.new_account("ada"))


# The plan has changed, was paid for once, and has begun once. Of the forty that the new period is
# worth ten came along, and with them a quarter of its credits.
MADE = {
    "change": ("applied", ""),
    "wallet": ("large", 600, 0),
    "collected": (40, "large"),
    "bills": [("paid", 30)],
    "money": [("plan", 10, 100, 0), ("change", 30, 450, 0)],
    "begun": 1,
    "clean": True,
}


def as_it_stands(desk: Desk) -> dict[str, object]:
    return {
        "change": (desk.change.state, desk.change.failure),
        "wallet": (desk.subscription.plan, desk.free, desk.held),
        "collected": (desk.price_at_stripe(), desk.contract.plan),
        "bills": desk.bills(),
        "money": desk.money(),
        "begun": sum(1 for one in desk.till.peer.objects()["invoice"] if not one["amount_due"]),
        "clean": desk.is_clean(),
    }


@pytest.mark.parametrize("how", [dies, dies_after], ids=["before", "after"])
@pytest.mark.parametrize(("place", "name"), PLACES, ids=IDS)
def test_the_sweep_goes_on_from_wherever_it_broke_off(
    desk: Desk,
    monkeypatch: pytest.MonkeyPatch,
    place: Any,  # noqa: ANN401 (a module)
    name: str,
    how: Callable[..., Any],
) -> None:
    desk.subscribe()
    desk.die_at(place, name, how, monkeypatch)
    assert desk.free in {0, 600}  # nobody spends meanwhile what is taken off the price

    desk.sweep()

    assert as_it_stands(desk) == MADE
    desk.hear()
    assert as_it_stands(desk) == MADE


@pytest.mark.parametrize("desk", ["difference"], indirect=True)
@pytest.mark.parametrize("how", [dies, dies_after], ids=["before", "after"])
@pytest.mark.parametrize("name", ["pay", "end"])
def test_a_repeat_goes_on_with_a_difference(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, name: str, how: Callable[..., Any]
) -> None:
    desk.subscribe()
    desk.die_at(fulfilling, name, how, monkeypatch)

    answer = desk.ask(key="once")

    assert (answer.status_code, answer.json()["status"]) == (201, "applied")
    assert desk.bills() == [("paid", 30)]
    assert [kind for kind, *_amounts in desk.money()] == ["plan", "change"]
    assert (desk.price_at_stripe(), desk.subscription.plan) == (40, "large")
    assert 598 <= desk.free <= 600
    assert desk.is_clean()


def test_a_second_period_does_not_begin_though_stripe_has_forgotten_the_key(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.subscribe()
    desk.die_at(gateway, "change_now", dies_after, monkeypatch)
    anchor = desk.at_stripe()["billing_cycle_anchor"]
    desk.pass_time(timedelta(hours=25))

    desk.sweep()

    assert desk.at_stripe()["billing_cycle_anchor"] == anchor
    assert as_it_stands(desk) == MADE


@pytest.mark.parametrize("desk", ["difference"], indirect=True)
def test_what_is_seen_of_the_former_plan_meanwhile_does_not_undo_what_was_paid(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.subscribe()
    desk.die_at(gateway, "change_now", dies, monkeypatch)

    desk.hear()

    assert (desk.contract.plan, desk.subscription.plan) == ("large", "large")
    desk.sweep()
    assert (desk.change.state, desk.price_at_stripe()) == ("applied", 40)
    assert 598 <= desk.free <= 600


def test_a_new_period_is_sold_as_agreed_whoever_sees_it_first(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event overtakes who has changed it; another catalog is in force by then."""
    desk.subscribe()
    desk.die_at(gateway, "change_now", dies_after, monkeypatch)
    version_id = desk.change.catalog_version_id
    plans_till.open_plans("add")

    desk.till.settle()

    assert (desk.contract.plan, desk.contract.catalog_version_id) == ("large", version_id)
    assert (desk.change.state, desk.held, desk.free) == ("paid", 100, 600)
    desk.sweep()
    assert as_it_stands(desk) == MADE


def test_control_without_the_agreement_it_is_sold_as_today(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Proves that the price alone would not tell on which terms it was agreed."""
    desk.subscribe()
    desk.die_at(gateway, "change_now", dies_after, monkeypatch)
    plans_till.open_plans("add")
    monkeypatch.setattr(contracts, "_shows", lambda _seen, _change: False)

    desk.till.settle()

    assert desk.contract.catalog_version_id != desk.change.catalog_version_id
