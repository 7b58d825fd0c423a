"""Pairs that meet in a wallet: holds, captures, grants, what falls due, and a sandbox's clock."""

from datetime import timedelta
from typing import Final

from django.db import transaction

from billing.accounts.models import Account
from billing.ledger import services as ledger
from billing.ledger import store
from billing.ledger.models import Hold, Wallet
from billing.ledger.services import Cause
from plans import selectors as plans
from plans.credits import MICROS, format_micros
from tests import factories
from tests.everything import customer
from tests.interleaving.scenes import Pair, Scene, allowed, balance

HOUR: Final = timedelta(hours=1)


def _hold_hold(name: str) -> Scene:
    ada = customer(name, has=15)
    return Scene(
        lambda: factories.hold(ada, 10), lambda: factories.hold(ada, 10), lambda: balance(ada)
    )


def _one_reference(name: str) -> Scene:
    ada = customer(name, has=15)
    return Scene(
        lambda: factories.hold(ada, 5, reference="test:one"),
        lambda: factories.hold(ada, 5, reference="test:one"),
        lambda: balance(ada),
    )


def _held(name: str, *, lasts: timedelta | None = None) -> tuple[Account, Hold]:
    ada = customer(name)
    factories.give(ada, 10, expires_in=lasts)
    return ada, factories.hold(ada, 8)


def _capture_release(name: str) -> Scene:
    ada, held = _held(name)
    return Scene(
        lambda: factories.capture(ada, held, 6 * MICROS),
        lambda: factories.release(ada, held),
        lambda: balance(ada),
    )


def _capture_capture(name: str) -> Scene:
    ada, held = _held(name)
    return Scene(
        lambda: factories.capture(ada, held, 6 * MICROS),
        lambda: factories.capture(ada, held, 2 * MICROS),
        lambda: balance(ada),
    )


def _release_expiry(name: str) -> Scene:
    ada, held = _held(name, lasts=HOUR)
    _sleep(ada, HOUR)
    return Scene(
        lambda: factories.release(ada, held), lambda: factories.settle(ada), lambda: balance(ada)
    )


def _hold_sweep(name: str) -> Scene:
    ada = customer(name, has=3, is_sandbox=False)
    _give_for_a_moment(ada, 10)
    return Scene(lambda: factories.hold(ada, 5), _settle_due, lambda: balance(ada))


def _hold_grant(name: str) -> Scene:
    ada = customer(name, has=5)
    return Scene(
        lambda: factories.hold(ada, 10), lambda: factories.give(ada, 5), lambda: balance(ada)
    )


def _hold_end(name: str) -> Scene:
    ada = customer(name)
    factories.give(ada, 10, with_subscription=True)
    return Scene(lambda: factories.hold(ada, 10), lambda: _end(ada), lambda: balance(ada))


def _capture_end(name: str) -> Scene:
    ada = customer(name)
    factories.give(ada, 10, with_subscription=True)
    held = factories.hold(ada, 8)
    return Scene(
        lambda: factories.capture(ada, held, 3 * MICROS), lambda: _end(ada), lambda: balance(ada)
    )


def _grant_grant(name: str) -> Scene:
    ada = customer(name)
    return Scene(
        lambda: factories.give(ada, 5, fact="payment:1"),
        lambda: factories.give(ada, 5, fact="payment:1"),
        lambda: balance(ada),
    )


def _claim_claim(name: str) -> Scene:
    ada = customer(name)
    return Scene(lambda: factories.claim(ada), lambda: factories.claim(ada), lambda: balance(ada))


def _first_sights(name: str) -> Scene:
    ada = factories.new_account(name)
    return Scene(
        lambda: factories.give(ada, 1), lambda: factories.give(ada, 2), lambda: balance(ada)
    )


def _sweep_sweep(name: str) -> Scene:
    ada = customer(name, has=4, is_sandbox=False)
    _give_for_a_moment(ada, 10)
    return Scene(_settle_due, _settle_due, lambda: balance(ada))


def _clock_hold(name: str) -> Scene:
    ada = customer(name)
    factories.give(ada, 10, expires_in=HOUR)
    return Scene(lambda: _told_time(ada), lambda: factories.hold(ada, 10), lambda: balance(ada))


