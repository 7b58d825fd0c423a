"""Holds and reads among many wallets, and a day's free credits of accounts that mostly sleep.

The accounts are made by SQL in databases that are thrown away. Each has had free credits each day
since yesterday: whoever is touched first today gets today's, and nobody else is written to, not by
the sweeps either.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from math import inf
from typing import Final

from django.db import connection

from billing.accounts.models import Account
from billing.insights.bench import card, rows, sample
from billing.insights.bench.asked import Asked
from billing.insights.bench.figures import Case, Effort, Report, Side, Turn, interleaved, reported
from billing.insights.bench.growth import drift
from billing.insights.bench.hands import Deed, alone
from billing.insights.bench.limit import Limit
from billing.insights.bench.place import settled, throw_away_database
from billing.insights.bench.reading import Reader
from billing.insights.bench.scene import Scene, rich_account
from billing.ledger.models import Allowance
from billing.organizations import services as organizations
from billing.packs import services as packs
from billing.partners import services as partners
from billing.subscriptions import services as subscriptions
from plans.catalog import publish

FEW: Final = 1000
_ACTIVE_SHARE: Final = 100  # one of so many accounts comes today
_ACTIVE_LEAST: Final = 60
_DAY: Final = timedelta(days=1)
_ROWS: Final = "limit: rows of a hold"
_PLAIN, _FIRST, _READ = "hold", "hold, first touch of the day", "balance"
_HOLD_GOAL, _READ_GOAL = 0.15, 0.10
_FIRST_GOAL: Final = 1 / 1.3
# Only what writes a row gives it the number of its transaction.
_WRITTEN: Final = """
    SELECT count(*) FROM billing_wallet AS w WHERE w.account_id <> ALL(%(woken)s) AND (
        w.xmin::text::bigint >= %(since)s
        OR EXISTS (SELECT FROM billing_allowance AS of
                   WHERE of.wallet_id = w.id AND of.xmin::text::bigint >= %(since)s)
        OR EXISTS (SELECT FROM billing_grant AS of
                   WHERE of.wallet_id = w.id AND of.xmin::text::bigint >= %(since)s))
"""
_GIVE: Final = """
    INSERT INTO billing_allowance ({columns})
    SELECT {values} FROM billing_allowance AS t CROSS JOIN billing_wallet AS w
    WHERE t.id = %(like)s AND w.id <> t.wallet_id
