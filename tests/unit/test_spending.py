"""Which grants may pay an order, what is taken from each, and what comes back."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.ledger.errors import InsufficientCredits
from billing.ledger.journal import Kind
from plans.catalog.matching import Match, fits, match_text, read_match
from plans.catalog.values import Between
from plans.credits import MICROS
from tests.unit.purse import NOON, Purse, schedule

WEB: dict[str, Any] = {"surface": ("web",)}
PAST_DUE = frozenset({"past_due"})


def test_a_grant_pays_only_the_orders_of_its_scope() -> None:
    purse = Purse()
    purse.give("web", 100, scope=WEB)
    purse.give("any", 10)

    with pytest.raises(InsufficientCredits) as refused:
        purse.hold(11, facts={"surface": "api"})

    assert refused.value.facts == {"need": "11", "available": "10", "short": "1", "unusable": "100"}
    assert "100 that cannot pay for it" in str(refused.value)
    assert purse.timeline.held_micros == 0
    assert purse.hold(11, facts={"surface": "web"}, keys=["scope"]) == [("web", 11)]


def test_a_scope_of_something_that_the_order_does_not_say_pays_nothing() -> None:
    purse = Purse()
    purse.give("web", 100, scope=WEB)

    with pytest.raises(InsufficientCredits):
        purse.hold(1)

    assert purse.free == 100


@pytest.mark.parametrize(
    ("scope", "facts", "pays"),
    [
        ({}, {}, True),
        ({"model": ("a", "b")}, {"model": "b"}, True),
        ({"model": ("a", "b")}, {"model": "c"}, False),
        ({"seconds": Between(min=5, max=10)}, {"seconds": 10}, True),
        ({"seconds": Between(min=5, max=10)}, {"seconds": 11}, False),
        ({"seconds": Between(min=5, max=10)}, {"seconds": "5"}, False),
        ({"seconds": Between(min=5, max=10)}, {"seconds": "9.999999"}, True),
        ({"seconds": Between(min=5, max=10)}, {"seconds": "10.000001"}, False),
        ({"seconds": Between(min=5, max=10)}, {"seconds": "4.5"}, False),
        ({"seconds": Between(min=5, max=10)}, {"seconds": "5+5"}, False),
        ({"seconds": Between(min=5, max=10)}, {"seconds": "6.5+1"}, False),
        ({"seconds": Between(min=0, max=1)}, {"seconds": True}, False),
        ({"audio": (True,)}, {"audio": 1}, False),
        ({"audio": (True,)}, {"audio": True}, True),
        ({"model": ()}, {}, True),
        ({"model": ("a",), "surface": ("web",)}, {"model": "a"}, False),
    ],
)
def test_a_scope_is_the_match_of_a_rate(
    scope: Match, facts: dict[str, str | int | bool], *, pays: bool
) -> None:
    assert fits(scope, facts) is pays
    assert fits(read_match(match_text(scope)), facts) is pays


def test_the_narrower_grant_pays_first_where_the_order_of_burning_says_so() -> None:
    purse = Purse()
    purse.give("any", 10, expires_at=NOON + timedelta(hours=1))
    purse.give("web", 10, scope=WEB)
    purse.give("one", 10, scope=WEB | {"model": ("m",)})

    taken = purse.hold(25, facts={"surface": "web", "model": "m"}, keys=["scope", "expires_at"])

    assert taken == [("one", 10), ("web", 10), ("any", 5)]


def test_credits_are_locked_while_the_account_stands_badly() -> None:
    purse = Purse()
    purse.give("plan", 100, locked_while=("past_due", "unsubscribed"))
    purse.give("gift", 5)

    with pytest.raises(InsufficientCredits):
        purse.hold(6, standing=PAST_DUE)

    assert purse.timeline.locked_micros(PAST_DUE) == 100 * MICROS
    assert purse.timeline.locked_micros(frozenset()) == 0
    assert purse.hold(5, standing=PAST_DUE) == [("gift", 5)]
    assert purse.hold(100, name="later") == [("plan", 100)]


def test_what_would_be_used_is_what_is_used() -> None:
    purse = Purse()
    purse.give("web", 10, scope=WEB)
    purse.give("locked", 10, locked_while=("past_due",))
    purse.give("any", 10)

    parts = purse.timeline.would_use(
        20 * MICROS, rank=lambda lot: (lot.id,), facts={}, standing=PAST_DUE
    )

    assert [(part.grant_id, part.amount_micros) for part in parts] == [("any", 10 * MICROS)]
    assert purse.timeline.movements[-1].kind == Kind.GRANT


def test_an_order_that_costs_nothing_takes_nothing() -> None:
    purse = Purse()

    assert purse.hold(0) == []
    purse.end(0)

    assert purse.timeline.movements == []


def test_what_comes_back_comes_back_last_taken_first() -> None:
    purse = Purse()
    for name in ("a", "b", "c"):
        purse.give(name, 10)
    purse.hold(30, keys=["effective_at"])

    purse.end(5)

    moves = purse.timeline.movements[-4:]
    assert [(m.kind, m.grant_id, m.amount_micros // MICROS) for m in moves] == [
        (Kind.CAPTURE, "a", 5),
        (Kind.RELEASE, "c", 10),
        (Kind.RELEASE, "b", 10),
        (Kind.RELEASE, "a", 5),
    ]


def test_what_comes_back_to_an_ended_grant_is_gone_where_the_rule_is_expire() -> None:
    purse = Purse()
    purse.give("a", 10, expires_at=NOON + timedelta(hours=1))
    purse.hold(10)
    purse.timeline.settle(NOON + timedelta(hours=1))

    purse.end(0)

    assert purse.free == 0
    assert purse.timeline.movements[-1].kind == Kind.LAPSE


def test_what_comes_back_to_an_ended_grant_is_given_anew_where_the_rule_is_a_period() -> None:
    purse = Purse()
    purse.give(
        "a", 10, expires_at=NOON + timedelta(hours=1), scope=WEB, priority=7, source="promo",
        locked_while=("past_due",),
    )  # fmt: skip
    purse.hold(10, facts={"surface": "web"})
    purse.timeline.settle(NOON + timedelta(hours=2))

    purse.end(4, in_flight="P7D")

    assert [m.kind for m in purse.timeline.movements[-3:]] == ["capture", "lapse", "grant"]
    issue = purse.timeline.issues[-1]
    assert (issue.fact, issue.amount_micros) == ("returned:h:a", 6 * MICROS)
    lot = issue.lot
    assert (lot.source, lot.priority, lot.scope, lot.locked_while) == (
        *("promo", 7, WEB, ("past_due",)),
    )
    assert lot.expires_at == NOON + timedelta(days=7, hours=2)
    assert purse.free == 6


def test_what_comes_back_to_a_living_grant_keeps_its_end_whatever_the_rule() -> None:
    purse = Purse()
    purse.give("a", 10, expires_at=NOON + timedelta(hours=1))
    purse.hold(10)

    purse.end(0, in_flight="P7D")

    assert len(purse.timeline.issues) == 1
    assert purse.free == 10


@given(
    st.lists(
        st.tuples(
            st.integers(1, 50),
            st.sampled_from([{}, WEB, {"model": ("m",)}, WEB | {"model": ("m",)}]),
            st.sampled_from([(), ("past_due",), ("unsubscribed",), ("past_due", "unsubscribed")]),
        ),
        max_size=6,
    ),
    st.fixed_dictionaries(
        {}, optional={"surface": st.sampled_from(["web", "api"]), "model": st.sampled_from("mn")}
    ),
    st.frozensets(st.sampled_from(["past_due", "unsubscribed"])),
    st.integers(0, 200),
)
def test_an_order_is_admitted_exactly_when_what_may_pay_it_reaches(
    lots: list[tuple[int, Match, tuple[str, ...]]],
    facts: dict[str, str],
    standing: frozenset[str],
    price: int,
) -> None:
    purse = Purse()
    for number, (credits_, scope, locks) in enumerate(lots):
        purse.give(f"g{number}", credits_, scope=scope, locked_while=locks)
    usable = sum(
        credits_
        for credits_, scope, locks in lots
        if not standing & set(locks)
        and all(facts.get(name) in values for name, values in scope.items())
    )

    if price <= usable:
        assert (
            sum(part for _name, part in purse.hold(price, facts=facts, standing=standing)) == price
        )
    else:
        with pytest.raises(InsufficientCredits) as refused:
            purse.hold(price, facts=facts, standing=standing)
        assert refused.value.facts["available"] == str(usable)
        assert purse.timeline.held_micros == 0


def test_what_was_given_anew_once_lapses_the_second_time() -> None:
    purse = Purse()
    purse.give("a", 10, expires_at=NOON + timedelta(hours=1), series="a", with_subscription=True)
    purse.hold(10)
    purse.timeline.settle(NOON + timedelta(hours=2))
    purse.end(0, in_flight="PT1H")
    again = purse.timeline.issues[-1].lot
    assert (again.series, again.with_subscription, again.is_returned) == ("a", True, True)
    purse.hold(10)
    purse.timeline.settle(NOON + timedelta(hours=4))

    purse.end(0, in_flight="PT1H")

    assert purse.free == 0
    assert purse.timeline.movements[-1].kind == Kind.LAPSE


def test_what_crosses_a_window_is_judged_by_the_cap_when_it_comes_back() -> None:
    purse = Purse(schedule(cadence="daily", credits="100", rollover="cap", rollover_cap="100"))
    purse.hold(100, name="first")
    assert purse.at("2026-11-24T12:00") == 100
    purse.hold(100, name="second")
    assert purse.at("2026-11-25T12:00") == 100

    purse.end(0, name="first")
    assert purse.free == 200
    purse.end(60, name="second")

    assert purse.free == 200
    assert sum(m.amount_micros for m in purse.timeline.movements if m.kind == Kind.EXPIRE) == (
        40 * MICROS
    )


def test_work_that_crosses_a_window_costs_nothing_of_what_is_carried_over() -> None:
    purse = Purse(schedule(cadence="daily", credits="100", rollover="cap", rollover_cap="100"))
    assert purse.at("2026-11-24T12:00") == 200
    purse.hold(100)
    assert purse.at("2026-11-25T12:00") == 200

    purse.end(100)

    assert purse.free == 200


def test_what_is_held_is_not_missing_where_credits_only_fill_up() -> None:
    purse = Purse(schedule(cadence="daily", credits="66", fill="set_to", expiry="never"))
    purse.hold(66)
    assert purse.at("2026-11-24T12:00") == 0

    purse.end(0)
    assert purse.free == 66
    purse.hold(66)
    purse.end(66)

    assert purse.at("2026-11-25T12:00") == 66


def test_a_returned_credit_does_not_begin_the_window_that_rolls() -> None:
    purse = Purse(schedule(cadence="rolling", period="PT24H", credits="50"))
    purse.hold(50)
    assert purse.at("2026-11-24T13:00") == 50
    purse.end(0, in_flight="PT1H")
    assert purse.free == 100

    purse.hold(50)

    assert purse.at("2026-11-26T13:00") == 50