def _more_more(name: str) -> Scene:
    ada = customer(name, has=7)
    return Scene(lambda: _more(ada, "a"), lambda: _more(ada, "b"), lambda: balance(ada))


def _same_more(name: str) -> Scene:
    ada = customer(name, has=7)
    return Scene(lambda: _more(ada, "a"), lambda: _more(ada, "a"), lambda: balance(ada))


@transaction.atomic
def _more(account: Account, place: str) -> str:
    taken = ledger.take_more(
        factories.lock(account),
        reference=f"test:{place}:overrun",
        amount_micros=5 * MICROS,
        catalog=plans.current().catalog,
        facts={},
        standing=frozenset(),
        cause=Cause("job", "job_test"),
        actor=factories.SYSTEM,
    )
    return format_micros(taken)


@transaction.atomic
def _end(account: Account) -> str:
    gone = ledger.end_with_subscription(
        factories.lock(account), cause=Cause("subscription", "sub_1")
    )
    return format_micros(gone)


def _told_time(account: Account) -> str:
    factories.later(account, HOUR)
    return "moved"


def _settle_due() -> str:
    ledger.settle_due(catalog=plans.current().catalog)
    return "swept"


def _sleep(account: Account, by: timedelta) -> None:
    """Let time pass without anybody touching the wallet: what is due then is written nowhere."""
    Wallet.objects.filter(account=account).update(clock_offset=by)


def _give_for_a_moment(account: Account, credits_: int) -> None:
    """Give credits that are over when this returns; nobody has touched the wallet since."""
    given = factories.give(account, credits_, expires_in=timedelta(milliseconds=1))
    assert given.expires_at is not None
    while store.database_now() < given.expires_at:
        pass


PAIRS: Final = (
    Pair(
        "hold/hold, credit for one",
        _hold_hold,
        allowed("open 0 / insufficient_credits / 5+10", "insufficient_credits / open 0 / 5+10"),
    ),
    Pair(
        "hold/hold, one reference",
        _one_reference,
        allowed("open 0 / IntegrityError / 10+5", "IntegrityError / open 0 / 10+5"),
    ),
    Pair(
        "capture/release",
        _capture_release,
        allowed("captured 6 / captured 6 / 4+0", "released 0 / released 0 / 10+0"),
    ),
    Pair(
        "capture/capture",
        _capture_capture,
        allowed("captured 6 / captured 6 / 4+0", "captured 2 / captured 2 / 8+0"),
    ),
    Pair("release/expiry", _release_expiry, allowed("released 0 / - / 0+0")),
    Pair("hold/expiry sweep", _hold_sweep, allowed("insufficient_credits / swept / 3+0")),
    Pair(
        "hold/grant",
        _hold_grant,
        allowed("open 0 / granted 5 / 0+10", "insufficient_credits / granted 5 / 10+0"),
    ),
    Pair(
        "hold/end of the subscription",
        _hold_end,
        allowed("open 0 / 0 / 0+10", "insufficient_credits / 10 / 0+0"),
    ),
    Pair(
        "capture/end of the subscription",
        _capture_end,
        allowed("captured 3 / 7 / 0+0", "captured 3 / 2 / 0+0"),
    ),
    Pair("grant/grant, one fact", _grant_grant, allowed("granted 5 / granted 5 / 5+0")),
    Pair("claim/claim", _claim_claim, allowed("granted 10 / granted 10 / 10+0")),
    Pair("first sight/first sight", _first_sights, allowed("granted 1 / granted 2 / 3+0")),
    Pair("sweep/sweep", _sweep_sweep, allowed("swept / swept / 4+0")),
    Pair(
        "clock/hold",
        _clock_hold,
        allowed("moved / open 0 / 0+10", "moved / insufficient_credits / 0+0"),
    ),
    Pair("overrun/overrun", _more_more, allowed("5 / 2 / 0+0", "2 / 5 / 0+0")),
    Pair("overrun/overrun, one job", _same_more, allowed("5 / 5 / 2+0")),
)
