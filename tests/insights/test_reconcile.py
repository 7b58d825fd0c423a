"""Whatever somebody wrote past the product, on any of four sides, is found and named; no more."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Final

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from pytest_django import Settings

from billing.accounts.models import Account
from billing.insights import reconcile
from billing.insights.reconcile import COMPARISONS, Drift
from billing.ledger import services as ledger
from billing.ledger.services import Cause
from billing.packs import services as packs
from billing.packs.models import PackPurchase
from billing.packs.services import Paid
from billing.payments import services as payments
from billing.payments.gateway import Wire
from billing.payments.services import ChangeWish
from billing.promotions import services as promotions
from billing.subscriptions import services as subscriptions
from plans.catalog import publish
from plans.credits import MICROS
from tests import factories
from tests.insights.selling import USER, WORTH, catalog, sell
from tests.insights.wrongs import JOB, WRONGS
from tests.payments import back
from tests.payments.contracts import pay_a_month
from tests.payments.stripe_server import Row, StripeServer

CAMPAIGN: Final = """
[[campaign]]
code = "spring"
name = { en = "Spring", zh = "春" }
kind = "promo"
credits = "5"
budget = "1000"
"""
REPLACED: Final = ('credits = "difference", prorate = "time"', 'credits = "replace"')
LATER: Final = timedelta(days=1)  # when everything has arrived that was on its way


@pytest.fixture
def stripe() -> Iterator[StripeServer]:
    """An account at Stripe, as far as the protocol goes."""
    with StripeServer() as server:
        yield server


@dataclass(frozen=True)
class World:
    """A platform that has lived, and what Stripe has of it."""

    stripe: StripeServer
    purchase: PackPurchase
    payment: Row
    now: datetime

    def drifts(self) -> tuple[Drift, ...]:
        gateway = Wire(self.stripe.key, self.stripe.url, timeout_seconds=2, retries=0)
        since = self.now - timedelta(days=30)
        report = reconcile.run(since=since, now=self.now + LATER, gateway=gateway)
        assert report.stripe_away == ""
        return report.drifts


@transaction.atomic
def buy(account: Account, *, fact: str) -> PackPurchase:
    return packs.give(
        account=account, pack="credits-3300", fact=fact, paid=Paid(50 * MICROS, "USD"), actor=USER
    )


@transaction.atomic
def owe_and_pay(account: Account) -> None:
    locked = factories.lock(account)
    cause = Cause("refund", "re_other")
    ledger.owe(locked, amount_micros=MICROS, fact="d", cause=cause, actor=factories.OPERATOR)


@transaction.atomic
def ask_for_more(account: Account, *, now: datetime) -> None:
    """Let an account be about to pay for another plan: credits of the former one are held."""
    wish = ChangeWish(plan="pro", interval="P1M")
    change = payments.ask_change(account=account, wish=wish, agreed_micros=None, now=now)
    assert change.hold_id is not None


@pytest.fixture
def world(buyer: Account, eve: Account, stripe: StripeServer) -> World:
    """Ada and Eve have bought, been given, spent, owed, and have something under way."""
    publish.publish(catalog(WORTH, REPLACED, more=CAMPAIGN), now=datetime.now(UTC))
    now = datetime.now(UTC)
    factories.give(buyer, 100, expires_in=timedelta(days=5))
    purchase = buy(buyer, fact="stripe:one")
    buy(eve, fact="service:elsewhere")
    with transaction.atomic():
        promotions.grant(account=buyer, campaign="spring", fact="s", actor=USER)
    subscriptions.start(account=eve, plan="pro", interval="P1M", currency="CNY")
    for account in (buyer, eve):
        sell(account)
        sell(account, seconds=10)
        factories.release(account, factories.hold(account, 3))
        factories.hold(account, 7)
    owe_and_pay(buyer)
    factories.give(buyer, 10)
    created = int(now.timestamp())
    payment = stripe.pay("one", amount=5000, currency="usd", created=created, fact="stripe:one")
    stripe.pay("strange", amount=5000, currency="usd", created=created)
    mei = factories.new_account("mei")
    pay_a_month(mei, number=0)
    ask_for_more(mei, now=now)
    connection.check_constraints()
    return World(stripe, purchase, payment, now)


def wrongly(sql: str) -> None:
    """Write as a superuser does, with every guard off."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for table, name in _checks(cursor):
            cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
        cursor.execute(sql)


