"""Give back what was taken back, on the terms that it had, and pay first what is owed for it."""

import json
import math
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Final

from django.db.models import F, QuerySet, Sum

from billing.accounts.models import Account
from billing.ids import new_id
from billing.ledger import store
from billing.ledger.errors import AmountOutOfRange
from billing.ledger.journal import AMOUNT_MAX_MICROS, Actor, Cause
from billing.ledger.lots import Issue, Lot
from billing.ledger.models import Debt, Entry, Grant
from billing.ledger.store import LockedWallet
from billing.transactions import require_transaction
from plans.catalog.matching import read_match

_WHOLE: Final = Fraction(1)


def give_back(
    locked: LockedWallet,
    *,
    amount_micros: int,
    number: int,
    taken_at: datetime,
    fact: str,
    cause: Cause,
    actor: Actor,
    worth: Mapping[str, Fraction] | None = None,
) -> int:
    """Give back of each grant what was clawed back for `cause`; return how much that was.

    It comes as new grants on the terms of the old ones. They pay the debts of these claw-backs
    before any other: those are owed for the very same credits. What is free then lasts as long as
    it would have lasted when it was taken. What had expired by itself was taken from nobody, and
    is not given; nor is more than was taken.

    Args:
        number: of this giving back among those of the cause; a repeat of it changes nothing.
        taken_at: when it was taken.
        fact: how the facts of the claw-backs begin.
        cause: theirs.
        worth: how many of the credits in which the amount is counted, and what is returned, one
            of a grant's is; of a grant that it does not name: 1.

    Raises:
        AmountOutOfRange: beyond 10^12 credits in the wallet.
    """
    require_transaction("ledger.give_back")
    lost = _lost(locked, fact, cause)
    grants = list(Grant.objects.filter(pk__in=lost).order_by("id"))
    owed = {grant.pk: _owed_for(grant, fact) for grant in grants}
    first = {key: min(lost[key], sum(debts.values())) for key, debts in owed.items()}
    debt_ids = [debt_id for debts in owed.values() for debt_id in debts]
    given_micros, worth = 0, worth or {}
    for grant, share in _in_turns(grants, first, lost, amount_micros, worth):
        back = f"{_back(cause)}{number}:{grant.pk}"
        ends_at = _end_of(grant, taken_at=taken_at, now=locked.now)
        issue = _again(grant, share, fact=back, at=locked.now, ends_at=ends_at, pays=debt_ids)
        _grant_once(locked, issue, cause, actor)
        given_micros += int(share * worth.get(grant.pk, _WHOLE))
    return given_micros


def given_back(account: Account, cause: Cause) -> QuerySet[Grant]:
    """Return the grants as which was given back what was taken of the account for `cause`."""
    back = Grant.objects.filter(wallet__account=account, fact__startswith=_back(cause))
    return back.order_by("id")


def taken_by_grant(wallet_id: str, *, fact: str, cause: Cause) -> dict[str, int]:
    """Return what was clawed back of which grant for a cause, given back since or not.

    Args:
        fact: how the facts of the claw-backs begin.
    """
    taken: dict[str, int] = defaultdict(int)
    revoked = Entry.objects.filter(
        wallet_id=wallet_id,
        kind__in=["revoke", "withdraw"],
        cause_type=cause.type,
        cause_id=cause.id,
    )
    owed = Debt.objects.filter(wallet_id=wallet_id, fact__startswith=fact)
    for rows in (revoked, owed):
        for key, total in rows.values_list("grant_id").annotate(total=Sum("amount_micros")):
            taken[key] += total
    return taken


def traded_in(grant_ids: Collection[str]) -> dict[str, int]:
    """Return what of these grants was given up for another plan of their subscription."""
    gone = Entry.objects.filter(grant__in=grant_ids, kind="revoke", cause_type="subscription")
    return dict(gone.values_list("grant_id").annotate(total=Sum("amount_micros")))


