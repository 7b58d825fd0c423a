"""What the ledger says: balances now, then and ahead, grants and entries. Nothing is written."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import CharField, Exists, F, Func, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Greatest, Now

from billing.accounts.models import Account
from billing.ledger import history, store
from billing.ledger.counting import Counted
from billing.ledger.living import Coming, NextGrant, lived
from billing.ledger.lots import RETURNED, Lot, conversion_series
from billing.ledger.models import Allowance, Debt, Entry, Grant, Hold, Transfer, Wallet, ZoneChange
from billing.ledger.schedules import Schedule, series_code, written_terms
from billing.ledger.timeline import Timeline
from billing.sweeps import fairly
from plans import asking
from plans.asking import Given, PreparedRows
from plans.catalog.matching import match_text
from plans.catalog.offers import Plan
from plans.catalog.policies import Conversion
from plans.periods import Zones


@dataclass(frozen=True, slots=True)
class Claimable:
    """An allowance that is claimed by a check-in, from `at` on."""

    schedule: Schedule
    at: datetime


@dataclass(frozen=True, slots=True)
class Balance:
    """A wallet at one instant.

    Attributes:
        locked_micros: of the available ones, those that no order may use as the account stands.
        by_source: free credits by where they came from.
        counted: what is left of counted units, in the order of the plan.
        expiring: lots with free credits that will end, the soonest first.
        resets_at: when the daily window of the free credits ends.
        debt_micros: what is owed; what arrives next pays it.
    """

    as_of: datetime
    available_micros: int
    held_micros: int
    locked_micros: int
    by_source: dict[str, int]
    counted: list[Counted]
    expiring: list[Lot]
    next_grant: NextGrant | None
    resets_at: datetime | None
    debt_micros: int


@dataclass(frozen=True, slots=True)
class Totals:
    """A wallet's sums."""

    available_micros: int
    held_micros: int
    debt_micros: int


def totals(wallet: Wallet, *, now: datetime | None = None) -> Totals:
    """Return what a wallet has and owes now; of one in which nothing is due its row says it.

    Args:
        now: the instant of the wallet's own clock, where it was read with the row.
    """
    if wallet.due_at is not None and wallet.due_at <= (now or store.clock(wallet)):
        timeline = peek(wallet)
        return Totals(timeline.available_micros, timeline.held_micros, timeline.debt_micros)
    return Totals(wallet.available_micros, wallet.held_micros, wallet.debt_micros)


def with_clock(wallets: QuerySet[Wallet]) -> QuerySet[Wallet]:
    """Return the same wallets, each with the `instant` of its own clock."""
    return wallets.annotate(instant=Greatest(Now() + F("clock_offset"), F("touched_at")))


def balance(
    wallet: Wallet,
    *,
    as_of: datetime | None,
    standing: frozenset[str] = frozenset(),
    coming: Callable[[datetime], Iterable[Coming]] = lambda _at: (),
) -> Balance:
    """Return the wallet now, at a past instant, or ahead: a forecast.

    A forecast knows what is scheduled, not claims or orders; and if nothing but time happens
    until then, it is what is told of that instant once it has passed, by whomever and however
    often the wallet was touched.

    Args:
        standing: how the account stands now; what that locks is told for every instant.
        coming: what others know to happen, as it was known at the instant that is asked for.
    """
    with asking.same_answers():
        return _balance(wallet, as_of, standing, coming)


def _balance(
    wallet: Wallet,
    as_of: datetime | None,
    standing: frozenset[str],
    coming: Callable[[datetime], Iterable[Coming]],
) -> Balance:
    store.ask_ahead(wallet)
    at = as_of or store.clock(wallet)
    ahead = list(coming(at))
    happened = [one for one in ahead if one.at <= at]
    timeline = lived(wallet, at=at, happened=happened)
    if at < wallet.touched_at:
        history.name_grants(wallet, timeline)
    free = [lot for lot in timeline.lots.values() if lot.available_micros]
    ending = [lot for lot in free if lot.expires_at is not None]
    under_way = [
        *_all_under_way(wallet=wallet.pk, at=at),
        *(row for one in happened for row in one.begins),
    ]
    gives = [one.gives for one in ahead if one.at > at and one.gives is not None]
    return Balance(
        as_of=at,
        available_micros=timeline.available_micros,
        held_micros=timeline.held_micros,
        locked_micros=timeline.locked_micros(standing),
        by_source=_by_source(free),
        counted=timeline.counted(at),
        expiring=sorted(ending, key=lambda lot: (lot.expires_at, lot.id)),
        next_grant=_next_grant(timeline, at, [*gives, *_by_check_in(wallet, under_way, at)]),
        resets_at=_resets_at(wallet, under_way, at),
        debt_micros=timeline.debt_micros,
    )


