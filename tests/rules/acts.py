"""Attempts to break each rule, and how the product's own checks are switched off for them."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction

from billing.accounts.models import Account
from billing.gpu.protocol import State
from billing.jobs import services as jobs
from billing.jobs.models import Callback
from billing.jobs.services import inbox
from billing.ledger import facts, journal, statements, store
from billing.ledger import services as ledger
from billing.ledger.lots import Part
from billing.ledger.models import Grant, Wallet
from billing.ledger.moving import Balances
from billing.ledger.services import Cause, claiming, holding, zones
from billing.ledger.timeline import Timeline
from billing.payments.services import taking
from billing.subscriptions import selectors as subscriptions
from plans import asking
from plans import selectors as plans
from plans.credits import MICROS
from plans.periods import Move
from tests import everything, factories
from tests.jobs import shop
from tests.payments import back
from tests.rules.unchecked import uncheck

Patch = pytest.MonkeyPatch
Act = Callable[[], object]
HOUR: Final = timedelta(hours=1)


def too_much(ada: Account) -> Act:
    factories.give(ada, 10)
    return lambda: factories.hold(ada, 11)


def first_lot_pays_all(patch: Patch) -> None:
    def would_use(self: Timeline, amount_micros: int, **_order: object) -> list[Part]:
        return [Part(next(iter(self.lots)), amount_micros)]

    uncheck(patch, Timeline, "hold")
    uncheck(patch, Balances, "_change")
    patch.setattr(Timeline, "would_use", would_use)


def a_gap(patch: Patch) -> None:
    entries = facts.entries

    def gapped(locked: facts.Chained) -> dict[str, list[object]]:
        locked.seq += 1
        return entries(locked)

    patch.setattr(facts, "entries", gapped)


def give_ten(ada: Account) -> Act:
    factories.give(ada, 1)
    return lambda: factories.give(ada, 10)


def by_another_path(patch: Patch) -> None:
    paths = {**journal.PATHS, journal.Kind.HOLD: journal.PATHS[journal.Kind.EXPIRE]}
    patch.setattr(facts, "PATHS", paths)


def for_no_reason(ada: Account) -> Act:
    @transaction.atomic
    def give() -> Grant:
        terms = ledger.GrantTerms(amount_micros=MICROS, source="gift", fact="whim:1")
        return ledger.grant(
            factories.lock(ada), terms, cause=Cause("whim", "me"), actor=factories.OPERATOR
        )

    return give


def ended(ada: Account) -> Act:
    factories.give(ada, 10)
    held = factories.hold(ada, 5)
    factories.capture(ada, held, 5 * MICROS)
    return lambda: factories.release(ada, held)


def once_more(patch: Patch) -> None:
    uncheck(patch, holding, "_resolve")
    uncheck(patch, Balances, "_change")


def more_than_held(ada: Account) -> Act:
    factories.give(ada, 10)
    held = factories.hold(ada, 5)
    return lambda: factories.capture(ada, held, 6 * MICROS)


def more_for_less(patch: Patch) -> None:
    uncheck(patch, holding, "_resolve")
    uncheck(patch, Timeline, "resolve")


def one_overrun(ada: Account) -> Act:
    factories.give(ada, 10)

    @transaction.atomic
    def more() -> int:
        return ledger.take_more(
            factories.lock(ada),
            reference="test:1:overrun",
            amount_micros=2 * MICROS,
            catalog=factories.lock(ada).catalog,
            facts={},
            standing=frozenset(),
            cause=Cause("job", "job_test"),
            actor=factories.SYSTEM,
        )

    more()
    return more


def canceled(ada: Account) -> Act:
    factories.give(ada, 10)
    job = shop.submit(ada)
    everything.cancel(job)
    return lambda: jobs.dispatch(job_id=job.pk, now=everything.now())


def over(ada: Account) -> Act:
    factories.give(ada, 10, expires_in=HOUR)
    Wallet.objects.filter(account=ada).update(clock_offset=2 * HOUR)
    return lambda: factories.hold(ada, 5)


def nothing_comes_due(patch: Patch) -> None:
    def settle(self: Timeline, now: datetime) -> None:
        self.instant = max(self.instant, now)

    patch.setattr(Timeline, "settle", settle)


def in_debt(ada: Account) -> Act:
    factories.give(ada, 10)
    factories.owe(ada, 3)
    return lambda: factories.hold(ada, 5)


@transaction.atomic
def grant_micros(account: Account, micros: int) -> Grant:
    terms = ledger.GrantTerms(amount_micros=micros, source="gift", fact="amount:1")
    return ledger.grant(
        factories.lock(account), terms, cause=Cause("operator", "me"), actor=factories.OPERATOR
    )


def so_much(micros: int, ada: Account) -> Act:
    return lambda: grant_micros(ada, micros)


def any_amount(patch: Patch) -> None:
    uncheck(patch, ledger, "grant")
    uncheck(patch, Timeline, "grant")
    uncheck(patch, Balances, "_change")


def one_payment(ada: Account) -> Act:
    factories.give(ada, 5, fact="payment:1")
    return lambda: factories.give(ada, 5, fact="payment:1")


def paid_back(ada: Account) -> Act:
    """A payment whose money is back; who looks again takes nothing more."""
    seen = back.payment(ada, "plain", paid_micros=9 * MICROS)
    back.look(seen, [back.refund(9 * MICROS)])
    return lambda: back.look(seen, [back.refund(9 * MICROS)])


def twice_as_much(patch: Patch) -> None:
    patch.setattr(taking, "target_micros", lambda purchase: 2 * purchase.credited_micros)


def too_much_back(ada: Account) -> Act:
    """Two thirds are to go back; two thirds have gone."""
    purchase = back.look(back.payment(ada, "plain", paid_micros=9 * MICROS))
    first, second = (back.ask(purchase, 6 * MICROS) for _time in range(2))
    back.operator("hedy", "approve_refund")
    back.approve(first)
    return lambda: back.approve(second)


def one_day(ada: Account) -> Act:
    factories.claim(ada)
    return lambda: factories.claim(ada)


def any_day(patch: Patch) -> None:
    uncheck(patch, claiming, "grant")
    uncheck(patch, ledger, "claim")


def clock_behind(ada: Account) -> Act:
    factories.give(ada, 10)
    # Whoever was here last spoke of an instant that has not come yet by the server's clock.
    factories.later(ada, HOUR)
    return lambda: factories.give(ada, 5)


def back_in_time(patch: Patch) -> None:
    before = "clock_timestamp() - interval '2 hours'"
    patch.setattr(
        statements,
        "LOCK",
        statements.LOCK.replace("GREATEST(clock_timestamp() + clock_offset, touched_at)", before),
    )
    uncheck(patch, Timeline, "settle")
    patch.setattr(Timeline, "settle", lambda self, now: setattr(self, "instant", now))


def moved(_ada: Account) -> Act:
    """Bob has checked in today by his own zone, and moves to where it is another day by now."""
    shop.open_shop(everything._OFFERS, plans=everything._PLANS.replace('  zone = "UTC"\n', ""))
    bob = everything.customer("bob")
    factories.claim(bob)
    hour = everything.now().astimezone(ZoneInfo(bob.zone)).hour
    zone = "Pacific/Niue" if hour < 18 else "Pacific/Kiritimati"  # 19 h behind Shanghai, 6 ahead
    zones.change_account(bob, zone=zone, catalog=plans.current().catalog)
    return lambda: factories.claim(bob)


def as_if_always_there(patch: Patch) -> None:
    moves = store.moves

    def long_ago(wallet_id: str, *, until: datetime | None = None) -> tuple[Move, ...]:
        return tuple(replace(move, at=move.at - 10_000 * HOUR) for move in moves(wallet_id))

    patch.setattr(store, "moves", long_ago)


def one_word(ada: Account) -> Act:
    factories.give(ada, 10)
    attempt = everything.running(ada)
    word = json.dumps({"id": attempt.pk, "status": "processing"}).encode()

    def hear() -> None:
        inbox._write_down(attempt, word, State.RUNNING, everything.now())

    with transaction.atomic():
        inbox._write_down.__wrapped__(attempt, word, State.RUNNING, everything.now())  # type: ignore[attr-defined]
    return hear


def deaf_to_repeats(patch: Patch) -> None:
    def create(callback: Callback) -> bool:
        asking.create(callback)
        return True

    patch.setattr(inbox, "create_unless_known", create)
    uncheck(patch, inbox, "_write_down")


def one_subscription(ada: Account) -> Act:
    everything.join(ada)
    return lambda: everything.join(ada)


def no_subscription_is_seen(patch: Patch) -> None:
    patch.setattr(subscriptions, "open_of", lambda _account: None)
