"""What an incident is worth to whom: exact, never beyond the cap, whatever the order."""

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.corrections import amounts
from billing.corrections.amounts import Basis, Hurt, Rule, Share
from billing.corrections.errors import InvalidCorrection
from plans.credits import MICROS

ALL: Final = Rule(Basis.CHARGED, share_micros=MICROS)
jobs = st.lists(
    st.builds(
        Hurt,
        job_id=st.uuids().map(str),
        account_id=st.sampled_from("abc"),
        charged_micros=st.one_of(st.just(0), st.integers(1, 10**12)),
        quoted_micros=st.integers(0, 10**12),
    ),
    max_size=20,
    unique_by=lambda one: one.job_id,
)
shares_of_all = st.integers(1, MICROS)
steps = st.sampled_from([1, 10_000, MICROS])


def test_all_of_what_was_charged_comes_back_to_whoever_was_charged() -> None:
    hurt = [Hurt("j1", "b", 5, 9), Hurt("j2", "a", 0, 9), Hurt("j0", "b", 7, 7)]

    assert amounts.shares(ALL, hurt, step_micros=1) == [Share("b", 12, (("j0", 7), ("j1", 5)))]


def test_what_was_charged_nothing_may_count_by_its_price() -> None:
    rule = Rule(Basis.CHARGED, share_micros=MICROS, quoted_share_micros=MICROS // 2)
    hurt = [Hurt("j1", "b", 5, 90), Hurt("j2", "a", 0, 9)]

    found = amounts.shares(rule, hurt, step_micros=1)

    assert found == [Share("a", 5, (("j2", 5),)), Share("b", 5, (("j1", 5),))]


def test_so_much_a_job_or_an_account() -> None:
    hurt = [Hurt("j1", "b", 5, 9), Hurt("j2", "b", 0, 9)]

    [each] = amounts.shares(Rule(Basis.JOB, fixed_micros=30), hurt, step_micros=1)
    [once] = amounts.shares(Rule(Basis.ACCOUNT, fixed_micros=30), hurt, step_micros=1)

    assert (each.amount_micros, each.jobs) == (60, (("j1", 30), ("j2", 30)))
    assert (once.amount_micros, once.jobs) == (30, (("j1", 0), ("j2", 0)))


@pytest.mark.parametrize(
    "facts",
    [
        {"basis": Basis.CHARGED},
        {"basis": Basis.CHARGED, "share_micros": MICROS + 1},
        {"basis": Basis.CHARGED, "share_micros": -1},
        {"basis": Basis.CHARGED, "share_micros": 1, "fixed_micros": 1},
        {"basis": Basis.JOB},
        {"basis": Basis.JOB, "fixed_micros": -1},
        {"basis": Basis.ACCOUNT, "fixed_micros": 1, "share_micros": 1},
        {"basis": Basis.JOB, "fixed_micros": 10**18 + 1},
        {"basis": Basis.JOB, "fixed_micros": 1, "cap_micros": 0},
    ],
)
def test_a_rule_is_one_rule_within_bounds(facts: dict[str, Any]) -> None:
    with pytest.raises(InvalidCorrection):
        Rule(**facts)


@given(jobs, shares_of_all, shares_of_all, steps, st.integers(1, 10**13))
def test_an_account_has_its_due_rounded_up_and_never_more_than_the_cap(
    hurt: list[Hurt], share: int, quoted: int, step: int, cap: int
) -> None:
    rule = Rule(Basis.CHARGED, share_micros=share, quoted_share_micros=quoted, cap_micros=cap)

    for one in amounts.shares(rule, hurt, step_micros=step):
        own = [job for job in hurt if job.account_id == one.account_id]
        exact = sum(
            job.charged_micros * share if job.charged_micros else job.quoted_micros * quoted
            for job in own
        )  # in millionths of a micro
        assert one.amount_micros <= cap
        if one.amount_micros < cap:
            assert one.amount_micros % step == 0
            assert exact <= one.amount_micros * MICROS < exact + (len(own) + step) * MICROS
        assert all(due > 0 for _job, due in one.jobs)


@given(jobs, st.randoms(use_true_random=False))
def test_the_order_of_the_jobs_changes_nothing(hurt: list[Hurt], chance: Any) -> None:  # noqa: ANN401 (random.Random)
    shuffled = [*hurt]
    chance.shuffle(shuffled)
    here, there = (amounts.shares(ALL, some, step_micros=1) for some in (hurt, shuffled))

    assert here == there
    assert amounts.digest({}, here) == amounts.digest({}, there)


@given(jobs, jobs)
def test_a_digest_is_of_these_jobs_and_amounts_alone(here: list[Hurt], there: list[Hurt]) -> None:
    one, other = (amounts.shares(ALL, some, step_micros=1) for some in (here, there))

    assert (amounts.digest({}, one) == amounts.digest({}, other)) == (one == other)
    assert amounts.digest({"a": 1}, one) != amounts.digest({"a": 2}, one)
