"""What becomes of a Checkout Session: reckoned, paid, completed, expired."""

from collections.abc import Callable
from typing import Final

from tests.stripe_peer import cards, paying
from tests.stripe_peer.billing.amounts import price_of, taken_off
from tests.stripe_peer.billing.discounts import coupon_of
from tests.stripe_peer.objects import customers, payment_methods, products
from tests.stripe_peer.paying import on_settled
from tests.stripe_peer.refusals import Refused, missing
from tests.stripe_peer.world import Thing, World

# Begins the subscription of a session with a payment method, and pays its first invoice.
Subscriber = Callable[[World, Thing, Thing], Thing]
_SUBSCRIBERS: Final[list[Subscriber]] = []


def subscriber(begin: Subscriber) -> Subscriber:
    """Make a function the one that begins the subscription of a session.

    It is called with the world, the session (`_items`, `_given["subscription_data"]`, `discounts`,
    `customer`) and a payment method that is attached, and whose holder has authenticated. It
    returns the subscription, whose `latest_invoice` is its first.
    """
    _SUBSCRIBERS.append(begin)
    return begin


# -- what it costs -----------------------------------------------------------------------------
def items_of(world: World, given: Thing) -> list[Thing]:
    """Return the line items that a session is asked to have.

    Raises:
        Refused: an inactive price, a price that does not fit the mode, two currencies.
    """
    items = [
        _item(world, wanted, f"line_items[{place}]")
        for place, wanted in enumerate(given["line_items"])
    ]
    recurring = [item for item in items if item["price"]["recurring"]]
    if given["mode"] == "payment" and recurring:
        raise Refused(
            "You specified `payment` mode but passed a recurring price. Either switch to "
            "`subscription` mode or use only one-time prices.",
            param="mode",
        )
    if given["mode"] == "subscription" and not recurring:
        raise Refused(
            "You must provide at least one recurring price in `subscription` mode when using "
            "prices.",
            param="mode",
        )
    if len({item["currency"] for item in items}) > 1:
        raise Refused("All line items must have the same currency.", param="line_items")
    return items


def reckon(world: World, session: Thing) -> None:
    """Write what is to be paid today into a session and its items.

    A trial's recurring prices are to be paid later, so they count as nothing.
    """
    data = session["_given"].get("subscription_data", {})
    is_trial = "trial_period_days" in data or "trial_end" in data
    items = session["_items"]
    for item in items:
        is_later = is_trial and item["price"]["recurring"]
        item["amount_subtotal"] = 0 if is_later else price_of(item["price"], item["quantity"])
    left = [item["amount_subtotal"] for item in items]
    for wanted in session["discounts"]:
        named = {key: value for key, value in wanted.items() if value}
        coupon = coupon_of(world, named, session["customer"], world.now(session["customer"]))
        off = taken_off(coupon, left, session["currency"])
        left = [amount - part for amount, part in zip(left, off, strict=True)]
    for item, total in zip(items, left, strict=True):
        item["amount_total"] = total
        item["amount_discount"] = item["amount_subtotal"] - total
    session["amount_subtotal"] = sum(item["amount_subtotal"] for item in items)
    session["amount_total"] = sum(left)
    discount = session["amount_subtotal"] - session["amount_total"]
    session["total_details"] = {"amount_discount": discount, "amount_shipping": 0, "amount_tax": 0}


def change(world: World, session: Thing, fields: Thing) -> None:
    """Apply what a payer chose on the page: quantities that are adjustable, a promotion code.

    Raises:
        Refused: a quantity out of bounds, or no such code.
    """
    for item in session["_items"]:
        bounds = item["adjustable_quantity"]
        given = fields.get(f"quantity_{item['id']}")
        if bounds is None or not bounds["enabled"] or not given:
            continue
        if not given.isdecimal() or not bounds["minimum"] <= int(given) <= bounds["maximum"]:
            raise Refused(f"The quantity must be {bounds['minimum']} to {bounds['maximum']}.")
        item["quantity"] = int(given)
    words = fields.get("promotion_code", "").strip()
    if words and session["allow_promotion_codes"]:
        known = [
            code
            for code in world.all("promotion_code")
            if code["active"] and code["code"].lower() == words.lower()
        ]
        if not known:
            raise Refused(f"The code {words} is invalid.")
        session["discounts"] = [{"coupon": None, "promotion_code": known[-1]["id"]}]
    reckon(world, session)


# -- how it is paid ----------------------------------------------------------------------------
def pay(world: World, session: Thing, method: Thing, *, is_authenticated: bool = False) -> str:
    """Try to pay a session; return where the payer's browser goes now.

    Raises:
        Refused: 402; the card is declined, and the session is still open.
    """
    if session["mode"] == "subscription":
        return _subscribe(world, session, method, is_authenticated=is_authenticated)
    if session["amount_total"] == 0:
        complete(world, session, "no_payment_required")
        return success_url(session)
    intent = _intent_of(world, session)
    paying.confirm(world, intent, method, return_url=success_url(session))
    if intent["last_payment_error"] is not None:
        raise paying.refusal_of(intent)
    if intent["status"] == "requires_action":
        return f"{world.address}/authorize/{intent['id']}"
    return success_url(session)


def answer_challenge(world: World, session: Thing, *, is_passed: bool) -> str:
    """Go on after the bank asked the holder in subscription mode; return where he goes now.

    Raises:
        Refused: 402; he did not authenticate, or the card is declined all the same.
    """
    method = world.get("payment_method", session["_method"] or "")
    if not is_passed:
        raise payment_methods.card_error(cards.CHALLENGE_FAILED)
    method["_is_set_up"] = True
    return pay(world, session, method, is_authenticated=True)


