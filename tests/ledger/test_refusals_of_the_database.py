"""The database is the last reviewer: with the code out of the way, it still refuses (rule P)."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from billing.accounts.models import Account
from billing.ledger import store
from billing.ledger.models import Allocation, Entry, Grant, Hold, Wallet
from plans.credits import MICROS
from tests import factories
from tests.ledger.refusing import refused


@pytest.fixture
def held(ada: Account) -> Hold:
    """Ada has 100 credits, 30 of them held."""
    factories.give(ada, 100, expires_in=timedelta(days=1))
    held = factories.hold(ada, 30)
    connection.check_constraints()
    return held


def _run(sql: str, *values: str) -> Callable[[], None]:
    def statement() -> None:
        with connection.cursor() as cursor:
            cursor.execute(sql, values)

    return statement


WALLET_RULES = [
    ("available_micros = -1", "wallet_available_not_negative"),
    ("held_micros = -1", "wallet_held_not_negative"),
    ("available_micros = available_micros + 1", "wallet_is_balanced"),
    ("held_micros = held_micros + 1", "wallet_is_balanced"),
    ("seq = seq - 1", "wallet_keeps_its_owner_and_its_past"),
    ("seq = seq + 1", "wallet_follows_its_entries"),
    ("last_entry_id = ''", "wallet_names_its_last_entry"),
    ("last_entry_id = 'en_unheard_of'", "wallet_follows_its_entries"),
    ("touched_at = touched_at - interval '1 second'", "wallet_keeps_its_owner_and_its_past"),
    ("clock_offset = interval '-1 year'", "wallet_keeps_its_owner_and_its_past"),
    ("is_sandbox = false", "wallet_keeps_its_owner_and_its_past"),
    ("account_id = 'acc_other'", "wallet_keeps_its_owner_and_its_past"),
    ("digest = 'x'", "wallet_is_balanced"),
]


@pytest.mark.parametrize(("change", "rule"), WALLET_RULES)
def test_a_wallet_cannot_say_what_its_entries_do_not(held: Hold, change: str, rule: str) -> None:
    before = Wallet.objects.values().get()

    refused(_run(f"UPDATE billing_wallet SET {change}"), rule)

    assert Wallet.objects.values().get() == before


GRANT_RULES = [
    ("available_micros = available_micros + 1", "grant_is_conserved"),
    ("available_micros = -1, captured_micros = 70000001", "grant_nothing_negative"),
    ("available_micros = available_micros - 1, expired_micros = 1", "wallet_is_balanced"),
    ("available_micros = available_micros - 1, held_micros = held_micros + 1", "wallet_is_bal"),
    ("amount_micros = amount_micros + 1", "grant_keeps_its_terms"),
    ("expires_at = expires_at + interval '1 year'", "grant_keeps_its_terms"),
    ("expires_at = NULL", "grant_keeps_its_terms"),
    ("fact = 'another'", "grant_keeps_its_terms"),
    ("priority = 0", "grant_keeps_its_terms"),
    ("source = 'purchase'", "grant_keeps_its_terms"),
    ('scope = \'{"surface": ["web"]}\'', "grant_keeps_its_terms"),
    ("locked_while = '[\"past_due\"]'", "grant_keeps_its_terms"),
    ("series = 'daily'", "grant_keeps_its_terms"),
    ("pack = 'big'", "grant_keeps_its_terms"),
    ("lasts = 'PT24H'", "grant_keeps_its_terms"),
    ("with_subscription = true", "grant_keeps_its_terms"),
    ("streak_days = 7", "grant_keeps_its_terms"),
    ("paid_micros = 1, paid_currency = 'CNY'", "grant_keeps_its_terms"),
    ("ends_at = effective_at", "grant_keeps_its_terms"),
]


@pytest.mark.parametrize(("change", "rule"), GRANT_RULES)
def test_a_grant_keeps_its_terms_and_its_sum(held: Hold, change: str, rule: str) -> None:
    before = Grant.objects.values().get()

    refused(_run(f"UPDATE billing_grant SET {change}"), rule)

    assert Grant.objects.values().get() == before


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ("ends_at = NULL", "grant_keeps_its_terms"),
        ("ends_at = ends_at + interval '1 microsecond'", "grant_keeps_its_terms"),
        (
            "ends_at = ends_at - interval '1 hour', with_subscription = false",
            "grant_keeps_its_terms",
        ),
    ],
)
def test_the_end_of_a_grant_only_comes_nearer(ada: Account, change: str, rule: str) -> None:
    grant = factories.give(ada, 10, expires_in=timedelta(days=9), with_subscription=True)
    assert grant.expires_at is not None
    Grant.objects.update(ends_at=grant.expires_at - timedelta(days=1))
    Grant.objects.update(ends_at=grant.expires_at - timedelta(days=2))
    before = Grant.objects.values().get()

    refused(_run(f"UPDATE billing_grant SET {change}"), rule)

    assert Grant.objects.values().get() == before


def test_no_end_lies_beyond_the_expiry(ada: Account) -> None:
    grant = factories.give(ada, 10, expires_in=timedelta(days=9), with_subscription=True)
    assert grant.expires_at is not None
    beyond = grant.expires_at + timedelta(seconds=1)

    refused(lambda: Grant.objects.update(ends_at=beyond), "grant_ends_by_its_expiry")

    assert Grant.objects.get().ends_at is None


@pytest.mark.parametrize(
    ("flaws", "rule"),
    [
        ({"paid_micros": 5}, "grant_paid_in_a_currency"),
        ({"paid_currency": "CNY"}, "grant_paid_in_a_currency"),
        ({"paid_micros": -5, "paid_currency": "CNY"}, "grant_paid_in_a_currency"),
        ({"locked_while": ["asleep"]}, "grant_locked_by_known_standing"),
        ({"streak_days": -1}, "grant_streak_not_negative"),
    ],
)
def test_a_grant_with_terms_that_make_no_sense_is_not_written(
    held: Hold, flaws: dict[str, object], rule: str
) -> None:
    facts: dict[str, object] = {
        "wallet": held.wallet,
        "source": "gift",
        "fact": "x",
        "amount_micros": 5,
        "pending_micros": 5,
        "effective_at": held.created_at + timedelta(days=1),
        "created_at": held.created_at,
    }

    refused(lambda: Grant.objects.create(**(facts | flaws)), rule)

    assert Grant.objects.count() == 1


def test_no_hold_takes_from_a_grant_that_ended_with_the_subscription(ada: Account) -> None:
    grant = factories.give(ada, 10, with_subscription=True)
    now = factories.later(ada, timedelta(minutes=1))
    Grant.objects.update(ends_at=now)

    _refused_at(grant, now)


HOLD_RULES = [
    ("amount_micros = amount_micros + 1", "hold_ends_once"),
    ("reference = 'job:another'", "hold_ends_once"),
    (
        "state = 'captured', settled_at = now(), captured_micros = amount_micros + 1",
        "hold_captured_within_amount",
    ),
    ("state = 'captured', settled_at = now()", "hold_state_matches_columns"),
    ("state = 'released'", "hold_state_matches_columns"),
    ("captured_micros = 1", "hold_state_matches_columns"),
    ("amount_micros = 0", "hold_ends_once"),
    ("state = 'released', settled_at = now()", "wallet_is_balanced|hold_adds_up"),
]


@pytest.mark.parametrize(("change", "rule"), HOLD_RULES)
def test_a_hold_cannot_be_bent(held: Hold, change: str, rule: str) -> None:
    before = Hold.objects.values().get()

    refused(_run(f"UPDATE billing_hold SET {change}"), rule)

    assert Hold.objects.values().get() == before


@pytest.mark.parametrize(
    "change",
    [
        "state = 'released', captured_micros = 0",
        "captured_micros = captured_micros - 1",
        "settled_at = settled_at + interval '1 second'",
    ],
)
def test_a_hold_that_has_ended_stays_as_it_ended(ada: Account, held: Hold, change: str) -> None:
    factories.capture(ada, held, 20 * MICROS)

    refused(_run(f"UPDATE billing_hold SET {change}"), "hold_ends_once")

    assert Hold.objects.get().captured_micros == 20 * MICROS


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("UPDATE billing_entry SET amount_micros = amount_micros", "entry_is_append_only"),
        ("UPDATE billing_entry SET request_id = 'x'", "entry_is_append_only"),
        ("DELETE FROM billing_entry", "entry_is_append_only"),
        ("TRUNCATE billing_entry", "entry_is_never_emptied"),
        ("TRUNCATE billing_wallet CASCADE", "is_never_emptied"),
        ("TRUNCATE billing_allocation", "allocation_is_never_emptied"),
        ("UPDATE billing_allocation SET amount_micros = 1", "allocation_is_append_only"),
        ("DELETE FROM billing_allocation", "allocation_is_append_only"),
        ("DELETE FROM billing_hold", "hold_is_never_deleted"),
        ("DELETE FROM billing_grant", "grant_is_never_deleted"),
        ("DELETE FROM billing_wallet", "wallet_is_never_deleted"),
    ],
)
def test_what_was_written_is_never_unwritten(held: Hold, statement: str, rule: str) -> None:
    refused(_run(statement), rule)

    assert Entry.objects.count() == 2


@pytest.mark.parametrize(
    ("micros_from_expiry", "is_refused"), [(-1, False), (0, True), (1, True), (10**7, True)]
)
def test_no_hold_takes_from_a_grant_at_or_after_its_expiry(
    ada: Account, micros_from_expiry: int, *, is_refused: bool
) -> None:
    grant = factories.give(ada, 10, expires_in=timedelta(hours=1))
    # The clock stands a moment after the expiry; the wallet has not been settled since.
    Wallet.objects.update(clock_offset=timedelta(hours=1, seconds=20))
    wallet = factories.wallet_of(ada)
    assert grant.expires_at is not None
    instant = grant.expires_at + timedelta(microseconds=micros_from_expiry)
    held = Hold(wallet=wallet, reference="x", amount_micros=5, created_at=instant)
    allocation = Allocation(
        hold=held, grant=grant, wallet=wallet, position=0, amount_micros=5, created_at=instant
    )

    with transaction.atomic():
        held.save()
        if is_refused:
            refused(allocation.save, "allocation_takes_live_credit")
        else:
            allocation.save()
        transaction.set_rollback(True)


def test_no_hold_takes_expired_credit_by_pretending_that_it_is_earlier(ada: Account) -> None:
    grant = factories.give(ada, 10, expires_in=timedelta(hours=1))
    factories.later(ada, timedelta(hours=2))

    _refused_at(grant, grant.created_at + timedelta(minutes=1))


def test_a_hold_is_allocated_in_full_or_not_at_all(held: Hold) -> None:
    wallet = held.wallet

    refused(
        lambda: Hold.objects.create(
            wallet=wallet, reference="x", amount_micros=5, created_at=held.created_at
        ),
        "hold_adds_up|wallet_is_balanced",
    )

    assert Hold.objects.count() == 1


def test_one_job_has_one_hold(ada: Account, held: Hold) -> None:
    with pytest.raises(DatabaseError, match="hold_reference_once"), transaction.atomic():
        factories.hold(ada, 1, reference=held.reference)

    assert Hold.objects.count() == 1


def test_a_grant_has_one_fact(ada: Account) -> None:
    first = factories.give(ada, 5, fact="payment:1")

    again = factories.give(ada, 5, fact="payment:1")

    assert again == first
    refused(
        lambda: Grant.objects.create(
            wallet=first.wallet,
            source="purchase",
            fact="payment:1",
            amount_micros=5,
            pending_micros=5,
            effective_at=first.effective_at,
            created_at=first.created_at,
        ),
        "grant_fact_once",
    )


def test_an_allocation_cannot_be_dated_ahead(ada: Account) -> None:
    grant = factories.give(ada, 10, begins_in=timedelta(hours=1))

    _refused_at(grant, grant.effective_at + timedelta(minutes=1))


def test_a_hold_cannot_end_without_entries_that_say_so(held: Hold) -> None:
    """A video for nothing: hold, allocation and end in one transaction, and no credit moves."""
    wallet, grant = held.wallet, Grant.objects.get()
    now = held.created_at

    def for_nothing() -> None:
        free = Hold.objects.create(wallet=wallet, reference="y", amount_micros=5, created_at=now)
        Allocation.objects.create(
            hold=free, grant=grant, wallet=wallet, position=0, amount_micros=5, created_at=now
        )
        Hold.objects.filter(pk=free.pk).update(state="captured", captured_micros=5, settled_at=now)

    refused(for_nothing, "hold_adds_up")

    assert Hold.objects.count() == 1


def test_a_hold_cannot_say_captured_where_its_entries_say_released(
    ada: Account, held: Hold, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = store.write

    def lying(locked: store.LockedWallet) -> None:
        for one in locked.resolved:
            one.state, one.captured_micros = "captured", one.amount_micros
        write(locked)

    monkeypatch.setattr(store, "write", lying)

    refused(lambda: factories.release(ada, held), "hold_adds_up")

    assert Hold.objects.get().state == "open"


def test_an_open_hold_takes_no_more_than_it_took(held: Hold) -> None:
    refused(
        lambda: Allocation.objects.create(
            hold=held,
            grant=Grant.objects.get(),
            wallet=held.wallet,
            position=1,
            amount_micros=5,
            created_at=held.created_at,
        ),
        "hold_adds_up",
    )


def test_a_grant_changed_behind_the_wallet_is_seen_even_after_an_honest_move(
    ada: Account, held: Hold
) -> None:
    """The sums are taken once a transaction; what comes after they were taken is looked at anew."""
    factories.give(ada, 5)
    connection.check_constraints()

    refused(
        _run(
            "UPDATE billing_grant SET available_micros = available_micros - 1, expired_micros = 1"
            " WHERE available_micros > 1 AND held_micros = 0"
        ),
        "wallet_is_balanced",
    )


def _refused_at(grant: Grant, instant: datetime) -> None:
    """Assert that no hold that calls itself made at `instant` takes from `grant`."""
    with transaction.atomic():
        held = Hold.objects.create(
            wallet=grant.wallet, reference="x", amount_micros=5, created_at=instant
        )
        allocation = Allocation(
            hold=held,
            grant=grant,
            wallet=grant.wallet,
            position=0,
            amount_micros=5,
            created_at=instant,
        )
        refused(allocation.save, "allocation_takes_live_credit")
        transaction.set_rollback(True)
