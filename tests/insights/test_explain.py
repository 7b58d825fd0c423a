"""A balance is explained by a sum that a person can follow, and that always adds up."""

import json
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.accounts.models import Account
from billing.http.errors import Unavailable
from billing.ids import new_id
from billing.insights import explain, reasons
from billing.insights.reasons import Story
from billing.insights.sentences import sentences
from billing.ledger import services as ledger
from billing.ledger.errors import InDebt, InsufficientCredits
from billing.ledger.journal import PATHS, Bucket, Kind
from billing.ledger.models import Entry, Hold
from billing.ledger.services import Cause
from plans.credits import MICROS, parse_micros
from tests import factories
from tests.insights.selling import sell

ISOLATION = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


def story_of(
    account: Account, *, as_of: datetime | None = None, since: datetime | None = None
) -> Story:
    told = reasons.story(account, as_of=as_of, since=since)
    assert told is not None
    return told


def words(told: Story) -> list[str]:
    return [str(line) for section in explain.sections(told) for line in section.lines]


def say(account: Account, **options: Any) -> str:  # noqa: ANN401 (a command's)
    out = StringIO()
    call_command("explain", account.external_id, sandbox=account.is_sandbox, stdout=out, **options)
    return out.getvalue()


@transaction.atomic
def owe(account: Account, credits_: int) -> None:
    locked = factories.lock(account)
    ledger.owe(
        locked,
        amount_micros=credits_ * MICROS,
        fact=new_id("fact"),
        cause=Cause("refund", "re_1"),
        actor=factories.OPERATOR,
    )


def replayed(account: Account, at: datetime) -> int:
    """Return what the entries alone leave free at `at`."""
    free = 0
    for entry in Entry.objects.filter(wallet__account=account, effective_at__lte=at):
        source, target = PATHS[Kind(entry.kind)]
        sign = (target == Bucket.AVAILABLE) - (source == Bucket.AVAILABLE)
        free += sign * entry.amount_micros
    return free


def adds_up(told: Story) -> None:
    """Assert that all ways to tell the story come to the balance that the ledger says."""
    balance = told.balance.available_micros
    assert told.sum_micros == balance
    terms = [line.micros for section in explain.sections(told) for line in section.lines]
    assert sum(micros for micros in terms if micros is not None) == balance
    document = explain.document(told)
    signed = [document["opening"], *(one["credits"] for one in document["reasons"])]
    total = sum(_micros(one) for one in signed)
    assert total - sum(_micros(one["credits"]) for one in document["holds"]) == balance
    assert _micros(document["balance"]) == balance


def _micros(text: str) -> int:
    return -parse_micros(text[1:]) if text.startswith("-") else parse_micros(text)


def test_the_answer_comes_first(buyer: Account) -> None:
    factories.give(buyer, 100)
    sell(buyer)
    sell(buyer)
    factories.hold(buyer, 7)

    said = words(story_of(buyer))

    start, _colon, total = said[0].partition(": ")
    assert start.startswith("The balance of ada is ")
    assert total.endswith("came, 20 were spent, 7 are set aside.")
    spent = next(line for line in said if "were spent on 2 orders of kling-v1-6" in line)
    assert spent.split()[0] == "-20"
    assert any("are set aside for one order under way: test:" in line for line in said)
    adds_up(story_of(buyer))


def test_what_is_held_for_a_change_of_plan_is_no_order_under_way(buyer: Account) -> None:
    grant = factories.give(buyer, 100)
    factories.hold(buyer, 7)
    held = factories.set_aside(buyer, {grant: 20}, reference="change:pc_1")

    said = words(story_of(buyer))

    assert any("are set aside until a change of plan is paid: pc_1" in line for line in said)
    assert any("are set aside for one order under way: test:" in line for line in said)
    adds_up(story_of(buyer))

    factories.forfeit(buyer, held)
    assert any(
        "were taken off the price of another plan" in line for line in words(story_of(buyer))
    )
    adds_up(story_of(buyer))


