"""Many wallets with a model each: several random operations a transaction, then a comparison."""

import sys
import time
from collections import Counter
from random import Random
from typing import Final

from django.db import transaction

from billing.insights import audit
from tests.ledger.shop import open_shop
from tests.ledger.wallet_plan import PLAN
from tests.night.life import Difference, Life

WALLETS: Final = 25  # at a time
OPERATIONS_OF_A_LIFE: Final = 300  # then another wallet is opened in its place
OPERATIONS_AT_ONCE: Final = 15
AUDITS: Final = 4
TOLD_EVERY: Final = 20_000


def live(operations: int, chance: str) -> int:
    """Live so many operations; print what they were; return how many differences there were."""
    open_shop(free=PLAN, keys='expiry_in_flight = "PT7H"')
    random, done, counts = Random(chance), 0, Counter[str]()
    began, opened, audited, told = time.monotonic(), 0, 0, 0
    lives: list[Life] = []
    say(f"chance {chance}: {operations} operations")
    try:
        while done < operations:
            while len(lives) < WALLETS:
                lives.append(Life(f"life-{opened}", Random(f"{chance}/{opened}")))
                opened += 1
            one = random.choice(lives)
            before = sum(one.counts.values())
            number = min(OPERATIONS_AT_ONCE, operations - done)
            with transaction.atomic(durable=True):
                one.live(number)
            done += sum(one.counts.values()) - before
            if sum(one.counts.values()) >= OPERATIONS_OF_A_LIFE:
                one.compare_all()
                counts += one.counts
                lives.remove(one)
            if done // TOLD_EVERY > told:
                told = done // TOLD_EVERY
                say(f"{done} operations, {done / (time.monotonic() - began):.0f} a second")
            if done * AUDITS // operations > audited:
                audited += 1
                look(done)
        for one in lives:
            one.compare_all()
            counts += one.counts
    except Difference as difference:
        say(f"chance {chance}, after {done} operations: {difference}")
        return 1
    say(", ".join(f"{name} {number}" for name, number in sorted(counts.items())))
    say(
        f"chance {chance}: {done} operations on {opened} wallets in "
        f"{time.monotonic() - began:.0f} s, 0 differences"
    )
    return 0


def look(done: int) -> None:
    """Audit everything that was lived so far.

    Raises:
        Difference: a row breaks an invariant.
    """
    breaches = [str(breach) for breach in audit.breaches()]
    say(f"{done} operations: {audit.CHECKS_COUNT} checks, {len(breaches)} breaches")
    if breaches:
        raise Difference("\n".join(breaches[:10]))


def say(line: str) -> None:
    """Print one line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