"""
# What differs between the accounts' allowances; the rest is as in the one that was begun.
_OWN: Final = {
    "id": "'al_' || substr(w.id, 4)",
    "wallet_id": "w.id",
    **dict.fromkeys(("anchor_at", "started_at", "created_at"), "%(yesterday)s::timestamptz"),
    **dict.fromkeys(("next_at", "first_at"), "%(today)s::timestamptz"),
}


def run(asked: Asked) -> Report:
    """Measure among a thousand accounts, and among `asked.accounts`."""
    found: list[Report] = []
    sizes = (FEW, asked.accounts)
    for accounts in sizes:
        with throw_away_database(needed_bytes=accounts * rows.ACCOUNT_BYTES):
            publish.publish(card.text(10, daily=True), now=asked.now)
            found.append(among(accounts, effort=asked.effort, now=asked.now))
        for case in found[-1].rows:
            asked.tell(case)
    few, many = ({_kind(case): case for case in _cases(one)} for one in found)
    notes = [note for one in found for note in one.notes]
    notes += [
        drift("hold, p50", few[_PLAIN].p50_ms, many[_PLAIN].p50_ms, _HOLD_GOAL),
        drift("balance, p99", few[_READ].p99_ms, many[_READ].p99_ms, _READ_GOAL),
        drift("limit, p50, for comparison", few[_ROWS].p50_ms, many[_ROWS].p50_ms),
    ]
    cases = [case for one in found for case in _cases(one)]
    return Report(cases, notes, sum(one.mismatches for one in found))


def among(accounts: int, *, effort: Effort, now: datetime) -> Report:
    """Fill this database with so many accounts, and touch one in a hundred of them."""
    # None was made since its first day of credits began: that would be due before all that it has.
    rows.fill(accounts=accounts, now=now - 2 * _DAY)
    _give_daily(now)
    settled()
    since = _next_transaction()
    crowd = _Crowd(_active(accounts, effort), now)
    reader = Reader.of(crowd.sleepers[0], now=now)
    at = f"among {accounts:,} accounts"
    with Limit(connection) as limit:
        cases = interleaved(
            [
                Side(f"{_ROWS} {at}", limit.hold(1)),
                Side(f"{_FIRST} {at}", crowd.wake, f"{_PLAIN} {at}", _FIRST_GOAL),
                Side(f"{_PLAIN} {at}", crowd.again),
                Side(f"{_READ} {at}", partial(alone, Deed(reader.balance))),
            ],
            effort,
        )
    _sweep(now)
    idle = _written(since, besides=crowd.woken)
    note = (
        f"{len(crowd.woken):,} of {accounts:,} accounts came today; "
        f"{idle} of the others were written to; goal 0."
    )
    return reported(cases, note, adrift=idle + sample.mismatches())


@dataclass(slots=True)
class _Crowd:
    """Accounts that have not come today, and those that have."""

    sleepers: Sequence[Account]
    now: datetime
    woken: list[Account] = field(default_factory=list)
    _scene: Scene | None = None
    _turns: int = 0

    def wake(self, effort: Effort) -> Turn:
        """Hold on accounts that come for the first time today, an even share of them a round.

        All of the share come, however long that takes: they are the one in a hundred.
        """
        share = max(1, len(self.sleepers) // effort.rounds)
        calls = min(effort.calls or share, share)
        return alone(Deed(self._first, self._tidy), replace(effort, seconds=inf, calls=calls))

    def again(self, effort: Effort) -> Turn:
        """Hold on those that have come already, one after the other."""
        return alone(Deed(self._hold, self._tidy), effort)

    def _first(self) -> bool:
        account = self.sleepers[len(self.woken)]
        self.woken.append(account)
        self._scene = Scene(account, self.now)
        return self._scene.hold()

    def _hold(self) -> bool:
        self._turns += 1
        self._scene = Scene(self.woken[self._turns % len(self.woken)], self.now)
        return self._scene.hold()

    def _tidy(self) -> None:
        assert self._scene is not None, "somebody has held"
        self._scene.tidy()


def _cases(report: Report) -> list[Case]:
    return [row for row in report.rows if isinstance(row, Case)]


def _kind(case: Case) -> str:
    return case.name.partition(" among ")[0]


def _active(accounts: int, effort: Effort) -> list[Account]:
    """Return who comes today, from all over the crowd; at least one a round."""
    count = min(accounts, max(accounts // _ACTIVE_SHARE, _ACTIVE_LEAST, effort.rounds))
    step = accounts // count
    names = [rows.NAME.format(number) for number in range(0, step * count, step)]
    return list(Account.objects.filter(external_id__in=names).order_by("pk"))


def _sweep(now: datetime) -> None:
    """Run what the scheduler has run over plans, packs and allotments."""
    for sweep in (subscriptions.sweep, packs.activate_due, partners.sweep):
        sweep(now=now)
    organizations.collect_due()


def _next_transaction() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT (pg_current_xact_id()::text::bigint + 1) % (1::bigint << 32)")
        (number,) = cursor.fetchone()
    assert isinstance(number, int)
    return number


def _written(since: int, *, besides: Sequence[Account]) -> int:
    """Return how many wallets, of others than these, were written to from a transaction on."""
    with connection.cursor() as cursor:
        cursor.execute(_WRITTEN, {"since": since, "woken": [account.pk for account in besides]})
        (number,) = cursor.fetchone()
    assert isinstance(number, int)
    return number


def _give_daily(now: datetime) -> None:
    """Give all wallets the daily allowance, due since today began."""
    begun = rich_account(now)  # by the service, so that its terms are the catalog's
    like = Allowance.objects.get(wallet__account=begun)
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    fields = [field.column for field in Allowance._meta.local_concrete_fields]  # noqa: SLF001 (the only way to know them)
    values = ", ".join(_OWN.get(str(column), f't."{column}"') for column in fields)
    names = ", ".join(f'"{column}"' for column in fields)
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(
            _GIVE.format(columns=names, values=values),
            {"like": like.pk, "yesterday": today - _DAY, "today": today},
        )
        cursor.execute(
            "UPDATE billing_wallet SET due_at = %s, touched_at = LEAST(touched_at, %s)"
            " WHERE account_id <> %s",
            [today, today - _DAY / 2, begun.pk],
        )
        cursor.execute("SET session_replication_role = DEFAULT")
