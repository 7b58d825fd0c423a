"""Checks every invariant against the rows themselves, and names each row that breaks one.

Nothing here trusts a constraint or a trigger: it finds what somebody wrote past them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from django.db import connection, transaction
from django.db.models import F
from django.db.models.fields.tuple_lookups import TupleGreaterThan

from billing.ledger.journal import GENESIS, PATHS, Actor, Cause, Kind, Movement, chain
from billing.ledger.models import Entry


@dataclass(frozen=True, slots=True)
class Breach:
    """One row that breaks one invariant."""

    invariant: str
    row: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.invariant} {self.row}: {self.sentence}"


_BATCH: Final = 5000
_DELTA: Final = (
    "CASE '{0}' WHEN e.target THEN e.amount_micros WHEN e.source THEN -e.amount_micros ELSE 0 END"
)
_AVAILABLE: Final = _DELTA.format("available")
_HELD: Final = _DELTA.format("held")
_PATHS: Final = ", ".join(
    f"('{kind}', '{source}', '{target}')" for kind, (source, target) in PATHS.items()
)

# Each asks for the ids of the rows that break it; an answer without rows is what is wanted.
CHECKS: Final[tuple[tuple[str, str, str], ...]] = (
    (
        "I1",
        "a balance is negative",
        """SELECT id FROM billing_wallet WHERE available_micros < 0 OR held_micros < 0
           UNION ALL SELECT id FROM billing_grant WHERE LEAST(pending_micros, available_micros,
               held_micros, captured_micros, expired_micros, revoked_micros) < 0""",
    ),
    (
        "I2",
        "the wallet does not say what its last entry says",
        """SELECT w.id FROM billing_wallet w
           LEFT JOIN billing_entry e ON e.wallet_id = w.id AND e.seq = w.seq
           WHERE w.available_micros <> COALESCE(e.available_after_micros, 0)
              OR w.held_micros <> COALESCE(e.held_after_micros, 0)
              OR (w.seq > 0 AND (e.id IS NULL OR e.digest <> w.digest))""",
    ),
    (
        "I2",
        "the wallet is not the sum of its grants",
        """SELECT w.id FROM billing_wallet w LEFT JOIN LATERAL (
               SELECT COALESCE(sum(available_micros), 0) a, COALESCE(sum(held_micros), 0) h
               FROM billing_grant g WHERE g.wallet_id = w.id) s ON true
           WHERE (w.available_micros, w.held_micros) <> (s.a, s.h)""",
    ),
    (
        "I2",
        "entries are missing, or stand after the wallet's last",
        """SELECT w.id FROM billing_wallet w LEFT JOIN LATERAL (
               SELECT count(*) n, COALESCE(max(seq), 0) top, COALESCE(min(seq), 1) bottom
               FROM billing_entry e WHERE e.wallet_id = w.id) s ON true
           WHERE s.n <> w.seq OR s.top <> w.seq OR s.bottom <> 1""",
    ),
    (
        "I2",
        "the entry does not continue the one before it",
        f"""SELECT id FROM (
               SELECT e.id, e.effective_at < lag(e.effective_at) OVER past AS earlier,
                   e.available_after_micros <> COALESCE(lag(e.available_after_micros) OVER past, 0)
                       + {_AVAILABLE} AS wrong_available,
                   e.held_after_micros <> COALESCE(lag(e.held_after_micros) OVER past, 0)
                       + {_HELD} AS wrong_held
               FROM billing_entry e WINDOW past AS (PARTITION BY e.wallet_id ORDER BY e.seq)
           ) t WHERE wrong_available OR wrong_held OR earlier""",  # noqa: S608 (constants of this file)
    ),
    (
        "I2",
        "the grant is not the sum of its entries",
        """SELECT g.id FROM billing_grant g LEFT JOIN LATERAL (
               SELECT COALESCE(sum(amount_micros) FILTER (WHERE target = 'available'), 0)
                    - COALESCE(sum(amount_micros) FILTER (WHERE source = 'available'), 0) a,
                      COALESCE(sum(amount_micros) FILTER (WHERE target = 'held'), 0)
                    - COALESCE(sum(amount_micros) FILTER (WHERE source = 'held'), 0) h,
                      COALESCE(sum(amount_micros) FILTER (WHERE target = 'captured'), 0) c,
                      COALESCE(sum(amount_micros) FILTER (WHERE target = 'expired'), 0) x,
                      COALESCE(sum(amount_micros) FILTER (WHERE target = 'revoked'), 0) r,
                      COALESCE(sum(amount_micros) FILTER (WHERE source = 'issued'), 0) i
               FROM billing_entry e WHERE e.grant_id = g.id) s ON true
           WHERE (g.available_micros, g.held_micros, g.captured_micros, g.expired_micros,
                  g.revoked_micros, g.amount_micros - g.pending_micros)
              <> (s.a, s.h, s.c, s.x, s.r, s.i)""",
    ),
    (
        "I3",
        "the grant's parts do not add up to its amount",
        """SELECT id FROM billing_grant WHERE amount_micros <> pending_micros + available_micros
               + held_micros + captured_micros + expired_micros + revoked_micros""",
    ),
    (
        "I3",
        "the entry moves nothing, or along no known path",
        f"""SELECT id FROM billing_entry e WHERE amount_micros <= 0
               OR (e.kind, e.source, e.target) NOT IN ({_PATHS})""",  # noqa: S608 (constants)
    ),
    (
        "I5",
        "the entry has no cause or no actor",
        """SELECT e.id FROM billing_entry e
           WHERE e.cause_type = '' OR e.cause_id = '' OR e.actor_type = '' OR e.actor_id = ''""",
    ),
    (
        "I5",
        "the entry belongs to another wallet than its grant or its hold",
        """SELECT e.id FROM billing_entry e JOIN billing_grant g ON g.id = e.grant_id
           LEFT JOIN billing_hold h ON h.id = e.hold_id
           WHERE g.wallet_id <> e.wallet_id OR h.wallet_id <> e.wallet_id""",
    ),
    (
        "I6",
        "the hold has not ended exactly as its entries say",
        """SELECT h.id FROM billing_hold h LEFT JOIN LATERAL (
               SELECT COALESCE(sum(amount_micros) FILTER (WHERE kind = 'hold'), 0) taken,
                      COALESCE(sum(amount_micros) FILTER (WHERE kind = 'capture'), 0) spent,
                      COALESCE(sum(amount_micros)
                               FILTER (WHERE kind IN ('release', 'lapse')), 0) back
               FROM billing_entry e WHERE e.hold_id = h.id) s ON true
           WHERE s.taken <> h.amount_micros OR s.spent <> h.captured_micros
              OR s.spent + s.back <> CASE h.state WHEN 'open' THEN 0 ELSE h.amount_micros END
              OR (h.state = 'captured') <> (h.captured_micros > 0)
                 AND NOT (h.state = 'captured' AND h.amount_micros = 0)
              OR (h.state = 'open') <> (h.settled_at IS NULL)""",
    ),
    (
        "I7",
        "the job has not ended as its hold has",
        """SELECT j.id FROM billing_job j JOIN billing_hold h ON h.id = j.hold_id
           JOIN billing_wallet w ON w.id = j.wallet_id
           WHERE (j.finished_at IS NULL) <> (h.state = 'open')
              OR (j.status = 'succeeded' AND h.state <> 'captured' AND j.charged_micros > 0)
              OR (j.status = 'expired' AND h.state <> 'released')
              OR h.reference <> 'job:' || j.id OR h.wallet_id <> j.wallet_id
              OR w.account_id <> j.account_id""",
    ),
    (
        "I7",
        "the hold pays for a job that is not there",
        """SELECT h.id FROM billing_hold h LEFT JOIN billing_job j
           ON j.hold_id = h.id OR h.reference = 'job:' || j.id || ':overrun'
           WHERE h.reference LIKE 'job:%' AND j.id IS NULL""",
    ),
    (
        "I8",
        "the attempt lives although its job was never given up by an operator and has ended",
        """SELECT a.id FROM billing_attempt a JOIN billing_job j ON j.id = a.job_id
           WHERE a.state <> 'ended' AND j.status IN ('succeeded', 'canceled', 'expired')""",
    ),
    (
        "I21",
        "something is due in the wallet before its row says so",
        """SELECT w.id FROM billing_wallet w JOIN LATERAL (
               SELECT LEAST(
                   (SELECT min(LEAST(expires_at, ends_at)) FROM billing_grant g
                    WHERE g.wallet_id = w.id AND g.available_micros > 0),
                   (SELECT min(effective_at) FROM billing_grant g
                    WHERE g.wallet_id = w.id AND g.pending_micros > 0),
                   (SELECT min(next_at) FROM billing_allowance a WHERE a.wallet_id = w.id)) due
           ) s ON true
           WHERE s.due IS NOT NULL AND (w.due_at IS NULL OR w.due_at > s.due)""",
    ),
    (
        "I23",
        "a backend's word was heard, and nothing is left that would apply it",
        """SELECT c.id FROM billing_callback c
           WHERE c.applied_at IS NULL AND c.received_at < now() - interval '2 hours'
             AND NOT EXISTS (SELECT 1 FROM billing_message m WHERE m.ring_at IS NOT NULL
                 AND m.task = 'jobs.apply_callback' AND m.arguments->>'callback_id' = c.id)""",
    ),
    (
        "I27",
        "the wallet's clock stands before its last entry",
        """SELECT w.id FROM billing_wallet w JOIN billing_entry e
           ON e.wallet_id = w.id AND e.seq = w.seq WHERE w.touched_at < e.effective_at""",
    ),
    (
        "I8",
        "more than one attempt of the job is live",
        """SELECT job_id FROM billing_attempt WHERE state <> 'ended'
           GROUP BY job_id HAVING count(*) > 1""",
    ),
    (
        "I9",
        "the hold is not what its allocations give, or more was captured",
        """SELECT h.id FROM billing_hold h LEFT JOIN LATERAL (
               SELECT COALESCE(sum(amount_micros), 0) total
               FROM billing_allocation a WHERE a.hold_id = h.id) s ON true
           WHERE s.total <> h.amount_micros OR h.captured_micros > h.amount_micros""",
    ),
    (
        "I10",
        "less than the price was held, or more than was agreed",
        """SELECT j.id FROM billing_job j JOIN billing_hold h ON h.id = j.hold_id
           WHERE j.quoted_micros < 0 OR j.quoted_micros > h.amount_micros
              OR h.amount_micros > j.max_micros OR j.charged_micros > j.max_micros""",
    ),
    (
        "I10",
        "what was charged is not what was captured, of the hold and beyond it",
        """SELECT j.id FROM billing_job j JOIN billing_hold h ON h.id = j.hold_id
           LEFT JOIN billing_hold o ON o.wallet_id = j.wallet_id
               AND o.reference = 'job:' || j.id || ':overrun'
           WHERE (j.finished_at IS NULL) <> (j.charged_micros IS NULL)
              OR j.charged_micros <> h.captured_micros + j.overrun_micros
              OR j.overrun_micros <> COALESCE(o.captured_micros, 0)""",
    ),
    (
        "I14",
        "the allocation took credit that was not in effect",
        """SELECT a.id::text FROM billing_allocation a JOIN billing_grant g ON g.id = a.grant_id
           WHERE a.created_at >= LEAST(g.expires_at, g.ends_at)
              OR a.created_at < g.effective_at""",
    ),
    (
        "I14",
        "more was used of the window than the allowance counts",
        """SELECT min(u.id)::text FROM billing_counteduse u
           JOIN billing_allowance a ON a.id = u.allowance_id
           GROUP BY u.wallet_id, u.series, u.window
           HAVING sum(COALESCE(u.kept_micros, u.units_micros)) > max(a.amount_micros)""",
    ),
    (
        "I6",
        "the units' use has ended otherwise than its hold, or belongs to another wallet",
        """SELECT u.id::text FROM billing_counteduse u
           JOIN billing_allowance a ON a.id = u.allowance_id
           LEFT JOIN billing_hold h
             ON h.wallet_id = u.wallet_id AND h.reference = u.reference
           WHERE a.wallet_id <> u.wallet_id
              OR (h.state <> 'open' AND u.settled_at IS NULL)""",
    ),
    (
        "I15",
        "what came back too late was given anew more than it lapsed",
        """SELECT g.id FROM billing_grant g WHERE g.fact LIKE 'returned:%'
           AND g.amount_micros <> (SELECT COALESCE(sum(e.amount_micros), 0) FROM billing_entry e
               WHERE e.kind = 'lapse' AND e.hold_id = split_part(g.fact, ':', 2)
                 AND e.grant_id = split_part(g.fact, ':', 3))""",
    ),
    (
        "I17",
        "the same fact was granted twice",
        """SELECT min(id) FROM billing_grant GROUP BY wallet_id, fact HAVING count(*) > 1""",
    ),
    (
        "I17",
        "the campaign has given other than its shares, or beyond its budget",
        """SELECT b.id::text FROM billing_campaignbudget b LEFT JOIN LATERAL (
               SELECT COALESCE(sum(amount_micros), 0) given
               FROM billing_campaigngrant s WHERE s.budget_id = b.id) s ON true
           WHERE s.given <> b.granted_micros OR b.granted_micros > b.budget_micros""",
    ),
    (
        "I17",
        "the code was redeemed other than it was used, or more often than it may be",
        """SELECT c.id FROM billing_redemptioncode c LEFT JOIN LATERAL (
               SELECT count(*) n FROM billing_redemption r WHERE r.code_id = c.id) s ON true
           WHERE s.n <> c.used OR c.used > c.uses_max""",
    ),
    (
        "I17",
        "the share, or the purchase, is not what its grants are",
        """SELECT s.id FROM (
               SELECT id, account_id, grant_id, amount_micros FROM billing_campaigngrant
               UNION ALL SELECT id, account_id, grant_id, credits_micros
               FROM billing_packpurchase WHERE activated_at IS NOT NULL
               UNION ALL SELECT id, account_id, bonus_grant_id, bonus_micros
               FROM billing_packpurchase WHERE activated_at IS NOT NULL AND bonus_micros > 0) s
           LEFT JOIN billing_grant g ON g.id = s.grant_id
           LEFT JOIN billing_wallet w ON w.id = g.wallet_id
           WHERE g.amount_micros IS DISTINCT FROM s.amount_micros
              OR w.account_id IS DISTINCT FROM s.account_id""",
    ),
)

CHECKS_COUNT: Final = len(CHECKS) + 1  # and the chains


def breaches() -> Iterator[Breach]:
    """Yield every row that breaks an invariant; none is what is wanted.

    It may take as long as it needs: the session's time limit is lifted for it.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 0")
        yield from _broken_checks()
        yield from _broken_chains()


