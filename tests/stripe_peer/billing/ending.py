"""How a subscription stops: canceled for good, or paused until it is resumed."""

from tests.stripe_peer.billing import changes, changing, collecting, cycling, items, standing
from tests.stripe_peer.billing.periods import period_at
from tests.stripe_peer.refusals import Refused
from tests.stripe_peer.world import Thing, World

_PAUSABLE = ("active", "past_due")


def cancel(world: World, subscription: Thing, given: Thing) -> Thing:
    """End a subscription now; one that never began is `incomplete_expired`.

    Args:
        given: `prorate` credits the unused time; `invoice_now` invoices that and what has waited.
    """
    now = world.now(subscription["customer"])
    details = given.get("cancellation_details") or {}
    subscription["cancellation_details"] |= {key: value or None for key, value in details.items()}
    if subscription["status"] == "incomplete":
        cycling.expire(world, subscription, now)
        return subscription
    if given.get("prorate"):
        _credit_rest(world, subscription, now)
    if given.get("invoice_now"):
        _invoice_waiting(world, subscription, now)
    standing.end(world, subscription, now, why="cancellation_requested")
    return subscription


def pause(world: World, subscription: Thing, given: Thing) -> Thing:
    """Pause a subscription on demand; its unused time is credited unless it is not wanted.

    Raises:
        Refused: it is neither active nor past due, or a schedule manages it.
    """
    if subscription["status"] not in _PAUSABLE or subscription["schedule"] is not None:
        raise Refused(
            "This subscription cannot be paused: it must be active, and without a schedule."
        )
    now = world.now(subscription["customer"])
    unused = (given.get("bill_for") or {}).get("unused_time_from") or {}
    if unused.get("type", "now") != "none":
        since = items.period_of(subscription).start if "period" in unused.get("type", "") else now
        _credit_rest(world, subscription, since)
        if given.get("invoicing_behavior") == "invoice":
            _invoice_waiting(world, subscription, now)
    standing.pause(world, subscription, now, "pause_requested")
    return subscription


def resume(world: World, subscription: Thing, given: Thing) -> Thing:
    """Let a paused subscription go on; a new period is invoiced.

    Args:
        given: with `payment_behavior` "resume_on_payment_success" it stays paused until that
            invoice is paid; else it is active at once, and the invoice is collected later.

    Raises:
        Refused: it is not paused.
    """
    if subscription["status"] != "paused":
        raise Refused("This subscription is not paused, so it cannot be resumed.")
    now = world.now(subscription["customer"])
    kept = items.of(subscription)
    is_new = (given.get("billing_cycle_anchor") or {}).get("type", "now") == "now"
    if is_new:
        subscription["billing_cycle_anchor"] = now
    old = items.period_of(subscription)
    if not is_new and now < old.end:
        _go_on(world, subscription, given, now)
        return subscription
    period = period_at(subscription["billing_cycle_anchor"], items.interval_of(kept), now)
    items.set_period(kept, period)
    strict = given.get("payment_behavior") == "resume_on_payment_success"
    if not strict:
        standing.resume(world, subscription)
    invoice = cycling.invoice_period(world, subscription, now, "subscription_update")
    if strict:
        subscription["_resumes_with"] = invoice["id"]
        collecting.finalize(world, invoice, now)
        if invoice["status"] != "paid":
            collecting.attempt(world, invoice, now, by_itself=True)
    return subscription


def _go_on(world: World, subscription: Thing, given: Thing, now: int) -> None:
    """Let the same period go on; what its pause gave back is asked for again."""
    behavior = given.get("proration_behavior", "create_prorations")
    standing.resume(world, subscription)
    if not subscription.pop("_is_rest_credited", False) or behavior == "none":
        return
    rest = [changes.remaining(world, subscription, one, now) for one in items.of(subscription)]
    if behavior == "always_invoice":
        invoice = changing.invoice_now(world, subscription, rest, now)
        changing.collect_now(world, invoice, now, "allow_incomplete")
    else:
        changing.put_aside(world, subscription, rest, now)


def _credit_rest(world: World, subscription: Thing, now: int) -> None:
    credits_, debits = changes.unused(world, subscription, items.of(subscription), now)
    changes.mark(debits)
    subscription["_is_rest_credited"] = bool(credits_)
    changing.put_aside(world, subscription, credits_, now)


def _invoice_waiting(world: World, subscription: Thing, now: int) -> None:
    draft = changing.invoice_of(world, subscription, [], "subscription_update", now)
    if draft["lines"]["data"]:
        invoice = changing.invoice_now(world, subscription, [], now)
        changing.collect_now(world, invoice, now, "allow_incomplete")
