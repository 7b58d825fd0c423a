"""Makes the rows of many accounts by SQL alone: such as services leave behind, and much faster.

No trigger looks at them, and indexes are made when all rows are there. So a superuser has to do
it, in a database that is thrown away; that the rows are sound is for the audit to say.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection
from django.db.models import Model

from billing.accounts.models import Account
from billing.ids import ALPHABET, TIME_DIGITS
from billing.insights.bench.lives import (
    ENTRIES,
    GIVEN_MICROS,
    GOODWILL_MICROS,
    HELD_MICROS,
    JOBS,
    KEYS,
    SPENT_MICROS,
    chained,
    entry_key,
    grant_key,
    key,
    life,
)
from billing.jobs.models import Attempt, Job, Output
from billing.ledger.journal import PATHS
from billing.ledger.models import Allocation, Entry, Grant, Hold, Wallet
from billing.outbox.models import Message
from billing.payments.models import Customer, Purchase, StripeEvent
from billing.subscriptions.models import Subscription
from billing.webhooks.models import Event, EventCounter
from plans import selectors as plans

NAME: Final = "account-{:08d}"
ACCOUNT_BYTES: Final = 25_000  # with its ten entries and three jobs, indexes and what writes them
_SPAN: Final = timedelta(days=730)
_BATCH: Final = 20_000  # accounts
_FAILS_EACH: Final = 20  # of so many accounts the jobs of one fail
_PAYS_EACH: Final = 10  # of so many accounts one has bought something
TABLES: Final[tuple[type[Model], ...]] = (
    *(Account, Wallet, Grant, Hold, Allocation, Entry, Job, Attempt, Output, Message),
    *(Event, EventCounter, Customer, Purchase, StripeEvent, Subscription),
)
# Made once a table, of all its rows, instead of row by row; keys come in their order.
_INDEXES: Final = """
    SELECT i.indrelid::regclass::text, i.indexrelid::regclass::text, c.conname,
           pg_get_constraintdef(c.oid), replace(pg_get_indexdef(i.indexrelid), ' ON ONLY ', ' ON ')
    FROM pg_index AS i LEFT JOIN pg_constraint AS c ON c.conindid = i.indexrelid AND c.contype = 'u'
    WHERE i.indrelid = ANY(%s::regclass[]) AND NOT i.indisprimary AND NOT EXISTS (
        SELECT 1 FROM pg_constraint AS f WHERE f.conindid = i.indexrelid AND f.contype = 'f')
"""
# Each account's instant, to the millisecond as ids tell it, and the digits of that.
_ACCOUNTS: Final = """
    SELECT a, at, fails, {digits} AS t
    FROM (SELECT a, at, fails, (extract(epoch FROM at) * 1000)::bigint AS ms
          FROM (SELECT a, a %% {fails} = 0 AS fails,
                       date_trunc('milliseconds', %(since)s + %(step)s * a) AS at
                FROM generate_series(%(first)s, %(last)s) AS a) AS told) AS timed OFFSET 0
