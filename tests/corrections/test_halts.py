"""A rule that gives again and again is stopped at exactly N, told of, and resumed by a person."""

import json
from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from structlog.testing import capture_logs

from billing.accounts.models import Account
from billing.corrections import services
from billing.corrections.errors import InvalidCorrection, NotHalted
from billing.corrections.models import Halt
from billing.http.errors import Forbidden
from billing.ledger.errors import GrantsHalted
from billing.ledger.models import Grant, Wallet
from billing.outbox.models import Message
from billing.promotions import services as promotions
from billing.webhooks.models import Event
from plans.credits import MICROS
from tests import factories
from tests.corrections import desk
from tests.ledger.shop import allowance, customer

pytestmark = pytest.mark.usefixtures("ends_clean")

BOUND = "safety = { automatic_grants_per_day = 5 }"
CAMPAIGN = """
[safety]
automatic_grants_per_day = 5
[[campaign]]
code = "launch"
name = { en = "Launch", zh = "上线" }
kind = "promo"
credits = "1"
budget = "1000"
per_account = 1000
"""


@transaction.atomic
def by_itself(account: Account, number: int) -> object:
    """Give a share of a campaign that no person asked for."""
    return promotions.grant(
        account=account, campaign="launch", fact=f"loop:{number}", actor=factories.SYSTEM
    )


def alarm(account: Account) -> None:
    """Do the errands that the halt has posted, each twice."""
    for message in [*Message.objects.filter(task="corrections.tell_halt")] * 2:
        services.tell_halt(
            account_id=message.arguments["account_id"],
            halted_at=datetime.fromisoformat(message.arguments["halted_at"]),
            now=desk.now(),
        )


@pytest.fixture
def looped(shop: None) -> Account:
    """Ada was given a campaign's share again and again, by itself."""
    desk.open_shop(CAMPAIGN)
    ada = factories.new_account("ada", is_sandbox=False)
    for number in range(50):
        try:
            by_itself(ada, number)
        except GrantsHalted:
            continue
    return ada


def test_a_campaign_in_a_loop_stops_at_exactly_the_bound(looped: Account) -> None:
    assert Grant.objects.count() == 5
    assert factories.free_micros(looped) == 5 * MICROS
    assert Wallet.objects.get().halted_at is not None


def test_windows_in_a_loop_stop_at_exactly_the_bound() -> None:
    """A window that comes back again and again, as a wrong rule of time would have it."""
    often = allowance(cadence="rolling", period="PT1H", credits="1", expiry="never")
    ada = customer(free=often, keys=BOUND)
    for _hour in range(20):
        factories.release(ada, factories.hold(ada, 1))
        factories.later(ada, timedelta(minutes=61))

    by_day: dict[object, int] = {}
    for grant in Grant.objects.all():
        day = grant.effective_at.date()
        by_day[day] = by_day.get(day, 0) + 1
    assert max(by_day.values()) == 5
    assert Wallet.objects.get().halted_at is not None


def test_a_halt_is_logged_and_told_once(looped: Account) -> None:
    with capture_logs() as logs:
        alarm(looped)

    assert [(one["event"], one["log_level"]) for one in logs] == [("account_halted", "error")]
    halt = Halt.objects.get()
    event = Event.objects.get(type="account.halted")
    assert json.loads(event.payload)["data"] == {
        "halt": halt.pk,
        "halted_at": halt.halted_at.isoformat(),
        "automatic_grants_per_day": 5,
        "resumed": False,
    }
    assert (halt.account, halt.told_at is not None, halt.resumed_at) == (looped, True, None)


def test_what_a_person_gives_is_not_stopped(looped: Account, grace: User, rosa: User) -> None:
    desk.approve(desk.ask(looped, 50, grace), rosa)

    assert factories.free_micros(looped) == 55 * MICROS


def test_a_person_lets_it_go_on_and_says_why(looped: Account, grace: User, vera: User) -> None:
    alarm(looped)
    with pytest.raises(Forbidden):
        services.resume_grants(account=looped, operator=vera, reason="Because.")
    with pytest.raises(InvalidCorrection):
        services.resume_grants(account=looped, operator=grace, reason=" ")
    assert Wallet.objects.get().halted_at is not None

    halt = services.resume_grants(account=looped, operator=grace, reason="The loop is mended.")

    assert (halt.operator, halt.reason) == (grace, "The loop is mended.")
    assert Wallet.objects.get().halted_at is None
    assert Halt.objects.get() == halt
    with pytest.raises(NotHalted):
        services.resume_grants(account=looped, operator=grace, reason="Again.")
    by_itself(looped, 100)
    assert Grant.objects.count() == 6


def test_a_second_halt_is_told_as_well(looped: Account, grace: User) -> None:
    services.resume_grants(account=looped, operator=grace, reason="The loop is mended.")
    for number in range(100, 150):
        try:
            by_itself(looped, number)
        except GrantsHalted:
            continue
    alarm(looped)

    assert Grant.objects.count() == 10
    assert Halt.objects.count() == Event.objects.filter(type="account.halted").count() == 2
    assert Wallet.objects.get().halted_at is not None
