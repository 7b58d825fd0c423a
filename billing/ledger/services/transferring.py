"""Send credits from one wallet to another with all their terms, lend them, and fetch them back."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Sum

from billing.ids import new_id
from billing.ledger import store
from billing.ledger.errors import AmountOutOfRange, InDebt, NotThereToGive
from billing.ledger.journal import AMOUNT_MAX_MICROS, Actor, Cause
from billing.ledger.lots import LENT, Issue, Lot, Part
from billing.ledger.models import Grant, Transfer, TransferPart
from billing.ledger.services.wallets import settle
from billing.ledger.store import LockedWallet
from billing.transactions import require_transaction
from plans import burn_order
from plans.catalog.matching import read_match


@dataclass(frozen=True, slots=True)
class Sending:
    """What is to be sent.

    Attributes:
        fact: business key; a sender has at most one transfer for each.
        standing: how the sender stands; what is locked to him meanwhile cannot be sent.
        sources: only credits of these; None: of any.
        is_lent: what is unused at its end comes back to the sender.
        lent_until: it ends then at the latest; None: when the credits themselves do.
    """

    amount_micros: int
    fact: str
    standing: frozenset[str]
    sources: Sequence[str] | None = None
    is_lent: bool = False
    lent_until: datetime | None = None
    note: str = ""


def transfer(
    sender: LockedWallet, receiver: LockedWallet, sending: Sending, *, actor: Actor
) -> Transfer:
    """Move credits from one wallet to another in one commit; a repeat changes nothing.

    What the burn order spends first is sent first. Each grant becomes one of the receiver's,
    with its own terms: source, priority, scope, locks, pack, and the instants between which it
    counts. What is lent has the source "allotment" and goes back at its end. Who sent it can
    take back no more of it than the receiver has not used.

    Never sent are credits that end with the sender's subscription or with their first use, for
    their end cannot be said for another; nor those that were lent to the sender; nor those of an
    allowance that fills up, or whose windows begin with a use: it would give the same ones again,
    or never more.

    Args:
        sender, receiver: locked together, by `lock_wallets`.

    Raises:
        InDebt: the sender owes credits.
        NotThereToGive: what may be sent falls short.
        AmountOutOfRange: not above zero, or more than the receiver may hold.
    """
    require_transaction("ledger.transfer")
    before = Transfer.objects.filter(sender_id=sender.id, fact=sending.fact).first()
    if before is not None:
        return before
    room_micros = AMOUNT_MAX_MICROS - receiver.timeline.available_micros
    if not 0 < sending.amount_micros <= room_micros:
        raise AmountOutOfRange(pointer="/credits")
    parts = _chosen(sender, sending)
    kind = Transfer.Kind.ALLOTMENT if sending.is_lent else Transfer.Kind.TRANSFER
    made = _new(kind, sender, receiver, fact=sending.fact, note=sending.note, actor=actor)
    cause = Cause(kind.value, made.pk)
    arriving = []
    for part in parts:
        lot = sender.timeline.lots[part.grant_id]
        sender.timeline.transfer(lot, part.amount_micros, cause=cause, actor=actor)
        arriving.append((part, _as_sent(lot, sending)))
    store.write(sender)
    return _receive(receiver, made, arriving, cause=cause, actor=actor)


def take_back(
    lender: LockedWallet, borrower: LockedWallet, given: Transfer, *, actor: Actor
) -> Transfer | None:
    """End what was lent by `given` now: what is unused of it is the lender's again.

    What is held of it stays valid for its work, and what of that comes back to the borrower
    leaves him at once: `collect` brings it. A repeat changes nothing, and collects.

    Returns:
        The return; None: there was nothing to bring.
    """
    require_transaction("ledger.take_back")
    timeline, cause = borrower.timeline, Cause("allotment", given.pk)
    for grant_id in _arrived(given):
        lot = timeline.lots.get(grant_id)
        if lot is None:
            continue
        timeline.end(lot)
        if lot.available_micros:
            timeline.transfer(lot, lot.available_micros, cause=cause, actor=actor)
    store.write(borrower)
    return collect(lender, borrower, given, actor=actor)


def collect(
    lender: LockedWallet, borrower: LockedWallet, given: Transfer, *, actor: Actor
) -> Transfer | None:
    """Bring the lender what has left the borrower of what was lent by `given`.

    It comes with the terms that it had before it was lent; what has ended meanwhile arrives and
    expires. A repeat changes nothing.

    Returns:
        The return; None: nothing is under way.
    """
    require_transaction("ledger.collect")
    settle(borrower)  # so that the rows say what has left
    coming = []
    for part in given.parts.select_related("source", "target").order_by("position"):
        under_way = part.target.transferred_micros - _brought_micros(part.target)
        if under_way:
            coming.append((Part(part.target_id, under_way), _as_before(part.source)))
    if not coming:
        return None
    number = given.returned_by.count() + 1
    made = _new(
        *(Transfer.Kind.RETURN, borrower, lender),
        fact=f"return:{given.pk}:{number}",
        actor=actor,
        returns=given,
    )
    return _receive(lender, made, coming, cause=Cause("allotment", given.pk), actor=actor)


def _chosen(sender: LockedWallet, sending: Sending) -> list[Part]:
    """Return what of which grant is sent; nothing has moved yet.

    Raises:
        InDebt, NotThereToGive: as `transfer`.
    """
    timeline = sender.timeline
    if timeline.debts:
        raise InDebt(debt_micros=timeline.debt_micros)
    by_use = {
        schedule.series
        for schedule in timeline.schedules
        if schedule.is_rolling or schedule.terms.fill == "set_to"
    }
    lots = [
        lot for lot in timeline.lots.values() if lot.series not in by_use and _may_go(lot, sending)
    ]
    free_micros = sum(lot.available_micros for lot in lots)
    if free_micros < sending.amount_micros:
        raise NotThereToGive(
            need_micros=sending.amount_micros,
            available_micros=free_micros,
            unusable_micros=timeline.available_micros - free_micros,
            sources=sending.sources,
        )
    parts, missing = [], sending.amount_micros
    for lot in sorted(lots, key=burn_order.rank(sender.catalog.burn_order)):
        if share := min(lot.available_micros, missing):
            parts.append(Part(lot.id, share))
            missing -= share
    return parts


def _may_go(lot: Lot, sending: Sending) -> bool:
    return (
        lot.available_micros > 0
        and not (lot.goes_back or lot.with_subscription or lot.lasts)
        and not lot.is_locked(sending.standing)
        and (sending.sources is None or lot.source in sending.sources)
    )


def _as_sent(lot: Lot, sending: Sending) -> Lot:
    """Return an empty lot of the same terms, for the other wallet.

    It is no window of an allowance there: caps and refills are those of its first owner.
    """
    ends = [at for at in (lot.expires_at, sending.lent_until) if at is not None]
    return Lot(
        id=new_id("gr"),
        source=LENT if sending.is_lent else lot.source,
        priority=lot.priority,
        effective_at=lot.effective_at,
        expires_at=min(ends, default=None),
        scope=lot.scope,
        locked_while=lot.locked_while,
        pack=lot.pack,
        goes_back=sending.is_lent,
    )


def _as_before(lent: Grant) -> Lot:
    """Return an empty lot on the terms of the grant that was lent from."""
    return Lot(
        id=new_id("gr"),
        source=lent.source,
        priority=lent.priority,
        effective_at=lent.effective_at,
        expires_at=lent.gone_at,
        scope=read_match(json.dumps(lent.scope)),
        locked_while=tuple(lent.locked_while),
        pack=lent.pack,
    )


def _new(
    kind: Transfer.Kind,
    sender: LockedWallet,
    receiver: LockedWallet,
    *,
    fact: str,
    actor: Actor,
    note: str = "",
    returns: Transfer | None = None,
) -> Transfer:
    return Transfer(
        kind=kind,
        sender_id=sender.id,
        receiver_id=receiver.id,
        returns=returns,
        fact=fact,
        note=note,
        actor_type=actor.type,
        actor_id=actor.id,
        created_at=sender.now,
    )


def _receive(
    receiver: LockedWallet,
    made: Transfer,
    arriving: Sequence[tuple[Part, Lot]],
    *,
    cause: Cause,
    actor: Actor,
) -> Transfer:
    """Grant what left the other wallet, and write down which grant became which."""
    made.amount_micros = sum(part.amount_micros for part, _lot in arriving)
    for place, (part, lot) in enumerate(arriving):
        issue = Issue(lot, part.amount_micros, f"transfer:{made.pk}:{place}", reason=made.note)
        is_there = not lot.is_over(receiver.now)  # what has ended pays no debt either
        receiver.timeline.grant(issue, cause=cause, actor=actor, pays_debts=is_there)
    receiver.timeline.settle(receiver.now)  # what arrived after its end is gone at once
    store.write(receiver)
    made.save(force_insert=True)
    TransferPart.objects.bulk_create(
        TransferPart(
            transfer=made,
            position=place,
            source_id=part.grant_id,
            target_id=lot.id,
            amount_micros=part.amount_micros,
        )
        for place, (part, lot) in enumerate(arriving)
    )
    return made


def _arrived(given: Transfer) -> Iterable[str]:
    return given.parts.order_by("position").values_list("target_id", flat=True)


def _brought_micros(lent: Grant) -> int:
    """Return what of a lent grant has been brought back already."""
    return TransferPart.objects.filter(source=lent).aggregate(n=Sum("amount_micros"))["n"] or 0
