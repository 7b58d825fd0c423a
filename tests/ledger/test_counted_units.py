"""Counted units in the database: taken, given back, shown, and never more than there are."""

from collections.abc import Sequence
from datetime import timedelta
from fractions import Fraction

import pytest
from django.db import IntegrityError, connection, transaction

from billing.accounts.models import Account
from billing.ledger import selectors, statements, store
from billing.ledger import services as ledger
from billing.ledger.counting import Counted, Cover
from billing.ledger.errors import ClockMoved
from billing.ledger.models import Allowance, CountedUse
from billing.subscriptions import services as subscriptions
from plans.catalog.values import Scalar
from plans.credits import MICROS
from tests import factories
from tests.insights.telling import told
from tests.ledger.refusing import refused
from tests.ledger.shop import allowance, customer

pytestmark = pytest.mark.usefixtures("ends_clean")

DAY = timedelta(days=1)
VIDEOS = allowance(
    code="videos",
    cadence="daily",
    unit="output",
    amount=3,
    name='{ en = "Videos a day", zh = "每日视频" }',
)


@transaction.atomic
def order(
    account: Account, reference: str, *, outputs: int = 1, **facts: Scalar
) -> Sequence[Cover]:
    """Take what is counted of an order, as a submit would; return what it paid."""
    locked = factories.lock(account)
    covers = ledger.cover(ledger.counted(locked), facts=facts, outputs=outputs, seconds=5 * outputs)
    ledger.draw(locked, covers, reference=reference)
    return covers


@transaction.atomic
def end(account: Account, reference: str, kept: Fraction | int) -> None:
    ledger.settle_draws(factories.lock(account), reference=reference, kept_share=Fraction(kept))


def counted(account: Account) -> list[Counted]:
    return selectors.balance(factories.wallet_of(account), as_of=None).counted


