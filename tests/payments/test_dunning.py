"""A renewal that is not paid: told in both languages, borne with for a while, paid, or the end."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from pytest_django import Settings

from billing.notices import services as notices
from billing.notices.models import Notice
from billing.payments.models import Purchase
from billing.webhooks.models import Event
from plans.credits import MICROS
from tests import factories
from tests.jobs import shop
from tests.notices.conftest import mailbox
from tests.notices.mailbox import Mailbox
from tests.payments import till as tills
from tests.payments.lives import COLLECTED, DAY, FREE, HOUR, SMALL, Life
from tests.payments.till import Till
from tests.stripe_peer.driver import DECLINED_LATER

__all__ = ["mailbox"]

pytestmark = pytest.mark.django_db
# What is left of a month stays, so that there is something that an unpaid plan gave.
KEPT: Final = SMALL.replace(
    'cadence = "monthly"', 'cadence = "monthly"\n  rollover = "while_subscribed"'
)
ENTITLED: Final = """
  [plan.entitlements]
  concurrency = 10
"""
# Stripe tries again 3, 5 and 7 days after each decline, and then it is the end.
TRIED_AGAIN: Final = timedelta(days=3)
GIVEN_UP: Final = timedelta(days=3 + 5 + 7)
LETTERS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "en": (
        "Payment of 10.00 USD failed",
        ("for Small did not succeed", "We try again at", "Pay now:"),
    ),
    "zh-CN": ("付款 10.00 USD 未成功", ("「小型版」", "再次尝试", "立即付款")),
}


@pytest.fixture(autouse=True)
def _backend(settings: Settings) -> None:
    """Somebody could make what is ordered."""
    settings.BACKENDS = {
        "away": {
            "kind": "cog",
            "url": "http://127.0.0.1:9",
            "secret": "a-secret-that-guards-nothing",
            "models": ["m"],
            "concurrency": 2,
            "sandbox": True,
        }
    }


def open_shop(past_due: str = "keep") -> None:
    ways = f'[payments]\ngrace = "P7D"\npast_due = "{past_due}"\n'
    tills.open_till(ways=ways, packs="", plans=FREE + ENTITLED + KEPT + ENTITLED)


def behind(till: Till, *, language: str = "en") -> Life:
    """Return Ada, whose first month has passed, and whose card fails with the second."""
    life = Life(till, factories.new_account("ada"), language)
    life.subscribe("small")
    life.put_card(DECLINED_LATER)
    life.go_to_renewal()
    assert life.contract.status == "past_due"
    return life


def data_of(type_: str) -> dict[str, Any]:
    event = Event.objects.filter(type=type_).latest("sequence")
    data: dict[str, Any] = json.loads(event.payload)["data"]
    return data


def barriers(life: Life) -> list[str]:
    """Return what keeps it from ordering for ten of the hundred credits that its month has left."""
    return shop.reasons(shop.quote(life.account, seconds=5))


@pytest.mark.parametrize("language", LETTERS)
def test_a_decline_is_told_by_webhook_and_by_a_letter_in_the_payers_language(
    lives: Till, mailbox: Mailbox, language: str
) -> None:
    open_shop()
    life = behind(lives, language=language)

    told = data_of("payment.failed")
    assert told["asked"] == {"amount": "10.00", "currency": "USD"}
    assert (told["kind"], told["attempts"]) == ("plan", 1)
    assert told["pay_url"] == life.shown()["payment"]["pay_url"]
    next_at = life.contract.next_attempt_at
    assert next_at is not None
    assert told["next_attempt_at"] == next_at.isoformat()
    assert life.told("subscription.")[-1] == "subscription.past_due"

    [letter] = Notice.objects.filter(kind="payment_failed")
    notices.send(letter.pk, now=datetime.now(UTC))
    subject, words = LETTERS[language]
    assert mailbox.only["Subject"] == subject
    assert mailbox.only["To"] == "payer@example.com"
    plain = mailbox.only.get_body(("plain",))
    assert plain is not None
    for word in (*words, told["pay_url"]):
        assert word in plain.get_content()

    life.go_on(TRIED_AGAIN)  # a second decline is a second letter, with a later day
    assert data_of("payment.failed")["attempts"] == 2
    assert Notice.objects.filter(kind="payment_failed").count() == 2


def test_in_the_days_of_grace_the_plan_and_what_it_gave_are_kept(lives: Till) -> None:
    open_shop("keep")

    life = behind(lives)

    assert (life.subscription.plan, life.shown()["plan"]) == ("small", "small")
    assert life.shown()["payment"]["past_due_since"] is not None
    assert (life.credits, life.locked) == (100, "0")  # of the first month; no more came
    assert barriers(life) == []
    life.go_on(4 * DAY)
    life.sweep()
    life.sweep()
    assert life.letters().count("grace_ends_soon") == 1
    assert life.subscription.plan == "small"


def test_where_the_catalog_freezes_nothing_that_the_plan_gave_is_spent_until_it_is_paid(
    lives: Till,
) -> None:
    open_shop("freeze")

    life = behind(lives)

    assert life.subscription.plan == "small"
    assert (life.credits, life.locked) == (100, "100")
    assert barriers(life) == ["insufficient_credits"]

    life.put_card()
    life.go_on(TRIED_AGAIN)

    assert (life.credits, life.locked) == (200, "0")
    assert barriers(life) == []


def test_a_retry_that_succeeds_brings_the_period_and_makes_all_good(lives: Till) -> None:
    open_shop()
    life = behind(lives)
    assert life.charges() == [1000]
    life.put_card()

    life.go_on(TRIED_AGAIN)

    renewed = Purchase.objects.latest("paid_at")
    assert life.charges() == [1000, 1000]
    assert (renewed.credited_micros, life.credits) == (100 * MICROS, 200)
    assert renewed.period_ends_at == life.subscription.paid_until == life.contract.period_ends_at
    assert (life.subscription.past_due_at, life.contract.status) == (None, "active")
    assert life.shown()["payment"]["pay_url"] is None
    assert life.letters()[-1] == "subscription_renewed"
    life.till.settle()  # whatever Stripe has to tell of it changes nothing more
    assert (life.credits, Purchase.objects.count()) == (200, 2)


def test_who_pays_on_the_page_of_the_bill_has_it_at_once(lives: Till) -> None:
    open_shop()
    life = behind(lives)

    shown = lives.peer.pay(life.shown()["payment"]["pay_url"])
    assert shown.status < 400, shown.html
    lives.settle()

    assert (life.contract.status, life.subscription.past_due_at) == ("active", None)
    assert (life.credits, life.charges()) == (200, [1000, 1000])


def test_what_nobody_pays_ends_with_its_grace_and_stripe_gives_up_later(lives: Till) -> None:
    open_shop()
    life = behind(lives)

    life.go_on(7 * DAY - 2 * HOUR - COLLECTED)
    life.sweep()
    assert life.subscription.plan == "small"
    life.go_on(3 * HOUR)
    life.sweep()

    assert life.is_free
    assert (life.credits, life.shown()["plan"]) == (0, "free")
    assert life.told("subscription.")[-1] == "subscription.canceled"
    assert life.letters()[-1] == "subscription_ended"
    assert life.contract.status == "past_due"  # Stripe goes on to try

    life.go_on(life.contract.period_starts_at + GIVEN_UP + COLLECTED - life.now)
    life.sweep()
    assert life.contract.status == "canceled"
    assert life.contract.ended_at is not None
    assert (life.is_free, life.charges(), life.credits) == (True, [1000], 0)
    assert life.told("subscription.").count("subscription.canceled") == 1
    assert life.letters().count("subscription_ended") == 1


def test_who_pays_after_his_grace_begins_anew_while_stripe_still_tries(lives: Till) -> None:
    open_shop()
    life = behind(lives)
    url = life.shown()["payment"]["pay_url"]
    life.go_on(8 * DAY)
    life.sweep()
    assert life.is_free

    lives.peer.pay(url)
    lives.settle()

    assert (life.subscription.plan, life.contract.status) == ("small", "active")
    assert life.subscription.paid_until == life.contract.period_ends_at
    assert (life.credits, life.charges()) == (100, [1000, 1000])
    assert Purchase.objects.latest("paid_at").credited_micros == 100 * MICROS


def test_what_stripe_leaves_unpaid_lapses_too_and_begins_anew_once_it_is_paid(lives: Till) -> None:
    open_shop()
    lives.peer.turn("POST", "/billing/retries", days=[3], outcome="unpaid")
    life = behind(lives)
    url = life.shown()["payment"]["pay_url"]

    life.go_on(TRIED_AGAIN)
    assert life.contract.status == "unpaid"
    assert life.subscription.past_due_at is not None
    life.go_on(5 * DAY)
    life.sweep()
    assert (life.is_free, life.credits) == (True, 0)

    lives.peer.pay(url)
    lives.settle()
    assert (life.contract.status, life.subscription.plan) == ("active", "small")
    assert (life.credits, life.charges()) == (100, [1000, 1000])