def owed_under(account: Account, fact: str) -> int:
    """Return what is still owed by debts whose facts begin so."""
    missing = Debt.objects.filter(
        wallet__account=account, fact__startswith=fact, paid_at=None
    ).aggregate(total=Sum(F("amount_micros") - F("paid_micros")))["total"]
    return missing or 0


def _lost(locked: LockedWallet, fact: str, cause: Cause) -> dict[str, int]:
    """Return what was taken of which grant for a cause, and not given back since."""
    lost = defaultdict(int, taken_by_grant(locked.id, fact=fact, cause=cause))
    for back in Grant.objects.filter(wallet_id=locked.id, fact__startswith=_back(cause)):
        lost[back.fact.rpartition(":")[2]] -= back.amount_micros
    return {key: micros for key, micros in lost.items() if micros}


def _owed_for(grant: Grant, fact: str) -> dict[str, int]:
    """Return what is still owed for taking a grant back, by debt."""
    owed = Debt.objects.filter(grant=grant, fact__startswith=fact, paid_at=None)
    return {debt.pk: debt.amount_micros - debt.paid_micros for debt in owed}


def _in_turns(
    grants: Sequence[Grant],
    first: Mapping[str, int],
    lost: Mapping[str, int],
    amount_micros: int,
    worth: Mapping[str, Fraction],
) -> Iterator[tuple[Grant, int]]:
    """Yield what each grant gets of an amount: what `first` says, then the rest of what it lost."""
    parts = dict.fromkeys(lost, 0)
    for wanted in (first, {key: lost[key] - first[key] for key in lost}):
        for key, most in wanted.items():
            each = worth.get(key, _WHOLE)
            share = min(most, amount_micros * each.denominator // each.numerator)
            parts[key] += share
            amount_micros -= math.ceil(share * each)
    yield from ((grant, parts[grant.pk]) for grant in grants if parts[grant.pk])


def _again(
    grant: Grant,
    amount_micros: int,
    *,
    fact: str,
    at: datetime,
    ends_at: datetime | None,
    pays: Collection[str],
) -> Issue:
    """Return so much of a grant as a new one on its terms, and for its share of the money."""
    paid_micros = grant.paid_micros * amount_micros // grant.amount_micros
    lot = Lot(
        id=new_id("gr"),
        source=grant.source,
        priority=grant.priority,
        effective_at=at,
        expires_at=ends_at,
        series=grant.series,
        scope=read_match(json.dumps(grant.scope)),
        locked_while=tuple(grant.locked_while),
        is_bought=paid_micros > 0,
        with_subscription=grant.with_subscription,
        pack=grant.pack,
        pays_first=frozenset(pays),
    )
    return Issue(
        lot,
        amount_micros,
        fact,
        paid_micros=paid_micros,
        paid_currency=grant.paid_currency if paid_micros else "",
    )


def _grant_once(locked: LockedWallet, issue: Issue, cause: Cause, actor: Actor) -> None:
    if Grant.objects.filter(wallet_id=locked.id, fact=issue.fact).exists():
        return
    if issue.amount_micros > AMOUNT_MAX_MICROS - locked.timeline.available_micros:
        raise AmountOutOfRange
    locked.timeline.grant(issue, cause=cause, actor=actor)
    locked.timeline.settle(locked.now)
    store.write(locked)


def _end_of(grant: Grant, *, taken_at: datetime, now: datetime) -> datetime | None:
    """Return when credits of a grant end that were away since `taken_at`; None: never.

    Of one that was over by then only what was spent had been taken: that is given back for as
    long as the grant itself lasted.
    """
    if grant.gone_at is None:
        return None
    left = grant.gone_at - max(taken_at, grant.effective_at)
    if left <= timedelta(0):
        left = max(grant.gone_at - grant.effective_at, timedelta(microseconds=1))
    return now + left


def _back(cause: Cause) -> str:
    """Return how the facts of grants begin that gave something back."""
    return f"back:{cause.id}:"
