"""Finds in the rows what a referral has earned: nothing twice, and nothing is missed.

What somebody did stands in the database before anybody is told of it. A look asks the rows, so it
finds what no message told of; and a referral has one reward for each occasion, so it may look as
often as it likes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models.functions import Now

from billing.accounts import services as accounts
from billing.jobs import selectors as jobs
from billing.packs import selectors as packs
from billing.partners import selectors
from billing.partners.models import Referral, Reward
from billing.partners.selectors import Terms
from billing.subscriptions import selectors as subscriptions
from billing.transactions import require_transaction
from plans import periods
from plans import selectors as plans
from plans.catalog.programmes import PURCHASES
from plans.credits import MICROS

WELCOME: Final = "welcome"
_MICRO_DECIMALS: Final = 6
# A video that was ordered in time may still be made after that; so long it is waited for.
_LATE: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class _Deed:
    """Something that somebody did, and that is rewarded.

    Attributes:
        occasion: for which a referral earns once.
        fact: the row that says so.
        at: when it was done, by the clock of the wallet that did it.
        bought_micros: the credits that were bought; 0 where none are counted.
    """

    occasion: str
    fact: str
    at: datetime
    bought_micros: int = 0


@transaction.atomic(durable=True)
def look(*, account_id: str, now: datetime) -> int:
    """What the account has done by now has earned its rewards; return how many are new.

    An account that nobody brought has earned nobody anything. The referral is closed once
    nothing more can be earned by it. A repeat changes nothing.

    Args:
        now: the real instant, by which a referral is closed; what counts goes by the wallet's.
    """
    referral = (
        Referral.objects.select_for_update(of=("self",))
        .select_related("account", "referrer", "code__account")
        .filter(account_id=account_id)
        .first()
    )
    if referral is None or referral.closed_at is not None:
        return 0
    terms = _terms(referral)
    earned = [
        reward
        for deed in _deeds(referral, terms)
        if (reward := _earn(referral, terms, deed)) is not None
    ]
    Reward.objects.bulk_create(earned)
    is_single = terms.programme.when != "each_purchase"
    has_earned = (
        is_single
        and Reward.objects.filter(referral=referral, occasion=terms.programme.when).exists()
    )
    if has_earned or now > referral.counts_until + _LATE:
        referral.closed_at = now
        accounts.follow(referral.account, is_followed=False)
    referral.looked_at = Now()
    referral.save(update_fields=["looked_at", "closed_at"])
    return len(earned)


def welcome(referral: Referral, terms: Terms) -> Reward | None:
    """The one who came has earned his welcome, due at once; None: the programme has none.

    It is a step of `accept`, which pays it in the same commit.
    """
    require_transaction("partners.welcome")
    if terms.welcome is None:
        return None
    assert terms.welcome.credits_micros is not None, "a programme tells what it gives"
    return Reward.objects.create(
        referral=referral,
        account=referral.account,
        occasion=WELCOME,
        fact=referral.pk,
        campaign=terms.welcome.code,
        amount_micros=terms.welcome.credits_micros,
        earned_at=referral.came_at,
        due_at=referral.came_at,
        try_at=referral.came_at,
    )


def waits_for_budget(reward: Reward) -> bool:
    """Say whether the reward waits until the budget of its campaign is raised."""
    return _terms(reward.referral).programme.exhausted == "wait"


def _terms(referral: Referral) -> Terms:
    terms = selectors.terms_of(referral.code, plans.version(referral.catalog_version_id))
    assert terms is not None, "it was made by this version"
    return terms


def _deeds(referral: Referral, terms: Terms) -> Iterator[_Deed]:
    """Yield what counts and has no reward yet; what earns once closes the referral with it."""
    ends = min(referral.counts_until, terms.ends_at or referral.counts_until)
    when = terms.programme.when
    if when == "sign_up":
        yield _Deed(when, referral.pk, referral.came_at)
    elif when == "first_video":
        made = jobs.first_success(referral.account, since=referral.came_at, until=ends)
        if made is not None and made.finished_at is not None:
            # A sandbox's wallet may be ahead of the world in which the video was made.
            yield _Deed(when, made.pk, max(made.ordered_at, made.finished_at))
    else:
        assert when in PURCHASES
        bought = sorted(
            _purchases(referral, terms, until=ends), key=lambda deed: (deed.at, deed.fact)
        )
        if when == "first_purchase":
            yield from (_Deed(when, one.fact, one.at, one.bought_micros) for one in bought[:1])
        else:
            rewarded = Reward.objects.filter(referral=referral)
            known = set(rewarded.values_list("occasion", flat=True))
            yield from (one for one in bought if one.occasion not in known)


def _purchases(referral: Referral, terms: Terms, *, until: datetime) -> Iterator[_Deed]:
    """Yield what was paid for: packs, and subscriptions unless a share of credits is earned."""
    account, since = referral.account, referral.came_at
    for pack in packs.paid_for(account, since=since, until=until):
        yield _Deed(pack.pk, pack.pk, pack.bought_at, pack.credits_micros)
    if terms.programme.share_micros is None:
        for joined in subscriptions.paid_for(account, since=since, until=until):
            yield _Deed(joined.pk, joined.pk, joined.started_at)


def _earn(referral: Referral, terms: Terms, deed: _Deed) -> Reward | None:
    """Return the reward of a deed, not yet written; None: it comes to nothing."""
    most = terms.reward.credits_micros
    assert most is not None, "a programme tells what it gives"
    share = terms.share_micros if terms.programme.share_micros is not None else None
    amount = most
    if share is not None:
        step = 10 ** (_MICRO_DECIMALS - plans.version(terms.version_id).catalog.credit.decimals)
        amount = min(most, deed.bought_micros * share // MICROS // step * step)
    if amount == 0:
        return None
    holdback, zone = terms.programme.holdback, referral.referrer.zone
    due_at = deed.at if holdback is None else periods.add_period(deed.at, holdback, zone=zone)
    return Reward(
        referral=referral,
        account=referral.referrer,
        occasion=deed.occasion,
        fact=deed.fact,
        campaign=terms.reward.code,
        amount_micros=amount,
        share_micros=share,
        earned_at=deed.at,
        due_at=due_at,
        try_at=due_at,
    )
