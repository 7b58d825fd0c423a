"""Set credits aside, spend them, give them back, and take more for what became dearer."""

from collections.abc import Mapping
from datetime import datetime

from billing.ids import new_id
from billing.ledger import store
from billing.ledger.journal import Actor, Cause
from billing.ledger.lots import Part, Timed
from billing.ledger.models import Allocation, Hold
from billing.ledger.store import LockedWallet
from billing.transactions import require_transaction
from plans import burn_order
from plans.catalog.schema import Catalog
from plans.catalog.values import Scalar


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
    held = Hold.objects.create(
        pk=hold_id,
        wallet_id=locked.id,
        reference=reference,
        amount_micros=amount_micros,
        created_at=locked.now,
        expires_at=lasts_until,
    )
    if lasts_until is not None:
        locked.timeline.timed.append(Timed(hold_id, lasts_until, tuple(parts)))
    store.write(locked)
    Allocation.objects.bulk_create(
        Allocation(
            hold=held,
            grant_id=part.grant_id,
            wallet_id=locked.id,
            position=position,
            amount_micros=part.amount_micros,
            created_at=locked.now,
        )
        for position, part in enumerate(parts)
    )
    return held


def capture(
    locked: LockedWallet, *, hold_id: str, amount_micros: int, cause: Cause, actor: Actor
) -> Hold:
    """Spend `amount_micros` of an open hold and give the rest back. A repeat changes nothing.

    What goes back to a grant that has ended meanwhile is expired, or given anew, as the catalog
    that the wallet was locked with says (`expiry_in_flight`).
    """
    require_transaction("ledger.capture")
    return _resolve(locked, hold_id, amount_micros, cause, actor)


def release(locked: LockedWallet, *, hold_id: str, cause: Cause, actor: Actor) -> Hold:
    """Give an open hold back to the very grants it came from. A repeat changes nothing.

    Of what costs nothing nothing comes back; its hold ends all the same. What goes back to a
    grant that has ended meanwhile: see `capture`.
    """
    require_transaction("ledger.release")
    return _resolve(locked, hold_id, None, cause, actor)


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
    locked: LockedWallet, hold_id: str, capture_micros: int | None, cause: Cause, actor: Actor
) -> Hold:
    """End the hold; None gives all of it back. One that has ended by itself stays as it is."""
    if locked.timeline.timed_out:
        store.write(locked)
    held = Hold.objects.get(pk=hold_id, wallet_id=locked.id)
    if held.state != Hold.State.OPEN:
        return held
    amount_micros = capture_micros or 0
    assert 0 <= amount_micros <= held.amount_micros
    given = held.allocations.order_by("position").values_list("grant_id", "amount_micros")
    parts = [Part(*one) for one in given]
    locked.timeline.resolve(
        hold_id=hold_id,
        parts=parts,
        capture_micros=amount_micros,
        cause=cause,
        actor=actor,
        in_flight=locked.catalog.expiry_in_flight,
    )
    is_spent = amount_micros > 0 or (capture_micros is not None and held.amount_micros == 0)
    held.state = Hold.State.CAPTURED if is_spent else Hold.State.RELEASED
    held.captured_micros = amount_micros
    held.settled_at = locked.now
    held.save(update_fields=["state", "captured_micros", "settled_at"])
    store.write(locked)
    return held