def peek(wallet: Wallet) -> Timeline:
    """Return the wallet settled to now in memory: what a quote looks at."""
    timeline = store.load(wallet)
    timeline.settle(store.clock(wallet))
    return timeline


def zones_of(account: Account) -> Zones:
    """Return whose days and months count for an account, for those who count by them."""
    return store.zones(ZoneChange.objects.filter(wallet__account=account), else_=account.zone)


def instant(wallet: Wallet) -> datetime:
    """Return what time it is for the wallet."""
    return store.clock(wallet)


def claims(wallet: Wallet, *, at: datetime) -> list[Claimable]:
    """Return the allowances that a check-in gives, each with when it can be claimed next."""
    return _claims(wallet, claimed(wallet.pk, at=at), at)


def _claims(wallet: Wallet, allowances: Iterable[Allowance], at: datetime) -> list[Claimable]:
    found = []
    moves = store.moves(wallet.pk, until=at)
    for one in allowances:
        schedule = history.known_then(one, at=at, moves=moves)
        window = schedule.window(at)
        fact = schedule.fact(window)
        taken = Grant.objects.filter(wallet=wallet, fact=fact, created_at__lte=at).exists()
        next_at = schedule.within(window.ends_at) if taken else at
        if next_at is not None:
            found.append(Claimable(schedule, next_at))
    return found


def claimed(wallet_id: str, *, at: datetime) -> QuerySet[Allowance]:
    """Return the allowances that a check-in gives at `at`, in the order of the plan."""
    return _under_way(wallet_id, at).filter(mode=Allowance.Mode.CLAIMED)


def has_allowances(wallet_id: str, *, at: datetime) -> bool:
    """Say whether some plan gives the wallet anything at `at`."""
    return _under_way(wallet_id, at).exists()


def grants(account: Account) -> QuerySet[Grant]:
    """Return the account's grants, the newest first."""
    return Grant.objects.filter(wallet__account=account).order_by("-id")


def grants_of_facts(
    external_ids: Collection[str], *, facts: Collection[str], is_sandbox: bool
) -> QuerySet[Grant]:
    """Return the grants of these facts in the wallets of these accounts, of one side."""
    return Grant.objects.filter(
        wallet__account__is_sandbox=is_sandbox,
        wallet__account__external_id__in=external_ids,
        fact__in=facts,
    )


def entries(account: Account) -> QuerySet[Entry]:
    """Return the account's entries, the newest first.

    The wallet is looked up first, not joined: so a page is read from the end of each month's
    index, however many entries there are.
    """
    wallet = Wallet.objects.filter(account=account).values("pk")[:1]
    return Entry.objects.filter(wallet=wallet).order_by("-seq")


def transfers(account: Account) -> QuerySet[Transfer]:
    """Return what the account has sent to others, or got from them; the newest first."""
    return (
        Transfer.objects.filter(Q(sender__account=account) | Q(receiver__account=account))
        .select_related("sender__account", "receiver__account")
        .order_by("-id")
    )


def due_wallets(*, limit: int) -> Iterable[str]:
    """Return accounts whose wallets have something due by the database's clock."""
    overdue = Wallet.objects.filter(due_at__lte=store.database_now(), is_sandbox=False)
    return [one.account_id for one in fairly(overdue.order_by("due_at"), limit=limit)]


def on_other_terms(plan: Plan) -> QuerySet[Wallet]:
    """Return the wallets whose allowances are not those of `plan`, in a fixed order."""
    under_way = Allowance.objects.filter(wallet=OuterRef("pk"), ends_at=None)
    wanted = [
        Q(code=series_code(plan.code, terms), terms=written_terms(terms))
        for terms in plan.allowances
    ]
    strange = under_way
    for one in wanted:
        strange = strange.exclude(one)
    differs = Q(Exists(strange))
    for one in wanted:
        differs |= ~Q(Exists(under_way.filter(one)))
    return Wallet.objects.filter(differs).order_by("pk")