def left(account: Account) -> list[int]:
    return [one.left_micros // MICROS for one in counted(account)]


def test_three_videos_a_day_cost_nothing_and_the_fourth_costs_credits() -> None:
    ada = customer(free=VIDEOS)

    first = order(ada, "job:1", outputs=2)
    second = order(ada, "job:2", outputs=2)
    third = order(ada, "job:3")

    assert [one.share for one in first] == [1]
    assert [one.share for one in second] == [Fraction(1, 2)]
    assert third == []
    assert left(ada) == [0]
    assert CountedUse.objects.count() == 2


def test_units_across_a_leap_of_the_clock_are_told_to_come_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = store.database_now
    early = statements.LOCK.replace("clock_timestamp()", "clock_timestamp() - interval '1 hour'")
    with monkeypatch.context() as patch:
        patch.setattr(statements, "LOCK", early)
        patch.setattr(store, "database_now", lambda: now() - timedelta(hours=1))
        ada = customer(free=VIDEOS)
        with pytest.raises(ClockMoved):
            order(ada, "job:1")
        assert not CountedUse.objects.exists()

    order(ada, "job:1")

    assert left(ada) == [2]


def test_what_failed_is_back_in_its_window_and_what_was_kept_is_not() -> None:
    ada = customer(free=VIDEOS)
    order(ada, "job:1", outputs=3)

    end(ada, "job:1", Fraction(1, 3))
    end(ada, "job:1", 1)

    assert left(ada) == [2]
    assert CountedUse.objects.get().kept_micros == MICROS


def test_what_comes_back_to_a_window_that_is_over_is_gone() -> None:
    ada = customer(free=VIDEOS)
    order(ada, "job:1", outputs=3)
    factories.later(ada, DAY)
    order(ada, "job:2", outputs=1)

    end(ada, "job:1", 0)

    assert left(ada) == [2]


def test_a_balance_shows_what_is_counted_then_and_ahead() -> None:
    ada = customer(free=VIDEOS)
    order(ada, "job:1", outputs=2)
    (one,) = counted(ada)
    assert one.resets_at is not None
    drawn_at = CountedUse.objects.get().created_at
    factories.later(ada, timedelta(minutes=1))
    end(ada, "job:1", Fraction(1, 2))
    wallet = factories.wallet_of(ada)

    def left_at(at: object) -> int:
        (then,) = selectors.balance(wallet, as_of=at).counted  # type: ignore[arg-type]  # an instant
        return then.left_micros // MICROS

    moment = timedelta(microseconds=1)
    assert left_at(drawn_at - moment) == 3
    assert left_at(drawn_at) == 1
    assert left_at(one.resets_at - moment) == 2
    assert left_at(one.resets_at) == 3
    assert "videos: 2 of 3 left." in told(ada)


def test_another_plan_does_not_count_anew() -> None:
    month = allowance(code="month", cadence="monthly", unit="order", amount=50)
    week = allowance(code="week", cadence="weekly", unit="second", amount=100)
    day = allowance(code="videos", cadence="daily", unit="output", amount=10)
    quota = allowance(code="quota", cadence="once", unit="second", amount=60, expiry="P90D")
    ada = customer(free=f"{VIDEOS}\n{quota}", pro=f"{day}\n{quota}\n{month}\n{week}")
    order(ada, "job:1", outputs=2)
    assert left(ada) == [1, 60]

    subscriptions.start(account=ada, plan="pro")
    assert left(ada) == [8, 60, 50, 100]
    order(ada, "job:2", outputs=9)
    assert left(ada) == [0, 55, 50, 100]
    for plan in ("free", "pro"):
        factories.later(ada, timedelta(minutes=1))
        subscriptions.start(account=ada, plan=plan)

    assert left(ada) == [0, 55, 50, 100]
    subscriptions.start(account=ada, plan="free")
    assert left(ada) == [0, 55]


def test_a_rolling_window_is_counted_from_its_first_use_whatever_the_plan() -> None:
    roll = allowance(cadence="rolling", period="PT24H", unit="order", amount=5)
    ada = customer(free=roll, pro=roll)
    order(ada, "job:1")
    subscriptions.start(account=ada, plan="pro")
    order(ada, "job:2")

    (one,) = counted(ada)
    assert one.left_micros == 3 * MICROS
    assert one.resets_at == CountedUse.objects.earliest("created_at").created_at + DAY
    factories.later(ada, DAY)
    assert left(ada) == [5]


def test_only_orders_of_the_scope_are_counted_the_others_cost_credits() -> None:
    ada = customer(
        free=allowance(
            cadence="daily", unit="order", amount=2, scope='{ model = "m", seconds = { max = 6 } }'
        )
    )

    assert order(ada, "job:1", model="m", seconds=10) == []
    assert len(order(ada, "job:2", model="m", seconds=6)) == 1

    assert left(ada) == [1]


def test_one_order_draws_once() -> None:
    ada = customer(free=VIDEOS)
    order(ada, "job:1")

    with pytest.raises(IntegrityError, match="counted_use_reference_once"):
        order(ada, "job:1")

    assert left(ada) == [2]


# -- the database, with the code out of the way --------------------------------------------------


def use_of(account: Account, **flaws: object) -> CountedUse:
    allowance = Allowance.objects.filter(wallet__account=account).get()
    now = factories.later(account, timedelta(0))
    facts: dict[str, object] = {
        "wallet_id": allowance.wallet_id,
        "allowance": allowance,
        "series": allowance.code,
        "window": "2026-11-23",
        "window_ends_at": now + DAY,
        "reference": "job:x",
        "units_micros": MICROS,
        "created_at": now,
    }
    return CountedUse(**(facts | flaws))


@pytest.mark.parametrize(
    ("flaws", "rule"),
    [
        ({"units_micros": 3 * MICROS + 1}, "counted_use_is_left"),
        ({"units_micros": 0}, "counted_use_units_in_range"),
        ({"units_micros": -MICROS}, "counted_use_units_in_range"),
        ({"kept_micros": 1}, "counted_use_kept_within_units"),
        ({"kept_micros": 2 * MICROS}, "counted_use_kept_within_units"),
    ],
)
def test_the_database_refuses_a_use_that_does_not_fit(flaws: dict[str, object], rule: str) -> None:
    ada = customer(free=VIDEOS)

    refused(use_of(ada, **flaws).save, rule)

    assert not CountedUse.objects.exists()


def test_the_database_counts_what_was_used_before() -> None:
    ada = customer(free=VIDEOS)
    use_of(ada, units_micros=2 * MICROS).save()

    refused(use_of(ada, reference="job:y", units_micros=MICROS + 1).save, "counted_use_is_left")
    use_of(ada, reference="job:y").save()

    assert CountedUse.objects.count() == 2


def test_the_database_refuses_a_use_by_another_wallet_or_at_another_time() -> None:
    ada = customer(free=VIDEOS)
    use = use_of(ada)
    bob = factories.new_account("bob")
    factories.settle(bob)

    use.wallet = factories.wallet_of(bob)
    refused(use.save, "counted_use_is_left")
    use = use_of(ada, created_at=use.created_at - DAY)
    refused(use.save, "counted_use_is_left")
    use = use_of(ada, window_ends_at=use_of(ada).created_at)
    refused(use.save, "counted_use_before_its_window_ends")

    assert not CountedUse.objects.exists()


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("UPDATE billing_counteduse SET units_micros = 1", "counted_use_settles_once"),
        ("UPDATE billing_counteduse SET reference = 'job:z'", "counted_use_settles_once"),
        ("UPDATE billing_counteduse SET \"window\" = 'x'", "counted_use_settles_once"),
        (
            "UPDATE billing_counteduse SET kept_micros = units_micros + 1, settled_at = now()",
            "counted_use_kept_within_units",
        ),
        ("DELETE FROM billing_counteduse", "counted_use_is_never_deleted"),
        ("TRUNCATE billing_counteduse", "counted_use_is_never_emptied"),
    ],
)
def test_what_was_drawn_stays_as_it_was_drawn(statement: str, rule: str) -> None:
    ada = customer(free=VIDEOS)
    order(ada, "job:1")
    connection.check_constraints()
    before = CountedUse.objects.values().get()

    def act() -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)

    refused(act, rule)

    assert CountedUse.objects.values().get() == before


