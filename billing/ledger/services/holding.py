"""Set credits aside, spend them, give them back, and take more for what became dearer."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from billing.ids import new_id
from billing.ledger import store
from billing.ledger.errors import InDebt
from billing.ledger.journal import Actor, Cause
from billing.ledger.lots import Part, Timed
from billing.ledger.models import Hold
from billing.ledger.store import LockedWallet
from billing.transactions import require_transaction
from plans import burn_order
from plans.catalog.schema import Catalog
from plans.catalog.values import InFlight, Scalar


def hold(  # noqa: PLR0913 (what is held has as many facts)
    locked: LockedWallet,
    *,
    amount_micros: int,
    reference: str,
    catalog: Catalog,
    facts: Mapping[str, Scalar],
    standing: frozenset[str],
    cause: Cause,
    actor: Actor,
    lasts_until: datetime | None = None,
) -> Hold:
    """Set `amount_micros` aside for `reference`, from the grants the catalog burns first.

    What costs nothing has a hold too, which takes from no grant.

    Args:
        facts: the order: its dimensions, and plan, surface, region, currency and book; a grant
            pays only what its scope fits.
        standing: how the account stands ("past_due", …); grants locked meanwhile pay nothing.
        lasts_until: released by itself then, swept or not; None: by a verdict only, as a job's.

    Raises:
        InDebt, InsufficientCredits: the account owes credits, or those free and unexpired that
            may pay fall short; nothing has moved.
    """
    require_transaction("ledger.hold")
    hold_id = new_id("ho")
    parts = locked.timeline.hold(
        hold_id=hold_id,
        amount_micros=amount_micros,
        rank=burn_order.rank(catalog.burn_order),
        facts=facts,
        standing=standing,
        cause=cause,
        actor=actor,
    )
    if lasts_until is not None:
        locked.timeline.timed.append(Timed(hold_id, lasts_until, tuple(parts)))
    held = Hold(
        pk=hold_id,
        wallet_id=locked.id,
        reference=reference,
        amount_micros=amount_micros,
        created_at=locked.now,
        expires_at=lasts_until,
    )
    return _open(locked, held, parts)


def set_aside(
    locked: LockedWallet, parts: Sequence[Part], *, reference: str, cause: Cause, actor: Actor
) -> Hold:
    """Set exactly these parts of these grants aside for `reference`, until a verdict.

    Unlike a hold it pays for nothing: no window begins by it, and no scope or lock is asked.

    Args:
        parts: of grants of this wallet, each within what is free of it.

    Raises:
        InDebt: the account owes credits; nothing has moved.
    """
    require_transaction("ledger.set_aside")
    assert parts, "something is set aside"
    if locked.timeline.debts:
        raise InDebt(debt_micros=locked.timeline.debt_micros)
    hold_id, lots = new_id("ho"), locked.timeline.lots
    for part in parts:
        locked.timeline.set_aside(
            lots[part.grant_id], part.amount_micros, hold_id=hold_id, cause=cause, actor=actor
        )
    held = Hold(
        pk=hold_id,
        wallet_id=locked.id,
        reference=reference,
        amount_micros=sum(part.amount_micros for part in parts),
        created_at=locked.now,
    )
    return _open(locked, held, parts)


def capture(
    locked: LockedWallet, *, hold_id: str, amount_micros: int, cause: Cause, actor: Actor
) -> Hold:
    """Spend `amount_micros` of an open hold and give the rest back. A repeat changes nothing.

    What goes back to a grant that has ended meanwhile is expired, or given anew, as the catalog
    that the wallet was locked with says (`expiry_in_flight`).
    """
    require_transaction("ledger.capture")
    return _resolve(locked, hold_id, amount_micros, cause, actor)


def release(
    locked: LockedWallet,
    *,
    hold_id: str,
    cause: Cause,
    actor: Actor,
    in_flight: InFlight | None = None,
) -> Hold:
    """Give an open hold back to the very grants it came from. A repeat changes nothing.

    Of what costs nothing nothing comes back; its hold ends all the same.

    Args:
        in_flight: what becomes of what goes back to a grant that has ended meanwhile; None: what
            the catalog says, as in `capture`.
    """
    require_transaction("ledger.release")
    return _resolve(locked, hold_id, None, cause, actor, in_flight)


def forfeit(locked: LockedWallet, *, hold_id: str, cause: Cause, actor: Actor) -> Hold:
    """End an open hold, and take what it set aside back from the very grants it came from.

    It is free for no instant. What was of a grant that has ended meanwhile has lapsed, and none
    is given anew. A repeat changes nothing.
    """
    require_transaction("ledger.forfeit")
    held, parts = store.hold(locked, hold_id)
    if held.state != Hold.State.OPEN:
        return held
    for part in parts:
        locked.timeline.forfeit(
            locked.timeline.lots[part.grant_id],
            part.amount_micros,
            hold_id=hold_id,
            cause=cause,
            actor=actor,
        )
    return _end(locked, held, Hold.State.RELEASED, captured_micros=0)


def take_more(
    locked: LockedWallet,
    *,
    reference: str,
    amount_micros: int,
    catalog: Catalog,
    facts: Mapping[str, Scalar],
    standing: frozenset[str],
    cause: Cause,
    actor: Actor,
) -> int:
    """Spend up to `amount_micros` more, as far as what is free reaches; return how much it was.

    Who owes credits spends none.

    It is a hold of its own, captured at once. A repeat with the same reference changes nothing
    and returns what the first took.

    Args:
        reference: "job:<id>:overrun".
    """
    require_transaction("ledger.take_more")
    assert amount_micros >= 0
    before = Hold.objects.filter(wallet_id=locked.id, reference=reference).first()
    if before is not None:
        return before.captured_micros
    taken = min(amount_micros, locked.timeline.spendable_micros(facts, standing))
    if not taken or locked.timeline.debts:
        return 0
    held = hold(
        locked,
        amount_micros=taken,
        reference=reference,
        catalog=catalog,
        facts=facts,
        standing=standing,
        cause=cause,
        actor=actor,
    )
    return capture(
        locked, hold_id=held.pk, amount_micros=taken, cause=cause, actor=actor
    ).captured_micros


def _resolve(
    locked: LockedWallet,
    hold_id: str,
    capture_micros: int | None,
    cause: Cause,
    actor: Actor,
    in_flight: InFlight | None = None,
) -> Hold:
    """End the hold; None gives all of it back. One that has ended by itself stays as it is."""
    if locked.timeline.timed_out:
        store.write(locked)
    held, parts = store.hold(locked, hold_id)
    if held.state != Hold.State.OPEN:
        return held
    amount_micros = capture_micros or 0
    assert 0 <= amount_micros <= held.amount_micros
    locked.timeline.resolve(
        hold_id=hold_id,
        parts=parts,
        capture_micros=amount_micros,
        cause=cause,
        actor=actor,
        in_flight=in_flight or locked.catalog.expiry_in_flight,
    )
    is_spent = amount_micros > 0 or (capture_micros is not None and held.amount_micros == 0)
    state = Hold.State.CAPTURED if is_spent else Hold.State.RELEASED
    return _end(locked, held, state, captured_micros=amount_micros)


def _open(locked: LockedWallet, held: Hold, parts: Sequence[Part]) -> Hold:
    """Write down a hold of these parts, with what the timeline did for it."""
    locked.opened.append((held, parts))
    store.write(locked)
    return held


def _end(locked: LockedWallet, held: Hold, state: Hold.State, *, captured_micros: int) -> Hold:
    held.state, held.captured_micros = state, captured_micros
    held.settled_at = locked.now
    locked.resolved.append(held)
    store.write(locked)
    return held