"""
_DIGIT: Final = "substr('{}', ((ms >> {}) & 31)::int + 1, 1)"


def fill(*, accounts: int, now: datetime) -> None:
    """Make so many accounts, spread evenly over two years up to `now`, in order of time.

    It is for a database that is thrown away: it looks at no rule and drops indexes meanwhile.
    """
    name = str(connection.settings_dict["NAME"])
    assert name.endswith("_bench") or name.startswith("test_"), name
    given = {"since": now - _SPAN, "step": _SPAN / accounts, "catalog": plans.current().version_id}
    with connection.cursor() as cursor, _past_all_checks(cursor):
        cursor.execute(
            "SELECT billing_make_partition(month::date) FROM generate_series("
            "date_trunc('month', %(since)s AT TIME ZONE 'UTC'), %(now)s AT TIME ZONE 'UTC',"
            " '1 month') AS month",
            {"since": now - _SPAN, "now": now},
        )
        with _without_indexes(cursor):
            for first in range(0, accounts, _BATCH):
                last = min(accounts, first + _BATCH) - 1
                _make(cursor, given | {"first": first, "last": last})
        cursor.execute("VACUUM ANALYZE")


@contextmanager
def _past_all_checks(cursor: Any) -> Iterator[None]:  # noqa: ANN401 (Django's cursor has no public type)
    """Have no trigger look at what is written, and nothing wait for the disk."""
    settings = {
        "session_replication_role": "replica",
        "synchronous_commit": "off",
        "maintenance_work_mem": "512MB",
        "jit": "off",
        "statement_timeout": "0",
    }
    for name, value in settings.items():
        cursor.execute(f"SET {name} = '{value}'")
    try:
        yield
    finally:
        for name in settings:
            cursor.execute(f"RESET {name}")


@contextmanager
def _without_indexes(cursor: Any) -> Iterator[None]:  # noqa: ANN401 (as above)
    """Take the tables' indexes away until the block ends; what names rows stays."""
    cursor.execute(_INDEXES, [[model._meta.db_table for model in TABLES]])  # noqa: SLF001 (Django's own)
    indexes = cursor.fetchall()
    for table, index, constraint, _unique, _definition in indexes:
        dropped = f"ALTER TABLE {table} DROP CONSTRAINT {constraint}"
        cursor.execute(dropped if constraint else f"DROP INDEX {index}")
    try:
        yield
    finally:
        for table, _index, constraint, unique, definition in indexes:
            added = f"ALTER TABLE {table} ADD CONSTRAINT {constraint} {unique}"
            cursor.execute(added if constraint else definition)


def _make(cursor: Any, given: Mapping[str, object]) -> None:  # noqa: ANN401 (as above)
    """Make the accounts from `first` to `last` with all that is theirs."""
    digits = " || ".join(
        _DIGIT.format(ALPHABET, 5 * place) for place in reversed(range(TIME_DIGITS))
    )
    told = _ACCOUNTS.format(digits=digits, fails=_FAILS_EACH)
    cursor.execute("DROP TABLE IF EXISTS bench_life")
    cursor.execute(f"CREATE TEMPORARY TABLE bench_life AS {chained(told)}", given)
    for model, columns, source in _tables():
        _insert(cursor, model, columns, source, given)
    cursor.execute("DROP TABLE bench_life")


def _tables() -> Iterator[tuple[type[Model], Mapping[str, str], str]]:
    """Yield each table's columns as SQL, and from which rows: `a` counts accounts, `j` jobs."""
    each, jobs = "bench_life", f"bench_life, generate_series(1, {JOBS}) AS j"
    buyers = f"bench_life WHERE a %% {_PAYS_EACH} = 0"
    when = {"created_at": "at"}
    wallet, hold, job = (KEYS[name] for name in ("wallet", "hold", "job"))
    owner = {"account_id": KEYS["account"], **when}
    yield Account, {"id": KEYS["account"], "external_id": _NAME, "zone": "'UTC'", **when}, each
    yield Wallet, {"id": wallet, **_WALLET, **owner}, each
    yield Grant, {"wallet_id": wallet, **_GRANT, **when}, f"bench_life JOIN {_GRANTS} USING (fails)"
    yield Hold, {"id": hold, "wallet_id": wallet, "reference": f"'job:' || {job}", **_HOLD}, jobs
    took = {"hold_id": hold, "grant_id": grant_key(0), "wallet_id": wallet, "position": "0"}
    yield Allocation, {**took, "amount_micros": f"{HELD_MICROS}", **when}, jobs
    entry = {"wallet_id": wallet, **_ENTRY, **when}
    yield Entry, entry, f"bench_life JOIN {_steps()} USING (fails)"
    yield Job, {"id": job, "wallet_id": wallet, "hold_id": hold, **_JOB, **owner}, jobs
    yield Attempt, {"id": KEYS["attempt"], "job_id": job, **_TRY, **when}, jobs
    yield Output, {"id": _of_job("out"), "job_id": job, **_FILM, **when}, f"{jobs} WHERE NOT fails"
    yield Message, {"id": _of_job("msg"), **_ERRAND, **when}, jobs
    yield Event, {"id": _of_job("evt"), **_EVENT, **owner}, jobs
    yield EventCounter, {"account_id": KEYS["account"], "last_sequence": f"{JOBS}"}, each
    yield Customer, {"id": key("cu", "a"), **_CUSTOMER, **owner}, each
    bought = {"id": key("pu", "a"), "account_id": KEYS["account"], **_PURCHASE}
    yield Purchase, bought, buyers
    yield StripeEvent, {**_TOLD, **when}, buyers
    plan = {"id": key("sub", "a"), "account_id": KEYS["account"], **_PLAN}
    yield Subscription, plan, each


