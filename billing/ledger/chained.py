"""Entries as they are chained: what each says, and what it is chained to."""

from billing.accounts.models import Account
from billing.http import problems
from billing.ledger import selectors
from billing.ledger.journal import GENESIS, Actor, Cause, Kind, Movement
from billing.ledger.models import Entry


def entry(account: Account, entry_id: str) -> Entry:
    """Return one entry of the account.

    Raises:
        NotFound: absent, or another's.
    """
    found = selectors.entries(account).filter(pk=entry_id).first()
    if found is None:
        raise problems.absent()
    return found


def digest_before(entry: Entry) -> bytes:
    """Return what the entry is chained to: the digest of the one before it, or `GENESIS`."""
    before = Entry.objects.filter(pk=entry.previous_id)
    digest = before.values_list("digest", flat=True).first()
    return GENESIS if digest is None else bytes(digest)


def movement_of(entry: Entry) -> Movement:
    """Return what the entry says, as it is chained."""
    return Movement(
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
