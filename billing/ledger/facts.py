"""What the writing statement is given: the rows of what a timeline did, column by column."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from billing.ids import new_id
from billing.ledger.journal import PATHS, Bucket, Kind, chain
from billing.ledger.lots import Issue, Part
from billing.ledger.models import Hold
from billing.ledger.timeline import Timeline
from plans.catalog.matching import match_text


class Chained(Protocol):
    """A wallet whose entries are numbered and chained."""

    id: str
    seq: int
    last_entry_id: str
    digest: bytes
    timeline: Timeline


def entries(locked: Chained) -> dict[str, list[Any]]:
    """Number and chain the movements; the wallet's last entry and its `digest` follow them."""
    rows: list[tuple[Any, ...]] = []
    for movement in locked.timeline.movements:
        locked.seq += 1
        locked.digest = chain(locked.digest, wallet_id=locked.id, seq=locked.seq, movement=movement)
        previous_id, locked.last_entry_id = locked.last_entry_id, new_id("en")
        source, target = PATHS[movement.kind]
        rows.append(
            (
                locked.last_entry_id,
                previous_id,
                locked.seq,
                movement.kind.value,
                source.value,
                target.value,
                movement.amount_micros,
                movement.grant_id,
                movement.hold_id,
                movement.available_after_micros,
                movement.held_after_micros,
                movement.cause.type,
                movement.cause.id,
                movement.actor.type,
                movement.actor.id,
                movement.effective_at,
                locked.digest,
            )
        )
    return _columns(
        "e",
        "id previous seq kind source target amount grant hold available held cause_type cause_id "
        "actor_type actor_id effective digest",
        rows,
    )


def grants(timeline: Timeline) -> dict[str, list[Any]]:
    """Sum the movements by grant: whole rows for the new ones, differences for the others."""
    totals: dict[str, Counter[Bucket]] = {}
    for movement in timeline.movements:
        total = totals.setdefault(movement.grant_id, Counter())
        source, target = PATHS[movement.kind]
        total[source] -= movement.amount_micros
        total[target] += movement.amount_micros
    issues = []
    for issue in timeline.issues:
        total = totals.pop(issue.lot.id, Counter())
        total[Bucket.ISSUED] += issue.amount_micros
        issues.append((*_terms_of(issue, timeline), *(total[bucket] for bucket in Bucket)))
    for grant_id in timeline.ended.keys() - {issue.lot.id for issue in timeline.issues}:
        totals.setdefault(grant_id, Counter())
    changes = [
        (key, *(total[bucket] for bucket in Bucket), timeline.ended.get(key))
        for key, total in totals.items()
    ]
    buckets = "pending available held captured expired revoked transferred"
    terms = (
        "id source fact reason priority series pack scope locked subscribed back lasts day "
        "streak paid currency effective expires ends amount"
    )
    return _columns("i", f"{terms} {buckets}", issues) | _columns(
        "d", f"id {buckets} ends", changes
    )


def holds(
    opened: Iterable[tuple[Hold, Sequence[Part]]], resolved: Iterable[Hold]
) -> dict[str, list[Any]]:
    """Return what the rows of holds say that begin, with what they took, and that end."""
    begun, parts = [], []
    for held, taken in opened:
        begun.append((held.pk, held.reference, held.amount_micros, held.expires_at))
        parts += [
            (held.pk, part.grant_id, place, part.amount_micros) for place, part in enumerate(taken)
        ]
    return (
        _columns("h", "id reference amount expires", begun)
        | _columns("a", "hold grant position amount", parts)
        | _columns(
            "o", "id state captured", [(one.pk, one.state, one.captured_micros) for one in resolved]
        )
    )


def repaid(timeline: Timeline) -> dict[str, list[Any]]:
    """Sum by debt what was paid of it."""
    paid: Counter[str] = Counter()
    for movement in timeline.movements:
        if movement.kind == Kind.REPAY:
            paid[movement.cause.id] += movement.amount_micros
    return _columns("r", "id paid", [*paid.items()])


def _terms_of(issue: Issue, timeline: Timeline) -> tuple[Any, ...]:
    """Return what a new grant's row says of its terms.

    Only lots that were made without an end can have it drawn before they are written.
    """
    lot, ends_at = issue.lot, timeline.ended.get(issue.lot.id)
    return (
        lot.id,
        lot.source,
        issue.fact,
        issue.reason,
        lot.priority,
        lot.series,
        lot.pack,
        match_text(lot.scope),
        json.dumps(lot.locked_while),
        lot.with_subscription,
        lot.goes_back,
        lot.lasts,
        issue.day_at,
        issue.streak_days,
        issue.paid_micros,
        issue.paid_currency,
        lot.effective_at,
        None if ends_at else lot.expires_at,
        ends_at,
        issue.amount_micros,
    )


def _columns(prefix: str, names: str, rows: list[tuple[Any, ...]]) -> dict[str, list[Any]]:
    """Turn rows into one list a column, which `unnest` turns back into rows."""
    columns = names.split()
    return {f"{prefix}_{name}": [row[place] for row in rows] for place, name in enumerate(columns)}