def _checks(cursor: object) -> list[tuple[str, str]]:
    cursor.execute(  # type: ignore[attr-defined]  # Django's cursor wrapper has no public type
        "SELECT conrelid::regclass::text, conname FROM pg_constraint"
        " WHERE contype = 'c' AND coninhcount = 0 AND conrelid::regclass::text LIKE 'billing_%'"
    )
    return cursor.fetchall()  # type: ignore[attr-defined, no-any-return]  # as above


def value(sql: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {sql}")
        return str(cursor.fetchone()[0])


def test_a_busy_platform_has_no_drift(world: World) -> None:
    assert world.drifts() == ()


def test_each_comparison_is_shown_to_bite() -> None:
    assert {one.code for one in COMPARISONS} <= {code for one in WRONGS for code in one.codes}


def test_what_was_written_past_the_product_is_named_and_nothing_else(
    world: World, subtests: pytest.Subtests
) -> None:
    for wrong in WRONGS:
        with subtests.test(sql=wrong.sql):
            row, before = value(wrong.row), transaction.savepoint()
            wrongly(wrong.sql)

            found = world.drifts()

            transaction.savepoint_rollback(before)
            assert {drift.code for drift in found} == wrong.codes
            assert row in {drift.row for drift in found}
            assert all(drift.sentence and drift.mend for drift in found)


def only(world: World) -> Drift:
    [found] = world.drifts()
    return found


def test_money_without_a_purchase_is_named(world: World) -> None:
    created = int(world.now.timestamp())
    world.stripe.pay("lost", amount=990, currency="usd", created=created, fact="stripe:lost")

    found = only(world)

    assert (found.code, found.row, found.sides) == (
        *("paid_for_nothing", "pi_lost", ("Stripe", "ledger")),
    )
    assert "9.9 USD was paid for stripe:lost" in found.sentence


def test_money_that_came_twice_is_named(world: World) -> None:
    created = int(world.now.timestamp()) - 1
    world.stripe.pay("again", amount=5000, currency="usd", created=created, fact="stripe:one")

    assert (only(world).code, only(world).row) == ("paid_twice", "pi_again")


def test_what_came_twice_and_went_back_once_is_right(world: World) -> None:
    created = int(world.now.timestamp()) - 1
    again = world.stripe.pay(
        "again", amount=5000, currency="usd", created=created, fact="stripe:one"
    )
    world.stripe.refund(again, amount=4999, created=created + 1)
    assert (only(world).code, only(world).row) == ("paid_twice", "pi_again")

    world.stripe.refund(again, amount=1, created=created + 1)

    assert world.drifts() == ()


@pytest.mark.parametrize("change", [{"amount_received": 4999}, {"currency": "cny"}])
def test_another_amount_is_named(world: World, change: dict[str, object]) -> None:
    world.payment.update(change)

    assert (only(world).code, only(world).row) == ("paid_otherwise", world.purchase.pk)


def test_a_purchase_that_stripe_does_not_know_is_named(world: World) -> None:
    world.payment["status"] = "canceled"

    found = only(world)

    assert (found.code, found.row) == ("purchase_unknown_to_stripe", world.purchase.pk)


def test_money_that_went_back_takes_credits_back(world: World) -> None:
    created = int(world.now.timestamp())
    world.stripe.refund(world.payment, amount=5000, created=created)
    assert (only(world).code, only(world).row) == ("refunded_and_kept", world.purchase.pk)

    take_back(world)

    assert world.drifts() == ()


def test_credits_that_went_back_for_no_refund_are_named(world: World) -> None:
    take_back(world)

    assert (only(world).code, only(world).row) == (
        *("taken_back_and_not_refunded", world.purchase.pk),
    )


def refunded(world: World, name: str, *, is_seen: bool = True) -> Row:
    """Let Ada's payment of a pack be paid back by half at Stripe; a look has seen it, or not."""
    created = int(world.now.timestamp())
    account = factories.new_account("zoe", is_sandbox=False)
    seen = replace(back.payment(account, "credits-3300", paid_micros=4 * MICROS), id=f"pi_{name}")
    fact = seen.metadata["linggan_fact"]
    payment = world.stripe.pay(name, amount=400, currency="cny", created=created, fact=fact)
    made = world.stripe.refund(payment, amount=200, created=created)
    back.look(seen, [back.refund(2 * MICROS, key=str(made["id"]))] if is_seen else [])
    return payment


def test_a_refund_that_both_know_is_right(world: World) -> None:
    refunded(world, "half")

    assert world.drifts() == ()


def test_a_refund_that_nobody_told_us_of_is_named(world: World) -> None:
    refunded(world, "half", is_seen=False)

    found = {drift.code: drift for drift in world.drifts()}

    assert "refund_otherwise" in found
    assert "2 CNY back (re_half_0), and here it is nothing" in found["refund_otherwise"].sentence


def test_a_refund_that_stripe_does_not_know_is_named(world: World) -> None:
    refunded(world, "half")
    world.stripe.rows["refunds"].clear()

    assert "refund_unknown_to_stripe" in {drift.code for drift in world.drifts()}


def test_a_dispute_that_stands_otherwise_is_named(world: World) -> None:
    payment = refunded(world, "half")
    world.stripe.dispute(payment, created=int(world.now.timestamp()))

    assert (only(world).code, only(world).sides) == ("dispute_otherwise", ("Stripe", "purchases"))


def test_an_approved_refund_that_never_went_is_named(world: World) -> None:
    account = factories.new_account("zoe", is_sandbox=False)
    seen = back.payment(account, "credits-3300", paid_micros=4 * MICROS)
    created = int(world.now.timestamp())
    fact = seen.metadata["linggan_fact"]
    world.stripe.pay(
        seen.id.removeprefix("pi_"), amount=400, currency="cny", created=created, fact=fact
    )
    back.approve(asked := back.ask(back.look(seen), MICROS))

    assert (only(world).code, only(world).row) == ("refund_never_sent", asked)


@transaction.atomic
def take_back(world: World) -> None:
    ledger.claw_back(
        factories.lock(world.purchase.account),
        grant_ids=[str(world.purchase.grant_id)],
        amount_micros=MICROS,
        fact="refund:one",
        cause=Cause("refund", "re_one"),
        actor=factories.OPERATOR,
    )


def test_what_is_still_on_its_way_is_not_held_against_anybody(world: World) -> None:
    gateway = Wire(world.stripe.key, world.stripe.url, timeout_seconds=2, retries=0)
    created = int(world.now.timestamp())
    world.stripe.pay("new", amount=990, currency="usd", created=created, fact="stripe:new")
    world.payment["status"] = "processing"

    report = reconcile.run(since=world.now - LATER, now=datetime.now(UTC), gateway=gateway)

    assert report.drifts == ()


def run(settings: Settings, stripe: StripeServer | None, **options: object) -> tuple[str, int]:
    settings.STRIPE_SECRET_KEY = stripe.key if stripe else ""
    settings.STRIPE_API_BASE = stripe.url if stripe else ""
    said = StringIO()
    try:
        call_command("reconcile", stdout=said, **options)
    except CommandError as wrong:
        return said.getvalue(), wrong.returncode
    return said.getvalue(), 0


def test_the_command_says_that_stripe_was_not_compared(world: World, settings: Settings) -> None:
    said, code = run(settings, None)

    assert "STRIPE_SECRET_KEY is not set" in said
    assert code == 0


def test_the_command_says_that_stripe_is_away(world: World, settings: Settings) -> None:
    world.stripe.key = "sk_test_another"
    away = StripeServer("sk_test_wrong")
    with away:
        settings.STRIPE_SECRET_KEY, settings.STRIPE_API_BASE = "sk_test_1", away.url
        said = StringIO()
        with pytest.raises(CommandError, match="not compared") as refused:
            call_command("reconcile", stdout=said)

    assert "it does not know STRIPE_SECRET_KEY" in said.getvalue()
    assert refused.value.returncode == 2


def test_the_command_names_drift_and_fails(world: World, settings: Settings) -> None:
    job = value(JOB)
    wrongly(f"UPDATE billing_job SET overrun_micros = 7000000 WHERE id = {JOB}")

    said, code = run(settings, world.stripe)
    told, _code = run(settings, world.stripe, json=True)

    assert f"jobs ↔ holds  {job}: the job cost 7 beyond its hold, and 0 were captured so." in said
    assert code == 1
    document = json.loads(told)
    assert document["stripe"] == "compared"
    assert [one["code"] for one in document["drifts"]] == ["job_overrun"]
