"""Pairs that meet in an offer: campaigns, codes, packs and subscriptions."""

from typing import Final

from billing.accounts.models import Account
from billing.packs.models import PackPurchase
from billing.promotions import services as promotions
from billing.promotions.services import Gift
from billing.subscriptions import services as subscriptions
from billing.subscriptions.models import Subscription
from tests import everything, factories
from tests.interleaving.scenes import Pair, Scene, allowed, balance, forget_the_campaigns
from tests.packs import shelf


def _last_share(name: str) -> Scene:
    forget_the_campaigns()
    ada, bob = everything.customer(name), everything.customer(f"{name}-too")
    return Scene(
        lambda: shelf.share(ada, "last"), lambda: shelf.share(bob, "last"), lambda: _both(ada, bob)
    )


def _one_share(name: str) -> Scene:
    forget_the_campaigns()
    ada = everything.customer(name)
    return Scene(
        lambda: shelf.share(ada, "last"), lambda: shelf.share(ada, "last"), lambda: balance(ada)
    )


def _code() -> str:
    [code] = promotions.create_codes(
        Gift("pack", "plain"), count=1, uses=1, is_sandbox=True, now=everything.now()
    )
    return code


def _last_use(name: str) -> Scene:
    ada, bob, code = everything.customer(name), everything.customer(f"{name}-too"), _code()
    return Scene(
        lambda: shelf.redeem(ada, code), lambda: shelf.redeem(bob, code), lambda: _both(ada, bob)
    )


def _one_account(name: str) -> Scene:
    ada, code = everything.customer(name), _code()
    return Scene(
        lambda: shelf.redeem(ada, code), lambda: shelf.redeem(ada, code), lambda: balance(ada)
    )


def _activate_activate(name: str) -> Scene:
    ada = everything.customer(name)
    bought = shelf.give(ada, "later")
    return Scene(
        lambda: shelf.activate(ada, bought),
        lambda: shelf.activate(ada, bought),
        lambda: balance(ada),
    )


def _one_sale(name: str) -> Scene:
    ada = everything.customer(name)

    def sell() -> PackPurchase:
        return shelf.give(ada, "plain")

    return Scene(sell, sell, lambda: balance(ada))


def _start_start(name: str) -> Scene:
    ada = everything.customer(name)
    return Scene(lambda: everything.join(ada), lambda: everything.join(ada), lambda: balance(ada))


def _start_leave(name: str) -> Scene:
    ada = everything.customer(name)
    return Scene(
        lambda: everything.join(ada), lambda: everything.leave(ada), lambda: _standing(ada)
    )


def _leave_hold(name: str) -> Scene:
    ada = everything.customer(name)
    everything.join(ada)
    return Scene(
        lambda: everything.leave(ada), lambda: factories.hold(ada, 20), lambda: _standing(ada)
    )


def _leave_leave(name: str) -> Scene:
    ada = everything.customer(name)
    everything.join(ada)
    return Scene(
        lambda: everything.leave(ada), lambda: everything.leave(ada), lambda: _standing(ada)
    )


def _owe_owe(name: str) -> Scene:
    ada = everything.customer(name)
    everything.join(ada)
    return Scene(
        lambda: subscriptions.mark_past_due(account=ada),
        lambda: subscriptions.recover(account=ada),
        lambda: _standing(ada),
    )


def _standing(account: Account) -> str:
    plan = Subscription.objects.filter(account=account, ended_at=None).first()
    late = " past due" if plan is not None and plan.past_due_at else ""
    return f"{plan.plan if plan else 'free'}{late} {balance(account)}"


def _both(ada: Account, bob: Account) -> str:
    return f"{balance(ada)} and {balance(bob)}"


PAIRS: Final = (
    Pair(
        "share/share, the last",
        _last_share,
        allowed(
            "shared / campaign_exhausted / 3+0 and 0+0", "campaign_exhausted / shared / 0+0 and 3+0"
        ),
    ),
    Pair("share/share, one account", _one_share, allowed("shared / shared / 3+0")),
    Pair(
        "redeem/redeem, the last use",
        _last_use,
        allowed("redeemed / code_used_up / 20+0 and 0+0", "code_used_up / redeemed / 0+0 and 20+0"),
    ),
    Pair(
        "redeem/redeem, one account",
        _one_account,
        allowed("redeemed / already_redeemed / 20+0", "already_redeemed / redeemed / 20+0"),
    ),
    Pair("activate/activate", _activate_activate, allowed("bought / bought / 50+0")),
    Pair("sale/sale, one order", _one_sale, allowed("bought / bought / 20+0")),
    Pair("start/start", _start_start, allowed("pro / pro / 50+0")),
    Pair("start/leave", _start_leave, allowed("pro / - / pro 50+0", "pro / - / free 0+0")),
    Pair(
        "leave/hold",
        _leave_hold,
        allowed("- / open 0 / free 0+20", "- / insufficient_credits / free 0+0"),
    ),
    Pair("leave/leave", _leave_leave, allowed("- / - / free 0+0")),
    Pair(
        "past due/recover",
        _owe_owe,
        allowed("pro / pro / pro 50+0", "pro / pro / pro past due 50+0"),
    ),
)
