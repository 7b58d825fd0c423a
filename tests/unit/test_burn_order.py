import random
from collections.abc import Mapping
from dataclasses import dataclass, field
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
    scope: Mapping[str, object] = field(default_factory=dict)
    is_bought: bool = False
    available_micros: int = 1


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


def test_the_narrower_scope_is_spent_first_and_what_pays_all_orders_last() -> None:
    general = Lot("a")
    one_model = Lot("b", scope={"model": ("x",)})
    one_model_on_the_web = Lot("c", scope={"model": ("x",), "surface": ("web",)})

    assert spent(["scope"], general, one_model, one_model_on_the_web) == ["c", "b", "a"]


def test_what_was_given_is_spent_before_what_was_bought() -> None:
    assert spent(["free_first"], Lot("a", is_bought=True), Lot("b")) == ["b", "a"]


def test_the_smallest_rest_is_spent_first() -> None:
    assert spent(["amount"], Lot("a", available_micros=5), Lot("b", available_micros=2)) == [
        "b",
        "a",
    ]


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
