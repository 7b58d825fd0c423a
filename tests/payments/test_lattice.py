"""Every order in which refunds, disputes and spending can follow each other, to one state each.

The model beside it is arithmetic on what Stripe has and what was spent: it knows no grant, no debt
and no step, and shares no line with the product.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Final

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.accounts.models import Account
from billing.insights import audit
from billing.payments.gateway.seen import SeenPayment
from plans.credits import MICROS
from tests import factories
from tests.ledger.machines import rolled_back
from tests.payments import back
from tests.payments.back import CENT, PAID
from tests.thoroughness import by_profile

pytestmark = pytest.mark.django_db
CREDITS: Final = 120 * MICROS
_IN_FORCE: Final = {"pending", "succeeded"}
_TAKEN: Final = {"needs_response", "lost"}


@dataclass(frozen=True)
class World:
    """How one payment stands at Stripe, and what of its credits was spent."""

    seen: SeenPayment
    refunds: tuple[tuple[int, str], ...] = ()  # how much, and the status of each
    disputes: tuple[str, ...] = ()  # the status of each; each is of all
    spent: int = 0
    story: tuple[str, ...] = field(default=(), compare=False)

    @property
    def back(self) -> int:
        """The money that is gone."""
        disputed = min(PAID, sum(PAID for one in self.disputes if one in _TAKEN))
        return min(PAID, self.on_its_way + disputed)

    @property
    def on_its_way(self) -> int:
        """The money that is refunded."""
        return sum(micros for micros, status in self.refunds if status in _IN_FORCE)

    @property
    def net(self) -> int:
        """What the account has of it, or owes."""
        return CREDITS - self.spent - int(Fraction(CREDITS * self.back, PAID))

    def refunded(self, hundredths: int = 0) -> "World | None":
        """A third, or so many hundredths, whole cents of it."""
        micros = PAID * hundredths // 100 // CENT * CENT if hundredths else PAID // 3
        if not 0 < micros <= PAID - self.on_its_way:
            return None
        return replace(self, refunds=(*self.refunds, (micros, "succeeded")))

    def failed(self, _hundredths: int = 0) -> "World | None":
        """The first refund that has not failed yet."""
        sound = [
            place for place, (_micros, status) in enumerate(self.refunds) if status != "failed"
        ]
        if not sound:
            return None
        place = sound[0]
        failed = (self.refunds[place][0], "failed")
        return replace(self, refunds=(*self.refunds[:place], failed, *self.refunds[place + 1 :]))

    def disputed(self, _hundredths: int = 0) -> "World | None":
        if "needs_response" in self.disputes or len(self.disputes) > 1:
            return None
        return replace(self, disputes=(*self.disputes, "needs_response"))

    def won(self, _hundredths: int = 0) -> "World | None":
        return self._judged("won")

    def lost(self, _hundredths: int = 0) -> "World | None":
        return self._judged("lost")

    def spends(self, hundredths: int = 50) -> "World | None":
        """So many whole credits, where there are."""
        micros = hundredths * MICROS
        return replace(self, spent=self.spent + micros) if self.net >= micros else None

    def _judged(self, word: str) -> "World | None":
        if not self.disputes or self.disputes[-1] != "needs_response":
            return None
        return replace(self, disputes=(*self.disputes[:-1], word))


MOVES: Final[tuple[Callable[..., World | None], ...]] = (
    World.refunded,
    World.failed,
    World.disputed,
    World.won,
    World.lost,
    World.spends,
)


def tell(account: Account, world: World, before: World) -> None:
    """Let the account spend, or let a look see how the payment stands."""
    if world.spent > before.spent:
        back.spend(account, (world.spent - before.spent) // MICROS)
        return
    back.look(
        world.seen,
        [
            back.refund(micros, status, key=f"re_{number}_{world.seen.id}")
            for number, (micros, status) in enumerate(world.refunds)
        ],
        [
            back.dispute(PAID, status, key=f"dp_{number}_{world.seen.id}")
            for number, status in enumerate(world.disputes)
        ],
    )


def walk(account: Account, world: World, moves_left: int) -> Iterator[World]:
    """Go every way there is, each from where the one before it began; yield where it leads."""
    for move in MOVES if moves_left else ():
        after = move(world)
        if after is None:
            continue
        after = replace(after, story=(*world.story, move.__name__))
        point = transaction.savepoint()
        tell(account, after, world)
        back.as_at_the_commit()
        yield after
        yield from walk(account, after, moves_left - 1)
        transaction.savepoint_rollback(point)


@pytest.fixture
def shop(db: None) -> None:
    """Packs are sold."""
    back.open_shop()


def has(account: Account) -> tuple[int, int]:
    """Return what the account has, and owes."""
    wallet = factories.wallet_of(account)
    return wallet.available_micros, wallet.debt_micros


def explore(moves: int) -> tuple[int, World]:
    """Check each state that so many moves lead to; return how many ways were gone, from where."""
    ada = factories.new_account("ada")
    world = World(back.payment(ada))
    back.look(world.seen)
    gone = 0
    for state in walk(ada, world, moves):
        gone += 1
        assert has(ada) == (max(0, state.net), max(0, -state.net)), state.story
    return gone, world


def ways(world: World, moves_left: int) -> int:
    """Return how many ways there are to go."""
    if not moves_left:
        return 0
    found = [after for move in MOVES if (after := move(world)) is not None]
    return len(found) + sum(ways(after, moves_left - 1) for after in found)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture]  # the catalog is only read
)
@given(st.lists(st.tuples(st.sampled_from(MOVES), st.integers(1, 100)), max_size=12))
def test_any_amounts_and_any_long_story_end_where_the_money_says(
    shop: None, story: list[tuple[Callable[..., World | None], int]]
) -> None:
    with rolled_back():
        ada = factories.new_account("ada")
        world = World(back.payment(ada))
        back.look(world.seen)
        for move, hundredths in story:
            after = move(world, hundredths)
            if after is not None:
                tell(ada, after, world)
                connection.check_constraints()
                world = after
                assert has(ada) == (max(0, world.net), max(0, -world.net))


def test_whatever_follows_on_whatever_the_credits_are_what_the_money_says(shop: None) -> None:
    """Five things in CI: some hundred ways; at a desk the same in small."""
    moves = by_profile(desk=3, ci=5, night=6)

    gone, world = explore(moves)

    assert gone == ways(world, moves) > 40
    assert not list(audit.breaches())