def _broken_checks() -> Iterator[Breach]:
    for invariant, sentence, sql in CHECKS:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            for (row,) in cursor.fetchall():
                yield Breach(invariant, row, sentence)


def _broken_chains() -> Iterator[Breach]:
    """Compute each wallet's chain again; after a break the rest of the wallet is trusted again."""
    wallet, digest = "", GENESIS
    for entry in _entries():
        if entry.wallet_id != wallet:
            wallet, digest = entry.wallet_id, GENESIS
        written = bytes(entry.digest)
        expected = _digest(entry, digest)
        if written != expected:
            yield Breach("I4", entry.pk, "the entry is not the one that was written")
        digest = written


def _entries() -> Iterator[Entry]:
    """Yield all entries in the order of their chains, a few thousand in memory at a time."""
    wallet_id, seq = "", 0
    while True:
        batch = list(
            Entry.objects.filter(
                TupleGreaterThan((F("wallet_id"), F("seq")), (wallet_id, seq))
            ).order_by("wallet_id", "seq")[:_BATCH]
        )
        yield from batch
        if len(batch) < _BATCH:
            return
        wallet_id, seq = batch[-1].wallet_id, batch[-1].seq


def _digest(entry: Entry, previous: bytes) -> bytes:
    """Return the digest that `entry` must have, or nothing when its facts cannot be said."""
    try:
        movement = Movement(
            kind=Kind(entry.kind),
            grant_id=entry.grant_id,
            hold_id=entry.hold_id,
            amount_micros=entry.amount_micros,
            available_after_micros=entry.available_after_micros,
            held_after_micros=entry.held_after_micros,
            cause=Cause(entry.cause_type, entry.cause_id),
            actor=Actor(entry.actor_type, entry.actor_id),
            effective_at=entry.effective_at,
        )
    except (ValueError, AssertionError):
        return b""
    return chain(previous, wallet_id=entry.wallet_id, seq=entry.seq, movement=movement)