def _of_job(prefix: str) -> str:
    return key(prefix, f"a * {JOBS} + j")


def _steps() -> str:
    """Return SQL of all steps of both lives, as rows."""
    rows = [
        (
            *(str(fails), str(seq), f"'{step.kind}'"),
            *(f"'{bucket}'" for bucket in PATHS[step.kind]),
            *(str(step.micros), str(step.grant), str(step.job)),
            *(str(step.available_micros), str(step.held_micros)),
        )
        for fails in (False, True)
        for seq, step in enumerate(life(fails=fails), 1)
    ]
    values = ", ".join(f"({', '.join(row)})" for row in rows)
    return f"(VALUES {values}) AS s(fails, n, kind, source, target, micros, g, j, free, held)"


_NAME: Final = "'account-' || lpad(a::text, 8, '0')"
_LEFT: Final = {fails: life(fails=fails)[-1].available_micros for fails in (False, True)}
_CHARGED: Final = f"CASE WHEN fails THEN 0 ELSE {SPENT_MICROS} END"
_REQUEST: Final = f"'bench-' || a * {JOBS} + j"
_WALLET: Final = {
    "available_micros": f"CASE WHEN fails THEN {_LEFT[True]} ELSE {_LEFT[False]} END",
    "seq": f"{ENTRIES}",
    "last_entry_id": entry_key(ENTRIES),
    "digest": f"digests[{ENTRIES}]",
    "touched_at": "at",
}
_SPENT: Final = JOBS * SPENT_MICROS
_GRANTS: Final = (
    f"(VALUES (false, 0, {GIVEN_MICROS}, {_SPENT}), (true, 0, {GIVEN_MICROS}, 0), "
    + ", ".join(f"(true, {place}, {GOODWILL_MICROS}, 0)" for place in range(1, JOBS + 1))
    + ") AS given(fails, g, micros, spent)"
)
_GRANT: Final = {
    "id": grant_key("g"),
    "source": "'goodwill'",
    "fact": "'bench:' || g",
    "priority": "100",
    "amount_micros": "micros",
    "available_micros": "micros - spent",
    "captured_micros": "spent",
    "effective_at": "at",
}
_HOLD: Final = {
    "state": "CASE WHEN fails THEN 'released' ELSE 'captured' END",
    "amount_micros": f"{HELD_MICROS}",
    "captured_micros": _CHARGED,
    "created_at": "at",
    "settled_at": "at",
}
_ENTRY: Final = {
    "id": entry_key("n"),
    "previous_id": f"CASE n WHEN 1 THEN '' ELSE {entry_key('n - 1')} END",
    "seq": "n",
    "kind": "kind",
    "source": "source",
    "target": "target",
    "amount_micros": "micros",
    "grant_id": grant_key("g"),
    "hold_id": f"CASE j WHEN 0 THEN NULL ELSE {KEYS['hold']} END",
    "available_after_micros": "free",
    "held_after_micros": "held",
    "cause_type": "CASE j WHEN 0 THEN 'operator' ELSE 'job' END",
    "cause_id": f"CASE j WHEN 0 THEN 'bench' ELSE {KEYS['job']} END",
    "actor_type": "'system'",
    "actor_id": "'bench'",
    "request_id": f"CASE j WHEN 0 THEN '' ELSE {_REQUEST} END",
    "effective_at": "at",
    "digest": "digests[n]",
}
_JOB: Final = {
    "catalog_version_id": "%(catalog)s",
    "plan": "'free'",
    "status": "CASE WHEN fails THEN 'failed' ELSE 'succeeded' END",
    "failure_class": "CASE WHEN fails THEN 'backend_error' ELSE '' END",
    "model": "'kling-v1-6'",
    "dimensions": "'{}'",
    "price_lines": "'[]'",
    "quoted_micros": f"{HELD_MICROS}",
    "max_micros": f"{HELD_MICROS}",
    "charged_micros": _CHARGED,
    "outputs_made": "CASE WHEN fails THEN NULL ELSE 1 END",
    "chain_seconds": "5",
    "dispatch_at": "at",
    "dispatch_by": "at",
    "ordered_at": "at",
    "rated_at": "at",
    "started_at": "at",
    "finished_at": "at",
}
_TRY: Final = {
    "number": "1",
    "backend": "'bench'",
    "state": "'ended'",
    "outcome": "CASE WHEN fails THEN 'failed' ELSE 'succeeded' END",
    "provider_id": f"'task-' || a * {JOBS} + j",
    "lease_until": "at",
    "check_at": "at",
    "ended_at": "at",
}
_FILM: Final = {
    "position": "0",
    "path": f"'bench/' || a * {JOBS} + j || '.mp4'",
    "mime": "'video/mp4'",
    "bytes": "1000000",
    "sha256": "repeat('0', 64)",
}
_ERRAND: Final = {
    "task": "'webhooks.deliver'",
    "arguments": "'{}'",
    "queue": "'deliver'",
    "request_id": _REQUEST,
    "rings": "1",
    "runs": "1",
    "done_at": "at",
}
_EVENT: Final = {
    "sequence": "j",
    "type": "CASE WHEN fails THEN 'job.failed' ELSE 'job.succeeded' END",
    "payload": "'{}'",
}
_CUSTOMER: Final = {"stripe_id": "'cus_bench' || a", "email": f"{_NAME} || '@example.com'"}
_PURCHASE: Final = {
    "kind": "'pack'",
    "fact": "'bench:' || a",
    "stripe_id": "'pi_bench' || a",
    "currency": "'USD'",
    "amount_micros": f"{GIVEN_MICROS}",
    "paid_at": "at",
    "recorded_at": "at",
}
_TOLD: Final = {
    "id": "'evt_bench' || a",
    "type": "'payment_intent.succeeded'",
    "object_type": "'payment_intent'",
    "object_id": "'pi_bench' || a",
    "is_live": "true",
    "via": "'webhook'",
    "raw": "'{}'",
    "received_at": "at",
    "applied_at": "at",
}
_PLAN: Final = {
    "catalog_version_id": "%(catalog)s",
    "terms_version_id": "%(catalog)s",
    "plan": "'free'",
    "started_at": "at",
}


def _insert(
    cursor: Any,  # noqa: ANN401 (Django's cursor has no public type)
    model: type[Model],
    columns: Mapping[str, str],
    source: str,
    given: Mapping[str, object],
) -> None:
    """Insert a row for each of `source`; what is not said is as the model begins."""
    said, filled = dict(columns), dict(given)
    assert not filled.keys() & {field.attname for field in model._meta.concrete_fields}  # noqa: SLF001 (Django's own)
    for field in model._meta.concrete_fields:  # noqa: SLF001 (Django's own)
        if field.attname not in said and not field.null and not field.primary_key:
            said[field.attname] = f"%({field.attname})s"
            filled[field.attname] = field.get_db_prep_save(field.get_default(), connection)
    names = ", ".join(f'"{model._meta.get_field(name).column}"' for name in said)  # type: ignore[union-attr]  # noqa: SLF001 (as above)
    table = model._meta.db_table  # noqa: SLF001 (as above)
    cursor.execute(
        f"INSERT INTO {table} ({names}) SELECT {', '.join(said.values())} FROM {source}",  # noqa: S608 (SQL of our own pieces)
        filled,
    )
