"""Writes down every change of a membership, in the transaction in which it happens."""

from datetime import datetime

from billing.accounts.members import Membership, MembershipChange
from billing.ledger.services import Actor


def note(
    membership: Membership, kind: MembershipChange.Kind, *, actor: Actor, now: datetime
) -> None:
    """What the membership has become stands in its history."""
    MembershipChange.objects.create(
        membership=membership,
        kind=kind,
        role=membership.role,
        ceiling_micros=membership.ceiling_micros,
        ceiling_per=membership.ceiling_per,
        actor_type=actor.type,
        actor_id=actor.id,
        created_at=now,
    )
