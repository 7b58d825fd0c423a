"""Pairs that meet where credits are owed, taken back, decided about, or a day is moved."""

from datetime import timedelta
from typing import Final

from django.contrib.auth.models import User

from billing.accounts.models import Account
from billing.corrections import services as corrections
from billing.corrections.models import Adjustment
from billing.ledger.models import Wallet
from billing.ledger.services import zones
from plans import selectors as plans
from plans.credits import MICROS, format_micros
from tests import everything, factories
from tests.corrections import desk
from tests.corrections.conftest import operator
from tests.interleaving.scenes import Pair, Scene, allowed, balance

HOUR: Final = timedelta(hours=1)


def _hold_claw_back(name: str) -> Scene:
    ada = everything.customer(name)
    bought = factories.give(ada, 10)
    return Scene(
        lambda: factories.hold(ada, 6),
        lambda: _told(factories.claw_back(ada, [bought], 10)),
        lambda: _standing(ada),
    )


def _release_claw_back(name: str) -> Scene:
    ada = everything.customer(name)
    bought = factories.give(ada, 10)
    held = factories.hold(ada, 6)
    return Scene(
        lambda: factories.release(ada, held),
        lambda: _told(factories.claw_back(ada, [bought], 10)),
        lambda: _standing(ada),
    )


def _hold_owe(name: str) -> Scene:
    ada = everything.customer(name, has=10)
    return Scene(lambda: factories.hold(ada, 6), lambda: _owe(ada, "job:1"), lambda: _standing(ada))


def _owe_owe(name: str) -> Scene:
    ada = everything.customer(name)
    return Scene(lambda: _owe(ada, "job:1"), lambda: _owe(ada, "job:1"), lambda: _standing(ada))


def _owe_grant(name: str) -> Scene:
    ada = everything.customer(name)
    return Scene(lambda: _owe(ada, "job:1"), lambda: factories.give(ada, 5), lambda: _standing(ada))


def _grant_grant(name: str) -> Scene:
    ada = everything.customer(name)
    factories.owe(ada, 7)
    return Scene(
        lambda: factories.give(ada, 5), lambda: factories.give(ada, 4), lambda: _standing(ada)
    )


def _capture_time_out(name: str) -> Scene:
    ada = everything.customer(name, has=10)
    held = factories.hold(ada, 6, lasts=HOUR)
    return Scene(
        lambda: factories.capture(ada, held, 6 * MICROS),
        lambda: _later(ada),
        lambda: _standing(ada),
    )


def _zone_claim(name: str) -> Scene:
    ada = everything.customer(name)

    def move() -> str:
        zones.change_account(ada, zone="Pacific/Auckland", catalog=plans.current().catalog)
        return "moved"

    return Scene(move, lambda: factories.claim(ada), lambda: _standing(ada))


def _asked(name: str) -> tuple[Account, Adjustment, list[User]]:
    ada = everything.customer(name)
    asker, *others = (operator(f"{name}-{place}") for place in range(3))
    return ada, desk.ask(ada, 5, asker), others


def _approve_approve(name: str) -> Scene:
    ada, asked, (first, second) = _asked(name)
    return Scene(
        lambda: desk.approve(asked, first).state,
        lambda: desk.approve(asked, second).state,
        lambda: _standing(ada),
    )


def _approve_refuse(name: str) -> Scene:
    ada, asked, (first, second) = _asked(name)

    def refuse() -> str:
        made = corrections.refuse_adjustment(
            adjustment_id=asked.pk, approver=second, now=desk.now()
        )
        return made.state

    return Scene(lambda: desk.approve(asked, first).state, refuse, lambda: _standing(ada))


def _there_and_back(name: str) -> Scene:
    ada, bob = everything.customer(name, has=10), everything.customer(f"{name}-too", has=10)
    return Scene(
        lambda: everything.send(ada, bob, 4, fact="gift"),
        lambda: everything.send(bob, ada, 3, fact="gift"),
        lambda: f"{_standing(ada)} and {_standing(bob)}",
    )


def _send_send(name: str) -> Scene:
    ada, bob = everything.customer(name, has=10), everything.customer(f"{name}-too")
    return Scene(
        lambda: everything.send(ada, bob, 6, fact="first"),
        lambda: everything.send(ada, bob, 6, fact="second"),
        lambda: f"{_standing(ada)} and {_standing(bob)}",
    )


def _send_hold(name: str) -> Scene:
    ada, bob = everything.customer(name, has=10), everything.customer(f"{name}-too")
    return Scene(
        lambda: everything.send(ada, bob, 6, fact="gift"),
        lambda: factories.hold(ada, 6),
        lambda: f"{_standing(ada)} and {_standing(bob)}",
    )


def _told(clawed: object) -> str:
    revoked, owed = clawed.revoked_micros, clawed.owed_micros  # type: ignore[attr-defined]
    return f"{format_micros(revoked)} and {format_micros(owed)} owed"


def _owe(account: Account, fact: str) -> str:
    return f"owes {format_micros(factories.owe(account, 3, fact=fact).amount_micros)}"


def _later(account: Account) -> str:
    factories.later(account, HOUR)
    return "moved"


def _standing(account: Account) -> str:
    debt = Wallet.objects.get(account=account).debt_micros
    return f"{balance(account)}-{format_micros(debt)}"


PAIRS: Final = (
    Pair(
        "hold/claw back",
        _hold_claw_back,
        allowed("open 0 / 4 and 6 owed / 0+6-6", "insufficient_credits / 10 and 0 owed / 0+0-0"),
    ),
    Pair(
        "release/claw back",
        _release_claw_back,
        allowed(
            "released 0 / 10 and 0 owed / 0+0-0",
            # What comes back pays at once what was owed for it.
            "released 0 / 4 and 6 owed / 0+0-0",
        ),
    ),
    Pair("hold/debt", _hold_owe, allowed("open 0 / owes 3 / 4+6-3", "in_debt / owes 3 / 10+0-3")),
    Pair("debt/debt, one fact", _owe_owe, allowed("owes 3 / owes 3 / 0+0-3")),
    Pair(
        "debt/grant",
        _owe_grant,
        allowed("owes 3 / granted 5 / 2+0-0", "owes 3 / granted 5 / 5+0-3"),
    ),
    Pair("grant/grant, both owed", _grant_grant, allowed("granted 5 / granted 4 / 2+0-0")),
    Pair(
        "capture/end of a hold's time",
        _capture_time_out,
        allowed("captured 6 / moved / 4+0-0", "expired 0 / moved / 10+0-0"),
    ),
    Pair(
        "transfer/transfer, there and back",
        _there_and_back,
        allowed("sent 4 / sent 3 / 9+0-0 and 11+0-0"),
    ),
    Pair(
        "transfer/transfer, credit for one",
        _send_send,
        allowed(
            "sent 6 / insufficient_credits / 4+0-0 and 6+0-0",
            "insufficient_credits / sent 6 / 4+0-0 and 6+0-0",
        ),
    ),
    Pair(
        "transfer/hold",
        _send_hold,
        allowed(
            "sent 6 / insufficient_credits / 4+0-0 and 6+0-0",
            "insufficient_credits / open 0 / 4+6-0 and 0+0-0",
        ),
    ),
    Pair("zone/claim", _zone_claim, allowed("moved / granted 10 / 10+0-0")),
    Pair(
        "approve/approve",
        _approve_approve,
        allowed("executed / decided / 5+0-0", "decided / executed / 5+0-0"),
    ),
    Pair(
        "approve/refuse",
        _approve_refuse,
        allowed("executed / decided / 5+0-0", "decided / refused / 0+0-0"),
    ),
)