def to_convert(conversion: Conversion) -> QuerySet[Grant]:
    """Return the grants with free credits that `conversion` is for, due or not.

    Credits that are only held wait for their work; they are found once they come back. What was
    given after the product's end is no rest of it: else a source that is still given would turn
    each day's credits into lasting ones.
    """
    left = (
        Grant.objects.filter(available_micros__gt=0, source__in=conversion.from_sources)
        .exclude(series=conversion_series(conversion.code))
        .exclude(_given_after(conversion.at), ~Q(fact__startswith=RETURNED))
        .exclude(
            Exists(_returned_from().filter(_given_after(conversion.at))),
            Q(fact__startswith=RETURNED),
        )
    )
    if conversion.match_scope:
        left = left.filter(scope=json.loads(match_text(conversion.match_scope)))
    return left


def convertible(conversion: Conversion) -> QuerySet[Wallet]:
    """Return the wallets in which `conversion` is due by their own clock, in a fixed order."""
    return (
        Wallet.objects.annotate(instant=Now() + F("clock_offset"))
        .filter(
            Exists(to_convert(conversion).filter(wallet=OuterRef("pk"))), instant__gte=conversion.at
        )
        .order_by("pk")
    )


def own_grants(account: Account, grant_ids: Iterable[str]) -> set[str]:
    """Return which of these grants are the account's."""
    found = Grant.objects.filter(wallet__account=account, pk__in=[*grant_ids])
    return set(found.values_list("pk", flat=True))


def debts(account: Account) -> QuerySet[Debt]:
    """Return what the account owes and has owed, in no order, with what is `left_micros`."""
    rows = Debt.objects.filter(wallet__account=account)
    return rows.annotate(left_micros=F("amount_micros") - F("paid_micros"))


def _given_after(at: datetime) -> Q:
    """Say of a grant that it was made after `at`, for a time after `at`."""
    return Q(created_at__gte=at, effective_at__gte=at)


def _returned_from() -> QuerySet[Grant]:
    """Return the grant whose credits a grant gives anew; see `Timeline.resolve`."""
    lapsed = Func(
        OuterRef("fact"), Value(":"), Value(3), function="split_part", output_field=CharField()
    )
    return Grant.objects.filter(wallet=OuterRef("wallet"), pk=lapsed)


def _by_source(lots: list[Lot]) -> dict[str, int]:
    totals: dict[str, int] = {}
    for lot in lots:
        totals[lot.source] = totals.get(lot.source, 0) + lot.available_micros
    return dict(sorted(totals.items()))


def _next_grant(timeline: Timeline, at: datetime, others: list[NextGrant]) -> NextGrant | None:
    coming = [
        NextGrant(lot.effective_at, lot.pending_micros, lot.source, "auto")
        for lot in timeline.lots.values()
        if lot.pending_micros
    ]
    for schedule in timeline.schedules:
        if schedule.next_at is not None and schedule.next_at > at:
            amount_micros = timeline.fill_micros(schedule, at=schedule.next_at)
            if amount_micros:
                source = schedule.terms.source
                coming.append(NextGrant(schedule.next_at, amount_micros, source, "auto"))
    return min([*coming, *others], key=lambda grant: grant.at, default=None)


def _by_check_in(
    wallet: Wallet, under_way: Iterable[Allowance], at: datetime
) -> Iterator[NextGrant]:
    claimed_ones = [one for one in under_way if one.mode == Allowance.Mode.CLAIMED]
    for claim in _claims(wallet, claimed_ones, at):
        terms = claim.schedule.terms
        least = terms.credits_min_micros or claim.schedule.amount_micros
        yield NextGrant(claim.at, least, terms.source, "claimed")


def _resets_at(wallet: Wallet, under_way: Iterable[Allowance], at: datetime) -> datetime | None:
    daily = (one for one in under_way if one.cadence == "daily" and one.unit == "credit")
    first = next(daily, None)
    if first is None:
        return None
    moves = store.moves(wallet.pk, until=at)
    return store.schedule(first, moves=moves).window(at).ends_at


def _under_way(wallet_id: str | Given, at: datetime | Given) -> QuerySet[Allowance]:
    """Return the allowances that count at `at`, those with an end included, in order."""
    begun = Allowance.objects.filter(wallet=wallet_id, started_at__lte=at)
    return begun.filter(Q(ends_at=None) | Q(ends_at__gt=at)).order_by("position", "id")


hold_by_key = PreparedRows(lambda: Hold.objects.filter(pk=Given("key"), wallet=Given("wallet")))
_all_under_way = PreparedRows(lambda: _under_way(Given("wallet"), Given("at")))

AS_OF_AHEAD_MAX = timedelta(days=5 * 366)  # how far a forecast may look
