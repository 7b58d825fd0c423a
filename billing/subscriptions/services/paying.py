"""Time that is paid for: it begins, goes on, is fallen behind with, and lapses.

Who collects the money is unknown here. Each step may be told any number of times and in any
order: a period is kept once, gives once, and the last end that is paid for counts.
"""

from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Final

from billing.accounts.models import Account
from billing.ids import new_id
from billing.ledger import services as ledger
from billing.ledger.services import Actor, Cause, GrantTerms, LockedWallet
from billing.outbox import services as outbox
from billing.outbox.names import TaskName
from billing.subscriptions import selectors
from billing.subscriptions.models import PaidPeriod, Subscription
from billing.subscriptions.services import coming, ending
from billing.subscriptions.services.telling import tell
from billing.transactions import require_transaction
from plans import selectors as plans

# Who has paid, or has begun his one trial, is no rule that could go wrong and give without an end.
PAID: Final = Actor("service", "payment")
_TRIAL: Final = "trial"  # the source of credits that come with a trial


@dataclass(frozen=True, slots=True)
class Sold:
    """What was sold, and on whose terms it is given, whatever the catalog says by now.

    Attributes:
        anchor_at: from which the periods are drawn; of one with a trial its end.
    """

    version_id: str
    plan: str
    interval: str
    currency: str
    book: str
    price_micros: int
    renewal_micros: int
    seats: int | None
    anchor_at: datetime


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of time that was paid for, or is a trial."""

    starts_at: datetime
    ends_at: datetime
    is_trial: bool = False


def begin_sold(
    locked: LockedWallet, *, account: Account, sold: Sold, period: Period
) -> Subscription:
    """Put the account on what it has paid for; what its time gives by now is in the wallet.

    What was paid is never refused: not for a plan that is off sale, nor for a right that is gone.
    Another subscription of the account ends for it. Told again, or late, it gives the same: each
    window of the time that is paid for, whole, and once. A trial is given once to an account; a
    second one brings no credits.

    Args:
        locked: the account's wallet; whoever goes on with it locks it anew.
    """
    require_transaction("subscriptions.begin_sold")
    locked = ending.finish_if_over(locked, account, catalog=plans.current().catalog)
    before = selectors.open_of(account)
    if before is not None and _is_sold(before, sold):
        renew(locked, before, period=period)
        return before
    if before is not None:
        ending.close(before, at=locked.now)
    is_first_trial = period.is_trial and not selectors.had_trial(account)
    subscription = create(
        account,
        sold,
        paid_until=period.ends_at,
        trial_ends_at=period.ends_at if period.is_trial else None,
        now=locked.now,
    )
    keep_period(subscription, period, now=locked.now)
    locked = coming.go_on(locked, subscription, selectors.given_by(subscription))
    if not period.is_trial:
        give_windows(locked, subscription, period)
        _look_at_referral(account, now=locked.now)
    elif is_first_trial:
        _give_trial(locked, subscription, period)
    tell(subscription, _begun(before), now=locked.now)
    return subscription


def renew(locked: LockedWallet, subscription: Subscription, *, period: Period) -> bool:
    """One more period is paid for; say whether that was news.

    It gives what its windows give, those that are over by now as well. What is paid for reaches
    as far as its last period, and never less far for hearing of an earlier one later.
    """
    require_transaction("subscriptions.renew")
    if not keep_period(subscription, period, now=locked.now):
        return False
    was_trial = coming.is_in_trial(subscription)
    assert subscription.paid_until is not None, "it is paid by periods"
    reaches_further = period.ends_at > subscription.paid_until
    if reaches_further:
        subscription.paid_until = period.ends_at
        subscription.save(update_fields=["paid_until"])
        locked = coming.go_on(locked, subscription, selectors.given_by(subscription))
    if not period.is_trial:
        give_windows(locked, subscription, period)
    if was_trial and not coming.is_in_trial(subscription):
        _look_at_referral(subscription.account, now=locked.now)
    tell(subscription, "subscription.renewed", now=locked.now)
    return True


def change_sold(
    locked: LockedWallet, before: Subscription, *, sold: Sold, gives_micros: int, fact: str
) -> Subscription:
    """Another plan goes on in the time that is paid for, and brings so many credits more at once.

    Its own windows come from the next one on; what the former plan gave stays. Told again, with
    the same fact, after it was changed, it gives nothing more.

    Args:
        before: the subscription that it takes the place of; both are drawn from one anchor.
        gives_micros: they last as long as the window under way; 0: none.
    """
    require_transaction("subscriptions.change_sold")
    assert before.paid_until is not None, "it is paid by periods"
    ending.close(before, at=locked.now)
    subscription = create(before.account, sold, paid_until=before.paid_until, now=locked.now)
    under_way = before.paid_periods.filter(taken_back_at=None, ends_at__gt=locked.now)
    for one in under_way:
        keep_period(subscription, Period(one.starts_at, one.ends_at), now=locked.now)
    locked = coming.go_on(locked, subscription, selectors.given_by(subscription))
    if gives_micros:
        _give_more(locked, subscription, gives_micros, fact)
    tell(subscription, "subscription.changed", now=locked.now)
    return subscription


def take_up(locked: LockedWallet, before: Subscription) -> tuple[LockedWallet, Subscription]:
    """Let a subscription that lapsed go on, as one that takes its place; return both.

    What has ended is history. Of the period under way the former's windows have come, or are given
    late; the new one's own come from the next one on.
    """
    require_transaction("subscriptions.take_up")
    until = before.paid_periods.filter(taken_back_at=None).order_by("ends_at").last()
    assert until is not None, "a period of it is paid for"
    sold = _sold_as(before)
    subscription = create(before.account, sold, paid_until=until.ends_at, now=locked.now)
    for one in before.paid_periods.filter(taken_back_at=None, ends_at__gt=locked.now):
        keep_period(subscription, Period(one.starts_at, one.ends_at), now=locked.now)
    locked = coming.go_on(locked, subscription, selectors.given_by(subscription))
    tell(subscription, "subscription.activated", now=locked.now)
    return locked, subscription


def facts_of(subscription: Subscription, *, starts_at: datetime, ends_at: datetime) -> list[str]:
    """Return the facts of what the windows bring that begin in this paid time, given or to come.

    By the terms in force, and by all that it had before it was moved to them.
    """
    assert subscription.anchor_at is not None, "it is paid by periods"
    in_force = ledger.paid_schedules(
        coming.given_by_periods(subscription),
        zone=subscription.account.zone,
        anchor_at=subscription.anchor_at,
        subscription=subscription.pk,
    )
    begun = ledger.begun_schedules(subscription.account, subscription=subscription.pk)
    facts = (
        schedule.fact(window)
        for schedule in chain(begun, in_force)
        for window in ledger.windows_from(schedule, starts_at, ends_at)
    )
    return [*dict.fromkeys(facts)]


def fall_behind(locked: LockedWallet, subscription: Subscription, *, since: datetime) -> None:
    """What is due was not paid. A repeat changes nothing, and keeps the first instant."""
    require_transaction("subscriptions.fall_behind")
    if subscription.past_due_at is None and subscription.ended_at is None:
        subscription.past_due_at = max(since, subscription.started_at)
        subscription.save(update_fields=["past_due_at"])
        tell(subscription, "subscription.past_due", now=locked.now)


def catch_up(locked: LockedWallet, subscription: Subscription) -> None:
    """What was due is paid: what was locked is free again. A repeat changes nothing."""
    require_transaction("subscriptions.catch_up")
    if subscription.past_due_at is not None and subscription.ended_at is None:
        subscription.past_due_at = None
        subscription.save(update_fields=["past_due_at"])
        tell(subscription, "subscription.changed", now=locked.now)


def pause(locked: LockedWallet, subscription: Subscription, *, since: datetime) -> None:
    """Nothing is collected any more: what is paid for lasts to its end, and then it lapses."""
    require_transaction("subscriptions.pause")
    if subscription.paused_at is None and subscription.ended_at is None:
        subscription.paused_at = since
        subscription.save(update_fields=["paused_at"])
        tell(subscription, "subscription.changed", now=locked.now)


def unpause(locked: LockedWallet, subscription: Subscription) -> None:
    """It is collected for again. A repeat changes nothing."""
    require_transaction("subscriptions.unpause")
    if subscription.paused_at is not None and subscription.ended_at is None:
        subscription.paused_at = None
        subscription.save(update_fields=["paused_at"])
        tell(subscription, "subscription.changed", now=locked.now)


def end_at(
    locked: LockedWallet, subscription: Subscription, ends_at: datetime | None
) -> LockedWallet:
    """It ends by itself then; None: it goes on. A repeat changes nothing."""
    require_transaction("subscriptions.end_at")
    if subscription.ends_at == ends_at or subscription.ended_at is not None:
        return locked
    if ends_at is not None and ends_at <= subscription.started_at:
        ending.finish(locked, subscription, catalog=plans.current().catalog)
        return ledger.lock_wallet(subscription.account, catalog=locked.catalog)
    subscription.ends_at = ends_at
    subscription.save(update_fields=["ends_at"])
    locked = coming.go_on(locked, subscription, selectors.given_by(subscription))
    tell(subscription, "subscription.changed", now=locked.now)
    return locked


def lapse(locked: LockedWallet, subscription: Subscription) -> Subscription:
    """End what nobody has paid for: the account is on the free plan. A repeat changes nothing."""
    require_transaction("subscriptions.lapse")
    if subscription.ended_at is not None:
        return subscription
    return ending.finish(locked, subscription, catalog=plans.current().catalog)


def create(
    account: Account,
    sold: Sold,
    *,
    paid_until: datetime,
    now: datetime,
    trial_ends_at: datetime | None = None,
    ended_at: datetime | None = None,
) -> Subscription:
    """Return the row of what was sold; what it gives is the caller's."""
    return Subscription.objects.create(
        pk=new_id("sub"),
        account=account,
        catalog_version_id=sold.version_id,
        terms_version_id=sold.version_id,
        plan=sold.plan,
        interval=sold.interval,
        currency=sold.currency,
        book=sold.book,
        price_micros=sold.price_micros,
        renewal_micros=sold.renewal_micros,
        seats=sold.seats,
        started_at=now,
        anchor_at=sold.anchor_at,
        paid_until=paid_until,
        trial_ends_at=trial_ends_at,
        ended_at=ended_at,
    )