def test_a_use_is_settled_once() -> None:
    ada = customer(free=VIDEOS)
    order(ada, "job:1")
    end(ada, "job:1", 1)

    def act() -> None:
        CountedUse.objects.update(kept_micros=0)

    refused(act, "counted_use_settles_once")

    assert CountedUse.objects.get().kept_micros == MICROS


def test_the_code_refuses_alone_to_draw_more_than_is_left() -> None:
    ada = customer(free=VIDEOS)
    with transaction.atomic():
        (one,) = ledger.counted(factories.lock(ada))
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE billing_counteduse DISABLE TRIGGER USER")

    with pytest.raises(AssertionError), transaction.atomic():
        ledger.draw(factories.lock(ada), [Cover(one, 4 * MICROS, Fraction(1))], reference="job:1")

    assert not CountedUse.objects.exists()


def test_what_is_settled_of_a_window_is_loaded_as_one_use() -> None:
    quota = allowance(code="quota", cadence="once", unit="output", amount=60, expiry="never")
    ada = customer(free=quota)
    for number in range(10):
        order(ada, f"job:{number}", outputs=2)
        end(ada, f"job:{number}", Fraction(number % 2, 2))
    order(ada, "job:open", outputs=3)
    factories.give(ada, 1)

    with transaction.atomic():
        uses = factories.lock(ada).timeline.uses

    assert [use.units_micros // MICROS for use in uses] == [5, 3]
    assert left(ada) == [52]
