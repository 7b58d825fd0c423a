"""Each rule has two lines of defence, and each holds alone (rule P of the invariants).

With the product's own checks switched off the database refuses by the rule's name, and nothing has
moved. With every trigger, CHECK and key of the database gone the product refuses by itself, and
the audit finds nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import pytest
from django.db import IntegrityError, connection, transaction
from pytest_django import Settings

from billing.accounts.models import Account
from billing.errors import DomainError
from billing.insights import audit
from billing.jobs.models import Attempt, Callback
from billing.jobs.services import dispatching
from billing.ledger import services as ledger
from billing.ledger.models import Allocation, Allowance, Debt, Entry, Grant, Hold, Wallet
from billing.ledger.services import Cause
from billing.ledger.timeline import Timeline
from billing.outbox import gateway
from billing.outbox.models import Message
from billing.payments.models import Purchase, Refund, Taking
from billing.payments.services import offering
from billing.subscriptions.models import Subscription
from tests import everything, factories
from tests.drift.places import forget_the_rules
from tests.rules import acts
from tests.rules.acts import Act, Patch
from tests.rules.unchecked import uncheck

pytestmark = pytest.mark.django_db

# Of the invariants of the ledger and its jobs, those that both the database and the code keep.
WITH_TWO_LINES: Final = frozenset(
    (
        *("I1", "I2", "I3", "I5", "I6", "I7", "I8", "I9", "I10", "I13", "I14", "I15", "I16", "I17"),
        *("I18", "I23", "I25", "I27"),
    )
)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, an attempt to break it, and how each of its lines says no.

    Attributes:
        scene: sets it up; returns the attempt.
        careless: switches the product's checks off.
        wall: what the database says then.
        word: what the product says without the database: a refusal's code, an error's name, or
            empty where it answers a repeat by what there is.
    """

    invariant: str
    sentence: str
    scene: Callable[[Account], Act]
    careless: Callable[[Patch], None]
    wall: str
    word: str = ""

    def __str__(self) -> str:
        return f"{self.invariant}: {self.sentence}"