def _sold_as(subscription: Subscription) -> Sold:
    assert subscription.anchor_at is not None, "it is paid by periods"
    return Sold(
        version_id=subscription.catalog_version_id,
        plan=subscription.plan,
        interval=subscription.interval,
        currency=subscription.currency,
        book=subscription.book,
        price_micros=subscription.price_micros or 0,
        renewal_micros=subscription.renewal_micros or 0,
        seats=subscription.seats,
        anchor_at=subscription.anchor_at,
    )


def _is_sold(subscription: Subscription, sold: Sold) -> bool:
    return (
        subscription.plan,
        subscription.interval,
        subscription.currency,
        subscription.anchor_at,
        subscription.catalog_version_id,
    ) == (sold.plan, sold.interval, sold.currency, sold.anchor_at, sold.version_id)


def keep_period(subscription: Subscription, period: Period, *, now: datetime) -> bool:
    """Write a period down; say whether it was unknown."""
    _row, is_new = PaidPeriod.objects.get_or_create(
        subscription=subscription,
        starts_at=period.starts_at,
        defaults={"ends_at": period.ends_at, "is_trial": period.is_trial, "recorded_at": now},
    )
    return is_new


def give_windows(locked: LockedWallet, subscription: Subscription, period: Period) -> None:
    """What the windows of a paid time bring that have begun is in the wallet, each once."""
    assert subscription.anchor_at is not None, "it is paid by periods"
    ledger.give_paid(
        locked,
        coming.given_by_periods(subscription),
        zone=subscription.account.zone,
        anchor_at=subscription.anchor_at,
        subscription=subscription.pk,
        paid_from=period.starts_at,
        paid_until=period.ends_at,
    )


