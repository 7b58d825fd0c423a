"""What an account sets in Stripe's dashboard, and a test by a knob: how invoices are retried."""

from tests.stripe_peer.billing.collecting import SETTINGS
from tests.stripe_peer.billing.retries import OUTCOMES, Retries
from tests.stripe_peer.routing import Asked, knob
from tests.stripe_peer.world import Thing, World


@knob("POST", "/billing/retries")
def set_retries(world: World, asked: Asked) -> Thing:
    """Try declined invoices again after these `days`, and make of the subscription `outcome`.

    Raises:
        ValueError: there is no such outcome.
    """
    outcome = asked.params.get("outcome", Retries().outcome)
    if outcome not in OUTCOMES:
        raise ValueError(f"There is no outcome {outcome}; there are: {', '.join(OUTCOMES)}.")
    kept = {"days": list(asked.params.get("days", Retries().days)), "outcome": outcome}
    world.kinds.setdefault(SETTINGS, {})["retries"] = kept
    return kept
