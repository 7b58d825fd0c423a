"""Whose a period's credits, time and money are after any chain of changes: arithmetic alone."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from billing.payments.clawing import moving_micros, target_micros
from billing.payments.tracing import Carried, Change, Line, Stretch, carry, money, payers, trace

BEGIN: Final = datetime(2026, 1, 1, tzinfo=UTC)
MONTH: Final = timedelta(days=30)
HOUR: Final = timedelta(hours=1)
WHOLE: Final = Fraction(1)


def stretch(name: str, *, begins: datetime = BEGIN, began: datetime | None = None) -> Stretch:
    """Return what a subscription had of a month."""
    return Stretch(name, begins, begins + MONTH, began or begins)


def test_a_period_is_its_own_payments() -> None:
    first, second = stretch("s0"), stretch("s0", begins=BEGIN + MONTH, began=BEGIN)
    line = Line([second, first], {("s0", BEGIN): "p1", ("s0", BEGIN + MONTH): "p2"})

    assert trace(line) == {first: {"p1": WHOLE}, second: {"p2": WHOLE}}


def test_of_a_difference_the_old_payment_keeps_its_share_and_all_the_time() -> None:
    first, second = stretch("s0"), stretch("s1", began=BEGIN + HOUR)
    later = stretch("s1", begins=BEGIN + MONTH, began=BEGIN + HOUR)
    change = Change("c", due_micros=30, begins_anew=False, keep=Fraction(1, 6))
    line = Line(
        [first, second, later], {("s0", BEGIN): "p1", ("s1", BEGIN + MONTH): "p2"}, {"s1": change}
    )

    shares = trace(line)

    assert shares[second] == {"p1": Fraction(1, 6), "c": Fraction(5, 6)}
    assert shares[later] == {"p2": WHOLE}
    assert payers(line) == {BEGIN: ["p1"], BEGIN + MONTH: ["p2"]}
    assert money(line, BEGIN, {"p1": 10, "c": 30, "p2": 40}) == {"p1": 10, "c": 30}
    assert money(line, BEGIN + MONTH, {"p1": 10, "c": 30, "p2": 40}) == {"p2": 40}


def test_a_new_period_is_of_what_was_carried_over_and_of_what_was_due() -> None:
    anew = BEGIN + HOUR
    second = stretch("s1", begins=anew)
    change = Change(
        "c", due_micros=30, begins_anew=True, worth_micros=10, carried={"p1": Carried(10, 20)}
    )
    later = stretch("s1", begins=anew + MONTH, began=anew)
    line = Line(
        [stretch("s0"), second, later],
        {("s0", BEGIN): "p1", ("s1", anew + MONTH): "p2"},
        {"s1": change},
    )

    assert trace(line)[second] == {"p1": Fraction(1, 4), "c": Fraction(3, 4)}
    assert trace(line)[later] == {"p2": WHOLE}
    assert payers(line)[anew] == ["p1", "c"]
    assert money(line, anew, {"p1": 20, "c": 30}) == {"p1": 10, "c": 30}
    assert money(line, anew, {"p1": 10, "c": 30}) == {"p1": 5, "c": 30}
    assert money(line, anew, {"p1": 0, "c": 30}) == {"c": 30}


def test_a_new_period_may_begin_in_the_second_of_the_one_before() -> None:
    second = stretch("s1", began=BEGIN + HOUR / 3_600_000)
    change = Change(
        "c", due_micros=30, begins_anew=True, worth_micros=10, carried={"p1": Carried(10, 10)}
    )
    line = Line([second, stretch("s0")], {("s0", BEGIN): "p1"}, {"s1": change})

    assert trace(line)[stretch("s0")] == {"p1": WHOLE}
    assert trace(line)[second] == {"p1": Fraction(1, 4), "c": Fraction(3, 4)}
    assert payers(line) == {BEGIN: ["p1", "c"]}
    assert money(line, BEGIN, {"p1": 10, "c": 30}) == {"p1": 10, "c": 30}


def test_a_change_of_which_nothing_was_due_leaves_the_credits_with_who_had_paid() -> None:
    first, second = stretch("s0"), stretch("s1", began=BEGIN + HOUR)
    change = Change("", due_micros=0, begins_anew=False, keep=Fraction(1, 6))
    line = Line([first, second], {("s0", BEGIN): "p1"}, {"s1": change})

    assert trace(line)[second] == {"p1": WHOLE}


def test_a_subscription_that_was_taken_up_again_has_the_shares_of_the_one_before() -> None:
    anew = BEGIN + HOUR
    change = Change(
        "c", due_micros=30, begins_anew=True, worth_micros=10, carried={"p1": Carried(10, 10)}
    )
    again = stretch("s2", begins=anew, began=anew + HOUR)
    line = Line(
        [stretch("s0"), stretch("s1", begins=anew), again], {("s0", BEGIN): "p1"}, {"s1": change}
    )

    assert trace(line)[again] == {"p1": Fraction(1, 4), "c": Fraction(3, 4)}


def test_a_worth_is_divided_whole_and_keeps_what_had_stayed_of_each() -> None:
    parts = carry(10, {"a": 1, "b": 2}, {"a": 7, "b": 9})

    assert sum(one.micros for one in parts.values()) == 10
    assert {key: one.of_micros for key, one in parts.items()} == {"a": 7, "b": 9}


def test_what_was_traded_in_is_moved_by_nobody() -> None:
    """100 were traded in for a share of 150: of all of it only those are there to be taken."""
    assert (
        moving_micros(
            delta_micros=250,
            target_micros=250,
            credited_micros=250,
            traded_micros=100,
            unmoved_micros=0,
        )
        == 150
    )
    assert (
        moving_micros(
            delta_micros=-125,
            target_micros=125,
            credited_micros=250,
            traded_micros=100,
            unmoved_micros=100,
        )
        == -75
    )


@dataclass
class Shop:
    """A contract's life, as it would be written down: each change by what has stayed by then."""

    stretches: list[Stretch] = field(default_factory=lambda: [stretch("s0")])
    changes: dict[str, Change] = field(default_factory=dict)
    amounts: dict[str, int] = field(default_factory=lambda: {"p": 1000})
    gone: dict[str, int] = field(default_factory=dict)

    @property
    def line(self) -> Line:
        """What was paid for, so far."""
        return Line(self.stretches, {("s0", BEGIN): "p"}, self.changes)

    @property
    def stays(self) -> dict[str, int]:
        """What of each payment has not gone back."""
        return {key: paid - self.gone.get(key, 0) for key, paid in self.amounts.items()}

    @property
    def worth(self) -> dict[str, int]:
        """What was paid for the period under way and has stayed."""
        return money(self.line, self.stretches[-1].starts_at, self.stays)

    def change(self, *, anew: bool, due: int, used: Fraction) -> None:
        """Change the plan: what is not used of the old one is taken off a new period's price."""
        last, number = self.stretches[-1], len(self.stretches)
        at = last.began_at + HOUR
        key = f"c{number}" if due else ""
        if due:
            self.amounts[key] = due
        paid = self.worth
        worth = int(sum(paid.values()) * (1 - used)) if anew else 0
        self.changes[f"s{number}"] = Change(
            key, due, anew, worth, used, carry(worth, paid, self.stays) if anew else {}
        )
        begins = at if anew else last.starts_at
        self.stretches.append(Stretch(f"s{number}", begins, begins + MONTH, at))

    def refund(self, place: int, share: Fraction) -> None:
        """Let a share of what is left of a payment go back."""
        key = sorted(self.amounts)[place % len(self.amounts)]
        more = int(self.stays[key] * share)
        self.gone[key] = self.gone.get(key, 0) + more


