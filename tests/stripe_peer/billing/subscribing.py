"""The subscription that a Checkout Session begins."""

from tests.stripe_peer import checkout
from tests.stripe_peer.billing import beginning
from tests.stripe_peer.world import Thing, World

_PASSED_ON = (
    "billing_cycle_anchor",
    "billing_mode",
    "description",
    "metadata",
    "proration_behavior",
    "trial_end",
    "trial_period_days",
    "trial_settings",
)


@checkout.subscriber
def begin(world: World, session: Thing, method: Thing) -> Thing:
    """Begin what a session sells, and pay its first invoice with the method on the page.

    Raises:
        Refused: the card was refused; nothing has begun.
    """
    data = session["_given"].get("subscription_data") or {}
    recurring = [item for item in session["_items"] if item["price"]["recurring"]]
    once = [item for item in session["_items"] if not item["price"]["recurring"]]
    given = {name: data[name] for name in _PASSED_ON if name in data} | {
        "customer": session["customer"],
        "items": [_wanted(item) for item in recurring],
        "add_invoice_items": [_wanted(item) for item in once],
        "default_payment_method": method["id"],
        "discounts": [
            {name: value for name, value in one.items() if value} for one in session["discounts"]
        ],
        "payment_behavior": "error_if_incomplete",
    }
    presence = beginning.Presence(off_session=False, is_authenticated=True, checkout=session["id"])
    return beginning.begin(world, given, presence)


def _wanted(item: Thing) -> Thing:
    return {"price": item["price"]["id"], "quantity": item["quantity"], "_is_on_page": True}