def test_what_came_before_the_wallet_was_empty_is_not_told(ada: Account) -> None:
    factories.later(ada, timedelta(days=1))
    given_before = factories.give(ada, 10, source="old", expires_in=timedelta(hours=1))
    factories.later(ada, timedelta(days=60))
    factories.settle(ada)
    assert factories.free_micros(ada) == 0
    factories.give(ada, 5, source="new")

    told = story_of(ada)

    assert [one.what for one in told.reasons] == ["new"]
    assert (told.opening_micros, told.since is not None) == (0, True)
    whole = story_of(ada, since=given_before.created_at)
    assert "old" in [one.what for one in whole.reasons]
    adds_up(whole)


def test_what_is_planned_after_the_wallet_will_be_empty_is_told_alone(ada: Account) -> None:
    factories.settle(ada)
    factories.give(ada, 10, source="now", expires_in=timedelta(hours=1))
    given = factories.give(ada, 7, source="then", begins_in=timedelta(days=2))

    told = story_of(ada, as_of=given.effective_at + timedelta(minutes=1))

    assert [(one.what, one.micros) for one in told.reasons] == [("then", 7 * MICROS)]
    assert told.opening_micros == 0
    adds_up(told)


def test_what_emptied_a_wallet_is_told(ada: Account) -> None:
    factories.give(ada, 10, expires_in=timedelta(days=2))
    factories.later(ada, timedelta(days=90))

    told = story_of(ada)  # nobody has touched the wallet since

    assert told.balance.available_micros == 0
    assert {"expired"} <= {str(one.flow) for one in told.reasons}
    adds_up(told)


def test_a_debt_is_named_and_what_paid_it(ada: Account) -> None:
    factories.give(ada, 10)
    owe(ada, 30)
    factories.give(ada, 12)

    told = story_of(ada)

    assert any(line.startswith("18 are owed") for line in words(told))
    entries = sentences(ada, since=None, until=None)
    for lines in (words(told), [*entries]):
        assert any("paid a debt" in line for line in lines)
    adds_up(told)


def test_the_past_is_told_as_it_was_and_the_future_as_it_is_planned(ada: Account) -> None:
    factories.give(ada, 10, expires_in=timedelta(days=3))
    held = factories.hold(ada, 4)
    then = factories.later(ada, timedelta(days=1))
    factories.capture(ada, held, 3 * MICROS)

    past = story_of(ada, as_of=then - timedelta(seconds=1))
    ahead = story_of(ada, as_of=then + timedelta(days=30))

    assert past.held[0].micros == 4 * MICROS
    assert ahead.is_ahead
    assert words(ahead)[0].startswith("At ")
    for told in (past, ahead):
        adds_up(told)


def test_drift_is_told_in_place_of_a_sum_that_does_not_add_up(ada: Account) -> None:
    factories.give(ada, 10)
    connection.check_constraints()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE billing_grant DISABLE TRIGGER USER")
        cursor.execute("ALTER TABLE billing_grant DROP CONSTRAINT grant_is_conserved")
        cursor.execute(
            "UPDATE billing_grant SET available_micros = available_micros + 1000000"
            " WHERE source = 'goodwill'"
        )

    said = words(story_of(ada))

    assert any("explained by no entry" in line and line.split()[0] == "+1" for line in said)


def test_ten_thousand_entries_are_twenty_lines(buyer: Account) -> None:
    for number in range(40):
        factories.give(buyer, 1000 + number, source=f"source_{number % 9}")
    _copy_history(buyer, 10_000)
    for _number in range(5):
        factories.hold(buyer, 1)
    owe(buyer, 1)

    told = story_of(buyer)

    assert Entry.objects.filter(wallet__account=buyer).count() > 10_000
    assert len(words(told)) <= 20
    adds_up(told)