RULES: Final = (
    Rule(
        "I1",
        "no more is held than there is",
        acts.too_much,
        lambda patch: uncheck(patch, Timeline, "hold"),
        "hold_adds_up|wallet_is_balanced",
        "insufficient_credits",
    ),
    Rule(
        "I1",
        "no balance is below zero",
        acts.too_much,
        acts.first_lot_pays_all,
        "grant_nothing_negative|wallet_available_not_negative|entry_balances_not_negative",
        "insufficient_credits",
    ),
    Rule(
        "I2",
        "entries have no gap",
        acts.give_ten,
        acts.a_gap,
        "entry_continues_the_last|wallet_follows_its_entries",
        "made",
    ),
    Rule(
        "I3",
        "an entry follows a known path",
        lambda ada: (factories.give(ada, 10), lambda: factories.hold(ada, 5))[1],
        acts.by_another_path,
        "entry_follows_a_known_path|entry_continues_the_last",
        "made",
    ),
    Rule(
        "I5",
        "every entry has a cause that is known",
        acts.for_no_reason,
        lambda patch: uncheck(patch, Cause, "__post_init__"),
        "entry_has_a_cause",
        "AssertionError",
    ),
    Rule(
        "I6",
        "a hold ends once",
        acts.ended,
        acts.once_more,
        "hold_ends_once|grant_nothing_negative|wallet_held_not_negative",
    ),
    Rule(
        "I7",
        "one job takes one overrun",
        acts.one_overrun,
        lambda patch: uncheck(patch, ledger, "take_more"),
        "hold_reference_once",
    ),
    Rule(
        "I8",
        "nothing is handed over without a live hold",
        acts.canceled,
        lambda patch: uncheck(patch, dispatching, "_claim"),
        "attempt_has_a_live_hold",
    ),
    Rule(
        "I9",
        "no more is captured than was held",
        acts.more_than_held,
        acts.more_for_less,
        "hold_captured_within_amount",
        "AssertionError",
    ),
    *(
        Rule(
            "I10",
            f"{micros} is no amount",
            partial(acts.so_much, micros),
            acts.any_amount,
            "grant_amount_in_range|entry_amount_in_range|not_negative",
            "amount_out_of_range",
        )
        for micros in (-1, 10**18 + 1)
    ),
    Rule(
        "I13",
        "one payment is granted once",
        acts.one_payment,
        lambda patch: uncheck(patch, ledger, "grant"),
        "grant_fact_once",
    ),
    Rule(
        "I14",
        "no hold takes what has expired",
        acts.over,
        acts.nothing_comes_due,
        "allocation_takes_live_credit",
        "insufficient_credits",
    ),
    Rule(
        "I15",
        "no more is taken back than was given, however often it is told",
        acts.paid_back,
        acts.twice_as_much,
        "purchase_taken_within_credited|purchase_adds_up",
    ),
    Rule(
        "I15",
        "no more money goes back than came",
        acts.too_much_back,
        lambda patch: uncheck(patch, offering, "offer"),
        "refunds_within_paid",
        "refund_too_large",
    ),
    Rule(
        "I16",
        "who owes holds nothing",
        acts.in_debt,
        lambda patch: uncheck(patch, Timeline, "hold"),
        "hold_of_no_debtor",
        "in_debt",
    ),
    Rule(
        "I17",
        "a day's credits are given once",
        acts.one_day,
        acts.any_day,
        "grant_fact_once|grant_days_are_20_hours_apart",
    ),
    Rule(
        "I18",
        "who moves has no second day",
        acts.moved,
        acts.as_if_always_there,
        "grant_days_are_20_hours_apart",
    ),
    Rule(
        "I23",
        "a word of a backend is heard once",
        acts.one_word,
        acts.deaf_to_repeats,
        "callback_heard_once",
    ),
    Rule(
        "I25",
        "a subscription begins once",
        acts.one_subscription,
        acts.no_subscription_is_seen,
        "subscription_open_once|allowance_open_once",
    ),
    Rule(
        "I27",
        "a wallet's clock never runs back",
        acts.clock_behind,
        acts.back_in_time,
        "wallet_keeps_its_owner_and_its_past|entry_continues_the_last",
        "made",
    ),
)


@pytest.fixture
def ada(settings: Settings, monkeypatch: Patch) -> Account:
    """Ada has an open wallet on the platform that sells everything."""
    settings.BACKENDS = everything.BACKENDS
    monkeypatch.setattr(gateway, "nudge", lambda _ring: None)
    everything.open_platform()
    return everything.customer("ada")


def _one_transaction() -> transaction.Atomic:
    """Return a block in which blocks that want to be the outermost one run as well."""
    block = transaction.atomic()
    block._from_testcase = True  # type: ignore[attr-defined]  # as `DatabaseMachine`
    return block


def everything_that_moves() -> list[object]:
    """Return every row that an attempt could have written."""
    models = (
        *(Wallet, Grant, Hold, Entry, Allocation, Debt, Allowance),
        *(Attempt, Callback, Subscription, Message),
        *(Purchase, Refund, Taking),
    )
    return [list(model.objects.order_by("pk").values()) for model in models]


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_with_the_code_off_the_database_refuses(
    rule: Rule, ada: Account, monkeypatch: Patch
) -> None:
    attempt = rule.scene(ada)
    connection.check_constraints()
    before = everything_that_moves()
    rule.careless(monkeypatch)

    with pytest.raises(IntegrityError, match=rule.wall), _one_transaction():
        attempt()
        connection.check_constraints()

    assert everything_that_moves() == before


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_with_the_database_off_the_code_refuses(rule: Rule, ada: Account) -> None:
    attempt = rule.scene(ada)
    before = everything_that_moves()
    forget_the_rules()

    try:
        with _one_transaction():
            attempt()
    except DomainError as refusal:
        word = refusal.code
    except AssertionError as refusal:
        word = type(refusal).__name__
    else:
        word = "" if everything_that_moves() == before else "made"

    assert word == rule.word
    assert [str(breach) for breach in audit.breaches()] == []


def test_no_invariant_with_two_lines_is_left_out() -> None:
    assert {rule.invariant for rule in RULES} == WITH_TWO_LINES