def _give_more(locked: LockedWallet, subscription: Subscription, micros: int, fact: str) -> None:
    """Give credits beside the windows, on the terms of what the plan brings most of in one."""
    main = coming.main_schedule(subscription)
    if main is None:
        return
    window = main.window(locked.now)
    lot = main.lot("", window, locked.now)
    terms = GrantTerms(
        amount_micros=micros,
        source=lot.source,
        fact=fact,
        priority=lot.priority,
        expires_at=lot.expires_at,
        scope=lot.scope,
        locked_while=lot.locked_while,
        with_subscription=lot.with_subscription,
        series=lot.series,
    )
    ledger.grant(locked, terms, cause=Cause("subscription", subscription.pk), actor=PAID)


def _give_trial(locked: LockedWallet, subscription: Subscription, period: Period) -> None:
    """Give what comes with a trial, all of it at once; what is left of it goes at its end."""
    if period.ends_at <= locked.now:
        return
    for terms in _trial_terms(subscription, period):
        ledger.grant(locked, terms, cause=Cause("subscription", subscription.pk), actor=PAID)


def _trial_terms(subscription: Subscription, period: Period) -> list[GrantTerms]:
    plan = coming.given_by_periods(subscription)
    series, fact = coming.trial_series(subscription), f"trial:{subscription.pk}"
    if plan.trial is not None and plan.trial.credits_micros is not None:
        return [
            GrantTerms(
                amount_micros=plan.trial.credits_micros,
                source=_TRIAL,
                fact=fact,
                expires_at=period.ends_at,
                with_subscription=True,
                series=series,
            )
        ]
    zone, begins = subscription.account.zone, period.starts_at
    schedules = ledger.paid_schedules(plan, zone=zone, anchor_at=begins, subscription=series)
    return [
        GrantTerms(
            amount_micros=one.amount_micros
            * sum(1 for _window in ledger.windows_from(one, begins, period.ends_at)),
            source=one.terms.source,
            fact=f"{fact}:{one.code}",
            priority=one.terms.priority,
            expires_at=period.ends_at,
            scope=one.terms.scope,
            locked_while=one.terms.locked_while,
            with_subscription=True,
            series=series,
        )
        for one in schedules
    ]


def _look_at_referral(account: Account, *, now: datetime) -> None:
    if account.is_followed:
        outbox.post(TaskName.LOOK_AT_REFERRAL, now=now, account_id=account.pk)


def _begun(before: Subscription | None) -> str:
    return "subscription.activated" if before is None else "subscription.changed"
