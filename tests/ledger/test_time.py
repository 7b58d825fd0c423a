"""What time does to a wallet, exactly, whether anybody looks or not."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from billing.accounts.models import Account
from billing.ledger import selectors
from billing.ledger.errors import InsufficientCredits
from billing.ledger.models import Entry, Grant, Wallet
from billing.subscriptions import services as subscriptions
from plans.catalog import publish
from plans.credits import MICROS
from plans.models import CatalogVersion
from tests import factories

SHANGHAI = ZoneInfo("Asia/Shanghai")


def _available(account: Account, as_of: datetime | None = None) -> int:
    balance = selectors.balance(factories.wallet_of(account), as_of=as_of)
    return balance.available_micros // MICROS


def test_expired_credits_cannot_be_held_although_nobody_swept(ada: Account) -> None:
    factories.give(ada, 10, expires_in=timedelta(hours=1))
    factories.later(ada, timedelta(0))
    before = Entry.objects.count()
    Wallet.objects.update(clock_offset=timedelta(hours=1))

    with pytest.raises(InsufficientCredits):
        factories.hold(ada, 1)

    assert Entry.objects.count() == before
    assert factories.free_micros(ada) == 0


def test_a_hold_outlives_the_grant_it_took_from(ada: Account) -> None:
    factories.give(ada, 10, expires_in=timedelta(hours=1))
    held = factories.hold(ada, 10)
    factories.later(ada, timedelta(hours=2))

    factories.capture(ada, held, 10 * MICROS)

    assert Grant.objects.get().captured_micros == 10 * MICROS


def test_what_comes_back_to_an_expired_grant_is_expired(ada: Account) -> None:
    factories.give(ada, 10, expires_in=timedelta(hours=1))
    held = factories.hold(ada, 10)
    factories.later(ada, timedelta(hours=2))

    factories.release(ada, held)

    grant = Grant.objects.get()
    assert (grant.available_micros, grant.expired_micros) == (0, 10 * MICROS)
    assert Entry.objects.order_by("seq").values_list("kind", flat=True).last() == "lapse"


def test_a_release_goes_back_to_the_very_grants_it_came_from(ada: Account) -> None:
    soon = factories.give(ada, 10, expires_in=timedelta(hours=5))
    late = factories.give(ada, 10, expires_in=timedelta(hours=9))
    held = factories.hold(ada, 15)

    factories.capture(ada, held, 12 * MICROS)

    soon.refresh_from_db()
    late.refresh_from_db()
    assert (soon.captured_micros, late.captured_micros) == (10 * MICROS, 2 * MICROS)
    assert (soon.available_micros, late.available_micros) == (0, 8 * MICROS)


def test_a_grant_counts_from_its_effective_instant_on(ada: Account) -> None:
    factories.give(ada, 10, begins_in=timedelta(hours=3))

    with pytest.raises(InsufficientCredits):
        factories.hold(ada, 1)
    factories.later(ada, timedelta(hours=3))

    assert factories.hold(ada, 10).amount_micros == 10 * MICROS


def test_todays_credits_are_claimed_once_and_gone_at_midnight_in_shanghai(ada: Account) -> None:
    first = factories.claim(ada)
    again = factories.claim(ada)

    assert first == again
    assert first.expires_at is not None
    midnight = first.expires_at.astimezone(SHANGHAI)
    assert (midnight.hour, midnight.minute, midnight.second) == (0, 0, 0)
    assert _available(ada) == 66
    assert _available(ada, first.expires_at - timedelta(microseconds=1)) == 66
    assert _available(ada, first.expires_at) == 0


def test_each_day_has_its_own_credits_and_a_missed_day_has_none(ada: Account) -> None:
    factories.claim(ada)
    factories.later(ada, timedelta(days=3))

    factories.claim(ada)

    assert _available(ada) == 66
    assert Grant.objects.count() == 2


def test_a_plans_monthly_credits_arrive_by_themselves(ada: Account) -> None:
    subscriptions.start(account=ada, plan="standard")
    assert _available(ada) == 660
    used = factories.hold(ada, 600)
    factories.capture(ada, used, 600 * MICROS)

    factories.later(ada, timedelta(days=31))

    assert _available(ada) == 660
    assert Grant.objects.filter(source="allowance").count() == 2


def test_the_past_is_what_it_was_to_the_microsecond(ada: Account) -> None:
    given = factories.give(ada, 10, expires_in=timedelta(hours=1))
    factories.later(ada, timedelta(minutes=30))
    held = factories.hold(ada, 4)
    factories.later(ada, timedelta(hours=5))
    factories.settle(ada)
    assert given.expires_at is not None

    one = timedelta(microseconds=1)
    seen = [
        _available(ada, at)
        for at in (
            given.effective_at - one,
            given.effective_at,
            held.created_at - one,
            held.created_at,
            given.expires_at - one,
            given.expires_at,
        )
    ]

    assert seen == [0, 10, 10, 6, 6, 0]
    expiry = Entry.objects.get(kind="expire")
    assert expiry.effective_at == given.expires_at


def test_a_forecast_knows_expiry_and_automatic_credits(ada: Account) -> None:
    factories.give(ada, 10, expires_in=timedelta(days=2))
    subscriptions.start(account=ada, plan="standard")
    now = datetime.now(UTC)
    entries = Entry.objects.count()

    seen = [_available(ada, now + timedelta(days=days)) for days in (1, 3, 40)]

    assert seen == [670, 660, 660]
    assert Entry.objects.count() == entries


def test_a_sleeper_wakes_with_this_month_and_not_with_all_that_were_missed(ada: Account) -> None:
    subscriptions.start(account=ada, plan="standard")

    factories.later(ada, timedelta(days=400))

    assert _available(ada) == 660
    assert Grant.objects.count() == 2


def test_changing_the_plan_keeps_what_was_granted(ada: Account) -> None:
    subscriptions.start(account=ada, plan="standard")

    subscriptions.start(account=ada, plan="pro")

    assert _available(ada) == 3660
    factories.later(ada, timedelta(days=32))
    assert _available(ada) == 3000


def test_settling_twice_writes_nothing_new(ada: Account) -> None:
    factories.give(ada, 10, expires_in=timedelta(hours=1))
    factories.later(ada, timedelta(hours=2))
    entries = Entry.objects.count()

    factories.settle(ada)
    factories.settle(ada)

    assert Entry.objects.count() == entries


def test_going_from_plan_to_plan_and_back_mints_nothing(ada: Account) -> None:
    for plan in ("standard", "pro", "standard", "pro", "free", "standard"):
        subscriptions.start(account=ada, plan=plan)

    assert _available(ada) == 3660
    factories.later(ada, timedelta(days=32))
    assert _available(ada) == 660


def test_two_plans_whose_days_begin_elsewhere_give_no_two_days_in_one(
    kling: CatalogVersion,
) -> None:
    daily = 'code = "daily"\n  cadence = "daily"\n  mode = "claimed"'
    text = factories.KLING.read_text()
    assert daily in text
    text = text.replace(daily, daily.replace("claimed", "auto")).replace(
        'zone = "Asia/Shanghai"\n  rollover', 'zone = "Pacific/Kiritimati"\n  rollover'
    )
    monthly = 'code = "monthly"\n  cadence = "monthly"\n  mode = "auto"\n  credits = "660"'
    assert monthly in text
    west = monthly.replace("monthly", "daily").replace(
        'credits = "660"', 'credits = "66"\n  zone = "Pacific/Pago_Pago"'
    )
    publish.publish(text.replace(monthly, west), now=datetime.now(UTC))
    eve = factories.new_account("eve")
    factories.settle(eve)
    assert _available(eve) == 66

    # Her plan's days now begin a day later than those of the free plan.
    subscriptions.start(account=eve, plan="standard")
    assert Grant.objects.filter(wallet__account=eve).count() == 1

    days = 10
    for _hours in range(days * 8):
        factories.later(eve, timedelta(hours=3))
    given = Grant.objects.filter(wallet__account=eve).order_by("effective_at")
    instants = [grant.effective_at for grant in given]
    pauses = [after - before for before, after in pairwise(instants)]
    assert min(pauses) >= timedelta(hours=20)
    assert days <= len(instants) <= days + 1


def test_what_is_due_is_written_beside_the_wallet(ada: Account) -> None:
    subscriptions.start(account=ada, plan="standard")
    spent = factories.hold(ada, 660)
    factories.capture(ada, spent, 660 * MICROS)
    subscriptions.start(account=ada, plan="free")

    assert factories.wallet_of(ada).due_at is None
    given = factories.give(ada, 5, expires_in=timedelta(days=2))
    assert factories.wallet_of(ada).due_at == given.expires_at


def test_the_look_and_the_sum_are_of_one_moment(ada: Account) -> None:
    factories.give(ada, 10)
    stale = factories.wallet_of(ada)
    factories.give(ada, 90)

    balance = selectors.balance(stale, as_of=None)

    assert balance.available_micros == sum(balance.by_source.values()) == 100 * MICROS
