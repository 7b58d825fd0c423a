"""What somebody with every right could do to a row, and which row the audit must name for it."""

from dataclasses import dataclass
from typing import Final

from django.db import connection

from billing.accounts.models import Account

# How a row of each table belongs to an account.
_WALLET: Final = "wallet_id = (SELECT id FROM billing_wallet WHERE account_id = '{account}')"
_OWNERS: Final = {
    "wallet": "account_id = '{account}'",
    "job": "account_id = '{account}'",
    "campaigngrant": "account_id = '{account}'",
    "packpurchase": "account_id = '{account}'",
    "attempt": "job_id IN (SELECT id FROM billing_job WHERE account_id = '{account}')",
    "redemption": "account_id = '{account}'",
    "redemptioncode": (
        "id IN (SELECT code_id FROM billing_redemption WHERE account_id = '{account}')"
    ),
}
_DELETE: Final = "DELETE"
# Rows whose ids are numbers are named with their table.
NUMBERED: Final = ("allocation", "counteduse", "campaignbudget")


@dataclass(frozen=True, slots=True)
class Kind:
    """One thing that can be done to a row of `table`.

    Attributes:
        change: what an UPDATE sets, or DELETE.
        where: which rows it makes sense for.
        named: SQL for the row that the audit names, of the changed row t; empty: that row.
    """

    table: str
    change: str
    where: str = "true"
    named: str = ""

    def __str__(self) -> str:
        return f"{self.table}: {self.change} where {self.where}"


@dataclass(frozen=True, slots=True)
class Place:
    """A row that was changed, and the row by which the audit must tell."""

    account: Account
    kind: Kind
    row: str
    named: str


def rows_of(kind: Kind, account: Account) -> list[str]:
    """Return the account's rows for which the kind makes sense, in a fixed order."""
    owner = _OWNERS.get(kind.table, _WALLET).format(account=account.pk)
    order = "seq" if kind.table == "entry" else "id"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id::text FROM billing_{kind.table} AS t"
            f" WHERE {owner} AND ({kind.where}) ORDER BY {order}"
        )
        return [row for (row,) in cursor.fetchall()]


def change(kind: Kind, account: Account, number: int) -> Place:
    """Change one of the account's rows, the `number`th of those it makes sense for."""
    rows = rows_of(kind, account)
    assert rows, f"no row for: {kind}"
    row = rows[number % len(rows)]
    itself = f"'{kind.table} ' || t.id" if kind.table in NUMBERED else "t.id"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT ({kind.named or itself})::text FROM billing_{kind.table} AS t"
            " WHERE t.id::text = %s",
            [row],
        )
        (named,) = cursor.fetchone()
        assert named, f"nothing is named for: {kind}"
        cursor.execute(
            f"DELETE FROM billing_{kind.table} WHERE id::text = %s"
            if kind.change == _DELETE
            else f"UPDATE billing_{kind.table} AS t SET {kind.change} WHERE id::text = %s",
            [row],
        )
        assert cursor.rowcount == 1
    return Place(account, kind, row, named)


def forget_the_rules() -> None:
    """Let this transaction write whatever it likes: no trigger, no CHECK, no unique key."""
    connection.check_constraints()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conrelid::regclass::text, conname FROM pg_constraint"
            " WHERE conrelid::regclass::text LIKE 'billing_%' AND contype IN ('c', 'u')"
            " AND coninhcount = 0"
        )
        for table, name in cursor.fetchall():
            cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}" CASCADE')
        # Unique keys without a constraint: those with a condition, and those of a partition.
        cursor.execute(
            "SELECT indexrelid::regclass::text FROM pg_index"
            " WHERE indrelid::regclass::text LIKE 'billing_%' AND indisunique"
            " AND NOT indisprimary"
        )
        for (name,) in cursor.fetchall():
            cursor.execute(f"DROP INDEX {name}")
        cursor.execute("SET LOCAL session_replication_role = replica")


