"""Accounts move from zone to zone: no two days' credits in 20 hours, and no day without."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from billing.accounts import services as accounts
from billing.accounts.models import Account
from billing.insights import audit
from billing.ledger import selectors, store
from billing.ledger import services as ledger
from billing.ledger.models import Allowance, CountedUse, Entry, Grant, Wallet, ZoneChange
from billing.subscriptions import services as subscriptions
from plans import selectors as plans
from plans.credits import MICROS
from tests import factories
from tests.ledger.machines import rolled_back
from tests.ledger.shop import allowance, customer, free
from tests.unit.test_zones import EXTREME, LONGEST, ZONES

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
REST = timedelta(hours=20)
DAILY = allowance(code="day", cadence="daily", credits="66")
EAST, WEST = "Pacific/Kiritimati", "Pacific/Pago_Pago"


def move(account: Account, zone: str) -> Account:
    account.refresh_from_db()
    return ledger.change_account(account, zone=zone, catalog=plans.current().catalog)


def days_of(account: Account, code: str = "day") -> list[Grant]:
    return list(Grant.objects.filter(wallet__account=account, series=code).order_by("effective_at"))


@given(
    st.sampled_from(ZONES),
    st.lists(
        st.tuples(st.integers(0, 60), st.sampled_from(ZONES) | st.sampled_from(EXTREME)),
        min_size=1,
        max_size=5,
    ),
)
def test_whoever_moves_about_has_each_days_credits_once_and_every_day(
    first: str, moves: list[tuple[int, str]]
) -> None:
    with rolled_back():
        ada = customer(free=DAILY)
        move(ada, first)
        for hours, zone in moves:
            factories.later(ada, hours * HOUR)
            move(ada, zone)
            # Whoever looks sees today's credits, and no others.
            assert free(ada) == 66
        for _day in range(6):
            factories.later(ada, 13 * HOUR)
            assert free(ada) == 66
        days = [grant.day_at for grant in days_of(ada)]
        pauses = [after - before for before, after in pairwise(days) if before and after]
        assert len(pauses) == len(days) - 1
        assert min(pauses, default=DAY) >= REST
        # At night the wallet sleeps for longer than a day at a time, but never here.
        if all(hours <= 13 for hours, _zone in moves):
            assert max(pauses) < LONGEST
        assert list(audit.breaches()) == []


def test_over_the_date_line_and_back_a_day_has_one_name_and_a_name_one_day() -> None:
    ada = customer(free=DAILY)
    move(ada, EAST)
    factories.later(ada, 2 * DAY)
    for zone in (WEST, EAST, WEST):
        for _hours in range(9):
            factories.later(ada, 9 * HOUR)
        move(ada, zone)
    for _hours in range(9):
        factories.later(ada, 9 * HOUR)

    given_ = [grant for grant in days_of(ada) if grant.day_at]
    facts = [grant.fact for grant in given_]
    ends = [grant.expires_at for grant in given_]
    assert len(set(facts)) == len(facts)
    assert sum("T" in fact for fact in facts) >= 2
    assert all(before == after.day_at for before, after in zip(ends[1:-1], given_[2:], strict=True))


def test_of_two_moves_on_one_day_the_last_counts_and_of_one_and_back_none() -> None:
    ada, eve = customer(free=DAILY), factories.new_account("eve")
    factories.settle(eve)
    for account in (ada, eve):
        factories.later(account, DAY)
    move(ada, WEST)
    move(ada, "Asia/Shanghai")

    def told(account: Account) -> list[datetime | None]:
        wallet = factories.wallet_of(account)
        start = wallet.touched_at.replace(hour=0, minute=0, second=0, microsecond=0)
        return [
            selectors.balance(wallet, as_of=start + hours * HOUR).resets_at
            for hours in range(30, 90, 7)
        ]

    assert told(ada) == told(eve)
    move(eve, EAST)
    move(eve, WEST)
    move(ada, WEST)
    assert told(ada) == told(eve)


def test_check_ins_days_in_a_row_and_counted_units_move_along() -> None:
    ada = customer(
        free="\n".join(
            [
                allowance(code="claim", cadence="daily", mode="claimed", credits="10"),
                allowance(code="videos", cadence="daily", unit="output", amount=3),
            ]
        )
    )
    assert factories.claim(ada).streak_days == 1
    move(ada, EAST)
    assert factories.claim(ada).streak_days == 1
    streak, names = 1, set()
    for zone in (WEST, EAST, "UTC", EAST, WEST):
        day = selectors.balance(factories.wallet_of(ada), as_of=None)
        assert day.resets_at is not None
        now = selectors.peek(factories.wallet_of(ada)).instant
        factories.later(ada, day.resets_at - now)
        claimed = factories.claim(ada)
        assert claimed.streak_days == streak + 1
        streak = claimed.streak_days
        draw(ada, outputs=3)
        move(ada, zone)
        assert [one.left_micros for one in counted(ada)] == [0]
        assert factories.claim(ada) == claimed
    names = set(CountedUse.objects.values_list("window", flat=True))
    assert len(names) == 5


def counted(account: Account) -> list[ledger.Counted]:
    return selectors.balance(factories.wallet_of(account), as_of=None).counted


@transaction.atomic
def draw(account: Account, *, outputs: int) -> None:
    locked = factories.lock(account)
    covers = ledger.cover(ledger.counted(locked), facts={}, outputs=outputs, seconds=outputs)
    assert covers
    ledger.draw(locked, covers, reference=f"test:{locked.now.isoformat()}")


def test_what_names_its_own_zone_and_what_is_drawn_from_an_instant_stays() -> None:
    ada = customer(
        free="\n".join(
            [
                allowance(code="own", cadence="daily", credits="5", zone="Asia/Tokyo"),
                allowance(code="month", cadence="monthly", credits="40"),
                allowance(code="first", cadence="monthly", credits="30", anchor="calendar"),
            ]
        )
    )
    stayed = {row.code: next_at(row, moved=False) for row in Allowance.objects.all()}
    move(ada, "America/New_York")
    moved = {row.code: next_at(row, moved=True) for row in Allowance.objects.all()}

    changed = {code for code, starts in moved.items() if starts != stayed[code]}
    assert changed == {"free.first"}
    first = zip(moved["free.first"], stayed["free.first"], strict=True)
    delays = [(after - before) / HOUR for after, before in first]
    # The month under way ends as it would; the later ones begin at midnight in New York.
    assert (delays[0], {12.0, 13.0} >= set(delays[1:])) == (0.0, True)


def next_at(row: Allowance, *, moved: bool) -> list[datetime]:
    """Return when the next three windows of an allowance begin."""
    moves = store.moves(row.wallet_id)
    assert bool(moves) == moved
    schedule, found = store.schedule(row, moves=moves), [row.started_at]
    for _window in range(3):
        found.append(schedule.window(found[-1]).ends_at)
    return found[1:]


def test_an_account_that_has_no_wallet_yet_begins_in_its_new_zone() -> None:
    customer(free=DAILY)
    eve = factories.new_account("eve")
    move(eve, WEST)
    stale = Account.objects.get(pk=eve.pk)
    stale.zone = "Asia/Shanghai"  # as whoever read it before the move would have it

    factories.settle(stale)

    row = Allowance.objects.get(wallet__account=eve)
    assert (row.zone, ZoneChange.objects.count()) == (WEST, 0)


def test_a_plan_that_begins_after_a_move_goes_on_in_the_accounts_days() -> None:
    ada = customer(free=DAILY, pro=DAILY.replace("66", "77"))
    factories.later(ada, DAY)
    move(ada, WEST)
    before = selectors.balance(factories.wallet_of(ada), as_of=None)

    subscriptions.start(account=Account.objects.get(pk=ada.pk), plan="pro")

    after = selectors.balance(factories.wallet_of(ada), as_of=None)
    assert (after.resets_at, after.available_micros) == (before.resets_at, 66 * MICROS)
    assert before.resets_at is not None
    now = selectors.peek(factories.wallet_of(ada)).instant
    factories.later(ada, before.resets_at - now)
    assert free(ada) == 77
    assert "T" in days_of(ada)[-1].fact


# -- what the database refuses ---------------------------------------------------------------------


def test_the_database_refuses_a_second_day_within_20_hours_that_the_code_would_give() -> None:
    ada = customer(free=DAILY)
    now = factories.later(ada, 2 * DAY)
    last, entries = days_of(ada)[-1], Entry.objects.count()
    # As if a move counted at once: on Kiritimati tomorrow begins 18 hours after today in Shanghai.
    tomorrow = last.effective_at + 18 * HOUR
    Allowance.objects.update(zone=EAST, next_at=tomorrow)

    with pytest.raises(IntegrityError, match="grant_days_are_20_hours_apart"), transaction.atomic():
        factories.later(ada, max(tomorrow - now, timedelta(0)))

    assert (days_of(ada)[-1], Entry.objects.count()) == (last, entries)


_MORE = "INSERT INTO billing_zonechange (wallet_id, former, zone, at) "


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        (
            f"{_MORE} SELECT wallet_id, 'UTC', 'Asia/Tokyo', at FROM billing_zonechange",
            "zone_change_continues_the_last",
        ),
        (
            f"{_MORE} SELECT wallet_id, zone, 'UTC', at - interval '1 s' FROM billing_zonechange",
            "zone_change_continues_the_last",
        ),
        (
            f"{_MORE} SELECT wallet_id, zone, zone, at FROM billing_zonechange",
            "zone_change_changes",
        ),
        ("UPDATE billing_zonechange SET at = at - interval '1 day'", "zone_change_is_append_only"),
        ("DELETE FROM billing_zonechange", "zone_change_is_append_only"),
        ("TRUNCATE billing_zonechange", "zone_change_is_never_emptied"),
        ("UPDATE billing_grant SET day_at = day_at - interval '1 day'", "grant_keeps_its_day"),
        ("UPDATE billing_allowance SET first_at = now()", "allowance_keeps_its_beginning"),
        ("UPDATE billing_allowance SET announced_end_at = now()", "allowance_keeps_its_beginning"),
    ],
)
def test_the_database_refuses_another_past(change: str, constraint: str) -> None:
    ada = customer(free=DAILY)
    move(ada, WEST)
    connection.check_constraints()

    with (
        pytest.raises(DatabaseError, match=constraint),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(change)


# -- over REST ------------------------------------------------------------------------------------


def test_a_platform_moves_an_account_and_a_zone_that_is_none_is_refused_by_name() -> None:
    ada = customer(free=DAILY)
    _key, secret = accounts.create_api_key(
        "shop", ["accounts:write"], is_sandbox=True, now=datetime.now(UTC)
    )
    patch: Callable[[dict[str, object]], Any] = lambda body: Client().patch(  # noqa: E731
        "/v1/accounts/ada",
        data=body,
        content_type="application/json",
        headers={"Authorization": f"Bearer {secret}"},
    )

    changed = patch({"zone": WEST})
    refused = [patch({"zone": zone}) for zone in ("Mars/Olympus", "", "+08:00", "x" * 65)]

    assert (changed.status_code, changed.json()["zone"]) == (200, WEST)
    for answer in refused:
        assert answer.status_code == 400
        assert [one["pointer"] for one in answer.json()["errors"]] == ["/zone"]
    assert ZoneChange.objects.get().zone == WEST
    assert patch({"zone": WEST}).status_code == 200
    assert ZoneChange.objects.count() == 1
    assert Wallet.objects.get(account=ada).account.zone == WEST


def test_the_platform_is_told_which_allowances_follow_the_accounts_zone() -> None:
    customer(
        free="\n".join(
            [
                DAILY,
                allowance(code="own", cadence="daily", credits="5", zone="Asia/Tokyo"),
                allowance(code="month", cadence="monthly", credits="5", anchor="calendar"),
                allowance(code="instant", cadence="monthly", credits="5"),
            ]
        )
    )
    _key, secret = accounts.create_api_key(
        "shop", ["accounts:write"], is_sandbox=True, now=datetime.now(UTC)
    )
    path, shop = "/v1/accounts/ada", Client(headers={"Authorization": f"Bearer {secret}"})

    changed = shop.patch(path, data={"zone": WEST}, content_type="application/json").json()
    read = shop.get(path).json()

    assert changed["zone_applies_to"] == read["zone_applies_to"] == ["day", "month"]