def complete(world: World, session: Thing, payment_status: str) -> None:
    """End a session well, and tell it."""
    session |= {"status": "complete", "payment_status": payment_status, "url": None}
    world.emit("checkout.session.completed", session)


def expire(world: World, session: Thing) -> Thing:
    """End a session that nobody paid, and tell it."""
    session |= {"status": "expired", "url": None}
    intent = world.find(session["_intent"] or "")
    if intent is not None and intent["status"] in ("requires_payment_method", "requires_action"):
        paying.cancel(world, intent, "automatic")
    world.emit("checkout.session.expired", session)
    return session


def success_url(session: Thing) -> str:
    """Return where a payer goes who has paid."""
    return str(session["success_url"]).replace("{CHECKOUT_SESSION_ID}", session["id"])


def know_payer(world: World, session: Thing, email: str, name: str, country: str = "US") -> None:
    """Keep who pays, as he has typed it in; a customer without an address has his from then on."""
    customer = world.find(session["customer"] or "") or {}
    if customer and not customer["email"] and email:
        customer["email"] = email
        world.emit("customer.updated", customer, {"email": None})
    address = {
        "city": None,
        "country": country,
        "line1": None,
        "line2": None,
        "postal_code": None,
        "state": None,
    }
    session["customer_details"] = {
        "address": address,
        "business_name": None,
        "email": session["customer_email"] or customer.get("email") or email,
        "individual_name": None,
        "name": name or customer.get("name"),
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": [],
    }


@on_settled
def hear(world: World, intent: Thing) -> None:
    """Let a session know what became of its payment."""
    session = world.find(intent.get("_session") or "")
    if session is None or intent["status"] == "canceled":
        return
    is_paid = intent["status"] == "succeeded"
    if session["status"] == "open" and is_paid:
        _keep_method(world, session, intent)
        complete(world, session, "paid")
    elif session["status"] == "complete":
        session["payment_status"] = "paid" if is_paid else "unpaid"
        word = "succeeded" if is_paid else "failed"
        world.emit(f"checkout.session.async_payment_{word}", session)


def _intent_of(world: World, session: Thing) -> Thing:
    """Return the intent of a session that is being paid; a second try uses the first's."""
    _ensure_customer(world, session)
    known = world.find(session["_intent"] or "")
    if known is not None and known["amount"] == session["amount_total"]:
        return known
    data = session["_given"].get("payment_intent_data", {})
    wanted = {
        **data,
        "amount": session["amount_total"],
        "currency": session["currency"],
        "customer": session["customer"],
    }
    intent = paying.make(world, wanted, _session=session["id"])
    intent["payment_method_types"] = session["payment_method_types"]
    session |= {"payment_intent": intent["id"], "_intent": intent["id"]}
    return intent


def _subscribe(world: World, session: Thing, method: Thing, *, is_authenticated: bool) -> str:
    card = cards.card_of(method)
    if not is_authenticated and cards.must_ask(method, is_off_session=False):
        session["_method"] = method["id"]
        return f"{world.address}/authorize/{session['id']}"
    if card.decline is not None and (session["amount_total"] > 0 or not card.is_attachable):
        raise payment_methods.card_error(card.decline, payment_method=method["id"])
    if not _SUBSCRIBERS:
        raise Refused("This emulator has no subscriptions.")
    _ensure_customer(world, session)
    payment_methods.attach(world, method, world.get("customer", session["customer"]))
    subscription = _SUBSCRIBERS[0](world, session, method)
    session |= {"subscription": subscription["id"], "invoice": subscription["latest_invoice"]}
    complete(world, session, "paid" if session["amount_total"] else "no_payment_required")
    return success_url(session)


def _ensure_customer(world: World, session: Thing) -> None:
    if session["customer"] is not None or session["customer_creation"] != "always":
        return
    who = session["customer_details"] or {}
    customer = customers.make(world, {"email": who.get("email"), "name": who.get("name")})
    session["customer"] = customer["id"]


def _keep_method(world: World, session: Thing, intent: Thing) -> None:
    if intent["setup_future_usage"] and session["customer"]:
        method = world.get("payment_method", intent["payment_method"])
        payment_methods.attach(world, method, world.get("customer", session["customer"]))


def _item(world: World, wanted: Thing, param: str) -> Thing:
    if ("price" in wanted) == ("price_data" in wanted):
        raise missing(f"{param}[price]")
    if "quantity" not in wanted:
        raise missing(f"{param}[quantity]")
    if "price" in wanted:
        price = world.get("price", wanted["price"], f"{param}[price]")
        if not price["active"]:
            raise Refused(
                "The price specified is inactive. This field only accepts active prices.",
                param=f"{param}[price]",
            )
    else:
        price = products.make_price(world, {**wanted["price_data"], "active": False})
    product = world.get("product", price["product"])
    if not product["active"]:
        raise Refused(
            f"Product {product['id']} is not active, so no new purchases can be made of it.",
            param=f"{param}[price]",
        )
    bounds = wanted.get("adjustable_quantity")
    return {
        "id": world.new_id("li"),
        "object": "item",
        "adjustable_quantity": bounds and {"minimum": 1, "maximum": 99, **bounds},
        "amount_discount": 0,
        "amount_subtotal": 0,
        "amount_tax": 0,
        "amount_total": 0,
        "currency": price["currency"],
        "description": product["name"],
        "metadata": wanted.get("metadata", {}),
        "price": price,
        "quantity": wanted["quantity"],
    }
