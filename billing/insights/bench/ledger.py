"""Holds, through the service and beside pgbench: on wallets of their own, and all on one."""

from contextlib import ExitStack
from datetime import datetime
from functools import partial
from typing import Final

from django.db import connection

from billing.accounts.models import Account
from billing.insights.bench.asked import Asked
from billing.insights.bench.figures import Case, Report, Side, interleaved, reported
from billing.insights.bench.hands import Deed, Hands, MakeDeed
from billing.insights.bench.limit import Limit
from billing.insights.bench.scene import Scene, owner

_HOLD_GOAL: Final = 0.5
_HOT_GOAL: Final = 3.0
_P99_GOAL: Final = 1 / 3
_PROCESSES: Final = 2  # as the web server has, each with threads


def own_wallets(asked: Asked) -> Report:
    """Hold, and hold and capture, by one process and by four, each on a wallet of its own."""
    with ExitStack() as stack:
        limit = stack.enter_context(Limit(owner()))
        sides = []
        for clients in (1, 4):
            holds = stack.enter_context(Hands(_holds(asked.now), processes=clients))
            lives = stack.enter_context(Hands(_lives(asked.now), processes=clients))
            for verb, by_limit, hands in (
                ("a hold", limit.hold, holds),
                ("a hold and its capture", limit.life, lives),
            ):
                beside = f"limit: rows of {verb}, {clients} by pgbench"
                sides += [
                    Side(beside, by_limit(clients)),
                    Side(f"{verb}, {clients} processes", hands.turn, beside, _HOLD_GOAL),
                ]
        cases = interleaved(sides, asked.effort)
        adrift = limit.adrift()
    return reported(cases, adrift=adrift)


def hot_wallet(asked: Asked) -> Report:
    """Hold on one wallet by eight and by 32 clients, beside the plain lock of one row."""
    cases: list[Case] = []
    notes: list[str] = []
    adrift = 0
    for clients in (8, 32):
        account = Scene.fresh(asked.now).account
        with (
            Limit(owner()) as limit,
            Hands(
                partial(_hold_on, account, asked.now),
                processes=_PROCESSES,
                threads=clients // _PROCESSES,
            ) as hands,
        ):
            beside = f"limit: plain row lock, {clients} by pgbench"
            name = f"hold on one wallet, {clients} clients"
            sides = [Side(beside, limit.locked(clients)), Side(name, hands.turn, beside, _HOT_GOAL)]
            there, here = interleaved(sides, asked.effort)
            adrift += limit.adrift()
        cases += [there, here]
        notes.append(
            f"{name}: p99 {here.p99_ms:.1f} ms, the limit's {there.p99_ms:.1f} ms "
            f"(goal: below {_P99_GOAL:.0%} of it)."
        )
    return reported(cases, *notes, adrift=adrift)


def _hold_on(account: Account, now: datetime, _number: int) -> Deed:
    connection.ensure_connection()  # which nobody shall measure
    return Deed(Scene(account=account, now=now).hold)


def _holds(now: datetime) -> MakeDeed:
    return lambda _number: Deed(Scene.fresh(now).hold)


def _lives(now: datetime) -> MakeDeed:
    return lambda _number: Deed(Scene.fresh(now).life)
