"""The customer portal: another card, the end of a subscription, and the end of that end."""

from datetime import UTC, datetime
from html import escape

from tests.stripe_peer.billing import ending, items, standing, updating
from tests.stripe_peer.billing.lines import product_name
from tests.stripe_peer.objects import payment_methods
from tests.stripe_peer.objects.portal import CONFIGURATION, SESSION
from tests.stripe_peer.pages.billing_words import billing_words, titled
from tests.stripe_peer.pages.layout import button, card_fields, digits_of, form
from tests.stripe_peer.pages.words import words_of
from tests.stripe_peer.refusals import Refused
from tests.stripe_peer.routing import Asked, Page, page
from tests.stripe_peer.world import Thing, World


@page("GET", "/p/session/{id}")
def show(world: World, asked: Asked) -> Page:
    """All that the customer has, or the one thing that a flow is for."""
    session = world.get(SESSION, asked.ids["id"])
    return _shown(world, session, words_of(session["locale"], asked.languages))


@page("POST", "/p/session/{id}")
def act(world: World, asked: Asked) -> Page:
    """Do `action`: card (number, exp, cvc), cancel, keep or confirm a `subscription`."""
    session = world.get(SESSION, asked.ids["id"])
    words = words_of(session["locale"], asked.languages)
    fields = asked.params
    try:
        if fields.get("action") == "card":
            _change_card(world, session, fields)
        else:
            _change_subscription(world, session, fields)
    except Refused as refusal:
        return _shown(world, session, words, error=str(refusal), status=402)
    after = (session["flow"] or {}).get("after_completion") or {}
    redirect = after.get("redirect")
    return Page(location=redirect["return_url"] if redirect else session["url"])


def _change_card(world: World, session: Thing, fields: Thing) -> None:
    """The new card is the customer's default, and that of what had a card of its own."""
    customer = world.get("customer", session["customer"])
    method = payment_methods.from_digits(world, digits_of(fields))
    payment_methods.attach(world, method, customer)
    method["_is_set_up"] = True
    before = {"invoice_settings": dict(customer["invoice_settings"])}
    customer["invoice_settings"]["default_payment_method"] = method["id"]
    world.emit("customer.updated", customer, before)
    for subscription in _subscriptions(world, customer["id"]):
        if subscription["default_payment_method"] is not None:
            standing.change(world, subscription, default_payment_method=method["id"])


def _change_subscription(world: World, session: Thing, fields: Thing) -> None:
    subscription = world.get("subscription", fields.get("subscription", ""))
    if subscription["customer"] != session["customer"]:
        raise Refused("This is another customer's subscription.")
    features = world.get(CONFIGURATION, session["configuration"])["features"]
    action = fields.get("action")
    if action == "cancel" and features["subscription_cancel"]["enabled"]:
        if features["subscription_cancel"]["mode"] == "immediately":
            ending.cancel(world, subscription, {})
        else:
            updating.update(world, subscription, {"cancel_at_period_end": True})
    elif action == "keep":
        updating.update(world, subscription, {"cancel_at_period_end": False})
    elif action == "confirm":
        updating.update(world, subscription, _confirmed(features, session))
    else:
        raise Refused(f"This portal does not let a customer {action}.")


def _confirmed(features: Thing, session: Thing) -> Thing:
    flow = (session["flow"] or {}).get("subscription_update_confirm")
    if flow is None:
        raise Refused("There is nothing to confirm.")
    wanted = {
        "items": flow["items"],
        "proration_behavior": features["subscription_update"]["proration_behavior"],
        "payment_behavior": "error_if_incomplete",
    }
    return wanted | ({"discounts": flow["discounts"]} if flow.get("discounts") else {})


def _shown(
    world: World, session: Thing, words: dict[str, str], *, error: str = "", status: int = 200
) -> Page:
    flow = (session["flow"] or {}).get("type")
    body = ""
    if flow in (None, "subscription_cancel", "subscription_update_confirm"):
        body += _plans(world, session, words)
    if flow in (None, "payment_method_update"):
        body += _card(world, session, words)
    if flow is None:
        body += _invoices(world, session, words)
    if session["return_url"]:
        label = escape(billing_words(words)["return"])
        body += f'<p><a id="return" href="{escape(session["return_url"])}">{label}</a></p>'
    return titled(words, "portal", body, error=error, status=status)


def _plans(world: World, session: Thing, words: dict[str, str]) -> str:
    own = billing_words(words)
    body = f"<h2>{escape(own['subscriptions'])}</h2>"
    for subscription in _subscriptions(world, session["customer"]):
        names = ", ".join(
            escape(product_name(world, item["price"])) for item in items.of(subscription)
        )
        is_ending = subscription["cancel_at"] is not None
        at = subscription["cancel_at"] or items.period_of(subscription).end
        day = datetime.fromtimestamp(at, UTC).date().isoformat()
        told = escape(own["ends" if is_ending else "renews"])
        body += f"<p>{names} ({escape(subscription['status'])}). {told} {day}.</p>"
        hidden = f'<input type="hidden" name="subscription" value="{subscription["id"]}">'
        body += form(
            f"/p/session/{session['id']}", hidden, _buttons(session, own, is_ending=is_ending)
        )
    return body


def _buttons(session: Thing, own: dict[str, str], *, is_ending: bool) -> str:
    if (session["flow"] or {}).get("type") == "subscription_update_confirm":
        return button("action", "confirm", own["confirm"])
    if is_ending:
        return button("action", "keep", own["keep_plan"])
    return button("action", "cancel", own["cancel_plan"])


def _card(world: World, session: Thing, words: dict[str, str]) -> str:
    own = billing_words(words)
    customer = world.get("customer", session["customer"])
    method = world.find(customer["invoice_settings"]["default_payment_method"] or "")
    body = f"<h2>{escape(own['new_card'])}</h2>"
    if method is not None and method["type"] == "card":
        body += f"<p>{escape(own['card_is'])} •••• {escape(method['card']['last4'])}</p>"
    save = button("action", "card", own["save_card"])
    return body + form(f"/p/session/{session['id']}", card_fields(words), save)


def _invoices(world: World, session: Thing, words: dict[str, str]) -> str:
    rows = "".join(
        f'<li><a href="{escape(one["hosted_invoice_url"])}">{escape(one["number"])}</a> '
        f"{escape(one['status'])}</li>"
        for one in world.all("invoice")
        if one["customer"] == session["customer"] and one["hosted_invoice_url"]
    )
    return f"<h2>{escape(billing_words(words)['invoices'])}</h2><ul>{rows}</ul>"


def _subscriptions(world: World, customer: str) -> list[Thing]:
    return [
        one
        for one in world.all("subscription")
        if one["customer"] == customer and one["status"] in standing.LIVING
    ]
