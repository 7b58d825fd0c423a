import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans import burn_order

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Lot:
    """A grant, as the order sees it."""

    id: str
    source: str = "pack"
    priority: int = 100
    expires_at: datetime | None = None
    effective_at: datetime = NOON


def spent(keys: list[str], *lots: Lot) -> list[str]:
    return [lot.id for lot in sorted(lots, key=burn_order.rank(keys))]


def test_what_expires_first_is_spent_first_and_what_never_expires_last() -> None:
    never = Lot("a")
    soon = Lot("b", expires_at=NOON + timedelta(hours=1))
    later = Lot("c", expires_at=NOON + timedelta(days=700))

    assert spent(["expires_at"], never, later, soon) == ["b", "c", "a"]


def test_sources_go_in_the_listed_order_and_all_others_after_them() -> None:
    lots = (Lot("a", "pack"), Lot("b", "gift"), Lot("c", "allowance"), Lot("d", "other"))

    assert spent(["source:allowance,pack"], *lots) == ["c", "a", "b", "d"]


def test_a_lower_priority_number_is_spent_first() -> None:
    assert spent(["priority"], Lot("a", priority=20), Lot("b", priority=3)) == ["b", "a"]


def test_the_older_grant_is_spent_first() -> None:
    young = Lot("a", effective_at=NOON)
    old = Lot("b", effective_at=NOON - timedelta(seconds=1))

    assert spent(["effective_at"], young, old) == ["b", "a"]


def test_keys_count_in_their_order() -> None:
    lots = (
        Lot("a", "pack", 1),
        Lot("b", "allowance", 2, NOON + timedelta(days=1)),
        Lot("c", "allowance", 2, NOON),
        Lot("d", "allowance", 1),
    )

    assert spent(["source:allowance", "priority", "expires_at"], *lots) == ["d", "c", "b", "a"]


@given(st.lists(st.sampled_from("abcdefgh"), unique=True), st.randoms(use_true_random=False))
def test_the_order_never_depends_on_how_the_grants_came(
    ids: list[str], dice: random.Random
) -> None:
    shuffled = list(ids)
    dice.shuffle(shuffled)

    assert spent(["priority"], *map(Lot, shuffled)) == sorted(ids)


@pytest.mark.parametrize("key", ["", "age", "source:", "source:a,,b", "source:a,a", "Priority"])
def test_an_unknown_key_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="must be priority"):
        burn_order.rank([key])
