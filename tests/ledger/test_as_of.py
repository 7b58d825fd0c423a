"""A past instant is told as it was foretold: whoever touched the wallet meanwhile, and however."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from billing.accounts.models import Account
from billing.ledger import selectors
from billing.ledger import services as ledger
from billing.ledger.living import course
from billing.ledger.models import Allowance, Grant, Hold
from billing.ledger.services import Cause
from billing.packs import services as packs
from billing.packs.api import coming_between, coming_of
from billing.subscriptions import services as subscriptions
from plans import selectors as plans
from plans.credits import MICROS
from tests import factories
from tests.ledger.machines import rolled_back
from tests.ledger.shop import allowance, open_shop

pytestmark = pytest.mark.django_db
HOUR, DAY, TICK = timedelta(hours=1), timedelta(days=1), timedelta(microseconds=1)
OF_THE_ACCOUNT = [
    allowance(code="gone", cadence="daily", credits="66", at="08:00"),
    allowance(code="fill", cadence="daily", credits="50", fill="set_to", expiry="P3D"),
    allowance(code="week", cadence="daily", credits="7", expiry="P7D@day_end"),
    allowance(code="cap", cadence="daily", credits="5", rollover="cap", rollover_cap="9"),
    allowance(code="roll", cadence="rolling", period="PT24H", credits="30"),
    allowance(code="once", cadence="once", credits="11", expiry="P20D"),
    allowance(code="claim", cadence="daily", mode="claimed", credits="10", zone="UTC"),
    allowance(code="videos", cadence="daily", unit="output", amount=3),
]
FREE = "\n".join([*OF_THE_ACCOUNT, allowance(code="drip", cadence="monthly", credits="40")])
PRO = "\n".join(
    [
        *OF_THE_ACCOUNT,
        allowance(code="keep", cadence="weekly", credits="20", rollover="periods",
                  rollover_periods=1),
        allowance(code="stay", cadence="monthly", credits="100", rollover="while_subscribed",
                  anchor="calendar"),
        allowance(code="long", cadence="daily", credits="1", expiry="P40D"),
    ]
)  # fmt: skip
PACKS = """
[[pack]]
code = "later"
name = { en = "Later", zh = "以后包" }
credits = "50"
expiry = "P10D"
activate_within = "P5D"
[pack.bonus]
credits = "5"
expiry = "P9D"
"""
Picture = tuple[object, ...]
Acts = list[tuple[str, int]]
# The shop is opened once; each history that Hypothesis makes up happens in it and is undone.
in_one_shop = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(autouse=True)
def _shop(db: None) -> None:
    open_shop(free=FREE, pro=PRO, packs=PACKS)


def subscriber(name: str) -> Account:
    account = factories.new_account(name)
    factories.settle(account)
    return account


def picture(account: Account, at: datetime) -> Picture:
    """Return all that a balance tells of an instant, but for the names of grants."""
    found = selectors.balance(
        factories.wallet_of(account), as_of=at, coming=partial(coming_of, account)
    )
    return (
        *(found.available_micros, found.held_micros, found.debt_micros, found.by_source),
        [(one.schedule.code, one.window, one.used_micros, one.resets_at) for one in found.counted],
        sorted((lot.expires_at, lot.source, lot.available_micros) for lot in found.expiring),
        *(found.next_grant, found.resets_at),
    )


# -- what may have been before, and what may happen afterwards ------------------------------------


@transaction.atomic
def owe(account: Account, credits_: int) -> None:
    ledger.owe(
        factories.lock(account),
        amount_micros=credits_ * MICROS,
        fact=f"debt:{credits_}",
        cause=Cause("operator", "grace"),
        actor=factories.OPERATOR,
    )


@transaction.atomic
def hold_for_a_while(account: Account) -> None:
    locked = factories.lock(account)
    if locked.timeline.debts:
        return
    ledger.hold(
        locked,
        amount_micros=25 * MICROS,
        reference=f"test:{locked.seq}",
        catalog=plans.current().catalog,
        facts={},
        standing=frozenset(),
        cause=Cause("job", "job_test"),
        actor=factories.SYSTEM,
        lasts_until=locked.now + 30 * HOUR,
    )


@transaction.atomic
def draw(account: Account) -> None:
    locked = factories.lock(account)
    covers = ledger.cover(ledger.counted(locked), facts={}, outputs=1, seconds=5)
    ledger.draw(locked, covers, reference=f"test:draw:{locked.now.isoformat()}")


@transaction.atomic
def check_in(account: Account) -> None:
    catalog = plans.current().catalog
    locked = subscriptions.finish_if_over(factories.lock(account), account, catalog=catalog)
    ledger.claim(locked, actor=factories.SYSTEM)


@transaction.atomic
def buy_a_pack(account: Account) -> None:
    packs.give(account=account, pack="later", fact=f"p:{datetime.now(UTC)}", actor=factories.SYSTEM)


def move(account: Account, zone: str) -> None:
    account.refresh_from_db()
    ledger.change_account(account, zone=zone, catalog=plans.current().catalog)


def subscribe(account: Account, days: int | None) -> None:
    account.refresh_from_db()
    now = selectors.peek(factories.wallet_of(account)).instant
    ends_at = now + days * DAY + 7 * HOUR if days else None
    subscriptions.end(account=account)
    subscriptions.start(account=account, plan="pro", ends_at=ends_at)


def spend(account: Account) -> None:
    if not factories.wallet_of(account).debt_micros:
        factories.capture(account, factories.hold(account, 30), 17 * MICROS)


ACTS: dict[str, Callable[[Account], object]] = {
    "give": lambda ada: factories.give(ada, 40, expires_in=50 * HOUR),
    "give later": lambda ada: factories.give(ada, 13, begins_in=3 * DAY + HOUR),
    "spend": spend,
    "hold": lambda ada: factories.wallet_of(ada).debt_micros or factories.hold(ada, 20),
    "hold for a while": hold_for_a_while,
    "draw": draw,
    "check in": check_in,
    "owe": lambda ada: owe(ada, 333),
    "buy a pack": buy_a_pack,
    "subscribe": lambda ada: subscribe(ada, None),
    "subscribe for days": lambda ada: subscribe(ada, 4),
    "end": lambda ada: subscriptions.end(account=ada),
    "move east": lambda ada: move(ada, "Pacific/Kiritimati"),
    "move west": lambda ada: move(ada, "Pacific/Pago_Pago"),
    "move home": lambda ada: move(ada, "Asia/Shanghai"),
}


def settle(account: Account) -> None:
    """Touch the wallet as who orders does: a subscription that has ended ends first."""
    with transaction.atomic():
        catalog = plans.current().catalog
        locked = factories.lock(account)
        ledger.settle(subscriptions.finish_if_over(locked, account, catalog=catalog))


def sweep(account: Account) -> None:
    """Do what the scheduler does for those who sleep."""
    subscriptions.end_due()
    packs.activate_due(now=datetime.now(UTC))
    factories.settle(account)


TOUCHES: dict[str, Callable[[Account], object]] = {
    "settle": settle,
    "sweep": sweep,
    "look": lambda ada: picture(ada, selectors.peek(factories.wallet_of(ada)).instant),
}
acts = st.lists(st.tuples(st.sampled_from(sorted(ACTS)), st.integers(0, 40)), max_size=5)
touches = st.lists(st.tuples(st.sampled_from(sorted(TOUCHES)), st.integers(1, 400)), max_size=3)
instants = st.lists(st.integers(0, 60 * 24 * 60 * 60 - 1), min_size=1, max_size=3)


def age(account: Account, by: timedelta) -> None:
    """Let time pass without a touch: only the clock moves."""
    wallet = factories.wallet_of(account)
    type(wallet).objects.filter(pk=wallet.pk).update(clock_offset=wallet.clock_offset + by)


@in_one_shop
@given(before=acts, ahead=instants, between=touches, after=acts)
def test_what_was_foretold_of_an_instant_is_told_of_it_for_ever(
    before: Acts, ahead: list[int], between: Acts, after: Acts
) -> None:
    with rolled_back():
        ada = subscriber("ada")
        for act, hours in before:
            ACTS[act](ada)
            age(ada, hours * HOUR)
        started_at = selectors.peek(factories.wallet_of(ada)).instant
        asked = sorted(started_at + timedelta(seconds=seconds) for seconds in ahead)
        foretold = [picture(ada, at) for at in asked]
        for touch, hours in between:
            age(ada, hours * HOUR)
            TOUCHES[touch](ada)
        age(ada, 61 * DAY)
        assert [picture(ada, at) for at in asked] == foretold
        for act, hours in after:
            ACTS[act](ada)
            age(ada, hours * HOUR)
        assert [picture(ada, at) for at in asked] == foretold


@in_one_shop
@given(acts)
def test_at_each_instant_at_which_it_was_written_the_past_is_what_was_written(
    acts_: list[tuple[str, int]],
) -> None:
    with rolled_back():
        ada = subscriber("ada")
        wrote = []
        for act, hours in acts_:
            ACTS[act](ada)
            factories.later(ada, hours * HOUR)
            wallet = factories.wallet_of(ada)
            wrote.append((wallet.touched_at, wallet.available_micros, wallet.held_micros))
        for at, available_micros, held_micros in wrote:
            found = selectors.balance(factories.wallet_of(ada), as_of=at)
            assert (found.available_micros, found.held_micros) == (available_micros, held_micros)


def where_it_is_one_o_clock() -> str:
    """Return a zone whose day is young now, whatever the hour at which the test runs."""
    ahead = (13 - datetime.now(UTC).hour) % 24 - 12
    return f"Etc/GMT{-ahead:+d}"  # the sign counts hours to the west, as POSIX has it


def test_an_allowance_that_began_to_give_later_than_it_started_did_so_then_too() -> None:
    """On a plan whose days begin elsewhere the first comes 20 hours after the last."""
    here, elsewhere = (
        allowance(code="day", cadence="daily", credits="66", zone=zone)
        for zone in (where_it_is_one_o_clock(), "Pacific/Pago_Pago")
    )
    open_shop(free=here, pro=elsewhere)
    ada = subscriber("bob")
    age(ada, 30 * HOUR)
    factories.settle(ada)
    subscriptions.start(account=ada, plan="pro")
    row = Allowance.objects.get(wallet__account=ada, ends_at=None)
    assert row.first_at is not None
    assert row.first_at > row.created_at
    asked = [row.first_at + hours * HOUR for hours in range(-20, 30, 5)]
    asked = [at for at in asked if at > row.created_at]
    foretold = [picture(ada, at) for at in asked]

    age(ada, 20 * DAY)
    factories.settle(ada)

    assert [picture(ada, at) for at in asked] == foretold


def test_a_rolling_window_that_gave_unseen_does_not_give_again_at_a_subscription_s_end() -> None:
    """The forecast of the end knows what came before it, though no row says so yet."""
    rolling = [
        allowance(code="roll", cadence="rolling", period="PT24H", credits="30"),
        allowance(code="brief", cadence="rolling", period="PT24H", credits="5", expiry="P3D"),
    ]
    open_shop(free="\n".join(rolling), pro="\n".join(rolling))
    ada = subscriber("eve")
    subscribe(ada, 9)
    factories.hold(ada, 35)
    asked = selectors.peek(factories.wallet_of(ada)).instant + 10 * DAY
    foretold = picture(ada, asked)
    assert foretold[0] == 35 * MICROS

    age(ada, 61 * DAY)
    settle(ada)

    assert picture(ada, asked) == foretold


def living(account: Account) -> list[tuple[object, ...]]:
    """Return what there is of grants and holds; what came and went unseen is nowhere."""
    rows = Grant.objects.filter(wallet__account=account).exclude(
        available_micros=0, held_micros=0, captured_micros=0
    )
    grants = [(one.source, one.series, one.day_at, *_places(one)) for one in rows.order_by("pk")]
    holds = Hold.objects.filter(wallet__account=account).values_list("state", "captured_micros")
    return [*sorted(grants, key=str), *sorted(holds)]


def _places(grant: Grant) -> tuple[int, ...]:
    return (grant.available_micros, grant.held_micros, grant.captured_micros)


@in_one_shop
@given(before=acts, sweeps=st.lists(st.integers(1, 300), min_size=1, max_size=4))
def test_whether_sweeps_come_by_or_not_the_rows_mean_the_same(
    before: list[tuple[str, int]], sweeps: list[int]
) -> None:
    """Expiry, windows, drips, holds with an end, packs and subscriptions that end: all of it.

    But for one thing: a pack that begins by itself pays what is owed when that is written down.
    Where that is late, days of free credits may have paid it before.
    """
    done = {act for act, _hours in before}
    assume(not {"owe", "buy a pack"} <= done)
    with rolled_back():
        swept, left_alone = subscriber("ada"), subscriber("eve")
        for act, hours in before:
            for account in (swept, left_alone):
                ACTS[act](account)
                age(account, hours * HOUR)
        for hours in sweeps:
            age(swept, hours * HOUR)
            sweep(swept)
        age(left_alone, sum(sweeps) * HOUR)
        for account in (swept, left_alone):
            settle(account)
            with transaction.atomic():
                packs.begin_overdue(factories.lock(account), account)

        assert living(swept) == living(left_alone)


@in_one_shop
@given(before=acts, ahead=instants, between=touches, asleep=st.integers(0, 30 * 24))
@example(
    before=[("give", 1), ("spend", 5), ("buy a pack", 30), ("owe", 3), ("subscribe for days", 9)],
    ahead=[400_000, 900_000, 2_000_000],
    between=[("settle", 30)],
    asleep=300,
)
def test_a_course_tells_of_each_instant_what_a_balance_tells_of_it(
    before: list[tuple[str, int]], ahead: list[int], between: list[tuple[str, int]], asleep: int
) -> None:
    with rolled_back():
        ada = subscriber("ada")
        born_at = selectors.peek(factories.wallet_of(ada)).instant
        for act, hours in before:
            ACTS[act](ada)
            age(ada, hours * HOUR)
        for touch, hours in between:
            age(ada, hours * HOUR)
            TOUCHES[touch](ada)
        age(ada, asleep * HOUR)
        wallet = factories.wallet_of(ada)
        now = selectors.peek(wallet).instant
        asked = sorted(
            {
                *(since + timedelta(seconds=one) for since in (born_at, now) for one in ahead),
                *(now - number * 31 * HOUR for number in range(8)),
                *(wallet.touched_at + off for off in (-TICK, timedelta(), TICK)),
            }
        )

        told = course(wallet, instants=asked, coming=coming_between(ada, asked[0], asked[-1]))

        coming = partial(coming_of, ada)
        for at, micros in zip(asked, told, strict=True):
            assert selectors.balance(wallet, as_of=at, coming=coming).available_micros == micros


def test_a_course_asks_as_little_of_sixty_instants_as_of_two() -> None:
    ada = subscriber("ada")
    for act in ("give", "spend", "buy a pack", "hold for a while", "owe", "move east", "draw"):
        ACTS[act](ada)
        factories.later(ada, 2 * DAY)
    age(ada, 7 * DAY)
    wallet = factories.wallet_of(ada)
    now = selectors.peek(wallet).instant

    def questions(step: timedelta) -> int:
        asked = [now - 15 * DAY + number * step for number in range(30 * DAY // step + 1)]
        with CaptureQueriesContext(connection) as queries:
            course(wallet, instants=asked, coming=coming_between(ada, asked[0], asked[-1]))
        return len(queries)

    assert questions(DAY / 2) == questions(30 * DAY) < 25