shares = st.fractions(0, 1, max_denominator=12)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("change"), st.booleans(), st.integers(0, 10**6), shares),
        st.tuples(st.just("refund"), st.integers(0, 9), shares),
    ),
    max_size=10,
)


def lived(story: Sequence[tuple[object, ...]]) -> Shop:
    """Return a shop after a story."""
    shop = Shop()
    for kind, *facts in story:
        if kind == "change":
            anew, due, used = facts
            assert isinstance(anew, bool)
            assert isinstance(due, int)
            assert isinstance(used, Fraction)
            shop.change(anew=anew, due=due, used=used)
        else:
            place, share = facts
            assert isinstance(place, int)
            assert isinstance(share, Fraction)
            shop.refund(place, share)
    return shop


@given(steps)
def test_nothing_is_divided_among_more_than_whom_it_is_of(story: list[tuple[object, ...]]) -> None:
    shop = lived(story)

    for shares_ in trace(shop.line).values():
        assert 0 <= sum(shares_.values()) <= 1
        assert all(share > 0 for share in shares_.values())
        assert shares_.keys() <= shop.amounts.keys()


@given(steps)
def test_no_chain_of_changes_and_refunds_is_worth_more_than_what_has_stayed(
    story: list[tuple[object, ...]],
) -> None:
    shop = lived(story)

    assert all(shop.worth[key] <= shop.stays[key] for key in shop.worth)

    shop.gone = dict(shop.amounts)
    assert shop.worth == {}


@given(steps)
def test_a_payment_that_was_gone_before_a_change_has_no_share_in_what_follows(
    story: list[tuple[object, ...]],
) -> None:
    shop = lived(story)
    shop.refund(0, WHOLE)
    gone = min(shop.amounts)

    shop.change(anew=True, due=5, used=Fraction(0))

    assert gone not in trace(shop.line)[shop.stretches[-1]]


@given(
    windows=st.lists(st.integers(0, 10**9), min_size=1, max_size=8),
    traded=shares,
    backs=st.lists(shares, min_size=1, max_size=8),
    looked=st.lists(st.booleans(), min_size=8, max_size=8),
)
def test_what_is_taken_and_moved_does_not_depend_on_who_looked_when(
    windows: list[int], traded: Fraction, backs: list[Fraction], looked: list[bool]
) -> None:
    paid = 10**6
    gone = [int(paid * share) for share in sorted(backs)]
    traded_micros = int(windows[0] * traded)

    def live(looks: Sequence[bool]) -> tuple[int, int]:
        taken = moved = 0
        for month in range(8):
            credited = sum(windows[: month + 1])
            if not looks[month] and month < 7:
                continue
            target = target_micros(
                credited_micros=credited,
                paid_micros=paid,
                refunded_micros=gone[min(month, len(gone) - 1)],
                disputed_micros=0,
            )
            delta = target - taken
            if delta:
                moved += moving_micros(
                    delta_micros=delta,
                    target_micros=target,
                    credited_micros=credited,
                    traded_micros=traded_micros,
                    unmoved_micros=taken - moved,
                )
            taken = target
        return taken, moved

    (taken, moved), (once, moved_once) = live(looked), live([False] * 8)

    assert taken == once
    assert abs(moved - moved_once) <= 1  # each look rounds down