@transaction.atomic
def _copy_history(account: Account, entries: int) -> None:
    """Take so many credits back, by steps of the ledger's own; no trigger looks at each."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
    locked = factories.lock(account)
    lots = list(locked.timeline.lots.values())
    for number in range(entries):
        lot = lots[number % len(lots)]
        cause = Cause("adjustment", f"adj_{number % 100}")
        locked.timeline.revoke(
            lot, cause=cause, actor=factories.SYSTEM, amount_micros=MICROS // 100
        )
    ledger.settle(locked)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = DEFAULT")


@pytest.mark.parametrize("options", [{}, {"entries": True}, {"since": "30d"}])
def test_the_command_tells_it(buyer: Account, options: dict[str, Any]) -> None:
    factories.give(buyer, 10)

    said = say(buyer, **options).splitlines()

    assert any(line.startswith("The balance of ada is ") for line in said)
    assert any("10 credits arrived (goodwill)" in line for line in said) == bool(
        options.get("entries")
    )


def test_the_command_writes_json(buyer: Account) -> None:
    factories.give(buyer, 10)

    document = json.loads(say(buyer, json=True))

    assert document["account"] == "ada"
    assert {"flow": "came", "cause": "operator", "credits": "10"}.items() <= next(
        one for one in document["reasons"] if one["what"] == "goodwill"
    ).items()


def test_without_a_wallet_there_is_nothing_to_tell(kling: None) -> None:
    assert "no wallet yet" in say(factories.new_account("bob"))


def test_what_cannot_be_meant_is_refused(buyer: Account) -> None:
    factories.give(buyer, 10)

    for wrong in ({"since": "soon"}, {"as_of": "30d"}):
        with pytest.raises(CommandError, match="a date or an instant"):
            say(buyer, **wrong)


def test_a_wallet_that_does_not_stand_still_is_not_told_of(
    ada: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.give(ada, 10)
    told = reasons._told

    def meanwhile(*args: Any) -> Story:  # noqa: ANN401 (as in the original)
        found = told(*args)
        factories.give(ada, 1)
        return found

    monkeypatch.setattr(reasons, "_told", meanwhile)
    with pytest.raises(Unavailable):
        story_of(ada)


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("give"), st.integers(1, 90), st.sampled_from([None, 1, 30, 400])),
        st.tuples(st.just("promise"), st.integers(1, 90), st.integers(1, 300)),
        st.tuples(st.just("hold"), st.integers(1, 60), st.none()),
        st.tuples(st.just("capture"), st.integers(1, 60), st.none()),
        st.tuples(st.just("release"), st.none(), st.none()),
        st.tuples(st.just("owe"), st.integers(1, 40), st.none()),
        st.tuples(st.just("later"), st.integers(1, 200), st.none()),
    ),
    max_size=14,
)


def _do(account: Account, name: str, amount: int, hours: int | None) -> None:
    held = Hold.objects.filter(wallet__account=account, state="open").first()
    match name:
        case "give":
            expires_in = timedelta(hours=hours) if hours else None
            factories.give(account, amount, expires_in=expires_in, source=f"s{amount % 4}")
        case "promise":
            factories.give(account, amount, begins_in=timedelta(hours=hours or 1))
        case "hold":
            factories.hold(account, amount)
        case "capture" if held is not None:
            factories.capture(account, held, min(amount * MICROS, held.amount_micros))
        case "release" if held is not None:
            factories.release(account, held)
        case "owe":
            owe(account, amount)
        case "later":
            factories.later(account, timedelta(hours=amount))


@settings(suppress_health_check=ISOLATION)
@given(operations=OPERATIONS, back=st.integers(0, 400), ahead=st.integers(0, 900))
def test_it_always_adds_up(
    kling: None, operations: list[tuple[str, int, int | None]], back: int, ahead: int
) -> None:
    account = factories.new_account(new_id("ada"))
    factories.settle(account)
    for operation in operations:
        try:
            _do(account, *operation)
        except (InsufficientCredits, InDebt):
            continue
    present = story_of(account)
    now = present.balance.as_of

    for as_of in (None, now - timedelta(hours=back), now + timedelta(hours=ahead)):
        told = story_of(account, as_of=as_of)
        adds_up(told)
        adds_up(story_of(account, as_of=as_of, since=told.balance.as_of - timedelta(hours=back)))
    touched = factories.wallet_of(account).touched_at
    past = min(touched, now - timedelta(hours=back))
    assert story_of(account, as_of=past).sum_micros == replayed(account, past)
