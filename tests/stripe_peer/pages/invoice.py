"""The hosted page of an invoice: what it asks for, and a card to pay it with."""

from html import escape

from tests.stripe_peer.billing import collecting
from tests.stripe_peer.money import worded
from tests.stripe_peer.objects import payment_methods
from tests.stripe_peer.pages.billing_words import billing_words, titled
from tests.stripe_peer.pages.layout import button, card_fields, digits_of, form
from tests.stripe_peer.pages.words import words_of
from tests.stripe_peer.refusals import Refused
from tests.stripe_peer.routing import Asked, Page, page
from tests.stripe_peer.world import Thing, World


@page("GET", "/i/{id}")
def show(world: World, asked: Asked) -> Page:
    """What it is for, what is due, and how it stands."""
    invoice = world.get("invoice", asked.ids["id"])
    return _shown(world, invoice, words_of(None, asked.languages))


@page("GET", "/i/{id}/pdf")
def show_for_print(world: World, asked: Asked) -> Page:
    """The same page: this emulator prints nothing."""
    return show(world, asked)


@page("POST", "/i/{id}")
def pay(world: World, asked: Asked) -> Page:
    """Pay it with a card (number, exp, cvc), which becomes the customer's."""
    invoice = world.get("invoice", asked.ids["id"])
    words = words_of(None, asked.languages)
    try:
        method = payment_methods.from_digits(world, digits_of(asked.params))
    except Refused as refusal:
        return _shown(world, invoice, words, error=str(refusal), status=402)
    if invoice["status"] not in ("open", "uncollectible"):
        return _shown(world, invoice, words)
    now = world.now(invoice["customer"])
    collecting.attempt(
        world,
        invoice,
        now,
        method=method["id"],
        off_session=False,
        return_url=invoice["hosted_invoice_url"],
    )
    intent = collecting.intent_of(world, invoice)
    if intent["status"] == "requires_action":
        return Page(location=f"{world.address}/authorize/{intent['id']}")
    why_not = collecting.refusal_of(world, invoice)
    if why_not is not None:
        return _shown(world, invoice, words, error=str(why_not), status=402)
    payment_methods.attach(world, method, world.get("customer", invoice["customer"]))
    return Page(location=invoice["hosted_invoice_url"])


def _shown(
    world: World, invoice: Thing, words: dict[str, str], *, error: str = "", status: int = 200
) -> Page:
    own = billing_words(words)
    rows = "".join(
        f"<tr><td>{escape(line['description'] or '')}</td>"
        f"<td>{escape(_amount(line['amount'], invoice['currency']))}</td></tr>"
        for line in invoice["lines"]["data"]
    )
    due = escape(_amount(invoice["amount_remaining"], invoice["currency"]))
    state = escape(invoice["status"])
    body = (
        f"<p>{escape(invoice['number'] or '')}</p><table>{rows}"
        f'<tr><td>{escape(own["due"])}</td><td id="total">{due}</td></tr></table>'
        f'<p>{escape(own["status"])}: <span id="status">{state}</span></p>'
    )
    if invoice["status"] in ("open", "uncollectible"):
        body += _asked_by_bank(world, invoice, own)
        send = button("action", "pay", f"{own['pay_invoice']} {due}")
        body += form(f"/i/{invoice['id']}", card_fields(words), send)
    return titled(words, "invoice", body, error=error, status=status)


def _asked_by_bank(world: World, invoice: Thing, own: dict[str, str]) -> str:
    intent = collecting.intent_of(world, invoice)
    if intent["status"] != "requires_action":
        return ""
    url = escape(f"{world.address}/authorize/{intent['id']}")
    return f'<p><a id="authenticate" href="{url}">{escape(own["authenticate"])}</a></p>'


def _amount(amount: int, currency: str) -> str:
    return f"-{worded(-amount, currency)}" if amount < 0 else worded(amount, currency)