_OTHER_WALLET: Final = "(SELECT min(id) FROM billing_wallet AS o WHERE o.id <> t.wallet_id)"
_LAST_HOLD: Final = (
    "(SELECT max(id) FROM billing_hold AS o WHERE o.wallet_id = t.wallet_id AND o.id <> t.id)"
)
_COSTS: Final = "amount_micros > 0"  # of what costs nothing only the job can tell

WALLETS: Final = (
    Kind("wallet", "available_micros = available_micros + 1"),
    Kind("wallet", "available_micros = available_micros - 1000000"),
    Kind("wallet", "available_micros = -1"),
    Kind("wallet", "held_micros = held_micros + 1"),
    Kind("wallet", "held_micros = 0"),
    Kind("wallet", "debt_micros = debt_micros + 1"),
    Kind("wallet", "debt_micros = 0"),
    Kind("wallet", "timed_holds = timed_holds + 1"),
    Kind("wallet", "timed_holds = 0"),
    Kind("wallet", "seq = seq + 1"),
    Kind("wallet", "seq = seq - 1"),
    Kind("wallet", "digest = decode(repeat('00', 32), 'hex')"),
    Kind("wallet", "touched_at = touched_at - interval '1 day'"),
    Kind("wallet", "due_at = NULL"),
    Kind("wallet", "due_at = due_at + interval '100 days'"),
    Kind("wallet", "is_sandbox = false"),
)
GRANTS: Final = (
    *(
        Kind("grant", f"{bucket}_micros = {bucket}_micros + 1")
        for bucket in (
            *("pending", "available", "held", "captured", "expired", "revoked", "transferred"),
        )
    ),
    Kind("grant", "amount_micros = amount_micros + 1000000"),
    Kind("grant", "amount_micros = amount_micros - 1"),
    Kind(
        "grant",
        "available_micros = available_micros - 1, captured_micros = captured_micros + 1",
        "available_micros > 0",
    ),
    Kind(
        "grant",
        "expired_micros = 0, available_micros = available_micros + expired_micros",
        "expired_micros > 0",
    ),
    Kind(
        "grant",
        "captured_micros = 0, available_micros = available_micros + captured_micros",
        "captured_micros > 0",
    ),
    Kind("grant", "pending_micros = 0, available_micros = pending_micros", "pending_micros > 0"),
    Kind("grant", f"wallet_id = {_OTHER_WALLET}", "available_micros > 0", "t.wallet_id"),
    Kind(
        "grant",
        "expires_at = effective_at + interval '1 microsecond'",
        "EXISTS (SELECT 1 FROM billing_allocation a WHERE a.grant_id = t.id)",
        "(SELECT 'allocation ' || min(a.id) FROM billing_allocation a WHERE a.grant_id = t.id)",
    ),
    Kind(
        "grant",
        "effective_at = effective_at + interval '100 days'",
        "EXISTS (SELECT 1 FROM billing_allocation a WHERE a.grant_id = t.id)",
        "(SELECT 'allocation ' || min(a.id) FROM billing_allocation a WHERE a.grant_id = t.id)",
    ),
    Kind("grant", "expires_at = expires_at + interval '1 year'", "expired_micros > 0"),
    Kind("grant", "DELETE", "available_micros > 0", "t.wallet_id"),
    Kind(
        "grant",
        "DELETE",
        "captured_micros = amount_micros",
        "(SELECT min(e.id) FROM billing_entry e WHERE e.grant_id = t.id)",
    ),
)
HOLDS: Final = (
    Kind(
        "hold",
        "state = 'released', settled_at = created_at",
        "state = 'open' AND amount_micros = 0",
        "split_part(t.reference, ':', 2)",
    ),
    Kind("hold", "state = 'released', settled_at = created_at", f"state = 'open' AND {_COSTS}"),
    Kind(
        "hold",
        "state = 'captured', settled_at = created_at, captured_micros = amount_micros",
        "state = 'open' AND amount_micros > 0",
    ),
    Kind("hold", "state = 'expired', settled_at = created_at", f"state = 'open' AND {_COSTS}"),
    Kind(
        "hold",
        "state = 'open', settled_at = NULL, captured_micros = 0",
        f"state = 'captured' AND {_COSTS}",
    ),
    Kind("hold", "state = 'open', settled_at = NULL", f"state = 'released' AND {_COSTS}"),
    Kind("hold", "state = 'open', settled_at = NULL", "state = 'expired'"),
    Kind("hold", "state = 'released', captured_micros = 0", "captured_micros > 0"),
    Kind("hold", "amount_micros = amount_micros + 1"),
    Kind("hold", "amount_micros = amount_micros - 1", "amount_micros > 0"),
    Kind("hold", "captured_micros = captured_micros - 1", "captured_micros > 0"),
    Kind("hold", "captured_micros = captured_micros + 1"),
    Kind("hold", "settled_at = NULL", "state <> 'open'"),
    Kind(
        "hold",
        "reference = 'test:nothing'",
        "reference LIKE 'job:%'",
        "split_part(t.reference, ':', 2)",
    ),
    Kind("hold", "reference = 'job:nothing'", "reference LIKE 'test:%'"),
    Kind("hold", "expires_at = NULL", "state = 'open' AND expires_at IS NOT NULL", "t.wallet_id"),
    Kind(
        "hold",
        "expires_at = created_at + interval '1 second'",
        "state = 'open' AND expires_at IS NOT NULL",
        "t.wallet_id",
    ),
    Kind("hold", "DELETE", "state = 'open' AND reference LIKE 'test:%'", "t.wallet_id"),
    Kind(
        "hold",
        "DELETE",
        "state = 'captured' AND reference LIKE 'test:%'",
        "(SELECT min(e.id) FROM billing_entry e WHERE e.hold_id = t.id)",
    ),
)
ALLOCATIONS: Final = (
    Kind("allocation", "amount_micros = amount_micros + 1", named="t.hold_id"),
    Kind("allocation", "amount_micros = amount_micros - 1", named="t.hold_id"),
    Kind(
        "allocation",
        "created_at = created_at + interval '1 year'",
        "(SELECT g.expires_at FROM billing_grant g WHERE g.id = t.grant_id) IS NOT NULL",
    ),
    Kind("allocation", "created_at = created_at - interval '1 year'"),
    Kind(
        "allocation",
        "grant_id = (SELECT max(g.id) FROM billing_grant g"
        " WHERE g.wallet_id = t.wallet_id AND g.id <> t.grant_id)",
        named="t.hold_id",
    ),
    Kind("allocation", f"wallet_id = {_OTHER_WALLET}", named="t.hold_id"),
    Kind("allocation", "DELETE", named="t.hold_id"),
)
ENTRIES: Final = (
    Kind("entry", "amount_micros = amount_micros + 1"),
    Kind("entry", "amount_micros = -amount_micros"),
    Kind("entry", "available_after_micros = available_after_micros + 1"),
    Kind("entry", "held_after_micros = held_after_micros + 1"),
    Kind("entry", "kind = 'expire', target = 'expired'", "kind = 'capture'"),
    Kind("entry", "target = 'available'", "kind = 'capture'"),
    Kind("entry", "kind = 'gift'"),
    Kind("entry", "cause_id = 'another'"),
    Kind("entry", "cause_type = 'whim'"),
    Kind("entry", "cause_type = ''"),
    Kind("entry", "actor_id = 'another'"),
    Kind("entry", "actor_id = ''"),
    Kind("entry", "effective_at = effective_at - interval '1 day'"),
    Kind("entry", "effective_at = effective_at + interval '1 second'"),
    Kind("entry", "digest = decode(repeat('11', 32), 'hex')"),
    Kind(
        "entry",
        "grant_id = (SELECT max(g.id) FROM billing_grant g"
        " WHERE g.wallet_id = t.wallet_id AND g.id <> t.grant_id)",
    ),
    Kind("entry", f"hold_id = {_LAST_HOLD}", "hold_id IS NOT NULL"),
    Kind("entry", f"wallet_id = {_OTHER_WALLET}", named="t.wallet_id"),
    Kind("entry", "seq = seq + 1000000", named="t.wallet_id"),
    Kind("entry", "DELETE", named="t.wallet_id"),
    Kind("entry", "DELETE", "kind = 'capture'", "t.hold_id"),
    Kind("entry", "DELETE", "kind = 'grant'", "t.grant_id"),
    Kind("entry", "DELETE", "kind = 'repay'", "t.cause_id"),
)
DEBTS: Final = (
    Kind("debt", "amount_micros = amount_micros + 1", named="t.wallet_id"),
    Kind("debt", "paid_micros = paid_micros + 1"),
    Kind("debt", "paid_micros = amount_micros, paid_at = created_at", "paid_at IS NULL"),
    Kind("debt", "paid_at = NULL", "paid_at IS NOT NULL"),
    Kind("debt", f"wallet_id = {_OTHER_WALLET}", named="t.wallet_id", where="paid_at IS NULL"),
    Kind("debt", "DELETE", "paid_at IS NULL", "t.wallet_id"),
    Kind(
        "debt",
        "DELETE",
        "paid_at IS NOT NULL",
        "(SELECT min(e.id) FROM billing_entry e WHERE e.cause_id = t.id)",
    ),
)
UNITS: Final = (
    Kind("counteduse", "units_micros = units_micros / 2", named="split_part(t.reference, ':', 2)"),
    Kind("counteduse", "kept_micros = 0, settled_at = created_at", "kept_micros IS NULL"),
    Kind("counteduse", "DELETE", named="split_part(t.reference, ':', 2)"),
    Kind("counteduse", f"wallet_id = {_OTHER_WALLET}"),
)
JOBS: Final = (
    Kind("job", "charged_micros = charged_micros + 1", "charged_micros IS NOT NULL"),
    Kind("job", "charged_micros = 0", "status = 'succeeded' AND charged_micros > 0"),
    Kind("job", "charged_micros = NULL", "charged_micros IS NOT NULL"),
    Kind("job", "overrun_micros = overrun_micros + 1", "charged_micros IS NOT NULL"),
    Kind("job", "quoted_micros = quoted_micros + 1000000"),
    Kind("job", "quoted_micros = -1"),
    Kind("job", "max_micros = 1", "quoted_micros > 1"),
    Kind(
        "job",
        "status = 'canceled', finished_at = created_at, charged_micros = 0",
        "finished_at IS NULL",
    ),
    Kind(
        "job",
        "status = 'queued', finished_at = NULL, charged_micros = NULL",
        "finished_at IS NOT NULL",
    ),
    Kind("job", "finished_at = NULL", "finished_at IS NOT NULL"),
    Kind(
        "job",
        "hold_id = (SELECT max(h.id) FROM billing_hold h"
        " WHERE h.wallet_id = t.wallet_id AND h.id <> t.hold_id)",
    ),
    Kind("job", f"wallet_id = {_OTHER_WALLET}"),
    Kind(
        "job", "account_id = (SELECT min(a.id) FROM billing_account a WHERE a.id <> t.account_id)"
    ),
    Kind("job", "DELETE", named="t.hold_id"),
    Kind("attempt", "state = 'accepted', ended_at = NULL", "state = 'ended'"),
)
OFFERS: Final = (
    Kind("campaigngrant", "amount_micros = amount_micros + 1"),
    Kind("campaigngrant", "DELETE", named="'campaignbudget ' || t.budget_id"),
    Kind(
        "campaigngrant",
        "grant_id = (SELECT max(g.id) FROM billing_grant g WHERE g.id <> t.grant_id"
        " AND g.amount_micros <> t.amount_micros)",
    ),
    Kind("redemptioncode", "used = 0"),
    Kind("redemptioncode", "uses_max = 0"),
    Kind("redemption", "DELETE", named="t.code_id"),
    Kind("packpurchase", "credits_micros = credits_micros + 1"),
    Kind("packpurchase", "grant_id = NULL"),
    Kind(
        "packpurchase",
        "account_id = (SELECT min(a.id) FROM billing_account a WHERE a.id <> t.account_id)",
    ),
)
KINDS: Final = (*WALLETS, *GRANTS, *HOLDS, *ALLOCATIONS, *ENTRIES, *DEBTS, *UNITS, *JOBS, *OFFERS)
